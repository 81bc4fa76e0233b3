"""Blocks at absolute samples: why the answers never depend on how a signal was cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from einthoven.record.record import Signal


@dataclass(frozen=True)
class Block:
    """The samples [start, stop) of a stream, with what stands around them.

    Attributes
    ----------
    start, stop : absolute samples; ``start`` is a multiple of the block's size.
    data : (lead, before + size + after) mV float32, always this wide; NaN beyond the recording.
    """

    start: int
    stop: int
    data: Signal


class BlockCutter:
    """Cuts a stream into blocks of `size` samples with margins, whatever pieces it arrives in.

    A block is given as soon as its right margin has arrived, or at the end of the recording, so a
    function of the block's data alone gives the same answers for every chunking.
    """

    def __init__(self, leads: int, size: int, before: int, after: int) -> None:
        self.size, self.before, self.after = size, before, after
        # The buffer begins at absolute sample `_origin`; missing past is NaN.
        self._buffer = np.full((leads, before), np.nan, np.float32)
        self._origin = -before
        self._next = 0
        self._pieces: list[Signal] = []
        self._arrived = 0

    def push(self, chunk: Signal) -> Iterator[Block]:
        """Give the blocks that `chunk` (lead, time) completes."""
        self._pieces.append(np.asarray(chunk, np.float32))
        self._arrived += chunk.shape[1]
        if self._arrived < self._next + self.size + self.after:
            return
        self._buffer = np.concatenate([self._buffer, *self._pieces], axis=1)
        self._pieces = []
        while self._arrived >= self._next + self.size + self.after:
            yield self._cut(self._next + self.size)
        keep = self._next - self.before - self._origin
        self._buffer = self._buffer[:, keep:].copy()
        self._origin += keep

    def flush(self) -> Iterator[Block]:
        """Give what is left, padded with NaN; the stream has ended."""
        self._buffer = np.concatenate([self._buffer, *self._pieces], axis=1)
        self._pieces = []
        pad = np.full((self._buffer.shape[0], self.size + self.after), np.nan, np.float32)
        self._buffer = np.concatenate([self._buffer, pad], axis=1)
        while self._next < self._arrived:
            stop = min(self._next + self.size, self._arrived)
            yield self._cut(stop)

    def _cut(self, stop: int) -> Block:
        left = self._next - self.before - self._origin
        width = self.before + self.size + self.after
        block = Block(self._next, stop, self._buffer[:, left : left + width])
        self._next += self.size
        return block
