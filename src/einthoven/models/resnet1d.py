"""ResNet-1D: six residual blocks of two convolutions, mean over time, one linear layer.

Song, Zheng, Chen, Wang, Shi, Chen, "Deep Neural Network Architectures for Electrocardiogram
Classification: A Comprehensive Evaluation", arXiv:2602.17701 (2026). The blocks are the basic ones
of He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385 (2015).

Differs from the paper: of the layers only the kind is known, so widths, kernels, strides and the
number of blocks are ours. The stem divides the time by four, as in images: with half of that an
epoch takes three times as long.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

PAPER = "Song et al. 2026, arXiv:2602.17701"

# (channels out, stride) of each block.
_BLOCKS = ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))
_KERNEL = 7


class _Block(nn.Module):
    """ReLU of input and two convolutions of it; a 1-sample convolution brings the input along."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            layers.convolution(channels, out, _KERNEL, stride), nn.BatchNorm2d(out),
            nn.ReLU(inplace=True), layers.convolution(out, out, _KERNEL), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.past: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.past = nn.Sequential(
                layers.convolution(channels, out, 1, stride), nn.BatchNorm2d(out)
            )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, time / stride) of (batch, channel, 1, time)."""
        found: torch.Tensor = torch.relu(self.way(image) + self.past(image))
        return found


class ResNet1d(nn.Module):
    """Stem of 15 samples that divides the time by 4; blocks of 32, 64, 128 channels; mean.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    hidden : width of the layer before the last; 0 for none. Side numbers act on each other there.
    dropout : share of the pooled features dropped in training.
    """

    def __init__(self, leads: int, classes: int, side: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        body: list[nn.Module] = [
            layers.convolution(leads, 32, 15, 2), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
            nn.MaxPool2d((1, 2)),
        ]  # fmt: skip
        channels = 32
        for out, stride in _BLOCKS:
            body.append(_Block(channels, out, stride))
            channels = out
        self.body = layers.sequence(*body)
        self.scale = layers.standardiser(side)
        self.head = layers.head(channels + side, hidden, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128, position), 23 positions of 360 samples: maps before the mean."""
        return layers.maps(self.body, window)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = self.features(window).mean(dim=2)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, hidden: int = 0, dropout: float = 0.0
) -> ResNet1d:
    """Build it for windows of 3 samples or more."""
    layers.need("resnet1d", time, 3)
    return ResNet1d(leads, classes, side, hidden=hidden, dropout=dropout)


MODELS.add("resnet1d", Entry(build=build, title="ResNet-1D", paper=PAPER, shape=(1, 360, 5)))
