"""Arm electrodes that were put on the wrong arm: lead I is upside down, aVR stands upright.

With the arm electrodes exchanged, I is inverted, II and III change places, aVR and aVL too; aVF
and the chest leads stay as they are. Leads I and V6 look at the heart from the same side, so that
P, QRS and T point the same way in both: where they do not, the arms are suspected. The rule is
ours. A mirrored heart turns V6 with lead I and is not mistaken for it; a pacemaker or an old
lateral infarction may be.

Measured on folds 1 to 8 of PTB-XL (2,344 records, as they are and with the leads exchanged by
calculation): 98.0 % of the exchanged records are found, and 0.3 % (8) of the others are suspected;
two of these are paced, the others have a lateral infarction or a block. The limit was chosen on the
same records. As few recordings are exchanged in practice, of those that are suspected many are
not: a suspicion to look at, not a verdict. Fibrillation has no P wave to say its part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal.aligned_beat import BEFORE, RATE, Floats, aligned_beat, band_limited

_P = (-0.240, -0.075)  # seconds from R
_LEVEL = (-0.100, -0.065)  # between P and QRS: what QRS and T are counted from
_QRS = (-0.080, 0.080)
_BEAT = (-0.250, 0.450)
_LIMIT = -0.8  # sum of three likenesses, each -1 to 1
_MOST = 60.0  # seconds of a recording that are looked at


def arms_swapped(
    signal: Signal, rate: float, leads: Sequence[str], peaks: npt.NDArray[np.int64]
) -> bool | None:
    """Return whether the arm electrodes seem to be exchanged; None where that cannot be told.

    Parameters
    ----------
    signal : (lead, time) mV; its first minute is looked at.
    rate : Hz.
    leads : names of the rows; I and V6 are needed.
    peaks : (beat,) samples of the R peaks.
    """
    if "I" not in leads or "V6" not in leads or signal.shape[1] < rate:
        return None
    rows = [list(leads).index("I"), list(leads).index("V6")]
    part = np.asarray(signal)[rows, : round(_MOST * rate)]
    if not np.isfinite(part).any(axis=1).all():
        return None
    beat = aligned_beat(band_limited(part, rate, RATE), np.asarray(peaks) / rate)
    if beat is None:
        return None
    return mirrored(beat.signal) < _LIMIT


def mirrored(beat: Floats) -> float:
    """Return how alike lead I and V6 are in P, QRS and the whole beat: 3 alike, -3 mirrored.

    Parameters
    ----------
    beat : (2, time) mV of I and V6 as `aligned_beat` gives them.
    """
    level = np.median(beat[:, _span(_LEVEL)], axis=1, keepdims=True)
    one, six = beat - level
    p = _span(_P)
    return (
        _alike(one[p] - one[p].mean(), six[p] - six[p].mean())
        + _alike(one[_span(_QRS)], six[_span(_QRS)])
        + _alike(one[_span(_BEAT)], six[_span(_BEAT)])
    )


def _span(seconds: tuple[float, float]) -> slice:
    return slice(*(BEFORE + round(s * RATE) for s in seconds))


def _alike(one: Floats, other: Floats) -> float:
    """Return the cosine of the angle between two curves; 0 where one is flat."""
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 1e-6 else 0.0
