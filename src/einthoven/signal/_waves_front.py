"""What the net of the waves is fed: one lead at 250 Hz, without its baseline, of usual size.

Training and engine share these functions. A window is all they know: what lies beyond its edges,
or is missing inside it, takes no part in the baseline nor in the size.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal.filters import median_of_three
from einthoven.signal.resample import resample

GRID = 250  # Hz
REACH = GRID  # grid samples on either side that the baseline is a mean of
CLIP = 4.0
_SHARE = 98  # percentile of |x| that becomes 1
_FLAT = 0.005  # mV; a lead whose waves are smaller has none
# Below this rate a pacemaker's spike has been smeared by the recorder and is wider than a sample.
_SPIKES = 400.0


def front(signal: Signal, rate: float) -> Signal:
    """Return (lead, time') float32 at 250 Hz, as the net eats it; 0 where missing or flat.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    rate : Hz.
    """
    signal = np.atleast_2d(np.asarray(signal, np.float32))
    return normal(resample(despiked(signal, rate), rate, GRID))


def despiked(signal: Signal, rate: float) -> Signal:
    """Return (lead, time) without spikes of 2 ms: a pacemaker's are no part of a QRS."""
    half = round(0.002 * rate)
    if rate < _SPIKES or signal.shape[1] <= 2 * half:
        return signal
    if half == 1:
        return median_of_three(signal)
    out = signal.copy()
    for row, to in zip(signal, out, strict=True):
        views = np.lib.stride_tricks.sliding_window_view(row, 2 * half + 1)
        to[half:-half] = np.median(views, axis=1)
    return out


def normal(grid: Signal) -> Signal:
    """Return (lead, time) float32: baseline and median off, the 98th percentile of |x| is 1.

    Parameters
    ----------
    grid : (lead, time) mV at 250 Hz, NaN where missing.
    """
    return scaled(level(grid))


def level(grid: Signal) -> Signal:
    """Return (lead, time) mV at 250 Hz less its baseline and median; NaN stays NaN.

    The baseline is a mean under a Hann window of 2 s (half amplitude at 0.5 Hz, none of 1 Hz), of
    the samples there are: zero phase, and no more than a second of reach.
    """
    there = np.isfinite(grid)
    x = np.where(there, grid, 0).astype(np.float64)
    size, kernel = _kernel(1 << int(np.ceil(np.log2(grid.shape[1] + 2 * REACH + 1))))

    def smooth(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        out = np.fft.irfft(np.fft.rfft(rows, size, axis=1) * kernel, size, axis=1)
        return out[:, REACH : REACH + grid.shape[1]]

    every = bool(there.all())
    weight = smooth(there[:1] if every else there.astype(np.float64))
    x = np.where(there, x - smooth(x) / np.maximum(weight, 1e-6), np.nan)
    for row, seen in zip(x, there, strict=True):
        if seen.any():
            row -= np.median(row[seen])
    return x.astype(np.float32)


def scaled(levelled: Signal) -> Signal:
    """Return `level`'s answer divided by its 98th percentile and clipped; 0 where missing."""
    out = np.zeros_like(levelled, np.float32)
    for row, to in zip(levelled, out, strict=True):
        seen = np.isfinite(row)
        if not seen.any():
            continue
        size = np.percentile(np.abs(row[seen]), _SHARE)
        if size >= _FLAT:
            to[seen] = np.clip(row[seen] / size, -CLIP, CLIP)
    return out


@lru_cache(maxsize=4)
def _kernel(size: int) -> tuple[int, npt.NDArray[np.complex128]]:
    taps = np.hanning(2 * REACH + 1)
    return size, np.fft.rfft(taps / taps.sum(), size)
