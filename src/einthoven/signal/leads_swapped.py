"""Leads that are not what the file says: arms exchanged, all inverted, given twice, contradicting.

Arms: lead I is upside down, aVR stands upright.

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

All leads, as where the sign of a file was lost: in I, II, V5 and V6 hardly any heart shows neither
an upright QRS nor an upright T, nor an upright P in I or II. That rule is ours, too, and keeps
silent rather than accuse: of the 150 records of LUDB at hand and the 2,026 of folds 1 to 7 of
PTB-XL none is suspected; of 450 of them turned upside down 67 % are. The limit was chosen on these.

Limb leads whose names or gains are wrong break Einthoven's law (`axis.disagreement`): of 553
records of PTB-XL (folds 1 to 8) and CinC 2021 in none, of 75 of LUDB, each lead of which was scaled
by itself, in all; and so in all 553 once II and III, or aVR and aVF, have each other's names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.record.leads import LIMBS
from einthoven.record.record import Signal
from einthoven.signal.aligned_beat import BEFORE, RATE, Floats, aligned_beat, band_limited
from einthoven.signal.axis import unscaled
from einthoven.signal.quality import silent

_P = (-0.240, -0.075)  # seconds from R
_LEVEL = (-0.100, -0.065)  # between P and QRS: what QRS and T are counted from
_QRS = (-0.080, 0.080)
_BEAT = (-0.250, 0.450)
_LIMIT = -0.8  # sum of three likenesses, each -1 to 1
_T = (0.120, 0.420)
_UPRIGHT = 0.1  # what the most upright wave of I, II, V5 and V6 must fall short of
_FLAT = 0.05  # mV from the lowest to the highest sample of a beat that is none
_GAINS = (1.0, 20.0, 10.0)  # of QRS, P, T, so that each comes to about 1 in health
_POINTS = 70  # of a beat at which the limb leads are held against each other
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
    beat = _beat(signal, rate, leads, peaks, ("I", "V6"))
    return None if beat is None else mirrored(beat) < _LIMIT


def all_inverted(
    signal: Signal, rate: float, leads: Sequence[str], peaks: npt.NDArray[np.int64]
) -> bool | None:
    """Return whether all leads seem to be upside down; None where that cannot be told.

    Parameters as of `arms_swapped`, but that I, II, V5 and V6 are needed.
    """
    beat = _beat(signal, rate, leads, peaks, ("I", "II", "V5", "V6"))
    if beat is None or np.ptp(beat, axis=1).min() < _FLAT:
        return None
    return upright(beat) < _UPRIGHT


def contradicting(
    signal: Signal, rate: float, leads: Sequence[str], peaks: npt.NDArray[np.int64]
) -> bool:
    """Return whether the limb leads cannot all be what they are called; False if it is not told.

    Parameters as of `arms_swapped`; it takes three limb leads of which one follows from two.
    """
    rows = [row for row, name in enumerate(leads) if name in LIMBS]
    reach = np.rint(np.linspace(*_BEAT, _POINTS) * rate).astype(np.int64)
    at = np.asarray(peaks)[(peaks >= -reach[0]) & (peaks < signal.shape[1] - reach[-1])]
    beats = np.asarray(signal)[rows][:, at[:, None] + reach].swapaxes(0, 1)
    return unscaled(beats, [leads[row] for row in rows])


def twins(signal: Signal, leads: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of leads that are the same, sample for sample, and not flat.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    leads : names of the rows.
    """
    first: dict[bytes, str] = {}
    found = []
    for name, row in zip(leads, np.asarray(signal, np.float32), strict=True):
        # -0 and 0, and NaNs of other bits, are the same.
        alike = np.where(np.isnan(row), np.float32(np.nan), row + np.float32(0)).tobytes()
        if silent(row, 1):
            continue
        if alike in first:
            found.append((first[alike], name))
        first.setdefault(alike, name)
    return found


def _beat(
    signal: Signal,
    rate: float,
    leads: Sequence[str],
    peaks: npt.NDArray[np.int64],
    wanted: tuple[str, ...],
) -> Floats | None:
    """Return the usual beat of some leads; None without them, or without beats."""
    if not set(wanted) <= set(leads) or signal.shape[1] < rate:
        return None
    rows = [list(leads).index(name) for name in wanted]
    part = np.asarray(signal)[rows, : round(_MOST * rate)]
    if not np.isfinite(part).any(axis=1).all():
        return None
    beat = aligned_beat(band_limited(part, rate, RATE), np.asarray(peaks) / rate)
    return None if beat is None else beat.signal


def upright(beat: Floats) -> float:
    """Return how upright the most upright wave is, about 1 in health.

    Parameters
    ----------
    beat : (4, time) mV of I, II, V5 and V6 as `aligned_beat` gives them.
    """
    beat = beat - np.median(beat[:, _span(_LEVEL)], axis=1, keepdims=True)
    qrs, p, t = (beat[:, _span(part)] for part in (_QRS, _P, _T))
    size = np.ptp(qrs, axis=1) + 1e-3
    line = (p[:, :3].mean(axis=1) + p[:, -3:].mean(axis=1)) / 2
    waves = (qrs.max(axis=1) + qrs.min(axis=1), (p.mean(axis=1) - line)[:2], t.mean(axis=1))
    return max(
        gain * float((wave / size[: len(wave)]).max())
        for gain, wave in zip(_GAINS, waves, strict=True)
    )


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
