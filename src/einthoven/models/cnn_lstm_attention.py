"""CNN-LSTM-Attention: as CNN-LSTM, but all states are averaged, each with a weight of its own.

Song, Zheng, Chen, Wang, Shi, Chen, "Deep Neural Network Architectures for Electrocardiogram
Classification: A Comprehensive Evaluation", arXiv:2602.17701 (2026). The weights are the additive
attention of Bahdanau, Cho, Bengio, arXiv:1409.0473 (2014), without a query.

Differs from the paper: of the layers only the kind is known, so widths, kernels, pooling, the
second direction of the LSTM and the form of the attention are ours.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

PAPER = "Song et al. 2026, arXiv:2602.17701"
_STRIDE = 8


class CnnLstmAttention(nn.Module):
    """Convolutions of 7, 5 and 5 samples, each halving the time; LSTM; attention; 64 features.

    The weight of state h is softmax over time of v . tanh(W h + b). An LSTM carries what it read
    on, so a weight says where the network looked for its answer, not where the answer arose.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    dropout : share of the pooled features dropped in training.
    """

    def __init__(self, leads: int, classes: int, side: int, *, dropout: float) -> None:
        super().__init__()
        self.body = layers.sequence(
            *layers.stage(leads, 32, 7), *layers.stage(32, 64, 5), *layers.stage(64, 128, 5)
        )
        self.memory = nn.LSTM(128, 64, batch_first=True, bidirectional=True)
        self.energy = layers.energy(128, 64)
        self.scale = layers.standardiser(side)
        self.head = layers.head(128 + side, 64, classes, dropout)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128, time // 8): the maps that the LSTM reads."""
        return layers.maps(self.body, window)

    def _states(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, position, 128) states of the LSTM and (batch, position) weights."""
        states, _ = self.memory(self.features(window).transpose(1, 2))
        return states, self.energy(states).squeeze(2).softmax(dim=1)

    def attention(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, time // 8): the weight of each position, 1 in all for each window.

        The samples of a position are told by `spans`.
        """
        return self._states(window)[1]

    def spans(self, time: int) -> torch.Tensor:
        """Return (time // 8, 2) int64: the samples [start, stop) that each position stands for.

        They lie side by side from sample 0; the up to 7 samples left at the end belong to none.
        The convolutions see 15 samples more on either side, the LSTM the whole window.
        """
        return layers.spans(time // _STRIDE, _STRIDE)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        states, weight = self._states(window)
        pooled = layers.weighted(states, weight)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, dropout: float = 0.0
) -> CnnLstmAttention:
    """Build it for windows of 8 samples or more."""
    layers.need("cnn-lstm-attention", time, _STRIDE)
    return CnnLstmAttention(leads, classes, side, dropout=dropout)


MODELS.add(
    "cnn-lstm-attention",
    Entry(build=build, title="CNN-LSTM-Attention", paper=PAPER, shape=(1, 360, 5)),
)
