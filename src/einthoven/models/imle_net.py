"""IMLE-Net: attention within half a second, over the half seconds of a lead, and over the leads.

Reddy et al., "IMLE-Net: An Interpretable Multi-level Multi-channel Model for ECG Classification",
arXiv:2204.05116 (IEEE SMC 2021), read in its code: macro AUC .9216 on PTB-XL superclasses, 748,517
numbers, running statistics included, for twelve leads of 10 s at 100 Hz.

Differs from the paper: kernels of 8 samples hang over by three samples before and four behind at
every stride; samples behind the last whole piece are left out; one lead needs no attention over
leads and has none; PyTorch's LSTM carries a second bias, 512 numbers, which changes nothing. What
it calls beats are pieces of fixed length, which cut beats anywhere.
"""

from __future__ import annotations

import torch
from torch import nn

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "Reddy et al. 2021, IMLE-Net, arXiv:2204.05116"
_KERNEL, _DIM, _STATES = 8, 64, 64
# (channels out, stride) of each block.
_BLOCKS = ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))


def _convolution(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.ZeroPad2d(((_KERNEL - 1) // 2, _KERNEL // 2, 0, 0)),
        nn.Conv2d(channels, out, (1, _KERNEL), (1, stride)),
    )


class _Block(nn.Module):
    """Two convolutions and what came in, each followed by ReLU and then normalisation."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            _convolution(channels, out, stride), nn.ReLU(), nn.BatchNorm2d(out),
            _convolution(out, out),
        )  # fmt: skip
        self.past: nn.Module = nn.Identity()
        if stride != 1:
            self.past = nn.Conv2d(channels, out, 1, (1, stride))
        self.after = nn.BatchNorm2d(out)

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, time / stride) of (batch, channel, 1, time)."""
        found: torch.Tensor = self.after(torch.relu(self.way(before) + self.past(before)))
        return found


class _Attention(nn.Module):
    """A mean over positions by weights softmax(v . tanh(W x + b)), b with a row a position.

    Parameters
    ----------
    positions : largest number of them; fewer take the first rows.
    width : features of a position.
    """

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, _DIM, bias=False)
        self.bias = nn.Parameter(torch.zeros(positions, _DIM))
        self.energy = nn.Linear(_DIM, 1, bias=False)

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (..., width) and (..., position), 1 in all, of (..., position, width)."""
        bent = torch.tanh(self.weight(states) + self.bias[: states.shape[-2]])
        share = self.energy(bent).squeeze(-1).softmax(dim=-1)
        return (states * share.unsqueeze(-1)).sum(dim=-2), share


class ImleNet(nn.Module):
    """A residual network on each piece of each lead, an LSTM over the pieces, three attentions.

    Parameters
    ----------
    leads, time, classes, side : numbers of leads, of samples of the longest window, of classes,
        and of side numbers a window (0: none).
    piece : samples of a piece.
    """

    def __init__(self, leads: int, time: int, classes: int, side: int, *, piece: int) -> None:
        super().__init__()
        self._piece = piece
        body: list[nn.Module] = [_convolution(1, 32), nn.ReLU()]
        channels, positions = 32, piece
        for out, stride in _BLOCKS:
            body.append(_Block(channels, out, stride))
            channels, positions = out, -(-positions // stride)
        self.body = layers.sequence(*body)
        self.beat = _Attention(positions, channels)
        self.memory = nn.LSTM(channels, _STATES, batch_first=True, bidirectional=True)
        self.rhythm = _Attention(time // piece, 2 * _STATES)
        self.channel = _Attention(leads, 2 * _STATES) if leads > 1 else None
        self.scale = layers.standardiser(side)
        self.head = nn.Linear(2 * _STATES + side, classes)

    def _beats(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, lead, piece, 128) features and (batch, lead, piece, position) weights."""
        leads, pieces = window.shape[1], window.shape[2] // self._piece
        cut = window[:, :, : pieces * self._piece].reshape(-1, 1, self._piece)
        found, share = self.beat(layers.maps(self.body, cut).transpose(1, 2))
        shape = (-1, leads, pieces)
        return found.reshape(*shape, found.shape[1]), share.reshape(*shape, share.shape[1])

    def _levels(self, window: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return (batch, 128) features and the weights of each level."""
        found, weights = self._beats(window)
        shares = {"beat": weights}
        _, leads, pieces, width = found.shape
        states, _ = self.memory(found.reshape(-1, pieces, width))
        found, share = self.rhythm(states)
        shares["rhythm"] = share.reshape(-1, leads, pieces)
        found = found.reshape(-1, leads, 2 * _STATES)
        if self.channel is None:
            return found.squeeze(1), shares
        found, shares["channel"] = self.channel(found)
        return found, shares

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 128 * lead, piece): what each lead says in each piece, before the LSTM."""
        found, _ = self._beats(window)
        return found.transpose(2, 3).flatten(1, 2)

    def attention(self, window: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the weights of the three levels, 1 in all over the last axis.

        ``beat`` (batch, lead, piece, position), four samples a position; ``rhythm`` (batch, lead,
        piece); ``channel`` (batch, lead), not there for one lead.
        """
        return self._levels(window)[1]

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled, _ = self._levels(window)
        logits: torch.Tensor = self.head(layers.join(pooled, self.scale, side))
        return logits


def build(*, leads: int, time: int, classes: int, side: int, piece: int = 50) -> ImleNet:
    """Build it for windows of up to `time` samples and of a piece or more.

    Parameters
    ----------
    piece : samples of a piece, half a second at 100 Hz in the paper.

    Raises
    ------
    UsageError : no two pieces fit the window, or a piece is below 4 samples.
    """
    if piece < 4:
        raise UsageError("model.piece", f"is {piece}", "Give 4 or more")
    layers.need("imle-net", time, 2 * piece)
    return ImleNet(leads, time, classes, side, piece=piece)


MODELS.add("imle-net", Entry(build=build, title="IMLE-Net", paper=_PAPER, shape=(12, 1000, 5)))
