"""Georgia: 10,344 records of up to ten seconds from Emory University, Atlanta.

Many headers name their record ``E00001.mat``. Codes that the publisher hardly uses, infarction for
one (7 records), say nothing by their absence.
"""

from __future__ import annotations

from einthoven.corpora._cinc import CincFolder, facts
from einthoven.corpora._corpus import CORPORA
from einthoven.record.diagnosis import published


class Georgia(CincFolder):
    """The corpus."""

    part = "georgia"
    pattern = r"E\d{5}"
    facts = facts(
        name="georgia", title="Georgia 12-Lead ECG Challenge Database", citation="",
        records=10344, hours=10344 * 10 / 3600, statements=published("georgia"),
    )  # fmt: skip


CORPORA.add("georgia", Georgia)
