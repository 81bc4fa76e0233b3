"""CPSC 2018: 6,877 records of 6 to 144 s in nine classes, in two editions.

The edition of the CinC Challenge 2021 has WFDB headers, some with SNOMED CT codes and some with the
names of the nine classes. The publisher's own has a MATLAB structure a record (``ECG``: ``sex``,
``age``, ``data`` in mV) and REFERENCE.csv with up to three classes a record, numbered 1 to 9. The
names of the records are the same. Here the statements are the nine classes in both: ``Normal``
means none of the other eight, which the challenge's edition writes as sinus rhythm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from einthoven.corpora import _mat5
from einthoven.corpora._cinc import EDITION, Editions, facts, person
from einthoven.corpora._corpus import CORPORA
from einthoven.corpora._table import Table
from einthoven.record import Record
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError, FormatError
from einthoven.record.leads import STANDARD
from einthoven.record.source import RecordSource, Source

CLASSES = ("Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
_RATE = 500.0
_PAPER = (
    "Liu F, Liu C, Zhao L, Zhang X, Wu X, Xu X, Liu Y, Ma C, Wei S, He Z, Li J, Ng EYK. An "
    "open access database for evaluating the algorithms of electrocardiogram rhythm and "
    "morphology abnormality detection. J Med Imaging Health Inform 2018; 8: 1368-1373 "
    "(10.1166/jmihi.2018.2442)."
)
_SNOMED: Mapping[str, str] = MappingProxyType(
    {
        "426783006": "Normal", "164889003": "AF", "270492004": "I-AVB", "164909002": "LBBB",
        "59118001": "RBBB", "284470004": "PAC", "164884008": "PVC", "429622005": "STD",
        "164931005": "STE",
    }
)  # fmt: skip
_OWN = "REFERENCE.csv"
_LABELS = ("First_label", "Second_label", "Third_label")


class Cpsc2018(Editions):
    """The corpus."""

    part = "cpsc_2018"
    pattern = r"A\d{4}"
    kinds = ("normal", "fibrillation", "long-pr", "lbbb", "rbbb", "ventricular")
    facts = facts(
        name="cpsc2018", title="China Physiological Signal Challenge 2018", citation=_PAPER,
        records=6877, hours=6877 * 16.2 / 3600, statements={
            "Normal": 918, "AF": 1221, "I-AVB": 722, "LBBB": 236, "RBBB": 1857, "PAC": 616,
            "PVC": 700, "STD": 869, "STE": 220,
        },
    )  # fmt: skip
    others = MappingProxyType(
        {
            "original": replace(
                facts, version="1", citation=_PAPER, doi="10.1166/jmihi.2018.2442",
                url="http://2018.icbeb.org/Challenge.html", base_url="", size=0, by_hand=(
                    "Load TrainingSet1.zip to TrainingSet3.zip and REFERENCE.csv from "
                    "http://2018.icbeb.org/Challenge.html into the folder cpsc2018 of the data "
                    "root, and unpack the archives there"
                ),
            )
        }
    )  # fmt: skip

    @cached_property
    def _own(self) -> Mapping[str, Path]:
        """The records of the original edition: ``TrainingSet1/A0001.mat``, or flat."""
        found = {}
        for tree in (self.folder, self.root / "cpsc2018_original"):
            for path in (*tree.glob("*.mat"), *tree.glob("TrainingSet*/*.mat")):
                if re.fullmatch(self.pattern, path.stem) and not path.with_suffix(".hea").exists():
                    found[path.stem] = path
        return MappingProxyType(dict(sorted(found.items())))

    def _files_of(self, edition: str) -> Mapping[str, Path]:
        return self._headers if edition == EDITION else self._own

    def open(self, record: str) -> Source:
        """Return the record, twelve leads at 500 Hz; it has no annotations."""
        self._known(record)
        if not self.original:
            return super().open(record)
        path = self._own[record]
        signal = self._structure(record).get("data")
        if not isinstance(signal, np.ndarray) or signal.ndim != 2 or len(signal) != len(STANDARD):
            raise FormatError(path, "has no twelve leads in ECG.data", "Fetch it again")
        return RecordSource(
            Record(
                signal=np.ascontiguousarray(signal, np.float32), rate=_RATE, leads=STANDARD,
                name=record, source=str(path),
            )
        )  # fmt: skip

    def _structure(self, record: str) -> dict[str, object]:
        found = _mat5.read(self._own[record]).get("ECG")
        if not isinstance(found, dict):
            raise FormatError(self._own[record], "has no structure ECG", "Fetch it again")
        return found

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return those of the nine classes that the record has."""
        self._known(record)
        codes = self._numbered(record) if self.original else self.codes(record)
        names = tuple(dict.fromkeys(_SNOMED.get(code, code) for code in codes))
        odd = sorted(set(names) - set(CLASSES))
        if odd:
            raise DataError(
                f"{self.name}:{record}", f"has the class {odd[0]!r}", f"Known: {', '.join(CLASSES)}"
            )
        return tuple(Statement(system="CPSC", code=name) for name in names)

    @cached_property
    def _reference(self) -> Table:
        places = [path.parent / _OWN for path in self._own.values()]
        places += [place.parent.parent / _OWN for place in places]
        here = [place for place in places if place.is_file()]
        place = here[0] if here else self.folder / _OWN
        mend = "Load it from the page of CPSC 2018, beside the records"
        return Table(place, "Recording", _LABELS, mend)

    def _numbered(self, record: str) -> tuple[str, ...]:
        if record not in self._reference:
            raise DataError(self._reference.path, f"does not name {record}", "Fetch it again")
        found = self._reference.cells(record, _LABELS).values()
        return tuple(
            CLASSES[int(text) - 1] if text.isdecimal() and 1 <= int(text) <= 9 else text
            for text in found
        )

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, where header or structure say."""
        self._known(record)
        if not self.original:
            return super().metadata(record)
        own = self._structure(record)
        age = own.get("age")
        years = f"{float(age.flat[0]):g}" if isinstance(age, np.ndarray) and age.size else ""
        return person({"age": years, "sex": str(own.get("sex", ""))})

    def _said(self, number: int, kind: str) -> str:
        name = _KINDS[kind]
        return name if number % 2 else next(c for c, said in _SNOMED.items() if said == name)


_KINDS = {
    "normal": "Normal", "fibrillation": "AF", "long-pr": "I-AVB", "lbbb": "LBBB", "rbbb": "RBBB",
    "ventricular": "PVC",
}  # fmt: skip

CORPORA.add("cpsc2018", Cpsc2018)
