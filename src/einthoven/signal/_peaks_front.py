"""The front end of the R-peak detector: samples to candidates and what describes them.

All work is done on a grid of 90 Hz, on which QRS complexes keep their shape and a half hour is
162,000 samples. Everything is a function of a bounded stretch of signal, so that a block cut
anywhere gives what the whole recording gives; only the per-second maxima of the envelope are
carried from block to block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal.filters import bandpass_taps, moving_mean

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

GRID = 90  # Hz
NEAR = 9  # a candidate is the largest of its envelope within +-0.1 s
REFRACTORY = 18  # of two candidates within 0.2 s the likelier one stands
_BASE = 55  # samples of the moving mean that is taken twice as the baseline
_BACK, _AHEAD = 144, 72  # how far the envelope is looked at, 1.6 s and 0.8 s
_THRESHOLD = 0.12  # of the level
_FLOOR = 1e-3  # mV; an envelope below it is no ECG but the rounding of one
_SECONDS = 10  # the level looks at that many 1-s maxima

# Share of the learnt offset that is used: all of it fits the patients of the training too well.
OFFSET = 0.5

BEFORE, AFTER = 176, 120  # grid samples around a block that its candidates depend on

_SHAPE = np.arange(-32, 33, 2)
_NEARBY = np.arange(-45, 46)
_RHYTHM = np.arange(-_BACK, _AHEAD + 1, 4)
FEATURES = len(_SHAPE) + len(_RHYTHM) + 7

_TAPS = bandpass_taps(GRID, (7.0, 24.0), 31)
_ROW = 32


def _bandpass_matrix() -> Floats:
    matrix = np.zeros((_ROW + len(_TAPS) - 1, _ROW), np.float32)
    for j in range(_ROW):
        matrix[j : j + len(_TAPS), j] = _TAPS
    return matrix


_BANDPASS = _bandpass_matrix()


def _bandpass(y: Signal) -> Signal:
    """Return (block, lead, time - 30) of `y` through the 31 taps, a matrix product a block."""
    count = y.shape[-1] - len(_TAPS) + 1
    rows = -(-count // _ROW)
    need = (rows - 1) * _ROW + len(_BANDPASS)
    padded = np.zeros((*y.shape[:-1], need), np.float32)
    padded[..., : y.shape[-1]] = y
    view = np.lib.stride_tricks.sliding_window_view(padded, len(_BANDPASS), axis=-1)
    rows_of = np.ascontiguousarray(view[..., ::_ROW, :]).reshape(len(y), -1, len(_BANDPASS))
    return (rows_of @ _BANDPASS).reshape(*y.shape[:-1], -1)[..., :count]


@dataclass
class Stretch:
    """Blocks of one width on the grid, with their surroundings.

    Attributes
    ----------
    origins : (block,) grid sample of the first column; the others are (block, lead, time) from
        there. To the bit each block is as if it were alone.
    s : low-passed signal without its baseline, mV.
    e : envelope, mV: RMS of the 7-24 Hz band over 0.1 s.
    smooth : `e` over 5 samples.
    """

    origins: Ints
    s: Signal
    e: Signal
    smooth: Signal


def stretch(y: Signal, origins: Ints) -> Stretch:
    """Return what is read off the low-passed signal `y` (block, lead, time) on the grid.

    Columns too near the ends to be known are 0.
    """
    width = y.shape[-1]
    e = np.zeros_like(y)
    band = _bandpass(y)
    mean = moving_mean(band * band, 9)
    e[..., 19 : width - 19] = np.sqrt(np.maximum(mean, 0))
    s = np.zeros_like(y)
    baseline = moving_mean(moving_mean(y, _BASE), _BASE)
    s[..., _BASE - 1 : width - _BASE + 1] = y[..., _BASE - 1 : width - _BASE + 1] - baseline
    smooth = np.zeros_like(y)
    smooth[..., 2 : width - 2] = moving_mean(e, 5)
    return Stretch(origins, s, e, smooth)


class Levels:
    """How high the envelope of a QRS stands, from the maxima of absolute seconds.

    The level at grid sample n knows the seconds that end within 0.82 s after n, ten at most: so
    the first beat of a recording is judged as soon as any other.
    """

    def __init__(self, leads: int) -> None:
        # The column of second k is k - `_oldest`; those before the recording count for nothing.
        self._maxima = np.zeros((leads, _SECONDS), np.float32)
        self._oldest = -_SECONDS
        self._last: tuple[tuple[int, int], Floats] = ((-1, -1), self._maxima)

    def note(
        self, e: Signal, origin: int, until: int, missing: npt.NDArray[np.bool_] | None
    ) -> None:
        """Remember the maxima of the seconds that end at or before grid sample `until`.

        Parameters
        ----------
        e : (lead, time) envelope, mV, from grid sample `origin`.
        missing : (lead, time) where it is not known.
        """
        second = self._oldest + self._maxima.shape[1]
        count = until // GRID - second
        if count <= 0:
            return
        a = second * GRID - origin
        leads = len(e)
        pieces = e[:, a : a + count * GRID].reshape(leads, count, GRID)
        top = pieces.max(axis=2)
        if missing is not None:
            gone = missing[:, a : a + count * GRID].reshape(leads, count, GRID).mean(axis=2) > 0.5
            top[gone] = 0
        self._maxima = np.concatenate([self._maxima, top], axis=1)

    def at(self, start: int, stop: int, e: Signal, origin: int) -> Floats:
        """Return (lead, stop - start) levels in mV of grid samples; 0 where nothing is known."""
        first = (start + _AHEAD + 2) // GRID
        last = (stop - 1 + _AHEAD + 2) // GRID
        begin = first * GRID - _AHEAD - 2
        # Nine of ten short blocks ask for the same seconds as the one before.
        if self._last[0] != (first, last):
            a = first - _SECONDS - self._oldest
            seen = self._maxima[:, a : last - self._oldest]
            windows = np.lib.stride_tricks.sliding_window_view(seen, _SECONDS, axis=1)
            value = _sixtieth(windows)
            if first == 0:
                # The first 0.2 s: what has been seen until the earliest of them must be answered.
                value[:, 0] = e[:, -origin : _AHEAD - origin].max(axis=1)
            known = (first, last) if first else (-1, -1)
            self._last = known, np.repeat(value, GRID, axis=1)
        return self._last[1][:, start - begin : stop - begin]

    def forget(self, before: int) -> None:
        """Drop the seconds no later level will ask for."""
        drop = before // GRID - _SECONDS - 2 - self._oldest
        if drop > 0:
            self._maxima = self._maxima[:, drop:]
            self._oldest += drop


def _sixtieth(maxima: Floats) -> Floats:
    """Return (lead, unit): 60th percentile of (lead, unit, second) maxima that are not rounding.

    With fewer than three seconds the largest speaks.
    """
    ordered = np.sort(np.where(maxima > _FLOOR, maxima, np.float32(np.inf)), axis=2)
    count = np.isfinite(ordered).sum(axis=2)
    place = np.where(count > 2, 0.6 * (count - 1), np.maximum(count - 1, 0))
    low = place.astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    a = np.take_along_axis(ordered, low[..., None], axis=2)[..., 0]
    b = np.take_along_axis(ordered, high[..., None], axis=2)[..., 0]
    none = count == 0
    a, b = np.where(none, np.float32(0), a), np.where(none, np.float32(0), b)
    out: Floats = a + (b - a) * (place - low).astype(np.float32)
    return out


@dataclass
class Found:
    """Candidates of some blocks, sorted by block, lead and time; the arrays are (candidate,).

    Attributes
    ----------
    block, lead : rows of the stretch.
    samples : grid samples.
    ratios : envelope over level.
    """

    block: Ints
    lead: Ints
    samples: Ints
    ratios: Floats

    def where(self, keep: npt.NDArray[np.bool_] | slice) -> Found:
        """Return some of them."""
        return Found(self.block[keep], self.lead[keep], self.samples[keep], self.ratios[keep])


def candidates(of: Stretch, start: int, levels: Floats) -> Found:
    """Return grid samples where a lead's envelope may be that of a QRS.

    Parameters
    ----------
    of : the blocks.
    start : the column that `levels` begin with.
    levels : (block, lead, time) mV; infinite where nothing is asked.
    """
    e, a, b = of.e, start, start + levels.shape[-1]
    here = e[..., a:b]
    peak = (here > e[..., a - 1 : b - 1]) & (here >= e[..., a + 1 : b + 1])
    peak &= (here > _THRESHOLD * levels) & (here > _FLOOR)
    block, lead, index = np.nonzero(peak)
    at = index + a
    around = e[block[:, None], lead[:, None], at[:, None] + np.arange(-NEAR, NEAR + 1)]
    largest = around.argmax(axis=1) == NEAR
    block, lead, index, at = block[largest], lead[largest], index[largest], at[largest]
    level = np.maximum(levels[block, lead, index], np.float32(_FLOOR))
    return Found(block, lead, at + of.origins[block], e[block, lead, at] / level)


def describe(of: Stretch, found: Found) -> Floats:
    """Return (candidate, feature) float32: shape, surroundings and seven logarithms."""
    at = found.samples - of.origins[found.block]
    which = found.block[:, None], found.lead[:, None]
    here = of.e[found.block, found.lead, at]
    level = here / found.ratios
    shape = of.s[(*which, at[:, None] + _NEARBY)]
    peak = np.abs(shape[:, 29:62]).max(axis=1)
    tiny = np.float32(1e-6)
    form = np.clip(shape[:, 13:78:2] / np.maximum(peak, tiny)[:, None], -3, 3)
    around = of.smooth[(*which, at[:, None] + _RHYTHM)]
    rhythm = np.log1p(np.minimum(4 * around / level[:, None], np.float32(4000)))
    # Indices into `_RHYTHM`, whose steps are 4 samples from -144.
    past = around[:, 9:32].max(axis=1)
    future = around[:, 43:].max(axis=1)
    bend = np.abs(np.diff(shape[:, 22:69], n=2, axis=1)).mean(axis=1)
    swing = np.abs(shape[:, 9:82]).mean(axis=1)
    mean = around[:, 14:].mean(axis=1)
    numbers = np.stack([found.ratios, here / np.maximum(past, tiny),
        here / np.maximum(future, tiny), peak / here, bend / here, swing / here, mean / here],
        axis=1)  # fmt: skip
    numbers = np.log(np.clip(numbers, 1e-3, 1e3))
    return np.concatenate([form, rhythm, numbers], axis=1).astype(np.float32, copy=False)


def alone(strengths: Mapping[int, tuple[Ints, Floats]], start: int, stop: int) -> tuple[Ints, Ints]:
    """Return the candidates in [start, stop) that no lead's stronger candidate within 0.1 s beats.

    Parameters
    ----------
    strengths : for each lead, samples and strengths of its candidates, known from `NEAR` before
        `start` to `NEAR` after `stop`.

    Returns
    -------
    samples : (candidate,) grid samples, sorted, more than `NEAR` apart or equal in strength.
    leads : (candidate,) the lead each comes from.
    """
    samples = np.concatenate([v[0] for v in strengths.values()])
    ratios = np.concatenate([v[1] for v in strengths.values()])
    leads = np.concatenate([np.full(len(v[0]), k) for k, v in strengths.items()]).astype(np.int64)
    order = np.lexsort((leads, samples))
    samples, ratios, leads = samples[order], ratios[order], leads[order]
    keep = (samples >= start) & (samples < stop)
    for shift in range(1, 2 * len(strengths) + 1):
        close = samples[shift:] - samples[:-shift] <= NEAR
        weaker = ratios[:-shift] < ratios[shift:]
        keep[:-shift] &= ~(close & weaker)
        keep[shift:] &= ~(close & ~weaker)
    return samples[keep], leads[keep]
