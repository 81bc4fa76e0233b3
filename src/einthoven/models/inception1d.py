"""Inception1d: long, middling and short kernels side by side, six deep, as in the PTB-XL benchmark.

Ismail Fawaz et al., "InceptionTime: Finding AlexNet for Time Series Classification",
arXiv:1909.04939 (2019), with the kernels, widths and last layers of Strodthoff, Wagner,
Schaeffter, Samek, "Deep Learning for ECG Analysis: Benchmarks and Insights from PTB-XL",
arXiv:2004.13701 (2020), read in its code: macro AUC .921 (6) on PTB-XL superclasses.

Differs from the benchmark: side numbers may stand behind the pooled features.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Strodthoff et al. 2020, PTB-XL benchmark, arXiv:2004.13701"
_KERNELS = (39, 19, 9)
_GROUPS = 2  # of three blocks each, with one way past them


class _Block(nn.Module):
    """Three kernels on few maps, and the largest of each three samples; all side by side."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.few = layers.convolution(channels, width, 1)
        self.branches = nn.ModuleList(layers.convolution(width, width, k) for k in _KERNELS)
        self.largest = nn.Sequential(
            nn.MaxPool2d((1, 3), 1, (0, 1)), layers.convolution(channels, width, 1)
        )
        self.after = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(inplace=True))

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4 * width, 1, time) of (batch, channel, 1, time)."""
        few = self.few(before)
        parts = [*(branch(few) for branch in self.branches), self.largest(before)]
        found: torch.Tensor = self.after(torch.cat(parts, dim=1))
        return found


class _Group(nn.Module):
    """Three blocks, and a 1-sample convolution past them."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        out = 4 * width
        self.way = nn.Sequential(
            _Block(channels, width), _Block(out, width), _Block(out, width)
        )  # fmt: skip
        self.past = nn.Sequential(layers.convolution(channels, out, 1), nn.BatchNorm2d(out))

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4 * width, 1, time)."""
        return torch.relu(self.way(before) + self.past(before))


def build(*, leads: int, time: int, classes: int, side: int, width: int = 32) -> layers.Pooled:
    """Build it. Any `time` fits and stays as long up to the pooling.

    Parameters
    ----------
    width : channels of each branch; a block has four of them.
    """
    del time
    body = [_Group(leads if not n else 4 * width, width) for n in range(_GROUPS)]
    net = layers.Pooled(
        layers.sequence(*body), layers.wide_head(8 * width + side, classes), side,
        layers.largest_and_mean,
    )  # fmt: skip
    layers.normal(net)
    return net


MODELS.add("inception1d", Entry(build=build, title="Inception1d", paper=_PAPER, shape=(12, 250, 5)))
