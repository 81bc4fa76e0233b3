"""TreeSHAP: exact Shapley values of the numbers that boosted trees ask about, in one pass.

Lundberg et al., arXiv:1905.04610 (2019), the interventional kind, whose players are the numbers as
they are and as they are in a reference. Ours has one reference, the patient's usual numbers, and
needs no counts of what was learnt at each node, which our files do not keep. A leaf is reached by a
coalition if it has all numbers that only the item sends there and none that only the reference
does: a and b of them, so the first share 1 / (a C(a + b, a)) of the leaf each, and the others lose
likewise 1 / (b C(a + b, b)).

The trees of a class sum to its logit; the log odds of the answer bend. So the contributions to the
logits of all classes are weighed by the mean slope of the log odds from the reference to the item,
and sum to the change of the log odds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy.special import comb

from einthoven.bundle import Bundle
from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import BundleModel, Model
from einthoven.explain._onnx_file import Node, read_graph
from einthoven.record.attribution import Attribution

Floats = npt.NDArray[np.float64]

_STEPS = 64  # of the slope's mean


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaves:
    """What trees say at their leaves, and which numbers lead there.

    Attributes
    ----------
    number : (leaf, question) int64 which number each of the way's questions is about; a number
        that is asked about again is one question.
    above, most : (leaf, question) it has to be above the one and at most the other.
    target : (leaf,) the class.
    says : (leaf,) what is added to its logit.
    """

    number: npt.NDArray[np.int64]
    above: Floats
    most: Floats
    target: npt.NDArray[np.int64]
    says: Floats

    def shapley(self, own: Floats, reference: Floats, classes: int) -> Floats:
        """Return (class, number): contributions to the logits.

        Parameters
        ----------
        own, reference : (number,); NaN goes where larger numbers go, as in ONNX.
        """
        fits = []
        for values in (own, reference):
            asked = np.nan_to_num(values, nan=np.inf)[self.number]
            fits.append((asked > self.above) & (asked <= self.most))
        mine, theirs = fits[0] & ~fits[1], fits[1] & ~fits[0]
        a, b = mine.sum(axis=1), theirs.sum(axis=1)
        reached = (fits[0] | fits[1]).all(axis=1)
        ways = comb(a + b, a)
        gain = np.where(reached & (a > 0), self.says / (np.maximum(a, 1) * ways), 0)
        loss = np.where(reached & (b > 0), self.says / (np.maximum(b, 1) * ways), 0)
        each: Floats = mine * gain[:, None] - theirs * loss[:, None]
        found = np.zeros((classes, len(own)))
        np.add.at(found, (self.target[:, None], self.number), each)
        return found


def leaves(node: Node) -> Leaves:
    """Return the leaves of a ``TreeEnsembleRegressor`` whose nodes ask "at most?"."""
    given = node.attributes
    children: dict[tuple[int, int], tuple[int, int]] = {}
    asked: dict[tuple[int, int], tuple[int, float]] = {}
    columns = ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids")
    rows = zip(*(given[f"nodes_{c}"] for c in columns), given["nodes_modes"], strict=True)
    for tree, number, feature, value, yes, no, mode in rows:
        if mode != b"LEAF":
            children[tree, number] = (yes, no)
            asked[tree, number] = (feature, value)
    says: dict[tuple[int, int], list[tuple[int, float]]] = {}
    targets = zip(*(given[f"target_{c}"] for c in ("treeids", "nodeids", "ids", "weights")),
                  strict=True)  # fmt: skip
    for tree, number, target, weight in targets:
        says.setdefault((tree, number), []).append((target, weight))
    ways: list[dict[int, tuple[float, float]]] = []
    last: list[tuple[int, float]] = []
    for tree in sorted({tree for tree, _ in says}):
        stack: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
        while stack:
            number, way = stack.pop()
            for told in says.get((tree, number), ()):
                ways.append(way)
                last.append(told)
            if (tree, number) in children:
                feature, value = asked[tree, number]
                above, most = way.get(feature, (-np.inf, np.inf))
                yes, no = children[tree, number]
                stack.append((yes, way | {feature: (above, min(most, value))}))
                stack.append((no, way | {feature: (max(above, value), most)}))
    depth = max((len(w) for w in ways), default=0)
    shape = (len(ways), depth)
    feature_of = np.zeros(shape, np.int64)
    lower, upper = np.full(shape, -np.inf), np.full(shape, np.inf)
    for row, way in enumerate(ways):
        for column, (feature, ends) in enumerate(way.items()):
            feature_of[row, column] = feature
            lower[row, column], upper[row, column] = ends
    return Leaves(
        number=feature_of, above=lower, most=upper, target=np.array([t for t, _ in last], np.int64),
        says=np.array([w for _, w in last], np.float64),
    )  # fmt: skip


_KNOWN: WeakKeyDictionary[Bundle, Leaves | None] = WeakKeyDictionary()


def _of(model: Model) -> Leaves | None:
    """Return the leaves of a model that is trees and nothing else; read once."""
    if not isinstance(model, BundleModel):
        return None
    if model.bundle not in _KNOWN:
        _KNOWN[model.bundle] = _read(model.bundle)
    return _KNOWN[model.bundle]


def _read(bundle: Bundle) -> Leaves | None:
    data = bundle.stage_bytes(0)
    # A network beside the trees is seen without reading all of it.
    if b"TreeEnsembleRegressor" not in data or b"Conv" in data:
        return None
    graph = read_graph(data, str(bundle.path))
    nodes = [n for n in graph.nodes if n.kind != "Identity"]
    if graph.inputs != ("side",) or len(nodes) != 1:
        return None
    own: dict[str, Any] = nodes[0].attributes
    plain = own.get("post_transform", b"NONE") == b"NONE"
    plain = plain and own.get("aggregate_function", b"SUM") == b"SUM"
    if not plain or not set(own["nodes_modes"]) <= {b"LEAF", b"BRANCH_LEQ"}:
        return None
    return leaves(nodes[0])


def serves(model: Model) -> bool:
    """Return whether a model is boosted trees and nothing else."""
    return _of(model) is not None


def weights(model: Model, ends: Floats, target: int) -> Floats:
    """Return (class,) the mean slope of the log odds by the logits from one end to the other.

    Parameters
    ----------
    ends : (2, class) calibrated logits of the reference and of the item.
    """
    if model.task == "diagnosis":
        one = np.zeros(ends.shape[1])
        one[target] = 1
        return one
    at, weight = np.polynomial.legendre.leggauss(_STEPS)
    way = ends[0] + (at[:, None] + 1) / 2 * (ends[1] - ends[0])
    way[:, target] = -np.inf
    rest = np.exp(way - way.max(axis=1, keepdims=True))
    slope = -rest / rest.sum(axis=1, keepdims=True)
    slope[:, target] = 1
    found: Floats = np.asarray(weight / 2 @ slope, np.float64)
    return found


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions of the side numbers in logits."""
    found = _of(model)
    assert found is not None
    assert isinstance(model, BundleModel)
    (window, own), (_, usual) = gradients.own(case), gradients.baseline(case)
    both = {"window": np.repeat(window, 2, axis=0), "side": np.concatenate([usual, own])}
    each = found.shapley(
        own[0, case.row].astype(float), usual[0, case.row].astype(float), len(model.classes)
    ) / np.asarray(model.bundle.card.temperature)  # fmt: skip
    told = weights(model, model.logits(both), target) @ each
    return gradients.finished(
        "treeshap", model, case, target, None, told.astype(np.float32)[None], unit="logit",
        compared=True,
    )  # fmt: skip


EXPLAINERS.add(
    "treeshap",
    Explainer(
        title="TreeSHAP", paper="Lundberg et al. 2019, arXiv:1905.04610", needs="trees",
        explain=explain, serves=serves,
    ),
)  # fmt: skip
