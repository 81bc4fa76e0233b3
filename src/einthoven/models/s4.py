"""S4: four layers of state spaces that read the whole window both ways, mean over time.

Mehari, Strodthoff, "Advancing the State-of-the-Art for ECG Analysis through Structured State Space
Models", arXiv:2211.07579 (2022): width 512, 8 states, 4 layers, both directions, normalisation
behind each, read in its code; macro AUC .932 on PTB-XL superclasses in the re-run of
arXiv:2509.25095 (2025).

Differs from the paper: the state matrix is diagonal, S4D of Gu, Gupta, Goel, Re, "On the
Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893 (2022), begun
as S4D-Lin, in place of diagonal plus low rank; kernels are written with sine, cosine and
exponential of real numbers, since complex ones cannot be exported; dropout leaves out single
numbers.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "Mehari, Strodthoff 2022, S4, arXiv:2211.07579"
_SLOWEST, _FASTEST = 1e-3, 1e-1  # steps of time at the start, in samples


class Kernel(nn.Module):
    """Impulse responses of diagonal state spaces, both ways.

    With A = -exp(decay) + i turn and step d, the response after l samples is
    2 Re sum C (exp(dA) - 1) / A exp(dA l), the zero-order hold of x' = Ax + u, y = 2 Re Cx.

    Parameters
    ----------
    width : number of maps, each with a space of its own; each way its own C.
    states : real numbers of a space's state, even: half as many conjugate pairs.
    """

    def __init__(self, width: int, states: int) -> None:
        super().__init__()
        pairs = states // 2
        low, high = math.log(_SLOWEST), math.log(_FASTEST)
        self.step = nn.Parameter(torch.rand(width) * (high - low) + low)
        self.decay = nn.Parameter(torch.full((width, pairs), math.log(0.5)))
        self.turn = nn.Parameter(math.pi * torch.arange(pairs).float().repeat(width, 1))
        # (way, map, pair, real and imaginary part)
        self.out = nn.Parameter(torch.randn(2, width, pairs, 2) / math.sqrt(2))

    def forward(self, time: int) -> torch.Tensor:
        """Return (2, width, time): the responses forwards and backwards."""
        step = self.step.exp()[:, None]
        fall, turn = -self.decay.exp(), self.turn
        # (exp(dA) - 1) / A, in real numbers.
        grown = (fall * step).exp()
        real, imaginary = grown * (turn * step).cos() - 1, grown * (turn * step).sin()
        size = fall.square() + turn.square()
        held = (real * fall + imaginary * turn) / size, (imaginary * fall - real * turn) / size
        c = self.out
        front = c[..., 0] * held[0] - c[..., 1] * held[1]
        side = c[..., 0] * held[1] + c[..., 1] * held[0]
        when = torch.arange(time, device=step.device)
        envelope = (fall * step).unsqueeze(2) * when
        angle = (turn * step).unsqueeze(2) * when
        waves = envelope.exp() * angle.cos(), envelope.exp() * angle.sin()
        return 2 * (front.unsqueeze(3) * waves[0] - side.unsqueeze(3) * waves[1]).sum(dim=2)


class Layer(nn.Module):
    """State spaces on each map, GELU, a gated mixture of the maps; added to what came in.

    Parameters
    ----------
    width, states : see `Kernel`.
    dropout : share of the numbers dropped in training, before the mixture and behind it.
    """

    def __init__(self, width: int, states: int, dropout: float) -> None:
        super().__init__()
        self.kernel = Kernel(width, states)
        self.straight = nn.Parameter(torch.randn(width))
        self.drop = nn.Dropout(dropout)
        self.mix = nn.Conv1d(width, 2 * width, 1)
        self.after = nn.LayerNorm(width)

    def read(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (batch, width, time): `maps` through the state spaces, both ways.

        Forwards a sample tells of itself and of what was, backwards of what is to come.
        """
        time = int(maps.shape[2])  # a graph of ONNX is for windows of one length
        forwards, backwards = self.kernel(time)
        if torch.onnx.is_in_onnx_export():  # ONNX has no Fourier transform that all engines run
            both = torch.cat([forwards.flip(1), backwards[:, : time - 1]], dim=1)
            both = both.reshape(int(maps.shape[1]), 1, 2 * time - 1)
            found = functional.conv1d(maps, both, padding=time - 1, groups=len(both))
        else:
            # Twice as long, so that nothing comes round: lag -1 stands at the very end.
            both = torch.cat([forwards, backwards.flip(1)], dim=1)
            spectrum = torch.fft.rfft(maps, n=2 * time) * torch.fft.rfft(both)
            found = torch.fft.irfft(spectrum, n=2 * time)[:, :, :time]
        return found + self.straight[:, None] * maps

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, width, time) of the same."""
        read = self.drop(functional.gelu(self.read(before)))
        found = self.drop(functional.glu(self.mix(read), dim=1)) + before
        normal: torch.Tensor = self.after(found.transpose(1, 2)).transpose(1, 2)
        return normal


class _Image(nn.Module):
    """(batch, channel, position) to (batch, channel, 1, position), as other bodies end."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the same numbers with one axis more."""
        return maps.unsqueeze(2)


def build(
    *, leads: int, time: int, classes: int, side: int, width: int = 512, states: int = 8,
    depth: int = 4, dropout: float = 0.2,
) -> layers.Pooled:  # fmt: skip
    """Build it. Any `time` fits; nothing is thinned on the way.

    As ONNX it takes time squared, since every layer is there one convolution of the whole window.

    Parameters
    ----------
    width : number of maps.
    states : real numbers of each map's state, even.
    depth : number of layers.
    dropout : share of the numbers dropped in training.

    Raises
    ------
    UsageError : `states` is odd or below 2.
    """
    del time
    if states < 2 or states % 2:
        raise UsageError("model.states", f"is {states}", "Give an even number, 2 or more")
    body = nn.Sequential(
        nn.Flatten(2), nn.Conv1d(leads, width, 1),
        *(Layer(width, states, dropout) for _ in range(depth)), _Image(),
    )  # fmt: skip
    return layers.Pooled(body, layers.head(width + side, 0, classes, 0.0), side)


MODELS.add("s4", Entry(build=build, title="S4", paper=_PAPER, shape=(12, 250, 5)))
