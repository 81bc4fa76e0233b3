"""Shandong Provincial Hospital (SPH): 25,770 records of twelve leads, with AHA statements.

An HDF5 file a record (``ecg``, lead by time, mV) and a table with AHA codes. A code is a primary
statement, with modifiers after a plus: ``60+310`` says 60 as 310 qualifies it. The machine has
removed mains, wander and muscle noise before the record was stored.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from einthoven.corpora import _hdf5
from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._hearts import people, recording
from einthoven.corpora._sums import MD5S, write_sums
from einthoven.corpora._table import TableCorpus
from einthoven.record import Record
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import FormatError
from einthoven.record.leads import STANDARD
from einthoven.record.source import RecordSource, Source

_RATE = 500.0
_LONGEST = 60  # seconds, by the publisher
_SEX = {"M": "male", "F": "female"}

# What is generated, and its code: of the publisher's code.csv.
_SAID = (
    ("normal", "1"), ("rbbb", "106"), ("tachycardia", "21"), ("bradycardia", "22"),
    ("lbbb", "104"), ("fibrillation", "50+346"), ("ventricular", "22;60"), ("long-pr", "82"),
    ("flat-t", "147"), ("high-voltage", "142"), ("left-axis", "121"),
)  # fmt: skip


class Sph(TableCorpus):
    """The corpus; a record has no annotations."""

    table, key, needs = "metadata.csv", "ECG_ID", ("AHA_Code", "Patient_ID")

    facts = Facts(
        name="sph",
        title="A large-scale multi-label 12-lead electrocardiogram database with standardized "
        "diagnostic statements",
        version="1",
        licence="CC0 1.0",
        citation=(
            "Liu H, Chen D, Chen D, Zhang X, Li H, Bian L, Shu M, Wang Y. A large-scale "
            "multi-label 12-lead electrocardiogram database with standardized diagnostic "
            "statements. Sci Data 2022; 9: 272 (10.1038/s41597-022-01403-5)."
        ),
        doi="10.6084/m9.figshare.c.5779802.v1",
        url="https://doi.org/10.6084/m9.figshare.c.5779802.v1",
        base_url="",
        deposit="https://api.figshare.com/v2/collections/5779802/articles",
        records=25770,
        subjects=24666,
        rate=_RATE,
        leads="the twelve",
        hours=0.0,  # 10 to 60 s each; the publisher states no sum
        size=0,
    )

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose file is in the folder."""
        place = self.folder / "records"
        here = {path.name for path in place.iterdir()} if place.is_dir() else set[str]()
        return tuple(record for record in self.records if f"{record}.h5" in here)

    def subject(self, record: str) -> str:
        """Return ``"sph:<Patient_ID>"``."""
        return f"sph:{self._table.cell(self._known(record), 'Patient_ID')}"

    def open(self, record: str) -> Source:
        """Return the record, 10 to 60 s at 500 Hz."""
        path = self.folder / "records" / f"{self._known(record)}.h5"
        if not path.is_file():
            raise self._absent(path)
        signal = _hdf5.read(path, "ecg")
        if signal.ndim != 2 or len(signal) != len(STANDARD) or signal.dtype.kind != "f":
            raise FormatError(path, f"holds no 12 leads but {signal.shape}", "Fetch it again")
        if signal.shape[1] > 2 * _LONGEST * _RATE:
            raise FormatError(path, f"holds {signal.shape[1]} samples", "Check what it is")
        return RecordSource(
            Record(
                signal=signal.astype(np.float32), rate=_RATE, leads=STANDARD, name=record,
                source=str(path),
            )
        )  # fmt: skip

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the AHA statements, each with its modifiers."""
        text = self._table.cell(self._known(record), "AHA_Code")
        codes = (code.strip() for code in text.split(";"))
        return tuple(Statement(system="AHA", code=code) for code in codes if code)

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age, sex, and the date of recording."""
        table = self._table
        found = {}
        for key, column in (("age", "Age"), ("recording_date", "Date")):
            text = table.cell(self._known(record), column)
            if text:
                found[key] = text
        sex = _SEX.get(table.cell(record, "Sex"))
        return found | ({"sex": sex} if sex else {})

    def miniature(self, folder: Path, seed: int, *, records: int = 24) -> Path:
        """Write generated records of 10 to 20 s in the publisher's layout.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : how many.
        """
        target = folder / self.name
        (target / "records").mkdir(parents=True, exist_ok=True)
        rows: list[tuple[str, ...]] = [
            ("ECG_ID", "AHA_Code", "Patient_ID", "Age", "Sex", "N", "Date")
        ]
        for number, person in enumerate(people(records, seed), start=1):
            kind, code = _SAID[(number - 1) % len(_SAID)]
            name, seconds = f"A{number:05d}", 10.0 + number % 3 * 5
            drawn = recording(
                kind, 3000 + person, rate=_RATE, seconds=seconds, seed=1000 * seed + number
            )
            _hdf5.write(target / "records" / f"{name}.h5", ecg=drawn.astype(np.float16))
            sex, age = "MF"[person % 2], str(20 + person * 7 % 60)
            rows.append((name, code, f"S{person:05d}", age, sex, str(drawn.shape[1]), "2020-01-01"))
        with (target / self.table).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        write_sums(target, [target / self.table, *(target / "records").iterdir()], MD5S)
        return folder


CORPORA.add("sph", Sph)
