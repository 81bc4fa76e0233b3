"""Chapman University and Shaoxing People's Hospital: ten-second records, in three editions.

The first edition (10,646 records) has a row a record in Diagnostics.xlsx, in codes of its own, and
the denoised leads in microvolt (``ECGDataDenoised/MUSE_<..>.csv`` or ``.mat``). The CinC Challenge
2021 has 10,247 of them as ``JS00001`` .., whose number is the row of that table, with SNOMED CT
codes; it left out the 399 records of sinus irregularity, and its leads are not denoised. The same
are in ecg-arrhythmia (`_shaoxing`). In the first edition's codes AF is flutter and AFIB
fibrillation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.corpora import _mat5, _xlsx
from einthoven.corpora._cinc import facts, person
from einthoven.corpora._corpus import CORPORA
from einthoven.corpora._shaoxing import ARRHYTHMIA, LAST, Shaoxing, arrhythmia
from einthoven.record import Record
from einthoven.record.diagnosis import Statement, published
from einthoven.record.errors import DataError, FormatError
from einthoven.record.leads import STANDARD
from einthoven.record.source import RecordSource, Source

_TABLE = "Diagnostics.xlsx"
_SIGNALS = ("ECGDataDenoised", "ECGData", "")
_NEEDS = ("FileName", "Rhythm", "Beat", "PatientAge", "Gender")
_RATE = 500.0
_MOST = 16 << 20  # bytes of a table of one record
_MEND = "Load the edition of the challenge with: einthoven data get chapman"
_NOTE = "the leads of this edition are denoised: amplitudes differ from the challenge's edition"
_PAPER = (
    "Zheng J, Zhang J, Danioko S, Yao H, Guo H, Rakovski C. A 12-lead electrocardiogram "
    "database for arrhythmia research covering more than 10,000 patients. Sci Data 2020; "
    "7: 48 (10.1038/s41597-020-0386-x)."
)


class Chapman(Shaoxing):
    """The corpus."""

    part = "chapman_shaoxing"
    numbers = range(1, LAST + 1)
    facts = facts(
        name="chapman", title="Chapman University, Shaoxing People's Hospital 12-lead ECG Database",
        citation=_PAPER, records=10247, hours=10247 * 10 / 3600, statements=published("chapman"),
    )  # fmt: skip
    others = MappingProxyType(
        {
            ARRHYTHMIA: arrhythmia(facts, _PAPER),
            "original": replace(
                facts, version="2", citation=_PAPER, doi="10.6084/m9.figshare.c.4560497.v2",
                url="https://doi.org/10.6084/m9.figshare.c.4560497.v2", base_url="", size=0,
                records=LAST, subjects=LAST, hours=LAST * 10 / 3600,
                statements=MappingProxyType({}), by_hand=(
                    "Load Diagnostics.xlsx and ECGDataDenoised.zip or ECGData.zip from "
                    "https://doi.org/10.6084/m9.figshare.c.4560497.v2 into the folder chapman of "
                    "the data root, and unpack the archive there"
                ),
            ),
        }
    )  # fmt: skip

    @property
    def _places(self) -> tuple[Path, ...]:
        return (self.folder / _TABLE, self.root / "chapman_original" / _TABLE)

    @cached_property
    def _rows(self) -> Mapping[str, dict[str, str]]:
        """The rows of the first edition's table by the name of the file, with their number."""
        path = next((place for place in self._places if place.is_file()), None)
        if path is None:
            raise DataError(self._places[0], "is not there", _MEND)
        rows = _xlsx.rows(path)
        head = next(rows, [])
        missing = [name for name in _NEEDS if name not in head]
        if missing:
            raise DataError(path, f"has no column {missing[0]!r}", "Fetch it again")
        found = {}
        for number, cells in enumerate(rows, start=1):
            row = dict(zip(head, cells, strict=False)) | {"number": str(number)}
            found[row["FileName"]] = {"folder": str(path.parent)} | row
        return MappingProxyType(found)

    def _here(self, edition: str) -> bool:
        if edition == "original":
            return any(place.is_file() for place in self._places)
        return super()._here(edition)

    def _files_of(self, edition: str) -> Mapping[str, Path]:
        return self._own if edition == "original" else super()._files_of(edition)

    @cached_property
    def _own(self) -> Mapping[str, Path]:
        found = {}
        folders = {row["folder"] for row in self._rows.values()}
        for folder in (Path(f) / tree for f in sorted(folders) for tree in reversed(_SIGNALS)):
            for path in (*folder.glob("MUSE_*.mat"), *folder.glob("MUSE_*.csv")):
                if path.stem in self._rows:
                    found[path.stem] = path
        return MappingProxyType(found)

    @property
    def records(self) -> tuple[str, ...]:
        """The records that are here, sorted; of the first edition those of its table."""
        return tuple(self._rows) if self.original else super().records

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose signal is here."""
        return tuple(r for r in self.records if not self.original or r in self._found)

    def _known(self, record: str) -> str:
        if self.original and record not in self._rows:
            raise DataError(
                self.name, f"there is no record {record!r}", f"See the column FileName of {_TABLE}"
            )
        return record if self.original else super()._known(record)

    def subject(self, record: str) -> str:
        """Return ``"chapman:record:JS<row>"``: the same in both editions; nobody is named."""
        self._known(record)
        if self.original:
            return f"chapman:record:JS{int(self._rows[record]['number']):05d}"
        return super().subject(record)

    def open(self, record: str) -> Source:
        """Return the record, twelve leads at 500 Hz; it has no annotations."""
        if not self.original:
            return super().open(record)
        if self._known(record) not in self._found:
            place = Path(self._rows[record]["folder"]) / f"{record}.csv"
            raise DataError(place, "is not there", _MEND)
        path = self._found[record]
        microvolts = _matrix(path)
        if microvolts.ndim != 2 or microvolts.shape[1] != len(STANDARD):
            raise FormatError(path, f"holds {microvolts.shape} numbers", "Fetch it again")
        source = RecordSource(
            Record(
                signal=np.ascontiguousarray(microvolts.T / 1000, np.float32), rate=_RATE,
                leads=STANDARD, name=record, source=str(path),
            )
        )  # fmt: skip
        source.notes = () if path.parent.name == "ECGData" else (_NOTE,)
        return source

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return SNOMED CT codes, or rhythm and findings in the first edition's own codes."""
        if not self.original:
            return super().statements(record)
        self._known(record)
        row = self._rows[record]
        codes = dict.fromkeys((*row["Rhythm"].split(), *row["Beat"].split()))
        return tuple(Statement(system="Chapman", code=c) for c in codes if c != "NONE")

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, where the publisher says."""
        if not self.original:
            return super().metadata(record)
        self._known(record)
        row = self._rows[record]
        return person({"age": row["PatientAge"], "sex": row["Gender"]})


def _matrix(path: Path) -> npt.NDArray[np.float64]:
    """Return (time, lead) microvolts of a file of the first edition."""
    if path.suffix == ".mat":
        found = _mat5.read(path).get("val")
        if not isinstance(found, np.ndarray):
            raise FormatError(path, "has no matrix val", "Fetch it again")
        return found.astype(np.float64)
    if path.stat().st_size > _MOST:
        raise FormatError(path, f"has more than {_MOST >> 20} MiB", "Check what it is")
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
        first = 1 if text and text[0][:1].isalpha() else 0  # ECGData names its columns
        return np.loadtxt(text[first:], delimiter=",", ndmin=2)
    except ValueError as fault:
        raise FormatError(path, f"is no table of numbers ({fault})", "Fetch it again") from fault


CORPORA.add("chapman", Chapman)
