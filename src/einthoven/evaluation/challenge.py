"""The score of the PhysioNet/CinC Challenge 2021, after its organisers' description.

Of each record the n classes that are true or said share one count: every true class j and said
class k add 1/n to the cell (j, k), the cells are weighted by how alike treatment and risk are, and
the sum is set between two others: 1 for saying the truth, 0 for always saying sinus rhythm. It may
be negative (Reyna et al. 2021, 10.23919/CinC53138.2021.9662687).

The weights, `challenge2021.csv` beside this file, are the organisers' (BSD 2-Clause; the notice
stands in `challenge2021.LICENSE`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]

_NORMAL = "NSR"


@dataclass(frozen=True, eq=False)
class Weights:
    """The organisers' table.

    Attributes
    ----------
    classes : the 26 scored classes; ``"CLBBB|LBBB"`` where two are scored as one.
    codes : their SNOMED CT codes, joined likewise.
    matrix : (class, class) float64, rows = true, columns = said; symmetric, 1 on the diagonal.
    """

    classes: tuple[str, ...]
    codes: tuple[str, ...]
    matrix: Floats


@cache
def weights_2021() -> Weights:
    """Return the table."""
    text = files("einthoven.evaluation").joinpath("challenge2021.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return Weights(
        classes=tuple(row[0] for row in rows), codes=tuple(row[1] for row in rows),
        matrix=np.array([[float(v) for v in row[2:]] for row in rows]),
    )  # fmt: skip


def scored_columns(classes: tuple[str, ...]) -> dict[int, int]:
    """Return which row of the table each scored one of `classes` stands in.

    Parameters
    ----------
    classes : abbreviations or SNOMED CT codes, alone or joined by ``|``. One that is in no row is
        not scored; without sinus rhythm there is no score, and nothing is returned.
    """
    table = weights_2021()
    row = {}
    for index, names in enumerate(zip(table.classes, table.codes, strict=True)):
        row.update({part: index for name in names for part in name.split("|")})
    found = {}
    for column, name in enumerate(classes):
        places = {row[part] for part in name.split("|") if part in row}
        if len(places) == 1:
            found[column] = places.pop()
    return found if row[_NORMAL] in found.values() else {}


def challenge_score(
    classes: tuple[str, ...],
    said: npt.NDArray[np.bool_],
    label: npt.NDArray[np.floating],
    weight: Floats,
) -> Floats:
    """Return (draw,) the score; 0 where always saying sinus rhythm is as good as the truth.

    Parameters
    ----------
    classes : as in `scored_columns`; scored classes that are not among them are neither true nor
        said, so a score of fewer than 26 classes is comparable only with its like.
    said : (record, class).
    label : (record, class) 1, 0 or NaN; what is said of a label that is not known is not counted.
    weight : (draw, record) how often each record counts.

    Raises
    ------
    UsageError : sinus rhythm is not among the classes.
    """
    places = scored_columns(classes)
    table = weights_2021()
    if not places:
        raise UsageError("challenge score", "needs the class NSR", "Use the label set cinc2021")
    true = np.zeros((len(label), len(table.classes)), bool)
    told = np.zeros_like(true)
    for column, row in places.items():
        # Two classes of ours may be one of the organisers'.
        true[:, row] |= label[:, column] == 1
        told[:, row] |= said[:, column] & ~np.isnan(label[:, column])
    always = np.zeros_like(true)
    always[:, table.classes.index(_NORMAL)] = True
    ours, best, none = (weight @ _shares(true, what) for what in (told, true, always))
    out = np.zeros(len(weight))
    return np.asarray(np.divide(ours - none, best - none, out=out, where=best != none), np.float64)


def _shares(true: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> Floats:
    """Return (record,) what each record adds."""
    hits = ((true @ weights_2021().matrix) * said).sum(axis=1)
    return np.asarray(hits / np.maximum((true | said).sum(axis=1), 1), np.float64)
