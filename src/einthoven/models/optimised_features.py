"""Multi-lead network with optimised features: a deep half a lead, a wide half of measured numbers.

Challagundla, "Advanced Neural Network Architecture for Enhanced Multi-Lead ECG Arrhythmia Detection
through Optimized Feature Extraction" (2024).

Differs from the paper: of it we know title and summary alone, so all layers are ours: the same
residual convolutions for each lead, leads weighed against each other, and behind them the side
numbers of the recipe (intervals, amplitudes, energies) on one scale, joined by 64 hidden features.
Which numbers are worth giving is the recipe's question, to be answered on validation patients.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Challagundla 2024, optimised feature extraction"
_KERNEL = 15
_WIDTHS = (32, 64, 128, 128)  # each halves the time
_SCORE = 32


class _Step(nn.Module):
    """One long convolution that halves the time, and a 1-sample convolution past it."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.way = nn.Sequential(layers.convolution(channels, out, _KERNEL, 2), nn.BatchNorm2d(out))
        self.past = nn.Sequential(layers.convolution(channels, out, 1, 2), nn.BatchNorm2d(out))

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, time / 2) of (batch, channel, 1, time)."""
        return torch.relu(self.way(before) + self.past(before))


class OptimisedFeatures(nn.Module):
    """Four residual steps on each lead, mean over time, weighted mean over leads, side numbers.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    dropout : share of the joined features dropped in training.
    """

    def __init__(self, leads: int, classes: int, side: int, *, dropout: float) -> None:
        super().__init__()
        steps, channels = [], 1
        for out in _WIDTHS:
            steps.append(_Step(channels, out))
            channels = out
        self.body = layers.sequence(*steps)
        # One lead has nothing to be weighed against.
        self.energy = layers.energy(channels, _SCORE) if leads > 1 else None
        self.scale = layers.standardiser(side)
        self.head = layers.head(channels + side, 64, classes, dropout)

    def _maps(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, lead, 128, position)."""
        batch, leads, time = window.shape
        found = layers.maps(self.body, window.reshape(batch * leads, 1, time))
        return found.reshape(batch, leads, *found.shape[1:])

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128 * lead, time / 16): the last maps of each lead."""
        return self._maps(window).flatten(1, 2)

    def _leads(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, lead, 128) features of each lead and (batch, lead) weights."""
        found = self._maps(window).mean(dim=3)
        if self.energy is None:
            return found, torch.ones_like(found[:, :, 0])
        return found, self.energy(found).squeeze(2).softmax(dim=1)

    def attention(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, lead): the share of each lead, 1 in all for each window."""
        return self._leads(window)[1]

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        found, share = self._leads(window)
        pooled = layers.weighted(found, share)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, dropout: float = 0.3
) -> OptimisedFeatures:
    """Build it. Any `time` fits."""
    del time
    return OptimisedFeatures(leads, classes, side, dropout=dropout)


MODELS.add(
    "optimised-features",
    Entry(build=build, title="Multi-lead net with optimised features", paper=_PAPER,
          shape=(12, 1000, 5)),
)  # fmt: skip
