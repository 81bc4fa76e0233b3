"""TCAV: an idea that a network uses is told from one it does not, and from chance."""

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.bundle import load_model
from einthoven.explain._model import BundleModel
from einthoven.explain.tcav import Items, tcav
from einthoven.record import UsageError

from ._cases import a_model


class Bumps(nn.Module):
    """Class 0 hears bumps in the first lead, against class 1; the second lead is seen, not used."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv1d(2, 6, 5, padding=2), nn.Tanh())
        self.head = nn.Linear(6, 2)
        with torch.no_grad():
            self.body[0].weight[:3, 1], self.body[0].weight[3:, 0] = 0, 0
            self.body[0].weight[0, 0], self.body[0].weight[1, 0] = 0.5, -0.5
            self.head.weight[:] = 0
            self.head.weight[:, 0] = torch.tensor([1.0, -1.0])

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.body(window).mean(dim=2))
        return found


def windows(name: str, count: int, *, first: float = 0.0, second: float = 0.0) -> Items:
    rng = np.random.default_rng(len(name))
    made = 0.3 * rng.normal(size=(count, 2, 40))
    made[:, 0, 15:22] += first
    made[:, 1, 15:22] += second
    return Items(name=name, window=made.astype(np.float32), side=np.zeros((count, 0), np.float32))


def test_an_idea_that_is_used_is_told_from_one_that_is_not():
    model = a_model(Bumps(), 2, task="beat")
    used, unused = windows("up", 60, first=1.5), windows("beside", 60, second=1.5)
    against = windows("down", 60, first=-1.5)
    others = windows("anything", 150)
    items = windows("items", 40, first=1.0)
    found = tcav(model, 0, items, [used, unused, against], others, draws=30)
    up, beside, down = found
    assert (up.concept, up.target) == ("up", "N")
    assert up.share > 0.95
    assert down.share < 0.05
    assert up.magnitude > 0.2 > abs(beside.magnitude)
    assert up.p < 0.01
    assert up.low <= up.share <= up.high
    assert up.accuracy > 0.9
    assert 0.1 < up.chance < 0.9


def test_windows_at_random_are_no_idea():
    model = a_model(Bumps(), 2, task="beat")
    (none,) = tcav(model, 0, windows("items", 40, first=1.0), [windows("some", 60)],
                   windows("anything", 150))  # fmt: skip
    assert none.p > 0.01
    assert 0.3 < none.accuracy < 0.7


def test_too_few_windows_and_models_without_maps_are_told():
    model = a_model(Bumps(), 2)
    few = windows("few", 5)
    with pytest.raises(UsageError, match="5 windows of few"):
        tcav(model, 0, windows("items", 40), [few], windows("anything", 150))
    with pytest.raises(UsageError, match="other windows"):
        tcav(model, 0, windows("items", 40), [windows("up", 60)], windows("anything", 50))
    with pytest.raises(UsageError, match="aami-live"):
        tcav(BundleModel(load_model("aami-live")), 0, few, [few], few)
