"""Several runs mixed into one system, and judged as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.classification import confusion
from einthoven.evaluation.ensemble import Member, combine, validation_f1, weights
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.suites import _judge, _looks, beats
from einthoven.suites._one_diagnosis import task_of
from einthoven.suites._runs import RECIPE, Run, read_run


def member(name: str, run: Run) -> Member:
    """Return a run as a member of an ensemble, under a name of its own.

    Raises
    ------
    DataError : its recipe does not say what it eats.
    """
    try:
        spec = InputSpec.from_dict(run.recipe["input"])
    except (KeyError, TypeError, UsageError) as fault:
        where = run.path / RECIPE
        raise DataError(
            where, f"has no [input] that is known ({fault})", "Train it again"
        ) from fault
    return Member(name=name, predictions=run.predictions, labels=run.labels, input=spec)


def mixed_row(
    kind: str, members: Sequence[str], seeds: Sequence[int], mixed: Sequence[Predictions],
    first: Run, corpus: Corpus,
) -> dict[str, Any]:  # fmt: skip
    """Return the row of an ensemble, as `beats.judge_runs` has one.

    Parameters
    ----------
    kind : of `ensemble.KINDS`.
    members : their names.
    seeds : of each of `mixed`.
    mixed : what the members say together.
    first : one of the runs, for the labels and the protocol of all.
    corpus : tells who was recorded.
    """
    parts = [p.of("test") for p in mixed]
    over = beats.macro_over(first.labels, first.predictions.classes, first.protocol)
    row: dict[str, Any] = {
        "name": f"ensemble {kind}", "title": f"Ensemble of {', '.join(members)}: {kind}",
        "paper": "Song et al. 2026, arXiv:2602.17701", "model": f"ensemble {kind}",
        "kind": "ensemble", "variant": "", "parameters": None, "published": {}, "command": "",
        "trust": _judge.trust(parts), "members": list(members),
        "validation_macro_f1": float(np.mean([validation_f1(p, over) for p in mixed])),
    }  # fmt: skip
    row |= beats.judge(parts, first.labels, corpus, first.protocol)
    row["runs"] = [
        {
            "seed": seed, "run": "", "answers": _looks.fingerprint(p),
            "confusion": confusion(p.label, p.choice, len(p.classes)),
        }
        for seed, p in zip(seeds, parts, strict=True)
    ]  # fmt: skip
    return row


def table_of(folders: Sequence[Path], kind: str, command: str, root: Path | None) -> dict[str, Any]:
    """Return the table of an ensemble of runs: the ensemble, then each of them alone.

    Raises
    ------
    UsageError : a run is none of beats, or the runs do not fit each other (`ensemble.combine`).
    DataError : a folder is no finished run.
    """
    for folder in folders:
        if (task := task_of(folder)) not in ("", "beat"):
            mend = "Give runs of beats: only their answers can be mixed"
            raise UsageError(folder, f"is a run of the task {task}", mend)
    runs = [read_run(folder) for folder in folders]
    called, first = names(folders), runs[0]
    given = [member(name, run) for name, run in zip(called, runs, strict=True)]
    for name, run in zip(called, runs, strict=True):
        if beats.variant(run) != beats.variant(first):
            one, other = (beats.variant(r) or "as its recipe is" for r in (run, first))
            fault = f"is another training than {called[0]!r} ({one}; {other})"
            raise UsageError(f"ensemble member {name!r}", fault, "Give runs of one training")
    over = beats.macro_over(first.labels, first.predictions.classes, first.protocol)
    mixed, share = combine(given, kind, over), weights(given, kind, over)
    corpus = open_corpus(first.corpus, root)
    alone = [beats.judge_runs([run], corpus) for run in runs]
    for row, run in zip(alone, runs, strict=True):
        row["title"] += f" (seed {run.seed})"
    row = mixed_row(kind, called, [first.seed], [mixed], first, corpus)
    weighed = f"of {', '.join(f'{name} ({share[name]:.3f})' for name in called)}"
    row |= {
        "variant": ", ".join(filter(None, (beats.variant(first), weighed))),
        "title": f"Ensemble {kind}", "weights": [share], "command": command,
    }  # fmt: skip
    classes = first.predictions.classes
    return beats.one_table(first.corpus, first.labels, first.protocol, classes, [row, *alone])


def names(folders: Sequence[Path]) -> list[str]:
    """Return the ends of paths, as short as tells them apart: a whole path is a machine's."""
    folders = [folder.resolve() for folder in folders]
    for length in range(2, max(len(f.parts) for f in folders) + 1):
        found = ["/".join(f.parts[-length:]) for f in folders]
        if len(set(found)) == len(set(folders)):
            break
    return found
