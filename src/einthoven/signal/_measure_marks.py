"""Where the waves of an aligned beat begin and end, for all leads together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.signal.aligned_beat import AFTER, BEFORE, RATE

Floats = npt.NDArray[np.float32]

MS = 1000.0 / RATE  # a sample, ms
_LEVEL = 0.12  # of the largest velocity above rest: where QRS ends
_FINE = 0.05  # a second, more sensitive level
_RUN, _MOST = 8, 6  # of 8 samples 6 below the level


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """Samples in the beat at `RATE`.

    Attributes
    ----------
    onset, offset : of QRS: a score by the spatial velocity, shorter than what a person marks.
    early, late : the same at a more sensitive level.
    p_peak, t_peak : where P and T are largest over all leads.
    p_start, p_end : where P falls to 30 % of that on either side.
    t_end : where the spatial T falls to 15 % of its peak, or the end of the window.
    """

    onset: int
    offset: int
    early: int
    late: int
    p_peak: int
    p_start: int
    p_end: int
    t_peak: int
    t_end: int


def spatial_velocity(signal: Floats) -> Floats:
    """Return (time,) mV a sample: root of the sum over leads of the squared slopes."""
    slope = np.zeros_like(signal)
    slope[:, 2:-2] = (signal[:, 4:] - signal[:, :-4]) / 4
    squared: Floats = np.sqrt(np.einsum("lt,lt->t", slope, slope))
    return squared


def _edge(velocity: Floats, level: float, start: int, step: int, last: int) -> int:
    """Return the first sample from `start` on that begins a stretch of rest, else `last`."""
    below = (
        velocity[start : last + step : step] < level
        if last + step >= 0
        else velocity[start::step] < level
    )
    if len(below) < _RUN:
        return last
    count = np.convolve(below, np.ones(_RUN, np.int64), mode="valid")
    found = np.flatnonzero((count >= _MOST) & below[: len(count)])
    return start + step * int(found[0]) if len(found) else last


def marks(signal: Floats, seconds: float) -> Marks:
    """Return where the waves lie.

    Parameters
    ----------
    signal : (lead, time) the aligned beat.
    seconds : the usual RR interval.
    """
    velocity = spatial_velocity(signal)
    middle = slice(BEFORE - 24, BEFORE + 25)
    top = BEFORE - 24 + int(velocity[middle].argmax())
    rest = float(np.quantile(velocity[40:300], 0.25))
    height = float(velocity[top]) - rest
    ends = []
    for share in (_LEVEL, _FINE):
        level = rest + share * height
        first = _edge(velocity, level, min(top, BEFORE), -1, BEFORE - 48)
        last = _edge(velocity, level, max(top, BEFORE), 1, BEFORE + 64)
        ends.append((min(first, BEFORE - 4), max(last, BEFORE + 8)))
    (onset, offset), (early, late) = ends
    # T, against the level before QRS; the next P may follow soon.
    begin = offset + 24
    stop = min(BEFORE + AFTER, max(begin + 40, BEFORE + round((seconds - 0.24) * RATE)))
    level = signal[:, max(0, onset - 16) : max(1, onset - 4)].mean(axis=1, keepdims=True)
    size = np.abs(signal[:, begin:stop] - level).sum(axis=0)
    t_peak = begin + int(size.argmax())
    past = np.flatnonzero(size[t_peak - begin :] < 0.15 * size.max())
    t_end = t_peak + int(past[0]) if len(past) else stop - 1
    return Marks(onset=onset, offset=offset, early=early, late=late,
                 **_atrial(signal, onset), t_peak=t_peak, t_end=t_end)  # fmt: skip


def _atrial(signal: Floats, onset: int) -> dict[str, int]:
    """Return the marks of P: the largest bulge over a straight line before QRS."""
    first, last = max(0, onset - 112), max(20, onset - 6)
    part = signal[:, first:last]
    ramp = np.linspace(0, 1, part.shape[1], dtype=np.float32)
    left, right = part[:, :4].mean(axis=1, keepdims=True), part[:, -4:].mean(axis=1, keepdims=True)
    size = np.abs(part - left * (1 - ramp) - right * ramp).sum(axis=0)
    peak = int(size.argmax())
    low = size < 0.3 * size[peak]
    before, after = np.flatnonzero(low[:peak]), np.flatnonzero(low[peak:])
    return {
        "p_peak": first + peak,
        "p_start": first + (int(before[-1]) if len(before) else 0),
        "p_end": first + (peak + int(after[0]) if len(after) else len(size) - 1),
    }
