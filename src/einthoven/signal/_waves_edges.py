"""A second look at where P and T begin and end: at the lead around a boundary, scaled to its wave.

The net of the waves sees a lead in the size of its QRS, in which many a P wave is hardly there.
Here each boundary has a window of its own: turned so that the outside of the wave lies on the
right, the level outside at 0 and the peak of the wave at 1. From it a second net says how far the
boundary is from where people would mark it. Ours.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from einthoven.signal._waves_decode import KEPT, Found, P, T

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Turns windows (item, 1, POINTS) and numbers (item, SIDE) into shifts (item, 1), in steps.
Edge = Callable[[Floats, Floats], Floats]

# Grid samples between two points: P is looked at over 0.14 s on either side, T over 0.29 s.
STEPS = {P: 1.5, T: 3.0}
REACH = 24  # points on either side
POINTS = 2 * REACH + 1
BOUNDARIES = [(P, 0), (P, 1), (T, 0), (T, 1)]  # kind, and 0 for onset or 1 for offset
SIDE = len(BOUNDARIES) + 2
_OUTSIDE = slice(REACH, REACH + 8)  # the points whose mean is the level outside
_FLOOR = 0.05  # of the window's range; a wave is scaled as if it were that much higher
_CLIP = 3.0
_FAR = 20.0  # grid samples; the distance of the peak is told in that unit
# A boundary is moved by the mean of its own shift and of those of the lead's waves about it: what
# a net says of one beat is noise by half. As much, on the validation records, as any other share.
_OWN = 0.5
_REMEMBERED = 8
_MOST = 12.0  # steps a boundary may be moved by
# Grid samples that a boundary is too far outward after that, 3 ms on the validation records and on
# others that were not learnt from.
_EARLY = {(T, 0): 0.75}

assert max(STEPS.values()) * REACH <= KEPT, "the decoder keeps what is looked at"


def looks(
    y: Floats, row: Ints, at: Doubles, peak: Doubles, which: Ints, pace: Doubles | float = 1.0
) -> tuple[Floats, Floats]:
    """Return windows (item, 1, POINTS) and numbers (item, SIDE) of some boundaries.

    Parameters
    ----------
    y : (lead, time) mV on the grid; beyond its ends it is what it is there.
    row : (item,) the lead of each.
    at, peak : (item,) grid samples of the boundary and of the peak of its wave.
    which : (item,) index into `BOUNDARIES`.
    pace : (item,) the heart is looked at as if it were that much faster.
    """
    outward = np.where(which % 2 == 0, -1.0, 1.0)
    step = pace * np.array([STEPS[kind] for kind, _ in BOUNDARIES])[which]
    points = at[:, None] + (outward * step)[:, None] * np.arange(-REACH, REACH + 1)
    x, top = between(y, row[:, None], points), between(y, row, peak)
    size = np.ptp(x, axis=1)
    base = x[:, _OUTSIDE].mean(axis=1)
    height = np.abs(top - base)
    scale = np.where(top < base, -1, 1) / np.maximum(height + _FLOOR * size, 1e-6)
    windows = np.clip((x - base[:, None]) * scale[:, None], -_CLIP, _CLIP)
    numbers = np.zeros((len(at), SIDE))
    numbers[np.arange(len(at)), which] = 1
    numbers[:, -2] = (peak - at) * outward / (pace * _FAR)
    numbers[:, -1] = height / np.maximum(size, 1e-6)
    return windows[:, None].astype(np.float32), numbers.astype(np.float32)


def between(y: Floats, row: Ints, at: Doubles) -> Doubles:
    """Return the values of rows of `y` (lead, time) between its samples, by straight lines."""
    at = np.clip(at, 0, y.shape[1] - 1)
    left = np.minimum(at.astype(np.int64), max(0, y.shape[1] - 2))
    right = np.minimum(left + 1, y.shape[1] - 1)
    share = at - left
    out: Doubles = y[row, left] * (1 - share) + y[row, right] * share
    return out


class SecondLook:
    """Moves the boundaries of what was found; remembers what it said of a lead's last waves."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._said: defaultdict[tuple[int, int, int], deque[float]]
        self._said = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def __call__(self, found: Sequence[Found], y: Floats, origin: int) -> list[Found]:
        """Return the same waves with their boundaries moved.

        Parameters
        ----------
        found : what became final at once, in time order within each lead.
        y : (lead, time) mV from grid sample `origin` on.
        """
        items = [
            (n, which, wave.ends[side])
            for n, wave in enumerate(found)
            for which, (kind, side) in enumerate(BOUNDARIES)
            if wave.kind == kind and not wave.cut[side]
        ]
        if not items:
            return list(found)
        which = np.array([item[1] for item in items], np.int64)
        waves = [found[item[0]] for item in items]
        windows, numbers = looks(
            y, np.array([wave.lead for wave in waves], np.int64),
            np.array([item[2] for item in items]) - origin,
            np.array([wave.peak for wave in waves]) - origin, which,
        )  # fmt: skip
        shifts = np.clip(self._edge(windows, numbers)[:, 0], -_MOST, _MOST).tolist()
        lists: dict[tuple[int, int, int], list[float]] = defaultdict(list)
        for wave, w, shift in zip(waves, which.tolist(), shifts, strict=True):
            lists[wave.lead, *BOUNDARIES[w]].append(shift)
        means = {key: _mean([*self._said[key], *new]) for key, new in lists.items()}
        for key, new in lists.items():
            self._said[key].extend(new)
        moved = [list(wave.moved) for wave in found]
        for (n, w, _), shift in zip(items, shifts, strict=True):
            kind, side = BOUNDARIES[w]
            outward = STEPS[kind] * (_OWN * shift + (1 - _OWN) * means[found[n].lead, kind, side])
            outward -= _EARLY.get((kind, side), 0.0)
            # Neither into a neighbour nor past the wave's own peak.
            inward = (1 - 2 * side) * (found[n].peak - found[n].ends[side])
            moved[n][side] = max(min(outward, found[n].room[side]), -inward) * (2 * side - 1)
        return [w._replace(moved=(a, b)) for w, (a, b) in zip(found, moved, strict=True)]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
