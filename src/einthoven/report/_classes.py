"""How a beat class looks: its colour, its sign, its letter.

Colours are of Okabe and Ito's palette for colour-blind readers (2008), darkened until they stand on
white at 4.5 : 1 or better; no class is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from einthoven.engine.findings import Beats
from einthoven.record.vocabulary import CLASS_NAMES

ORDER = ("N", "L", "R", "S", "A", "V", "F", "Q")
ECTOPIC = ("V", "S", "A", "F")

_COLOURS = {
    "N": "#4d4d4d", "L": "#7a4a9c", "R": "#a3457b", "S": "#00609c", "A": "#00609c",
    "V": "#b34700", "F": "#00735a", "Q": "#6b6b6b",
}  # fmt: skip
# Path data around (0, 0), about 20 units across.
_SIGNS = {
    "N": "M-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0z",
    "S": "M0-12l11 20h-22z", "A": "M0-12l11 20h-22z", "V": "M0 12l11-20h-22z",
    "F": "M0-13l12 13l-12 13l-12-13z", "L": "M-9-9h18v18h-18z", "R": "M-9-9h18v18h-18z",
    "Q": "M-10-6l4-4l6 6l6-6l4 4l-6 6l6 6l-4 4l-6-6l-6 6l-4-4l6-6z",
}  # fmt: skip


def colour(name: str) -> str:
    """Return the colour of a class."""
    return _COLOURS.get(name, "#6b6b6b")


def sign(name: str) -> str:
    """Return the path data of the sign of a class, around (0, 0)."""
    return _SIGNS.get(name, _SIGNS["Q"])


def spoken(name: str) -> str:
    """Return the class in words."""
    return CLASS_NAMES.get(name, name)


def ordered(classes: Iterable[str]) -> tuple[str, ...]:
    """Return classes in the order in which every table and picture shows them."""
    there = set(classes)
    return tuple(c for c in ORDER if c in there) + tuple(sorted(there - set(ORDER)))


def counts(beats: Beats) -> dict[str, tuple[int, int]]:
    """Return ``{class: (beats, of them uncertain)}`` in the order of `ordered`."""
    names, where = np.unique(beats.classes, return_inverse=True)
    total = np.bincount(where, minlength=len(names))
    doubt = np.bincount(where[beats.uncertain], minlength=len(names))
    table = {str(n): (int(t), int(d)) for n, t, d in zip(names, total, doubt, strict=True)}
    return {name: table[name] for name in ordered(table)}


def letter(name: str, uncertain: bool) -> str:
    """Return what stands above a beat: its class, with a question mark if uncertain."""
    return f"{name}?" if uncertain else name


def where_class(beats: Beats, name: str) -> npt.NDArray[np.bool_]:
    """Return (beat,) true where the class is `name`."""
    return np.asarray(beats.classes == name)
