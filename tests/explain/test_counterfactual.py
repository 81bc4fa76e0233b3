"""Counterfactuals: another answer, by little, and a beat still; what is none is said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.bundle import load_model
from einthoven.explain._beat_space import SAMPLES, learnt, shipped, times
from einthoven.explain._cases import cases
from einthoven.explain._explainer import EXPLAINERS, chosen
from einthoven.explain._model import BundleModel
from einthoven.explain.counterfactual import counterfactual
from einthoven.record import RecordSource, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.simulate import Episode, simulate

from ._cases import a_case, a_model


def _beat() -> Any:
    """A beat of the shipped space: the mean one."""
    return shipped().mean[None]


class Late(nn.Module):
    """Class S where the window is high 0.2 to 0.3 s after R, else N."""

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        high = window[:, 0, 108:126].mean(dim=1)
        return torch.stack([-2 * high, 2 * high], dim=1)


def made() -> tuple[Any, Any]:
    model = a_model(Late(), 2, task="beat")
    model.spec = InputSpec(kind="beat", rate=180.0, window=(0.4, 0.6))
    return model, replace(a_case(_beat(), rate=180.0), r_peaks=np.array([0.4]))


def test_the_answer_changes_by_a_change_where_the_answer_is_made():
    model, case = made()
    own = int(model.logits(case.whole())[0].argmax())
    for target in (0, 1):
        found = counterfactual(model, case, target)
        assert found.reached
        assert (found.target == model.classes[target]) == (target != own)
        assert found.probability > 0.5
        assert found.moved < 1.0
        change = np.abs(found.window - case.window)[0]
        assert change[108:126].mean() > change.mean()
    told = EXPLAINERS["counterfactual"].explain(model, case, own)
    odds = [np.log(p / (1 - p)) for p in (told.probability, told.without)]
    assert float(told.values.sum()) == pytest.approx(odds[0] - odds[1], abs=0.01)
    assert told.probability > 0.5 > told.without
    outside = np.r_[0:108, 126:180]
    np.testing.assert_allclose(told.values[0, outside], 0, atol=1e-5)


def test_an_answer_that_nothing_changes_is_doubted():
    class Firm(nn.Module):
        def forward(self, window: torch.Tensor) -> torch.Tensor:
            return torch.stack([window[:, 0].mean(dim=1) * 0 + 30, window[:, 0, 0] * 1e-3], dim=1)

    model, case = made()
    firm = a_model(Firm(), 2, task="beat")
    firm.spec = model.spec
    found = counterfactual(firm, case, 0)
    assert not found.reached
    assert "No beat near" in found.doubt
    assert EXPLAINERS["counterfactual"].explain(firm, case, 0).doubt == found.doubt


def test_what_is_no_beat_any_more_is_doubted():
    model, case = made()
    found = counterfactual(model, case, 1)
    assert "farther" in replace(found, reached=True, distance=9.0, qrs=(0.1, 0.1)).doubt
    assert "no QRS" in replace(found, reached=True, qrs=(0.1, np.nan)).doubt
    assert "500 ms" in replace(found, reached=True, qrs=(0.1, 0.5)).doubt


def test_the_space_holds_beats_and_knows_what_is_none():
    space = shipped()
    np.testing.assert_allclose(space.parts @ space.parts.T, np.eye(24), atol=0.01)
    assert space.distance(space.beats[7]) == pytest.approx(0)
    assert space.distance(np.full(24, 4.0)) > space.far
    assert abs(times()[71]) < 0.01
    again = learnt(space.mean + (space.beats * space.spread) @ space.parts, np.arange(400) % 5)
    assert again.parts.shape == (24, SAMPLES)


def test_of_a_shipped_model_on_a_recording():
    model = BundleModel(load_model("arrhythminet-v2"))
    simulated = simulate(
        rate=360, leads=("II",), episodes=[Episode(rhythm="sinus", seconds=20)], seed=1
    )
    every: Any = cases(model, RecordSource(simulated.record))
    found = EXPLAINERS["counterfactual"].explain(model, every[8], 0)
    assert found.values.shape == (1, 360)
    assert found.without < found.probability


def test_models_without_beats_in_a_window_are_refused():
    for name in ("aami-live", "twelve", "rhythm"):
        with pytest.raises(UsageError, match="counterfactual"):
            chosen(BundleModel(load_model(name)), "counterfactual")
