"""Trees for labels of which a record has any number: boosting for each class by itself.

A class is made of parts: an infarction is one of the inferior or of the anterior wall, and looks
like one of them. So trees may be grown for the parts as well, and the odds of a class are a
geometric mean of what its own trees say and of the summed odds of its parts.

Gradient boosting over histograms, as scikit-learn has it (after Ke et al. 2017). Written as plain
tree operators of ONNX, so that neither scikit-learn nor a pickle is needed in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.models._trees import Ensemble
from einthoven.record.errors import UsageError, nearest

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

ARGUMENTS: Mapping[str, Any] = {
    "rounds": 150, "leaves": 8, "learning_rate": 0.05, "l2": 5.0, "features": 0.15, "least": 20,
    "draws": 3, "part_draws": 2,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelTrees:
    """Fitted trees.

    Attributes
    ----------
    models : for each target, the classes first and then their parts, one model a draw.
    owner : (target,) the class that a target is, or is part of.
    share : of the parts in the logit of a class that has any; 0 leaves them out.
    classes : how many.
    """

    models: tuple[tuple[Any, ...], ...]
    owner: npt.NDArray[np.int64]
    share: float
    classes: int

    @property
    def nodes(self) -> int:
        """How many nodes all trees have."""
        grown = (p for draws in self.models for m in draws for p in m._predictors)
        return sum(len(tree.nodes) for trees in grown for tree in trees)

    @property
    def matrix(self) -> Array:
        """(part, class) 1 where a part is one of a class."""
        parts = self.owner[self.classes :]
        matrix: Array = (parts[:, None] == np.arange(self.classes)).astype(np.float32)
        return matrix

    def logits(self, side: Array) -> Array:
        """Return (record, class) float32."""
        wide = np.asarray(side, np.float64)
        raw = np.stack(
            [np.mean([m._raw_predict(wide)[:, 0] for m in draws], axis=0) for draws in self.models],
            axis=1,
        )
        own, parts = raw[:, : self.classes], raw[:, self.classes :]
        matrix = self.matrix
        share = self.share * (matrix.sum(axis=0) > 0)
        odds = np.exp(parts) @ matrix
        mixed: Array = ((1 - share) * own + share * np.log(np.where(share > 0, odds, 1))).astype(
            np.float32
        )
        return mixed

    def to_onnx(self, numbers: int) -> bytes:
        """Return ONNX: ``side`` (item, number) in, ``logits`` (item, class) out."""
        import onnx
        from onnx import helper, numpy_helper

        nodes: list[Any] = [self._ensemble()]
        constants: list[Any] = []

        def add(kind: str, *inputs: str, **own: Any) -> str:
            nodes.append(helper.make_node(kind, list(inputs), [f"n{len(nodes)}"], **own))
            return f"n{len(nodes) - 1}"

        def constant(value: Any) -> str:
            constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
            return f"c{len(constants) - 1}"

        matrix = self.matrix
        last = "raw"
        if len(matrix):
            cut = constant(np.array([self.classes, len(matrix)], np.int64))
            nodes.append(helper.make_node("Split", ["raw", cut], ["own", "parts"], axis=1))
            has = matrix.sum(axis=0) > 0
            share = (self.share * has).astype(np.float32)
            odds = add("MatMul", add("Exp", "parts"), constant(matrix))
            # A class without parts has odds of 1 there, and no share in them.
            odds = add("Log", add("Add", odds, constant((~has).astype(np.float32))))
            one = add("Mul", "own", constant((1 - share).astype(np.float32)))
            last = add("Add", one, add("Mul", odds, constant(share)))
        nodes.append(helper.make_node("Identity", [last], ["logits"]))
        graph = helper.make_graph(
            nodes, "label-trees",
            [helper.make_tensor_value_info("side", onnx.TensorProto.FLOAT, ["item", numbers])],
            [helper.make_tensor_value_info(
                "logits", onnx.TensorProto.FLOAT, ["item", self.classes])], constants,
        )  # fmt: skip
        whole = helper.make_model(
            graph, producer_name="einthoven", ir_version=8,
            opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        )  # fmt: skip
        onnx.checker.check_model(whole)
        data: bytes = whole.SerializeToString()
        return data

    def _ensemble(self) -> Any:
        """Return the node of all trees: raw logits of each target, the mean over draws."""
        trees, base = Ensemble(), np.zeros(len(self.models))
        for target, draws in enumerate(self.models):
            for model in draws:
                base[target] += float(np.ravel(model._baseline_prediction)[0]) / len(draws)
                for (predictor,) in model._predictors:
                    trees.add(target, predictor.nodes, draws=len(draws))
        return trees.node("side", "raw", base)


def fit(
    side: Array,
    label: npt.NDArray[np.float32],
    parts: npt.NDArray[np.float32],
    owner: npt.NDArray[np.int64],
    *,
    share: float,
    seed: int,
    arguments: Mapping[str, Any],
) -> LabelTrees:
    """Return the trees of all classes and parts.

    Parameters
    ----------
    side : (record, number), without NaN.
    label : (record, class) 1, 0 or NaN; a record whose label is NaN teaches nothing of the class.
    parts : (record, part) likewise.
    owner : (part,) the class each is part of.
    share, seed : see `LabelTrees`; the first seed of the draws.
    arguments : any of `ARGUMENTS`: rounds of boosting, leaves a tree, learning rate, L2 penalty,
        share of the features tried at a split, least records in a leaf, draws averaged for a class
        and for a part.

    Raises
    ------
    UsageError : an argument is not known, or a class has records of one kind alone.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    for key in arguments:
        if key not in ARGUMENTS:
            raise UsageError("model", f"key {key!r} is not known", nearest(key, ARGUMENTS))
    values = {**ARGUMENTS, **arguments}
    targets = np.concatenate([label, parts], axis=1)
    models = []
    for k, target in enumerate(targets.T):
        known = ~np.isnan(target)
        if len(np.unique(target[known])) != 2:
            raise UsageError("labels", f"target {k} is always or never true", "Leave it out")
        draws = []
        for draw in range(int(values["draws" if k < label.shape[1] else "part_draws"])):
            model = HistGradientBoostingClassifier(
                max_iter=int(values["rounds"]), max_leaf_nodes=int(values["leaves"]),
                learning_rate=float(values["learning_rate"]),
                l2_regularization=float(values["l2"]), max_features=float(values["features"]),
                min_samples_leaf=int(values["least"]), early_stopping=False,
                random_state=seed + draw,
            )  # fmt: skip
            draws.append(model.fit(side[known], target[known]))
        models.append(tuple(draws))
    return LabelTrees(
        models=tuple(models), share=share, classes=label.shape[1],
        owner=np.concatenate([np.arange(label.shape[1]), owner]).astype(np.int64),
    )  # fmt: skip
