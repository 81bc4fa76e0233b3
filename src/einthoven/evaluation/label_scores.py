"""Scores of diagnosed records: every figure by class and as a mean, with intervals over people.

Whole people are drawn with replacement, for two records of one person resemble each other. A draw
in which a class has no positive tells nothing of that class; a mean over classes is, in each draw,
over those that are defined in it, and how many draws lacked one is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.challenge import challenge_score, scored_columns
from einthoven.record.errors import UsageError, nearest

Floats = npt.NDArray[np.float64]

# Draws taken at a time: what bounds the memory of a large table.
_BATCH = 50

# Of probabilities, or of what is said (record, class), labels and weights (draw, record).
_OF_PROBABILITIES: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "auroc": multilabel.auroc, "auprc": multilabel.auprc,
    "brier": multilabel.brier, "ece": multilabel.ece,
}  # fmt: skip
_OF_DECISIONS: Mapping[str, Callable[[npt.NDArray[np.bool_], Floats, Floats], Floats]] = {
    "f1": multilabel.f1, "f2": multilabel.f2, "g2": multilabel.g2,
    "sensitivity": multilabel.sensitivity, "specificity": multilabel.specificity,
    "predictivity": multilabel.predictivity,
}  # fmt: skip
BY_CLASS = (*_OF_PROBABILITIES, *_OF_DECISIONS)
WHOLE = ("f_max", "challenge")


@dataclass(frozen=True)
class Estimate:
    """A figure and its percentile interval of 95 %.

    Attributes
    ----------
    value : of the table itself; NaN where undefined.
    low, high : NaN where no draw told anything, or none was made.
    draws : how many draws the interval is made of.
    lacking : how many of them lacked a class that the value is the mean over.
    """

    value: float
    low: float
    high: float
    draws: int
    lacking: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; what is undefined is null."""
        told = {"value": self.value, "low": self.low, "high": self.high}
        clean: dict[str, Any] = {k: None if np.isnan(v) else v for k, v in told.items()}
        return {**clean, "draws": self.draws, "lacking": self.lacking}


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelScores:
    """The figures of one table.

    Attributes
    ----------
    classes : their names.
    records, people : how many were judged.
    positives, known : (class,) records of which it is true, and of which anything is known.
    thresholds : (class,) from the validation side; NaN where it had no positive.
    by_class : figure -> one estimate a class.
    macro : figure -> the mean over the classes that have one.
    over : figure -> over how many classes that mean is.
    whole : ``f_max`` and, where the classes have weights, ``challenge``.
    """

    classes: tuple[str, ...]
    records: int
    people: int
    positives: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    thresholds: Floats
    by_class: Mapping[str, tuple[Estimate, ...]]
    macro: Mapping[str, Estimate]
    over: Mapping[str, int]
    whole: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON can hold them."""
        classes = {}
        for c, name in enumerate(self.classes):
            threshold = float(self.thresholds[c])
            classes[name] = {
                "positives": int(self.positives[c]), "known": int(self.known[c]),
                "threshold": None if np.isnan(threshold) else threshold,
                **{figure: told[c].to_dict() for figure, told in self.by_class.items()},
            }  # fmt: skip
        return {
            "records": self.records, "people": self.people,
            "macro": {f: {**e.to_dict(), "classes": self.over[f]} for f, e in self.macro.items()},
            "whole": {figure: told.to_dict() for figure, told in self.whole.items()},
            "classes": classes,
        }  # fmt: skip


def _by_class(figure: str, table: Answers, thresholds: Floats, weight: Floats) -> Floats:
    """Return (draw, class) of one figure."""
    p, y = table.probabilities, np.asarray(table.label, np.float64)
    if figure in _OF_PROBABILITIES:
        return _OF_PROBABILITIES[figure](p, y, weight)
    told = _OF_DECISIONS[figure](multilabel.decided(p, thresholds), y, weight)
    # Without a threshold a class is never said, which tells nothing of the model.
    told[:, np.isnan(thresholds)] = np.nan
    return told


def _whole(figure: str, table: Answers, thresholds: Floats, weight: Floats) -> Floats:
    """Return (draw,) of one figure of all classes together."""
    p = table.probabilities
    if figure == "f_max":
        return multilabel.f_max(p, table.label, weight)
    said = multilabel.decided(p, thresholds)
    return challenge_score(table.classes, said, table.label, weight)


def weights(person: npt.NDArray[np.str_], draws: int, seed: int) -> Floats:
    """Return (draw, record) how often each record's person is drawn, with replacement.

    Raises
    ------
    UsageError : there is no record.
    """
    names, inverse = np.unique(person, return_inverse=True)
    if not len(names):
        raise UsageError("bootstrap", "there is nobody to draw", "Give one record or more")
    share = np.full(len(names), 1 / len(names))
    times = np.random.default_rng(seed).multinomial(len(names), share, size=draws)
    return times[:, inverse].astype(np.float64)


def _estimate(value: float, drawn: Floats, lacking: int = 0) -> Estimate:
    told = drawn[~np.isnan(drawn)]
    if not len(told):
        return Estimate(value, float("nan"), float("nan"), 0)
    low, high = np.quantile(told, (0.025, 0.975))
    return Estimate(value, float(low), float(high), len(told), lacking)


def label_scores(
    table: Answers, thresholds: Floats, *, draws: int = 1000, seed: int = 0
) -> LabelScores:
    """Return all figures of one part.

    Parameters
    ----------
    table : of one part, e.g. ``answers.of("test")``, calibrated.
    thresholds : (class,) chosen on the validation side (`label_fit.choose_thresholds`).
    draws, seed : of the bootstrap over people; 0 draws for no intervals.

    Raises
    ------
    UsageError : there is no record.
    """
    if not len(table):
        raise UsageError("scores", "there is no record", "Give the part that has some")
    figures = (*BY_CLASS, "f_max", *(("challenge",) if scored_columns(table.classes) else ()))
    ones = multilabel.once(len(table))
    drawn: dict[str, list[Floats]] = {name: [] for name in figures}
    times = weights(table.person, draws, seed) if draws else np.zeros((0, len(table)))
    for start in range(0, draws, _BATCH):
        for name in figures:
            make = _by_class if name in BY_CLASS else _whole
            drawn[name].append(make(name, table, thresholds, times[start : start + _BATCH]))
    by_class, macro, over, whole = {}, {}, {}, {}
    for name in figures:
        make = _by_class if name in BY_CLASS else _whole
        value = make(name, table, thresholds, ones)
        all_drawn = np.concatenate([np.zeros((0, *value.shape[1:])), *drawn[name]])
        if name not in BY_CLASS:
            whole[name] = _estimate(float(value[0]), all_drawn)
            continue
        defined = ~np.isnan(value[0])
        by_class[name] = tuple(
            _estimate(float(v), d) for v, d in zip(value[0], all_drawn.T, strict=True)
        )
        lacking = int(np.isnan(all_drawn[:, defined]).any(axis=1).sum())
        macro[name] = _estimate(
            float(multilabel.macro(value[:, defined])[0]),
            multilabel.macro(all_drawn[:, defined]),
            lacking,
        )
        over[name] = int(defined.sum())
    return LabelScores(
        classes=table.classes, records=len(table), people=len(np.unique(table.person)),
        positives=(table.label == 1).sum(axis=0), known=(~np.isnan(table.label)).sum(axis=0),
        thresholds=np.asarray(thresholds, np.float64),
        by_class=by_class, macro=macro, over=over, whole=whole,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One table's figure less another's, on the records that both answer.

    Attributes
    ----------
    figure : which; with the class after a colon, or ``macro``, or neither.
    value, low, high : the difference and its interval of 95 %, both judged on the same draws.
    records, people, draws : how many.
    positives : records of which the class is true; of the mean, those of any class.
    """

    figure: str
    value: float
    low: float
    high: float
    records: int
    positives: int
    people: int
    draws: int

    @property
    def tie(self) -> bool:
        """Whether the interval contains 0, or nothing is known: neither is better."""
        return not (self.low > 0 or self.high < 0)


def difference(
    one: Answers,
    two: Answers,
    *,
    figure: str = "auroc",
    thresholds: tuple[Floats, Floats] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return by how much `one` is above `two`: the mean over classes, then each class.

    Parameters
    ----------
    one, two : tables of the same classes; records that only one of them answers are left out.
    figure : of `BY_CLASS` or `WHOLE`.
    thresholds : of each table, for a figure that needs them.
    draws, seed : of the bootstrap over people.

    Returns
    -------
    By ``"macro"`` and name of class; only ``"macro"`` for a figure of all classes together.

    Raises
    ------
    UsageError : other classes, no record in common, labels that disagree, or no thresholds.
    """
    if figure not in (*BY_CLASS, *WHOLE):
        raise UsageError("figure", f"{figure!r} is not known", nearest(figure, (*BY_CLASS, *WHOLE)))
    if thresholds is None and figure in (*_OF_DECISIONS, "challenge"):
        raise UsageError(figure, "needs thresholds", "Choose them on the validation side")
    first, second = common(one, two)
    blank = np.full(len(one.classes), np.nan)
    bars = thresholds or (blank, blank)
    times = np.concatenate([multilabel.once(len(first)), weights(first.person, draws, seed)])
    make = _by_class if figure in BY_CLASS else _whole
    parts = []
    for start in range(0, len(times), _BATCH):
        batch = times[start : start + _BATCH]
        parts.append(make(figure, first, bars[0], batch) - make(figure, second, bars[1], batch))
    gaps = np.concatenate(parts)
    people = len(np.unique(first.person))

    true = first.label == 1

    def told(name: str, values: Floats, has: npt.NDArray[np.bool_]) -> Difference:
        e = _estimate(float(values[0]), values[1:])
        return Difference(
            figure=name, value=e.value, low=e.low, high=e.high,
            records=len(first), positives=int(has.sum()), people=people, draws=e.draws,
        )  # fmt: skip

    if gaps.ndim == 1:
        return {"macro": told(figure, gaps, true.any(axis=1))}
    found = {
        "macro": told(
            f"{figure}: macro", multilabel.macro(gaps[:, ~np.isnan(gaps[0])]), true.any(axis=1)
        )
    }
    for c, name in enumerate(one.classes):
        found[name] = told(f"{figure}: {name}", gaps[:, c], true[:, c])
    return found


def common(one: Answers, two: Answers) -> tuple[Answers, Answers]:
    """Return both tables cut to the records that both answer, in one order.

    Raises
    ------
    UsageError : other classes, no record in common, a record that occurs twice, or labels that
        disagree.
    """
    if one.classes != two.classes:
        raise UsageError("difference", "is between other classes", "Judge one label set")
    keys = [np.char.add(np.char.add(t.corpus, "/"), t.record) for t in (one, two)]
    if any(len(np.unique(k)) < len(k) for k in keys):
        raise UsageError("difference", "has a record twice", "Give one part of each table")
    both, rows, others = np.intersect1d(keys[0], keys[1], return_indices=True)
    if not len(both):
        raise UsageError("difference", "no record is in both tables", "Judge the same records")
    tables = []
    for table, index in ((one, rows), (two, others)):
        tables.append(table.rows(index))
    if not np.array_equal(tables[0].label, tables[1].label, equal_nan=True):
        raise UsageError("difference", "the labels disagree", "Judge one label set")
    return tables[0], tables[1]
