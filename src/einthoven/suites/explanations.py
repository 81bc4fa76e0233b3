"""Explanations put to the test: every method with every model, beside two controls.

Each model's answers are explained by each method that serves it; the waves are taken away in the
order that the method gives, and the model is asked again. Then what the model has learnt is
destroyed, and the explanations must change. What is found goes into ``explain/tested.json``, from
which the product takes its doubts and its defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from einthoven.suites import (
    _explain_corpus,
    _explain_ideas,
    _explain_prototypes,
    _explain_runs,
    _explain_shortcut,
)
from einthoven.suites import _explain_tables as tables
from einthoven.suites._explain_items import SUBJECTS
from einthoven.suites._suite import write_results

COMMAND = "einthoven evaluate --suite explanations"
TITLE = "Explanations"
NOTE = (
    "Methods are told apart by what happens to the answer. All waves of an item are taken away, "
    "one after the other, in a method's order (deletion) and put back (insertion), by straight "
    "lines between their ends, the numbers that describe them with them; `gain` is insertion less "
    "deletion, areas of the probability, less what a random order gives (20 draws): 0 by chance. "
    "Judged on right answers that fall by 0.1 or more without all their waves; the others, most "
    "normal beats among them, have nothing to explain here. Shapley, LIME and occlusion take away "
    "the very parts that they are judged by: the game is theirs. Sensitivity-n: mean over n of the "
    "correlation of summed contributions with the change of the log odds, over all sets of n "
    "waves. `again`, `under noise`: rank correlation of the waves' order in a second run, in which "
    "a method that draws at random draws otherwise, and with 2 % noise in the trace. Pointing "
    "and `inside` (the share of what speaks for the class) are about what is "
    "plausible; they decide nothing. Intervals: 95 %, bootstrap over records, and over the answers "
    "of each. "
    + tables.GATE_NOTE
    + " Test sides are not touched: beats are of four records of DS1, twelve leads of fold 8 of "
    "PTB-XL, a few dozen answers a model. A method that passes is not proved right: it has not "
    "been proved wrong."
)  # fmt: skip


def run(out: Path, runs: Path = Path("runs")) -> Mapping[str, Any]:
    """Judge all methods with the shipped models and the runs that are here.

    Writes ``out/explanations.json``; what each model took is kept in ``runs/explanations``, and
    not made again.

    Raises
    ------
    DataError : a corpus is not here.
    """
    models = []
    for subject in SUBJECTS:
        sys.stderr.write(f"{subject.name}\n")
        found = _explain_runs.told(subject, runs)
        if found is not None:
            models.append(found)
    kept = (_explain_prototypes, _explain_ideas, _explain_shortcut)
    more = [one for part in kept for one in part.tables(runs)]
    return written(out, models, more)


def written(
    out: Path, models: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Write ``out/explanations.json`` of what was found of models, and more tables; return it."""
    parts = [
        tables.controls(models), *(tables.of_model(found) for found in models),
        tables.by_class(models), tables.labels(models), tables.cascades(models),
        *_explain_corpus.tables(models),
        *more, tables.sources(), tables.refused(models),
    ]  # fmt: skip
    return write_results(
        out / "explanations.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE,
            "tested": {found["model"]: tables.verdicts(found) for found in models},
            "figures": {
                found["model"]: {
                    name: {k: v.to_dict() for k, v in tables.figures(found, name).items()}
                    for name, entry in found["methods"].items()
                    if "refused" not in entry
                }
                for found in models
            },
            "tables": [table for table in parts if table["rows"]],
        },
    )  # fmt: skip
