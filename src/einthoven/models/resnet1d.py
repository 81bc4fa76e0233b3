"""ResNet-1D: six residual blocks of two convolutions, mean over time, one linear layer.

Song, Zheng, Chen, Wang, Shi, Chen, "Deep Neural Network Architectures for Electrocardiogram
Classification: A Comprehensive Evaluation", arXiv:2602.17701 (2026). The blocks are the basic ones
of He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385 (2015).

Differs from the paper: of the layers only the kind is known, so widths, kernels, strides and the
number of blocks are ours. The stem divides the time by four, as in images: with half of that an
epoch takes three times as long.
"""

from __future__ import annotations

from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

PAPER = "Song et al. 2026, arXiv:2602.17701"

# (channels out, stride) of each block.
_BLOCKS = ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))
_KERNEL = 7


def build(
    *, leads: int, time: int, classes: int, side: int, hidden: int = 0, dropout: float = 0.0
) -> layers.Pooled:
    """Build it for windows of 3 samples or more.

    Stem of 15 samples that divides the time by 4; blocks of 32, 64, 128 channels; mean.

    Parameters
    ----------
    hidden : width of the layer before the last; 0 for none. Side numbers act on each other there.
    dropout : share of the pooled features dropped in training.
    """
    layers.need("resnet1d", time, 3)
    body: list[nn.Module] = [
        layers.convolution(leads, 32, 15, 2), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
        nn.MaxPool2d((1, 2)),
    ]  # fmt: skip
    channels = 32
    for out, stride in _BLOCKS:
        body.append(layers.Residual(channels, out, (_KERNEL, _KERNEL), stride))
        channels = out
    head = layers.head(channels + side, hidden, classes, dropout)
    return layers.Pooled(layers.sequence(*body), head, side)


MODELS.add("resnet1d", Entry(build=build, title="ResNet-1D", paper=PAPER, shape=(1, 360, 5)))
