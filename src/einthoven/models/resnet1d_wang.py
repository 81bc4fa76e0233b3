"""ResNet1d-Wang: three wide residual blocks at nearly full rate, as in the PTB-XL benchmark.

Wang, Yan, Oates, "Time Series Classification from Scratch with Deep Neural Networks: A Strong
Baseline", arXiv:1611.06455 (2016), with the kernels, widths and last layers of Strodthoff, Wagner,
Schaeffter, Samek, "Deep Learning for ECG Analysis: Benchmarks and Insights from PTB-XL",
arXiv:2004.13701 (2020), read in its code: macro AUC .930 (5) on PTB-XL superclasses.

Differs from the benchmark: side numbers may stand behind the pooled features.
"""

from __future__ import annotations

from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Strodthoff et al. 2020, PTB-XL benchmark, arXiv:2004.13701"
_STRIDES = (1, 2, 2)


def build(*, leads: int, time: int, classes: int, side: int, width: int = 128) -> layers.Pooled:
    """Build it. Any `time` fits; the last maps are a quarter as long.

    Stem of 7 samples; three blocks of kernels 5 and 3; largest and mean over time; 128 features.

    Parameters
    ----------
    width : channels of every layer.
    """
    del time
    body: list[nn.Module] = [
        layers.convolution(leads, width, 7), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        *(layers.Residual(width, width, (5, 3), stride) for stride in _STRIDES),
    ]  # fmt: skip
    net = layers.Pooled(
        layers.sequence(*body), layers.wide_head(2 * width + side, classes), side,
        layers.largest_and_mean,
    )  # fmt: skip
    layers.normal(net)
    return net


MODELS.add(
    "resnet1d-wang", Entry(build=build, title="ResNet1d-Wang", paper=_PAPER, shape=(12, 250, 5))
)
