"""Measurements of a record: intervals, amplitudes, ST levels, axes, and where none can be given.

Intervals are measured beat by beat on all leads together (`_beat_waves.common`), the record's
value is the median over sound beats of the commonest class. Amplitudes (`_amplitudes`) and areas
(`axis`) are read from the same beats at the places that the median beat shows.

QT correction, QT in ms and RR in s (comparison: Luo et al. 2004,
J Electrocardiol 37 Suppl:81): Bazett QT/√RR, Fridericia QT/∛RR, Framingham
QT + 154 (1 - RR), Hodges QT + 1.75 (60/RR - 60); each beat with the RR before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.signal._amplitudes import LEAD_KEYS, amplitudes
from einthoven.signal._beat_waves import PEAK, QRS, P, T, beat_waves, common
from einthoven.signal._value import Value, median_of, refused
from einthoven.signal.axis import UNSCALED, axes, unscaled
from einthoven.signal.hrv import hrv
from einthoven.signal.median_beat import FEWEST, MedianBeats, Read, median_beats
from einthoven.signal.waves import Waves

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

FORMULAS = ("bazett", "fridericia", "framingham", "hodges")
KEYS = (
    "heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "t_ms", "qt_ms",
    *(f"qtc_{name}_ms" for name in FORMULAS), "axis_p_deg", "axis_qrs_deg", "axis_t_deg",
)  # fmt: skip
UNTOLD = "?"  # class of a beat that bounds RR intervals and is itself not measured

_IRREGULAR = 0.10  # change from RR to RR that half of them exceed
_FEWEST_IRREGULAR = 10  # beats for QTc where the RR intervals are irregular
# ms of spread of PR from which, in irregular rhythm, waves of fibrillation are taken for P. In
# LUDB's training and validation records PR of irregular sinus rhythm spreads by 8 ms at most; where
# fibrillation passed for P in most beats (in one of 30 single leads) it spreads by 52.
_LOOSE = 40.0
_LONGEST_RR = 4.0  # seconds; what is longer is a gap in the recording
_WIDE = 120.0  # ms of QRS from which QT is long for another reason
# A minute; beyond them the four formulas part by tens of ms, and none is known to be right. Ours.
QTC_RATES = (40.0, 120.0)
_AF = "in atrial fibrillation there are no P waves"


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """What was measured in a record.

    Attributes
    ----------
    values : of `KEYS`: ms, degrees, beats a minute.
    leads : for each lead those of `LEAD_KEYS`, mV.
    hrv : of `einthoven.signal.hrv.KEYS`.
    beats : the median beat of every lead; None from fewer than three sound beats.
    names : of the leads of `beats`.
    notes : what a reader of the values should know.
    """

    values: Mapping[str, Value]
    leads: Mapping[str, Mapping[str, Value]]
    hrv: Mapping[str, Value]
    beats: MedianBeats | None
    names: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, float]:
        """Return the values that could be given, whole ms and degrees, for the key "intervals"."""
        out = {}
        for key, value in self.values.items():
            if value.value is not None:
                out[key] = round(value.value, 1) if key == "heart_rate_bpm" else round(value.value)
        return out

    def leads_to_dict(self) -> dict[str, dict[str, float]]:
        """Return the values of each lead that could be given, mV to 1 µV."""
        return {
            lead: {k: round(v.value, 3) for k, v in row.items() if v.value is not None}
            for lead, row in self.leads.items()
        }

    def hrv_to_dict(self) -> dict[str, float]:
        """Return the figures of heart rate variability that could be given."""
        return {k: round(v.value, 3) for k, v in self.hrv.items() if v.value is not None}

    @property
    def qtc_doubtful(self) -> bool:
        """Whether there is a QTc, at a heart rate that it is not made for."""
        return _doubtful(self.values)

    def reasons(self) -> tuple[str, ...]:
        """Return for the record's warnings why values are missing, and the notes on the others."""
        why: dict[str, list[str]] = {}
        for key, value in self.values.items():
            if value.reason is not None:
                why.setdefault(value.reason, []).append(key)
        said = [f"intervals: no {', '.join(keys)}: {reason}" for reason, keys in why.items()]
        said += [f"intervals: {note}" for note in self.notes]
        of_leads = [value for row in self.leads.values() for value in row.values()]
        for what, values in (("amplitudes", of_leads), ("hrv", list(self.hrv.values()))):
            missing = {v.reason for v in values if v.reason is not None}
            # One sentence where nothing could be given for one reason; else the values tell.
            if len(missing) == 1 and all(v.value is None for v in values):
                said.append(f"{what}: none: {missing.pop()}")
        return tuple(said)


def qtc(qt: float | Float, rr: float | Float) -> dict[str, float | Float]:
    """Return QT (ms) corrected for RR (s) by each of `FORMULAS`, ms."""
    return {
        "bazett": qt / np.sqrt(rr),
        "fridericia": qt / np.cbrt(rr),
        "framingham": qt + 154 * (1 - rr),
        "hodges": qt + 1.75 * (60 / rr - 60),
    }


def measure(
    waves: Waves,
    peaks: Ints,
    sound: Bool,
    rate: float,
    read: Read,
    leads: Sequence[str],
    rhythm: str | None = None,
    *,
    classes: npt.NDArray[np.str_] | None = None,
    heart_rate: float | None = None,
) -> Measurements:
    """Measure a record.

    Parameters
    ----------
    waves : of the record, all leads.
    peaks : (beat,) samples of the R peaks, ascending.
    sound : (beat,) whether each beat is certain and lies in good signal.
    rate : Hz.
    read : gives (lead, time) mV from a first sample to before a second, e.g. ``source.read``.
    leads : canonical names of the rows.
    rhythm : "AF" if that is the rhythm of the whole record.
    classes : (beat,) letters, `UNTOLD` where uncertain; all beats are alike if not given.
    heart_rate : beats a minute, where who asks knows it more surely than by `sound` beats.

    Raises
    ------
    UsageError : the arrays do not have one entry a beat.
    """
    kinds = np.full(len(peaks), "N") if classes is None else classes
    if not len(peaks) == len(sound) == len(kinds):
        raise UsageError(
            "measure", f"{len(peaks)} peaks, {len(sound)} marks of soundness, {len(kinds)} classes",
            "Give one of each a beat",
        )  # fmt: skip
    sound = np.asarray(sound, np.bool_)
    told = sound & (kinds != UNTOLD)
    used = told & (kinds == _dominant(kinds[told]))
    each = beat_waves(waves, peaks, rate, len(leads))[..., used]
    if rhythm == "AF":
        each[P] = np.nan
    together = common(each)
    own = _rr(peaks, used, rate)
    irregular = _irregular(own)
    values = _durations(together, irregular, rate, rhythm)
    values |= _corrected(together, own[used], irregular, rate)
    beats = median_beats(read, peaks[used], each, together, rate)
    apart = beats is not None and unscaled(beats.beats, leads)
    values |= axes(beats, leads, values)
    number = int(used.sum())
    if number < FEWEST:
        values = dict.fromkeys(values, refused(_few(number), number))
    beat_rate = _rate(_rr(peaks, sound, rate))
    if heart_rate is not None:
        beat_rate = replace(beat_rate, value=heart_rate, reason=None)
    values["heart_rate_bpm"] = beat_rate
    seen = np.isfinite(each[QRS, PEAK]).sum(axis=1).tolist()
    rows = {name: _lead(beats, row, seen[row], number, apart)
            for row, name in enumerate(leads)}  # fmt: skip
    return Measurements(
        values=MappingProxyType({key: values[key] for key in KEYS}), leads=MappingProxyType(rows),
        hrv=MappingProxyType(hrv(peaks, kinds, sound, rate, rhythm)), beats=beats,
        names=tuple(leads), notes=_notes(values, irregular),
    )  # fmt: skip


def _few(number: int) -> str:
    return f"{number} sound beats of one kind; it takes {FEWEST}"


def _dominant(kinds: npt.NDArray[np.str_]) -> str:
    """Return the commonest class; of equals the first in the alphabet."""
    names, number = np.unique(kinds, return_counts=True)
    return str(names[number.argmax()]) if len(names) else ""


def _rr(peaks: Ints, beats: Bool, rate: float) -> Float:
    """Return (beat,) seconds from the beat before; NaN unless both are among `beats`."""
    out = np.full(len(peaks), np.nan)
    seconds = np.diff(peaks) / rate
    joined = beats[1:] & beats[:-1] & (seconds <= _LONGEST_RR) & (seconds > 0)
    out[1:][joined] = seconds[joined]
    return out


def _irregular(rr: Float) -> bool:
    """Return whether RR intervals that follow each other differ, as in atrial fibrillation."""
    change = np.abs(np.diff(np.log(rr)))
    change = change[np.isfinite(change)]
    return bool(len(change) and np.median(change) > _IRREGULAR)


def _rate(rr: Float) -> Value:
    some = rr[np.isfinite(rr)]
    if len(some) < FEWEST:
        return refused(f"{len(some)} RR intervals between sound beats; it takes {FEWEST}",
                       len(some))  # fmt: skip
    low, high = np.percentile(60 / some, (25, 75)).tolist()
    # The rate over the mean interval: the mean of the rates would favour the short ones.
    return Value(value=60 / float(some.mean()), count=len(some), spread=high - low)


def _durations(
    together: Float, irregular: bool, rate: float, rhythm: str | None
) -> dict[str, Value]:
    """Return P, PR, QRS, T and QT, ms."""
    ms = together * (1000 / rate)
    (p_on, p_off), (qrs_on, qrs_off), (t_on, t_off) = ms[P], ms[QRS], ms[T]
    beats = ms.shape[2]
    out = {
        "qrs_ms": median_of(qrs_off - qrs_on, FEWEST, "have a QRS with both ends"),
        "t_ms": median_of(t_off - t_on, FEWEST, "have a T wave with both ends"),
        "qt_ms": median_of(t_off - qrs_on, FEWEST, "have a QRS onset and a T end"),
    }
    if rhythm == "AF":
        return out | {key: refused(_AF) for key in ("p_ms", "pr_ms")}
    found = int(np.isfinite(p_on).sum())
    if beats and found <= beats / 2:
        why = f"a P wave goes before {found} of {beats} sound beats, not before most"
        return out | {key: refused(why, found) for key in ("p_ms", "pr_ms")}
    out["p_ms"] = median_of(p_off - p_on, FEWEST, "have a P wave with both ends")
    out["pr_ms"] = median_of(qrs_on - p_on, FEWEST, "have a P onset and a QRS onset")
    spread = out["pr_ms"].spread
    if irregular and spread is not None and spread > _LOOSE:
        why = f"RR is irregular and PR spreads by {spread:.0f} ms, so the P waves may be none"
        out |= {key: refused(why, found) for key in ("p_ms", "pr_ms")}
    return out


def _corrected(together: Float, rr: Float, irregular: bool, rate: float) -> dict[str, Value]:
    """Return QTc by each formula; `rr` (beat,) is the interval before each beat, seconds."""
    qt = (together[T, 1] - together[QRS, 0]) * (1000 / rate)
    fewest = _FEWEST_IRREGULAR if irregular else FEWEST
    what = "have a QT and, right before, a beat of their kind"
    if irregular:
        what += " (RR is irregular)"
    return {f"qtc_{name}_ms": median_of(np.asarray(each), fewest, what)
            for name, each in qtc(qt, rr).items()}  # fmt: skip


def _lead(beats: MedianBeats | None, row: int, seen: int, of: int, apart: bool) -> dict[str, Value]:
    """Return the amplitudes and the ST level of one lead."""
    if beats is None:
        why = _few(of)
    elif seen <= of / 2:
        why = f"a QRS is found in {seen} of {of} sound beats: the lead is flat, noisy or missing"
    elif not np.isfinite(beats.signal[row]).any():
        why = "the lead has no signal"
    elif apart:
        why = UNSCALED
    else:
        return amplitudes(beats, row)
    return {key: refused(why, seen) for key in LEAD_KEYS}


def _notes(values: Mapping[str, Value], irregular: bool) -> tuple[str, ...]:
    notes = []
    width = values["qrs_ms"].value
    if width is not None and width > _WIDE:
        notes.append(f"QRS lasts {width:.0f} ms: QT and QTc are long for that reason too")
    if irregular:
        notes.append("RR intervals are irregular: QTc is the median of very different beats")
    if _doubtful(values):
        notes.append(
            f"QTc is not to be relied on: the heart rate of {values['heart_rate_bpm'].value:.1f} "
            f"a minute lies outside {QTC_RATES[0]:.0f} to {QTC_RATES[1]:.0f}"
        )
    return tuple(notes)


def _doubtful(values: Mapping[str, Value]) -> bool:
    rate = values["heart_rate_bpm"].value
    given = any(values[f"qtc_{name}_ms"].value is not None for name in FORMULAS)
    return given and rate is not None and not QTC_RATES[0] <= rate <= QTC_RATES[1]
