"""TreeSHAP: by the definition, by another implementation, and sums that are right."""

import json
import subprocess
import sys
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest

from einthoven.bundle import load_model
from einthoven.corpora import demo_record
from einthoven.explain._cases import cases
from einthoven.explain._explainer import EXPLAINERS, chosen
from einthoven.explain._model import BundleModel
from einthoven.explain._onnx_file import read_graph
from einthoven.explain._open import open_model
from einthoven.explain.explanation import explained
from einthoven.explain.treeshap import leaves
from einthoven.models import boosting
from einthoven.record import RecordSource, UsageError

from ._cases import a_case

NUMBERS, CLASSES = 5, 3


@pytest.fixture(scope="module")
def grown() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    side = rng.normal(size=(400, NUMBERS))
    label = (side[:, 0] * side[:, 1] > 0).astype(int) + (side[:, 2] > 0.7)
    model = boosting.build(0, {"rounds": 12, "leaves": 6, "features": 1.0}).fit(side, label)
    data = boosting.to_onnx(model, NUMBERS, ["N", "S", "V"])
    (node,) = read_graph(data, "x").nodes
    return model, leaves(node)


def _said(model: Any, side: Any) -> Any:
    return boosting.logits(model, np.atleast_2d(side), CLASSES).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_shapley_value_by_its_definition(grown: tuple[Any, Any], seed: int):
    model, found = grown
    own, reference = np.random.default_rng(100 + seed).normal(size=(2, NUMBERS))
    # float32, as the model eats them
    own, reference = own.astype(np.float32), reference.astype(np.float32)
    wanted = np.zeros((CLASSES, NUMBERS))
    for player in range(NUMBERS):
        rest = [n for n in range(NUMBERS) if n != player]
        for size in range(NUMBERS):
            share = factorial(size) * factorial(NUMBERS - size - 1) / factorial(NUMBERS)
            for coalition in combinations(rest, size):
                mixed = reference.copy()
                mixed[list(coalition)] = own[list(coalition)]
                joined = mixed.copy()
                joined[player] = own[player]
                wanted[:, player] += share * (_said(model, joined) - _said(model, mixed))[0]
    np.testing.assert_allclose(found.shapley(own, reference, CLASSES), wanted, atol=1e-5)


def test_the_sum_is_the_change_of_each_logit(grown: tuple[Any, Any]):
    model, found = grown
    own, reference = np.random.default_rng(7).normal(size=(2, NUMBERS)).astype(np.float32)
    change = (_said(model, own) - _said(model, reference))[0]
    np.testing.assert_allclose(found.shapley(own, reference, 3).sum(axis=1), change, atol=1e-5)
    np.testing.assert_array_equal(found.shapley(own, own, 3), 0)


_PEER = """
import warnings
warnings.simplefilter("ignore")
import sys, numpy as np, shap
from einthoven.models import boosting
rng = np.random.default_rng(0)
side = rng.normal(size=(400, 5))
label = (side[:, 0] * side[:, 1] > 0).astype(int) + (side[:, 2] > 0.7)
model = boosting.build(0, {"rounds": 12, "leaves": 6, "features": 1.0}).fit(side, label)
own, reference = np.random.default_rng(7).normal(size=(2, 5)).astype(np.float32)
said = shap.TreeExplainer(model, reference[None], feature_perturbation="interventional")
print(said.shap_values(own[None])[0].T.ravel().tolist())
"""


def test_another_implementation_finds_the_same(grown: tuple[Any, Any]):
    # By itself: its imports warn of what is no fault of ours.
    ran = subprocess.run([sys.executable, "-c", _PEER], capture_output=True, text=True, check=False)
    if "No module named 'shap'" in ran.stderr:
        pytest.skip("shap is not installed")
    assert ran.returncode == 0, ran.stderr
    wanted = np.array(json.loads(ran.stdout)).reshape(CLASSES, NUMBERS)
    own, reference = np.random.default_rng(7).normal(size=(2, NUMBERS)).astype(np.float32)
    np.testing.assert_allclose(grown[1].shapley(own, reference, CLASSES), wanted, atol=1e-4)


def test_of_the_shipped_live_model_the_log_odds_are_explained():
    model = BundleModel(load_model("aami-live"))
    names = 128  # numbers of a beat
    rng = np.random.default_rng(0)
    own, usual = rng.normal(size=(2, names)).astype(np.float32)
    case = a_case(np.zeros((1, 0)), own, reference=usual)
    for target in range(len(model.classes)):
        found = EXPLAINERS["treeshap"].explain(model, case, target)
        ends = np.log([found.probability, found.without]) - np.log1p(
            -np.array([found.probability, found.without])
        )
        assert sum(found.numbers.values()) == pytest.approx(ends[0] - ends[1], abs=1e-3)
        assert found.values is None
        assert len(found.numbers) == names


def test_what_is_not_trees_alone_is_refused():
    for name in ("aami-review", "arrhythminet-v2", "twelve", "rhythm"):
        with pytest.raises(UsageError, match="needs trees"):
            chosen(BundleModel(load_model(name)), "treeshap")


def test_the_beat_is_shown_where_it_stands() -> None:
    """Numbers stand nowhere, so the first seconds were drawn (found by a critic)."""
    model, record = open_model("aami-live"), demo_record()
    every = cases(model, RecordSource(record))
    found = explained(model, every[40], every.place(40), method="treeshap").attribution
    assert set(found.numbers) <= {"P", "PR", "QRS", "ST", "T", "TP", "RR", "signal"}
    assert len(found.measurements) == len(every[40].names)
    assert sum(found.numbers.values()) == pytest.approx(sum(found.measurements.values()))
    assert {s.name for s in found.stretches} >= {"QRS", "T"}
    r = every.place(40)[0] / record.rate
    assert any(s.name == "QRS" and s.onset < r < s.offset for s in found.stretches)
    assert found.to_dict()["measurements"].keys() == found.measurements.keys()
