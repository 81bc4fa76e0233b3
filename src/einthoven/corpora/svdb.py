"""MIT-BIH Supraventricular Arrhythmia: 78 half-hours at 128 Hz that supplement mitdb with S beats.

The headers name the channels ECG1 and ECG2 and say nothing of electrodes, age, sex or person, and
the publisher does not state how many people were recorded. Each record therefore stands for a
subject of its own; where one person was recorded twice, an interval over subjects is too narrow.
Premature atrial beats are ``S`` here and ``A`` in mitdb; both are S of AAMI. 37 headers state a
gain of 0, which WFDB reads as 200 units a mV.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._folder import WfdbFolder
from einthoven.corpora._miniature import GAIN, digital, write_record
from einthoven.signal.simulate import Episode, Heart, simulate

_NUMBERS = (*range(800, 813), *range(820, 830), *range(840, 895))
LEADS = ("ECG1", "ECG2")


class Svdb(WfdbFolder):
    """The corpus; all its records are test here, for the shipped models learnt on mitdb."""

    published = tuple(str(n) for n in _NUMBERS)
    facts = Facts(
        name="svdb",
        title="MIT-BIH Supraventricular Arrhythmia Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Greenwald SD. Improved detection and classification of arrhythmias in noise-corrupted "
            "electrocardiograms using contextual information. PhD thesis, Harvard-MIT Division of "
            "Health Sciences and Technology, 1990. "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2V30W",
        url="https://physionet.org/content/svdb/1.0.0/",
        base_url="https://physionet.org/files/svdb/1.0.0/",
        records=78,
        subjects=78,  # not stated by the publisher: one a record
        rate=128.0,
        leads="two, ECG1 and ECG2; where the electrodes sat is not stated",
        hours=39.0,
        size=54_300_000,  # 78 times 230,400 samples of two leads in format 212, and the marks
        # Not counted by us, for the files are not at hand: as others counted them in the
        # publisher's .atr files (beats alone). `data check` counts again.
        symbols=MappingProxyType(
            {"N": 162339, "S": 12188, "V": 9943, "Q": 79, "F": 23, "J": 9, "a": 1, "B": 1}
        ),
        classes=MappingProxyType({"N": 162340, "S": 12198, "V": 9943, "F": 23, "Q": 79}),
    )

    def subject(self, record: str) -> str:
        """Return ``"svdb:<record>"``: the publisher does not say that any two are one person."""
        return f"svdb:{self._known(record)}"

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        made = simulate(
            rate=128.0, leads=("II", "V1"), seed=1000 * seed + int(record), name=record,
            heart=Heart.drawn(int(record)), episodes=(
                Episode(rhythm="sinus", seconds=seconds * 0.8, atrial=0.2, ventricular=0.05),
                Episode(rhythm="sinus", seconds=seconds * 0.2, atrial=0.05, fusion=0.05),
            ),
        ).record  # fmt: skip
        return write_record(
            target, record, digital(made.signal, 0), 128.0, LEADS,
            # As in the publisher's: the later records state no gain.
            gain=str(GAIN) if int(record) < 820 else "0", resolution=10, zero=0,
            marks=made.annotations, comments=(),
        )  # fmt: skip


CORPORA.add("svdb", Svdb)
