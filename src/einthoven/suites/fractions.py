"""How few labels are enough: the same systems taught by a share of PTB-XL's patients.

Shares of one draw are nested, and the draw is the seed of all other chance, too. Every run learns
from as many windows in all, whatever its share: what is compared is the labels and not the steps.
Taught networks have no label more than the others: trees on the measurements of the same share tell
them what they think of those records of folds 1 to 7 whose labels are hidden. Some learn in noise,
too: what that costs on recordings as they are is seen here, what it brings by ``robustness``.
Folds 1 to 7 are shared out and fold 8 judges. The last epoch is kept, but fold 8 had a say in how
networks drop out and how many records are noisy, so its figures are somewhat hopeful; fold 9 is
scored only when asked for (``--test-side``), and each look is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from einthoven._version import __version__
from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.protocols.label_fraction import PERCENTS
from einthoven.record.errors import DataError
from einthoven.suites import _looks, _planned, _twelve_judge
from einthoven.suites._suite import write_results
from einthoven.suites._twelve_judge import Told, difference, figures
from einthoven.suites._twelve_plan import HARDENED, LEARNER, NOISY, TREES, Item
from einthoven.training._recipe import load_recipe

NAME = "fractions.json"
COMMAND = "einthoven evaluate --suite fractions"
OURS = (LEARNER, HARDENED, "beat-net")
# System -> recipe and what is changed of it. The last is the control, trees on measurements: a
# network below it has shown nothing. They are trained first, for they teach.
SYSTEMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        LEARNER: ("beat-net",),
        HARDENED: ("beat-net", NOISY),
        "beat-net": ("beat-net",),
        "resnet1d-wang-taught-noise": ("resnet1d-wang", NOISY),
        "resnet1d-wang": ("resnet1d-wang",),
        TREES: (TREES,),
    }
)
SEEDS = (0, 1, 2)
ENOUGH = 0.99  # of the score with all labels
HELD = 35  # % of the patients with which BEAT-Net is to keep that
_FULL = max(PERCENTS)
_WINDOWS = 1984  # an epoch: 31 batches of 64, as many as the whole training side gives

# (system, percent) -> a model by draw.
Models = Mapping[tuple[str, int], Mapping[int, Told]]


def plan(runs: Path, seeds: Sequence[int] = SEEDS) -> list[Item]:
    """Return all runs in the order of training: a whole draw after the other, all labels first.

    A run folder is ``fractions/SYSTEM/PERCENT/seed-K``.
    """
    items = []
    for seed in seeds:
        for percent in sorted(PERCENTS, reverse=True):
            for system, (recipe, *sets) in reversed(list(SYSTEMS.items())):
                if "taught" in system:
                    sets.append(f'objective.teacher="{_folder(runs, TREES, percent, seed)}"')
                sets += [
                    'protocol.name="label-fraction"', f"protocol.percents=[{percent}]",
                    f"optimiser.beats={_WINDOWS}", f"seeds=[{seed}]",
                ]  # fmt: skip
                items.append(
                    Item(
                        system=system, variant="", trial="label-fraction", part=f"{percent} %",
                        seed=seed, stage=seed, folder=_folder(runs, system, percent, seed),
                        recipe=load_recipe(recipe, sets),
                    )
                )  # fmt: skip
    return items


def _folder(runs: Path, system: str, percent: int, seed: int) -> Path:
    return runs / "fractions" / system / str(percent) / f"seed-{seed}"


def collect(items: Sequence[Item], side: str) -> Models:
    """Return what the finished runs said of a side, ``validation`` or ``test``.

    Trees that were grown anew on the validation side have labels there that the others have not:
    of the test side they are not asked.
    """
    found: dict[tuple[str, int], dict[int, Told]] = {}
    for item in items:
        again = side == "test" and item.recipe.model.arguments.get("refit", False)
        if item.finished and not again:
            table = Answers.load(item.folder / "answers.npz").of(side)
            percent = int(item.part.partition(" ")[0])
            # Nothing is said by thresholds here.
            told = Told(answers=table, sure=table, raw=table)
            found.setdefault((item.system, percent), {})[item.seed] = told
    return found


def curve(models: Models, system: str) -> list[dict[str, Any]]:
    """Return a row a share: macro AUROC, and what is lost against all labels.

    ``kept`` is the score as a part of that with all labels, each the mean over the draws that have
    both; ``less`` the difference from it, paired by draw.
    """
    rows = []
    for percent in PERCENTS:
        mine = models.get((system, percent))
        if mine is None:
            continue
        score = figures(list(mine.values()))["macro"]["auroc"]
        row: dict[str, Any] = {"percent": percent, "draws": len(mine), "macro_auroc": score}
        here, full = _paired(mine, models.get((system, _FULL), {}))
        if here:
            row["kept"] = float(np.mean([_macro(m) for m in here]))
            row["kept"] /= float(np.mean([_macro(m) for m in full]))
            gap = difference(here, full)
            row["less"] = gap and gap["macro"]
        rows.append(row)
    return rows


def _paired(one: Mapping[int, Told], other: Mapping[int, Told]) -> tuple[list[Told], list[Told]]:
    """Return the models of the draws that both have, in one order."""
    both = sorted(set(one) & set(other))
    return [one[k] for k in both], [other[k] for k in both]


def _macro(told: Told) -> float:
    return float(figures([told], draws=0)["macro"]["auroc"]["value"])


def enough(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the least share from which on every larger one keeps 99 % of the full score."""
    found = None
    for row in reversed(rows):
        if row.get("kept", 0.0) < ENOUGH:
            break
        found = int(row["percent"])
    return found


def _table(title: str, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    body = []
    for system, rows in curves.items():
        for row in rows:
            score, less = row["macro_auroc"], row.get("less")
            body.append(
                [
                    system, row["percent"], row["draws"],
                    f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]",
                    f"{100 * row['kept']:.1f}" if "kept" in row else "",
                    f"{less['value']:+.3f} [{less['low']:+.3f}, {less['high']:+.3f}]"
                    if less else "",
                ]
            )  # fmt: skip
    columns = ["system", "% of patients", "draws", "macro AUROC", "% kept", "less all labels"]
    return {"title": title, "note": "", "columns": columns, "rows": body}


def _beside(title: str, models: Models, ours: str) -> dict[str, Any]:
    """Return one of our systems less each other one at the same share, paired by record."""
    body = []
    for percent in PERCENTS:
        mine = models.get((ours, percent))
        for other in [s for s in SYSTEMS if s != ours]:
            here, theirs = _paired(mine or {}, models.get((other, percent), {}))
            gap = difference(here, theirs) if here else None
            if gap:
                less = gap["macro"]
                said = f"{less['value']:+.3f} [{less['low']:+.3f}, {less['high']:+.3f}]"
                word = "tie" if less["tie"] else "better" if less["value"] > 0 else "worse"
                body.append([percent, other, said, word])
    columns = ["% of patients", f"{ours} less", "macro AUROC", "is"]
    return {"title": title, "note": "", "columns": columns, "rows": body}


def run(
    out: Path, *, runs: Path = Path("runs"), root: Path | None = None, train: bool = True,
    test: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Train what is missing, judge, write ``fractions.json``, and return what was written.

    A run that was stopped goes on where it stopped, and one that is finished is left alone.

    Parameters
    ----------
    out : the results folder; each look at fold 9 is counted in its ``looks.json``.
    runs : where the run folders lie, and new ones are written.
    root : the data root.
    train : whether to train what is missing; else what is there is judged.
    test : whether fold 9 is scored, too.

    Raises
    ------
    DataError : nothing is trained, or there are no recordings to train on.
    """
    items = plan(runs)
    notes = _planned.strange(items)
    if train and not all(item.finished for item in items):
        open_corpus("ptbxl", root).at_hand()
        notes += _planned.train_missing(items)
    if not any(item.finished for item in items):
        raise DataError(runs, "holds no run of the plan", f"Train first: {COMMAND}")
    sides = {"fold 8": "validation"} | ({"fold 9": "test"} if test else {})
    curves: dict[str, dict[str, Any]] = {}
    tables = []
    for name, side in sides.items():
        models = collect(items, side)
        if side == "test":
            _count(out, models)
        curves[name] = {s: curve(models, s) for s in SYSTEMS if any(k[0] == s for k in models)}
        tables += [
            _table(f"Macro AUROC on {name}", curves[name]),
            *(_beside(f"{ours} beside the others on {name}", models, ours) for ours in OURS),
        ]
    least = {
        name: {system: enough(rows) for system, rows in each.items()}
        for name, each in curves.items()
    }
    results = {
        "suite": "fractions", "title": "How few labels are enough: superclasses of PTB-XL",
        "einthoven": __version__, "command": COMMAND + (" --test-side" if test else ""),
        "note": (
            "Patients of folds 1 to 7 by share, nested; every run learns from as many windows. "
            "Intervals of 95 % are over people, of the mean over the draws. Taught: trees on the "
            "measurements of the same share say what they think of the records whose labels are "
            "hidden, and a quarter of the records is learnt in noise. How large that quarter is, "
            "and dropout, fold 8 helped to choose. % kept is of draws that have both shares."
        ),
        "tables": [table for table in tables if table["rows"]],
        "curves": curves, "percent_for_99": least, "figures": _figures(curves),
        "held_to": _held(curves),
        "notes": notes,
        "missing": [f"{i.system} {i.part} seed {i.seed}" for i in items if not i.finished],
    }  # fmt: skip
    return write_results(out / NAME, results)


def _held(curves: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return by side and system of ours whether `HELD` % of the patients keep `ENOUGH`."""
    found = []
    for side, each in curves.items():
        for system in OURS:
            kept = [r["kept"] for r in each.get(system, ()) if r["percent"] == HELD and "kept" in r]
            found += [
                {"side": side, "system": system, "percent": HELD, "least": ENOUGH, "kept": k,
                 "reached": k >= ENOUGH}
                for k in kept
            ]  # fmt: skip
    return found


def _figures(curves: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return by system what is kept of the full score at the share that is held to."""
    found: dict[str, dict[str, Any]] = {}
    for side, each in curves.items():
        for system, rows in each.items():
            for row in rows:
                if row["percent"] == HELD and "kept" in row:
                    found.setdefault(system, {})[f"kept, {side}"] = {"value": row["kept"]}
    return found


def _count(out: Path, models: Models) -> None:
    """Write down each look at fold 9."""
    for (system, percent), told in models.items():
        for model in told.values():
            _looks.count(
                out, system=f"{system}, {percent} % of the labels", side="ptbxl fold 9",
                answers=_twelve_judge.fingerprint(model.answers), why="trained model, a draw",
                command=f"{COMMAND} --test-side",
            )  # fmt: skip
