"""Period-aware network: what each beat looks like, and how the beats follow each other.

After the inter- and intra-period aware self-supervision for atrial fibrillation of arXiv:2410.18094
(2024), of which only the abstract is known: a task within the beats (the stable shape, the P wave)
and one between them (the irregular intervals) teach without labels. Layers, sizes and tasks are
ours. A beat encoder f of three convolutions; a GRU g over (f(beat), RR) that sees nothing of what
comes; the mean of its states. Its figures are of recordings that are not public.
"""

from __future__ import annotations

import torch
from torch import nn

BEAT, STATE = 64, 96  # numbers that f says of a beat; of a state of g
BINS = 16  # of the next interval
SHAPE = 48  # numbers in which two beats are held against each other
_WIDTHS, _GROUPS = (24, 48, 64), 4
_STEP = 64  # beats; each other number of them would cost a plan of the convolutions of its own
_SIZE, _NUMBERS, _MASKED = 64, 3, 15
_CLIP = 3.0  # medians, and seconds, beyond which an interval is no longer


class BeatEncoder(nn.Module):
    """Three convolutions that halve the time, then one linear layer: (beat, 64) to (beat, 64).

    Each beat is normalised by itself, so that it is said the same in whatever company.
    """

    def __init__(self) -> None:
        super().__init__()
        one, two, three = _WIDTHS
        self.body = nn.Sequential(
            nn.Conv1d(1, one, 7, 2, 3), nn.GroupNorm(_GROUPS, one), nn.ReLU(),
            nn.Conv1d(one, two, 5, 2, 2), nn.GroupNorm(_GROUPS, two), nn.ReLU(),
            nn.Conv1d(two, three, 5, 2, 2), nn.GroupNorm(_GROUPS, three), nn.ReLU(),
            nn.Flatten(), nn.Linear(three * _SIZE // 8, BEAT), nn.LayerNorm(BEAT),
        )  # fmt: skip

    def forward(self, period: torch.Tensor) -> torch.Tensor:
        """Return what is said of each beat; an empty table for no beat."""
        count = len(period)
        if not count:
            return period.new_zeros(0, BEAT)
        full = nn.functional.pad(period, (0, 0, 0, -count % _STEP))
        found: torch.Tensor = self.body(full[:, None])[:count]
        return found


class PeriodAware(nn.Module):
    """Periods and intervals to logits.

    Parameters
    ----------
    classes : their number.
    dropout : share of the mean state that is dropped in training.
    """

    def __init__(self, classes: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.encoder = BeatEncoder()
        self.memory = nn.GRU(BEAT + _NUMBERS, STATE, 2, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(STATE, classes)

    def beats(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (strip, place, 64) what f says of each beat, 0 where there is none."""
        there = _there(side)
        found = window.new_zeros(*there.shape, BEAT)
        found[there] = self.encoder(window[there])
        return found

    def states(self, beats: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (strip, place, 96) the states of g, each of its beat and those before it.

        A beat gives f's numbers, its interval in seconds and in medians, and by how many medians
        that is longer than the one before.
        """
        _, seconds, relative = numbers_of(side).unbind(2)
        relative = relative.clamp(max=_CLIP)
        known = relative > 0
        change = torch.zeros_like(relative)
        change[:, 1:] = (relative[:, 1:] - relative[:, :-1]) * (known[:, 1:] & known[:, :-1])
        centred = torch.where(known, relative - 1, relative)
        told = torch.stack([seconds.clamp(max=_CLIP), 4 * centred, 4 * change], dim=2)
        found: torch.Tensor = self.memory(torch.cat([beats, told], dim=2))[0]
        return found

    def features(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (strip, 96, place) the states of g."""
        return self.states(self.beats(window, side), side).transpose(1, 2)

    def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (strip, class) logits; those of a strip without a beat say nothing of it.

        Parameters
        ----------
        window, side : (strip, place, 64) and (strip, 3 x place), see `inputs.periods.laid`.
        """
        pooled = mean_of(self.features(window, side).transpose(1, 2), side)
        found: torch.Tensor = self.head(self.drop(pooled))
        return found


class Pretext(nn.Module):
    """The network with what it needs to be taught without labels.

    Parameters
    ----------
    net : is taught.

    Attributes
    ----------
    shape : f's numbers to those in which two beats are held against each other.
    mend : f's numbers of a beat without its P wave, and their mean over the strip's other beats,
        to the 15 samples that were taken out. The others are ours: nobody can tell somebody's P
        wave from a QRS alone, and so f has to keep what it sees of it.
    next : a state of g to the logits of 16 bins of the next interval.
    order : the mean state to a logit, over 0 for beats that stand in their own order.
    edges : (15,) borders of the bins, in medians; from what is learnt from.
    """

    def __init__(self, net: PeriodAware) -> None:
        super().__init__()
        self.net = net
        self.shape = nn.Linear(BEAT, SHAPE)
        self.mend = nn.Sequential(nn.Linear(2 * BEAT, 128), nn.ReLU(), nn.Linear(128, _MASKED))
        self.next = nn.Linear(STATE, BINS)
        self.order = nn.Linear(STATE, 1)
        self.register_buffer("edges", torch.linspace(0.6, 1.4, BINS - 1))


def numbers_of(side: torch.Tensor) -> torch.Tensor:
    """Return (strip, place, 3) of (strip, 3 x place)."""
    return side.view(len(side), side.shape[1] // _NUMBERS, _NUMBERS)


def _there(side: torch.Tensor) -> torch.Tensor:
    return side[:, ::_NUMBERS] > 0


def mean_of(states: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
    """Return (strip, number) the mean over the beats of (strip, place, number); 0 of no beat."""
    there = _there(side).to(states.dtype)
    return (states * there[:, :, None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
