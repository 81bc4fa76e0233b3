"""Gradient boosting on the side numbers: the control that every network has to beat.

Histogram gradient boosting after Ke et al. 2017 (LightGBM), as scikit-learn implements it. Shipped
as plain tree operators of ONNX, so that neither scikit-learn nor a pickle is needed in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.models._trees import below
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
    """
    from onnx import TensorProto, helper

    seen = [int(c) for c in model.classes_]
    if len(seen) < 3:
        raise UsageError("boosting", f"knows {len(seen)} classes", "Train on three or more")
    node: dict[str, list[Any]] = {
        k: [] for k in ("treeids", "nodeids", "featureids", "modes", "values")
    } | {k: [] for k in ("truenodeids", "falsenodeids")}
    leaf: dict[str, list[Any]] = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    tree = 0
    for iteration in model._predictors:
        for target, predictor in zip(seen, iteration, strict=True):
            for number, row in enumerate(predictor.nodes):
                last = bool(row["is_leaf"])
                node["treeids"].append(tree)
                node["nodeids"].append(number)
                node["modes"].append("LEAF" if last else "BRANCH_LEQ")
                node["featureids"].append(0 if last else int(row["feature_idx"]))
                node["values"].append(0.0 if last else float(below(row["num_threshold"])))
                node["truenodeids"].append(0 if last else int(row["left"]))
                node["falsenodeids"].append(0 if last else int(row["right"]))
                if last:
                    leaf["treeids"].append(tree)
                    leaf["nodeids"].append(number)
                    leaf["ids"].append(target)
                    leaf["weights"].append(float(row["value"]))
            tree += 1
    for target in set(range(len(classes))) - set(seen):
        # A class without any leaf would lose its base value.
        for key, value in (("featureids", 0), ("values", 0.0), ("modes", "LEAF")):
            node[key].append(value)
        for key, value in (("treeids", tree), ("nodeids", 0)):
            node[key].append(value)
            leaf[key].append(value)
        for key in ("truenodeids", "falsenodeids"):
            node[key].append(0)
        leaf["ids"].append(target)
        leaf["weights"].append(0.0)
        tree += 1
    base = np.full(len(classes), -20.0)
    base[seen] = np.ravel(model._baseline_prediction)
    columns: dict[str, Any] = {f"nodes_{k}": v for k, v in node.items()}
    columns |= {f"target_{k}": v for k, v in leaf.items()}
    trees = helper.make_node(
        "TreeEnsembleRegressor", ["side"], ["logits"], domain="ai.onnx.ml",
        n_targets=len(classes), post_transform="NONE", base_values=[float(b) for b in base],
        **columns,
    )  # fmt: skip
    graph = helper.make_graph(
        [trees], "boosting",
        [helper.make_tensor_value_info("side", TensorProto.FLOAT, ["item", numbers])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["item", len(classes)])],
    )  # fmt: skip
    whole = helper.make_model(
        graph, producer_name="einthoven", ir_version=8,
        opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)],
    )  # fmt: skip
    data: bytes = whole.SerializeToString()
    return data
