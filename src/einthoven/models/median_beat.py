"""Median-beat net: a small residual network on the usual beat in twelve leads.

Convolutions over the aligned beat with squeeze-and-excitation (Hu et al. 2018), each stage read
out by itself through attention and through its maximum. Layers and sizes are ours.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS
from einthoven.models._entry import Entry


class _Excite(nn.Module):
    """Weigh the channels by what they hold on the whole."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(width, max(8, width // 8)), nn.ReLU(),
            nn.Linear(max(8, width // 8), width), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        weight: torch.Tensor = self.weigh(maps.mean(2))
        return maps * weight[:, :, None]


class _Block(nn.Module):
    """Two convolutions beside a shortcut; at first the shortcut speaks nearly alone."""

    def __init__(self, before: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        last = nn.BatchNorm1d(width)
        nn.init.constant_(last.weight, 0.1)
        self.change = nn.Sequential(
            nn.Conv1d(before, width, 5, stride, 2, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Dropout(dropout), nn.Conv1d(width, width, 5, 1, 2, bias=False), last,
            _Excite(width),
        )  # fmt: skip
        self.short: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.short = nn.Sequential(
                nn.AvgPool1d(stride, ceil_mode=True, count_include_pad=False),
                nn.Conv1d(before, width, 1, bias=False), nn.BatchNorm1d(width),
            )  # fmt: skip

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.change(maps) + self.short(maps))


class _Reader(nn.Module):
    """Attention over positions beside the maximum: (batch, 2 width)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.point = nn.Conv1d(channels, width, 1)
        self.look = nn.Conv1d(channels, width, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        value = self.point(maps)
        weight = self.look(maps).softmax(dim=2)
        return torch.cat([(value * weight).sum(2), value.amax(2)], dim=1)


class MedianBeat(nn.Module):
    """Beat (batch, lead, time) in, logits (batch, class) out; see `Entry`."""

    def __init__(
        self, leads: int, time: int, classes: int, side: int = 0, *,
        widths: tuple[int, ...] = (32, 64, 128), read: int = 64, hidden: int = 96,
        dropout: float = 0.2, last_dropout: float = 0.4,
    ) -> None:  # fmt: skip
        del time
        super().__init__()
        widths = tuple(widths)
        self.first = nn.Sequential(
            nn.Conv1d(leads, widths[0], 7, padding=3, bias=False), nn.BatchNorm1d(widths[0]),
            nn.ReLU(),
        )  # fmt: skip
        before = (widths[0], *widths[:-1])
        self.stages = nn.ModuleList(
            _Block(a, b, 1 if k == 0 else 2, dropout)
            for k, (a, b) in enumerate(zip(before, widths, strict=True))
        )
        self.readers = nn.ModuleList(_Reader(w, read) for w in widths)
        self.head = nn.Sequential(
            nn.Dropout(last_dropout), nn.Linear(2 * read * len(widths) + side, hidden), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden, classes),
        )  # fmt: skip

    def _maps(self, window: torch.Tensor) -> list[torch.Tensor]:
        maps, found = self.first(window), []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return the last maps (batch, channel, position)."""
        return self._maps(window)[-1]

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class)."""
        read = [r(m) for r, m in zip(self.readers, self._maps(window), strict=True)]
        if side is not None and side.shape[1]:
            read.append(side)
        logits: torch.Tensor = self.head(torch.cat(read, dim=1))
        return logits


MODELS.add(
    "median-beat",
    Entry(
        build=MedianBeat, title="Median-beat net",
        paper="ours; squeeze-and-excitation after Hu et al. 2018 (arXiv:1709.01507)",
        shape=(12, 90, 5),
    ),
)  # fmt: skip
