"""Samples to candidates: cuts a signal into blocks and finds in each what may be a QRS."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal import _peaks_front as front
from einthoven.signal.blocks import Block, BlockCutter
from einthoven.signal.filters import fill_gaps, median_of_three
from einthoven.signal.resample import Resampler

Ints = npt.NDArray[np.int64]

_RAMP = 0.1  # seconds over which a gap leads to the sample after it
_TOGETHER = 250_000  # samples, with their margins, of blocks that are worked on together
_CUTOFF, _HALF = 32.0, 0.1  # Hz and seconds of the low-pass that leads to the grid


@lru_cache(maxsize=16)
def _tool(rate: float, unit: int) -> Resampler:
    """Return what leads to the grid, made once for all recordings of a rate."""
    return Resampler(rate, front.GRID, cutoff=_CUTOFF, seconds=_HALF, unit=unit)


@dataclass(frozen=True, eq=False)
class Collected:
    """Blocks of one width, ready to be judged.

    Attributes
    ----------
    start, stop : (block,) the grid samples of each, [start, stop).
    signal : (block, lead, time) mV without gaps.
    stretch : the same on the grid.
    found : their candidates.
    """

    start: Ints
    stop: Ints
    signal: Signal
    stretch: front.Stretch
    found: front.Found


class Collector:
    """Finds the candidates of one recording, block by block.

    Parameters
    ----------
    rate : Hz.
    leads : how many.
    block_seconds : length of the blocks.

    Attributes
    ----------
    tool : leads to the grid.
    before : samples of a block's data before its own.
    wait : samples that must have arrived for the first sample of a block to be worked on.
    """

    def __init__(self, rate: float, leads: int, block_seconds: float) -> None:
        self._rate = rate
        unit = min(16, max(8, round(block_seconds * front.GRID)))
        tool = self.tool = _tool(rate, unit)
        if tool.aligned:
            blocks = max(1, round(block_seconds * front.GRID / tool.unit))
            size = blocks * tool.inputs
            self._lead_in = math.ceil(front.BEFORE / tool.unit)
            self._margin = self._lead_in + math.ceil(front.AFTER / tool.unit)
            before = self._lead_in * tool.inputs + tool.half + 1
            end = (self._margin + blocks - 1) * tool.inputs + tool.width + 1
            after = end - before - size + 1
        else:
            size = max(1, round(block_seconds * rate))
            before = math.ceil(front.BEFORE * tool.step) + tool.half + 3
            after = math.ceil(front.AFTER * tool.step) + tool.half + 3
        self._ramp = math.ceil(_RAMP * rate)
        # Blocks are worked on together where there are many, of one width, at once.
        width = (before + size + after + self._ramp) * leads
        self._batch = max(1, min(64, _TOGETHER // width)) if tool.aligned else 1
        self._cutter = BlockCutter(leads, size, before, after + self._ramp)
        self.before, self.wait = before, size + after + self._ramp
        self._levels = front.Levels(leads)
        self._last = np.full(leads, np.nan, np.float32)

    def push(self, chunk: Signal) -> Iterator[list[Block]]:
        """Give the blocks that `chunk` (lead, time) completes, as many together as one may."""
        many: list[Block] = []
        for block in self._cutter.push(chunk):
            many.append(block)
            if len(many) == self._batch:
                yield many
                many = []
        if many:
            yield many

    def flush(self) -> list[Block]:
        """Return the blocks that are left when the recording has ended."""
        return list(self._cutter.flush())

    def short(self, block: Block) -> Block:
        """Return a block without most of what lies beyond the recording's end."""
        step = self.tool.inputs if self.tool.aligned else 1
        size = step * math.ceil((block.stop - block.start) / step)
        width = block.data.shape[1] - self._cutter.size + size
        return Block(block.start, block.stop, block.data[:, :width])

    def grid(self, sample: int) -> int:
        """Return the first grid sample at or after a sample of the record."""
        step = self.tool.step
        return -(-sample * step.denominator // step.numerator)

    def size(self, block: Block) -> int:
        """Return how many samples a block has between its margins."""
        return int(block.data.shape[1]) - self.before - self._cutter.after

    def collect(self, blocks: list[Block]) -> Collected:
        """Return blocks of one width without gaps, on the grid, and their candidates."""
        tool = self.tool
        start = [self.grid(b.start) for b in blocks]
        stop = [self.grid(b.start + self.size(b)) for b in blocks]
        signals, gaps = [], []
        for block in blocks:
            filled, missing = block.data, None
            if not np.isfinite(filled).all():
                filled, missing = fill_gaps(filled, self._last, self._ramp)
                self._remember(block)
            else:
                self._last = block.data[:, self.size(block) - 1].copy()
            signals.append(filled)
            gaps.append(missing)
        x: Signal = signals[0][None] if len(blocks) == 1 else np.stack(signals)
        if self._rate >= 200:
            x = median_of_three(x)
        if tool.aligned:
            origins = np.array(start) - self._lead_in * tool.unit
            y = tool.rows(x[..., 1:], self._margin + self.size(blocks[0]) // tool.inputs)
        else:
            origins = np.array(start) - front.BEFORE
            y = np.stack([
                tool.at(one, b.start - self.before, a - front.BEFORE, z + front.AFTER)
                for one, b, a, z in zip(x, blocks, start, stop, strict=True)
            ])  # fmt: skip
        stretch = front.stretch(y, origins)
        side = front.REFRACTORY + front.NEAR
        column = start[0] - front.NEAR - int(origins[0])
        levels = np.full((*y.shape[:2], stop[0] - start[0] + front.NEAR + side), np.inf, np.float32)
        lost = []
        for k, block in enumerate(blocks):
            missing, gone, origin = gaps[k], None, int(origins[k])
            if missing is not None:
                at = np.rint((np.arange(y.shape[2]) + origin) * float(tool.step)).astype(np.int64)
                at -= block.start - self.before
                gone = missing[:, np.clip(at, 0, x.shape[2] - 1)]
            lost.append(gone)
            e = stretch.e[k]
            self._levels.note(e, origin, stop[k] + front.AFTER - 19, gone)
            first = max(0, start[k] - front.NEAR)
            known = self._levels.at(first, stop[k] + side, e, origin)
            levels[k, :, levels.shape[2] - known.shape[1] :] = known
            self._levels.forget(start[k])
        found = front.candidates(stretch, column, levels)
        if any(gone is not None for gone in lost):
            keep = np.ones(len(found.samples), np.bool_)
            for k, gone in enumerate(lost):
                if gone is not None:
                    here = found.block == k
                    keep[here] = ~gone[found.lead[here], found.samples[here] - origins[k]]
            found = found.where(keep)
        return Collected(np.array(start), np.array(stop), x, stretch, found)

    def _remember(self, block: Block) -> None:
        """Keep each lead's last sample before the next block's window."""
        piece = block.data[:, : self.size(block)]
        seen = np.isfinite(piece)
        for k, row in enumerate(seen):
            if row[-1]:
                self._last[k] = piece[k, -1]
            elif row.any():
                self._last[k] = piece[k, np.flatnonzero(row)[-1]]
