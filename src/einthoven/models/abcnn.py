"""ABCNN: convolutions, then multi-head attention over their positions.

Liu, Zhang, "ECG-Based Heart Arrhythmia Diagnosis Through Attentional Convolutional Neural
Networks", arXiv:2108.10226 (2021). Attention after Vaswani et al., arXiv:1706.03762 (2017).

Differs from the paper: of it we know the kind of layers, convolutions on the raw ECG and multi-head
attention behind them. Widths, kernels, the two encoder layers and the weighted mean are ours.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "Liu, Zhang 2021, ABCNN, arXiv:2108.10226"
_WIDTH, _HEADS, _LAYERS, _STRIDE = 64, 4, 2, 8


def _places(positions: int) -> torch.Tensor:
    """Return (position, 64): sines and cosines of wavelengths from 2 pi to 20,000 pi positions."""
    rate = torch.exp(torch.arange(0, _WIDTH, 2) * (-math.log(10_000) / _WIDTH))
    angle = torch.arange(positions)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class _Encoder(nn.Module):
    """Each position takes from all others, then thinks by itself; both are added to what it was."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        # Without bias: the softmax would take that of the keys out again.
        self.ask = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.mix = nn.Linear(_WIDTH, _WIDTH)
        self.think = nn.Sequential(
            nn.Linear(_WIDTH, 2 * _WIDTH), nn.ReLU(inplace=True), nn.Linear(2 * _WIDTH, _WIDTH)
        )

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, position, 64) and weights (batch, head, position to, position from)."""
        size = states.shape[1]
        asked = self.ask(self.before(states)).reshape(-1, size, 3, _HEADS, _WIDTH // _HEADS)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        weight = (query @ key.transpose(2, 3) / math.sqrt(_WIDTH // _HEADS)).softmax(dim=3)
        taken = (weight @ value).transpose(1, 2).reshape(-1, size, _WIDTH)
        states = states + self.mix(taken)
        return states + self.think(self.between(states)), weight


class Abcnn(nn.Module):
    """Convolutions of 7, 5 and 3 samples, each halving the time; two encoders; weighted mean.

    Parameters
    ----------
    leads, time, classes, side : numbers of leads, of samples, of classes, and of side numbers a
        window (0: none).
    hidden : width of the layer before the last; 0 for none. Side numbers act on each other there.
    dropout : share of the pooled features dropped in training.
    """

    def __init__(
        self, leads: int, time: int, classes: int, side: int, *, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.body = layers.sequence(
            *layers.stage(leads, 32, 7), *layers.stage(32, 64, 5), *layers.stage(64, _WIDTH, 3)
        )
        # No weights: made anew at each start, so kept out of the saved numbers.
        self.register_buffer("places", _places(time // _STRIDE), persistent=False)
        self.places: torch.Tensor
        self.encoders = nn.ModuleList(_Encoder() for _ in range(_LAYERS))
        self.after = nn.LayerNorm(_WIDTH)
        self.energy = nn.Linear(_WIDTH, 1, bias=False)
        self.scale = layers.standardiser(side)
        self.head = layers.head(_WIDTH + side, hidden, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 64, time // 8): the maps over which attention is paid."""
        return layers.maps(self.body, window)

    def _states(
        self, window: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Return states (batch, position, 64), weights of their mean, and of each encoder."""
        states, weights = self.features(window).transpose(1, 2) + self.places, []
        for encoder in self.encoders:
            states, weight = encoder(states)
            weights.append(weight)
        states = self.after(states)
        return states, self.energy(states).squeeze(2).softmax(dim=1), weights

    def attention(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, time // 8): the share of each position, 1 in all for each window.

        The weights of the mean are traced back through both encoders to the maps, half of each
        step along the weights averaged over heads and half straight on (Abnar, Zuidema,
        arXiv:2005.00928). The samples of a position are told by `spans`. Attention says where the
        network took from, which is not yet why it answered.
        """
        _, share, weights = self._states(window)
        for weight in reversed(weights):
            share = (share + (share[:, None] @ weight.mean(dim=1)).squeeze(1)) / 2
        return share

    def spans(self, time: int) -> torch.Tensor:
        """Return (time // 8, 2) int64: the samples [start, stop) that each position stands for.

        They lie side by side from sample 0; the up to 7 samples left at the end belong to none.
        """
        return layers.spans(time // _STRIDE, _STRIDE)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        states, weight, _ = self._states(window)
        pooled = layers.weighted(states, weight)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, hidden: int = 0, dropout: float = 0.0
) -> Abcnn:
    """Build it for windows of `time` samples, 8 or more, and of no other length."""
    layers.need("abcnn", time, _STRIDE)
    return Abcnn(leads, time, classes, side, hidden=hidden, dropout=dropout)


MODELS.add("abcnn", Entry(build=build, title="ABCNN", paper=_PAPER, shape=(1, 360, 5)))
