"""A class-conditional generator of beats and its critic, for augmentation (WGAN-GP in 1-D).

The loss and its gradient penalty: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved
Training of Wasserstein GANs", arXiv:1704.00028 (2017). The critic takes the class by a projection:
Miyato, Koyama, "cGANs with Projection Discriminator", arXiv:1802.05637 (2018). Generated beats for
rare classes before training are one step of Song et al., arXiv:2602.17701 (2026), of which no layer
is published: all layers here are ours.

No row of the catalogue: it gives no logits. `training.gan` trains it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

_NAMES = 16  # numbers by which a class is known to the generator
_SHRINK = 16  # what four strides of 2 make of the time axis


class Generator(nn.Module):
    """Noise and a class to a window: a full layer, then four transposed convolutions.

    Parameters
    ----------
    leads, time, classes : of the windows; any `time` fits, the middle is cut out.
    latent : numbers of noise.
    width : channels before the last layer; four times so many stand first.
    cut : cycles a sample above which real windows hold nothing, for they were filtered. The last
        layer filters alike: else what generated beats have there would tell them from real ones,
        to the critic and to whoever learns from them.
    standard : whether each window leaves with mean 0 and SD 1, as ``normalise = "zscore"`` has it.
    """

    def __init__(
        self, *, leads: int, time: int, classes: int, latent: int, width: int, cut: float,
        standard: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.latent, self._time, self._standard = latent, time, standard
        self._start = -(-time // _SHRINK)
        channels = (4 * width, 4 * width, 2 * width, width)
        self._first = channels[0]
        self.name = nn.Embedding(classes, _NAMES)
        self.entry = nn.Linear(latent + _NAMES, channels[0] * self._start)
        body: list[nn.Module] = [nn.BatchNorm1d(channels[0]), nn.ReLU()]
        for before, after in pairwise(channels):
            # 8 is a multiple of the stride: every sample is the sum of as many terms.
            body += [nn.ConvTranspose1d(before, after, 8, 2, 3, bias=False)]
            body += [nn.BatchNorm1d(after), nn.ReLU()]
        self.body = nn.Sequential(*body, nn.ConvTranspose1d(width, leads, 8, 2, 3))
        self.register_buffer("taps", _low_pass(cut).expand(leads, 1, -1), persistent=False)

    def forward(self, noise: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return windows (batch, lead, time) of `noise` (batch, latent) and `label` (batch,)."""
        entry = self.entry(torch.cat([noise, self.name(label)], dim=1))
        long: torch.Tensor = self.body(entry.view(len(entry), self._first, self._start))
        skip = (long.shape[2] - self._time) // 2
        window = self._filtered(long[:, :, skip : skip + self._time])
        if self._standard:
            window = window - window.mean(dim=2, keepdim=True)
            window = window / (window.std(dim=2, keepdim=True, correction=0) + 1e-4)
        return window

    def _filtered(self, window: torch.Tensor) -> torch.Tensor:
        taps = self.get_buffer("taps")
        half = taps.shape[2] // 2
        held = functional.pad(window, (half, half), mode="replicate")
        return functional.conv1d(held, taps, groups=len(taps))


def _low_pass(cut: float) -> torch.Tensor:
    """Return the taps of a windowed-sinc low-pass that halves `cut` cycles a sample."""
    half = round(2 / cut)
    place = torch.arange(-half, half + 1, dtype=torch.float32)
    taps = torch.sinc(2 * cut * place) * (0.54 + 0.46 * torch.cos(math.pi * place / half))
    return taps / taps.sum()


class Critic(nn.Module):
    """A window and a class to a number, higher where they look real: four convolutions.

    No normalisation over the batch, for the penalty holds for each window by itself.
    """

    def __init__(self, *, leads: int, time: int, classes: int, width: int) -> None:
        super().__init__()
        body: list[nn.Module] = []
        before, left = leads, time
        for after in (width, 2 * width, 4 * width, 4 * width):
            body += [nn.Conv1d(before, after, 5, 2, 2), nn.LeakyReLU(0.2)]
            before, left = after, -(-left // 2)
        self.body = nn.Sequential(*body, nn.Flatten())
        self.real = nn.Linear(before * left, 1)
        self.name = nn.Embedding(classes, before * left)
        nn.init.zeros_(self.name.weight)

    def forward(self, window: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return (batch,) what it thinks of `window` (batch, lead, time) of class `label`."""
        maps = self.body(window)
        found: torch.Tensor = self.real(maps).squeeze(1) + (maps * self.name(label)).sum(dim=1)
        return found


def penalty(
    critic: Critic, real: torch.Tensor, made: torch.Tensor, label: torch.Tensor
) -> torch.Tensor:
    """Return the mean of (|gradient| - 1)² of the critic between real and made windows."""
    part = torch.rand(len(real), 1, 1)
    between = (part * real + (1 - part) * made).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between, label).sum(), between, create_graph=True)
    found: torch.Tensor = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return found
