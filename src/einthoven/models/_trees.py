"""Boosted trees as five short tables, and as ONNX made of plain operators.

The operator that ONNX has for trees spells each node out in words: 38 bytes a node. As tables of
the smallest whole numbers a node takes 7, which lets a system of 400 KB hold five times the trees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Small = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """Boosted trees; the classes take turns, tree by tree.

    Attributes
    ----------
    begin : (tree,) int64 first node of each tree.
    feature : (node,) which number is asked about.
    left, right : (node,) where to go if that number is at most `number`, and if not; counted from
        the tree's first node. A leaf leads to itself.
    number : (node,) float32 what is compared with; of a leaf, what it says.
    base : (class,) float32 what is said before any tree.
    depth : questions on the longest way.
    """

    begin: npt.NDArray[np.int64]
    feature: Small
    left: Small
    right: Small
    number: npt.NDArray[np.float32]
    base: npt.NDArray[np.float32]
    depth: int

    def logits(self, side: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return (item, class) of numbers (item, number)."""
        at = np.tile(self.begin, (len(side), 1))
        for _ in range(self.depth):
            low = np.take_along_axis(side, self.feature[at].astype(np.int64), 1) <= self.number[at]
            at = self.begin + np.where(low, self.left[at], self.right[at])
        said = self.number[at].reshape(len(side), -1, len(self.base))
        found: npt.NDArray[np.float32] = (said.sum(axis=1) + self.base).astype(np.float32)
        return found

    def to_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return the tables by name, as a file of tensors holds them."""
        names = ("begin", "feature", "left", "right", "number", "base")
        return {n: getattr(self, n) for n in names} | {"depth": np.array([self.depth])}

    @classmethod
    def from_dict(cls, tables: dict[str, npt.NDArray[Any]]) -> Trees:
        """Read `to_dict`."""
        return cls(**(tables | {"depth": int(tables["depth"][0])}))  # type: ignore[arg-type]


def tables(model: Any, classes: int) -> Trees:
    """Return the trees of a fitted ``HistGradientBoostingClassifier``.

    Parameters
    ----------
    model : as `models.boosting.build` gives it, fitted on every one of 3 classes or more, numbers
        without NaN, at most 256 of them.
    classes : how many.

    Raises
    ------
    UsageError : a class was never seen.
    """
    if list(model.classes_) != list(range(classes)) or classes < 3:
        raise UsageError("trees", f"know {len(model.classes_)} classes", f"Train on {classes}")
    begin, depth, count = [], 0, 0
    parts: dict[str, list[Any]] = {k: [] for k in ("feature", "left", "right", "number")}
    for grown in model._predictors:
        for tree in grown:
            nodes = tree.nodes
            leaf = nodes["is_leaf"].astype(bool)
            own = np.arange(len(nodes))
            begin.append(count)
            count += len(nodes)
            depth = max(depth, int(nodes["depth"].max()))
            parts["feature"].append(np.where(leaf, 0, nodes["feature_idx"]))
            parts["left"].append(np.where(leaf, own, nodes["left"]))
            parts["right"].append(np.where(leaf, own, nodes["right"]))
            parts["number"].append(np.where(leaf, nodes["value"], below(nodes["num_threshold"])))
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    assert max(int(joined[k].max()) for k in ("feature", "left", "right")) < 256
    return Trees(
        begin=np.array(begin, np.int64), number=joined["number"].astype(np.float32),
        base=np.ravel(model._baseline_prediction).astype(np.float32), depth=depth,
        **{k: joined[k].astype(np.uint8) for k in ("feature", "left", "right")},
    )  # fmt: skip


def below(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 not above each: float32 numbers fall on the same side."""
    value = threshold.astype(np.float32)
    lower: npt.NDArray[np.float32] = np.nextafter(value, np.float32(-np.inf))
    return np.where(value.astype(np.float64) > threshold, lower, value)


def add_to(
    trees: Trees,
    side: str,
    constant: Callable[[npt.NDArray[Any]], str],
    add: Callable[..., str],
) -> str:
    """Add the trees to an ONNX graph and return the name of their logits (item, class).

    Parameters
    ----------
    side : name of the numbers (item, number) float32.
    constant : takes an array, returns its name in the graph.
    add : takes an operator, names of inputs and attributes, returns the name of the output.
    """
    from onnx import TensorProto

    begin = constant(trees.begin[None])
    held = {k: constant(getattr(trees, k)) for k in ("feature", "left", "right", "number")}
    items = add("Shape", side, end=1)
    width = constant(np.array([len(trees.begin)], np.int64))
    at = add("Expand", begin, add("Concat", items, width, axis=0))
    for _ in range(trees.depth):
        asked = add("Cast", add("Gather", held["feature"], at), to=TensorProto.INT64)
        value = add("GatherElements", side, asked, axis=1)
        low = add("LessOrEqual", value, add("Gather", held["number"], at))
        ways = [
            add("Cast", add("Gather", held[way], at), to=TensorProto.INT64)
            for way in ("left", "right")
        ]
        at = add("Add", begin, add("Where", low, *ways))
    shape = constant(np.array([0, -1, len(trees.base)], np.int64))
    said = add("Reshape", add("Gather", held["number"], at), shape)
    axis = constant(np.array([1], np.int64))
    total = add("ReduceSum", said, axis, keepdims=0)
    return add("Add", total, constant(trees.base))


class Ensemble:
    """Trees as the operator has them that ONNX has for trees, one after the other."""

    def __init__(self) -> None:
        words = "treeids nodeids featureids modes values truenodeids falsenodeids"
        self._nodes: dict[str, list[Any]] = {k: [] for k in words.split()}
        words = "treeids nodeids ids weights"
        self._leaves: dict[str, list[Any]] = {k: [] for k in words.split()}
        self._count = 0

    def _row(
        self, number: int, mode: str, feature: int, value: float, left: int, right: int
    ) -> None:
        row = (self._count, number, feature, mode, value, left, right)
        for column, cell in zip(self._nodes.values(), row, strict=True):
            column.append(cell)

    def _leaf(self, number: int, target: int, weight: float) -> None:
        self._row(number, "LEAF", 0, 0.0, 0, 0)
        for column, cell in zip(
            self._leaves.values(), (self._count, number, target, weight), strict=True
        ):
            column.append(cell)

    def add(self, target: int, nodes: Any, *, draws: int = 1) -> None:
        """Add a tree.

        Parameters
        ----------
        target : what it speaks for.
        nodes : (node,) table of scikit-learn's histogram boosting.
        draws : models of the target; the tree speaks for its part of their mean.
        """
        for number, row in enumerate(nodes):
            if row["is_leaf"]:
                self._leaf(number, target, float(row["value"]) / draws)
            else:
                self._row(
                    number, "BRANCH_LEQ", int(row["feature_idx"]),
                    float(below(row["num_threshold"])), int(row["left"]), int(row["right"]),
                )  # fmt: skip
        self._count += 1

    def add_leaf(self, target: int, weight: float) -> None:
        """Add a tree that always says the same."""
        self._leaf(0, target, weight)
        self._count += 1

    def node(self, given: str, said: str, base: npt.NDArray[np.floating]) -> Any:
        """Return the ONNX node: `given` (item, number) in, `said` (item, target) out.

        Parameters
        ----------
        base : (target,) what is said before any tree.
        """
        from onnx import helper

        columns: dict[str, Any] = {f"nodes_{k}": v for k, v in self._nodes.items()}
        columns |= {f"target_{k}": v for k, v in self._leaves.items()}
        return helper.make_node(
            "TreeEnsembleRegressor", [given], [said], domain="ai.onnx.ml", n_targets=len(base),
            post_transform="NONE", base_values=[float(b) for b in base], **columns,
        )  # fmt: skip
