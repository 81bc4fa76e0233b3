"""St Petersburg INCART: 75 half-hours of 12 leads at 257 Hz, cut from the Holters of 32 people.

Most people gave two or three records; which, the header of each record says in a comment
(``# patient 4``), and nobody else is asked. In some records a lead is pinned at the rail all the
time (V3 of I03, V6 of I02, V4 of I57 and I58), but never II, which speaks for a record here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from einthoven.corpora._cinc import person
from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._folder import WfdbFolder
from einthoven.corpora._miniature import write_record
from einthoven.record.diagnosis import Statement
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD
from einthoven.signal.simulate import Episode, Heart, simulate

# The publisher spells three of the twelve in capitals.
LEADS = tuple(name.upper() if name.startswith("aV") else name for name in STANDARD)
_PATIENT = re.compile(r"^patient\s+(\d+)$", re.IGNORECASE)
# One comment: ``<age>: 65 <sex>: F <diagnoses> Coronary artery disease, arterial hypertension``.
_TOLD = re.compile(r"<(age|sex|diagnoses)>:?([^<]*)", re.IGNORECASE)
_GAIN = 306  # units a mV of I01; the gain differs from record to record


class Incart(WfdbFolder):
    """The corpus; all its records are test here, for the shipped models learnt on mitdb."""

    seconds = 30.0
    published = tuple(f"I{n:02}" for n in range(1, 76))
    facts = Facts(
        name="incart",
        title="St Petersburg INCART 12-lead Arrhythmia Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Tihonenko V, Khaustov A, Ivanov S, Rivin A. St Petersburg INCART 12-lead Arrhythmia "
            "Database. PhysioNet 2008. "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2V88N",
        url="https://physionet.org/content/incartdb/1.0.0/",
        base_url="https://physionet.org/files/incartdb/1.0.0/",
        records=75,
        subjects=32,
        rate=257.0,
        leads="the twelve",
        hours=37.5,
        size=833_100_000,  # 75 times 462,600 samples of twelve leads in format 16, and the marks
        # Not counted by us, for the files are not at hand: as others counted them in the
        # publisher's .atr files. `data check` counts again.
        symbols=MappingProxyType(
            {
                "N": 150410, "V": 20013, "R": 3174, "A": 1944, "F": 219, "j": 92, "n": 32,
                "S": 16, "Q": 6, "B": 1, "+": 12,
            }
        ),
        classes=MappingProxyType({"N": 153677, "S": 1992, "V": 20013, "F": 219, "Q": 6}),
    )  # fmt: skip

    def subject(self, record: str) -> str:
        """Return ``"incart:<patient>"`` as the comments of the record's header say.

        Raises
        ------
        DataError : there is no such record, it is not here, or its header names no patient.
        """
        for comment in self._comments(record):
            found = _PATIENT.match(comment)
            if found:
                return f"incart:{int(found[1])}"
        raise DataError(
            self.folder / f"{record}.hea", "has no comment '# patient N'",
            "Fetch the publisher's header again",
        )  # fmt: skip

    def _told(self, record: str) -> Mapping[str, str]:
        found = _TOLD.findall(" ".join(self._comments(record)[:1]))
        return {key.lower(): text.strip() for key, text in found}

    def statements(self, record: str) -> tuple[Statement, ...]:
        """Return the diagnoses of the person, in the words of the header, in small letters."""
        parts = (
            x.strip().lower() for x in re.split("[,;.]", self._told(record).get("diagnoses", ""))
        )
        return tuple(Statement(system="INCART", code=text) for text in parts if text)

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, where the header says."""
        return person(self._told(record))

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        number = int(record[1:])
        # 19 people of two records and 13 of up to three: 32 in all.
        who = (number + 1) // 2 if number <= 38 else 20 + (number - 39) // 3
        made = simulate(
            rate=257.0, leads=STANDARD, seed=1000 * seed + number, name=record,
            heart=Heart.drawn(who), episodes=(
                Episode(rhythm="sinus", seconds=seconds * 0.8, atrial=0.05, ventricular=0.2),
                Episode(rhythm="bigeminy", seconds=seconds * 0.2),
            ),
        ).record  # fmt: skip
        samples = np.rint(made.signal * _GAIN).astype(np.int64)
        return write_record(
            target, record, np.clip(samples, -32767, 32767), 257.0, LEADS, gain=str(_GAIN),
            resolution=16, zero=0, marks=made.annotations, form=16,
            comments=(
                "<age>: 60 <sex>: F <diagnoses> Coronary artery disease, hypertension",
                f"patient {who}", "simulated",
            ),
        )  # fmt: skip


CORPORA.add("incart", Incart)
