"""MIT-BIH Atrial Fibrillation: 25 ten-hour Holters, mostly of paroxysmal AF, their rhythm by hand.

The beats are those of a detector, unaudited (``.qrs``), all called N; of two records there are
corrected ones (``.qrsc``), and those are taken. The rhythm (``.atr``) was marked by hand: AFIB,
AFL (flutter), J (junctional), and N for everything else. Of 00735 and 03665 the publisher has no
signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._marked import MarkedFolder
from einthoven.corpora._miniature import GAIN, digital, write_record
from einthoven.formats._wfdb_annotation import encode
from einthoven.record.vocabulary import is_beat
from einthoven.signal.simulate import Episode, Heart, simulate

# Records of which the publisher has marks alone.
UNSEEN = ("00735", "03665")
# Records whose beats somebody has corrected.
CORRECTED = ("05091", "07859")
LEADS = ("ECG1", "ECG2")
RATE = 250.0


class Afdb(MarkedFolder):
    """The corpus; the publisher does not say whether anybody was recorded twice."""

    published = (
        "00735", "03665", "04015", "04043", "04048", "04126", "04746", "04908", "04936",
        "05091", "05121", "05261", "06426", "06453", "06995", "07162", "07859", "07879",
        "07910", "08215", "08219", "08378", "08405", "08434", "08455",
    )  # fmt: skip
    beats = ("qrsc", "qrs")
    facts = Facts(
        name="afdb",
        title="MIT-BIH Atrial Fibrillation Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Moody GB, Mark RG. A new method for detecting atrial fibrillation using R-R "
            "intervals. Computers in Cardiology 1983; 10: 227-230. "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2MW2D",
        url="https://physionet.org/content/afdb/1.0.0/",
        base_url="https://physionet.org/files/afdb/1.0.0/",
        records=25,
        subjects=25,  # not stated by the publisher: one a record
        subjects_known=False,
        rate=RATE,
        leads="two that are not named; of two records none",
        hours=234.3,  # of the 23 with signals
        size=635_207_031,
        # Counted in the publisher's files: .qrsc where there is one, else .qrs, and .atr.
        symbols=MappingProxyType({"N": 1223170, "+": 623}),
        classes=MappingProxyType({"N": 1223170, "S": 0, "V": 0, "F": 0, "Q": 0}),
    )

    def subject(self, record: str) -> str:
        """Return ``"afdb:record:<record>"``: who was recorded is not known."""
        return f"afdb:record:{self._known(record)}"

    def files(self) -> tuple[str, ...]:
        """Return RECORDS, the marks of each record, and the signal where there is one."""
        names = []
        for record in self.published:
            names += [f"{record}.{end}" for end in ("hea", "atr", "qrs")]
            names += [f"{record}.qrsc"] if record in CORRECTED else []
            names += [f"{record}.dat"] if record not in UNSEEN else []
        return ("RECORDS", *names)

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        made = simulate(
            rate=RATE, leads=("II", "V5"), seed=1000 * seed + int(record), name=record,
            heart=Heart.drawn(int(record)), episodes=(
                Episode(rhythm="sinus", seconds=seconds * 0.4, atrial=0.02),
                Episode(rhythm="afib", seconds=seconds * 0.4),
                Episode(rhythm="sinus", seconds=seconds * 0.2),
            ),
        ).record  # fmt: skip
        marks = made.annotations
        assert marks is not None, "simulated records are annotated"
        beat = is_beat(marks.symbols)
        written = write_record(
            target, record, digital(made.signal, 0), RATE, LEADS, gain=str(GAIN),
            resolution=12, zero=0, marks=marks.where(~beat), comments=(),
        )  # fmt: skip
        # A detector's marks: every beat is N.
        found = replace(marks.where(beat), symbols=np.full(int(beat.sum()), "N"))
        for end in ("qrs", "qrsc") if record in CORRECTED else ("qrs",):
            written.append(target / f"{record}.{end}")
            written[-1].write_bytes(encode(found, written[-1]))
        if record in UNSEEN:
            (target / f"{record}.dat").unlink()
            (target / f"{record}.hea").write_text(f"{record} 0 250 0\n", encoding="ascii")
            written = [path for path in written if path.suffix != ".dat"]
        return written


CORPORA.add("afdb", Afdb)
