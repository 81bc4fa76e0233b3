"""EXGnet's multiresolution network: short, middling and long kernels side by side.

EXGnet, a network for one lead whose explanations are supervised, arXiv:2506.12404 (2025).

Differs from the paper: known to us are the blocks of parallel short and long kernels, not the table
of layers; widths, kernels, squeeze and excitation are ours, 0.10 M parameters. Neither its guided
loss nor its features for training alone are here. The paper judges rhythms of 10 s on Chapman and
Ningbo; here a window is a beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models._layers import convolution, head, join, maps, sequence, standardiser

_PAPER = "EXGnet 2025, arXiv:2506.12404"
_STEM_KERNEL = 15
_WIDTHS = (32, 64, 96, 128)
_KERNELS = (5, 11, 21)


class Multiresolution(nn.Module):
    """Depthwise kernels of several lengths side by side, mixed, weighted by channel, added.

    Maps (batch, channels, 1, position) become (batch, out, 1, position).

    Parameters
    ----------
    channels, out : numbers of maps.
    kernels : samples of each branch, odd.
    """

    def __init__(self, channels: int, out: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [convolution(channels, channels, k, groups=channels) for k in kernels]
        )
        wide = channels * len(kernels)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(wide), nn.ReLU(inplace=True), convolution(wide, out, 1),
            nn.BatchNorm2d(out),
        )  # fmt: skip
        few = max(4, out // 8)
        self.excite = nn.Sequential(
            nn.Conv2d(out, few, 1), nn.ReLU(inplace=True), nn.Conv2d(few, out, 1), nn.Sigmoid()
        )
        self.past = nn.Identity() if channels == out else convolution(channels, out, 1)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, position)."""
        mixed = self.mix(torch.cat([branch(before) for branch in self.branches], dim=1))
        weight = self.excite(mixed.mean(dim=(2, 3), keepdim=True))
        return functional.relu(mixed * weight + self.past(before))


class ExgNet(nn.Module):
    """Stem, multiresolution blocks, mean over time, linear head.

    The stem quarters the time; it is halved again after each block but the last two.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    widths : channels of each block.
    kernels : samples of the parallel branches.
    dropout : share of the pooled features dropped in training.
    """

    def __init__(
        self, leads: int, classes: int, side: int, *, widths: Sequence[int],
        kernels: Sequence[int], dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        channels = widths[0]
        body: list[nn.Module] = [
            convolution(leads, channels, _STEM_KERNEL, 2), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.MaxPool2d((1, 2), ceil_mode=True),
        ]  # fmt: skip
        for number, out in enumerate(widths):
            if 0 < number < len(widths) - 1:
                body.append(nn.MaxPool2d((1, 2), ceil_mode=True))
            body.append(Multiresolution(channels, out, kernels))
            channels = out
        self.body = sequence(*body)
        self.scale = standardiser(side)
        self.head = head(channels + side, 0, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, position): the maps of the last block."""
        return maps(self.body, window)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = join(self.features(window).mean(dim=2), self.scale, side)
        logits: torch.Tensor = self.head(pooled)
        return logits


def exgnet(
    *, leads: int, time: int, classes: int, side: int, kernels: Sequence[int] = _KERNELS,
    dropout: float = 0.2,
) -> ExgNet:  # fmt: skip
    """Build it. Any `time` fits."""
    del time
    return ExgNet(leads, classes, side, widths=_WIDTHS, kernels=kernels, dropout=dropout)


MODELS.add(
    "exgnet",
    Entry(build=exgnet, title="EXGnet, multiresolution part", paper=_PAPER, shape=(1, 360, 5)),
)
