"""Whose wave it is: P, QRS and T of each lead, given to the beat they belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._value import quantile
from einthoven.signal.waves import KINDS, Waves

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

P, QRS, T = range(3)
ONSET, PEAK, OFFSET = range(3)

_QRS_REACH = 0.12  # seconds from R to the lead's own QRS peak
_P_REACH = 0.5  # seconds from the P peak to R
_T_REACH = (0.08, 0.8)  # seconds from R to the T peak
# A boundary of the beat lies in this many of the leads at least, so that one lead's fancy is none.
_AGREE = 0.25


def beat_waves(waves: Waves, peaks: Ints, rate: float, leads: int) -> Float:
    """Return (3 kinds, 3 marks, lead, beat) samples from R: P, QRS, T by onset, peak, offset.

    The QRS is the one whose peak lies nearest R, the P the last before it and after the R before,
    the T the first after it and before the next R; NaN where there is none.

    Parameters
    ----------
    waves : of the record.
    peaks : (beat,) samples of the R peaks, ascending.
    rate : Hz.
    leads : how many rows the record has.
    """
    out = np.full((3, 3, leads, len(peaks)), np.nan)
    if not len(peaks):
        return out
    before = np.concatenate(([peaks[0] - round(10 * rate)], peaks[:-1]))
    after = np.concatenate((peaks[1:], [peaks[-1] + round(10 * rate)]))
    for lead in range(leads):
        for kind in range(3):
            rows = np.flatnonzero((waves.lead == lead) & (waves.kind == KINDS[kind]))
            rows = rows[np.argsort(waves.peak[rows], kind="stable")]
            if not len(rows):
                continue
            at = waves.peak[rows]
            if kind == QRS:
                k = np.clip(np.searchsorted(at, peaks), 1, max(len(at) - 1, 1))
                k = np.minimum(k, len(at) - 1)
                k = np.where(np.abs(at[k - 1] - peaks) < np.abs(at[k] - peaks), k - 1, k)
                found = np.abs(at[k] - peaks) <= _QRS_REACH * rate
            elif kind == P:
                k = np.searchsorted(at, peaks) - 1
                found = (k >= 0) & (at[k] > before) & (peaks - at[k] <= _P_REACH * rate)
            else:
                k = np.searchsorted(at, peaks + _T_REACH[0] * rate)
                found = k < len(at)
                k = np.minimum(k, len(at) - 1)
                found &= (at[k] < after) & (at[k] - peaks <= _T_REACH[1] * rate)
            mine = rows[np.clip(k, 0, len(rows) - 1)]
            for mark, samples in enumerate((waves.onset, waves.peak, waves.offset)):
                told = found & (samples[mine] >= 0)
                out[kind, mark, lead, told] = (samples[mine] - peaks)[told]
    return out


def common(each: Float) -> Float:
    """Return (3 kinds, onset and offset, beat) samples from R: the boundaries of all leads at once.

    An interval is read from all leads together (Kligfield et al. 2007,
    10.1161/CIRCULATIONAHA.106.180200), from the earliest onset to the latest offset. Of twelve
    measured numbers the extreme is the most mistaken one, so ours is the lower quartile of
    the onsets and the upper quartile of the offsets. A lead without a QRS has no vote.
    """
    live = np.isfinite(each[QRS, PEAK]).any(axis=1)
    each = each[:, :, live]
    out = np.full((3, 2, each.shape[3]), np.nan)
    for kind in range(3):
        for column, (mark, q) in enumerate(((ONSET, 0.25), (OFFSET, 0.75))):
            enough = np.isfinite(each[kind, mark]).sum(axis=0) >= max(1, _AGREE * live.sum())
            out[kind, column] = np.where(enough, quantile(each[kind, mark], q), np.nan)
    return out
