"""CRNN for the rhythm of half a minute: convolutions shrink the time, a GRU reads it both ways.

After the convolutional recurrent networks of the 2017 challenge (Zihlmann, Perekrestenko,
Tschannen 2017, 10.22489/CinC.2017.070-060), made small: 69 thousand numbers. Widths, attention and
pooling are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from einthoven.models._layers import convolution

WIDTHS = (16, 24, 32, 48)
_STEM, _KERNEL = 11, 7


class Block(nn.Module):
    """Two convolutions that halve the time, beside a shortcut that does so by the mean."""

    def __init__(self, channels: int, out: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels, out, _KERNEL, 2), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
            nn.Dropout(dropout), convolution(out, out, _KERNEL), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.shortcut = nn.Sequential(
            nn.AvgPool2d((1, 2), ceil_mode=True), convolution(channels, out, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, half the time, rounded up)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class RhythmCrnn(nn.Module):
    """A lead of half a minute, and where it is known, to the logits of its rhythm.

    Parameters
    ----------
    classes : number of rhythms.
    widths : channels of the first convolution and of the blocks.
    memory : width of the GRU in each direction.
    heads : weighted means over the time, beside its largest values.
    dropout : shares dropped in training inside the blocks and before the last layer.
    """

    def __init__(
        self, classes: int = 4, *, widths: Sequence[int] = WIDTHS, memory: int = 32, heads: int = 4,
        dropout: tuple[float, float] = (0.15, 0.3),
    ) -> None:  # fmt: skip
        super().__init__()
        stem = [convolution(1, widths[0], _STEM, 2), nn.BatchNorm2d(widths[0]), nn.ReLU()]
        blocks = [Block(a, b, dropout[0]) for a, b in pairwise(widths)]
        self.body = nn.Sequential(*stem, *blocks)
        self.shrink = nn.MaxPool1d(2, ceil_mode=True)
        self.halvings = len(blocks) + 1
        self.memory = nn.GRU(widths[-1], memory, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(nn.Linear(2 * memory, 32), nn.Tanh(), nn.Linear(32, heads))
        self.drop = nn.Dropout(dropout[1])
        self.head = nn.Linear(2 * memory * (heads + 1), classes)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, time / 16): the maps that the GRU reads."""
        found: torch.Tensor = self.body(window[:, :1].unsqueeze(2))
        return found.squeeze(2)

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, class).

        Parameters
        ----------
        window : (batch, 2, time) the lead, and 1 where there is signal, else 0.
        """
        known = window[:, 1:]
        for _ in range(self.halvings):
            known = self.shrink(known)
        told, _ = self.memory(self.features(window).transpose(1, 2))
        absent = (1 - known.transpose(1, 2)) * -1e4
        weight = torch.softmax(self.attention(told) + absent, dim=1)
        means = torch.matmul(weight.transpose(1, 2), told).flatten(1)
        # A GRU says nothing below -1; so does a window of which nothing is known.
        largest = (told + absent).amax(dim=1).clamp(min=-1)
        logits: torch.Tensor = self.head(self.drop(torch.cat([means, largest], dim=1)))
        return logits
