"""ArrhythmiNet V1 and V2: beats to classes with depthwise-separable convolutions.

Baig, Nasir, Khan, Ul Haque, "ArrhythmiaVision: Resource-Conscious Deep Learning Models with Visual
Explanations for ECG Arrhythmia Classification", arXiv:2505.03787 (2025).

Differs from the paper: it prints no table of layers. Known are the family (1-D convolutions after
MobileNet's depthwise-separable design) and the sizes, 302.18 KB and 157.76 KB. The layers here are
ours, chosen so that the float32 numbers of the network, running statistics of the normalisation
included, come within 1 % of those sizes: 301.14 KB and 156.96 KB.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Baig et al. 2025, ArrhythmiaVision, arXiv:2505.03787"

# (channels out, stride) of each depthwise-separable block.
_V1 = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 2))
_V2 = ((48, 2), (48, 1), (96, 2), (96, 1), (176, 2))
_STEM_KERNEL = 15


def _stage(channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    convolution = layers.convolution(channels, out, kernel, stride, groups=groups)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU6(inplace=True)]


def _net(
    leads: int, classes: int, side: int, *, stem: int, blocks: Sequence[tuple[int, int]],
    kernel: int, hidden: int, dropout: float,
) -> layers.Pooled:  # fmt: skip
    """Return stem, depthwise-separable blocks, mean over time, linear head.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    stem : channels of the first convolution.
    blocks : (channels, stride) of each block.
    kernel : samples of each depthwise kernel.
    hidden : width of the layer before the last; 0 for none.
    dropout : share of the pooled features dropped in training.
    """
    body = _stage(leads, stem, _STEM_KERNEL, 2)
    channels = stem
    for out, stride in blocks:
        body += _stage(channels, channels, kernel, stride, groups=channels)
        body += _stage(channels, out, 1, 1)
        channels = out
    head = layers.head(channels + side, hidden, classes, dropout)
    return layers.Pooled(layers.sequence(*body), head, side)


def v1(
    *, leads: int, time: int, classes: int, side: int, hidden: int = 16, dropout: float = 0.3
) -> layers.Pooled:
    """Build V1, the larger of the two. Any `time` fits."""
    del time
    return _net(
        leads, classes, side, stem=32, blocks=_V1, kernel=11, hidden=hidden, dropout=dropout
    )


def v2(
    *, leads: int, time: int, classes: int, side: int, hidden: int = 0, dropout: float = 0.0
) -> layers.Pooled:
    """Build V2, the smaller of the two. Any `time` fits."""
    del time
    return _net(leads, classes, side, stem=24, blocks=_V2, kernel=5, hidden=hidden, dropout=dropout)


MODELS.add(
    "arrhythminet-v1",
    Entry(build=v1, title="ArrhythmiNet V1", paper=_PAPER, shape=(1, 360, 5), kilobytes=302.18),
)
MODELS.add(
    "arrhythminet-v2",
    Entry(build=v2, title="ArrhythmiNet V2", paper=_PAPER, shape=(1, 360, 5), kilobytes=157.76),
)
