"""``robustness``: who is tested stays; how the recordings are that they are tested on does not.

Models learn and choose on recordings as they are, on the sides of another protocol; then one thing
at a time goes wrong with those they are judged on, more and more of it: the `LADDER`. Chance is
that of a record, a kind of trouble and a seed, so that a rung differs from the one before in
severity alone, and is the same for every model.

Noise is that of nstdb, in halves: what a training mixes in is of the second half
(`TRAINING_HALF`), what is judged with is of the first.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.corpora.nstdb import NOISES
from einthoven.protocols import RECORD_PROTOCOLS, _alter
from einthoven.protocols._records import Examples, RecordProtocol, RecordSplit
from einthoven.record import Record
from einthoven.record.errors import DataError, UsageError, nearest
from einthoven.record.record import Signal
from einthoven.signal.resample import resample

TEST_HALF, TRAINING_HALF = "first", "second"  # of each noise record of nstdb
AS_RECORDED = "as recorded"
VERSION = 1  # of what the rungs do: kept answers of another one are made again

_DECIBELS = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
_RECORDS, _BEATS = "records", "beats"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One thing that goes wrong, mild to severe.

    Attributes
    ----------
    title : what it is.
    unit : of the severities.
    severities : the rungs.
    asks : whom it is for: whole records of twelve leads, beats of one lead or both.
    """

    title: str
    unit: str
    severities: tuple[Any, ...]
    asks: tuple[str, ...] = (_RECORDS, _BEATS)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A kind of trouble of `LADDER` at one severity; both ``""`` for a record as it is."""

    kind: str = ""
    severity: Any = ""

    @property
    def short(self) -> str:
        """The severity with its unit, e.g. ``"6 dB"``."""
        if not self.kind:
            return AS_RECORDED
        if isinstance(self.severity, tuple):
            words = ">".join(f"{rate:g}" for rate in self.severity)
        else:
            words = self.severity if isinstance(self.severity, str) else f"{self.severity:g}"
        return f"{words} {LADDER[self.kind].unit}".strip()

    @property
    def name(self) -> str:
        """The kind and the severity, e.g. ``"em 6 dB"``."""
        return f"{self.kind} {self.short}".strip()


LADDER: Mapping[str, Trouble] = MappingProxyType(
    {
        "bw": Trouble(title="baseline wander", unit="dB", severities=_DECIBELS),
        "em": Trouble(title="electrode motion", unit="dB", severities=_DECIBELS),
        "ma": Trouble(title="muscle noise", unit="dB", severities=_DECIBELS),
        "lost": Trouble(
            title="leads lost", unit="of 12", severities=(1, 2, 3, 6), asks=(_RECORDS,)
        ),
        "other": Trouble(
            title="the usual lead lost", unit="", severities=("other lead",), asks=(_BEATS,)
        ),
        "exchanged": Trouble(
            title="electrodes exchanged", unit="", severities=tuple(_alter.EXCHANGES),
            asks=(_RECORDS,),
        ),
        "rate": Trouble(
            title="resampled and back", unit="Hz",
            severities=((360.0, 250.0), (500.0, 250.0, 125.0), (80.0,), (62.5,), (50.0,)),
        ),
        "smaller": Trouble(title="smaller", unit="times", severities=(0.7, 0.5, 0.25)),
        "larger": Trouble(title="larger", unit="times", severities=(1.4, 2.0, 4.0)),
        "jitter": Trouble(title="R peaks displaced", unit="ms", severities=(5, 10, 20, 40)),
    }
)  # fmt: skip


def rungs(asks: str) -> tuple[Rung, ...]:
    """Return the record as it is, then each trouble from mild to severe.

    Parameters
    ----------
    asks : ``"records"`` of twelve leads or ``"beats"`` of one.

    Raises
    ------
    UsageError : `asks` is not known.
    """
    if asks not in (_RECORDS, _BEATS):
        raise UsageError("robustness", f"{asks!r} is not known", nearest(asks, (_RECORDS, _BEATS)))
    found = [Rung()]
    for kind, trouble in LADDER.items():
        if asks in trouble.asks:
            found += [Rung(kind=kind, severity=s) for s in trouble.severities]
    return tuple(found)


def noise_halves(which: str, root: Path | None = None) -> dict[str, Signal]:
    """Return by name a half of each noise record of nstdb, (lead, time) mV; they share no sample.

    Parameters
    ----------
    which : `TEST_HALF` or `TRAINING_HALF`.
    root : the data root.

    Raises
    ------
    UsageError : there is no such half.
    DataError : nstdb is not here.
    """
    if which not in (TEST_HALF, TRAINING_HALF):
        raise UsageError("noise", f"{which!r} is no half", f"Give {TEST_HALF} or {TRAINING_HALF}")
    corpus, found = open_corpus("nstdb", root), {}
    for name in NOISES:
        source = corpus.open(name)
        middle = source.samples // 2
        span = (0, middle) if which == TEST_HALF else (middle, source.samples)
        found[name] = source.read(*span)
    return found


class Noises:
    """The noise that is judged with, at any rate.

    Parameters
    ----------
    noises : of nstdb by name, the half that no training mixes in, (lead, time) mV.
    rate : their Hz.
    """

    def __init__(self, noises: Mapping[str, Signal], rate: float) -> None:
        self._at: dict[tuple[str, float], Signal] = {(k, rate): w for k, w in noises.items()}
        self._own = rate

    def __contains__(self, kind: object) -> bool:
        return (kind, self._own) in self._at

    def at(self, kind: str, rate: float) -> Signal:
        """Return (lead, time) at `rate` Hz.

        Raises
        ------
        DataError : that noise is not here.
        """
        if kind not in self:
            raise DataError(f"noise {kind}", "is not here", "Load it: einthoven data get nstdb")
        if (kind, rate) not in self._at:
            self._at[kind, rate] = resample(self._at[kind, self._own], self._own, rate)
        return self._at[kind, rate]


def altered(rung: Rung, record: Record, noises: Noises, seed: int = 0) -> Record:
    """Return a record as it is on a rung.

    Parameters
    ----------
    record : with reference beats.
    seed : of the chance, which is otherwise that of the record's name and the kind of trouble.

    Raises
    ------
    UsageError : the ladder has no such kind.
    DataError : the noise is not here, or the record lacks a lead.
    """
    if not rung.kind:
        return record
    if rung.kind not in LADDER:
        raise UsageError("robustness", f"{rung.kind!r} is not known", nearest(rung.kind, LADDER))
    rng = np.random.default_rng((seed, zlib.crc32(f"{record.name} {rung.kind}".encode())))
    match rung.kind:
        case "lost":
            return _alter.lost(rung.severity, record, rng)
        case "other":
            return _alter.other_lead(record, rng)
        case "exchanged":
            return _alter.exchanged(rung.severity, record, rng)
        case "rate":
            return _alter.through_rates(rung.severity, record, rng)
        case "smaller" | "larger":
            return _alter.amplified(rung.severity, record, rng)
        case "jitter":
            return _alter.jittered(rung.severity / 1000, record, rng)
        case _:
            noise = noises.at(rung.kind, record.rate)
            return _alter.noisy(noise, rung.severity, record, rng)


class Robustness(RecordProtocol):
    """The sides of another protocol, of which the recordings that are judged are to be altered.

    What a recipe learns from is as under that protocol; the suite ``robustness`` alters.
    Options: ``base``, the protocol whose sides are taken.
    """

    name = "robustness"
    options = MappingProxyType({"base": "ptbxl-folds"})

    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        if options["base"] == self.name:
            raise UsageError("protocol.base", "is robustness itself", "Name another protocol")
        return tuple(
            replace(whole, protocol=self.name, notes=(), part=f"sides of {whole.title}")
            for whole in RECORD_PROTOCOLS[options["base"]].split(examples, seed=seed)
        )


RECORD_PROTOCOLS.add(Robustness.name, Robustness())
