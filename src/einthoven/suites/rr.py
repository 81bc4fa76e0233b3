"""Atrial fibrillation from intervals alone: HRVConformer, trees on measures, and one measure.

Out of fold on afdb and nsrdb, by subject; and on a half of mitdb and the strips of CinC 2017, which
nobody learnt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.answers import Answers
from einthoven.evaluation.label_scores import Difference, Estimate, difference, label_scores
from einthoven.record.errors import DataError
from einthoven.suites._suite import write_results
from einthoven.suites._waves_judge import percent, table
from einthoven.training import load_recipe
from einthoven.training._rr_data import SHORTEST

COMMAND = "einthoven evaluate --suite rr"
MODEL = "hrv-conformer"
TITLE = "Atrial fibrillation from the intervals between beats"
NOTE = (
    "Windows of five minutes; a window is AF where half of it or more is. Beats and rhythm are the "
    "publishers'; of afdb the beats are a detector's, not looked over. Subjects are divided into "
    "four folds, and each is answered by systems that learnt nobody of it; the recipe was not "
    "chosen on them. Flutter and junctional rhythm count as other. nsrdb is younger, healthy and "
    "recorded at 128 Hz, not 250: a system can tell it from afdb without knowing AF, so the figure "
    "to quote is that of afdb alone. Strips of CinC 2017 last 9 to 61 s: their intervals, of our "
    "own R peaks, are repeated until five minutes are full, which no system learnt to see; strips "
    f"called too noisy, or of fewer than {SHORTEST} intervals, are left out. The paper's own "
    "figures (AUROC .832 for brain injury of newborns, on recordings that are not public) are of "
    "another question and no yardstick."
)
SYSTEMS = {
    "HRVConformer": "answers.npz", "trees on 16 measures": "trees.npz",
    "RMSSD / mean interval": "one-measure.npz",
}  # fmt: skip
NETWORK, TREES, ONE = SYSTEMS
_SIDES = {
    "afdb": ("validation", ("afdb",)), "afdb and nsrdb": ("validation", ("afdb", "nsrdb")),
    "mitdb DS1": ("test", ("mitdb",)), "CinC 2017": ("test", ("cinc2017",)),
}  # fmt: skip
_DRAWS = 1000
_COLUMNS = (
    "windows of; system; windows; AF; subjects; with AF; AUROC; 95 %; F1; 95 %; sensitivity; "
    "specificity"
)
_BAR = np.array([0.5])

Said = Mapping[str, Answers]


def run(out: Path, runs: Path = Path("runs")) -> Mapping[str, Any]:
    """Judge the run ``runs/hrv-conformer``; write ``out/rr.json``.

    Where there is ``runs/hrv-conformer-long``, taught for more epochs, it is judged beside it.

    Raises
    ------
    DataError : the run is not here.
    """
    folder = runs / MODEL
    if not (folder / "metrics.json").is_file():
        raise DataError(
            folder, "is no finished run", f"Run: einthoven train {MODEL} --run {folder}"
        )
    said = {name: Answers.load(folder / file) for name, file in SYSTEMS.items()}
    costs, long = [_cost(folder)], runs / f"{MODEL}-long"
    if (long / "metrics.json").is_file():
        costs.append(_cost(long))
        said[f"{NETWORK}, {costs[1][-1]} epochs"] = Answers.load(long / SYSTEMS[NETWORK])
    tables, figures = judged(said)
    return write_results(
        out / "rr.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE, "figures": figures,
            "tables": [*tables, called(said), each(said), _costs(costs)],
        },
    )  # fmt: skip


def side(table: Answers, name: str) -> Answers:
    """Return the rows of one of `_SIDES`."""
    part, corpora = _SIDES[name]
    return table.where((table.part == part) & np.isin(table.corpus, corpora))


def judged(said: Said) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the table of systems, that of differences, and the figures of both."""
    rows, gaps, figures = [], [], dict[str, Any]()
    for name in _SIDES:
        parts = {system: side(given, name) for system, given in said.items()}
        parts = {system: given for system, given in parts.items() if len(given)}
        if NETWORK not in parts:
            continue
        for system, given in parts.items():
            row, found = _row(name, system, given)
            rows.append(row)
            figures[f"{name}, {system}"] = found
        networks = [system for system in parts if system not in (TREES, ONE)]
        for one, other, figure in (
            (n, o, f)
            for n in networks
            for o, f in ((TREES, "auroc"), (TREES, "f1"), (ONE, "auroc"))
        ):
            gap = difference(
                parts[one], parts[other], figure=figure, thresholds=(_BAR, _BAR), draws=_DRAWS
            )["AF"]
            gaps.append(_gap(name, one, other, figure, gap))
    title = "Network against trees, by subjects nobody learnt"
    note = (
        "Percent; intervals by bootstrap over subjects. F1, sensitivity and specificity where the "
        "probability is a half. RMSSD is no probability and learns nothing. Where two or three "
        "subjects have AF, as in mitdb's half, an interval says little."
    )
    against = "One set of draws for both; `tie` where the interval contains 0."
    return [
        table(title, note, _COLUMNS, rows),
        table(
            "The network less the others", against,
            "windows of; network; less; figure; points; 95 %; is", gaps,
        ),
    ], figures  # fmt: skip


def _row(name: str, system: str, given: Answers) -> tuple[list[Any], dict[str, Any]]:
    bar = _BAR if system != ONE else np.array([np.nan])
    scores = label_scores(given, bar, draws=_DRAWS)
    told = {figure: of[0] for figure, of in scores.by_class.items()}
    with_af = len(set(given.person[given.label[:, 0] == 1].tolist()))
    area, decided = told["auroc"], system != ONE
    row = [name, system, len(given), int(scores.positives[0]), scores.people, with_af,
           percent(area.value), _interval(area)]  # fmt: skip
    if decided:
        row += [percent(told["f1"].value), _interval(told["f1"])]
        row += [percent(told[k].value) for k in ("sensitivity", "specificity")]
    else:
        row += ["", "", "", ""]
    kept = ("auroc", "auprc", *(("f1", "sensitivity", "specificity") if decided else ()))
    return row, {key: told[key].to_dict() for key in kept}


def _interval(one: Estimate | Difference, sign: str = "") -> str:
    if one.low != one.low:
        return ""
    return f"{100 * one.low:{sign}.2f} to {100 * one.high:{sign}.2f}"


def _gap(name: str, one: str, other: str, figure: str, gap: Difference) -> list[Any]:
    verdict = "tie" if gap.tie else "better" if gap.value > 0 else "worse"
    words = {"auroc": "AUROC", "f1": "F1"}[figure]
    return [name, one, other, words, f"{100 * gap.value:+.2f}", _interval(gap, "+"), verdict]


def called(said: Said) -> dict[str, Any]:
    """Return the table of what is called AF, by the rhythm that most of a window is."""
    rows = []
    systems = [name for name in said if name != ONE]
    tables = [said[name] for name in systems]
    first = tables[0]
    for corpus in ("afdb", "nsrdb", "mitdb", "cinc2017"):
        for rhythm in sorted(set(first.domain[first.corpus == corpus].tolist())):
            of = [t.where((t.corpus == corpus) & (t.domain == rhythm)) for t in tables]
            shares = [percent(float(_choice(t).mean())) if len(t) else "" for t in of]
            rows.append([corpus, rhythm.removeprefix("("), len(of[0]), *shares])
    return table(
        "What is called AF", "Percent of the windows of each rhythm; a window has the commonest.",
        "; ".join(["corpus; rhythm; windows", *(f"by {name}" for name in systems)]), rows,
    )  # fmt: skip


def each(said: Said) -> dict[str, Any]:
    """Return the table of the records of afdb."""
    rows = []
    systems = [name for name in said if name != ONE]
    tables = [side(said[name], "afdb") for name in systems]
    first = tables[0]
    record = np.array([name.partition("@")[0] for name in first.record.tolist()])
    true = first.label[:, 0] == 1
    for name in np.unique(record).tolist():
        mine = record == name
        right = [percent(float((_choice(given)[mine] == true[mine]).mean())) for given in tables]
        rows.append([name, int(mine.sum()), int(true[mine].sum()), *right])
    return table(
        "Each record of afdb", "Percent of its windows that are called what they are.",
        "; ".join(["record; windows; AF", *(f"by {name}" for name in systems)]), rows,
    )  # fmt: skip


def _choice(given: Answers) -> npt.NDArray[np.bool_]:
    return np.asarray(given.logits[:, 0] > 0, np.bool_)


def _cost(run: Path) -> list[Any]:
    """Return numbers of the network, windows, seconds, seed and epochs of a run."""
    said = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    epochs = load_recipe(str(run / "recipe.toml")).optimiser.epochs
    told = [said[key] for key in ("parameters", "windows", "processor_seconds", "seed")]
    return ["" if value is None else value for value in (*told, epochs)]


def _costs(costs: list[list[Any]]) -> dict[str, Any]:
    return table(
        "Cost",
        "All folds of network and trees with the measures, seconds of one processor; not of a "
        "run whose networks were there before. The paper's network was taught for 1,800 epochs: "
        "what as many would bring here is not known.",
        "numbers in the network; windows; seconds; seed; epochs", costs,
    )  # fmt: skip
