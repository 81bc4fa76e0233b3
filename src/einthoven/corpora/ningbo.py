"""Ningbo First Hospital: 34,905 records of ten seconds, in two editions (`_shaoxing`).

Fibrillation has no code of its own here: 7,615 records are flutter and none is fibrillation, so
the label of either is left open (`record.diagnosis`).
"""

from __future__ import annotations

from types import MappingProxyType

from einthoven.corpora._cinc import CincFolder, facts
from einthoven.corpora._corpus import CORPORA
from einthoven.corpora._shaoxing import ARRHYTHMIA, LAST, Shaoxing, arrhythmia
from einthoven.record.diagnosis import published

_PAPER = (
    "Zheng J, Chu H, Struppa D, Zhang J, Yacoub SM, El-Askary H, Chang A, Ehwerhemuepha L, "
    "Abudayyeh I, Barrett A, Fu G, Yao H, Li D, Guo H, Rakovski C. Optimal multi-stage "
    "arrhythmia classification approach. Sci Rep 2020; 10: 2898 "
    "(10.1038/s41598-020-59821-7)."
)


class Ningbo(Shaoxing):
    """The corpus; its records go on counting where those of Chapman-Shaoxing end."""

    part = "ningbo"
    numbers = range(LAST + 1, 100_000)
    kinds = tuple(kind for kind in CincFolder.kinds if kind != "fibrillation")
    facts = facts(
        name="ningbo", title="Ningbo First Hospital 12-lead ECG Database", citation=_PAPER,
        records=34905, hours=34905 * 10 / 3600, statements=published("ningbo"),
    )  # fmt: skip
    others = MappingProxyType({ARRHYTHMIA: arrhythmia(facts, _PAPER)})


CORPORA.add("ningbo", Ningbo)
