"""Explanations over a corpus: what a class rests on, in waves and leads, and how sure that is.

Contributions of one item are divided by the sum of their absolute values, so that every item counts
alike; then the mean over the items of a class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from einthoven.evaluation.faithfulness import Floats, spearman
from einthoven.explain._numbers import WAVES, WHOLE
from einthoven.suites._explain_tables import mean, verdicts
from einthoven.suites._waves_judge import table

_DRAWS = 200
_FEWEST = 3  # items of a class

Row = Mapping[str, Any]


def shares(found: Row, method: str, label: str) -> tuple[Floats, list[str]]:
    """Return (item, wave) shares with sign of `WAVES` and `WHOLE`, and the record of each item."""
    rows, groups = [], []
    for item, row in zip(found["items"], found["methods"][method]["rows"], strict=True):
        values = np.array([row["waves"].get(name) or 0.0 for name in (*WAVES, WHOLE)])
        if item["label"] == label and np.abs(values).sum() > 0:
            rows.append(values / np.abs(values).sum())
            groups.append(item["group"])
    return np.array(rows).reshape(len(rows), len(WAVES) + 1), groups


def stability(values: Floats, groups: Sequence[str]) -> float:
    """Return how alike the order of the waves stays with other records.

    Mean of Spearman's rho of the mean shares with those of records drawn with replacement.
    """
    names, place = np.unique(groups, return_inverse=True)
    sums = np.stack([values[place == k].sum(axis=0) for k in range(len(names))])
    times = np.random.default_rng(0).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=_DRAWS
    )
    whole = values.mean(axis=0)
    some = np.abs(values).sum(axis=0) > 0
    found = [spearman(row[some], whole[some]) for row in times @ sums]
    known = [value for value in found if value == value]
    return float(np.mean(known)) if known else float("nan")


def _chosen(found: Row) -> str:
    """Return the default method of a model, or Shapley's values where none passed every test."""
    return str(verdicts(found).get("default", "shapley"))


def tables(models: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the tables of waves by class and of leads by class."""
    waves, leads = [], []
    for found in models:
        method = _chosen(found)
        if "rows" not in found["methods"].get(method, {}):
            continue
        for label in dict.fromkeys(item["label"] for item in found["items"]):
            values, groups = shares(found, method, label)
            if len(values) < _FEWEST:
                continue
            middle = values.mean(axis=0)
            waves.append([
                found["model"], label, method, len(values), *(f"{100 * v:+.0f}" for v in middle),
                f"{stability(values, groups):.2f}" if len(set(groups)) > 1 else "one record",
            ])  # fmt: skip
        leads += _leads(found)
    return [
        table(
            "What a class rests on",
            "Mean share of each wave in an explanation, percent, with sign: above 0 what speaks "
            "for the class. `stability`: rank correlation of the waves' order with that of other "
            "records, by bootstrap.",
            "; ".join(["model; class; method; answers", *WAVES, WHOLE, "stability"]), waves,
        ),
        table(
            "Leads",
            "What an answer loses without a lead and what is measured in it alone, as a share of "
            "what it loses or gains without each of them, percent, with sign; the highest three. "
            "Leads know of each other: what several say, none of them is missed for.",
            "model; class; answers; first; second; third", leads,
        ),
    ]  # fmt: skip


def _leads(found: Row) -> list[list[Any]]:
    """Return rows of a model of several leads."""
    rows = []
    for label in dict.fromkeys(item["label"] for item in found["items"]):
        some = [(i["leads"], i["group"]) for i in found["items"] if i["label"] == label]
        if len(some) < _FEWEST or not some[0][0]:
            continue
        groups = [group for _, group in some]
        each = {n: mean([lead[n] for lead, _ in some], groups) for n in some[0][0]}
        top = sorted(each, key=lambda n: -each[n].value)[:3]
        said = [
            f"{n} {100 * each[n].value:+.0f} ({100 * each[n].interval.low:+.0f} to "
            f"{100 * each[n].interval.high:+.0f})"
            for n in top
        ]
        rows.append([found["model"], label, len(some), *said])
    return rows
