"""What the net of the waves is told to make small: sums over samples, edges, and whole waves.

Boundary Dice and F1-instance: Jimenez-Perez, Acosta, Alcaine, Camara 2024, Generalizing
electrocardiogram delineation (10.3389/fcvm.2024.1341786). Differs from the paper: samples whose
truth is not known are left out of every sum; the waves weigh alike (there P weighs 1.5).

All functions take `p` (batch, 3, time), the probabilities of P, QRS and T; `truth` of the same
shape, 1 inside the wave; and `known` (batch, time), 1 where somebody marked. They return a number
between 0 (all right) and about 1, a mean over the three waves; a wave that neither occurs nor is
claimed is all right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from einthoven.record.errors import UsageError

REACH = 5  # samples at 250 Hz, half of the paper's kernel of 11
_SMOOTH = 1.0


def dice(p: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return 1 less twice the overlap by the sum of both sizes, over the whole batch."""
    p, truth = p * known[:, None], truth * known[:, None]
    overlap = (p * truth).sum((0, 2))
    size = (p + truth).sum((0, 2))
    return (1 - (2 * overlap + _SMOOTH) / (size + _SMOOTH)).mean()


def edges(mask: torch.Tensor, reach: int = REACH) -> torch.Tensor:
    """Return |mask[t + reach] - mask[t - reach]|: near 1 around the edges of a mask.

    Beyond the ends of the window the mask is what it was there.
    """
    wide = F.pad(mask, (reach, reach), mode="replicate")
    return (wide[..., 2 * reach :] - wide[..., : -2 * reach]).abs()


def boundary(p: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the Dice loss of the `edges` of both masks."""
    return dice(edges(p), edges(truth), known)


def instances(mask: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return (batch, 3) how many waves a mask has: every whole one has an edge at either end.

    A sharp edge moves the difference over two samples by 1 at two places, hence the 4.
    """
    return (edges(mask, 1) * known[:, None]).sum(2) / 4


def instance(p: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return 1 less the F1 score of the number of waves in each window."""
    claimed, there = instances(p, known), instances(truth, known)
    hit = torch.minimum(claimed, there)
    extra, missed = F.relu(claimed - there), F.relu(there - claimed)
    return (1 - (2 * hit + _SMOOTH) / (2 * hit + extra + missed + _SMOOTH)).mean()


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What each term weighs; the keys of ``[model] losses``.

    Attributes
    ----------
    cross_entropy, dice, boundary, instance : of each term; a term of 0 is not computed.
    ramp : share of the epochs over which the last two grow from 0 to their weight.
    """

    cross_entropy: float = 1.0
    dice: float = 1.0
    boundary: float = 0.0
    instance: float = 0.0
    ramp: float = 0.25

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if type(value) not in (int, float) or not value >= 0:
                raise UsageError(f"model.losses.{name}", f"is {value!r}", "Give 0 or more")
        if self.cross_entropy + self.dice + self.boundary + self.instance == 0:
            raise UsageError("model.losses", "are all 0", "Give one of them a weight")


def loss(
    logits: torch.Tensor, mask: torch.Tensor, known: torch.Tensor, weights: Weights, grown: float
) -> torch.Tensor:
    """Return the weighed sum of the terms.

    Parameters
    ----------
    logits : (batch, 4, time) of none, P, QRS and T.
    mask : (batch, time) int64, 0 to 3.
    known : (batch, time) 1 where the mask is known, else 0.
    weights, grown : what the terms weigh, and how far boundary and instance have grown, 0 to 1.
    """
    logits = logits.float()
    terms: Mapping[str, float] = {
        "dice": weights.dice,
        "boundary": weights.boundary * grown,
        "instance": weights.instance * grown,
    }
    found = logits.new_zeros(())
    if weights.cross_entropy:
        each = F.cross_entropy(logits, mask, reduction="none")
        found = found + weights.cross_entropy * (each * known).sum() / known.sum().clamp(min=1)
    if any(terms.values()):
        p = logits.softmax(1)[:, 1:]
        truth = F.one_hot(mask, logits.shape[1]).movedim(2, 1)[:, 1:].to(p.dtype)
        for name, weight in terms.items():
            if weight:
                found = found + weight * _TERMS[name](p, truth, known)
    return found


_TERMS = {"dice": dice, "boundary": boundary, "instance": instance}
