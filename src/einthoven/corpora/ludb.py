"""Lobachevsky University Database: ten seconds of twelve leads, P, QRS and T marked in each.

Each lead has an annotation file of its own (``1.i`` to ``1.v6``): a bracket, a peak and a bracket
a wave. The marks begin at about the second QRS of a record and end at the last but one: what
stands before and after are waves too, and nobody marked them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.corpora._corpus import CORPORA, Corpus, Facts
from einthoven.corpora._miniature import write_record
from einthoven.corpora._sums import write_sums
from einthoven.corpora._table import Table
from einthoven.formats import open_source
from einthoven.formats._wfdb_annotation import encode, load
from einthoven.record import Annotations
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD
from einthoven.record.source import RecordSource, Source
from einthoven.signal.simulate import Episode, Heart, Waves, simulate

Ints = npt.NDArray[np.int64]

LEADS = tuple(name.lower() for name in STANDARD)  # as the publisher spells them
_GAIN = 1000  # units a mV; the publisher's gain differs from lead to lead
_SYMBOLS = {"P": "p", "QRS": "N", "T": "t"}
_KINDS = {symbol: kind for kind, symbol in _SYMBOLS.items()}

# Kept from every choice that was made here.
# fmt: off
_KEPT = frozenset(
    str(n)
    for n in (
        6, 7, 13, 15, 16, 19, 20, 23, 26, 35, 36, 37, 52, 53, 56, 64, 67, 69, 71, 73, 76, 79,
        83, 85, 89, 91, 94, 95, 97, 99, 102, 104, 105, 109, 110, 130, 131, 132, 145, 151, 156,
        165, 166, 167, 170, 172, 174, 182, 184, 193,
    )
)
# fmt: on
_PUBLISHED = tuple(str(n) for n in range(1, 201))
_ORDER = sorted(
    (name for name in _PUBLISHED if name not in _KEPT),
    key=lambda name: hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
)
_SAID = (
    "Rhythms", "Electric axis of the heart", "Conduction abnormalities", "Extrasystolies",
    "Hypertrophies", "Cardiac pacing", "Ischemia", "Non-specific repolarization abnormalities",
    "Other states",
)  # fmt: skip
_SEX = {"F": "female", "M": "male"}
# 150 records by the SHA-1 of their name.
TRAIN, VALIDATION, TEST = tuple(_ORDER[:100]), tuple(_ORDER[100:120]), tuple(_ORDER[120:])


@dataclass(frozen=True, kw_only=True, eq=False)
class Marked:
    """The waves that were marked in one lead, in time order.

    Attributes
    ----------
    kinds : (wave,) ``P``, ``QRS`` or ``T``.
    onsets, peaks, offsets : (wave,) samples; -1 where a bracket is missing.
    """

    kinds: npt.NDArray[np.str_]
    onsets: Ints
    peaks: Ints
    offsets: Ints


def marked(marks: Annotations) -> Marked:
    """Return the waves of the marks of one lead: peaks, each with the brackets next to it."""
    order = np.argsort(marks.samples, kind="stable")
    symbols = ["", *marks.symbols[order].tolist(), ""]
    samples = [-1, *marks.samples[order].tolist(), -1]
    at = [k for k, symbol in enumerate(symbols) if symbol in _KINDS]
    return Marked(
        kinds=np.array([_KINDS[symbols[k]] for k in at], "<U3"),
        onsets=np.array([samples[k - 1] if symbols[k - 1] == "(" else -1 for k in at], np.int64),
        peaks=np.array([samples[k] for k in at], np.int64),
        offsets=np.array([samples[k + 1] if symbols[k + 1] == ")" else -1 for k in at], np.int64),
    )


class Ludb(Corpus):
    """The corpus; the annotations of an opened record are those of lead II."""

    facts = Facts(
        name="ludb",
        title="Lobachevsky University Electrocardiography Database",
        version="1.0.1",
        licence="ODC-By 1.0",
        citation=(
            "Kalyakulina A, Yusipov I, Moskalenko V, Nikolskiy A, Kosonogov K, Zolotykh N, "
            "Ivanchenko M. Lobachevsky University Electrocardiography Database. PhysioNet 2021. "
            "Kalyakulina A et al. LUDB: a new open-access validation tool for electrocardiogram "
            "delineation algorithms. IEEE Access 2020; 8: 186181-186190. "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/eegm-h675",
        url="https://physionet.org/content/ludb/1.0.1/",
        base_url="https://physionet.org/files/ludb/1.0.1/",
        records=200,
        subjects=200,
        rate=500.0,
        leads="the twelve",
        hours=200 * 10 / 3600,
        size=24_500_000,
    )

    @property
    def records(self) -> tuple[str, ...]:
        """The records of RECORDS in the folder (``data/1``), else all that are published."""
        listing = self.folder / "RECORDS"
        if not listing.is_file():
            return _PUBLISHED
        rows = listing.read_text(encoding="ascii", errors="replace").split()
        here = {row.rpartition("/")[2] for row in rows}
        return tuple(name for name in _PUBLISHED if name in here)

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose header and signal are in the folder."""
        return tuple(n for n in self.records if all(self._file(n, e).is_file() for e in _SIGNAL))

    def subject(self, record: str) -> str:
        """Return ``"ludb:<record>"``: the publisher recorded each person once."""
        return f"ludb:{self._known(record)}"

    def open(self, record: str) -> Source:
        """Return the record; its annotations are those of lead II, see `marks` for the others."""
        path = self._file(self._known(record), "hea")
        if not path.is_file():
            raise self._absent(path)
        found = open_source(path).record()
        marks = self._file(record, LEADS[1])
        return RecordSource(replace(found, annotations=load(marks)[0] if marks.is_file() else None))

    def marks(self, record: str) -> tuple[Marked, ...]:
        """Return the marked waves of each lead, in the order of `record.leads.STANDARD`.

        Raises
        ------
        DataError : where there is no such record, or an annotation file is not here.
        """
        self._known(record)
        found = []
        for lead in LEADS:
            path = self._file(record, lead)
            if not path.is_file():
                raise self._absent(path)
            found.append(marked(load(path)[0]))
        return tuple(found)

    @cached_property
    def _table(self) -> Table:
        return Table(self.folder / "ludb.csv", "ID", ("Rhythms",), self.mend)

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the lines of the table of people: rhythm, axis, diagnoses, in its words."""
        if self._known(record) not in self._table:
            raise DataError(self._table.path, f"does not name {record}", "Fetch it again")
        lines = (x for text in self._table.cells(record, _SAID).values() for x in text.split("\n"))
        return tuple(Statement(system="LUDB", code=x.strip()) for x in lines if x.strip())

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years, or ``>89``) and sex."""
        self._known(record)
        found = self._table.cells(record, ("Age",)) if record in self._table else {}
        age = found.get("Age", "").replace(" ", "")
        sex = _SEX.get(self._table.cell(record, "Sex")) if record in self._table else None
        return ({"age": age} if age else {}) | ({"sex": sex} if sex else {})

    def _file(self, record: str, end: str) -> Path:
        return self.folder / "data" / f"{record}.{end}"

    def files(self) -> tuple[str, ...]:
        """Return RECORDS, the table of people, and the files of each record."""
        ends = (*_SIGNAL, *LEADS)
        return ("RECORDS", "ludb.csv", *(f"data/{r}.{end}" for r in _PUBLISHED for end in ends))

    def miniature(
        self, folder: Path, seed: int, *, records: Sequence[str] | None = None
    ) -> Path:  # fmt: skip
        """Write generated records with the names, rate, leads and marks of the publisher's.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : which; all 200 if not given.
        """
        chosen = _PUBLISHED if records is None else tuple(records)
        chosen = tuple(sorted(chosen, key=int))
        target = folder / self.name
        (target / "data").mkdir(parents=True, exist_ok=True)
        files, rows = [], [f"ID,Sex,Age,{','.join(_SAID)}"]
        for record in chosen:
            heart = Heart.drawn(1000 * seed + int(record))
            # Fast enough that a dozen beats are left when the first and the last are not marked.
            made = simulate(
                rate=500.0, leads=STANDARD, seed=1000 * seed + int(record), name=record,
                heart=replace(heart, heart_rate=max(heart.heart_rate, 84.0)),
                episodes=(Episode(rhythm="sinus", seconds=10, ventricular=0.03),),
            )  # fmt: skip
            samples = np.rint(made.record.signal * _GAIN).astype(np.int64)
            files += write_record(
                target / "data", record, np.clip(samples, -32767, 32767), 500.0, LEADS,
                gain=f"{_GAIN}(0)/mV", resolution=16, zero=0, marks=None, form=16,
                comments=("<age>: 60", "<sex>: F", "simulated"),
            )  # fmt: skip
            marks = encode(_brackets(made.waves), target)
            for lead in LEADS:
                files.append(target / "data" / f"{record}.{lead}")
                files[-1].write_bytes(marks)
            rows.append(f'{record},"F\n",60,Sinus rhythm,{_SAID[1]}: normal,,,,,,,')
        for name, lines in (("RECORDS", [f"data/{r}" for r in chosen]), ("ludb.csv", rows)):
            files.append(target / name)
            files[-1].write_text("\n".join(lines) + "\n", encoding="ascii")
        write_sums(target, files)
        return folder


_SIGNAL = ("hea", "dat")


def _brackets(waves: Waves) -> Annotations:
    """Return the marks of a lead, from the second QRS to the last but one as the publisher's."""
    middle = waves.peaks[waves.kinds == "QRS"][1:-1]
    keep = (waves.peaks >= middle[0]) & (waves.peaks <= middle[-1])
    rows = []
    for kind, *at in zip(
        waves.kinds[keep].tolist(), waves.onsets[keep].tolist(), waves.peaks[keep].tolist(),
        waves.offsets[keep].tolist(), strict=True,
    ):  # fmt: skip
        rows += list(zip(at, ("(", _SYMBOLS[kind], ")"), strict=True))
    return Annotations(
        samples=np.array([s for s, _ in rows], np.int64), symbols=np.array([m for _, m in rows])
    )


CORPORA.add("ludb", Ludb)
