"""Intervals by resampling: over beats, and over patients.

Beats of one patient resemble each other, so an interval over beats only says how well *these*
patients were measured; the interval over patients says what another set of patients may give, and
is the one to quote (percentile bootstrap: Efron, Tibshirani 1993, chapter 13).

A draw in which a figure is undefined, or in which a class that it is about does not occur in the
reference, tells nothing of that figure: it is left out, and how many were is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.classification import Counts, Floats
from einthoven.record.errors import UsageError

# (draw, class, class) -> (draw,) or (draw, figure); NaN where a draw tells nothing.
Figure = Callable[[npt.NDArray[np.generic]], Floats]


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes
    ----------
    low, high : its ends; NaN where no draw told anything.
    draws : how many draws it is made of.
    left_out : how many told nothing.
    """

    low: float
    high: float
    draws: int
    left_out: int


def draws_over_beats(matrix: Counts, draws: int, seed: int) -> Counts:
    """Return (draw, class, class): beats drawn with replacement from those of one matrix.

    Beats within a cell are alike, so a draw of n beats is one multinomial draw over the cells.
    """
    total = int(matrix.sum())
    if total == 0:
        return np.zeros((draws, *matrix.shape), np.int64)
    shares = matrix.ravel() / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=draws)
    return drawn.reshape(draws, *matrix.shape).astype(np.int64)


def draws_over_groups(matrices: Counts, draws: int, seed: int) -> Counts:
    """Return (draw, class, class): whole patients drawn with replacement.

    Parameters
    ----------
    matrices : (patient, class, class).
    draws, seed : how many draws, from which seed.

    Raises
    ------
    UsageError : there is no patient.
    """
    groups = len(matrices)
    drawn = times_of_groups(groups, draws, seed) @ matrices.reshape(groups, -1).astype(np.int64)
    return drawn.reshape(draws, *matrices.shape[1:])


def times_of_groups(groups: int, draws: int, seed: int) -> Counts:
    """Return (draw, patient): how often each patient is drawn, as many patients as there are.

    Raises
    ------
    UsageError : there is no patient.
    """
    if groups == 0:
        raise UsageError("bootstrap", "there is no patient to draw", "Give one or more")
    times = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return times.astype(np.int64)


def percentiles(values: Floats, level: float = 0.95) -> list[Interval]:
    """Return one interval a figure from (draw, figure); NaN draws are left out and counted.

    Raises
    ------
    UsageError : the level is no share between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError("level", f"is {level}", "Give a share between 0 and 1, e.g. 0.95")
    table = values.reshape(len(values), -1)
    tails = ((1 - level) / 2, (1 + level) / 2)
    found = []
    for column in table.T:
        told = column[~np.isnan(column)]
        ends = np.quantile(told, tails) if len(told) else np.array([np.nan, np.nan])
        found.append(Interval(float(ends[0]), float(ends[1]), len(told), len(column) - len(told)))
    return found


def needs(figure: Figure, classes: list[int]) -> Figure:
    """Return `figure` made NaN in draws whose reference lacks one of `classes`."""

    def guarded(matrices: npt.NDArray[np.generic]) -> Floats:
        values = np.asarray(figure(matrices), np.float64)
        lacking = (matrices.sum(axis=-1)[:, classes] == 0).any(axis=1)
        values = values.copy()
        values[lacking] = np.nan
        return values

    return guarded


def intervals(
    figure: Figure,
    matrices: Counts,
    *,
    over: str,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Interval]:
    """Return one percentile interval for each number that `figure` gives.

    Parameters
    ----------
    figure : from (draw, class, class) counts to (draw,) or (draw, figure).
    matrices : (patient, class, class) counts.
    over : ``"beats"`` or ``"patients"``: what is drawn with replacement.
    draws, seed : how many draws, from which seed.
    level : the share of the draws inside the interval.

    Raises
    ------
    UsageError : `over` or the level is not known, or there is nobody to draw.
    """
    if over == "beats":
        drawn = draws_over_beats(matrices.sum(axis=0), draws, seed)
    elif over == "patients":
        drawn = draws_over_groups(matrices, draws, seed)
    else:
        raise UsageError("over", f"is {over!r}", "Use beats or patients")
    return percentiles(np.asarray(figure(drawn), np.float64), level)
