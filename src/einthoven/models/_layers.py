"""What several architectures share: one-dimensional layers, side numbers, the last layers."""

from __future__ import annotations

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


def maps(body: nn.Module, window: torch.Tensor) -> torch.Tensor:
    """Return (batch, channel, position): what a `sequence` makes of (batch, lead, time)."""
    image = window.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    found: torch.Tensor = body(image)
    return found.squeeze(2)


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
