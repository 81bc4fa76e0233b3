"""Where a cardiologist would look for each class: a description, no measure of what a model does.

A row gives the waves that the definition of the class speaks of, and whose definition it is. A
class that is told by nothing in particular, as a normal beat or "other rhythm", has no row.
"""

from __future__ import annotations

from types import MappingProxyType

_COMPLEXES = (
    "ACC/AHA/HRS 2006, definitions for electrophysiology, 10.1161/CIRCULATIONAHA.106.180199"
)
_CONDUCTION = "AHA/ACCF/HRS 2009 part III, conduction, 10.1161/CIRCULATIONAHA.108.191095"
_REPOLARISATION = "AHA/ACCF/HRS 2009 part IV, ST and T, 10.1161/CIRCULATIONAHA.108.191096"
_HYPERTROPHY = "AHA/ACCF/HRS 2009 part V, hypertrophy, 10.1161/CIRCULATIONAHA.108.191097"
_INFARCTION = "Fourth universal definition of infarction 2018, 10.1161/CIR.0000000000000617"
_FIBRILLATION = "ESC 2020, atrial fibrillation, 10.1093/eurheartj/ehaa612"

# task, class: the waves, why, whose words.
PLAUSIBLE = MappingProxyType(
    {
        ("beat", "V"): (("QRS",), "a wide complex of another shape", _COMPLEXES),
        ("beat", "S"): (("P", "RR"), "an early beat after a P wave of another shape", _COMPLEXES),
        ("beat", "A"): (("P", "RR"), "an early beat after a P wave of another shape", _COMPLEXES),
        ("beat", "L"): (("QRS",), "a wide, notched complex", _CONDUCTION),
        ("beat", "R"): (("QRS",), "a wide complex with a second R wave or a broad S", _CONDUCTION),
        ("rhythm", "A"): (("P", "RR"), "no P waves, and no order in the intervals", _FIBRILLATION),
        ("diagnosis", "MI"): (("QRS", "ST", "T"), "Q waves, ST and T changes", _INFARCTION),
        ("diagnosis", "STTC"): (("ST", "T"), "ST and T changes", _REPOLARISATION),
        ("diagnosis", "CD"): (("QRS", "PR"), "a wide complex, a long PR", _CONDUCTION),
        ("diagnosis", "HYP"): (("QRS",), "voltage", _HYPERTROPHY),
    }
)


def plausible(task: str, label: str) -> tuple[str, ...]:
    """Return the waves that a reader would name for a class; none where nobody would."""
    row = PLAUSIBLE.get((task, label))
    return () if row is None else row[0]
