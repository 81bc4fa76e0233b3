"""HRVConformer: a conformer on nothing but the lengths of the heart beats.

Yu, Marnane, Boylan, Lightbody, "HRVConformer", arXiv:2605.26190 (2026): five minutes of NN
intervals at 4 Hz, cut into twelve pieces of 25 s; three blocks of half a feed-forward layer,
attention, convolution, half a feed-forward layer; two convolutions as the last layers, in which the
pieces are the channels and the features the length. Conformer: Gulati et al., arXiv:2005.08100.

The paper's: every width, kernel and stride, the learned bias by distance, the class token that
takes part in the blocks and is dropped behind them, and logits that end in a ReLU, so that none is
below 0; 1,462,816 numbers for one lead of 1,200 samples and 2 classes. Ours, for the paper does not
say: dropout stands behind both layers of a feed-forward part, and nowhere else; where there are
side numbers, a linear layer adds what they say to the logits. Its figures are of newborns whose
recordings are not public: no weights of that task are here.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from einthoven.models import MODELS, Entry
from einthoven.models import _layers as layers
from einthoven.record.errors import UsageError

_PAPER = "Yu, Marnane, Boylan, Lightbody 2026, arXiv:2605.26190"
_WIDTH, _HEADS, _BLOCKS, _PIECE = 144, 8, 3, 100
_HIDDEN, _KERNEL, _DROPOUT = 576, 11, 0.3
_FAR = 13  # pieces beyond which all distances are alike
_NARROW, _LAST, _POOL = 11, 3, 4  # kernels of the last layers, and what is pooled behind them


class FeedForward(nn.Module):
    """Normalisation, 144 to 576, SiLU, back to 144."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, _HIDDEN), nn.SiLU(), nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, _WIDTH), nn.Dropout(_DROPOUT),
        )  # fmt: skip

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, 144) of the same."""
        found: torch.Tensor = self.body(state)
        return found


class Attention(nn.Module):
    """Eight heads; how far two tokens lie apart adds a learned number to each head's energy."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.mixed = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.bias = nn.Parameter(torch.zeros(_HEADS, 2 * _FAR + 1))

    def weights(self, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what each token attends to (batch, head, token, token), and the values."""
        count = state.shape[1]
        parts = self.mixed(self.norm(state)).unflatten(2, (3, _HEADS, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        at = torch.arange(count, device=state.device)
        apart = (at[None, :] - at[:, None]).clamp(-_FAR, _FAR) + _FAR
        energy = query @ key.transpose(2, 3) * (_WIDTH // _HEADS) ** -0.5
        return (energy + self.bias[:, apart]).softmax(dim=3), value

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, 144) of the same."""
        weight, value = self.weights(state)
        found: torch.Tensor = self.out((weight @ value).transpose(1, 2).flatten(2))
        return found


class Convolution(nn.Module):
    """Normalisation, a gate, a convolution of each feature over 11 tokens, and a mixture."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.gate = nn.Conv1d(_WIDTH, 2 * _WIDTH, 1)
        self.body = nn.Sequential(
            nn.Conv1d(_WIDTH, _WIDTH, _KERNEL, padding=_KERNEL // 2, groups=_WIDTH),
            nn.BatchNorm1d(_WIDTH), nn.SiLU(), nn.Conv1d(_WIDTH, _WIDTH, 1),
        )  # fmt: skip

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, 144) of the same."""
        gated = functional.glu(self.gate(self.norm(state).transpose(1, 2)), dim=1)
        found: torch.Tensor = self.body(gated).transpose(1, 2)
        return found


class Block(nn.Module):
    """Half a feed-forward part, attention, convolution, half a feed-forward part; normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.attention = FeedForward(), Attention()
        self.convolution, self.second = Convolution(), FeedForward()
        self.norm = nn.LayerNorm(_WIDTH)

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, 144) of the same."""
        state = state + self.first(state) / 2
        state = state + self.attention(state)
        state = state + self.convolution(state)
        found: torch.Tensor = self.norm(state + self.second(state) / 2)
        return found


class HrvConformer(nn.Module):
    """Pieces of 100 samples to tokens, three blocks, two convolutions over the features.

    Parameters
    ----------
    leads, time, classes, side : numbers of series (1: the intervals), of samples, of classes, and
        of side numbers a window (0: none). Samples behind the last whole piece are not looked at.
    """

    def __init__(self, leads: int, time: int, classes: int, side: int) -> None:
        super().__init__()
        pieces = time // _PIECE
        self.pieces = nn.Conv1d(leads, _WIDTH, _PIECE, _PIECE)
        self.token = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(_BLOCKS))
        self.last = nn.Sequential(
            nn.Conv1d(pieces, classes, _NARROW, 2), nn.ReLU(),
            nn.Conv1d(classes, classes, _LAST, 2), nn.ReLU(), nn.AvgPool1d(_POOL),
        )  # fmt: skip
        self.scale = layers.standardiser(side)
        self.beside = nn.Linear(side, classes, bias=False) if side else None
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.normal_(self.token, std=0.02)

    def _tokens(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 1 + piece, 144): the class token, then the pieces."""
        pieces = self.pieces(window).transpose(1, 2)
        # `shape`, not `len`: an exported graph must not remember how many windows there were.
        return torch.cat([self.token.expand(pieces.shape[0], -1, -1), pieces], dim=1)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 144, piece): the last state of each piece of 100 samples."""
        state = self._tokens(window)
        for block in self.blocks:
            state = block(state)
        return state[:, 1:].transpose(1, 2)

    def attention(self, window: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``block-1`` to ``block-3``: (batch, head, token, token), 1 in all over the last.

        Token 0 is the class token, token k the k-th piece.
        """
        state, found = self._tokens(window), {}
        for number, block in enumerate(self.blocks, 1):
            assert isinstance(block, Block)
            found[f"block-{number}"] = block.attention.weights(state + block.first(state) / 2)[0]
            state = block(state)
        return found

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        logits: torch.Tensor = self.last(self.features(window).transpose(1, 2)).mean(dim=2)
        if self.beside is None:
            return logits
        assert self.scale is not None
        assert side is not None, "this network eats side numbers, too"
        said: torch.Tensor = self.beside(self.scale(side))
        return logits + said


def build(*, leads: int, time: int, classes: int, side: int) -> HrvConformer:
    """Build it.

    Raises
    ------
    UsageError : the window has not one piece of 100 samples.
    """
    if time < _PIECE:
        raise UsageError(
            "model", f"hrv-conformer takes pieces of {_PIECE} samples, a window has {time}",
            "Give longer windows: 300 s at 4 Hz are 1,200",
        )  # fmt: skip
    return HrvConformer(leads, time, classes, side)


MODELS.add(
    "hrv-conformer",
    Entry(
        build=build, title="HRVConformer", paper=_PAPER, shape=(1, 1200, 2),
        kilobytes=1_462_816 * 4 / 1024,
    ),
)  # fmt: skip
