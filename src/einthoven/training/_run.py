"""The run folder: what is written, and how it is known to be finished."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven._version import __version__
from einthoven.evaluation.calibration import fit_temperature, softmax
from einthoven.evaluation.classification import confusion, scores
from einthoven.evaluation.predictions import Predictions
from einthoven.protocols import PROTOCOLS, Beats, Split
from einthoven.record.errors import UsageError
from einthoven.record.files import write_text
from einthoven.training._recipe import Recipe, to_toml

WEIGHTS = "weights.safetensors"
_PACKAGES = ("numpy", "scipy", "torch", "lightning", "scikit-learn", "onnx", "onnxruntime")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, beside and renamed."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def tell(line: str) -> None:
    """Say on stderr how far a training is."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def begin(recipe: Recipe, run: Path, *, resume: bool) -> None:
    """Make the run folder, or check that it may be resumed.

    Raises
    ------
    UsageError : the folder holds another recipe, or a run that was not to be resumed.
    """
    text, file = to_toml(recipe), run / "recipe.toml"
    if file.is_file():
        if not resume:
            raise UsageError(run, "holds a run", "Give --resume, or another --run")
        if file.read_text(encoding="utf-8") != text:
            raise UsageError(run, "holds a run of another recipe", "Give another --run")
    run.mkdir(parents=True, exist_ok=True)
    write_text(file, text)
    versions = {"einthoven": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    write_json(run / "versions.json", versions)


def check_classes(
    recipe: Recipe, label: npt.NDArray[np.int64], least: int, parts: str = ""
) -> None:
    """Refuse a class of which there are too few beats.

    Parameters
    ----------
    label : (beat,) indices of classes of the beats that there are; -1 for none.
    least : beats that each class needs.
    parts : what each class is divided into, where that is why.

    Raises
    ------
    UsageError : names the class, and what to change.
    """
    classes, mend = recipe.corpus.classes, "Leave it out of corpus.classes"
    counts = np.bincount(label[label >= 0], minlength=len(classes)).tolist()
    for name, count in zip(classes, counts, strict=True):
        if count == 0:
            fault = f"class {name} has no beat to learn from in {recipe.corpus.name}"
            raise UsageError("corpus.classes", fault, mend)
        if count < least:
            beats = "1 beat" if count == 1 else f"{count} beats"
            fault = f"class {name} has {beats}, fewer than the {least} {parts}"
            raise UsageError("corpus.classes", fault, mend)


def divided(recipe: Recipe, beats: Beats, seed: int) -> Split:
    """Return beats divided by the recipe's protocol, each class with enough to learn from.

    Raises
    ------
    UsageError : the protocol cannot be followed, or a class has too few beats.
    LeakError : a beat or a subject would be on two sides.
    """
    p = recipe.protocol
    if PROTOCOLS[p.name].leaky:
        check_classes(recipe, beats.label, 10, "parts that each class is divided into")
    split = PROTOCOLS[p.name].split(
        beats, seed=seed, strict=p.strict, train=p.train, validation=p.validation, test=p.test
    )
    check_classes(recipe, beats.label[split.training.rows], 1)
    return split


def uncertain_threshold(predictions: Predictions) -> float:
    """Return the probability under which an answer is called uncertain, from validation alone.

    Half of the wrong answers on the validation side lie under it, but no more than a tenth of all
    answers do: a threshold that declines more is of no use, whatever it catches.
    """
    rows = predictions.of("validation")
    p = softmax(rows.scaled).max(axis=1)
    wrong = p[rows.choice != rows.label]
    tenth = float(np.quantile(p, 0.1))
    return min(float(np.median(wrong)), tenth) if len(wrong) else 0.0


def calibrated(predictions: Predictions) -> Predictions:
    """Return the table with the temperature that fits its validation side best."""
    from dataclasses import replace

    rows = predictions.of("validation")
    temperature = fit_temperature(rows.logits + rows.offsets, rows.label)
    return replace(predictions, temperature=temperature)


def metrics(predictions: Predictions) -> dict[str, Any]:
    """Return accuracy, macro F1, and figures of each class, for validation and test."""
    found: dict[str, Any] = {}
    for part in ("validation", "test"):
        rows = predictions.of(part)
        if not len(rows):
            continue
        rows = rows.where(rows.label >= 0)
        matrix = confusion(rows.label, rows.choice, len(rows.classes))
        present = [c for i, c in enumerate(rows.classes) if matrix[i].sum()]
        judged = scores(matrix, rows.classes, present)
        found[part] = {
            "n": int(matrix.sum()), "accuracy": judged.accuracy, "macro_f1": judged.macro_f1,
            "macro_over": present, "confusion": matrix.tolist(),
        }  # fmt: skip
    return found


def finish(
    run: Path, predictions: Predictions, *, extra: Mapping[str, Any] | None = None
) -> Predictions:
    """Calibrate on validation and write ``predictions.npz`` and ``metrics.json``."""
    predictions = calibrated(predictions)
    predictions.save(run / "predictions.npz")
    values = {
        "classes": list(predictions.classes), "temperature": predictions.temperature,
        "threshold": uncertain_threshold(predictions), "offsets": predictions.offsets.tolist(),
        **metrics(predictions), **(extra or {}),
    }  # fmt: skip
    write_json(run / "metrics.json", values)
    return predictions
