"""Counts of right and wrong, and the figures made from them.

Every figure is a function of confusion matrices (..., class, class), rows = reference, columns =
prediction, so that one call serves a single matrix and a thousand resampled ones alike.

What is undefined (0/0: a class that neither occurs nor is ever said) is NaN; it is left out of
averages, and how many were left out is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion(truth: npt.NDArray[np.int64], choice: npt.NDArray[np.int64], classes: int) -> Counts:
    """Count reference class against chosen class.

    Parameters
    ----------
    truth, choice : (beat,) indices of classes; beats with a truth of -1 (no class) are left out.
    classes : how many there are.

    Returns
    -------
    (class, class) int64, rows = reference, columns = chosen.
    """
    counts = confusion_by_group(truth, choice, np.zeros(len(truth), np.int64), classes, 1)
    return np.asarray(counts[0], np.int64)


def confusion_by_group(
    truth: npt.NDArray[np.int64],
    choice: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    classes: int,
    groups: int,
) -> Counts:
    """Count as `confusion`, for each group (record, patient) apart; (group, class, class)."""
    keep = truth >= 0
    cell = (group[keep] * classes + truth[keep]) * classes + choice[keep]
    counts = np.bincount(cell, minlength=groups * classes * classes)
    return counts.reshape(groups, classes, classes).astype(np.int64)


def _ratio(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Floats:
    above_, below_ = np.asarray(above, np.float64), np.asarray(below, np.float64)
    out = np.full(np.broadcast_shapes(above_.shape, below_.shape), np.nan)
    return np.asarray(np.divide(above_, below_, out=out, where=below_ > 0), np.float64)


def _diagonal(matrix: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def sensitivity(matrix: npt.NDArray[np.generic]) -> Floats:
    """Se = found / occurring; (..., class, class) -> (..., class), NaN where none occurs."""
    return _ratio(_diagonal(matrix), matrix.sum(axis=-1))


def predictivity(matrix: npt.NDArray[np.generic]) -> Floats:
    """+P = found / said; (..., class, class) -> (..., class), NaN where none is said."""
    return _ratio(_diagonal(matrix), matrix.sum(axis=-2))


def f1(matrix: npt.NDArray[np.generic]) -> Floats:
    """F1 = 2 found / (occurring + said); NaN where the class neither occurs nor is said.

    A class that occurs and is never said has F1 0, although its +P is undefined.
    """
    doubled = 2 * np.asarray(_diagonal(matrix), np.float64)
    return _ratio(doubled, matrix.sum(axis=-1) + matrix.sum(axis=-2))


def accuracy(matrix: npt.NDArray[np.generic]) -> Floats:
    """Right / all; (..., class, class) -> (...)."""
    return _ratio(_diagonal(matrix).sum(axis=-1), matrix.sum(axis=(-2, -1)))


def kappa(matrix: npt.NDArray[np.generic]) -> Floats:
    """Cohen's kappa; (..., class, class) -> (...)."""
    total = matrix.sum(axis=(-2, -1))
    observed = accuracy(matrix)
    by_chance = _ratio(
        (matrix.sum(axis=-1).astype(np.float64) * matrix.sum(axis=-2)).sum(axis=-1),
        np.asarray(total, np.float64) ** 2,
    )
    return _ratio_signed(observed - by_chance, 1 - by_chance)


def _ratio_signed(above: Floats, below: Floats) -> Floats:
    out = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=out, where=below > 0), np.float64)


def j_kappa(matrix: npt.NDArray[np.generic], s: int, v: int) -> Floats:
    """The jk index: half kappa, an eighth each of Se and +P of S and V.

    From Mar, Zaunseder, Martinez, Llamedo, Poll 2011 (10.1109/TBME.2011.2113395). An undefined
    +P counts as 0: what is never said predicts nothing.

    Parameters
    ----------
    matrix : (..., class, class).
    s, v : which class is S and which V.
    """
    parts = np.concatenate(
        [sensitivity(matrix)[..., [s, v]], np.nan_to_num(predictivity(matrix)[..., [s, v]])], -1
    )
    total: Floats = 0.5 * kappa(matrix) + parts.sum(axis=-1) / 8
    return total


def macro_f1(matrix: npt.NDArray[np.generic], over: Sequence[int]) -> Floats:
    """Mean F1 of the classes `over`, those undefined left out; (..., class, class) -> (...)."""
    values = f1(matrix)[..., list(over)]
    defined = ~np.isnan(values)
    return _ratio_signed(
        np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The figures of one confusion matrix.

    Attributes
    ----------
    classes : names of its rows and columns.
    matrix : (class, class) counts, rows = reference.
    macro_over : names of the classes that macro F1 is the mean of.
    sensitivity, predictivity, f1 : (class,), NaN where undefined.
    macro_f1, accuracy, kappa : single figures.
    j_kappa : the jk index, or NaN where the classes are not AAMI's.
    undefined : how many of `macro_over` have no F1 and were left out of the mean.
    """

    classes: tuple[str, ...]
    matrix: Counts
    macro_over: tuple[str, ...]
    sensitivity: Floats
    predictivity: Floats
    f1: Floats
    macro_f1: float
    accuracy: float
    kappa: float
    j_kappa: float
    undefined: int

    @property
    def n(self) -> int:
        """Number of beats judged."""
        return int(self.matrix.sum())

    @property
    def support(self) -> Counts:
        """(class,) beats of each class in the reference."""
        return np.asarray(self.matrix.sum(axis=1), np.int64)


def scores(matrix: Counts, classes: Sequence[str], macro_over: Sequence[str]) -> Scores:
    """Return all figures of one confusion matrix.

    Parameters
    ----------
    matrix : (class, class) counts, rows = reference.
    classes : their names.
    macro_over : which of them macro F1 is the mean of; there is no default, for a macro F1 that
        does not say its classes cannot be compared.

    Raises
    ------
    UsageError : an unknown class, or a matrix that is not classes by classes.
    """
    names = tuple(classes)
    if matrix.shape != (len(names), len(names)):
        raise UsageError("confusion", f"is {matrix.shape} for {len(names)} classes", "Count again")
    for name in macro_over:
        if name not in names:
            raise UsageError("macro_over", f"{name!r} is no class", nearest(name, names))
    over = [names.index(name) for name in macro_over]
    per_class = f1(matrix)
    ectopic = "S" in names and "V" in names
    jk = float(j_kappa(matrix, names.index("S"), names.index("V"))) if ectopic else float("nan")
    return Scores(
        classes=names, matrix=np.asarray(matrix, np.int64), macro_over=tuple(macro_over),
        sensitivity=sensitivity(matrix), predictivity=predictivity(matrix), f1=per_class,
        macro_f1=float(macro_f1(matrix, over)), accuracy=float(accuracy(matrix)),
        kappa=float(kappa(matrix)), j_kappa=jk, undefined=int(np.isnan(per_class[over]).sum()),
    )  # fmt: skip
