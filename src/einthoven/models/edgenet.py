"""How far a boundary of a P or T wave is from where people would mark it. Ours.

Three convolutions over the lead around the boundary, as `signal._waves_edges.looks` gives it, and
two layers over what they see and the numbers beside it. Untrained it moves nothing. The mean of
three such looks is taken.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models._layers import convolution

_CHANNELS, _HIDDEN, _DROPOUT = 24, 64, 0.1
LOOKS = 3  # learnt apart: what one of them has by chance the others have not


class Look(nn.Module):
    """Windows and numbers in, shifts outward in steps of the window out.

    Parameters
    ----------
    points, side : lengths of a window and of the numbers beside it.
    """

    def __init__(self, points: int, side: int) -> None:
        super().__init__()
        c = _CHANNELS
        self.body = nn.Sequential(
            convolution(1, c, 7, bias=True), nn.ReLU(),
            convolution(c, c, 5, 2, bias=True), nn.ReLU(),
            convolution(c, c, 5, 2, bias=True), nn.ReLU(),
        )  # fmt: skip
        seen = c * ((points + 3) // 4)
        last = nn.Linear(_HIDDEN, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(
            nn.Linear(seen + side, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT), last,
        )  # fmt: skip

    def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (batch, 1) shifts of windows (batch, 1, points) and numbers (batch, side)."""
        seen = self.body(window.unsqueeze(2)).flatten(1)
        shift: torch.Tensor = self.head(torch.cat([seen, side], dim=1))
        return shift


class EdgeNet(nn.Module):
    """The mean of several looks that were learnt apart.

    Parameters
    ----------
    points, side : see `Look`.
    """

    def __init__(self, points: int, side: int) -> None:
        super().__init__()
        self.looks = nn.ModuleList(Look(points, side) for _ in range(LOOKS))

    def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Return (batch, 1) as each look does."""
        return torch.stack([look(window, side) for look in self.looks]).mean(dim=0)
