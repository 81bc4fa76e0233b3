"""Whole records to arrays: strips of some seconds, plain or with the borders of their beats, or the
usual beat of each, in all leads.

Leads are taken by name. Those of the limbs are two measurements and four sums of them, so two of
the six are enough, and the others are made exactly. Of the chest each is its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.inputs import tokens
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import LIMBS, STANDARD, canonical
from einthoven.record.record import Signal
from einthoven.signal import measurements12
from einthoven.signal.aligned_beat import AFTER, BEFORE, RATE, aligned_beat, band_limited
from einthoven.signal.quality import silent

Array = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]
_Made = tuple[Array, Array, tuple[str, ...]]  # window, side numbers, noisy leads

SHORTEST = 0.5  # of the window's length that a record must have
_LAST = 0.5  # of it from which what is left at the end is a window, too
_PARTS = 5  # of a window, two seconds each of ten: hearts that beat at all beat in most of them
_FEWEST = 2  # whole beats that a median is taken of
_NONE = np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class RecordInputs:
    """What a model of whole records eats of one.

    Attributes
    ----------
    start : (window,) int64 first sample of each, at the record's own rate.
    window : (window, lead, time) float32 mV at the spec's rate.
    side : (window, number) float32, named by `record_side_names`.
    noisy : for each window the leads whose usual beat cannot be trusted; of strips, none.
        What is answered to a window that has such leads is to be called uncertain.
    """

    start: Samples
    window: Array
    side: Array
    noisy: tuple[tuple[str, ...], ...]

    @property
    def mute(self) -> npt.NDArray[np.bool_]:
        """(window,) whether it is a strip in whose sentence there is no beat: all numbers are 0.

        What is answered to it is to be called uncertain.
        """
        if not self.side.shape[1]:
            return np.zeros(len(self.start), np.bool_)
        empty: npt.NDArray[np.bool_] = (self.side == 0).all(axis=1)
        return empty


def record_side_names(spec: InputSpec) -> tuple[str, ...]:
    """Return the names of the numbers that go with each window of a record.

    Raises
    ------
    UsageError : a group is not known, or the kind has none.
    """
    for group in spec.side:
        if group != "measurements" or spec.kind != "median-beat":
            mend = 'Give side = ["measurements"] with kind = "median-beat", or none'
            raise UsageError("input.side", f"{group!r} does not go with {spec.kind!r}", mend)
    if spec.kind == "tokens":
        return tokens.side_names(spec.window[1])
    return measurements12.names() if spec.side else ()


def time_of(spec: InputSpec) -> int:
    """Return how many samples a window of the spec has.

    Raises
    ------
    UsageError : the rate of the spec does not divide that of the median beat.
    """
    if spec.kind in ("strip", "tokens"):
        return round(spec.window[1] * spec.rate)
    if RATE % spec.rate:
        raise UsageError("input.rate", f"is {spec.rate} Hz", f"Give a divisor of {RATE} Hz")
    return (BEFORE + AFTER) // round(RATE / spec.rate) if spec.waveform else 0


def by_name(
    signal: Signal, leads: tuple[str, ...], wanted: tuple[str, ...], where: str = "record"
) -> Array:
    """Return (wanted lead, time): rows by name, limb leads that are missing made of the others.

    A lead is missing where it is not there, has less than half of its samples, or is flat in more
    than half of five equal parts.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    leads, wanted : names of its rows, and of those returned.
    where : the record, for messages.

    Raises
    ------
    DataError : a lead is missing and cannot be made.
    """
    rows = {canonical(name): row for name, row in zip(leads, signal, strict=True)}
    sound = {name: row for name, row in rows.items() if name in wanted and _sound(row)}
    lost = [name for name in wanted if name not in sound]
    if lost and set(lost) <= set(LIMBS):
        known = [name for name in ("I", "II", "III", "aVR", "aVL", "aVF") if name in sound]
        # Two are enough; I and II, where they are there, need no arithmetic.
        known = known[:2]
        if len(known) == 2:
            both = np.linalg.inv(np.array([LIMBS[name] for name in known]))
            pair = both @ np.stack([sound[name] for name in known]).astype(np.float64)
            for name in lost:
                sound[name] = (np.array(LIMBS[name]) @ pair).astype(np.float32)
            lost = []
    if lost:
        fault = f"has no usable lead {', '.join(lost)}"
        mend = "Give two limb leads and V1 to V6" if "V1" in wanted else f"Give {', '.join(wanted)}"
        raise DataError(where, fault, mend)
    return np.stack([sound[name] for name in wanted]).astype(np.float32)


def _sound(row: Signal) -> bool:
    return np.isfinite(row).sum() * 2 > len(row) and not silent(row, _PARTS)


def _starts(samples: int, length: int) -> list[int]:
    """Return where windows of `length` begin; the last may end with the record."""
    starts = list(range(0, samples - length + 1, length)) or [0]
    rest = samples - (starts[-1] + length)
    if rest >= _LAST * length:
        starts.append(samples - length)
    return starts


def cut(
    signal: Signal,
    rate: float,
    leads: tuple[str, ...],
    peaks: Samples,
    spec: InputSpec,
    where: str = "record",
) -> RecordInputs:
    """Return the windows of a whole record.

    A record that is longer than the spec's window gives several. One that is shorter, but not
    shorter than half of it, gives one: of a strip, what is missing at the end is 0.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    rate : its Hz.
    leads : names of its rows, in any order.
    peaks : (beat,) samples of the R peaks, as our own detector finds them.
    spec : of kind ``strip``, ``tokens`` or ``median-beat``.
    where : the record, for messages.

    Raises
    ------
    UsageError : the spec is of another kind.
    DataError : the record is too short, lacks a lead, or no window has two whole beats; of
        ``tokens``, which need none, each has more than 300 a minute.
    """
    if spec.kind not in ("strip", "tokens", "median-beat"):
        mend = "Use strip, tokens or median-beat"
        raise UsageError("input.kind", f"{spec.kind!r} is not of whole records", mend)
    record_side_names(spec)
    time = time_of(spec)
    wanted = STANDARD if spec.leads == ("one",) else spec.leads
    if spec.side and wanted != STANDARD:
        raise UsageError("input.leads", "measurements need the twelve", f"Give {list(STANDARD)}")
    length = round(spec.window[1] * rate)
    if signal.shape[1] < SHORTEST * length:
        least = SHORTEST * spec.window[1]
        fault = f"is {signal.shape[1] / rate:.3g} s long, and this model needs at least {least:g} s"
        raise DataError(where, fault, "Give a longer one")
    starts, windows, sides, noisy = [], [], [], list[tuple[str, ...]]()
    without: DataError | None = None
    for start in _starts(signal.shape[1], length):
        try:
            part = by_name(signal[:, start : start + length], leads, wanted, where)
            inside = peaks[(peaks >= start) & (peaks < start + length)] - start
            if spec.kind == "strip":
                made: _Made | None = (_strip(part, rate, spec, time), _NONE, ())
            elif spec.kind == "tokens":
                made = (*_sentence(part, rate, inside / rate, spec, where), ())
            else:
                made = _beat(part, rate, inside / rate, spec, wanted)
        except DataError as lost:  # for a while only, perhaps
            without = lost
            continue
        if made is None:
            continue
        starts.append(start)
        windows.append(made[0])
        sides.append(made[1])
        noisy.append(made[2])
    if not starts:
        raise without or DataError(
            where, "has no two whole heartbeats in any window", "Give an ECG"
        )
    return RecordInputs(
        start=np.array(starts, np.int64), window=np.stack(windows), side=np.stack(sides),
        noisy=tuple(noisy),
    )  # fmt: skip


def _normalised(window: Array, spec: InputSpec) -> Array:
    if spec.normalise == "zscore":
        window = (window - window.mean(dtype=np.float32)) / (window.std(dtype=np.float32) + 1e-6)
    return np.ascontiguousarray(window, np.float32)


def _strip(part: Array, rate: float, spec: InputSpec, time: int) -> Array:
    whole = band_limited(part, rate, round(spec.rate), spec.band)[:, :time]
    whole = whole - np.median(whole, axis=1, keepdims=True)
    whole = _normalised(whole, spec)
    return np.pad(whole, ((0, 0), (0, time - whole.shape[1])))


def _sentence(
    part: Array, rate: float, peaks: npt.NDArray[np.float64], spec: InputSpec, where: str
) -> tuple[Array, Array]:
    window = _strip(part, rate, spec, time_of(spec))
    # A record that is shorter than the window has its own last sample, not that of the padding.
    samples = min(window.shape[1], round(part.shape[1] / rate * spec.rate))
    r = np.unique(np.rint(peaks * spec.rate).astype(np.int64).clip(0, samples - 1))
    r = tokens.laid_over(window[:, :samples], spec.rate, r)
    return window, tokens.side_of(r, samples, spec.rate, tokens.slots(spec.window[1]), where)


def _beat(
    part: Array, rate: float, peaks: npt.NDArray[np.float64], spec: InputSpec,
    leads: tuple[str, ...],
) -> _Made | None:  # fmt: skip
    found = aligned_beat(band_limited(part, rate, RATE, spec.band), peaks)
    if found is None or len(found.at) < _FEWEST:
        return None
    step = round(RATE / spec.rate)
    window = _normalised(found.signal[:, ::step] if spec.waveform else found.signal[:, :0], spec)
    noisy = tuple(name for name, bad in zip(leads, found.noisy.tolist(), strict=True) if bad)
    side = measurements12.measure(found, np.diff(peaks)) if spec.side else _NONE
    return window, side, noisy
