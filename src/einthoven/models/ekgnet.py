"""EKGNet: a tiny network that learns with the noise of the hardware it is meant for.

Haghi et al., EKGNet, an analogue circuit of 10.96 uW for intra-patient classification of beats,
arXiv:2310.15466 (2023).

Differs from the paper: that is a circuit; its layer widths could not be read, so the layers are
ours (1.5 k weights). Taken over is the idea that analogue weights and sums are never what was
written: here weights are bounded by 1, have no offsets, are rounded to a few bits (gradients pass
as if they were not), and in training weights and sums are shaken by Gaussian noise. Evaluation is
without noise. What that training is worth is measured with `shaken` (benchmarks/ekgnet.py).
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models._layers import join, standardiser
from einthoven.record.errors import UsageError

_PAPER = "Haghi et al. 2023, EKGNet, arXiv:2310.15466"
_WIDTHS = (8, 16)
_KERNEL, _STRIDE = 8, 4


class Noisy(nn.Module):
    """A convolution or a linear layer without offset, as an analogue multiplier would do it.

    Parameters
    ----------
    channels, out : numbers of inputs and outputs.
    kernel : samples of a convolution of stride 4; 0 for a linear layer.
    bits : of a weight, its sign included; 0 leaves weights as they are.
    weight_noise : SD of the noise on weights in training, as a share of the layer's largest.
    noise : SD of the noise on sums in training, as a share of their SD in the batch.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, *, bits: int, weight_noise: float, noise: float
    ) -> None:
        super().__init__()
        shape = (out, channels, kernel) if kernel else (out, channels)
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        self._bits, self._weight_noise, self._noise = bits, weight_noise, noise

    def written(self) -> torch.Tensor:
        """Return the weights as the hardware holds them: within 1, on 2 ** bits - 1 steps."""
        weight = self.weight.clamp(-1.0, 1.0)
        if not self._bits:
            return weight
        steps = 2.0 ** (self._bits - 1) - 1
        top = weight.detach().abs().max().clamp(min=1e-6)
        rounded = torch.round(weight / top * steps) / steps * top
        return weight + (rounded - weight).detach()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the weighted sums of `maps`, (batch, channel, position) or (batch, channel)."""
        weight = self.written()
        if self.training and self._weight_noise:
            weight = weight + self._weight_noise * weight.detach().abs().max() * torch.randn_like(
                weight
            )
        if weight.ndim == 3:
            padding = (_KERNEL - _STRIDE) // 2
            sums = functional.conv1d(maps, weight, stride=_STRIDE, padding=padding)
        else:
            sums = functional.linear(maps, weight)
        if self.training and self._noise:
            sums = sums + self._noise * sums.detach().std() * torch.randn_like(sums)
        return sums


class EkgNet(nn.Module):
    """Thinning, two noisy convolutions, one noisy linear layer.

    Parameters
    ----------
    leads, time, classes, side : numbers of leads, of samples of a window, of classes, and of side
        numbers a window (0: none).
    thin : samples of the window that become one, by their mean.
    bits, weight_noise, noise : of every layer, see `Noisy`.
    """

    def __init__(
        self, leads: int, time: int, classes: int, side: int, *, thin: int, bits: int,
        weight_noise: float, noise: float,
    ) -> None:  # fmt: skip
        super().__init__()

        def layer(channels: int, out: int, kernel: int) -> Noisy:
            return Noisy(channels, out, kernel, bits=bits, weight_noise=weight_noise, noise=noise)

        self.thin = nn.AvgPool1d(thin)
        self.body = nn.Sequential(
            layer(leads, _WIDTHS[0], _KERNEL), nn.ReLU(), layer(*_WIDTHS, _KERNEL), nn.ReLU()
        )
        # The side numbers come digital; what standardises them is no analogue part.
        self.scale = standardiser(side)
        self.head = layer(_WIDTHS[1] * (time // thin // _STRIDE // _STRIDE) + side, classes, 0)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, position): the last maps, all of which the last layer eats."""
        maps: torch.Tensor = self.body(self.thin(window))
        return maps

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = join(self.features(window).flatten(1), self.scale, side)
        logits: torch.Tensor = self.head(pooled)
        return logits


def shaken(net: EkgNet, share: float, seed: int) -> EkgNet:
    """Return a copy whose every weight is off by Gaussian noise, ready for evaluation.

    Parameters
    ----------
    net : stays as it is.
    share : SD of the noise, as a share of each layer's largest weight.
    seed : of the noise; a hundred of them make a distribution of answers.
    """
    chance = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(net)
    with torch.no_grad():
        for layer in other.modules():
            if isinstance(layer, Noisy):
                held = layer.written()
                noise = torch.randn(held.shape, generator=chance)
                layer.weight.copy_(held + share * held.abs().max() * noise)
                # What the noise made of them is not rounded again.
                layer._bits = 0
    return other.eval()


def ekgnet(
    *, leads: int, time: int, classes: int, side: int, thin: int = 3, bits: int = 6,
    weight_noise: float = 0.05, noise: float = 0.05,
) -> EkgNet:  # fmt: skip
    """Build it, for 360 Hz unless `thin` is changed.

    Raises
    ------
    UsageError : nothing is left of the window after thinning, or `bits` cannot be.
    """
    if thin < 1 or time // thin // _STRIDE // _STRIDE < 1:
        fault = f"is {thin}, which leaves nothing of a window of {time} samples"
        raise UsageError("model.thin", fault, "Give a smaller number, 1 at least")
    if bits < 0 or bits == 1:
        raise UsageError("model.bits", f"is {bits}", "Give 2 or more, or 0 for no rounding")
    return EkgNet(
        leads, time, classes, side, thin=thin, bits=bits, weight_noise=weight_noise, noise=noise
    )


MODELS.add(
    "ekgnet",
    Entry(build=ekgnet, title="EKGNet, tiny and trained with noise", paper=_PAPER,
          shape=(1, 360, 5)),
)  # fmt: skip
