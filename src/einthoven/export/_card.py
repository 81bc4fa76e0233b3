"""What every bundle's card is made of: figures of a results row, and the card inside the ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Card


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
