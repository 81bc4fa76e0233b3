"""Every twelve-lead system on PTB-XL's superclasses side by side: trains, then ``twelve.json``.

The plan is `suites._twelve_plan`. All of it is judged out of fold in folds 1 to 8, where also
whatever is chosen is chosen: each system, what its parts bring, and what is lost where a device or
site was never seen. Fold 9 and the small sources are test sides: they are scored only when asked
for (``--test-side``), last, and each look is counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from einthoven._version import __version__
from einthoven.bundle import load_model
from einthoven.corpora import open_corpus
from einthoven.record.errors import DataError
from einthoven.suites import (
    _kept,
    _looks,
    _planned,
    _twelve_control,
    _twelve_judge,
    _twelve_plan,
    _twelve_tables,
)
from einthoven.suites._kept import Row
from einthoven.suites._suite import write_results
from einthoven.suites._twelve_judge import Told, difference, figures, read, together
from einthoven.suites._twelve_plan import (
    FLAGSHIP,
    FUSION,
    PARTNER,
    PROBE,
    RIVAL,
    SYSTEMS,
    TREES,
    Item,
)
from einthoven.suites._twelve_tables import seeds
from einthoven.training._record_run import identity

NAME = "twelve.json"
COMMAND = "einthoven evaluate --suite twelve"
MAJORITY = "majority"
# (system or the best of at most a million numbers, trial, macro AUROC at least, and hoped for)
HELD = (
    ("one model", "out-of-fold", 0.935, 0.94), ("one model", "fold-9", 0.92, None),
    (FUSION, "out-of-fold", 0.94, 0.95), (FUSION, "fold-9", 0.926, 0.935),
)  # fmt: skip
_MOST = 1_000_000
_FEW = 20  # records of a domain below which no gap of its own is told
# What leaves out a domain, and what knows it.
_LEFT_OUT = {
    "device": "out-of-fold", "site": "out-of-fold", "source": "pooled",
    _twelve_plan.NINE: _twelve_plan.NINE_KNOWN,
}  # fmt: skip
_TEST_SIDES = ("fold-9", "source", "pooled", _twelve_plan.NINE, _twelve_plan.NINE_KNOWN)
_WHOLE = ("out-of-fold", "fold-9")

Recipes = Mapping[tuple[str, str], str]  # (system and variant, trial) -> its digest
Models = Mapping[tuple[str, str], list[Told]]  # (system and variant, trial) -> a model a seed


def collect(items: Sequence[Item], test: bool) -> dict[tuple[str, str], list[Told]]:
    """Return what each system said in each trial: a model a seed that has all of its parts.

    Parameters
    ----------
    test : whether fold 9 and the small sources are opened.
    """
    groups: dict[tuple[str, str, int], list[Item]] = {}
    for item in items:
        if test or item.trial not in _TEST_SIDES:
            groups.setdefault((item.recipe.name, item.trial, item.seed), []).append(item)
    found: dict[tuple[str, str], list[Told]] = {}
    for (name, trial, _), members in groups.items():
        if not all(item.finished for item in members):
            continue
        found.setdefault((name, trial), []).append(together([read(i.folder) for i in members]))
        if name == FUSION:
            net = together([read(i.folder / "net") for i in members])
            found.setdefault((PARTNER, trial), []).append(net)
    return found


def _parameters(items: Sequence[Item]) -> dict[str, int]:
    """Return how many numbers, or nodes of trees, each system has; of its first finished run."""
    found: dict[str, int] = {}
    for item in (i for i in items if i.finished and i.recipe.name not in found):
        for name, folder in ((item.recipe.name, item.folder), (PARTNER, item.folder / "net")):
            if (folder / "metrics.json").is_file():
                text = (folder / "metrics.json").read_text(encoding="utf-8")
                found.setdefault(name, int(json.loads(text)["parameters"]))
    return found


def _systems(items: Sequence[Item], models: Models, recipes: Recipes) -> list[dict[str, Any]]:
    """Return a row for each system: out of fold, on fold 9, and against the trees and the rival."""
    count, rows = _parameters(items), []
    published = {
        i.system: dict(i.recipe.published) if i.system != PROBE else {} for i in items
    }  # fmt: skip
    titles = {i.system: i.recipe.title for i in items}
    for system in (*SYSTEMS, PARTNER):
        row: dict[str, Any] = {
            "name": system, "title": titles.get(system, "Inception1d on the median beat"),
            _kept.RECIPE: recipes[FUSION if system == PARTNER else system, "out-of-fold"],
            "published": published.get(system, {}), "parameters": count.get(system),
        }  # fmt: skip
        for trial in _WHOLE:
            mine = models.get((system, trial))
            if mine:
                row[trial] = figures(mine)
                for other in (TREES, RIVAL):
                    theirs = models.get((other, trial))
                    if theirs and other != system:
                        row[f"{trial} less {other}"] = difference(mine, theirs)
        if "out-of-fold" in row or "fold-9" in row:
            rows.append(row)
    for trial in _WHOLE:
        first = next((m for (_, t), m in models.items() if t == trial), None)
        if first:
            same = _twelve_control.majority(first[0].answers)
            told = figures([Told(answers=same, sure=same, raw=same)], draws=0)
            if not any(r["name"] == MAJORITY for r in rows):
                rows.append({"name": MAJORITY, "title": "The same for all", "published": {},
                             "parameters": 0})  # fmt: skip
            rows[-1][trial] = told
    return rows


def _domains(models: Models, recipes: Recipes) -> list[dict[str, Any]]:
    """Return what is lost where a domain was never seen: the flagship, its rival and the trees."""
    rows = []
    for trial, inside in _LEFT_OUT.items():
        for system in (FLAGSHIP, RIVAL, TREES):
            strange, known = models.get((system, trial)), models.get((system, inside))
            if not strange:
                continue
            row: dict[str, Any] = {
                "left_out": trial, "system": system,
                _kept.RECIPE: f"{recipes[system, trial]} {recipes[system, inside]}",
                "strange": figures(strange),
                "gap": difference(known, strange) if known else None,
            }  # fmt: skip
            for against, other in (("less rival", RIVAL), ("less trees", TREES)):
                if system == FLAGSHIP and models.get((other, trial)):
                    row[against] = difference(strange, models[other, trial])
            domains = np.unique(strange[0].answers.domain).tolist()
            row["domains"] = {d: _domain(d, strange, known) for d in domains}
            rows.append(row)
    return rows


def _told(
    rows: Sequence[Mapping[str, Any]], domains: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the macro AUROC of each system by what it was tried on."""
    told = {r["name"]: {t: r[t]["macro"]["auroc"] for t in _WHOLE if t in r} for r in rows}
    for row in domains:
        of = told.setdefault(row["system"], {})
        of[f"{row['left_out']} left out"] = row["strange"]["macro"]["auroc"]
    return told


def _domain(name: str, strange: Sequence[Told], known: Sequence[Told] | None) -> dict[str, Any]:
    """Return the figures of one domain left out, and the gap on the same records."""
    mine = [m.where(m.answers.domain == name) for m in strange]
    enough = len(mine[0].answers) >= _FEW
    return {
        "strange": figures(mine, draws=200),
        "gap": difference(known, mine, draws=200) if known and enough else None,
    }  # fmt: skip


def _ablation(models: Models, recipes: Recipes) -> list[dict[str, Any]]:
    """Return the flagship without each part: figures, and the whole less the part taken out."""
    rows = []
    for variant in ("", *_twelve_plan.VARIANTS):
        name = "-".join(p for p in (FLAGSHIP, variant) if p)
        row: dict[str, Any] = {
            "variant": variant or "whole", _kept.RECIPE: recipes[name, "out-of-fold"],
        }  # fmt: skip
        trained = []
        for trial in ("out-of-fold", "device"):
            mine, whole = models.get((name, trial)), models.get((FLAGSHIP, trial))
            if mine and whole:
                row[trial] = figures(mine)["macro"]["auroc"]
                trained.append(len(mine))
                if variant:
                    # The same chance on both sides: seeds that both have.
                    n = min(len(mine), len(whole))
                    row[f"{trial} brings"] = difference(whole[:n], mine[:n])
        if trained:
            rows.append(row | {"seeds": min(trained)})
    return rows


def _held(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each figure that is held to, ours, and whether it was reached.

    Of models of at most a million numbers the best out of fold speaks; a fusion is no one model.
    """
    small = [
        r for r in rows
        if "out-of-fold" in r and 0 < (r["parameters"] or 0) <= _MOST
        and r["name"] not in (FUSION, MAJORITY)
    ]  # fmt: skip
    found = []
    for which, trial, least, hoped in HELD:
        rank = max(small, key=lambda r: r["out-of-fold"]["macro"]["auroc"]["value"], default=None)
        row = rank if which == "one model" else next((r for r in rows if r["name"] == which), None)
        if row is not None:
            ours = row[trial]["macro"]["auroc"]["value"] if trial in row else None
            found.append(
                {
                    "which": which, "system": row["name"], "trial": trial, "least": least,
                    "hoped": hoped, "ours": ours, "reached": ours is not None and ours >= least,
                }
            )  # fmt: skip
    return found


def _missing(
    items: Sequence[Item], rows: Sequence[Row], domains: Sequence[Row], ablation: Sequence[Row]
) -> list[str]:
    """Return the titles of the runs that neither are here nor were judged before."""
    judged = {(r["name"], t): seeds(r[t]) for r in rows for t in _WHOLE if t in r}
    for row in domains:
        judged[row["system"], row["left_out"]] = seeds(row["strange"])
        inside = _LEFT_OUT[row["left_out"]]
        if inside not in _WHOLE and row["gap"]:
            judged[row["system"], inside] = seeds(row["strange"])
    for row in ablation:
        name = f"{FLAGSHIP}-{row['variant']}"
        judged |= {(name, t): row.get("seeds", 1) for t in ("out-of-fold", "device") if t in row}
    count = {seed: place for place, seed in enumerate(_twelve_plan.SEEDS)}
    left = [i for i in items if count[i.seed] >= judged.get((i.recipe.name, i.trial), 0)]
    return _planned.missing(left)


def _count(out: Path, models: Models) -> None:
    """Write down each look at a test side."""
    for (name, trial), told in models.items():
        if trial not in _TEST_SIDES:
            continue
        for model in told:
            side = "ptbxl fold 9" if trial == "fold-9" else f"small sources, {trial}"
            _looks.count(
                out, system=name, side=side, answers=_twelve_judge.fingerprint(model.answers),
                why=_twelve_tables.WHY, command=f"{COMMAND} --test-side",
            )  # fmt: skip


def _shipped(items: Sequence[Item], was: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return the bundle of the package, if it was made of a run that is judged, now or before."""
    bundle = load_model(FUSION)
    if was and was["sha256"] == bundle.sha256:
        return was
    for item in items:
        shipped = (item.system, item.trial) == (FUSION, "fold-9") and item.finished
        if shipped and identity(item.folder) == bundle.card.run:
            return {"name": bundle.card.name, "sha256": bundle.sha256}
    return None


def run(
    out: Path, *, runs: Path = Path("runs"), root: Path | None = None, train: bool = True,
    test: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Train what is missing, judge, write ``twelve.json``, and return what was written.

    Parameters
    ----------
    out : the results folder; each look at a test side is counted in its ``looks.json``.
    runs : where the run folders lie, and new ones are written.
    root : the data root.
    train : whether to train what is missing; else what is there is judged.
    test : whether fold 9 and the small sources are scored, too.

    Raises
    ------
    DataError : nothing is trained, or there are no recordings to train on.
    """
    items = _twelve_plan.plan(runs)
    notes: list[str] = []
    if train and not all(item.finished for item in items):
        open_corpus("ptbxl", root).at_hand()
        notes += _planned.train_missing(items, _twelve_plan.train)
    notes += _planned.strange(items)
    models = collect(items, test)
    if not models:
        raise DataError(runs, "holds no trial of the plan that is whole", f"Train first: {COMMAND}")
    if test:
        _count(out, models)
    recipes = _kept.digests(items, runs, lambda i: (i.recipe.name, i.trial))
    was = _kept.earlier(out / NAME)
    rows = _kept.rows(
        _systems(items, models, recipes), was.get("systems", []),
        key=lambda r: r["name"], seeds=lambda r: min(seeds(r[t]) for t in _WHOLE if t in r),
    )  # fmt: skip
    domains = _kept.rows(
        _domains(models, recipes), was.get("domains", []),
        key=lambda r: (r["left_out"], r["system"]), seeds=lambda r: seeds(r["strange"]),
    )  # fmt: skip
    ablation = _kept.rows(
        _ablation(models, recipes), was.get("ablation", []),
        key=lambda r: r["variant"], seeds=lambda r: r.get("seeds", 1),
    )  # fmt: skip
    held = _held(rows)
    notes += _kept.note(
        [r["name"] for r in rows if _kept.KEPT in r]
        + [f"{r['system']}, each {r['left_out']} left out" for r in domains if _kept.KEPT in r]
        + [f"{FLAGSHIP}, {r['variant']}" for r in ablation if _kept.KEPT in r]
    )
    opened = any("fold-9" in r for r in rows)
    results = {
        "suite": "twelve", "title": "Twelve leads: superclasses of PTB-XL",
        "einthoven": __version__, "command": COMMAND + (" --test-side" if test else ""),
        "note": _twelve_tables.note(items, opened, _looks.read(out)),
        "intervals": {
            "level": 0.95, "draws": _twelve_judge.DRAWS, "kind": "percentile bootstrap over people",
        },
        "model": _shipped(items, was.get("model")),
        "tables": _twelve_tables.tables(rows, domains, ablation, held),
        "figures": _told(rows, domains),
        "systems": rows, "domains": domains, "ablation": ablation, "held_to": held,
        "notes": notes, "missing": _missing(items, rows, domains, ablation),
    }  # fmt: skip
    return write_results(out / NAME, results)
