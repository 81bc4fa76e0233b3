"""Amplitudes and ST level of each lead, read from the beats at the places the median beat shows.

QRS, ST and T count from the level of the 20 ms before the QRS, the P wave from the line between its
ends.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._beat_waves import QRS, P, T
from einthoven.signal._value import Value, median_of, refused
from einthoven.signal.median_beat import FEWEST, MedianBeats

Float = npt.NDArray[np.float64]

LEAD_KEYS = ("p_mv", "q_mv", "r_mv", "s_mv", "r2_mv", "st_j60_mv", "t_mv")

_SMALL = 0.02  # mV; smaller deflections are no wave


def amplitudes(beats: MedianBeats, row: int) -> dict[str, Value]:
    """Return each of `LEAD_KEYS` for one row of the median beats, mV."""
    out = {key: refused("no such wave") for key in LEAD_KEYS}
    line = beats.signal[row]
    for key, kind in (("p_mv", P), ("t_mv", T)):
        span = beats.span(kind)
        if span is None:
            out[key] = refused("the wave's ends cannot be told in most beats")
            continue
        a, b = span
        base = np.linspace(line[a], line[b], b - a + 1) if kind == P else 0.0
        at = a + int(np.argmax(np.abs(line[a : b + 1] - base)))
        out[key] = _height(beats, row, at, span if kind == P else None)
    span = beats.span(QRS)
    if span is None:
        return out
    a, b = span
    for key, at in deflections(line[a : b + 1], beats.rate).items():
        out[key] = _height(beats, row, a + at)
    after = beats.at + round(float(beats.common[QRS, 1]) + 0.06 * beats.rate)
    if after < len(line):
        out["st_j60_mv"] = _height(beats, row, after)
    return out


def deflections(line: Float, rate: float) -> dict[str, int]:
    """Return where Q, R, S and R' of a QRS lie, by the usual names.

    R is the first upward wave, Q the deepest point before it, S the deepest after it, R' the
    highest wave after S. Without an R the downward wave is a QS, given as Q. A wave is 0.02 mV and
    6 ms at least; what still rises or falls at the end of the QRS is none.
    """
    up = np.concatenate(([False], line >= _SMALL, [False]))
    edges = np.flatnonzero(np.diff(up.astype(np.int8)))
    waves = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        top = start + int(np.argmax(line[start:stop]))
        if stop - start >= 0.006 * rate and 0 < top < len(line) - 1:
            waves.append(top)
    out = {"q_mv": int(np.argmin(line[: waves[0] + 1] if waves else line))}
    if waves:
        first = waves[0]
        out |= {"r_mv": first, "s_mv": first + int(np.argmin(line[first:]))}
        later = [top for top in waves if top > out["s_mv"]]
        if later:
            out["r2_mv"] = max(later, key=lambda top: float(line[top]))
    return {key: at for key, at in out.items()
            if key.startswith("r") or line[at] <= -_SMALL}  # fmt: skip


def _height(beats: MedianBeats, row: int, at: int, line: tuple[int, int] | None = None) -> Value:
    """Return the height of the beats at one place, mV; above a line between two, if given."""
    x = beats.beats[:, row, at]
    if line is not None:
        a, b = line
        share = (at - a) / (b - a)
        x = x - (1 - share) * beats.beats[:, row, a] - share * beats.beats[:, row, b]
    return median_of(x, FEWEST, "have signal here")
