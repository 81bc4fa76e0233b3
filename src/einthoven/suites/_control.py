"""The control that every network has to beat: gradient boosting on the same windows.

Where a table has networks and no boosting, the suite fits one itself: on the beats that the
network trained on (its ``split.json``), from the same windows (thinned, for 40 Hz needs no 360 Hz)
and the same side numbers, with the default trees, nothing tuned. Its answers are kept as a run
folder of their own, so that it is fitted once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.record.files import write_text
from einthoven.record.inputspec import InputSpec
from einthoven.suites._runs import RECIPE, TABLE, Run, is_run, read_run

THINNED = 90.0  # Hz; more than twice the pass band's upper edge
SEED = 0


def name_of(run: Run) -> str:
    """Return the name of the control that goes with a run's table."""
    return f"control-{run.labels}-{run.protocol}"


def fit_control(run: Run, corpus: Corpus, folder: Path, *, stores: Path | None = None) -> Run:
    """Return the control of a network's run, fitted if its folder does not hold it yet.

    Parameters
    ----------
    run : of the network; its ``split.json`` says which beats train.
    corpus : opened where its records are.
    folder : the control's own run folder.
    stores : where stores lie, if not in the usual place.

    Raises
    ------
    DataError : the run keeps no split by beats, or the records are not here.
    """
    if is_run(folder):
        return read_run(folder)
    from einthoven.models import boosting
    from einthoven.store import open_store

    training = _training(run)
    spec = InputSpec.from_dict(run.recipe["input"])
    store = open_store(corpus, spec, peaks=run.peaks, root=stores)
    table = run.predictions
    label = store.labels(run.labels, table.classes)
    learnt = _member(store.record, store.sample, training) & (label >= 0)
    place = _places(store.record, store.sample, table)
    step = max(1, round(spec.rate / THINNED))

    def numbers(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        windows = store.window[rows][:, :, ::step].reshape(len(rows), -1)
        return np.concatenate([windows, store.side[rows]], axis=1)

    rows = np.flatnonzero(learnt)
    model = boosting.build(SEED, {})
    # Rare classes weigh more, as they do in a network's balanced batches.
    counts = np.bincount(label[rows], minlength=len(table.classes))
    model.fit(numbers(rows), label[rows], sample_weight=counts[label[rows]] ** -0.5)
    logits = boosting.logits(model, numbers(place), len(table.classes))
    answers = Predictions(
        classes=table.classes, part=table.part, record=table.record, sample=table.sample,
        label=table.label, logits=logits,
    )  # fmt: skip
    _write(run, folder, answers, len(rows))
    return read_run(folder)


def _training(run: Run) -> Mapping[str, Any]:
    path = run.path / "split.json"
    try:
        sides = json.loads(path.read_text(encoding="utf-8"))["sides"]
        training: Mapping[str, Any] = sides["training"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise DataError(path, f"keeps no split by beats ({fault})", "Train it again") from fault
    return training


def _member(
    record: npt.NDArray[np.str_], sample: npt.NDArray[np.int64], beats: Mapping[str, Any]
) -> npt.NDArray[np.bool_]:
    """Return (beat,) whether a beat is one of `beats`, samples by record."""
    found = np.zeros(len(sample), bool)
    for name, samples in beats.items():
        mine = record == name
        found[mine] = np.isin(sample[mine], np.asarray(samples, np.int64))
    return found


def _places(
    record: npt.NDArray[np.str_], sample: npt.NDArray[np.int64], table: Predictions
) -> npt.NDArray[np.int64]:
    """Return where in the store each beat of a table of answers lies."""
    at = {key: i for i, key in enumerate(zip(record.tolist(), sample.tolist(), strict=True))}
    wanted = zip(table.record.tolist(), table.sample.tolist(), strict=True)
    places = [at.get(key, -1) for key in wanted]
    if -1 in places:
        raise DataError("store", "lacks a beat that the run answered", "Delete the store")
    return np.array(places, np.int64)


def _write(run: Run, folder: Path, answers: Predictions, learnt: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    classes = json.dumps(list(answers.classes))
    write_text(
        folder / RECIPE,
        f'name = "{name_of(run)}"\ntitle = "Gradient boosting on the same windows, untuned"\n'
        f'task = "beat"\nseeds = [{SEED}]\n\n[corpus]\nname = "{run.corpus}"\n'
        f'labels = "{run.labels}"\nclasses = {classes}\npeaks = "{run.peaks}"\n\n'
        f'[model]\nname = "boosting-windows"\nlibrary = "sklearn"\n\n'
        f'[protocol]\nname = "{run.protocol}"\nstrict = {json.dumps(run.strict)}\n',
    )
    write_text(
        folder / "metrics.json", json.dumps({"split_of": run.path.name, "beats": learnt}) + "\n"
    )
    answers.save(folder / TABLE)
