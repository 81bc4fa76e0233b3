"""Beat classifiers under both protocols, side by side: ``results/beats.json`` from run folders.

Every figure is computed again from the answers that the runs kept. One table a label set and
protocol, the intra-patient one marked as leaky; in each two controls, gradient boosting (fitted
here where no run has it, see `suites._control`) and what always says the commonest class. The gap
between the two protocols stands in a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from einthoven._version import __version__
from einthoven.bundle import Bundle, load_model, zoo_names
from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS2
from einthoven.evaluation import classification
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.suites import _bundles, _control, _judge, _looks
from einthoven.suites._runs import Run, find_runs
from einthoven.suites._suite import write_results

NAME = "beats.json"

LEAKY = (
    "Leaky: beats of one patient stand in training and in test, and the numbers beside a training "
    "beat's wave are made of all beats around it, those of the test side among them; so this says "
    "nothing about new patients. It is here because most published figures are of this kind."
)
SHARED = "Records 201 (training side) and 202 (test side) are one subject"
STRICT = "strict"  # how the variant of a row begins that was trained without 201
WITHOUT_201 = f"{STRICT}: trained without 201"
EXCHANGED = "another's age and sex"
TWO_LEADS = "two leads"
FOREIGN = (
    "Another hospital's recordings, of which training saw none: every record here is test. On svdb "
    "the publisher does not say who was recorded, and each record counts as a patient."
)
# In DS2 three quarters of the S beats are of this one record.
HEAVY = "232"


def protocol_note(corpus: str, protocol: str, labels: str, *, strict: bool = False) -> str:
    """Return what must be said beside every score of a protocol on a corpus; ``""`` for nothing.

    Parameters
    ----------
    strict : whether a row beside it was trained without 201.
    """
    if protocol == "intra-patient":
        return LEAKY
    if protocol.startswith(_bundles.EXTERNAL):
        return FOREIGN
    if corpus != "mitdb":
        return ""
    notes = [f"{SHARED}; rows marked {STRICT} train without 201." if strict else f"{SHARED}."]
    if labels.startswith("aami"):
        notes.append(
            f"Record {HEAVY} holds 1,382 of the 1,837 S beats of DS2 and record 213 holds 362 of "
            f"its 388 F beats: S is given with and without {HEAVY}, and F is one patient's figure. "
            "An F beat called V counts as an error here; ANSI/AAMI EC57 would excuse it."
        )
    return " ".join(notes)


def table_note(corpus: str, protocol: str, labels: str, rows: Sequence[Any]) -> str:
    """Return `protocol_note` for the rows of a table."""
    strict = any(r["variant"].startswith(STRICT) for r in rows)
    return protocol_note(corpus, protocol, labels, strict=strict)


def macro_over(labels: str, classes: Sequence[str], protocol: str = "") -> tuple[str, ...]:
    """Return the classes that macro F1 is the mean of; within patients there are enough of all."""
    if protocol == "intra-patient":
        return tuple(classes)
    return tuple(c for c in _judge.MACRO[labels.removesuffix("-bxb")] if c in classes)


def variant(run: Run) -> str:
    """Return what sets a run apart from others of its recipe, in words; may be empty."""
    words = [WITHOUT_201] if run.strict else []
    if "patient-exchanged" in run.recipe.get("input", {}).get("side", ()):
        words.append(EXCHANGED)
    if len(run.recipe.get("input", {}).get("leads", ())) > 1:
        words.append(TWO_LEADS)
    if run.peaks != "reference":
        words.append("own R peaks")
    return ", ".join(words)


def judge(
    parts: Sequence[Predictions], labels: str, corpus: Corpus, protocol: str = ""
) -> dict[str, Any]:
    """Return the figures of a row: the answers of one system, a trained model each.

    Parameters
    ----------
    parts : answers on the side that is judged.
    labels : the map from symbols to classes.
    corpus : tells who was recorded.
    protocol : under which, for it tells what macro F1 is the mean of.
    """
    counted = [_judge.count(p, corpus.subject) for p in parts]
    over = macro_over(labels, parts[0].classes, protocol)
    row: dict[str, Any] = {
        "n": counted[0].matrices.sum(), "subjects": len(counted[0].subjects),
        "records": len({str(r) for r in parts[0].record}),
        "not_judged": float(np.mean([(p.label < 0).sum() for p in parts])),
        "classes": parts[0].classes, "figures": _judge.figures(counted, over),
    }  # fmt: skip
    if "S" in over:
        row["by_record"] = _judge.by_record(parts, ("S", "V"))
        heavy = corpus.subject(HEAVY) if HEAVY in corpus.records else ""
        if heavy in counted[0].subjects and len(counted[0].subjects) > 1:
            rest = [c.without(heavy) for c in counted]
            row["without"] = {HEAVY: _judge.figures(rest, over)}
    return row


def judge_runs(runs: Sequence[Run], corpus: Corpus, *, part: str = "test") -> dict[str, Any]:
    """Return one row of a table: the runs of one recipe, a seed each."""
    first = runs[0]
    parts = [r.predictions.of(part) for r in runs]
    if any(len(p) == 0 for p in parts):
        raise DataError(first.path, f"has no answer on the {part} side", "Train it again")
    row: dict[str, Any] = {
        "name": first.name, "title": first.recipe.get("title", first.name),
        "paper": first.recipe.get("paper", ""), "model": first.model,
        "kind": "boosting" if first.trees else "network", "variant": variant(first),
        "parameters": first.parameters, "published": dict(first.recipe.get("published", {})),
        "command": _command(first), "trust": _judge.trust(parts),
    }  # fmt: skip
    row |= judge(parts, first.labels, corpus, first.protocol)
    row["runs"] = [
        {
            "seed": r.seed, "run": r.path.name, "answers": _looks.fingerprint(p),
            "confusion": _confusion(p),
        }
        for r, p in zip(runs, parts, strict=True)
    ]  # fmt: skip
    return row


def _command(run: Run) -> str:
    if run.name == _control.name_of(run):
        return "einthoven evaluate --suite beats"
    return f"einthoven train {run.name}"


def _confusion(predictions: Predictions) -> classification.Counts:
    return classification.confusion(predictions.label, predictions.choice, len(predictions.classes))


def judge_bundle(
    bundle: Bundle, corpus: Corpus, protocol: str, progress: Callable[[float], None] | None = None
) -> list[dict[str, Any]]:
    """Return rows of a shipped model: on reference beats, and behind our own R peaks by profile.

    Raises
    ------
    UsageError : the protocol cannot be judged from a bundle alone.
    LeakError : the model was trained on records that the protocol tests.
    """
    card = bundle.card
    records = _bundles.test_records(bundle, corpus, protocol)
    labels = _bundles.labels_of(bundle)
    steps = 1 + len(card.profiles)

    def step(index: int) -> Callable[[float], None] | None:
        return None if progress is None else lambda share: progress((index + share) / steps)

    answers = [
        ("on reference beats", _bundles.on_reference_beats(bundle, corpus, records, step(0)))
    ]
    for index, profile in enumerate(card.profiles):
        found = _bundles.behind_own_peaks(bundle, corpus, records, profile, step(index + 1))
        answers.append((f"own R peaks, {profile}", found))
    rows = []
    partly, whole = "", corpus.facts.records
    if protocol.startswith(_bundles.EXTERNAL) and len(records) < whole:
        partly = f", {len(records)} of {whole} records"
    for words, predictions in answers:
        row: dict[str, Any] = {
            "name": card.name, "title": card.title, "paper": card.paper, "model": card.name,
            "kind": "shipped", "variant": words + partly, "parameters": None, "published": {},
            "command": f"einthoven evaluate {card.name}",
        }  # fmt: skip
        row |= judge([predictions], labels, corpus)
        if partly:
            row["records_of"] = whole
        if _bundles.NONE not in predictions.classes:
            row["trust"] = _judge.trust([predictions])
        row["runs"] = [
            {
                "seed": 0, "run": bundle.sha256[:12], "answers": _looks.fingerprint(predictions),
                "confusion": _confusion(predictions),
            }
        ]  # fmt: skip
        rows.append(row)
    return rows


def majority_row(runs: Sequence[Run], corpus: Corpus) -> dict[str, Any]:
    """Return the row of the control that says the commonest class of the validation side."""
    first = runs[0]
    known = first.predictions.of("validation")
    counts = _judge.support_of(_judge.count(known, corpus.subject))
    commonest = max(counts, key=lambda c: counts[c]) if any(counts.values()) else "N"
    counted = _judge.count(first.predictions.of("test"), corpus.subject)
    control = _judge.constant(counted, commonest)
    over = macro_over(first.labels, counted.classes, first.protocol)
    row: dict[str, Any] = {
        "name": "majority", "title": f"Always {commonest}", "paper": "", "model": "constant",
        "kind": "control", "variant": "", "parameters": 0, "n": control.matrices.sum(),
        "subjects": len(control.subjects), "published": {}, "command": "",
        "figures": _judge.figures([control], over),
        "runs": [{"seed": 0, "run": first.path.name, "confusion": control.matrices.sum(axis=0)}],
    }  # fmt: skip
    return row


def add_controls(members: Sequence[Run], corpora: Mapping[str, Corpus], runs: Path) -> list[Run]:
    """Return gradient boosting for each table that has networks and none; fitted where needed."""
    added: dict[str, Run] = {}
    have = {(m.labels, m.protocol) for m in members if m.trees}
    for member in sorted(members, key=lambda m: m.seed):
        name = _control.name_of(member)
        key = (member.labels, member.protocol)
        plain = not member.strict and member.peaks == "reference"
        able = (member.path / "split.json").is_file() and corpora[member.corpus].present
        if key in have or not plain or not able:
            continue
        if name not in added:
            added[name] = _control.fit_control(member, corpora[member.corpus], runs / name)
    return list(added.values())


def one_table(
    corpus: str, labels: str, protocol: str, classes: Sequence[str], rows: Sequence[Any]
) -> dict[str, Any]:
    """Return a table of a results file, with what must be said beside it."""
    return {
        "corpus": corpus, "labels": labels, "protocol": protocol,
        "leaky": protocol == "intra-patient", "note": table_note(corpus, protocol, labels, rows),
        "classes": classes, "macro_over": macro_over(labels, classes, protocol), "systems": rows,
    }  # fmt: skip


def tables(runs: Sequence[Run], corpora: Mapping[str, Corpus]) -> dict[str, Any]:
    """Return one table a label set and protocol."""
    groups: dict[tuple[str, str, str], dict[tuple[str, str], list[Run]]] = {}
    for run in runs:
        key = (run.corpus, run.labels, run.protocol)
        groups.setdefault(key, {}).setdefault((run.name, variant(run)), []).append(run)
    found: dict[str, Any] = {}
    for (corpus, labels, protocol), systems in sorted(groups.items()):
        first = next(iter(systems.values()))[0]
        rows = [judge_runs(members, corpora[corpus]) for _, members in sorted(systems.items())]
        rows.append(majority_row([first], corpora[corpus]))
        classes = first.predictions.classes
        found[f"{labels} {protocol}"] = one_table(corpus, labels, protocol, classes, rows)
    return found


def add_shipped(found: dict[str, Any], corpus: Corpus, out: Path, command: str) -> None:
    """Add rows of the shipped models to the inter-patient tables, before the control."""
    for name in zoo_names():
        bundle = load_model(name)
        if bundle.card.task != "beat" or not bundle.card.protocol.startswith("inter-patient"):
            continue
        key = f"{_bundles.labels_of(bundle)} inter-patient"
        if key in found:
            rows = judge_bundle(bundle, corpus, "inter-patient")
            count_looks(out, rows, corpus.name, command)
            found[key]["systems"][-1:-1] = rows


def count_looks(out: Path, rows: Sequence[Mapping[str, Any]], corpus: str, command: str) -> None:
    """Write down that the rows' answers on a public test side were scored."""
    for row in rows:
        side = f"{corpus} DS2"
        if corpus != "mitdb":
            part = f"{row['records']} of {row['records_of']}" if "records_of" in row else "all"
            side = f"{corpus}, {part} records"
        for one in row["runs"]:
            if "answers" in one:
                _looks.count(
                    out, system=row["name"], side=side, answers=one["answers"],
                    why=row["variant"] or "trained model, a seed", command=command,
                )  # fmt: skip


def gaps(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each model judged under both protocols, the two figures and what lies between.

    Macro F1 is over the classes that it is over under both, or the gap would be of classes, too.
    """
    rows = []
    for intra in found.values():
        if intra["protocol"] != "intra-patient":
            continue
        inter = found.get(f"{intra['labels']} inter-patient")
        if inter is None:
            continue
        for row in intra["systems"]:
            for other in inter["systems"]:
                if _what(row) != _what(other):
                    continue  # a shipped model has no intra-patient row of its own
                shared = [c for c in intra["macro_over"] if c in inter["macro_over"]]
                for figure in ("accuracy", "macro_f1"):
                    a, b = (
                        _over(table, r, figure, shared)
                        for table, r in ((intra, row), (inter, other))
                    )
                    rows.append(
                        {
                            "model": row["model"], "labels": intra["labels"], "figure": figure,
                            "over": shared if figure == "macro_f1" else [],
                            "variant": other["variant"], "intra": a["mean"], "inter": b["mean"],
                            "gap": a["mean"] - b["mean"], "intra_interval": a["over_patients"],
                            "inter_interval": b["over_patients"],
                        }
                    )  # fmt: skip
    return rows


def _over(
    table: Mapping[str, Any], row: Mapping[str, Any], figure: str, shared: Sequence[str]
) -> Mapping[str, Any]:
    """Return a figure of a row, macro F1 over the shared classes; then it has no interval."""
    found: Mapping[str, Any] = row["figures"][figure]
    if figure != "macro_f1" or list(table["macro_over"]) == list(shared):
        return found
    each = [row["figures"]["classes"][c]["f1"]["mean"] for c in shared]
    return {"mean": float(np.mean(each)), "over_patients": [None, None]}


def _what(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two rows must share to be one system under two protocols."""
    return row["model"], row["kind"], row["variant"], row.get("members")


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
    corpora = {name: open_corpus(name, root) for name in sorted({m.corpus for m in members})}
    members += add_controls(members, corpora, runs)
    found = tables(members, corpora)
    for table in found.values():
        if table["protocol"] == "inter-patient":
            count_looks(out, table["systems"], table["corpus"], command)
    if "mitdb" in corpora and set(DS2) <= set(corpora["mitdb"].present):
        add_shipped(found, corpora["mitdb"], out, command)
    results = {
        "suite": "beats", "einthoven": __version__, "command": command,
        "intervals": {"level": 0.95, "draws": _judge.DRAWS, "kind": "percentile bootstrap"},
        "tables": found, "gaps": gaps(found),
    }  # fmt: skip
    return write_results(out / NAME, results)
