"""Measurements of a record: intervals, amplitudes, ST levels, axes, and where none can be given.

Intervals are measured beat by beat on all leads together (`_beat_waves.common`), the record's
value is the median over sound beats of the commonest class. Amplitudes and areas are read from the
same beats at the places that the median beat shows. QRS, ST and T count from the level of the 20 ms
before the QRS, the P wave from the line between its ends.

QT correction, QT in ms and RR in s (comparison: Luo et al. 2004,
10.1016/j.jelectrocard.2004.08.030): Bazett QT/√RR, Fridericia QT/∛RR, Framingham
QT + 154 (1 - RR), Hodges QT + 1.75 (60/RR - 60); each beat with the RR before it.

Frontal axis: the angle of the net area, atan2(2/√3 aVF, I), 0° to the left, +90° to the feet. The
factor makes up for the weaker augmented lead (Novosel, Noll, Lüscher 1999, Croat Med J 40:77). If
aVF or I is not there, it follows from two of I, II, III by Einthoven's law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.signal._beat_waves import PEAK, QRS, P, T, beat_waves, common
from einthoven.signal._value import Value, median_of, refused
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
LEAD_KEYS = ("p_mv", "q_mv", "r_mv", "s_mv", "r2_mv", "st_j60_mv", "t_mv")

_IRREGULAR = 0.10  # change from RR to RR that half of them exceed
_FEWEST_IRREGULAR = 10  # beats for QTc where the RR intervals are irregular
# ms of spread of PR from which, in irregular rhythm, waves of fibrillation are taken for P. In
# LUDB's training and validation records PR of irregular sinus rhythm spreads by 8 ms at most; where
# fibrillation passed for P in most beats (in one of 30 single leads) it spreads by 52.
_LOOSE = 40.0
_LONGEST_RR = 4.0  # seconds; what is longer is a gap in the recording
_WIDE = 120.0  # ms of QRS from which QT is long for another reason
_SMALL = 0.02  # mV; smaller deflections are no wave, smaller vectors have no direction
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

    def reasons(self) -> tuple[str, ...]:
        """Return why values are missing, one sentence a reason, for the record's warnings."""
        why: dict[str, list[str]] = {}
        for key, value in self.values.items():
            if value.reason is not None:
                why.setdefault(value.reason, []).append(key)
        return tuple(f"intervals: no {', '.join(keys)}: {reason}" for reason, keys in why.items())


def qtc(qt: float | Float, rr: float | Float) -> dict[str, float | Float]:
    """Return QT (ms) corrected for RR (s) by each of `FORMULAS`, ms."""
    return {
        "bazett": qt / np.sqrt(rr),
        "fridericia": qt / np.cbrt(rr),
        "framingham": qt + 154 * (1 - rr),
        "hodges": qt + 1.75 * (60 / rr - 60),
    }


def axis(lead_i: float, avf: float) -> float:
    """Return the frontal axis in degrees, (-180, 180], from net deflections of I and aVF."""
    degrees = float(np.degrees(np.arctan2(2 / np.sqrt(3) * avf, lead_i)))
    return 180.0 if degrees == -180 else degrees


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
    values |= _axes(beats, leads, values)
    number = int(used.sum())
    if number < FEWEST:
        values = dict.fromkeys(values, refused(_few(number), number))
    values["heart_rate_bpm"] = _rate(_rr(peaks, sound, rate))
    seen = np.isfinite(each[QRS, PEAK]).sum(axis=1)
    rows = {name: _lead(beats, row, int(seen[row]), number)
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


def _limbs(leads: Sequence[str]) -> Float | None:
    """Return (2, lead): the weights that make I and aVF of the leads at hand; None if they cannot.

    III = II - I and aVF = (II + III) / 2.
    """
    have = {name: np.eye(len(leads))[k] for k, name in enumerate(leads)}
    one, two, three, foot = (have.get(name) for name in ("I", "II", "III", "aVF"))
    if one is None and two is not None and three is not None:
        one = two - three
    if foot is None and one is not None:
        if two is not None:
            foot = two - one / 2
        elif three is not None:
            foot = three + one / 2
    return None if one is None or foot is None else np.stack([one, foot])


def _axes(
    beats: MedianBeats | None, leads: Sequence[str], values: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the frontal axes of P, QRS and T."""
    weights = _limbs(leads)
    out = {}
    for key, kind, duration in (("axis_p_deg", P, "p_ms"), ("axis_qrs_deg", QRS, "qrs_ms"),
                                ("axis_t_deg", T, "t_ms")):  # fmt: skip
        if weights is None or beats is None:
            out[key] = refused("it takes leads I and aVF, or two of I, II and III")
        elif values[duration].value is None:
            out[key] = refused(values[duration].reason or "", values[duration].count)
        else:
            out[key] = _axis(beats, kind, weights)
    return out


def _axis(beats: MedianBeats, kind: int, weights: Float) -> Value:
    """Return the axis of one wave's net area; its spread is that of single beats around it."""
    span = _span(beats, kind)
    if span is None:
        return refused("the wave's ends cannot be told in most beats")
    a, b = span
    needed = np.flatnonzero(weights.any(axis=0))
    piece = beats.beats[:, :, a : b + 1]
    piece = piece[np.isfinite(piece[:, needed]).all(axis=(1, 2))]
    if len(piece) < FEWEST:
        return refused("too few beats have signal in the limb leads", len(piece))
    if kind == P:
        piece = piece - np.linspace(piece[:, :, 0], piece[:, :, -1], piece.shape[2], axis=2)
    # (beat, I and aVF), mV: the mean over the wave, which has the angle of the area.
    mean = piece[:, needed].mean(axis=2) @ weights[:, needed].T
    middle = np.median(mean, axis=0)
    if np.hypot(*middle) < _SMALL:
        return refused("the wave is too small in the frontal plane to have a direction", len(piece))
    angle = axis(*middle.tolist())
    around = [(axis(*row) - angle + 180) % 360 - 180 for row in mean.tolist()]
    low, high = np.percentile(around, (25, 75)).tolist()
    return Value(value=angle, count=len(piece), spread=high - low)


def _span(beats: MedianBeats, kind: int) -> tuple[int, int] | None:
    """Return first and last index of a wave in the median beat."""
    if not np.isfinite(beats.common[kind]).all():
        return None
    a, b = (beats.at + round(float(x)) for x in beats.common[kind])
    a, b = max(a, 0), min(b, beats.signal.shape[1] - 1)
    return (a, b) if b > a else None


def _lead(beats: MedianBeats | None, row: int, seen: int, of: int) -> dict[str, Value]:
    """Return the amplitudes and the ST level of one lead."""
    if beats is None:
        why = _few(of)
    elif seen <= of / 2:
        why = f"a QRS is found in {seen} of {of} sound beats: the lead is flat, noisy or missing"
    elif not np.isfinite(beats.signal[row]).any():
        why = "the lead has no signal"
    else:
        return _amplitudes(beats, row)
    return {key: refused(why, seen) for key in LEAD_KEYS}


def _amplitudes(beats: MedianBeats, row: int) -> dict[str, Value]:
    out = {key: refused("no such wave") for key in LEAD_KEYS}
    line = beats.signal[row]
    for key, kind in (("p_mv", P), ("t_mv", T)):
        span = _span(beats, kind)
        if span is None:
            out[key] = refused("the wave's ends cannot be told in most beats")
            continue
        a, b = span
        base = np.linspace(line[a], line[b], b - a + 1) if kind == P else 0.0
        at = a + int(np.argmax(np.abs(line[a : b + 1] - base)))
        out[key] = _height(beats, row, at, span if kind == P else None)
    span = _span(beats, QRS)
    if span is None:
        return out
    a, b = span
    for key, at in _deflections(line[a : b + 1], beats.rate).items():
        out[key] = _height(beats, row, a + at)
    after = beats.at + round(float(beats.common[QRS, 1]) + 0.06 * beats.rate)
    if after < len(line):
        out["st_j60_mv"] = _height(beats, row, after)
    return out


def _deflections(line: Float, rate: float) -> dict[str, int]:
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


def _notes(values: Mapping[str, Value], irregular: bool) -> tuple[str, ...]:
    notes = []
    width = values["qrs_ms"].value
    if width is not None and width > _WIDE:
        notes.append(f"QRS lasts {width:.0f} ms: QT and QTc are long for that reason too")
    if irregular:
        notes.append("RR intervals are irregular: QTc is the median of very different beats")
    return tuple(notes)
