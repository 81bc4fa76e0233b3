"""Beat classifiers under both protocols, side by side: ``results/beats.json`` from run folders.

Trains nothing: every figure is computed again from the answers that the runs kept. One table a
label set and protocol, the intra-patient one marked as leaky; in each the control that always says
the commonest class. The gap between the two protocols stands in a table of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from einthoven._version import __version__
from einthoven.corpora import Corpus, open_corpus
from einthoven.record.errors import DataError
from einthoven.suites import _judge, _looks
from einthoven.suites._runs import Run, find_runs
from einthoven.suites._suite import write_results

NAME = "beats.json"

LEAKY = (
    "Leaky: beats of one patient stand in training and in test, so this says nothing about new "
    "patients. It is here because most published figures are of this kind."
)
SHARED = (
    "Records 201 (training side) and 202 (test side) are one subject; rows marked strict train "
    "without 201."
)
# In DS2 three quarters of the S beats are of this one record.
HEAVY = "232"


def protocol_note(protocol: str, labels: str) -> str:
    """Return what must be said beside every score of a protocol."""
    if protocol == "intra-patient":
        return LEAKY
    notes = [SHARED]
    if labels.startswith("aami"):
        notes.append(
            f"Record {HEAVY} holds 1,382 of the 1,837 S beats of DS2 and record 213 holds 362 of "
            f"its 388 F beats: S is given with and without {HEAVY}, and F is one patient's figure."
        )
    return " ".join(notes)


def macro_over(labels: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that macro F1 is the mean of."""
    return tuple(c for c in _judge.MACRO[labels.removesuffix("-bxb")] if c in classes)


def variant(run: Run) -> str:
    """Return what sets a run apart from others of its recipe, in words; may be empty."""
    words = ["strict: trained without 201"] if run.strict else []
    if run.peaks != "reference":
        words.append("own R peaks")
    return ", ".join(words)


def judge_runs(runs: Sequence[Run], corpus: Corpus, *, part: str = "test") -> dict[str, Any]:
    """Return one row of a table: the runs of one recipe, a seed each.

    Parameters
    ----------
    runs : of one recipe.
    corpus : tells who was recorded.
    part : which side is judged.
    """
    first = runs[0]
    parts = [r.predictions.of(part) for r in runs]
    if any(len(p) == 0 for p in parts):
        raise DataError(first.path, f"has no answer on the {part} side", "Train it again")
    counted = [_judge.count(p, corpus.subject) for p in parts]
    over = macro_over(first.labels, first.predictions.classes)
    row: dict[str, Any] = {
        "name": first.name, "title": first.recipe.get("title", first.name),
        "paper": first.recipe.get("paper", ""), "model": first.model,
        "kind": "boosting" if first.trees else "network", "variant": variant(first),
        "parameters": first.parameters, "n": counted[0].matrices.sum(),
        "subjects": len(counted[0].subjects),
        "records": len({str(r) for r in parts[0].record}),
        "unlabelled": sum(int((p.label < 0).sum()) for p in parts) / len(parts),
        "published": dict(first.recipe.get("published", {})),
        "command": f"einthoven train {first.name}",
        "figures": _judge.figures(counted, over), "trust": _judge.trust(parts),
        "runs": [
            {
                "seed": r.seed, "run": r.path.name, "answers": _looks.fingerprint(p),
                "confusion": c.matrices.sum(axis=0),
            }
            for r, p, c in zip(runs, parts, counted, strict=True)
        ],
    }  # fmt: skip
    if "S" in over:
        row["by_record"] = _judge.by_record(parts, ("S", "V"))
        heavy = corpus.subject(HEAVY)
        if heavy in counted[0].subjects and len(counted[0].subjects) > 1:
            rest = [c.without(heavy) for c in counted]
            row["without"] = {HEAVY: _judge.figures(rest, over)}
    return row


def majority_row(runs: Sequence[Run], corpus: Corpus) -> dict[str, Any]:
    """Return the row of the control that says the commonest class of the validation side."""
    first = runs[0]
    known = first.predictions.of("validation")
    counts = _judge.support_of(_judge.count(known, corpus.subject))
    commonest = max(counts, key=lambda c: counts[c]) if any(counts.values()) else "N"
    counted = _judge.count(first.predictions.of("test"), corpus.subject)
    control = _judge.constant(counted, commonest)
    over = macro_over(first.labels, counted.classes)
    row: dict[str, Any] = {
        "name": "majority", "title": f"Always {commonest}", "paper": "", "model": "constant",
        "kind": "control", "variant": "", "parameters": 0, "n": control.matrices.sum(),
        "subjects": len(control.subjects), "published": {}, "command": "",
        "figures": _judge.figures([control], over),
        "runs": [{"seed": 0, "run": first.path.name, "confusion": control.matrices.sum(axis=0)}],
    }  # fmt: skip
    return row


def tables(runs: Sequence[Run], corpora: Mapping[str, Corpus]) -> dict[str, Any]:
    """Return one table a corpus, label set and protocol."""
    groups: dict[tuple[str, str, str], dict[tuple[str, str], list[Run]]] = {}
    for run in runs:
        key = (run.corpus, run.labels, run.protocol)
        groups.setdefault(key, {}).setdefault((run.name, variant(run)), []).append(run)
    found: dict[str, Any] = {}
    for (corpus, labels, protocol), systems in sorted(groups.items()):
        first = next(iter(systems.values()))[0]
        rows = [judge_runs(members, corpora[corpus]) for _, members in sorted(systems.items())]
        rows.append(majority_row([first], corpora[corpus]))
        found[f"{labels} {protocol}"] = {
            "corpus": corpus, "labels": labels, "protocol": protocol,
            "leaky": protocol == "intra-patient", "note": protocol_note(protocol, labels),
            "classes": first.predictions.classes,
            "macro_over": macro_over(labels, first.predictions.classes), "systems": rows,
        }  # fmt: skip
    return found


def gaps(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each model judged under both protocols, the two figures and what lies between."""
    rows = []
    for intra in found.values():
        if intra["protocol"] != "intra-patient":
            continue
        inter = found.get(f"{intra['labels']} inter-patient")
        if inter is None:
            continue
        for row in intra["systems"]:
            for other in inter["systems"]:
                if (row["model"], row["kind"]) != (other["model"], other["kind"]):
                    continue
                for figure in ("accuracy", "macro_f1"):
                    a, b = (r["figures"][figure]["mean"] for r in (row, other))
                    rows.append(
                        {
                            "model": row["model"], "labels": intra["labels"], "figure": figure,
                            "variant": other["variant"], "intra": a, "inter": b, "gap": a - b,
                        }
                    )  # fmt: skip
    return rows


def run(out: Path, *, runs: Path = Path("runs"), root: Path | None = None) -> dict[str, Any]:
    """Judge all runs below a folder, write ``beats.json``, and return what was written.

    Parameters
    ----------
    out : the results folder; each first look at DS2 is counted in its ``looks.json``.
    runs : where the run folders lie.
    root : the data root, to learn who was recorded.
    """
    members = [r for r in find_runs(runs) if r.corpus != "simulated"]
    if not members:
        raise DataError(runs, "holds no finished run", "Train first: einthoven train RECIPE")
    command = f"einthoven evaluate --suite beats --runs {runs.name}"
    for member in members:
        if member.protocol == "inter-patient":
            _looks.count(
                out, system=member.name, side=f"{member.corpus} DS2", command=command,
                answers=_looks.fingerprint(member.predictions.of("test")), why="results/beats.json",
            )  # fmt: skip
    found = tables(members, {name: open_corpus(name, root) for name in {m.corpus for m in members}})
    results = {
        "suite": "beats", "einthoven": __version__, "command": command,
        "intervals": {"level": 0.95, "draws": _judge.DRAWS, "kind": "percentile bootstrap"},
        "tables": found, "gaps": gaps(found),
    }  # fmt: skip
    return write_results(out / NAME, results)
