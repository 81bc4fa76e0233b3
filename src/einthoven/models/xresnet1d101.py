"""xResNet1d101: 33 bottleneck blocks in four stages, as in the PTB-XL benchmark.

He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks",
arXiv:1812.01187 (2018), with the kernels, widths and last layers of Strodthoff, Wagner,
Schaeffter, Samek, "Deep Learning for ECG Analysis: Benchmarks and Insights from PTB-XL",
arXiv:2004.13701 (2020), read in its code: macro AUC .928 (5) on PTB-XL superclasses. All four
stages are equally wide there, unlike in images.

Differs from the benchmark: side numbers may stand behind the pooled features; the last
normalisation of a block begins at .2, between the 0 of He et al. and the 1 of the benchmark, with
which 33 untrained blocks make rounding errors a thousand times larger.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Strodthoff et al. 2020, PTB-XL benchmark, arXiv:2004.13701"
_BLOCKS = (3, 4, 23, 3)
_KERNEL, _WIDER = 5, 4
_START = 0.2


def _step(channels: int, out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [
        layers.convolution(channels, out, kernel, stride), nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    ]  # fmt: skip


class _Block(nn.Module):
    """Down to `width` maps, over 5 samples, up to four times as many; added to what came in.

    The way past halves the time by means of two samples, not by leaving every other one out.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = _WIDER * width
        last = nn.BatchNorm2d(out)
        nn.init.constant_(last.weight, _START)
        self.way = nn.Sequential(
            *_step(channels, width, 1), *_step(width, width, _KERNEL, stride),
            layers.convolution(width, out, 1), last,
        )  # fmt: skip
        past: list[nn.Module] = []
        if stride != 1:
            past.append(nn.AvgPool2d((1, stride), ceil_mode=True))
        if channels != out:
            past += [layers.convolution(channels, out, 1), nn.BatchNorm2d(out)]
        self.past = nn.Sequential(*past)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4 * width, 1, time / stride) of (batch, channel, 1, time)."""
        return torch.relu(self.way(before) + self.past(before))


def build(*, leads: int, time: int, classes: int, side: int, width: int = 64) -> layers.Pooled:
    """Build it. Any `time` fits; the last maps are a 32nd as long.

    Parameters
    ----------
    width : maps inside a block; it hands on four times as many.
    """
    del time
    half = width // 2
    body: list[nn.Module] = [
        *_step(leads, half, _KERNEL, 2), *_step(half, half, _KERNEL), *_step(half, width, _KERNEL),
        nn.MaxPool2d((1, 3), (1, 2), (0, 1)),
    ]  # fmt: skip
    channels = width
    for stage, blocks in enumerate(_BLOCKS):
        for block in range(blocks):
            body.append(_Block(channels, width, 2 if stage and not block else 1))
            channels = _WIDER * width
    net = layers.Pooled(
        layers.sequence(*body), layers.wide_head(2 * channels + side, classes), side,
        layers.largest_and_mean,
    )  # fmt: skip
    layers.normal(net)
    return net


MODELS.add(
    "xresnet1d101", Entry(build=build, title="xResNet1d101", paper=_PAPER, shape=(12, 250, 5))
)
