"""The only place that maps one set of labels to another.

Sources. WFDB symbols: ``ecgcodes.h`` of the WFDB library (PhysioNet). AAMI groups: ANSI/AAMI EC57
as used by de Chazal, O'Dwyer, Reilly 2004 (10.1109/TBME.2004.827359). ``bxb``: the map of the WFDB
program of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

AAMI = ("N", "S", "V", "F", "Q")
NLRAV = ("N", "L", "R", "A", "V")
WAVES = ("P", "QRS", "T")
FIBRILLATION = ("other", "AF")

# Every WFDB symbol that stands for a beat.
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")

# n (supraventricular escape), B (bundle branch block, side unstated), r (R-on-T premature
# ventricular) and ? (not classified during learning) occur in no record of mitdb. They are placed
# here once: by origin for n B r, and ? is what it says, unknown.
_DE_CHAZAL = {
    **dict.fromkeys("NLRejB", "N"), **dict.fromkeys("AaJSn", "S"), **dict.fromkeys("VEr", "V"),
    "F": "F", **dict.fromkeys("/fQ?", "Q"),
}  # fmt: skip
# The program bxb counts both kinds of escape beat (e, j) as supraventricular.
_BXB = _DE_CHAZAL | {"e": "S", "j": "S"}

_TO_NLRAV = {"N": "N", "L": "L", "R": "R", "A": "A", "V": "V"}

MAPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "aami": MappingProxyType(_DE_CHAZAL),
        "aami-bxb": MappingProxyType(_BXB),
        "nlrav": MappingProxyType(_TO_NLRAV),
    }
)
CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"aami": AAMI, "aami-bxb": AAMI, "nlrav": NLRAV, "waves": WAVES, "fibrillation": FIBRILLATION}
)

CLASS_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "N": "normal", "S": "supraventricular ectopic", "V": "ventricular ectopic",
        "F": "fusion", "Q": "unclassifiable", "L": "left bundle branch block",
        "R": "right bundle branch block", "A": "atrial premature",
    }
)  # fmt: skip

# Rhythm texts of WFDB annotations ("+" marks) to the rhythm classes of the answer.
RHYTHMS: Mapping[str, str] = MappingProxyType({"(N": "N", "(AFIB": "A"})
RHYTHM_NAMES: Mapping[str, str] = MappingProxyType(
    {"N": "normal rhythm", "A": "atrial fibrillation", "O": "other rhythm", "~": "too noisy"}
)

# Superclasses of PTB-XL (Wagner et al. 2020, 10.1038/s41597-020-0495-6).
SUPERCLASS_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "NORM": "normal ECG", "MI": "myocardial infarction", "STTC": "ST/T change",
        "CD": "conduction disturbance", "HYP": "hypertrophy",
    }
)  # fmt: skip


def is_beat(symbols: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Return (mark,) true where the WFDB symbol stands for a beat."""
    return np.isin(symbols, list(BEATS))


def translate(symbols: npt.NDArray[np.str_], table: str) -> npt.NDArray[np.str_]:
    """Return (mark,) classes under the map named `table`; ``""`` where the map has no class."""
    mapping = MAPS[table]
    return np.array([mapping.get(s, "") for s in symbols.tolist()], dtype="<U1")


def indices(names: npt.NDArray[np.str_], classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return (name,) the place of each name in `classes`; -1 where it is none of them."""
    found = np.full(len(names), -1, np.int64)
    for index, name in enumerate(classes):
        found[names == name] = index
    return found
