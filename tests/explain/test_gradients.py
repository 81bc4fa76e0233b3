"""Methods that ask for slopes: exact where the answer is known, and sums that are right."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.bundle import load_model
from einthoven.explain import _gradients as gradients
from einthoven.explain._explainer import EXPLAINERS, chosen
from einthoven.explain._model import BundleModel
from einthoven.models import MODELS
from einthoven.record import UsageError

from ._cases import Linear, a_case, a_model, settled

WINDOW = np.array([[0, 1, -2, 3, 0], [0, 0.5, 4, -1, 0]], np.float32)  # its line is 0
WEIGHT = np.random.default_rng(0).normal(size=(2, 2, 5))
SAMPLES = ("saliency", "smoothgrad", "integrated-gradients", "deeplift", "gradient-shap")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("target", [0, 1])
def test_of_a_linear_model_a_sample_contributes_weight_times_sample(name: str, target: int):
    numbers = np.array([[1.0, -2.0], [0.5, 3.0]])
    model = a_model(Linear(WEIGHT, numbers), 2, side=True)
    case = a_case(WINDOW, [2.0, 5.0], reference=np.array([1.0, 1.0], np.float32))
    found = EXPLAINERS[name].explain(model, case, target)
    wanted = WEIGHT[target] * WINDOW
    beside = numbers[target] * [1.0, 4.0]
    scale = 1.0 if found.unit == "logit" else max(np.abs(wanted).max(), np.abs(beside).max())
    np.testing.assert_allclose(found.values, wanted / scale, atol=1e-5)
    np.testing.assert_allclose([found.numbers[n] for n in case.names], beside / scale, atol=1e-5)
    assert found.leads == ("a", "b")
    assert not found.doubt


@pytest.mark.parametrize("name", SAMPLES)
def test_of_two_classes_the_log_odds_are_explained(name: str):
    # One class against another: the log odds are the difference of the logits.
    model = a_model(Linear(WEIGHT), 2, task="beat", temperature=2.0, offsets=[0.5, -0.5])
    found = EXPLAINERS[name].explain(model, a_case(WINDOW), 0)
    wanted = (WEIGHT[0] - WEIGHT[1]) * WINDOW / 2
    scale = 1.0 if found.unit == "logit" else np.abs(wanted).max()
    np.testing.assert_allclose(found.values, wanted / scale, atol=1e-5)
    odds = wanted.sum() + 0.5
    assert found.probability == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
    if found.unit == "logit":
        assert found.without == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-5)


def _bent(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(2, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool1d(2),
        nn.Conv1d(8, 8, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(80, 16), nn.ReLU(),
        nn.Linear(16, 3),
    )  # fmt: skip


class _Named(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(window)
        return found


def _odds(answer: Any) -> float:
    return float(np.log(answer) - np.log1p(-answer))


@pytest.mark.parametrize("name", ["integrated-gradients", "deeplift"])
@pytest.mark.parametrize("seed", range(4))
def test_contributions_sum_to_the_change_from_the_baseline(name: str, seed: int):
    model = a_model(_Named(_bent(seed)), 3, task="beat")
    case = a_case(np.random.default_rng(seed).normal(size=(2, 20)))
    found = EXPLAINERS[name].explain(model, case, 1)
    assert found.without is not None
    change = _odds(found.probability) - _odds(found.without)
    # Or what float32 leaves of so small a change.
    near = 0.01 + 0.03 * abs(change) if name == "integrated-gradients" else 1e-4
    assert float(found.values.sum()) == pytest.approx(change, abs=near)


def test_gradient_shap_sums_to_the_change_from_the_mean_baseline():
    model = a_model(_Named(_bent()), 3)
    rng = np.random.default_rng(3)
    case = a_case(rng.normal(size=(2, 20)), others=rng.normal(size=(7, 2, 20)).astype(np.float32))
    found = EXPLAINERS["gradient-shap"].explain(model, case, 2)
    own, line = gradients.own(case)[0], gradients.baseline(case)[0]
    side = np.zeros((9, 1, 0), np.float32)
    said = model.logits({"window": np.concatenate([own, line, case.others]), "side": side})[:, 2]
    change = said[0] - said[1:].mean()
    assert float(found.values.sum()) == pytest.approx(change, abs=0.1)
    alone = EXPLAINERS["gradient-shap"].explain(model, a_case(case.window), 2)
    assert float(alone.values.sum()) == pytest.approx(said[0] - said[1], abs=0.05)


@pytest.mark.filterwarnings("ignore:Setting .*hooks")
@pytest.mark.filterwarnings("ignore:Input Tensor")
def test_other_implementations_find_the_same():
    attr = pytest.importorskip("captum.attr")
    body = nn.Sequential(
        nn.Flatten(), nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 3)
    )
    model = a_model(_Named(body.eval()), 3)
    case = a_case(np.random.default_rng(5).normal(size=(2, 20)))
    window, line = (torch.tensor(p[0]) for p in (gradients.own(case), gradients.baseline(case)))
    for name, other, own in (
        ("deeplift", attr.DeepLift(body), {}),
        ("integrated-gradients", attr.IntegratedGradients(body), {"n_steps": 200}),
    ):
        wanted = other.attribute(window, baselines=line, target=1, **own).detach().numpy()[0]
        found = EXPLAINERS[name].explain(model, case, 1).values
        np.testing.assert_allclose(found, wanted, atol=3e-3 if own else 1e-5)
    from einthoven.explain._rules import Guided

    relus = nn.Sequential(nn.Flatten(), nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 20), nn.ReLU(),
                          nn.Linear(20, 3))  # fmt: skip
    wanted = attr.GuidedBackprop(relus).attribute(window.clone().requires_grad_(), target=1)
    asked = gradients.question(a_model(_Named(relus), 3), 1)
    with Guided():
        found, _, _ = gradients.slopes(asked, window.numpy(), np.zeros((1, 1, 0), np.float32))
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=1e-6)


def test_what_is_not_known_stays_out():
    model = a_model(Linear(WEIGHT, [[1.0, 2.0], [3.0, 4.0]]), 2, side=True)
    model.module.net.forward = lambda window, side: nn.Module.__call__(  # type: ignore[union-attr]
        Linear(WEIGHT, [[1.0, 2.0], [3.0, 4.0]]), window, side.nan_to_num()
    )
    case = a_case(WINDOW, [np.nan, 5.0], reference=np.array([7.0, 1.0], np.float32))
    found = EXPLAINERS["integrated-gradients"].explain(model, case, 0)
    assert found.numbers == pytest.approx({"n0": 0.0, "n1": 8.0}, abs=1e-4)


def test_a_method_that_cannot_serve_is_refused_by_naming_those_that_can():
    trees = BundleModel(load_model("aami-live"))
    for name in (*SAMPLES, "gradcam", "gradcam-pp", "guided-gradcam"):
        with pytest.raises(UsageError, match=r"needs (gradients|maps).*Use ") as fault:
            chosen(trees, name)
        assert name not in str(fault.value).split("Use ")[1].split(", ")
    net = BundleModel(load_model("arrhythminet-v2"))
    for name in SAMPLES:
        chosen(net, name)
    lstm = a_model(MODELS["cnn-lstm"].build(leads=1, time=80, classes=2, side=0), 2)
    with pytest.raises(UsageError, match="deeplift"):
        chosen(lstm, "deeplift")


@pytest.mark.parametrize("name", ["resnet1d", "abcnn", "heartbeatai", "recognition"])
def test_deeplift_goes_through_networks_of_the_catalogue(name: str):
    torch.manual_seed(0)
    net = MODELS[name].build(leads=2, time=160, classes=3, side=0)
    model = a_model(settled(net, torch.randn(16, 2, 160)), 3, task="beat")
    case = a_case(np.random.default_rng(1).normal(size=(2, 160)))
    found = EXPLAINERS["deeplift"].explain(model, case, 0)
    change = _odds(found.probability) - _odds(found.without)
    assert float(found.values.sum()) == pytest.approx(change, abs=2e-3 * max(1, abs(change)))


def test_deeplift_refuses_what_it_has_no_rule_for():
    class Strange(nn.Module):
        def forward(self, window: torch.Tensor) -> torch.Tensor:
            return torch.cumprod(window.flatten(1), dim=1)[:, -2:] * 9

    model = a_model(Strange(), 2)
    with pytest.raises(UsageError, match="no rule"):
        EXPLAINERS["deeplift"].explain(model, a_case([[1.0, 2, 3, 1.5, 2.5]]), 0)
