"""Answers to whole records, of several trained models of one system, to figures and intervals.

A figure is the mean over the trained models (seeds); an interval is that of this mean, over people
drawn with replacement, the same people for every model. So what is resampled is the people and not
the chance of training. A difference is on the records that both systems answer, on the same draws.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers, joined
from einthoven.evaluation.label_scores import common, weights
from einthoven.record.errors import DataError

Floats = npt.NDArray[np.float64]

DRAWS = 1000
_SAID = 0.5
_EDGE = 1e-6


_TABLES = ("answers", "sure", "raw")


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What a trained model said of some test records.

    Attributes
    ----------
    answers : calibrated, of the test side.
    sure : the same with logits less each class's threshold, so that what is said is above 0.
    raw : the same as the model gave it. Its order is judged: where several runs speak, each of
        records of its own, the calibration by some hundred records each would move them apart.
    """

    answers: Answers
    sure: Answers
    raw: Answers

    def where(self, keep: npt.NDArray[np.bool_]) -> Told:
        """Return some records."""
        return Told(**{name: getattr(self, name).where(keep) for name in _TABLES})


def read(folder: Path) -> Told:
    """Return the test side of a run, with its own calibration and thresholds.

    Raises
    ------
    DataError : it is no finished run.
    """
    table = Answers.load(folder / "answers.npz").of("test")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        named = {str(k): float(v) for k, v in metrics["thresholds"].items()}
    except (OSError, ValueError, KeyError, AttributeError) as fault:
        raise DataError(folder, f"is no finished run ({fault})", "Train it again") from fault
    # A class that validation has no record of is said from even odds on.
    bar = np.array([named.get(c, _SAID) for c in table.classes]).clip(_EDGE, 1 - _EDGE)
    plain = joined([table])
    moved = plain.logits - np.log(bar / (1 - bar)).astype(np.float32)
    count = len(table.classes)
    raw = replace(table, offsets=np.zeros(count), temperature=np.ones(count))
    return Told(answers=plain, sure=replace(plain, logits=moved), raw=raw)


def together(parts: Sequence[Told]) -> Told:
    """Return what several runs said, each of records of its own."""
    return Told(**{name: joined([getattr(p, name) for p in parts]) for name in _TABLES})


Figure = Callable[[Told, Floats], Floats]


def auroc(told: Told, weight: Floats) -> Floats:
    """Return (draw, class)."""
    return multilabel.auroc(told.raw.logits, told.raw.label, weight)


def f1(told: Told, weight: Floats) -> Floats:
    """Return (draw, class), at the thresholds of the validation sides."""
    return multilabel.f1(told.sure.logits > 0, told.answers.label, weight)


_FIGURES: dict[str, Figure] = {
    "auroc": auroc,
    "auprc": lambda t, w: multilabel.auprc(t.raw.logits, t.raw.label, w),
    "f1": f1,
    "f2": lambda t, w: multilabel.f2(t.sure.logits > 0, t.answers.label, w),
    "g2": lambda t, w: multilabel.g2(t.sure.logits > 0, t.answers.label, w),
    "brier": lambda t, w: multilabel.brier(t.answers.probabilities, t.answers.label, w),
    "ece": lambda t, w: multilabel.ece(t.answers.probabilities, t.answers.label, w),
}
_WITH_INTERVAL = ("auroc", "f1")


def _macro(values: Floats) -> Floats:
    """Return (draw,) the mean over the classes that the whole table has a figure of."""
    there = ~np.isnan(values[0])
    if not there.any():
        return np.full(len(values), np.nan)
    return np.asarray(values[:, there].mean(axis=1), np.float64)


def _entry(values: Floats) -> dict[str, Any]:
    """Return the first of (1 + draw,) values and the interval of the others."""
    drawn = values[1:][~np.isnan(values[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def _times(told: Told, draws: int) -> Floats:
    once = multilabel.once(len(told.answers))
    return np.concatenate([once, weights(told.answers.person, draws, 0)]) if draws else once


def _same(models: Sequence[Told]) -> list[Told]:
    """Return the models cut to the records that all of them answer, in one order."""
    first = models[0]
    for other in models[1:]:
        first, _ = _pair(first, other)
    return [_pair(first, m)[1] for m in models]


def _pair(one: Told, two: Told) -> tuple[Told, Told]:
    both = {name: common(getattr(one, name), getattr(two, name)) for name in _TABLES}
    return (
        Told(**{name: pair[0] for name, pair in both.items()}),
        Told(**{name: pair[1] for name, pair in both.items()}),
    )


def figures(models: Sequence[Told], draws: int = DRAWS) -> dict[str, Any]:
    """Return all figures of a system: ``macro`` and by class, with intervals of AUROC and F1."""
    models = _same(models)
    table = models[0].answers
    found: dict[str, Any] = {
        "records": len(table), "people": len(np.unique(table.person)), "macro": {},
        "classes": {
            c: {"positives": int((table.label[:, i] == 1).sum()),
                "known": int((~np.isnan(table.label[:, i])).sum())}
            for i, c in enumerate(table.classes)
        },
    }  # fmt: skip
    for name, figure in _FIGURES.items():
        times = _times(models[0], draws if name in _WITH_INTERVAL else 0)
        each = np.stack([figure(m, times) for m in models])
        mean = each.mean(axis=0)
        seeds = [float(_macro(one)[0]) for one in each]
        found["macro"][name] = _entry(_macro(mean)) | {"seeds": seeds}
        for i, c in enumerate(table.classes):
            found["classes"][c][name] = _entry(mean[:, i])
    best = [float(multilabel.f_max(m.answers.probabilities, m.answers.label,
                                   multilabel.once(len(table)))[0]) for m in models]  # fmt: skip
    found["macro"]["f_max"] = {"value": float(np.mean(best)), "seeds": best}
    return found


def difference(
    ones: Sequence[Told], twos: Sequence[Told], figure: Figure = auroc, draws: int = DRAWS
) -> dict[str, Any] | None:
    """Return `ones` less `twos` on the records that both answer; None where there is none.

    Returns
    -------
    ``records``, ``people``, ``macro`` and ``classes``: value, interval, and whether it is a
    ``tie``, that is whether the interval contains 0.
    """
    keys = [
        set(zip(m.answers.corpus.tolist(), m.answers.record.tolist(), strict=True))
        for m in (*ones, *twos)
    ]
    if not set.intersection(*keys):
        return None
    models = _same([*ones, *twos])
    table, times = models[0].answers, _times(models[0], draws)
    each = [figure(m, times) for m in models]
    gap = np.mean(each[: len(ones)], axis=0) - np.mean(each[len(ones) :], axis=0)
    classes = {
        c: _tied(_entry(gap[:, i])) | {"positives": int((table.label[:, i] == 1).sum())}
        for i, c in enumerate(table.classes)
    }
    return {
        "records": len(table), "people": len(np.unique(table.person)),
        "macro": _tied(_entry(_macro(gap))), "classes": classes,
    }  # fmt: skip


def _tied(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"tie": not (entry["low"] > 0 or entry["high"] < 0)}


def fingerprint(answers: Answers) -> str:
    """Return twelve hex digits that differ whenever an answer that is judged does."""
    order = np.lexsort((answers.record, answers.corpus))
    digest = hashlib.sha256()
    for column in (answers.corpus, answers.record):
        digest.update("\n".join(column[order].tolist()).encode())
    digest.update(np.round(answers.logits[order], 4).astype("<f4").tobytes())
    return digest.hexdigest()[:12]
