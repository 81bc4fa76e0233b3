"""One run on whole records, judged by itself: every figure of `label_scores` on its test side."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.evaluation.answers import Answers
from einthoven.evaluation.challenge import scored_columns
from einthoven.evaluation.label_scores import label_scores
from einthoven.record.errors import DataError
from einthoven.suites import _looks, _twelve_judge
from einthoven.suites._runs import METRICS, RECIPE

SPLIT = "split.json"
WHY = "trained model, by itself"
# Where the suites choose what is to be chosen: no test side.
_CHOSEN_ON = frozenset(range(1, 9))
_FRACTION = "label-fraction"
_NOTE = (
    "Thresholds and calibration are of the validation side: where it had no positive of a class, "
    "there is none, the class is never said, and means over F1, F2 and G2 leave it out. Fmax takes "
    "its threshold from the test side, which flatters. Drawing people adds to a calibration error, "
    "so the interval of ECE lies high."
)


def task_of(folder: Path) -> str:
    """Return the task of the run in a folder; empty text where no recipe names one."""
    try:
        recipe = tomllib.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(recipe.get("task", ""))


def protocol_of(folder: Path) -> str:
    """Return the name of the protocol that a run was trained under.

    Raises
    ------
    DataError : it is no finished run.
    """
    return str(_read(folder)["protocol"]["name"])


def _read(folder: Path) -> dict[str, Any]:
    """Return the recipe, with what the training wrote down in ``split`` and ``metrics``."""
    try:
        recipe = tomllib.loads((folder / RECIPE).read_text(encoding="utf-8"))
        for key, name in (("split", SPLIT), ("metrics", METRICS)):
            recipe[key] = json.loads((folder / name).read_text(encoding="utf-8"))
        _ = recipe["name"], recipe["seeds"][0], recipe["protocol"]["name"]
        _ = recipe["corpus"]["name"], recipe["corpus"]["labels"], recipe["model"]["name"]
        _ = recipe["split"]["title"], recipe["split"]["part"], recipe["metrics"]["thresholds"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as fault:
        mend = "Train it again, or go on with --resume"
        raise DataError(folder, f"is no finished run ({fault})", mend) from fault
    return recipe


def judge(folder: Path) -> dict[str, Any]:
    """Return the table of a run: one system, its figures on the test side by class and as means.

    Raises
    ------
    DataError : it is no finished run.
    UsageError : its test side has no record.
    """
    run = _read(folder)
    split, metrics, seed = run["split"], run["metrics"], int(run["seeds"][0])
    told = _twelve_judge.read(folder)
    table = told.answers
    bars = np.array([float(metrics["thresholds"].get(c, np.nan)) for c in table.classes])
    found = label_scores(table, bars).to_dict()
    fraction = run["protocol"]["name"] == _FRACTION
    percent = split["part"].partition(" ")[0] if fraction else ""
    row: dict[str, Any] = {
        "name": run["name"], "title": run.get("title", run["name"]), "paper": run.get("paper", ""),
        "variant": f"{percent} % of the labels" if fraction else "",
        "model": run["model"]["name"], "parameters": metrics.get("parameters"),
        "published": dict(run.get("published", {})),
        "n": found.pop("records"), "subjects": found.pop("people"),
        "left_out": dict(split.get("left_out", {})), "test_side": _side(table, run["protocol"]),
        "figures": found,
        "runs": [
            {
                "seed": seed, "run": folder.name,
                # The suites read answers so: of shares of the labels as the model gave them.
                "answers": _twelve_judge.fingerprint(told.raw if fraction else table),
            }
        ],
    }  # fmt: skip
    notes = [f"{note[:1].upper()}{note[1:]}." for note in split.get("notes", ())]
    corpora = (run["corpus"]["name"], *run["corpus"].get("others", ()))
    scored = len(set(scored_columns(table.classes).values()))
    return {
        "unit": "record", "corpus": " + ".join(corpora), "labels": run["corpus"]["labels"],
        "protocol": split["title"], "classes": table.classes,
        "scored_by_challenge": scored, "note": " ".join([*notes, _NOTE]),
        "systems": [row],
    }  # fmt: skip


def _side(table: Answers, protocol: Mapping[str, Any]) -> str | None:
    """Return the public test side that a run was asked about, in the words of the suites.

    None where it is none: folds 1 to 8 of PTB-XL, in which everything is chosen.
    """
    corpora = np.unique(table.corpus).tolist()
    folds = sorted(set(table.fold.tolist()))
    if corpora == ["ptbxl"]:
        return None if _CHOSEN_ON.issuperset(folds) else f"ptbxl fold {'+'.join(map(str, folds))}"
    if len(corpora) > 1:
        return "small sources, pooled"
    return f"{corpora[0]}, {protocol['name']}"


def count_look(results: Path, table: Mapping[str, Any], command: str) -> None:
    """Write down that the answers of a table of `judge` were scored, if its side is a test side.

    Answers that a suite has scored on that side, under whatever name, are not counted again.

    Parameters
    ----------
    results : the folder of ``looks.json``.
    command : what was typed.
    """
    row = table["systems"][0]
    side, answers = row["test_side"], row["runs"][0]["answers"]
    looks = _looks.read(results)
    if side is None or any((k["side"], k["answers"]) == (side, answers) for k in looks):
        return
    system = ", ".join(filter(None, (row["name"], row["variant"])))
    _looks.count(results, system=system, side=side, answers=answers, why=WHY, command=command)
