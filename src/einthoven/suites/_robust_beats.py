"""Beat classifiers on the rungs of `protocols.robustness`: confusion matrices, cell by cell.

Each cell is one model on one rung: (record, class, class) counts on the reference's beats, kept as
those of whole records are, see `suites._robust_records`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, load_model, zoo_names
from einthoven.corpora import Corpus
from einthoven.evaluation import bootstrap, classification
from einthoven.evaluation.predictions import Predictions
from einthoven.protocols.robustness import Noises, Rung, altered
from einthoven.record import Record
from einthoven.record.inputspec import InputSpec
from einthoven.record.vocabulary import indices, translate
from einthoven.suites import _conditions, _looks
from einthoven.suites._bundles import labels_of
from einthoven.suites._conditions import Beats
from einthoven.suites._judge import DRAWS
from einthoven.suites._robust_records import Shelf
from einthoven.suites._runs import is_run, read_run
from einthoven.suites.beats import macro_over

Counts = npt.NDArray[np.int64]
Cells = Mapping[tuple[str, str], Counts]  # (system, rung) -> (record, class, class)

# Shipped classifiers, then runs of which no bundle is shipped.
BUNDLES = ("aami-review", "aami-live", "arrhythminet-v2")
RUNS = ("arrhythminet-v1-nlrav-inter/seed-0",)


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """One beat classifier.

    Attributes
    ----------
    name : as in the tables.
    spec : what it eats.
    labels, classes : the map from symbols, and the classes in the order of the logits.
    offsets, temperature : of the logits, chosen on its training side.
    mark : twelve hex digits of its weights or answers.
    """

    name: str
    spec: InputSpec
    labels: str
    classes: tuple[str, ...]
    offsets: npt.NDArray[np.float64]
    temperature: float
    mark: str
    load: Callable[[], _conditions.Answer]

    @cached_property
    def answer(self) -> _conditions.Answer:
        """From beats to logits; loaded when first asked."""
        return self.load()

    @property
    def over(self) -> tuple[str, ...]:
        """The classes that macro F1 is the mean of."""
        return macro_over(self.labels, self.classes)


def found(runs: Path) -> list[Classifier]:
    """Return the classifiers that are asked: those shipped, and the runs that are there."""
    systems = [_of_bundle(load_model(name)) for name in BUNDLES if name in zoo_names()]
    for name in RUNS:
        if is_run(runs / name) and (runs / name / "weights.safetensors").is_file():
            run = read_run(runs / name)
            table = run.predictions
            systems.append(
                Classifier(
                    name=run.name, spec=InputSpec.from_dict(run.recipe["input"]),
                    labels=run.labels, classes=table.classes, offsets=table.offsets,
                    temperature=table.temperature,
                    mark=_looks.fingerprint(table),
                    load=partial(_conditions.answering, run),
                )
            )  # fmt: skip
    return systems


def _of_bundle(bundle: Bundle) -> Classifier:
    card = bundle.card
    spec = card.stages[0].input

    def answer(given: Beats) -> npt.NDArray[np.float32]:
        return np.concatenate([bundle.run(f) for f in _conditions.feeds(given, spec.neighbours)])

    return Classifier(
        name=card.name, spec=spec, labels=labels_of(bundle), classes=card.classes,
        offsets=np.array(card.offsets or [0.0] * len(card.classes), np.float64),
        temperature=card.temperature, mark=bundle.sha256[:12], load=lambda: answer,
    )  # fmt: skip


def counted(
    systems: Sequence[Classifier], ladder: Sequence[Rung], corpus: Corpus, names: Sequence[str],
    side: str, runs: Path, noises: Noises,
) -> Cells:  # fmt: skip
    """Return every cell, made where it is not kept.

    Parameters
    ----------
    systems : who answers.
    ladder : the rungs.
    corpus, names : the records, with reference beats.
    side : what they are called.
    runs : below which the cells are kept.
    noises : that are judged with.
    """
    from tqdm import tqdm

    shelves = {
        s.name: Shelf(runs, s.name, s.mark, side, names, (len(s.classes),) * 2) for s in systems
    }
    todo = []
    for rung in ladder:
        by: dict[InputSpec, list[Classifier]] = {}
        for system in systems:
            if shelves[system.name].get(rung) is None:
                by.setdefault(system.spec, []).append(system)
        todo += [(rung, spec, members) for spec, members in by.items()]
    loaded = [replace(corpus.open(n).record(), name=n) for n in names] if todo else []
    with tqdm(total=len(todo) * len(names), unit="record", disable=None, file=sys.stderr) as bar:
        for rung, spec, members in todo:
            bar.set_description(f"{side}, {rung.name}")
            given = _conditions.beats_of(
                loaded, spec, rung.name, partial(_on, rung, noises), bar.update
            )
            for system in members:
                shelves[system.name].put(rung, _matrices(system, given, names))
    cells = {}
    for system in systems:
        for rung in ladder:
            kept = shelves[system.name].get(rung)
            assert kept is not None, "a cell was lost on the way"
            cells[system.name, rung.name] = kept
    return cells


def _on(rung: Rung, noises: Noises, record: Record, rng: np.random.Generator) -> Record:
    del rng  # the ladder has chance of its own, the same for all severities
    return altered(rung, record, noises)


def _matrices(system: Classifier, given: Beats, names: Sequence[str]) -> Counts:
    label = indices(translate(given.symbol, system.labels), system.classes)
    said = Predictions(
        classes=system.classes, part=np.full(len(label), "test"), record=given.record,
        sample=given.sample, label=label, logits=system.answer(given), offsets=system.offsets,
        temperature=system.temperature,
    )  # fmt: skip
    place = {name: k for k, name in enumerate(names)}
    group = np.array([place[r] for r in given.record.tolist()], np.int64)
    return classification.confusion_by_group(
        said.label, said.choice, group, len(system.classes), len(names)
    )


def figures(system: Classifier, cell: Counts, people: Sequence[str]) -> dict[str, Any]:
    """Return macro F1 with its interval over people, and F1 of each class, of one cell.

    Parameters
    ----------
    cell : (record, class, class).
    people : (record,) who was recorded.
    """
    subjects = sorted(set(people))
    place = np.array([subjects.index(p) for p in people])
    by_person = np.zeros((len(subjects), *cell.shape[1:]), np.int64)
    np.add.at(by_person, place, cell)
    over = [system.classes.index(c) for c in system.over]
    whole = cell.sum(axis=0)

    def macro(matrices: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        return classification.macro_f1(matrices, over)

    (ends,) = bootstrap.intervals(macro, by_person, over="patients", draws=DRAWS)
    each = classification.f1(whole)
    return {
        "beats": int(whole.sum()),
        "macro_f1": {"value": float(macro(whole)), "low": ends.low, "high": ends.high},
        "f1": {c: float(each[k]) for k, c in enumerate(system.classes)},
    }
