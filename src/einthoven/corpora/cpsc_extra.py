"""CPSC-Extra: 3,453 records of the organisers of CPSC 2018 that were not in their challenge."""

from __future__ import annotations

from einthoven.corpora._cinc import CincFolder, facts
from einthoven.corpora._corpus import CORPORA
from einthoven.record.diagnosis import published


class CpscExtra(CincFolder):
    """The corpus; unlike CPSC 2018 its codes are not of nine classes."""

    part = "cpsc_2018_extra"
    pattern = r"Q\d{4}"
    facts = facts(
        name="cpsc-extra", title="China Physiological Signal Challenge 2018, unused records",
        citation=(
            "Liu F, Liu C, Zhao L, Zhang X, Wu X, Xu X, Liu Y, Ma C, Wei S, He Z, Li J, Ng EYK. An "
            "open access database for evaluating the algorithms of electrocardiogram rhythm and "
            "morphology abnormality detection. J Med Imaging Health Inform 2018; 8: 1368-1373 "
            "(10.1166/jmihi.2018.2442)."
        ),
        records=3453, hours=3453 * 15.9 / 3600, statements=published("cpsc-extra"),
    )  # fmt: skip


CORPORA.add("cpsc-extra", CpscExtra)
