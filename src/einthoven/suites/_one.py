"""One run, one shipped model or one ensemble of runs, judged by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from einthoven.bundle import Bundle, load_model, zoo_names
from einthoven.corpora import open_corpus
from einthoven.protocols import RECORD_PROTOCOLS
from einthoven.record.errors import UsageError, nearest
from einthoven.suites import _bundles, _ensembles, _one_diagnosis, beats
from einthoven.suites._runs import is_run, read_run
from einthoven.suites._suite import plain, write_results

CORPUS = "mitdb"
# Who judges models that do not classify beats, by task.
_SUITES = {"diagnosis": "twelve", "peaks": "peaks", "rhythm": "rhythm", "waves": "waves"}
PROTOCOLS = (
    "inter-patient", "intra-patient", f"{_bundles.EXTERNAL}svdb", f"{_bundles.EXTERNAL}incart",
)  # fmt: skip


def judge_one(
    subject: str,
    protocol: str | None = None,
    out: Path | None = None,
    *,
    force: bool = False,
    root: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Judge a run from the answers it kept, or a shipped model on the test side; train nothing.

    Parameters
    ----------
    subject : a run folder, the name of a shipped model, or a bundle's folder.
    protocol : a run, of beats or of whole records, is judged under its own; a model under
        ``inter-patient`` if not given, or on all records of another hospital under
        ``external-svdb`` or ``external-incart``.
    out : the results folder: the table is written to ``out/NAME.json``. The look at a public test
        side is counted there, or in ``results`` where that folder is.
    force : whether a table that is there may be replaced.
    root : the data root.
    progress : called with the share done, 0..1.

    Returns
    -------
    One table, as in ``beats.json``; of whole records as `_one_diagnosis.judge` makes it.

    Raises
    ------
    UsageError : the protocol is not that of the run, or the model cannot be judged under it; or
        another table is there and `force` is false.
    """
    folder = Path(subject)
    task = _one_diagnosis.task_of(folder)
    whole = task == "diagnosis"
    if task not in ("", "beat", "diagnosis"):
        mend = "Judge it by the suite of that task; by itself a run of beats or of whole records is"
        raise UsageError(folder, f"is a run of the task {task}", mend)
    shipped = not (whole or is_run(folder)) and (
        not folder.is_dir() or (folder / "card.json").is_file()
    )
    bundle = _of_beats(subject) if shipped else None
    known = RECORD_PROTOCOLS.names() if whole else PROTOCOLS
    if protocol is not None and protocol not in known:
        raise UsageError("--protocol", f"{protocol!r} is not known", nearest(protocol, known))
    if whole:
        table = _whole(folder, protocol)
    elif bundle is not None:
        table = _model(bundle, protocol or "inter-patient", root, progress)
    else:
        table = _run(folder, protocol, root)
    row = table["systems"][0]
    name = str(row["name"]) if shipped else f"{row['name']}-{row['runs'][0]['seed']}"
    return _written(table, name, f"einthoven evaluate {_spelt(folder)}", out, force=force)


def judge_ensemble(
    folders: Sequence[str],
    kind: str,
    out: Path | None = None,
    *,
    force: bool = False,
    root: Path | None = None,
) -> dict[str, Any]:
    """Judge runs of beats mixed into one, beside each of them alone; train nothing.

    Weights are made of the validation sides alone (`evaluation.ensemble`).

    Parameters
    ----------
    folders : run folders, two or more, of the same beats, labels, classes and input.
    kind : of `evaluation.ensemble.KINDS`.
    out, force, root : as of `judge_one`; the table is written to ``out/ensemble-KIND.json``.

    Returns
    -------
    One table, as in ``beats.json``, its first row the ensemble's.

    Raises
    ------
    UsageError : fewer than two runs, runs that do not fit each other, or another table is there and
        `force` is false.
    DataError : a folder is no finished run.
    """
    if len(folders) < 2:
        raise UsageError(
            "--ensemble", "mixes two runs or more", "Give their folders, or leave it out"
        )
    spelt = [_spelt(Path(f)) for f in folders]
    if len(set(spelt)) < len(spelt):
        spelt = _ensembles.names([Path(f) for f in folders])
    command = f"einthoven evaluate {' '.join(spelt)} --ensemble {kind}"
    table = _ensembles.table_of([Path(f) for f in folders], kind, command, root)
    return _written(table, f"ensemble-{kind}", command, out, force=force)


def _written(
    table: dict[str, Any], name: str, command: str, out: Path | None, *, force: bool
) -> dict[str, Any]:
    """Return a table, written where it is asked, its look at a public test side counted."""
    ready: dict[str, Any] = plain({"suite": "one", **table} if out else table)
    path = (out or Path()) / f"{name}.json"
    if out and not force:
        _refuse_other(path, ready)
    results = out or Path("results")
    if out or results.is_dir():
        if table.get("unit") == "record":
            _one_diagnosis.count_look(results, table, command)
        elif table["protocol"] != "intra-patient":
            beats.count_looks(results, table["systems"], table["corpus"], command)
    return write_results(path, ready) if out else ready


def _spelt(path: Path) -> str:
    """Return what tells which run: from the folder of runs on; the whole path is a machine's."""
    if not path.is_dir():
        return str(path)  # a shipped model's name
    parts = path.resolve().parts
    at = max((i for i, part in enumerate(parts) if part == "runs"), default=len(parts) - 2)
    return "/".join(parts[at:])


def _refuse_other(path: Path, results: dict[str, Any]) -> None:
    """Refuse to write over a file that says something else.

    Raises
    ------
    UsageError : it is there and holds other results.
    """
    try:
        same = not path.exists() or json.loads(path.read_text(encoding="utf-8")) == results
    except ValueError:
        same = False
    if not same:
        raise UsageError(path, "is there already and says something else", "Give --force")


def _run(folder: Path, protocol: str | None, root: Path | None) -> dict[str, Any]:
    run = read_run(folder)
    if protocol is not None and protocol.startswith(_bundles.EXTERNAL):
        mend = f"Export it and judge that: einthoven export {folder} --to onnx"
        raise UsageError("--protocol", f"{protocol} is for models, and {folder} is a run", mend)
    _own(folder, protocol, run.protocol)
    corpus = open_corpus(run.corpus, root)
    rows = [beats.judge_runs([run], corpus)]
    return beats.one_table(run.corpus, run.labels, run.protocol, run.predictions.classes, rows)


def _whole(folder: Path, protocol: str | None) -> dict[str, Any]:
    _own(folder, protocol, _one_diagnosis.protocol_of(folder))
    return _one_diagnosis.judge(folder)


def _own(folder: Path, asked: str | None, trained: str) -> None:
    """Refuse to judge a run under another protocol than its own."""
    if asked not in (None, trained):
        raise UsageError(
            "--protocol", f"{folder} was trained under {trained!r}, which decides whom it has seen",
            f"Train under {asked!r} to judge under it",
        )  # fmt: skip


def _of_beats(name: str) -> Bundle:
    """Return a shipped model, or a bundle, of beats."""
    if name not in zoo_names() and not Path(name).is_dir():
        mend = nearest(name, zoo_names())
        raise UsageError(f"{name!r}", "is neither a run folder nor a shipped model", mend)
    bundle = load_model(name)
    if bundle.card.task != "beat":
        mend = f"Judge it by --suite {_SUITES[bundle.card.task]}"
        raise UsageError(f"model {name!r}", "does not classify beats", mend)
    return bundle


def _model(
    bundle: Bundle, protocol: str, root: Path | None, progress: Callable[[float], None] | None
) -> dict[str, Any]:
    outside = protocol.startswith(_bundles.EXTERNAL)
    corpus = open_corpus(protocol.removeprefix(_bundles.EXTERNAL) if outside else CORPUS, root)
    rows = beats.judge_bundle(bundle, corpus, protocol, progress)
    labels = _bundles.labels_of(bundle)
    return beats.one_table(corpus.name, labels, protocol, bundle.card.classes, rows)
