"""PTB Diagnostic ECG Database as in the CinC Challenge 2021: 516 records at 1,000 Hz, to 2 min.

The original names 290 people and up to 15 leads; the challenge kept twelve leads and no person.
Most records are of infarctions, and hardly any has an ST-T statement.
"""

from __future__ import annotations

from einthoven.corpora._cinc import CincFolder, facts
from einthoven.corpora._corpus import CORPORA
from einthoven.record.diagnosis import published


class Ptb(CincFolder):
    """The corpus."""

    part = "ptb"
    pattern = r"S\d{4}"
    facts = facts(
        name="ptb", title="PTB Diagnostic ECG Database", citation=(
            "Bousseljot R, Kreiseler D, Schnabel A. Nutzung der EKG-Signaldatenbank CARDIODAT der "
            "PTB ueber das Internet. Biomedizinische Technik 1995; 40(s1): 317-318."
        ),
        records=516, rate=1000.0, hours=516 * 110.8 / 3600, statements=published("ptb"),
    )  # fmt: skip


CORPORA.add("ptb", Ptb)
