"""A system's answers, of several seeds, to the figures and intervals of a results file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import bootstrap, calibration, classification
from einthoven.evaluation.classification import Counts, Floats
from einthoven.evaluation.predictions import Predictions

DRAWS = 1000

# What macro F1 is the mean of. Q is left out: DS2 has 7 such beats, and no model here knows it.
MACRO = {"aami": ("N", "S", "V", "F"), "nlrav": ("N", "L", "R", "A", "V")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """What one trained model says of each beat that has a class in the reference.

    Attributes
    ----------
    classes : their names.
    subjects : (patient,) sorted.
    beat : (beat,) record and sample, as `name_of_beats` has them.
    patient, label, choice : (beat,) indices: of whom it is, the reference's class and the answer.
    """

    classes: tuple[str, ...]
    subjects: tuple[str, ...]
    beat: npt.NDArray[np.void]
    patient: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    choice: npt.NDArray[np.int64]

    @cached_property
    def matrices(self) -> Counts:
        """(patient, class, class) counts, rows = reference."""
        return classification.confusion_by_group(
            self.label, self.choice, self.patient, len(self.classes), len(self.subjects)
        )

    def without(self, subject: str) -> Counted:
        """Return what is said of all other patients."""
        gone = self.subjects.index(subject)
        keep = self.patient != gone
        return Counted(
            classes=self.classes, subjects=tuple(s for s in self.subjects if s != subject),
            beat=self.beat[keep], label=self.label[keep], choice=self.choice[keep],
            patient=self.patient[keep] - (self.patient[keep] > gone),
        )  # fmt: skip


def name_of_beats(predictions: Predictions) -> npt.NDArray[np.void]:
    """Return (beat,) record and sample as one, so that beats of two models can be compared."""
    return np.rec.fromarrays([predictions.record, predictions.sample])


def places(beats: Sequence[npt.NDArray[np.void]]) -> tuple[list[npt.NDArray[np.int64]], int]:
    """Return (beat,) for each trained model where its beats stand among those of all; how many."""
    if all(np.array_equal(b, beats[0]) for b in beats):
        return [np.arange(len(b)) for b in beats], len(beats[0])
    names, place = np.unique(np.concatenate(beats), return_inverse=True)
    return np.split(place, np.cumsum([len(b) for b in beats])[:-1]), len(names)


def patients(
    predictions: Predictions, subject: Callable[[str], str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return who was recorded, sorted, and (beat,) which of them each beat is of."""
    records, index = np.unique(predictions.record, return_inverse=True)
    people = [subject(str(r)) for r in records]
    subjects = tuple(sorted(set(people)))
    place = np.array([subjects.index(p) for p in people], np.int64)
    return subjects, place[index] if len(records) else np.zeros(0, np.int64)


def count(predictions: Predictions, subject: Callable[[str], str]) -> Counted:
    """Count the answers of one model, patient by patient.

    Parameters
    ----------
    predictions : of one part; rows without a class in the reference are not counted.
    subject : from a record's name to who was recorded.
    """
    subjects, group = patients(predictions, subject)
    known = predictions.label >= 0
    return Counted(
        classes=predictions.classes, subjects=subjects, patient=group[known],
        beat=name_of_beats(predictions)[known], label=predictions.label[known],
        choice=predictions.choice[known],
    )  # fmt: skip


def constant(like: Counted, name: str) -> Counted:
    """Return the control that says one class of every beat."""
    return replace(like, choice=np.full(len(like.choice), like.classes.index(name)))


def _figures(
    classes: Sequence[str], over: Sequence[str], lacking: Sequence[int] = ()
) -> dict[str, bootstrap.Figure]:
    """Return every figure as a function of (draw, class, class) counts."""
    # Of a class without a beat there is nothing to find, whatever is falsely said to be it.
    present = [i for i in (classes.index(c) for c in over) if i not in lacking]
    figures: dict[str, bootstrap.Figure] = {
        "accuracy": classification.accuracy,
        "macro_f1": bootstrap.needs(lambda m: classification.macro_f1(m, present), present),
        "kappa": classification.kappa,
    }
    if "S" in classes and "V" in classes:
        s, v = classes.index("S"), classes.index("V")
        figures["j_kappa"] = bootstrap.needs(
            lambda m: classification.j_kappa(m, s, v), [i for i in (s, v) if i not in lacking]
        )
    named = {
        "sensitivity": classification.sensitivity,
        "predictivity": classification.predictivity,
        "f1": classification.f1,
    }
    for index, name in enumerate(classes):
        if name == "-":
            continue
        for what, figure in named.items():
            figures[f"{name}.{what}"] = bootstrap.needs(
                partial(_of_class, figure, index), [] if index in lacking else [index]
            )
    return figures


def _of_class(figure: bootstrap.Figure, index: int, matrices: npt.NDArray[np.generic]) -> Floats:
    return figure(matrices)[..., index]


def _draws(seeds: Sequence[Counted], over: str) -> list[Counts]:
    if over == "beats":
        return _draws_over_beats(seeds)
    # One seed for all: each draw takes the same patients for each trained model, so that what is
    # resampled is the people and not the chance of training.
    return [bootstrap.draws_over_groups(s.matrices, DRAWS, 0) for s in seeds]


def _draws_over_beats(seeds: Sequence[Counted]) -> list[Counts]:
    """Return (draw, class, class) of each trained model, a draw being the same beats for all.

    Beats of which all models say the same are alike, so a draw is a multinomial one over what is
    said of a beat; the models' answers stay together as they are.
    """
    size = len(seeds[0].classes)
    at, beats = places([s.beat for s in seeds])
    if beats == 0:
        return [np.zeros((DRAWS, size, size), np.int64) for _ in seeds]
    said = np.zeros((len(seeds), beats), np.int64)  # 0 is of a beat that a model was not asked
    alike = np.zeros(beats, np.int64)  # equal where all say the same
    for row, place, s in zip(said, at, seeds, strict=True):
        row[place] = 1 + s.label * size + s.choice
        _, alike = np.unique(alike * (size * size + 1) + row, return_inverse=True)
    _, first, counts = np.unique(alike, return_index=True, return_counts=True)
    drawn = bootstrap.draws_over_beats(counts, DRAWS, 0)
    cells = np.eye(size * size + 1, dtype=np.int64)[:, 1:]
    return [(drawn @ cells[row[first]]).reshape(DRAWS, size, size) for row in said]


def figures(seeds: Sequence[Counted], over: Sequence[str]) -> dict[str, Any]:
    """Return mean figures over the trained models, with intervals over beats and over patients.

    Parameters
    ----------
    seeds : one a trained model, of the same classes.
    over : the classes that macro F1 is the mean of, but for those without a beat.

    Returns
    -------
    ``{"accuracy": {"mean", "seeds", "over_beats", "over_patients", ...}, ...,
    "classes": {"N": {"support", "sensitivity": {...}, ...}}}``; a mean is that of the seeds, an
    interval that of this mean.
    """
    classes = seeds[0].classes
    totals = [s.matrices.sum(axis=0) for s in seeds]
    support = np.mean([t.sum(axis=1) for t in totals], axis=0)
    lacking = [i for i in range(len(classes)) if support[i] == 0]
    drawn = {kind: _draws(seeds, kind) for kind in ("beats", "patients")}
    found: dict[str, Any] = {}
    # "-" is no class: beats missed or made up by the detector (`suites._bundles`).
    per_class: dict[str, dict[str, Any]] = {
        name: {"support": support[i]} for i, name in enumerate(classes) if name != "-"
    }
    for name, figure in _figures(classes, over, lacking).items():
        values = np.array([float(figure(t[None])[0]) for t in totals])
        entry: dict[str, Any] = {"mean": _mean(values), "seeds": values}
        for kind, draws in drawn.items():
            each = np.stack([np.asarray(figure(d), np.float64) for d in draws])
            entry |= ends(each.mean(axis=0), kind)
        label, _, what = name.partition(".")
        if what:
            per_class[label][what] = entry
        else:
            found[name] = entry
    found["classes"] = per_class
    undefined = np.isnan(classification.f1(np.stack(totals)))
    found["undefined"] = [classes[i] for i in np.flatnonzero(undefined.any(axis=0))]
    return found


def ends(values: Floats, kind: str) -> dict[str, Any]:
    """Return the interval of (draw,) values over ``"beats"`` or ``"patients"``, as files have it.

    NaN draws are left out; ``left_out_...`` says how many, where there are some.
    """
    (interval,) = bootstrap.percentiles(values)
    found: dict[str, Any] = {f"over_{kind}": [interval.low, interval.high]}
    if interval.left_out:
        found[f"left_out_{kind}"] = interval.left_out
    return found


def _mean(values: Floats) -> float:
    told = values[~np.isnan(values)]
    return float(told.mean()) if len(told) else float("nan")


def trust(parts: Sequence[Predictions]) -> dict[str, Any]:
    """Return how far the probabilities can be believed, mean over the trained models."""
    rows = []
    for predictions in parts:
        known = predictions.where(predictions.label >= 0)
        p = calibration.softmax(known.scaled)
        correct = known.choice == known.label
        confidence = p.max(axis=1)
        rows.append(
            {
                "ece": calibration.ece(confidence, correct),
                "brier": calibration.brier(p, known.label),
                "nll": calibration.nll(known.scaled, known.label),
                "temperature": predictions.temperature,
            }
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def by_record(
    parts: Sequence[Predictions], names: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Return found, missed and falsely said beats of each class named, a record each.

    Means over the trained models; records in which all three are 0 are left out.
    """
    classes = parts[0].classes
    records = sorted({str(r) for part in parts for r in part.record})
    matrices = np.mean([_matrices(part, records) for part in parts], axis=0)
    found: dict[str, dict[str, list[float]]] = {}
    for name in names:
        i = classes.index(name)
        hits = matrices[:, i, i]
        rows = np.stack([hits, matrices[:, i].sum(1) - hits, matrices[:, :, i].sum(1) - hits], 1)
        found[name] = {r: row.tolist() for r, row in zip(records, rows, strict=True) if row.any()}
    return found


def _matrices(part: Predictions, records: Sequence[str]) -> npt.NDArray[np.int64]:
    order = np.array(records)
    group = np.searchsorted(order, part.record)
    return classification.confusion_by_group(
        part.label, part.choice, group.astype(np.int64), len(part.classes), len(records)
    )


def support_of(counted: Counted) -> Mapping[str, int]:
    """Return how many beats of each class the reference has."""
    totals = counted.matrices.sum(axis=(0, 2))
    return {name: int(n) for name, n in zip(counted.classes, totals, strict=True)}
