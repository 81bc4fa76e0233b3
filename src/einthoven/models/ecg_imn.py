"""ECG-IMN: a network that writes, for each window, the weights of a linear model of that window.

The interpretable mesomorphic network of arXiv:2602.09566 (2026), layers read in its code: 139,490
numbers for one class and twelve leads. The logit of a class is the sum of weight times sample over
all leads and samples, plus an offset, so the products are its exact parts.

Differs from the paper: a map of weights for each of several classes, one against all, where it has
pairs of classes; kernels span as many leads as there are, three at most; windows are filled up with
zeros to a multiple of four samples; side numbers may speak in the offset. Exact is the sum alone:
the weights depend on the window, so a part is no proof that the answer hangs on that sample, and
what is missing (a P wave) has to hide in the offset.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "ECG-IMN 2026, arXiv:2602.09566"
_SHARE = 4  # samples of a position of the latent maps


class EcgImn(nn.Module):
    """Encoder over leads and time, a way back up to one weight a sample, an offset.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    dropout : share of the latent numbers dropped in training.
    sparsity : what the mean absolute weight costs in training, see `penalty`.
    """

    def __init__(
        self, leads: int, classes: int, side: int, *, dropout: float, sparsity: float
    ) -> None:
        super().__init__()
        self._sparsity = sparsity
        self._size: torch.Tensor | None = None
        high = 3 if leads > 2 else 1

        def step(channels: int, out: int, wide: int) -> list[nn.Module]:
            convolution = nn.Conv2d(
                channels, out, (high, wide), padding=(high // 2, wide // 2), bias=False
            )
            return [convolution, nn.BatchNorm2d(out), nn.GELU()]

        self.body = layers.sequence(
            *step(1, 16, 15),
            *step(16, 32, 15), nn.MaxPool2d((1, 2)),
            *step(32, 64, 15), nn.MaxPool2d((1, 2)),
            nn.Dropout(dropout),
        )  # fmt: skip
        self.back = layers.sequence(
            *step(64, 32, 3), nn.Upsample(scale_factor=(1.0, 2.0)),
            *step(32, 16, 3), nn.Upsample(scale_factor=(1.0, 2.0)),
            nn.Conv2d(16, classes, (high, 3), padding=(high // 2, 1)),
        )  # fmt: skip
        self.scale = layers.standardiser(side)
        self.offset = nn.Linear(64 + side, classes)

    def _latent(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 64, lead, ceil(time / 4))."""
        image = functional.pad(window, (0, -window.shape[2] % _SHARE)).unsqueeze(1)
        found: torch.Tensor = self.body(image.contiguous(memory_format=torch.channels_last))
        return found

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 64 * lead, position): the latent maps, four samples a position."""
        return self._latent(window).flatten(1, 2)

    def linear(
        self, window: torch.Tensor, side: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the linear model of each window.

        That is weights (batch, class, lead, time) and offsets (batch, class).
        """
        latent = self._latent(window)
        weight = self.back(latent)[..., : window.shape[2]]
        pooled = layers.join(latent.mean(dim=(2, 3)), self.scale, side)
        return weight, self.offset(pooled)

    def contributions(
        self, window: torch.Tensor, side: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the parts of each logit.

        They are (batch, class, lead, time), weight times sample, and offsets (batch, class); summed
        they are the logit.
        """
        weight, offset = self.linear(window, side)
        return weight * window.unsqueeze(1), offset

    def penalty(self) -> torch.Tensor:
        """Return the mean absolute weight of the last windows of training, times `sparsity`."""
        assert self._size is not None, "penalty belongs to a step of training"
        return self._sparsity * self._size

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        weight, offset = self.linear(window, side)
        if self.training:
            self._size = weight.abs().mean()
        return (weight * window.unsqueeze(1)).sum(dim=(2, 3)) + offset


def build(
    *, leads: int, time: int, classes: int, side: int, dropout: float = 0.2,
    sparsity: float = 1e-4,
) -> EcgImn:  # fmt: skip
    """Build it. Any `time` fits."""
    del time
    return EcgImn(leads, classes, side, dropout=dropout, sparsity=sparsity)


MODELS.add("ecg-imn", Entry(build=build, title="ECG-IMN", paper=_PAPER, shape=(12, 1000, 1)))
