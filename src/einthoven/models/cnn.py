"""CNN: four convolutions, mean over time, two linear layers.

Song, Zheng, Chen, Wang, Shi, Chen, "Deep Neural Network Architectures for Electrocardiogram
Classification: A Comprehensive Evaluation", arXiv:2602.17701 (2026).

Differs from the paper: of the layers only the kind is known, so widths, kernels and pooling are
ours.
"""

from __future__ import annotations

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

PAPER = "Song et al. 2026, arXiv:2602.17701"


def build(*, leads: int, time: int, classes: int, side: int, dropout: float = 0.0) -> layers.Pooled:
    """Build it for windows of 16 samples or more.

    Convolutions of 7, 5, 5 and 3 samples, each halving the time; mean; 64 hidden features.

    Parameters
    ----------
    dropout : share of the pooled features dropped in training.
    """
    layers.need("cnn", time, 16)
    body = layers.sequence(
        *layers.stage(leads, 32, 7), *layers.stage(32, 64, 5),
        *layers.stage(64, 128, 5), *layers.stage(128, 128, 3),
    )  # fmt: skip
    return layers.Pooled(body, layers.head(128 + side, 64, classes, dropout), side)


MODELS.add("cnn", Entry(build=build, title="CNN", paper=PAPER, shape=(1, 360, 5)))
