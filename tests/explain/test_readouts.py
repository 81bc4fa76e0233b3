"""Attention, its rollout, and exact contributions, as the networks themselves tell them."""

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from einthoven.bundle import load_model
from einthoven.explain._attention import MIXES, READ, attention, drawn, net_of
from einthoven.explain._case import Part
from einthoven.explain._explainer import EXPLAINERS, chosen, served
from einthoven.explain._item import contributions
from einthoven.explain._model import BundleModel
from einthoven.models import MODELS
from einthoven.record import UsageError

from ._cases import a_case, a_model, settled

TOLD = ("abcnn", "beat-net", "cnn-attention-bilstm", "cnn-lstm-attention", "heartbeatai",
        "hrv-conformer", "imle-net", "optimised-features")  # fmt: skip


def made(name: str, leads: int = 3, **own: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    time = 1200 if name == "hrv-conformer" else 400
    net = MODELS[name].build(leads=leads, time=time, classes=3, side=0)
    model = a_model(settled(net, torch.randn(8, leads, time)), 3, **own)
    return model, a_case(np.random.default_rng(0).normal(size=(leads, time)))


@pytest.mark.parametrize("name", TOLD)
def test_what_was_looked_at_has_a_place(name: str):
    model, case = made(name)
    found = EXPLAINERS["attention"].explain(model, case, 0)
    assert found.values.shape == case.window.shape
    assert found.values.min() >= 0
    assert found.values.max() == pytest.approx(1)
    other = EXPLAINERS["attention"].explain(model, case, 2)
    np.testing.assert_array_equal(found.values, other.values)
    assert "attention" in served(model)


def test_all_that_tell_are_listed():
    for name in MODELS.names():
        net = MODELS[name].build(leads=2, time=300, classes=2, side=0)
        tells = any(inspect.ismethod(getattr(net, n, None)) for n in ("attention", "gate"))
        assert tells == (name in TOLD) == isinstance(net, tuple(READ)), name


def test_weights_stand_where_the_network_says():
    model, case = made("abcnn", leads=1)
    net = net_of(model, tuple(READ))
    window = torch.from_numpy(case.window[None])
    share, spans = net.attention(window)[0].detach(), net.spans(400)
    found = drawn(model, case, 0, net, attention)
    for value, (first, past) in zip(share.tolist(), spans.tolist(), strict=True):
        np.testing.assert_allclose(found[0, first:past], value, rtol=1e-5)


def test_levels_of_imle_net_are_multiplied():
    model, case = made("imle-net")
    net = net_of(model, tuple(READ))
    weights = net.attention(torch.from_numpy(case.window[None]))
    found = drawn(model, case, 0, net, attention)
    # Lead 1, third piece of 50 samples, its fifth position of 4 samples.
    wanted = weights["channel"][0, 1] * weights["rhythm"][0, 1, 2] * weights["beat"][0, 1, 2, 4]
    np.testing.assert_allclose(found[1, 116:120], float(wanted), rtol=1e-5)


@pytest.mark.parametrize("name", ["abcnn", "beat-net", "hrv-conformer"])
def test_rollout_follows_the_layers_that_mix(name: str):
    model, case = made(name)
    found = EXPLAINERS["rollout"].explain(model, case, 0)
    plain = EXPLAINERS["attention"].explain(model, case, 0)
    assert found.values.min() >= 0
    assert found.values.max() == pytest.approx(1)
    same = np.allclose(found.values, plain.values)
    assert same == (name == "abcnn"), "ABCNN traces its own"


def test_rollout_of_layers_that_do_not_mix_is_the_attention():
    model, case = made("beat-net")
    net = net_of(model, tuple(MIXES))
    # Each row then asks for itself alone.
    for mix in (net.spatial.mix, net.rhythm.mix):
        mix.forward = lambda rows, here: (
            (torch.eye(rows.shape[1]).expand(len(rows), 4, -1, -1) * 1e4).softmax(dim=3).sum() * 0
            + rows
        )
    found = EXPLAINERS["rollout"].explain(model, case, 0)
    plain = EXPLAINERS["attention"].explain(model, case, 0)
    np.testing.assert_allclose(found.values, plain.values, atol=1e-5)


@pytest.mark.parametrize("crop", [400, 160])
def test_contributions_sum_to_the_calibrated_logit(crop: int):
    from einthoven.training._record_net import RecordNet
    from einthoven.training._sections import Crops

    torch.manual_seed(0)
    net = MODELS["ecg-imn"].build(leads=3, time=400, classes=3, side=0)
    whole: Any = RecordNet(
        settled(net, torch.randn(8, 3, 400)), leads=3, side=0, time=400, crop=crop,
        crops=Crops(hop=0.5, join="mean"),
    )  # fmt: skip
    whole.scale.copy_(torch.tensor([[0.5], [2.0], [1.0]]))
    model = a_model(whole, 3, offsets=[0.1, 0.2, -0.3], temperature=[1.0, 2.0, 0.5])
    case = a_case(np.random.default_rng(2).normal(size=(3, 400)))
    for target in range(3):
        found = EXPLAINERS["contributions"].explain(model, case, target)
        wanted = model.logits(case.whole())[0, target]
        assert float(found.values.sum()) + found.numbers["offset"] == pytest.approx(
            wanted, abs=1e-4
        )


def test_networks_that_tell_nothing_are_refused():
    model, _ = made("resnet1d")
    for name in ("attention", "rollout", "contributions"):
        with pytest.raises(UsageError, match=f"{name}.*needs.*Use "):
            chosen(model, name)
        with pytest.raises(UsageError, match="needs"):
            chosen(BundleModel(load_model("aami-live")), name)


def test_map_and_numbers_of_one_explanation_are_added_up_by_wave():
    case = a_case(np.zeros((1, 20)), [0.0, 0.0])
    where = np.arange(20)[None] < 4
    parts = (
        Part(name="QRS", where=where, numbers=np.array([True, False])),
        Part(name="RR", where=np.zeros((1, 20), bool), numbers=np.array([False, False])),
    )
    case = replace(case, parts={"waves": parts})
    model = a_model(MODELS["cnn"].build(leads=1, time=20, classes=2, side=0).eval(), 2)
    found = replace(
        EXPLAINERS["saliency"].explain(model, case, 0), values=np.ones((1, 20), np.float32),
        numbers={"n0": 2.0, "n1": -1.0, "offset": 3.0},
    )  # fmt: skip
    told = {name: v for name, (_, v) in contributions(found, case).items()}
    told.pop("RR", None)
    assert told == {"QRS": 6.0, "offset": 3.0, "n1": -1.0}
