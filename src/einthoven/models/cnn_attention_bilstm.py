"""CNN-Attention-BiLSTM: six long convolutions, a gate, two LSTMs that read both ways, a mean.

The lightweight network for twelve leads and for one of arXiv:2511.08650 (2025), read in its code:
945,865 numbers, running statistics included, for twelve leads and the nine classes of CPSC-2018;
F1 about .866 there, on rows of which those of one recording may stand in training and in test.

Differs from the paper: logits for the caller's classes, not nine by softmax; its weight decay of
1e-3 on convolutions is the recipe's business; PyTorch's LSTMs carry a second bias, 1,536 numbers,
which changes nothing. What it calls attention is a gate: it shares nothing out.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers

_PAPER = "CNN-Attention-BiLSTM 2025, arXiv:2511.08650"
_KERNEL = 15
# (channels out, share dropped) of each pair of convolutions.
_PAIRS = ((32, 0.2), (64, 0.3), (128, 0.3))
_WIDTH = 128


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d((1, 2), ceil_mode=True)


def _step(channels: int, out: int, stride: int) -> list[nn.Module]:
    return [
        layers.convolution(channels, out, _KERNEL, stride, bias=True), nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    ]  # fmt: skip


class CnnAttentionBiLstm(nn.Module):
    """Each pair of convolutions quarters the time; the gate's pooling halves it once more.

    Parameters
    ----------
    leads, classes, side : numbers of leads, of classes, and of side numbers a window (0: none).
    dropout : factor of all shares dropped in training, 1 in the paper.
    """

    def __init__(self, leads: int, classes: int, side: int, *, dropout: float) -> None:
        super().__init__()
        body: list[nn.Module] = []
        channels = leads
        for out, share in _PAIRS:
            body += [*_step(channels, out, 2), *_step(out, out, 1), _pool()]
            body.append(nn.Dropout(share * dropout))
            channels = out
        self.body = layers.sequence(*body)
        self.weigh = layers.convolution(_WIDTH, _WIDTH, 1, bias=True)
        self.thin = nn.Sequential(_pool(), nn.Dropout(0.4 * dropout))
        self.memory = nn.LSTM(_WIDTH, 128, batch_first=True, bidirectional=True)
        self.second = nn.LSTM(256, 64, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.3 * dropout)
        self.scale = layers.standardiser(side)
        self.head = nn.Sequential(
            nn.Dropout(0.5 * dropout), nn.Linear(_WIDTH + side, _WIDTH), nn.ReLU(inplace=True),
            nn.Dropout(0.4 * dropout), nn.Linear(_WIDTH, classes),
        )  # fmt: skip

    def gate(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128, position) within 0 and 1: what each map is multiplied by.

        A position stands for 64 samples; the convolutions see more on either side.
        """
        return self._gate(self.body(layers.image(window))).squeeze(2)

    def _gate(self, image: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.weigh(image).sigmoid()
        return found

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128, position): the maps that the LSTMs read, 128 samples a position."""
        image = self.body(layers.image(window))
        found: torch.Tensor = self.thin(image * self._gate(image))
        return found.squeeze(2)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        states, _ = self.memory(self.features(window).transpose(1, 2))
        states, _ = self.second(states)
        pooled = self.drop(states).mean(dim=1)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(
    *, leads: int, time: int, classes: int, side: int, dropout: float = 1.0
) -> CnnAttentionBiLstm:
    """Build it for windows of 129 samples or more, of which two positions are left."""
    layers.need("cnn-attention-bilstm", time, 129)
    return CnnAttentionBiLstm(leads, classes, side, dropout=dropout)


MODELS.add(
    "cnn-attention-bilstm",
    Entry(build=build, title="CNN-Attention-BiLSTM", paper=_PAPER, shape=(12, 1000, 9)),
)
