"""What every bundle is made of: its card with the figures of a results row, and the ONNX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, Card
from einthoven.record.errors import DataError
from einthoven.record.files import beside, write_text

CARD = "card.json"


def slim(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures a card holds: a value, and its interval over patients."""

    def pair(entry: Mapping[str, Any]) -> dict[str, Any]:
        ends = entry["over_patients"]
        return {
            "value": _short(entry["mean"]), "interval_95_over_patients": [_short(e) for e in ends]
        }  # fmt: skip

    names = ("sensitivity", "predictivity", "f1")
    classes = {
        name: {"beats": int(one["support"])} | {key: pair(one[key]) for key in names}
        for name, one in figures["classes"].items()
    }
    return {"accuracy": pair(figures["accuracy"]), "macro_f1": pair(figures["macro_f1"])} | {
        "classes": classes
    }


def _short(value: Any) -> float | None:
    return None if value is None or value != value else round(float(value), 4)


def usual(side: npt.NDArray[np.float32], names: Sequence[str]) -> dict[str, float]:
    """Return by name the medians of side numbers (record, number) of healthy training records."""
    middle = np.median(side.astype(np.float64), axis=0)
    return {n: float(f"{v:.5g}") for n, v in zip(names, middle.tolist(), strict=True)}


def with_metadata(data: bytes, card: Card) -> bytes:
    """Return the ONNX with the card inside; the digest there is empty, it cannot hold its own."""
    import onnx

    model = onnx.load_from_string(data)
    onnx.helper.set_model_props(model, {"einthoven.card": card.to_json()})
    whole: bytes = model.SerializeToString()
    return whole


def write(out: Path, graph: bytes, card: Card) -> None:
    """Write a bundle: the ONNX with the card inside, and the card with the digest beside it.

    Parameters
    ----------
    out : its folder; made.
    card : with one stage, whose file is written.
    """
    model, (stage,) = with_metadata(graph, card), card.stages
    with beside(out / stage.file) as temporary:
        temporary.write_bytes(model)
    stage = replace(stage, sha256=hashlib.sha256(model).hexdigest())
    write_text(out / CARD, replace(card, stages=(stage,)).to_json())


def withdraw(out: Path, card: Card, run: Path, apart: float) -> NoReturn:
    """Take a bundle away that says other than what was trained.

    Raises
    ------
    DataError : always.
    """
    (out / CARD).unlink()
    (out / card.stages[0].file).unlink()
    fault = f"ONNX and what was trained differ by {apart:.2g}"
    raise DataError(run, fault, "Report this as a fault")


def fill(
    bundle: Path, results: Path, suite: str, told: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Path:
    """Put a suite's figures of a bundle on the card beside its ONNX; return the bundle.

    The card inside the ONNX keeps the figures of the training side, so that the model that was
    judged and the one that is shipped are the same bytes.

    Parameters
    ----------
    results : what the suite wrote, with the judged ``model`` and its ``figures``.
    told : the results' ``figures`` to those of the card, by name.

    Raises
    ------
    DataError : the results are not of this bundle.
    """
    there = Bundle(bundle)
    found = json.loads(results.read_text(encoding="utf-8"))
    if found["model"] != {"name": there.card.name, "sha256": there.sha256}:
        raise DataError(results, f"is not of {bundle}", f"Run: einthoven evaluate --suite {suite}")
    figures = dict(there.card.figures) | dict(told(found["figures"]))
    write_text(bundle / CARD, replace(there.card, figures=figures).to_json())
    return bundle
