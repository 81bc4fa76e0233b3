"""What the period-aware network is asked without labels: within the beats, and between them."""

from __future__ import annotations

import torch
from torch.nn import functional

from einthoven.inputs.periods import NUMBERS, P_WAVE
from einthoven.models.period_aware import Pretext, mean_of, numbers_of

TEMPERATURE = 0.1
SEEN = 0.45  # seconds; a nearer next beat begins within the period that it is foretold from


def alike(one: torch.Tensor, two: torch.Tensor, owner: torch.Tensor) -> torch.Tensor:
    """InfoNCE (van den Oord et al. 2018, arXiv:1807.03748), both ways, of directions at 0.1.

    Parameters
    ----------
    one, two : (strip, number) two beats of each strip.
    owner : (strip,) whose strip; others of the same record are no negatives.
    """
    first, second = (functional.normalize(part, dim=1) for part in (one, two))
    near = first @ second.T / TEMPERATURE
    same = owner[:, None] == owner[None, :]
    near = near.masked_fill(same & ~torch.eye(len(owner), dtype=torch.bool), float("-inf"))
    own = torch.arange(len(owner))
    return (functional.cross_entropy(near, own) + functional.cross_entropy(near.T, own)) / 2


def foretold(logits: torch.Tensor, side: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of the bin of each next interval, nats; 0 where none is asked.

    Parameters
    ----------
    logits : (strip, place, bin), of place k for the interval that ends at beat k + 1.
    side : (strip, 3 x place), see `inputs.periods.laid`. Intervals under `SEEN` are not asked.
    edges : (bin - 1,) medians.
    """
    _, seconds, relative = numbers_of(side).unbind(2)
    asked = seconds[:, 1:] >= SEEN
    target = torch.bucketize(relative[:, 1:].contiguous(), edges)
    each = functional.cross_entropy(logits[:, :-1][asked], target[asked], reduction="sum")
    mean: torch.Tensor = each / asked.sum().clamp(min=1)
    return mean


def tasks(net: Pretext, batch: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
    """Return the loss of each task of a batch of `PretextStrips`.

    ``alike``, ``p_wave`` (mean square of what was taken out), ``next``, ``order`` (nats).
    """
    window, side, owner, pair, masked, order, moved = batch
    rows = torch.arange(len(window))
    beats = net.net.beats(window, side)
    one, two = (net.shape(beats[rows, pair[:, k]]) for k in (0, 1))
    blank = window[rows, masked].clone()
    truth = blank[:, P_WAVE].clone()
    blank[:, P_WAVE] = 0
    count = side[:, ::NUMBERS].sum(1, keepdim=True)
    others = (beats.sum(1) - beats[rows, masked]) / (count - 1).clamp(min=1)
    guess = net.mend(torch.cat([net.net.encoder(blank), others], dim=1))
    stood = numbers_of(side)
    stood = stood.gather(1, order[:, :, None].expand(-1, -1, NUMBERS)).flatten(1)
    placed = beats.gather(1, order[:, :, None].expand(-1, -1, beats.shape[2]))
    states = net.net.states(placed, stood)
    own = moved == 0
    said = net.order(mean_of(states, side))[:, 0]
    return {
        "alike": alike(one, two, owner),
        "p_wave": functional.mse_loss(guess, truth),
        "next": foretold(net.next(states[own]), side[own], torch.as_tensor(net.edges)),
        "order": functional.binary_cross_entropy_with_logits(said, 1 - moved),
    }
