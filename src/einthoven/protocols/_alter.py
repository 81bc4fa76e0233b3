"""Recordings altered: noise, lost and exchanged leads, other rates and gains, R peaks displaced.

Each function returns another `Record`; chance is the generator's that it is given. Reference beats
are in ``annotations`` and go along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from einthoven.record import Annotations, Record
from einthoven.record.errors import DataError, UsageError, nearest
from einthoven.record.leads import LIMBS, STANDARD, one_lead
from einthoven.record.record import Signal
from einthoven.record.vocabulary import is_beat
from einthoven.signal.noise import mix
from einthoven.signal.resample import resample

Floats = npt.NDArray[np.float32]

HISS = 0.005  # mV, SD of what a lead holds that is connected to nothing

# Of electrodes that are exchanged: each lead that changes, and what is read in its place.
_ARMS = {"I": "-I", "II": "III", "III": "II", "aVR": "aVL", "aVL": "aVR"}
_LEG = {"I": "-III", "II": "-II", "III": "-I", "aVR": "aVF", "aVF": "aVR"}
EXCHANGES = {
    "V1/V2": {"V1": "V2", "V2": "V1"},
    "arms": _ARMS,
    "right arm/leg": _LEG,
    "V1-V6 reversed": dict(zip(STANDARD[6:], STANDARD[:5:-1], strict=True)),
}
_MADE = {name: of for name, of in LIMBS.items() if name not in ("I", "II")}


def beats_of(record: Record) -> Annotations:
    """Return the reference beats.

    Raises
    ------
    DataError : there are none.
    """
    if record.annotations is None:
        raise DataError(record.name, "has no reference annotations", "Judge on another record")
    return record.annotations.where(is_beat(record.annotations.symbols))


def noisy(noise: Signal, decibels: float, record: Record, rng: np.random.Generator) -> Record:
    """Return the record with noise all through, each pair of leads from a chance place of it on.

    The ratio holds for each lead by itself, as in the stress test; but III and the augmented leads
    are what I and II make of them, noise and all, since no recorder gives any other.

    Parameters
    ----------
    noise : (lead, time) mV at the record's rate.
    decibels : in the sense of the stress test, see `signal.noise`.
    """
    marks, step = beats_of(record), len(noise)
    derived = [n for n in record.leads if n in _MADE] if {"I", "II"} <= {*record.leads} else []
    own = [k for k, name in enumerate(record.leads) if name not in derived]
    signal = record.signal.copy()
    for first in range(0, len(own), step):
        rows = own[first : first + step]
        wave = np.roll(noise, -int(rng.integers(noise.shape[1])), axis=1)
        signal[rows] = mix(
            record.signal[rows], wave, record.rate, decibels, snr="nst", beats=marks.samples,
            symbols=marks.symbols,
        )  # fmt: skip
    added = signal - record.signal
    for name in derived:
        one, two = (added[record.leads.index(n)] for n in ("I", "II"))
        a, b = _MADE[name]
        signal[record.leads.index(name)] += np.float32(a) * one + np.float32(b) * two
    return replace(record, signal=signal)


def lost(count: int, record: Record, rng: np.random.Generator) -> Record:
    """Return the record with only hiss in some leads, drawn by chance.

    A lead that is flat, or missing, is made of others or the record is refused, and a model is
    never asked; so what is lost here hisses. Of more leads the fewer lost are always among them.

    Raises
    ------
    UsageError : the record has no more leads than that.
    """
    if not 0 < count < len(record.leads):
        fault = f"{count} of {len(record.leads)} leads cannot be lost"
        raise UsageError(record.name, fault, f"Give 1 to {len(record.leads) - 1}")
    rows = rng.permutation(len(record.leads))
    hiss = rng.normal(0, HISS, record.signal.shape).astype(np.float32)
    signal = record.signal.copy()
    signal[rows[:count]] = hiss[rows[:count]]
    return replace(record, signal=signal)


def exchanged(which: str, record: Record, rng: np.random.Generator) -> Record:
    """Return the record as it is where two electrodes, or all of the chest, are exchanged.

    Parameters
    ----------
    which : one of `EXCHANGES`.

    Raises
    ------
    UsageError : there is no such exchange.
    DataError : the record lacks a lead of it.
    """
    del rng
    if which not in EXCHANGES:
        raise UsageError("exchange", f"{which!r} is not known", nearest(which, EXCHANGES))
    rows = dict(zip(record.leads, record.signal, strict=True))
    signal = record.signal.copy()
    for name, read in EXCHANGES[which].items():
        source = read.removeprefix("-")
        if name not in rows or source not in rows:
            raise DataError(record.name, f"has no lead {name} or {source}", "Give the twelve")
        signal[record.leads.index(name)] = -rows[source] if read != source else rows[source]
    return replace(record, signal=signal)


def other_lead(record: Record, rng: np.random.Generator) -> Record:
    """Return the record with its other lead alone: that which usually speaks for it is lost.

    Raises
    ------
    DataError : it has one lead only.
    """
    del rng
    rest = [i for i in range(len(record.leads)) if i != one_lead(record.leads)]
    if not rest:
        raise DataError(record.name, "has one lead only", "Leave this condition out")
    k = rest[0]
    return replace(record, signal=record.signal[k : k + 1], leads=(record.leads[k],))


def at_rate(rate: float, record: Record, rng: np.random.Generator) -> Record:
    """Return the record as if it had been sampled at `rate` Hz."""
    del rng
    marks = beats_of(record)
    samples = np.floor(marks.samples * (rate / record.rate) + 0.5).astype(np.int64)
    return replace(
        record, signal=resample(record.signal, record.rate, rate), rate=rate,
        annotations=Annotations(samples=samples, symbols=marks.symbols),
    )  # fmt: skip


def through_rates(rates: Sequence[float], record: Record, rng: np.random.Generator) -> Record:
    """Return the record after a way through some rates, Hz, and back to its own."""
    del rng
    signal, rate = record.signal, record.rate
    for target in (*rates, record.rate):
        signal, rate = resample(signal, rate, target), target
    # Rounding up on the way may have made it some samples longer.
    return replace(record, signal=signal[:, : record.samples])


def amplified(factor: float, record: Record, rng: np.random.Generator) -> Record:
    """Return the record `factor` times as large."""
    del rng
    return replace(record, signal=record.signal * np.float32(factor))


def jittered(seconds: float, record: Record, rng: np.random.Generator) -> Record:
    """Return the record with its R peaks displaced by normal chance of that standard deviation."""
    marks = beats_of(record)
    moved = marks.samples + np.rint(rng.normal(0, seconds * record.rate, len(marks)))
    # Beats stay in order, a sample apart, and inside the recording.
    step = np.arange(len(marks))
    moved = np.maximum.accumulate(np.clip(moved, 0, None).astype(np.int64) - step)
    moved = np.minimum(moved, record.samples - len(marks)) + step
    return replace(record, annotations=Annotations(samples=moved, symbols=marks.symbols))


def unaltered(record: Record, rng: np.random.Generator) -> Record:
    """Return the record as it is."""
    del rng
    return record
