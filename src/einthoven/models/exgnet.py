"""EXGnet's multiresolution network: short, middling and long kernels side by side.

EXGnet, a network for one lead whose explanations are supervised, arXiv:2506.12404 (2025).

Differs from the paper: known to us are the blocks of parallel short and long kernels, not the table
of layers; widths, kernels, squeeze and excitation are ours, 0.10 M parameters. Its guided loss and
its features for training alone are in `training._guide`, for any network. The paper judges rhythms
of 10 s on Chapman and Ningbo; here a window is a beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models._layers import Pooled, convolution, excitation, head, sequence
from einthoven.record.errors import UsageError

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
        self.excite = excitation(out, max(4, out // 8))
        self.past = nn.Identity() if channels == out else convolution(channels, out, 1)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, position)."""
        mixed = self.mix(torch.cat([branch(before) for branch in self.branches], dim=1))
        weight = self.excite(mixed.mean(dim=(2, 3), keepdim=True))
        return functional.relu(mixed * weight + self.past(before))


def exgnet(
    *, leads: int, time: int, classes: int, side: int, kernels: Sequence[int] = _KERNELS,
    halved: int = 2, dropout: float = 0.2,
) -> Pooled:  # fmt: skip
    """Build it. Any `time` fits.

    Stem, multiresolution blocks, mean over time, linear head. The stem quarters the time; it is
    halved again after the first and the second block.

    Parameters
    ----------
    kernels : samples of the parallel branches.
    halved : after how many blocks time is halved, 0 to 3. A window of 180 samples has 12 positions
        before the head with 2, 23 with 1: maps by which more can be told apart.
    dropout : share of the pooled features dropped in training.

    Raises
    ------
    UsageError : kernels are none or not odd, or there are not so many blocks to halve after.
    """
    del time
    if not kernels or not all(type(k) is int and k > 0 and k % 2 for k in kernels):
        fault, mend = f"is {list(kernels)}", "Give odd numbers of samples, e.g. [5, 11, 21]"
        raise UsageError("model.kernels", fault, mend)
    if not 0 <= halved < len(_WIDTHS):
        raise UsageError("model.halved", f"is {halved}", f"Give 0 to {len(_WIDTHS) - 1}")
    channels = _WIDTHS[0]
    body: list[nn.Module] = [
        convolution(leads, channels, _STEM_KERNEL, 2), nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True), nn.MaxPool2d((1, 2), ceil_mode=True),
    ]  # fmt: skip
    for number, out in enumerate(_WIDTHS):
        if 0 < number <= halved:
            body.append(nn.MaxPool2d((1, 2), ceil_mode=True))
        body.append(Multiresolution(channels, out, kernels))
        channels = out
    return Pooled(sequence(*body), head(channels + side, 0, classes, dropout), side)


MODELS.add(
    "exgnet",
    Entry(build=exgnet, title="EXGnet, multiresolution part", paper=_PAPER, shape=(1, 360, 5)),
)
