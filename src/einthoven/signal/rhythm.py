"""A span of one lead in numbers that tell its rhythm: intervals, P waves, shapes, ripple, noise.

About 250 numbers, each named. They are rates, shares, means and quantiles: neither the length of
the span nor its number of beats is among them. A number that cannot be told is `UNTOLD`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from einthoven.signal import _rhythm_beats, _rhythm_intervals, _rhythm_waves

Floats = npt.NDArray[np.float32]

RATE = _rhythm_beats.RATE
UNTOLD = -9.0


def describe(
    lead: Floats, known: npt.NDArray[np.bool_], seconds: npt.NDArray[np.float64]
) -> Floats:
    """Return (number,) that describe a span, in the order of `names`.

    Parameters
    ----------
    lead : (time,) mV at `RATE`, 0.5 to 45 Hz.
    known : (time,) where the lead is known.
    seconds : (beat,) when each R peak is, from the span's begin, ascending.
    """
    found = _numbers(lead.astype(np.float64), known, seconds)
    values = np.array([found.get(name, UNTOLD) for name in names()], np.float64)
    return np.nan_to_num(values, nan=UNTOLD, posinf=UNTOLD, neginf=UNTOLD).astype(np.float32)


def _numbers(
    lead: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], seconds: npt.NDArray[np.float64]
) -> dict[str, float]:
    out = _rhythm_waves.noise(lead, known, seconds)
    if len(seconds) >= _rhythm_intervals.FEWEST:
        out |= _rhythm_intervals.intervals(seconds)
        over = _rhythm_beats.overlay(lead, seconds)
        if over is not None:
            out |= _rhythm_beats.shapes(over)
            out |= _rhythm_waves.p_wave(over)
            out |= _rhythm_waves.atrium(lead, over)
    return out


@cache
def names() -> tuple[str, ...]:
    """Return the name of each number."""
    rng = np.random.default_rng(0)
    lead = rng.standard_normal(20 * RATE)
    return tuple(_numbers(lead, np.ones(len(lead), np.bool_), np.arange(1.0, 19.0, 0.8)))
