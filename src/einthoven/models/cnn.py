"""CNN: four convolutions, mean over time, two linear layers.

Song, Zheng, Chen, Wang, Shi, Chen, "Deep Neural Network Architectures for Electrocardiogram
Classification: A Comprehensive Evaluation", arXiv:2602.17701 (2026).

Differs from the paper: of the layers only the kind is known, so widths, kernels and pooling are
ours.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

PAPER = "Song et al. 2026, arXiv:2602.17701"


class Cnn(nn.Module):
    """Convolutions of 7, 5, 5 and 3 samples, each halving the time; mean; 64 hidden features.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    dropout : share of the pooled features dropped in training.
    """

    def __init__(self, leads: int, classes: int, side: int, *, dropout: float) -> None:
        super().__init__()
        self.body = layers.sequence(
            *layers.stage(leads, 32, 7), *layers.stage(32, 64, 5),
            *layers.stage(64, 128, 5), *layers.stage(128, 128, 3),
        )  # fmt: skip
        self.scale = layers.standardiser(side)
        self.head = layers.head(128 + side, 64, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128, time // 16): the last maps before the mean over time."""
        return layers.maps(self.body, window)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = self.features(window).mean(dim=2)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(*, leads: int, time: int, classes: int, side: int, dropout: float = 0.0) -> Cnn:
    """Build it for windows of 16 samples or more."""
    layers.need("cnn", time, 16)
    return Cnn(leads, classes, side, dropout=dropout)


MODELS.add("cnn", Entry(build=build, title="CNN", paper=PAPER, shape=(1, 360, 5)))
