"""S4: four layers of state spaces that read the whole window both ways, mean over time.

Mehari, Strodthoff, "Advancing the State-of-the-Art for ECG Analysis through Structured State Space
Models", arXiv:2211.07579 (2022): width 512, 8 states, 4 layers, both directions, normalisation
behind each, read in its code; macro AUC .932 on PTB-XL superclasses in the re-run of
arXiv:2509.25095 (2025).

Differs from the paper: the state matrix is diagonal, S4D of Gu, Gupta, Goel, Re, "On the
Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893 (2022), begun
as S4D-Lin, in place of diagonal plus low rank; its responses are applied in blocks, not by Fourier
transform, and written with sine, cosine and exponential of real numbers, since complex ones cannot
be exported; dropout leaves out single numbers.
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
_BLOCK = 32  # samples


class StateSpaces(nn.Module):
    """A diagonal state space on each map, run over the window forwards and backwards.

    With A = -exp(decay) + i turn and step d, the response after l samples is
    2 Re sum C (exp(dA) - 1) / A exp(dA l), the zero-order hold of x' = Ax + u, y = 2 Re Cx. The
    window is cut into blocks: within a block the responses are a matrix, between blocks the states
    are handed on, which takes time linear in the window and needs no Fourier transform.

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
        apart = torch.arange(_BLOCK)[None, :] - torch.arange(_BLOCK)[:, None]
        # [from, to] -> place in the responses of lags -31 to 31.
        self.register_buffer("lags", apart + _BLOCK - 1, persistent=False)
        self.lags: torch.Tensor

    def _powers(self, when: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (map, pair, moment) real and imaginary part of exp(dA moment)."""
        step = self.step.exp()[:, None, None]
        size = (-self.decay.exp().unsqueeze(2) * step * when).exp()
        angle = self.turn.unsqueeze(2) * step * when
        return size * angle.cos(), size * angle.sin()

    def _told(self, when: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (way, map, pair, moment): what state and its imaginary part tell after a while."""
        real, imaginary = self._powers(torch.ones_like(when[:1]))
        fall, turn = -self.decay.exp(), self.turn
        # (exp(dA) - 1) / A, in real numbers.
        real, imaginary = real.squeeze(2) - 1, imaginary.squeeze(2)
        size = fall.square() + turn.square()
        held = (real * fall + imaginary * turn) / size, (imaginary * fall - real * turn) / size
        c = self.out
        front = (c[..., 0] * held[0] - c[..., 1] * held[1]).unsqueeze(3)
        aside = (c[..., 0] * held[1] + c[..., 1] * held[0]).unsqueeze(3)
        wave = self._powers(when)
        return (
            2 * (front * wave[0] - aside * wave[1]), -2 * (front * wave[1] + aside * wave[0])
        )  # fmt: skip

    def response(self, time: int) -> torch.Tensor:
        """Return (2, map, time): forwards from lag 0 on, backwards from lag -1 on."""
        return self._told(torch.arange(time, device=self.step.device))[0].sum(dim=2)

    def _handed(
        self, real: torch.Tensor, imaginary: torch.Tensor, blocks: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states at the beginning of each block, of what each block has to hand on.

        All are (map, batch, block, 2 * pair). Each pass reaches twice as far back as the last.
        """
        back = 1
        while back < blocks:
            moment = torch.tensor([float(back * _BLOCK)], device=real.device)
            a, b = (p.squeeze(2)[:, None, None].repeat(1, 1, 1, 2) for p in self._powers(moment))
            r, i = _late(real, back), _late(imaginary, back)
            real, imaginary = real + a * r - b * i, imaginary + a * i + b * r
            back *= 2
        return _late(real, 1), _late(imaginary, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (batch, map, time) of the same: forwards what is and was, backwards what comes."""
        width, time = int(maps.shape[1]), int(maps.shape[2])
        blocks, pairs = -(-time // _BLOCK), self.turn.shape[1]
        when = torch.arange(_BLOCK, device=maps.device)
        cut = functional.pad(maps, (0, blocks * _BLOCK - time)).transpose(0, 1)
        cut = cut.reshape(width, -1, _BLOCK)
        near = self.response(_BLOCK)
        lags = torch.cat([near[1, :, :-1].flip(1), near[0]], dim=1)
        inside = lags[:, self.lags.flatten()].reshape(width, _BLOCK, _BLOCK)
        # What a block hands on: forwards to the one after it, backwards to the one before it.
        after, before = self._powers(_BLOCK - when), self._powers(when)
        keep = [torch.cat([after[p], before[p]], dim=1).transpose(1, 2) for p in (0, 1)]
        made = torch.bmm(cut, torch.cat([inside, *keep], dim=2))
        made = made.reshape(width, -1, blocks, _BLOCK + 4 * pairs)
        here, on = made[..., :_BLOCK], made[..., _BLOCK:]
        real, imaginary = _turned(on[..., : 2 * pairs]), _turned(on[..., 2 * pairs :])
        real, imaginary = self._handed(real, imaginary, blocks)
        state = torch.cat([_turned(real), _turned(imaginary)], dim=3)
        forwards, backwards = self._told(when), self._told(_BLOCK - 1 - when)
        tell = torch.cat([torch.cat([forwards[p][0], backwards[p][1]], dim=1) for p in (0, 1)], 1)
        there = torch.bmm(state.reshape(width, -1, 4 * pairs), tell)
        found: torch.Tensor = here + there.reshape(width, -1, blocks, _BLOCK)
        return found.reshape(width, -1, blocks * _BLOCK)[:, :, :time].transpose(0, 1)


def _late(states: torch.Tensor, blocks: int) -> torch.Tensor:
    """Return (map, batch, block, state) some blocks later, with zeros before."""
    return functional.pad(states[:, :, :-blocks], (0, 0, blocks, 0))


def _turned(states: torch.Tensor) -> torch.Tensor:
    """Return (map, batch, block, state) with the latter half, the way back, in reverse order."""
    pairs = states.shape[3] // 2
    return torch.cat([states[..., :pairs], states[..., pairs:].flip(2)], dim=3)


class Layer(nn.Module):
    """State spaces on each map, GELU, a gated mixture of the maps; added to what came in.

    Parameters
    ----------
    width, states : see `StateSpaces`.
    dropout : share of the numbers dropped in training, before the mixture and behind it.
    """

    def __init__(self, width: int, states: int, dropout: float) -> None:
        super().__init__()
        self.spaces = StateSpaces(width, states)
        self.straight = nn.Parameter(torch.randn(width))
        self.drop = nn.Dropout(dropout)
        self.mix = nn.Conv1d(width, 2 * width, 1)
        self.after = nn.LayerNorm(width)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, width, time) of the same."""
        read = self.spaces(before) + self.straight[:, None] * before
        read = self.drop(functional.gelu(read))
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
