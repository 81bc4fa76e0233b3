"""CODE-15%: 345,779 exams of twelve leads from primary care in Minas Gerais, in six classes.

Eighteen HDF5 files, each with ``exam_id`` (exam) and ``tracings`` (exam, 4096 samples, lead) at
400 Hz. Most exams last 10 s, some 7 s; the rest of the 4096 samples is filled with zeros at both
ends, which are cut off here. Read as mV. The authors state the scale as "1e-4V" and in the same
sentence a factor that gives mV, and users find amplitudes 1.4 to 2 times those of other corpora
(github.com/antonior92/ecg-age-prediction, issue 5): whatever reads absolute voltages is to be
used with care, and each record says so in its notes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

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

CLASSES = ("1dAVb", "RBBB", "LBBB", "SB", "AF", "ST")
_NORMAL = "normal_ecg"
_RATE, _LENGTH = 400.0, 4096
_TRUE = frozenset({"true", "1", "1.0"})
_NOTE = "the unit of CODE-15% is not certain: taken as mV, amplitudes may be up to twice too large"

_SAID = (
    ("normal", ""), ("long-pr", "1dAVb"), ("rbbb", "RBBB"), ("lbbb", "LBBB"),
    ("bradycardia", "SB"), ("fibrillation", "AF"), ("tachycardia", "ST"), ("flat-t", "-"),
)  # fmt: skip


class Code15(TableCorpus):
    """The corpus; a record is an exam, and has no annotations."""

    table, key, needs = "exams.csv", "exam_id", ("patient_id", "trace_file", *CLASSES)

    facts = Facts(
        name="code15",
        title="CODE-15%: a large scale annotated dataset of 12-lead ECGs",
        version="1.0.0",
        licence="CC BY 4.0",
        citation=(
            "Ribeiro AH, Paixao GMM, Lima EM, Horta Ribeiro M, Pinto Filho MM, Gomes PR, Oliveira "
            "DM, Meira Jr W, Schon TB, Ribeiro ALP. CODE-15%: a large scale annotated dataset of "
            "12-lead ECGs (1.0.0). Zenodo 2021 (10.5281/zenodo.4916206). "
            "Ribeiro AH et al. Automatic diagnosis of the 12-lead ECG using a deep neural network. "
            "Nat Commun 2020; 11: 1760 (10.1038/s41467-020-15432-4)."
        ),
        doi="10.5281/zenodo.4916206",
        url="https://zenodo.org/records/4916206",
        base_url="",
        deposit="https://zenodo.org/api/records/4916206",
        records=345779,
        subjects=233770,
        rate=_RATE,
        leads="the twelve",
        hours=345779 * 10 / 3600,  # at the most: some last 7 s
        size=0,
    )

    @cached_property
    def _rows(self) -> Mapping[str, tuple[Path, int]]:
        """Exam -> file and row. Rows that the table does not know (an exam 0) are left out."""
        found = {}
        for path in sorted(self.folder.glob("exams_part*.hdf5")):
            for row, exam in enumerate(_hdf5.read(path, "exam_id").tolist()):
                if str(exam) in self._table:
                    found[str(exam)] = (path, row)
        return found

    @property
    def present(self) -> tuple[str, ...]:
        """The exams that one of the files in the folder holds."""
        return tuple(record for record in self.records if record in self._rows)

    def subject(self, record: str) -> str:
        """Return ``"code15:<patient_id>"``."""
        return f"code15:{self._table.cell(self._known(record), 'patient_id')}"

    def open(self, record: str) -> Source:
        """Return the exam at 400 Hz, without the zeros around it."""
        if self._known(record) not in self._rows:
            part = self._table.cell(record, "trace_file")
            part = part if re.fullmatch(r"exams_part\d+\.hdf5", part) else "exams_part*.hdf5"
            raise self._absent(self.folder / part)
        path, row = self._rows[record]
        signal = _hdf5.read(path, "tracings", row)
        if signal.shape != (_LENGTH, len(STANDARD)):
            raise FormatError(path, f"has tracings of {signal.shape}", "Fetch it again")
        filled = np.flatnonzero(signal.any(axis=1))
        if len(filled):
            signal = signal[filled[0] : filled[-1] + 1]
        source = RecordSource(
            Record(
                signal=np.ascontiguousarray(signal.T, np.float32), rate=_RATE, leads=STANDARD,
                name=record, source=f"{path}:{row}",
            )
        )  # fmt: skip
        source.notes = (_NOTE,)
        return source

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the columns that are true of the exam: the six classes and ``normal_ecg``.

        An exam of which none is true has something else: the six are not all there is.
        """
        table = self._table
        self._known(record)
        codes = (c for c in (*CLASSES, _NORMAL) if table.cell(record, c).lower() in _TRUE)
        return tuple(Statement(system="CODE", code=code) for code in codes)

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age and sex."""
        table = self._table
        found = {}
        if age := table.cell(self._known(record), "age"):
            found["age"] = age.removesuffix(".0")
        if male := table.cell(record, "is_male").lower():
            found["sex"] = "male" if male in _TRUE else "female"
        return found

    def notes(self) -> tuple[str, ...]:
        """Return that the unit is not certain."""
        return (_NOTE,)

    def miniature(self, folder: Path, seed: int, *, records: int = 24) -> Path:
        """Write generated exams in two files, in the publisher's layout.

        Parameters
        ----------
        folder : becomes the data root.
        seed : of all chance.
        records : how many.
        """
        target = folder / self.name
        target.mkdir(parents=True, exist_ok=True)
        columns = ("exam_id", "age", "is_male", "nn_predicted_age", *CLASSES, "patient_id",
                   "death", "timey", "normal_ecg", "trace_file")  # fmt: skip
        rows: list[tuple[str, ...]] = [columns]
        parts: dict[str, list[tuple[int, npt.NDArray[np.float32]]]] = {}
        for number, person in enumerate(people(records, seed), start=1):
            kind, code = _SAID[(number - 1) % len(_SAID)]
            exam, part = 1_100_000 + 37 * number, f"exams_part{number % 2}.hdf5"
            seconds = 7.0 if number % 5 == 0 else 10.0
            drawn = recording(
                kind, 4000 + person, rate=_RATE, seconds=seconds, seed=1000 * seed + number
            )
            whole = np.zeros((_LENGTH, len(STANDARD)), np.float32)
            before = (_LENGTH - drawn.shape[1]) // 2
            whole[before : before + drawn.shape[1]] = drawn.T
            parts.setdefault(part, []).append((exam, whole))
            true = [str(c == code) for c in CLASSES]
            age = str(20 + person * 7 % 60)
            rows.append((str(exam), age, str(person % 2 == 0), "50.0", *true, str(7000 + person),
                         "", "", str(not code), part))  # fmt: skip
        for part, exams in parts.items():
            # The publisher's files end with a row of zeros for an exam 0.
            ids = np.array([exam for exam, _ in exams] + [0], np.int64)
            tracings = np.stack([whole for _, whole in exams] + [np.zeros_like(exams[0][1])])
            _hdf5.write(target / part, exam_id=ids, tracings=tracings)
        with (target / self.table).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        write_sums(target, [target / self.table, *(target / part for part in parts)], MD5S)
        return folder


CORPORA.add("code15", Code15)
