"""Grad-CAM and its like: the layer is found in every network, and what matters lights up."""

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.bundle import load_model
from einthoven.explain._explainer import EXPLAINERS
from einthoven.explain._maps import layer_of
from einthoven.explain._model import BundleModel
from einthoven.models import MODELS
from einthoven.record import UsageError

from ._cases import a_case, a_model, settled

METHODS = ("gradcam", "gradcam-pp", "guided-gradcam")


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("leads", [1, 3])
def test_every_architecture_has_a_layer_that_knows_when(name: str, leads: int):
    torch.manual_seed(0)
    time = 1200 if name == "hrv-conformer" else 300
    net = MODELS[name].build(leads=leads, time=time, classes=4, side=0)
    model = a_model(settled(net, torch.randn(8, leads, time)), 4, task="beat")
    case = a_case(np.random.default_rng(0).normal(size=(leads, time)))
    found = EXPLAINERS["gradcam"].explain(model, case, 1)
    assert found.values.shape == (leads, time)
    assert np.abs(found.values).max() == pytest.approx(1)
    assert found.unit == "share"
    layer = layer_of(model, case)
    assert layer is layer_of(model, case), "it is found once"
    assert layer.times


class Bump(nn.Module):
    """The size of what goes up in the first lead, by a convolution that knows when."""

    def __init__(self, leads: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(leads, 4, 5, stride=2, padding=2), nn.ReLU())
        with torch.no_grad():
            self.body[0].weight.zero_()
            self.body[0].bias.zero_()
            self.body[0].weight[0, 0, 2], self.body[0].weight[1, 0, 2] = 1.0, -1.0
        self.head = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[1.0, -1, 0, 0], [-1.0, 1, 0, 0]]))

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.body(window).mean(dim=2))
        return found


@pytest.mark.parametrize("name", METHODS)
def test_what_speaks_for_the_class_lights_up_where_it_stands(name: str):
    window = np.zeros((2, 100), np.float32)
    window[0, 28:33], window[0, 69:74] = 2.0, -1.0
    found = EXPLAINERS[name].explain(a_model(Bump(2), 2), a_case(window), 0)
    assert 27 <= int(found.values[0].argmax()) <= 33
    if name == "gradcam":  # with its sign
        assert 67 <= int(found.values[0].argmin()) <= 75
        assert found.values[0].min() == pytest.approx(-0.5, abs=0.05)
        other = EXPLAINERS[name].explain(a_model(Bump(2), 2), a_case(window), 1)
        np.testing.assert_allclose(other.values, -found.values, atol=1e-6)


def test_a_shipped_graph_has_maps_without_its_run_folder():
    model = BundleModel(load_model("arrhythminet-v2"))
    case = a_case(np.random.default_rng(0).normal(size=(1, 360)), rate=360.0)
    for name in METHODS:
        found = EXPLAINERS[name].explain(model, case, 2)
        assert found.values.shape == (1, 360)
        assert np.isfinite(found.values).all()


def test_a_network_that_forgets_when_at_once_is_told():
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(40, 2)

        def forward(self, window: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.last(window.flatten(1))
            return found

    with pytest.raises(UsageError, match="no layer"):
        EXPLAINERS["gradcam"].explain(a_model(Whole(), 2), a_case(np.ones((1, 40))), 0)


def test_what_a_network_sees_in_crops_is_put_together():
    from einthoven.training._record_net import RecordNet
    from einthoven.training._sections import Crops

    rng = np.random.default_rng(0)
    case = a_case(rng.normal(size=(2, 100)))
    for join in ("mean", "max"):
        net = RecordNet(
            Bump(2),
            leads=2,
            side=0,
            time=100,
            crop=40,
            crops=Crops(seconds=0.4, hop=0.5, join=join),
        )
        model = a_model(net.eval(), 2)
        assert EXPLAINERS["gradcam"].explain(model, case, 0).values.shape == (2, 100)
        if join == "mean":
            found = EXPLAINERS["deeplift"].explain(model, case, 0)
            change = np.log(found.probability / (1 - found.probability))
            change -= np.log(found.without / (1 - found.without))
            assert float(found.values.sum()) == pytest.approx(change, abs=1e-4)
