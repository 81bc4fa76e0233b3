"""Gradient boosting on the side numbers: the control that every network has to beat.

Histogram gradient boosting after Ke et al. 2017 (LightGBM), as scikit-learn implements it. Shipped
as plain tree operators of ONNX, so that neither scikit-learn nor a pickle is needed in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.models._trees import Ensemble
from einthoven.record.errors import UsageError
from einthoven.record.errors import nearest as _nearest

Array = npt.NDArray[np.float32]

ARGUMENTS: Mapping[str, Any] = {
    "rounds": 100, "leaves": 12, "learning_rate": 0.07, "l2": 5.0, "features": 0.3, "least": 20,
}  # fmt: skip


def build(seed: int, arguments: Mapping[str, Any]) -> Any:
    """Return an unfitted classifier.

    Parameters
    ----------
    seed : of the features drawn at each split.
    arguments : any of `ARGUMENTS`: rounds of boosting, leaves a tree, learning rate, L2 penalty,
        share of the features tried at a split, least beats in a leaf.

    Raises
    ------
    UsageError : an argument is not known.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    for key in arguments:
        if key not in ARGUMENTS:
            raise UsageError("model", f"key {key!r} is not known", _nearest(key, ARGUMENTS))
    values = {**ARGUMENTS, **arguments}
    return HistGradientBoostingClassifier(
        max_iter=int(values["rounds"]), max_leaf_nodes=int(values["leaves"]),
        learning_rate=float(values["learning_rate"]), l2_regularization=float(values["l2"]),
        max_features=float(values["features"]), min_samples_leaf=int(values["least"]),
        early_stopping=False, random_state=seed,
    )  # fmt: skip


def logits(model: Any, side: Array, classes: int) -> Array:
    """Return (beat, class) float32 sums of the leaves; a class never seen gets -20."""
    raw = np.asarray(model._raw_predict(np.asarray(side, np.float64)), np.float64)
    if raw.shape[1] == 1:  # scikit-learn keeps one column for two classes
        raw = np.concatenate([np.zeros_like(raw), raw], axis=1)
    whole = np.full((len(raw), classes), -20.0)
    whole[:, model.classes_.astype(np.int64)] = raw
    return whole.astype(np.float32)


def to_onnx(model: Any, numbers: int, classes: Sequence[str]) -> bytes:
    """Return the fitted model as ONNX: input ``side`` (item, number), output ``logits``.

    Parameters
    ----------
    model : as `build` gave it, fitted on class indices, three classes or more.
    numbers : side numbers a beat.
    classes : names; those the model never saw get the logit -20.

    Raises
    ------
    UsageError : the model knows fewer than three classes.
    """
    from onnx import TensorProto, helper

    seen = [int(c) for c in model.classes_]
    if len(seen) < 3:
        raise UsageError("boosting", f"knows {len(seen)} classes", "Train on three or more")
    trees = Ensemble()
    for iteration in model._predictors:
        for target, predictor in zip(seen, iteration, strict=True):
            trees.add(target, predictor.nodes)
    for target in set(range(len(classes))) - set(seen):
        trees.add_leaf(target, 0.0)  # a class without any leaf would lose its base value
    base = np.full(len(classes), -20.0)
    base[seen] = np.ravel(model._baseline_prediction)
    graph = helper.make_graph(
        [trees.node("side", "logits", base)], "boosting",
        [helper.make_tensor_value_info("side", TensorProto.FLOAT, ["item", numbers])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["item", len(classes)])],
    )  # fmt: skip
    whole = helper.make_model(
        graph, producer_name="einthoven", ir_version=8,
        opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)],
    )  # fmt: skip
    data: bytes = whole.SerializeToString()
    return data
