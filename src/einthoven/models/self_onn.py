"""1-D Self-ONN with feature injection: wavelet bands, generative neurons, RR numbers at the end.

Zahid, Kiranyaz, Gabbouj, "Global ECG Classification by Self-Operational Neural Networks with
Feature Injection", arXiv:2204.03768 (2022): bands, layers, 23,619 trainable numbers for nine bands,
four RR numbers and three classes.

Differs from the paper: it makes the wavelet bands of the whole record beforehand; here they are the
network's first layer, so the bundle is fed a plain window, which has to be `MARGIN` samples longer
on either side. Bands are divided by the largest value of the window, to stay within -1 and 1 where
powers of them are tame; the paper does not say how they are scaled. Side numbers are standardised
by batch normalisation (two numbers each) in place of median and quartiles.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "Zahid et al. 2022, 1-D Self-ONN with feature injection, arXiv:2204.03768"
_BANDS = 9
# Mexican hats of 10, 20 ... 90 Hz in a window of 360 Hz; their centre is 0.25 cycles a scale.
_SCALES = tuple(0.25 * 360 / (10 * (band + 1)) for band in range(_BANDS))
MARGIN = 45  # five times the largest scale, where the hat has sunk to 1e-4 of its height


def mexican_hats() -> torch.Tensor:
    """Return (band, tap) the wavelets, each a second derivative of a Gaussian, of unit energy."""
    place = torch.arange(-MARGIN, MARGIN + 1, dtype=torch.float64)
    hats = []
    for scale in _SCALES:
        u = (place / scale) ** 2
        height = 2 / (math.sqrt(3 * scale) * math.pi**0.25)
        hats.append(height * (1 - u) * torch.exp(-u / 2))
    return torch.stack(hats).float()


class Operational(nn.Module):
    """Generative neurons: bias + sum over q = 1..powers of W_q * x^q, a convolution for one power.

    Parameters
    ----------
    channels, out : numbers of maps in and out.
    kernel : samples, odd; the time stays.
    powers : Q of the paper, order of the Maclaurin series that stands for the neuron's operator.
    """

    def __init__(self, channels: int, out: int, kernel: int, powers: int) -> None:
        super().__init__()
        self._powers = powers
        # The sum over q is one convolution of all powers side by side.
        self.sum = layers.convolution(channels * powers, out, kernel, bias=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, time) of (batch, channel, 1, time) within -1 and 1."""
        power, all_of = image, [image]
        for _ in range(self._powers - 1):
            power = power * image
            all_of.append(power)
        found: torch.Tensor = self.sum(torch.cat(all_of, dim=1))
        return found


class SelfOnn(nn.Module):
    """Nine bands a lead, two operational layers with tanh, the largest over time, side numbers.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of injected numbers a window (0: none).
    powers : Q, 3 in the paper.
    dropout : share of the pooled and injected features dropped in training.
    """

    def __init__(self, leads: int, classes: int, side: int, *, powers: int, dropout: float) -> None:
        super().__init__()
        self._leads = leads
        # No weights: made anew at each start, so kept out of the saved numbers.
        self.register_buffer("hats", mexican_hats()[:, None, None, :], persistent=False)
        self.hats: torch.Tensor
        self.body = layers.sequence(
            Operational(_BANDS * leads, 32, 3, powers), nn.BatchNorm2d(32), nn.Tanh(),
            nn.MaxPool2d((1, 5)),
            Operational(32, 64, 3, powers), nn.BatchNorm2d(64), nn.Tanh(),
        )  # fmt: skip
        self.scale = layers.standardiser(side)
        self.head = layers.head(64 + side, 32, classes, dropout)

    def bands(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 9 * leads, time - 90): Mexican-hat bands within -1 and 1.

        Nothing is padded: a wavelet that hangs over the edge would see a step that is not there.
        """
        batch, leads, time = window.shape
        found = functional.conv2d(window.reshape(batch * leads, 1, 1, time), self.hats)
        found = found.reshape(batch, leads * _BANDS, -1)
        largest = found.abs().amax(dim=(1, 2), keepdim=True)
        return found / largest.clamp_min(1e-6)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 64, (time - 90) // 5): the maps whose largest values are judged."""
        return layers.maps(self.body, self.bands(window))

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = self.features(window).amax(dim=2)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, powers: int = 3, dropout: float = 0.0
) -> SelfOnn:
    """Build it for windows of 95 samples or more.

    Raises
    ------
    UsageError : the window is shorter, or there is no power.
    """
    layers.need("self-onn", time, 2 * MARGIN + 5)
    if powers < 1:
        raise UsageError("model.powers", f"is {powers}", "Give 1 or more")
    return SelfOnn(leads, classes, side, powers=powers, dropout=dropout)


MODELS.add("self-onn", Entry(build=build, title="1-D Self-ONN", paper=_PAPER, shape=(1, 306, 3)))
