"""MIT-BIH Normal Sinus Rhythm: 18 days of 18 people without a notable arrhythmia, at 128 Hz.

People sent to the arrhythmia laboratory of Boston's Beth Israel Hospital in whom nothing was found:
5 men of 26 to 45 years, 13 women of 20 to 50. Every beat is marked; ``|`` is no beat but something
that a detector took for one, and ``~`` says that the quality changed. There are no marks of rhythm:
it is sinus rhythm throughout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from einthoven.corpora._cinc import person
from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._marked import MarkedFolder
from einthoven.corpora._miniature import GAIN, digital, write_record
from einthoven.signal.simulate import Episode, Heart, simulate

LEADS = ("ECG1", "ECG2")
RATE = 128.0
_PERSON = re.compile(r"^(\d{1,3}) ([MF])$")  # the header's one comment: age and sex


class Nsrdb(MarkedFolder):
    """The corpus; each record is a person of its own."""

    published = (
        "16265", "16272", "16273", "16420", "16483", "16539", "16773", "16786", "16795",
        "17052", "17453", "18177", "18184", "19088", "19090", "19093", "19140", "19830",
    )  # fmt: skip
    facts = Facts(
        name="nsrdb",
        title="MIT-BIH Normal Sinus Rhythm Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Goldberger AL, Amaral LAN, Glass L, Hausdorff JM, Ivanov PCh, Mark RG, Mietus JE, "
            "Moody GB, Peng CK, Stanley HE. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2NK5R",
        url="https://physionet.org/content/nsrdb/1.0.0/",
        base_url="https://physionet.org/files/nsrdb/1.0.0/",
        records=18,
        subjects=18,
        rate=RATE,
        leads="two that are not named",
        hours=437.5,
        size=609_993_268,
        # Counted in the publisher's .atr files.
        symbols=MappingProxyType(
            {"N": 1729502, "S": 91, "V": 26, "F": 8, "J": 2, "|": 70068, "~": 7095}
        ),
        classes=MappingProxyType({"N": 1729502, "S": 93, "V": 26, "F": 8, "Q": 0}),
    )

    def subject(self, record: str) -> str:
        """Return ``"nsrdb:<record>"``."""
        return f"nsrdb:{self._known(record)}"

    def metadata(self, record: str) -> Mapping[str, str]:
        """Return age (years) and sex, as the header says.

        Raises
        ------
        DataError : there is no such record, or it is not here.
        """
        found = (_PERSON.match(comment) for comment in self._comments(record))
        return next((person({"age": m[1], "sex": m[2]}) for m in found if m), {})

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        made = simulate(
            rate=RATE, leads=("II", "V5"), seed=1000 * seed + int(record), name=record,
            heart=Heart.drawn(int(record)),
            episodes=(Episode(rhythm="sinus", seconds=seconds, atrial=0.01),),
        ).record  # fmt: skip
        marks = made.annotations
        assert marks is not None, "simulated records are annotated"
        return write_record(
            target, record, digital(made.signal, 0), RATE, LEADS, gain=str(GAIN),
            resolution=12, zero=0, marks=marks.where(marks.symbols != "+"), comments=("40 F",),
        )  # fmt: skip


CORPORA.add("nsrdb", Nsrdb)
