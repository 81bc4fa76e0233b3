"""Every beat classifier on mitdb side by side: trains what is missing, then ``mitdb.json``.

The plan is `suites._plan`. One table a label set and protocol, as in ``beats.json``, with what
each system costs, its ROC curves and the ensembles beside it; then what augmentation adds, what is
held to and whether it was reached, and how each system stands other conditions of recording.
Where one of several is to be named, validation names it. The default model is not blind to the test
side all the same: what was known of it, and when, stands on the page (`report._mitdb_seen`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from einthoven._version import __version__
from einthoven.bundle import zoo_names
from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS2
from einthoven.evaluation import classification
from einthoven.evaluation.ensemble import KINDS, combine, validation_f1, weights
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.suites import _conditions, _control, _judge, _kept, _looks, _plan, _planned, beats
from einthoven.suites._cost import cost
from einthoven.suites._curves import curves
from einthoven.suites._ensembles import member, mixed_row
from einthoven.suites._mitdb_said import WORDS, figure_of
from einthoven.suites._patient_leak import patient_leaks
from einthoven.suites._plan import Item
from einthoven.suites._runs import Run, is_run, read_run
from einthoven.suites._suite import write_results

NAME = "mitdb.json"
COMMAND = "einthoven evaluate --suite mitdb"
ALTERED = "aami inter-patient"  # the table whose systems are asked under other conditions, too
# What the systems are held to: (table, which, class or figure, at least).
HELD = (
    ("aami intra-patient", "ensemble", "macro_f1", 0.965),
    ("aami intra-patient", "ensemble", "macro_sensitivity", 0.945),
    ("aami inter-patient", _plan.DEFAULT, "V", 0.95),
    ("aami inter-patient", _plan.DEFAULT, "S", 0.78),
    ("aami inter-patient", _plan.DEFAULT, "S without 232", 0.35),
)
HELD_OWN = (("V", 0.93), ("S", 0.72))  # behind our own R peaks, the default system
PUBLISHED = (
    "Published (Song et al. 2026, arXiv:2602.17701, mitdb, intra-patient): CNN-LSTM macro F1 "
    "0.951, accuracy 0.982; Top2-Weighted F1 0.958, precision 0.986, recall 0.934. Inter-patient: "
    "1-D Self-ONN with injected features F1 of V .952 and of S .823 (F and Q left out, RR "
    "intervals that look ahead)."
)


def _validation_f1(parts: Sequence[Predictions], over: Sequence[str]) -> float:
    """Return the macro F1 of the validation sides, mean over the trained models."""
    return float(np.mean([validation_f1(part, over) for part in parts]))


def _row(item: Item, runs: Sequence[Run], corpus: Corpus, recipe: str) -> dict[str, Any]:
    """Return the row of one system: as `beats.judge_runs`, with cost, ROC and validation F1."""
    row = beats.judge_runs(runs, corpus)
    over = beats.macro_over(item.labels, row["classes"], runs[0].protocol)
    row |= {
        "name": item.system, "variant": WORDS[item.variant], "command": COMMAND,
        "cost": cost(runs[0]), _kept.RECIPE: recipe,
        "validation_macro_f1": _validation_f1([r.predictions for r in runs], over),
    }  # fmt: skip
    # What it is worth that 201 is learnt from can show in 202 alone.
    if item.variant not in ("", "strict"):
        row.pop("by_record", None)
    parts = [r.predictions.of("test") for r in runs]
    return row | _more(parts, over, corpus, whole=not item.variant)


def _more(
    parts: Sequence[Predictions], over: Sequence[str], corpus: Corpus, *, whole: bool
) -> dict[str, Any]:
    """Return ROC figures (the curves too if `whole`) and macro sensitivity and predictivity."""
    found = curves(parts, over, corpus.subject)
    if not whole:
        found["classes"] = {
            c: {k: v for k, v in one.items() if k not in ("false", "true")}
            for c, one in found["classes"].items()
        }
    named = {
        "macro_sensitivity": classification.sensitivity,
        "macro_predictivity": classification.predictivity,
    }
    extra: dict[str, Any] = {"roc": found}
    index = [parts[0].classes.index(c) for c in over]
    matrices = [classification.confusion(p.label, p.choice, len(p.classes)) for p in parts]
    for name, figure in named.items():
        values = [float(np.nanmean(figure(m)[index])) for m in matrices]
        extra[name] = {"mean": float(np.mean(values)), "seeds": values}
    return extra


def ensembles(
    groups: Mapping[str, Sequence[Run]], corpus: Corpus, notes: list[str], how: str = ""
) -> list[dict[str, Any]]:
    """Return a row for each kind of ensemble of the four architectures, and of all that fit them.

    Parameters
    ----------
    groups : runs of one table by system, a seed each; only seeds that all members have are mixed.
    notes : an ensemble that is refused leaves a note here.
    how : they were trained, in words, if not as their recipes are.
    """
    four = {name: groups[name] for name in _plan.FOUR if name in groups}
    if len(four) < 2:
        return []
    first = next(iter(four.values()))[0]
    spec = InputSpec.from_dict(first.recipe["input"])
    fit = {
        name: runs for name, runs in groups.items()
        if InputSpec.from_dict(runs[0].recipe["input"]) == spec
    }  # fmt: skip
    pools = {", ".join(filter(None, ("four architectures", how))): four} | (
        {"all of one input": fit} if len(fit) > len(four) else {}
    )
    over = beats.macro_over(first.labels, first.predictions.classes, first.protocol)
    rows = []
    for pool, members in pools.items():
        seeds = set.intersection(*({r.seed for r in runs} for runs in members.values()))
        for kind in KINDS if seeds else ():
            given = [
                [member(n, next(r for r in runs if r.seed == seed)) for n, runs in members.items()]
                for seed in sorted(seeds)
            ]
            try:
                mixed = [combine(each, kind, over) for each in given]
                shares = [weights(each, kind, over) for each in given]
            except UsageError as fault:
                notes.append(f"{first.labels} {first.protocol}, {kind} of {pool}: {fault}")
                continue
            row = mixed_row(kind, list(members), sorted(seeds), mixed, first, corpus)
            row.pop("by_record", None)
            row["title"] += f", {how}" if how else ""
            row |= {
                "model": f"ensemble {kind} of {pool}", "variant": pool, "command": COMMAND,
                "weights": shares,
            }  # fmt: skip
            parts = [p.of("test") for p in mixed]
            rows.append(row | _more(parts, over, corpus, whole=False))
    return rows


def _control_row(
    plain: Mapping[str, Sequence[Run]], corpus: Corpus, runs: Path, *, train: bool
) -> list[dict[str, Any]]:
    """Return the row of untuned boosting on a network's own windows, fitted where it is not yet."""
    fit = [r[0] for r in plain.values() if (r[0].path / "split.json").is_file()]
    # The numbers that all have, and not what one network alone is told of the patient.
    first = min(fit, key=lambda run: len(run.recipe["input"].get("side", ())), default=None)
    if first is None or first.peaks != "reference":
        return []
    folder = runs / _control.name_of(first)
    if not is_run(folder) and not (train and corpus.present):
        return []
    control = _control.fit_control(first, corpus, folder)
    row = beats.judge_runs([control], corpus)
    row.pop("by_record", None)
    over = beats.macro_over(control.labels, row["classes"], control.protocol)
    row |= {"name": _looks.CONTROL, "command": COMMAND}
    row["validation_macro_f1"] = _validation_f1([control.predictions], over)
    return [row | _more([control.predictions.of("test")], over, corpus, whole=True)]


def tables(
    items: Sequence[Item], corpus: Corpus, runs: Path, notes: list[str], *, train: bool
) -> tuple[dict[str, Any], dict[str, list[Run]]]:
    """Return one table a label set and protocol; and the runs by system, as they are, of `ALTERED`.

    The answers of one table at a time are in memory.
    """
    recipes = _kept.digests(items, runs, lambda i: i.recipe.name)
    groups: dict[str, dict[tuple[str, str], list[Item]]] = {}
    for item in items:
        if item.finished and item.system != _plan.GENERATOR:
            groups.setdefault(_key(item), {}).setdefault((item.system, item.variant), []).append(
                item
            )
    found: dict[str, Any] = {}
    asked: dict[str, list[Run]] = {}
    for key in sorted(groups):
        # What ensembles are made of: systems as their recipes are, by their authors' method, and
        # where both leads are eaten.
        mixed: dict[str, dict[str, list[Run]]] = {"": {}, _plan.METHOD: {}, _plan.LEADS: {}}
        rows = []
        for (system, variant), members in sorted(groups[key].items(), key=_order):
            trained = [read_run(item.folder) for item in members]
            rows.append(_row(members[0], trained, corpus, recipes[members[0].recipe.name]))
            if variant in mixed:
                mixed[variant][system] = trained
        plain = mixed[""]
        if not plain:
            continue
        rows += _control_row(plain, corpus, runs, train=train)
        for variant, pool in mixed.items():
            # Of the four as planned, whichever are here: with fewer it is no other recipe.
            four = [
                recipes[i.recipe.name] for i in items
                if i.system in _plan.FOUR and i.variant == variant and _key(i) == key
            ]  # fmt: skip
            told = {_kept.RECIPE: " ".join(dict.fromkeys(four))}
            rows += [row | told for row in ensembles(pool, corpus, notes, WORDS[variant])]
        first = next(iter(plain.values()))[0]
        rows.append(beats.majority_row([first], corpus))
        classes = first.predictions.classes
        found[key] = beats.one_table(corpus.name, first.labels, first.protocol, classes, rows)
        if key == ALTERED:
            asked = plain
    return found, asked


def _key(item: Item) -> str:
    """Return the name of the table that a run stands in."""
    return f"{item.labels} {_plan.PROTOCOL[item.side]}"


def _order(entry: tuple[tuple[str, str], Any]) -> tuple[int, int]:
    (system, variant), _ = entry
    return _plan.SYSTEMS.index(system), list(_plan.VARIANTS).index(variant)


def held_to(found: Mapping[str, Any], conditions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each figure that is held to, ours, and whether it was reached.

    Of several ensembles that of the best validation macro F1 speaks for all, among those of most
    seeds: the best of one seed is not better than a mean.
    """
    rows = []
    for table, which, figure, least in HELD:
        systems = found.get(table, {}).get("systems", [])
        # A shipped model is one trained model of its system, whose mean over seeds counts here.
        # The variant of an ensemble is its pool, that of a system another training.
        chosen = [
            s for s in systems
            if which in (s["kind"], s["name"]) and s["kind"] != "shipped"
            and (s["kind"] == "ensemble" or not s["variant"])
        ]  # fmt: skip
        if not chosen:
            continue
        most = max(len(s["runs"]) for s in chosen)
        best = max(
            (s for s in chosen if len(s["runs"]) == most),
            key=lambda s: (s["validation_macro_f1"], s["title"]),
        )
        rows.append(
            _held(table, best["title"], figure, least, len(best["runs"]), figure_of(best, figure))
        )
    own = conditions.get("systems", {}).get(_plan.DEFAULT, {}).get(_conditions.OWN)
    for label, least in HELD_OWN if own else ():
        table = "aami inter-patient, own R peaks"
        rows.append(_held(table, _plan.DEFAULT, label, least, 1, own["f1"][label]))
    return rows


def _held(
    table: str, system: str, figure: str, least: float, seeds: int, ours: float | None
) -> dict[str, Any]:
    return {
        "table": table, "system": system, "figure": figure, "least": least, "seeds": seeds,
        "ours": ours, "reached": ours is not None and ours >= least,
    }  # fmt: skip


def _kept_tables(found: dict[str, Any], was: Mapping[str, Any]) -> list[str]:
    """Put in the rows of an earlier results file that none of now replaces; return how many."""
    names = []
    for key, table in was.items():
        now = found.get(key, {"systems": []})
        rows = _kept.rows(
            now["systems"], table["systems"],
            key=lambda r: (r["kind"], r["name"], r["variant"]),
            seeds=lambda r: len(r["runs"]) * len(r.get("members", "1")),
        )  # fmt: skip
        told = table | now
        found[key] = beats.one_table(
            told["corpus"], told["labels"], told["protocol"], told["classes"], rows
        )
        count = sum(_kept.KEPT in r for r in rows)
        names += [f"{key} ({count} rows)"] * (count > 0)
    return names


def _missing(items: Sequence[Item], found: Mapping[str, Any]) -> list[str]:
    """Return the titles of the runs that neither are here nor were judged before."""
    judged = {
        (table["labels"], table["protocol"], r["name"], r["variant"], one["seed"])
        for table in found.values() for r in table["systems"] for one in r["runs"]
    }  # fmt: skip
    return _planned.missing(
        [
            i for i in items
            if (i.labels, _plan.PROTOCOL[i.side], i.system, WORDS[i.variant], i.seed) not in judged
        ]
    )  # fmt: skip


def run(
    out: Path, *, runs: Path = Path("runs"), root: Path | None = None, train: bool = True
) -> dict[str, Any]:
    """Train what is missing, judge, write ``mitdb.json``, and return what was written.

    Parameters
    ----------
    out : the results folder; each first look at DS2 is counted in its ``looks.json``.
    runs : where the run folders lie, and new ones are written.
    root : the data root.
    train : whether to train what is missing; else what is there is judged.

    Raises
    ------
    DataError : nothing is trained, or there are no recordings to train on.
    """
    items, notes = _plan.plan(runs)
    corpus = open_corpus("mitdb", root)
    if train and not all(item.finished for item in items):
        corpus.at_hand()
        notes += _planned.train_missing(items)
    notes += _planned.strange(items)
    if not any(item.finished for item in items):
        raise DataError(runs, "holds no run of the plan", f"Train first: {COMMAND}")
    found, plain = tables(items, corpus, runs, notes, train=train)
    for table in found.values():
        if table["protocol"] == "inter-patient":
            beats.count_looks(out, table["systems"], corpus.name, COMMAND)
    if set(DS2) <= set(corpus.present):
        beats.add_shipped(found, corpus, out, COMMAND)
    was = _kept.earlier(out / NAME)
    notes += _kept.note(_kept_tables(found, was.get("tables", {})))
    conditions: dict[str, Any] = {}
    if plain and set(DS2) <= set(corpus.present):
        conditions = _conditions.table(plain, corpus, DS2, out, COMMAND)
    if "systems" in was.get("conditions", {}):
        conditions = was["conditions"] | conditions
        conditions["systems"] = was["conditions"]["systems"] | conditions["systems"]
    results = {
        "suite": "mitdb", "einthoven": __version__, "command": COMMAND, "published": PUBLISHED,
        "intervals": {
            "level": 0.95, "draws": _judge.DRAWS,
            "kind": "percentile bootstrap; of areas under ROC curves over beats DeLong's",
        },
        "notes": notes, "missing": _missing(items, found), "tables": found,
        "default": {"name": _plan.DEFAULT} if _plan.DEFAULT in zoo_names() else {},
        "held_to": held_to(found, conditions), "conditions": conditions,
        "patient_leaks": was.get("patient_leaks", {}) | patient_leaks(plain, notes),
    }  # fmt: skip
    return write_results(out / NAME, results)
