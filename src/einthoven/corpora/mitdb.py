"""MIT-BIH Arrhythmia: 48 half-hours of 47 people, each beat labelled by two cardiologists.

The division into training side (DS1) and test side (DS2) is that of de Chazal, O'Dwyer, Reilly 2004
(10.1109/TBME.2004.827359). It is between records; one person is on both sides (201 and 202), so the
strict variant trains without 201. Leads are taken by name: in 114 the first channel is V5, and
102 and 104 have no MLII.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._folder import WfdbFolder
from einthoven.corpora._miniature import GAIN, ZERO, digital, write_record
from einthoven.signal.simulate import Episode, Heart, simulate

DS1 = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
DS2 = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
# Left out where ANSI/AAMI EC57 is followed: most of their beats are the pacemaker's.
PACED = ("102", "104", "107", "217")

# The publisher's directory says of these two records that one man was recorded twice.
ONE_SUBJECT = ("201", "202")

# Counted in the publisher's .atr files: beats of each AAMI group in each set.
GROUPS = MappingProxyType(
    {
        "DS1": MappingProxyType({"N": 45866, "S": 944, "V": 3788, "F": 415, "Q": 8}),
        "DS2": MappingProxyType({"N": 44259, "S": 1837, "V": 3221, "F": 388, "Q": 7}),
        "PACED": MappingProxyType({"N": 506, "S": 0, "V": 227, "F": 0, "Q": 8028}),
        "all": MappingProxyType({"N": 90631, "S": 2781, "V": 7236, "F": 803, "Q": 8043}),
    }
)
# The same in the five classes N L R A V; beats of other symbols are not counted.
NLRAV_GROUPS = MappingProxyType(
    {
        "DS1": MappingProxyType({"N": 38102, "L": 3949, "R": 3783, "A": 810, "V": 3683}),
        "DS2": MappingProxyType({"N": 36444, "L": 4126, "R": 3476, "A": 1736, "V": 3220}),
        "all": MappingProxyType({"N": 75052, "L": 8075, "R": 7259, "A": 2546, "V": 7130}),
    }
)

# What the generated miniature has in common with the records of these names.
_CONDUCTION = dict.fromkeys(("109", "111", "207", "214"), "lbbb") | dict.fromkeys(
    ("118", "124", "212", "231", "232"), "rbbb"
)
_LEADS = {"100": ("MLII", "V5"), "102": ("V5", "V2"), "104": ("V5", "V2"), "114": ("V5", "MLII")}


class Mitdb(WfdbFolder):
    """The corpus; 201 and 202 are one subject, every other record is a subject of its own."""

    published = tuple(sorted(DS1 + DS2 + PACED))
    facts = Facts(
        name="mitdb",
        title="MIT-BIH Arrhythmia Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. "
            "IEEE Eng Med Biol 2001; 20(3): 45-50 (10.1109/51.932724). "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2F305",
        url="https://physionet.org/content/mitdb/1.0.0/",
        base_url="https://physionet.org/files/mitdb/1.0.0/",
        records=48,
        subjects=47,
        rate=360.0,
        leads="two: MLII and V1 in most; V5, V2, V4 in some",
        hours=24.07,
        size=93_922_682,
        symbols=MappingProxyType(
            {
                "N": 75052, "L": 8075, "R": 7259, "A": 2546, "V": 7130, "/": 7028, "f": 982,
                "F": 803, "j": 229, "x": 193, "a": 150, "E": 106, "J": 83, "Q": 33, "e": 16,
                "S": 2, "!": 472, "|": 132, "~": 616, "+": 1291,
            }
        ),
        classes=GROUPS["all"],
    )  # fmt: skip

    def subject(self, record: str) -> str:
        """Return ``"mitdb:<record>"``; for 202, that of 201."""
        name = self._known(record)
        return f"mitdb:{ONE_SUBJECT[0] if name in ONE_SUBJECT else name}"

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        person = int(self.subject(record).split(":")[1])
        conduction = _CONDUCTION.get(record, "paced" if record in PACED else "normal")
        leads = _LEADS.get(record, ("MLII", "V1"))
        made = simulate(
            rate=360.0, leads=leads, seed=1000 * seed + int(record), name=record,
            heart=Heart.drawn(person, conduction), episodes=(
                Episode(rhythm="sinus", seconds=seconds * 0.6, atrial=0.1, ventricular=0.1),
                Episode(rhythm="bigeminy", seconds=seconds * 0.1),
                Episode(
                    rhythm="sinus", seconds=seconds * 0.3,
                    atrial=0.05, ventricular=0.1, fusion=0.1,
                ),
            ),
        ).record  # fmt: skip
        return write_record(
            target, record, digital(made.signal, ZERO), 360.0, leads, gain=str(GAIN),
            resolution=11, zero=ZERO, marks=made.annotations, comments=("simulated",),
        )  # fmt: skip


CORPORA.add("mitdb", Mitdb)
