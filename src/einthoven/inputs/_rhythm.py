"""What the RR intervals around a beat say of it, never in seconds: only one against another.

An absolute RR interval would tell the patients of the training records apart. Quantiles above the
median stand beside it because in a run, or where ectopic beats outnumber the others, the median
itself is premature.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.signal._short_series import median, medians

Array = npt.NDArray[np.float64]

_SHORTEST, _LONGEST = 0.15, 6.0  # seconds; an RR outside says no more than one at the edge

# (name, half width in beats, quantiles)
_LEVELS = (
    ("5", 5, (0.5, 0.8, 0.9)),
    ("10", 10, (0.5, 0.8, 0.9)),
    ("30", 30, (0.5, 0.75, 0.9, 0.95)),
    ("150", 150, (0.5, 0.75, 0.9, 0.95)),
)
_KNOWN = (0.25, 0.5, 0.75, 0.9, 0.97)  # quantiles of all that is known
_SPREADS = (5, 15, 100)
_BEFORE, _AFTER = 5, 3


def around(values: Array, first: int, last: int, before: int, after: int) -> Array:
    """Return (beat, before + 1 + after) the values around each of the beats [first, last).

    At the ends the window is moved inwards; where there are too few beats it is narrower.
    """
    width = min(before + 1 + after, len(values))
    if last - first == 1:  # as with every live beat
        only = min(max(first - before, 0), len(values) - width)
        return values[None, only : only + width]
    start = np.clip(np.arange(first, last) - before, 0, len(values) - width)
    return np.lib.stride_tricks.sliding_window_view(values, width)[start]


def quantiles(ordered: Array, levels: Sequence[float]) -> Array:
    """Return (level, row) the quantiles of rows that are sorted already, interpolated."""
    place = np.asarray(levels) * (ordered.shape[1] - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, ordered.shape[1] - 1)
    mixed: Array = ordered[:, low] * (1 - (place - low)) + ordered[:, high] * (place - low)
    return mixed.T


class Rhythm:
    """The RR intervals of the beats known.

    Parameters
    ----------
    seconds : (beat,) times of all R peaks known, of which the first `past` may be compared with.
    past : beats up to and including the one last described.
    end : seconds up to which the beats are known; the RR interval that has not ended by then is
        taken as long as that.
    ended : whether the recording stops there: what follows the last beat is then not known at all.

    Attributes
    ----------
    before, after : (beat,) log RR before and after each beat, of the first `past`.
    early : (beat, 2) `before` against the local median and against the local 90 % quantile.
    """

    def __init__(self, seconds: Array, past: int, end: float, *, ended: bool) -> None:
        rr = np.log(np.clip(np.diff(seconds), _SHORTEST, _LONGEST))
        first = rr[0] if len(rr) else np.log(0.8)
        self.before = np.concatenate([[first], rr])[:past]
        usual = median(around(self.before, past - 1, past, 10, 10)[0])
        left = end - seconds[-1]
        last = usual if ended else float(np.log(np.clip(left, _SHORTEST, _LONGEST)))
        # An interval cut off by the end says something only once it is longer than usual.
        self.after = np.concatenate([rr, [last]])[:past]
        middle = medians(around(self.before, 0, past, 10, 10).T)
        upper = quantiles(np.sort(around(self.before, 0, past, 30, 30), axis=1), (0.9,))[0]
        self.early = np.stack([self.before - middle, self.before - upper], axis=1)

    def features(self, first: int, last: int, *, later: bool) -> Array:
        """Return (beat, number) what `names` lists, for the beats [first, last)."""
        before, after = self.before[first:last], self.after[first:last]
        levels: list[Array] = [around(self.before, first, last, 9, 0).mean(axis=1)]
        for _, half, wanted in _LEVELS:
            levels += list(quantiles(np.sort(around(self.before, first, last, half, half)), wanted))
        levels += list(
            np.repeat(quantiles(np.sort(self.before)[None], _KNOWN), last - first, axis=1)
        )
        columns = [before - level for level in levels] + [after - level for level in levels]
        columns.append(before - after)
        middle, upper = levels[7], levels[9]
        place = np.arange(first, last)
        shifts = [-k for k in range(1, _BEFORE + 1)]
        shifts += list(range(2, _AFTER + 2)) if later else []
        for shift in shifts:
            other = self.before[np.clip(place + shift, 0, len(self.before) - 1)]
            columns += [before - other, other - middle, other - upper]
        for half in _SPREADS:
            ordered = np.sort(around(self.before, first, last, half, half))
            low, q1, q2, q3, high = quantiles(ordered, (0.1, 0.25, 0.5, 0.75, 0.9))
            columns += [q3 - q1, high - low, (high + low - 2 * q2) / (high - low + 0.02)]
        change = np.abs(np.diff(self.before, prepend=self.before[:1]))
        columns += [medians(around(change, first, last, h, h).T) for h in (8, 30)]
        local = around(self.before, first, last, 40, 40)
        columns += [(local < value[:, None]).mean(axis=1) for value in (before, after)]
        return np.stack(columns, axis=1)

    def simple(self, first: int, last: int) -> Array:
        """Return (beat, 4) the ratios of `SIMPLE`, as logarithms."""
        before, after = self.before[first:last], self.after[first:last]
        mean = around(self.before, first, last, 9, 0).mean(axis=1)
        upper = quantiles(np.sort(around(self.before, first, last, 30, 30)), (0.9,))[0]
        return np.stack([before - mean, after - mean, before - after, before - upper], axis=1)


SIMPLE = ("pre/mean10", "post/mean10", "pre/post", "pre/q90_30")


def names(*, later: bool) -> tuple[str, ...]:
    """Return the names of the columns of `Rhythm.features`."""
    levels = ["mean10"]
    levels += [f"q{round(100 * q)}_{name}" for name, _, wanted in _LEVELS for q in wanted]
    levels += [f"q{round(100 * q)}_known" for q in _KNOWN]
    columns = [f"{rr}/{level}" for rr in ("pre", "post") for level in levels] + ["pre/post"]
    shifts = [f"-{k}" for k in range(1, _BEFORE + 1)]
    shifts += [f"+{k}" for k in range(2, _AFTER + 2)] if later else []
    for shift in shifts:
        columns += [f"pre/rr{shift}", f"rr{shift}/q50_30", f"rr{shift}/q90_30"]
    for half in _SPREADS:
        columns += [f"iqr_{half}", f"deciles_{half}", f"skew_{half}"]
    columns += ["change_8", "change_30", "rank_pre", "rank_post"]
    return tuple(columns)
