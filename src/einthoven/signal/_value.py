"""Value: one figure of a whole record, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Value:
    """One figure of a record.

    Attributes
    ----------
    value : in the unit of its name; None where it cannot be said.
    count : of the beats or intervals it rests on.
    spread : interquartile range over them, in the same unit; None where there is none to give.
    reason : why there is no value; None where there is one.
    """

    value: float | None
    count: int
    spread: float | None = None
    reason: str | None = None


def refused(reason: str, count: int = 0) -> Value:
    """Return a value that is not given."""
    return Value(value=None, count=count, reason=reason)


def median_of(each: npt.NDArray[np.float64], fewest: int, what: str) -> Value:
    """Return the median of the numbers in `each` (beat,), refused if fewer than `fewest` are any.

    `what` is one of them, for the reason: "beat with a P wave".
    """
    some = each[np.isfinite(each)]
    if len(some) < fewest:
        number = "none" if len(some) == 0 else f"only {len(some)}"
        return refused(f"{number} of {len(each)} sound beats {what}; it takes {fewest}", len(some))
    low, middle, high = np.percentile(some, (25, 50, 75)).tolist()
    return Value(value=middle, count=len(some), spread=high - low)


def quantile(x: npt.NDArray[np.float64], q: float) -> npt.NDArray[np.float64]:
    """Return the quantile `q` (0..1) along the first axis, passing over NaN; NaN where all are."""
    count = np.isfinite(x).sum(axis=0)
    if not x.shape[0]:
        return np.full(x.shape[1:], np.nan)
    ordered = np.sort(np.where(np.isfinite(x), x, np.nan), axis=0)  # NaN go last
    at = q * np.maximum(count - 1, 0)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    a, b = (np.take_along_axis(ordered, k[None], axis=0)[0] for k in (low, high))
    return np.asarray(a + (at - low) * (b - a))
