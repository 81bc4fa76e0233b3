"""A dual pathway in the manner of rECGnition, with patient data fused by canonical correlation.

rECGnition_v2.0, self-attentive canonical fusion of ECG and patient data, arXiv:2502.16255 (2025).
The penalty: Chang, Xiang, Hospedales, "Scalable and Effective Deep CCA via Soft Decorrelation",
CVPR 2018.

Differs from the paper: known to us are its parts (a global and a local pathway of depthwise
separable convolutions, patient data, self-attention over canonical projections), not its layers,
which are ours. The paper's patient data include medication; here they are age and sex.

A warning: on few people, age and sex name the person, and the penalty asks the ECG's features to
tell age and sex, too. What such a net gains on beats of people it has trained on proves nothing;
`training.patients` holds the check. In training the data of every second beat are withheld.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models._layers import convolution, head, join, maps, sequence, standardiser
from einthoven.record.errors import UsageError

_PAPER = "rECGnition_v2.0 2025, arXiv:2502.16255"
_STEM, _STEM_KERNEL = 24, 15
# (channels out, stride) of each depthwise-separable block, after the stem of stride 2.
_LOCAL, _LOCAL_KERNEL = ((48, 2), (64, 2), (64, 1)), 5
_GLOBAL, _GLOBAL_KERNEL = ((48, 1), (64, 1)), 25
_THIN = 4  # samples of the stem's maps that become one for the global pathway
_WIDTH = 64  # of a token
_CANONICAL = 16  # pairs of canonical projections
_HEADS, _TOKENS = 4, 4


def _stage(channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    first = convolution(channels, out, kernel, stride, groups=groups)
    return [first, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


def _pathway(blocks: Sequence[tuple[int, int]], kernel: int) -> list[nn.Module]:
    layers, channels = [], _STEM
    for out, stride in blocks:
        layers += _stage(channels, channels, kernel, stride, groups=channels)
        layers += _stage(channels, out, 1, 1)
        channels = out
    return layers


def canonical_penalty(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return how far two sets of projections are from canonical ones, 0 at best.

    A column of one set should correlate by 1 over the batch with its partner, and by 0 with the
    other columns of its own set: the mean of 1 - correlation over the partners, plus the mean
    absolute correlation of two columns of a set.

    Parameters
    ----------
    one, other : (batch, column). A batch of fewer than two has no penalty.
    """
    count, columns = one.shape
    if count < 2:
        return one.sum() * 0
    sides = [part - part.mean(dim=0) for part in (one, other)]
    sides = [part / (part.square().sum(dim=0) + 1e-6).sqrt() for part in sides]
    between = 1 - (sides[0] * sides[1]).sum(dim=0)
    pairs = columns * (columns - 1) / 2
    within = [torch.triu(part.T @ part, diagonal=1).abs().sum() / pairs for part in sides]
    return between.mean() + (within[0] + within[1]) / 2


class CanonicalFusion(nn.Module):
    """Self-attention over four tokens: ECG, patient, and the canonical projection of each.

    Parameters
    ----------
    numbers : of the patient.
    withheld : share of beats whose patient is not told in training.
    """

    def __init__(self, numbers: int, withheld: float) -> None:
        super().__init__()
        self._withheld = withheld
        self.patient = nn.Sequential(nn.Linear(numbers, 16), nn.ReLU(), nn.Linear(16, _WIDTH))
        self.down = nn.ModuleList([nn.Linear(_WIDTH, _CANONICAL, bias=False) for _ in range(2)])
        self.up = nn.ModuleList([nn.Linear(_CANONICAL, _WIDTH) for _ in range(2)])
        self.before = nn.LayerNorm(_WIDTH)
        # A key's offset is the same for all tokens and is lost in the softmax.
        self.query, self.value = nn.Linear(_WIDTH, _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        self.key = nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.out = nn.Linear(_WIDTH, _WIDTH)

    def forward(
        self, ecg: torch.Tensor, patient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what was fused, (batch, 64), and the canonical penalty, 0 in evaluation.

        Parameters
        ----------
        ecg : (batch, 64).
        patient : (batch, number), all 0 where nothing is known.
        """
        told = None
        if self.training and self._withheld:
            told = torch.rand(len(patient), 1, device=patient.device) >= self._withheld
            patient = patient * told
        person = self.patient(patient)
        low = [down(token) for down, token in zip(self.down, (ecg, person), strict=True)]
        high = [up(token) for up, token in zip(self.up, low, strict=True)]
        tokens = torch.stack([ecg, person, *high], dim=1)
        penalty = torch.zeros(())
        if self.training:
            seen = [part if told is None else part[told[:, 0]] for part in low]
            penalty = canonical_penalty(seen[0], seen[1])
        return (tokens + self._attend(self.before(tokens))).mean(dim=1), penalty

    def _attend(self, tokens: torch.Tensor) -> torch.Tensor:
        def heads(part: torch.Tensor) -> torch.Tensor:
            return part.reshape(-1, _TOKENS, _HEADS, _WIDTH // _HEADS).transpose(1, 2)

        query, key, value = (heads(f(tokens)) for f in (self.query, self.key, self.value))
        weight = (query @ key.transpose(2, 3) / (_WIDTH // _HEADS) ** 0.5).softmax(dim=3)
        mixed: torch.Tensor = self.out((weight @ value).transpose(1, 2).flatten(2))
        return mixed


class Recognition(nn.Module):
    """Stem, a local and a global pathway, fusion with patient data, linear head.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    patient : how many of the side numbers, the last ones, are the patient's.
    withheld : share of beats whose patient is not told in training.
    weight : of the canonical penalty in the loss.
    dropout : share of the fused features dropped in training.
    """

    def __init__(
        self, leads: int, classes: int, side: int, *, patient: int, withheld: float, weight: float,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stem = sequence(*_stage(leads, _STEM, _STEM_KERNEL, 2))
        self.local = sequence(*_pathway(_LOCAL, _LOCAL_KERNEL))
        self.wide = sequence(
            nn.AvgPool2d((1, _THIN), ceil_mode=True, count_include_pad=False),
            *_pathway(_GLOBAL, _GLOBAL_KERNEL),
        )
        self.ecg = nn.Linear(_LOCAL[-1][0] + _GLOBAL[-1][0], _WIDTH)
        self._patient, self._weight = patient, weight
        self.fusion = CanonicalFusion(patient, withheld) if patient else None
        rest = side - patient
        self.scale = standardiser(rest)
        self.head = head(_WIDTH + rest, 0, classes, dropout)
        self._penalty = torch.zeros(())

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, position): the maps of both pathways, local ones first."""
        stem = maps(self.stem, window)
        return torch.cat([maps(self.local, stem), maps(self.wide, stem)], dim=1)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        fused = functional.relu(self.ecg(self.features(window).mean(dim=2)))
        rest = side
        if self.fusion is not None:
            assert side is not None, "this network eats patient data, too"
            rest, patient = side[:, : -self._patient], side[:, -self._patient :]
            fused, penalty = self.fusion(fused, patient)
            self._penalty = self._weight * penalty
        logits: torch.Tensor = self.head(join(fused, self.scale, rest))
        return logits

    def penalty(self) -> torch.Tensor:
        """Return the weighted canonical penalty of the last forward; 0 in evaluation."""
        return self._penalty


def recognition(
    *, leads: int, time: int, classes: int, side: int, patient: int = 0, withheld: float = 0.5,
    weight: float = 0.1, dropout: float = 0.2,
) -> Recognition:  # fmt: skip
    """Build it. Any `time` fits; without patient data there is nothing to fuse.

    Raises
    ------
    UsageError : there are fewer side numbers than the patient should have, or a share is none.
    """
    del time
    if not 0 <= patient <= side:
        fault = f"is {patient}, but there are {side} side numbers"
        raise UsageError("model.patient", fault, 'Put "patient" last in input.side')
    if not 0 <= withheld < 1:
        raise UsageError("model.withheld", f"is {withheld}", "Give a share below 1")
    return Recognition(
        leads, classes, side, patient=patient, withheld=withheld, weight=weight, dropout=dropout
    )


MODELS.add(
    "recognition",
    Entry(build=recognition, title="Dual pathway with canonical fusion of patient data",
          paper=_PAPER, shape=(1, 360, 5)),
)  # fmt: skip
