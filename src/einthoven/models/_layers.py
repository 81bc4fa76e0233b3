"""What several architectures share: one-dimensional layers, side numbers, the last layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from einthoven.record.errors import UsageError


def convolution(
    channels: int, out: int, kernel: int, stride: int = 1, *, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """Return a convolution over the last axis of (batch, channel, 1, time), padded by half.

    It is one-dimensional, written as two: PyTorch's channels-last layout exists for 2-D alone, and
    with it a training step of ArrhythmiNet on a CPU takes 0.55 (V2) to 0.67 (V1) of Conv1d's time.
    """
    return nn.Conv2d(
        channels, out, (1, kernel), (1, stride), (0, kernel // 2), groups=groups, bias=bias
    )


def stage(channels: int, out: int, kernel: int) -> list[nn.Module]:
    """Return convolution, normalisation, ReLU, and the larger of each two samples."""
    return [
        convolution(channels, out, kernel), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
        nn.MaxPool2d((1, 2)),
    ]  # fmt: skip


def sequence(*layers: nn.Module) -> nn.Sequential:
    """Return layers one after the other, in channels-last."""
    made: nn.Sequential = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made


def image(window: torch.Tensor) -> torch.Tensor:
    """Return (batch, lead, 1, time) in channels-last, which a `sequence` eats."""
    return window.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def maps(body: nn.Module, window: torch.Tensor) -> torch.Tensor:
    """Return (batch, channel, position): what a `sequence` makes of (batch, lead, time)."""
    found: torch.Tensor = body(image(window))
    return found.squeeze(2)


def excitation(channels: int, few: int) -> nn.Sequential:
    """Return weights within 0 and 1 of (batch, channel, 1, 1) numbers, over `few` hidden ones.

    Squeeze and excitation after Hu, Shen, Sun, arXiv:1709.01507 (2017).
    """
    return nn.Sequential(
        nn.Conv2d(channels, few, 1), nn.ReLU(inplace=True), nn.Conv2d(few, channels, 1),
        nn.Sigmoid(),
    )  # fmt: skip


class Residual(nn.Module):
    """ReLU of input and two convolutions of it; a 1-sample convolution brings the input along.

    The basic block of He, Zhang, Ren, Sun, arXiv:1512.03385 (2015).

    Parameters
    ----------
    channels, out : numbers of maps in and out.
    kernels : samples of the first and of the second convolution, odd.
    stride : of the first convolution.
    dropout : share of the numbers between the convolutions dropped in training.
    few : hidden width of an `excitation` of the second convolution's maps; 0 for none.
    """

    def __init__(
        self, channels: int, out: int, kernels: tuple[int, int], stride: int, *,
        dropout: float = 0.0, few: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.way = nn.Sequential(
            convolution(channels, out, kernels[0], stride), nn.BatchNorm2d(out),
            nn.ReLU(inplace=True), *([nn.Dropout(dropout)] if dropout else []),
            convolution(out, out, kernels[1]), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.excite = excitation(out, few) if few else None
        self.past: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.past = nn.Sequential(convolution(channels, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, before: torch.Tensor) -> torch.Tensor:
        """Return (batch, out, 1, time / stride) of (batch, channel, 1, time)."""
        found: torch.Tensor = self.way(before)
        if self.excite is not None:
            found = found * self.excite(found.mean(dim=3, keepdim=True))
        return torch.relu(found + self.past(before))


def mean(maps: torch.Tensor) -> torch.Tensor:
    """Return (batch, channel): the mean of (batch, channel, position) over the positions."""
    return maps.mean(dim=2)


def largest_and_mean(maps: torch.Tensor) -> torch.Tensor:
    """Return (batch, 2 * channel): largest and mean of (batch, channel, position)."""
    return torch.cat([maps.amax(dim=2), maps.mean(dim=2)], dim=1)


class Pooled(nn.Module):
    """Layers over time, one number or two a map, the side numbers behind them, the last layers.

    Parameters
    ----------
    body : (batch, lead, 1, time) to (batch, channel, 1, position), see `sequence`.
    last : pooled features and side numbers to logits, see `head` and `wide_head`.
    side : number of side numbers a window (0: none).
    pool : (batch, channel, position) to (batch, feature).
    """

    def __init__(
        self, body: nn.Module, last: nn.Module, side: int,
        pool: Callable[[torch.Tensor], torch.Tensor] = mean,
    ) -> None:  # fmt: skip
        super().__init__()
        self.body, self.scale, self.head, self._pool = body, standardiser(side), last, pool

    def features(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, channel, position): the last maps before they are pooled over time."""
        return maps(self.body, window)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (batch, class) of `window` (batch, lead, time), `side` (batch, number)."""
        pooled = self._pool(self.features(window))
        logits: torch.Tensor = self.head(join(pooled, self.scale, side))
        return logits


def energy(width: int, hidden: int) -> nn.Sequential:
    """Return v . tanh(W h + b) of each state h, (..., width) to (..., 1), for a softmax.

    The additive attention of Bahdanau, Cho, Bengio, arXiv:1409.0473 (2014), without a query.
    """
    # No bias after v: the softmax would take it out again.
    return nn.Sequential(
        nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False)
    )  # fmt: skip


def weighted(states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return (batch, channel): the sum of states (batch, position, channel), each by its weight."""
    return (weight.unsqueeze(2) * states).sum(dim=1)


def standardiser(side: int) -> nn.BatchNorm1d | None:
    """Return what brings `side` numbers, each in a unit of its own, to one scale; None for 0."""
    return nn.BatchNorm1d(side) if side else None


def join(
    pooled: torch.Tensor, scale: nn.BatchNorm1d | None, side: torch.Tensor | None
) -> torch.Tensor:
    """Return (batch, feature): `pooled` and behind it the standardised side numbers, if any."""
    if scale is None:
        return pooled
    assert side is not None, "this network eats side numbers, too"
    return torch.cat([pooled, scale(side)], dim=1)


def head(width: int, hidden: int, classes: int, dropout: float) -> nn.Sequential:
    """Return `width` features to logits, over `hidden` ones unless that is 0.

    Parameters
    ----------
    dropout : share of the features dropped in training.
    """
    layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    if hidden:
        layers += [nn.Linear(width, hidden), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(hidden or width, classes))


def wide_head(width: int, classes: int) -> nn.Sequential:
    """Return `width` features to logits as in the PTB-XL benchmark, arXiv:2004.13701 (2020).

    Twice normalisation, dropout and a linear layer: dropout .25 before the 128 hidden features,
    .5 behind them.
    """
    return nn.Sequential(
        nn.BatchNorm1d(width), nn.Dropout(0.25), nn.Linear(width, 128), nn.ReLU(inplace=True),
        nn.BatchNorm1d(128), nn.Dropout(0.5), nn.Linear(128, classes),
    )  # fmt: skip


def normal(net: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers from He's normal law; biases become 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def spans(positions: int, stride: int) -> torch.Tensor:
    """Return (position, 2) int64: first sample of each position, and the first past it."""
    start = torch.arange(positions) * stride
    return torch.stack([start, start + stride], dim=1)


def need(name: str, time: int, least: int) -> None:
    """Refuse windows from which no position would be left.

    Raises
    ------
    UsageError : `time` is below `least` samples.
    """
    if time < least:
        raise UsageError(
            name, f"cannot eat a window of {time} samples", f"Give {least} or more in input.window"
        )
