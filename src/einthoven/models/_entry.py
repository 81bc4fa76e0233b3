"""Entry: one row in the catalogue of architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How an architecture is built, and what it claims.

    Attributes
    ----------
    build : called with the keywords ``leads``, ``time``, ``classes``, ``side`` (numbers that go
        with each window, 0 for none) and the architecture's own arguments, each with a default.
        The module's forward eats ``window`` (batch, lead, time) float32 and, where ``side`` is not
        0, ``side`` (batch, number) float32, and gives logits (batch, class); its ``features``
        eats ``window`` and gives the last maps (batch, channel, position).
    title, paper : what it is and where it comes from.
    shape : ``(leads, time, classes)`` for which `kilobytes` is claimed.
    kilobytes : published size of the float32 numbers, 1024 B each; None where none is published.
    """

    build: Callable[..., nn.Module]
    title: str
    paper: str
    shape: tuple[int, int, int]
    kilobytes: float | None = None
