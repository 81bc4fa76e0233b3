"""Whether the leads show QRS complexes of a size that hearts make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.record.source import Source
from einthoven.signal._short_series import median
from einthoven.signal.quality import FLAT

_LEAST, _MOST = 0.05, 20.0  # mV
_REACH = 0.08  # seconds either side of an R peak
_ENOUGH = 20  # beats


def sizes(source: Source, peaks: Sequence[int], begun: Signal) -> dict[str, float]:
    """Return for each lead the median size of its QRS, mV, without leads that have no signal.

    `begun` (lead, time) is how the recording begins: of a short one all, which is not read again.
    """
    some = peaks[:: max(1, len(peaks) // _ENOUGH)]
    reach = round(_REACH * source.rate)
    each = []
    for peak in some:
        a, b = max(0, peak - reach), min(peak + reach, source.samples)
        x = begun[:, a:b] if b <= begun.shape[1] else source.read(a, b)
        if x.shape[1]:
            each.append(x.max(axis=1) - x.min(axis=1))  # NaN where any sample is
    found = np.asarray(each, np.float64).reshape(-1, len(source.leads))
    out = {}
    for name, column in zip(source.leads, found.T, strict=True):
        column = column[np.isfinite(column)]
        if len(column):
            out[name] = median(column)
    return out


def largest(signal: Signal, rate: float, peaks: npt.NDArray[np.int64]) -> float:
    """Return the median size of the QRS in the lead where that is largest, mV.

    NaN where no lead is known at any of the peaks.
    """
    reach = round(_REACH * rate)
    cut = [signal[:, max(0, peak - reach) : peak + reach] for peak in peaks.tolist()]
    each = np.array([x.max(axis=1) - x.min(axis=1) for x in cut if x.shape[1]], np.float64)
    known = [column[np.isfinite(column)] for column in each.reshape(-1, len(signal)).T]
    return max((median(c) for c in known if len(c)), default=float("nan"))


def plausible(size: float) -> bool:
    """Return whether hearts make QRS complexes of that size, mV; True where it is not known."""
    return not (size < _LEAST or size > _MOST)


def warnings(source: Source, peaks: Sequence[int], begun: Signal) -> list[str]:
    """Return what is to be said of leads that are flat, and of a unit that cannot be right.

    Arguments as of `sizes`.
    """
    found = sizes(source, peaks, begun)
    if not found:
        return []
    largest = max(found.values())
    if largest < _LEAST:
        return [_implausible(largest)]
    said = []
    flat = [name for name, size in found.items() if size < FLAT]
    if flat:
        verb, whom = ("is", "it") if len(flat) == 1 else ("are", "them")
        said.append(f"leads: {', '.join(flat)} {verb} flat; no QRS is seen in {whom}")
    huge = [size for size in found.values() if size > _MOST]
    return [*said, _implausible(max(huge))] if huge else said


def _implausible(size: float) -> str:
    return f"unit: QRS complexes of {size:.3g} mV are implausible; is the unit of the file right?"
