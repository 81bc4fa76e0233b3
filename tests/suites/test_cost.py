"""What a model costs, and the curves of its answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.suites import _cost, _curves


def test_the_area_is_the_share_of_pairs_in_order_ties_half() -> None:
    score = np.array([0.9, 0.8, 0.8, 0.3, 0.1])
    positive = np.array([True, True, False, False, True])
    # Pairs (positive, negative): .9 beats both, .8 ties one and beats one, .1 beats none.
    assert _curves.area(*_curves.roc(score, positive)) == pytest.approx((2 + 1.5 + 0) / 6)


def test_a_thinned_curve_keeps_steps_and_ends() -> None:
    score = np.concatenate([np.linspace(1, 2, 50), np.linspace(0, 1.5, 2000)])
    positive = np.arange(len(score)) < 50
    false, true = _curves.roc(score, positive)
    thin = _curves.thinned(false, true)
    assert len(thin[0]) == _curves.POINTS
    assert thin[1][0] == true[false == 0].max()
    assert (thin[0][-1], thin[1][-1]) == (1, 1)
    assert _curves.area(*thin) == pytest.approx(_curves.area(false, true), abs=0.01)


def test_multiplications_are_counted_by_hand() -> None:
    def counted(net: nn.Module, *shape: int) -> int:
        return _cost.macs(net, (torch.zeros(1, *shape),))

    assert counted(nn.Conv1d(3, 4, 5, padding=2), 3, 20) == 4 * 20 * 3 * 5
    assert counted(nn.Conv1d(8, 8, 5, groups=8, padding=2), 8, 20) == 8 * 5 * 20
    assert counted(nn.Linear(6, 3), 6) == 18
    assert counted(nn.LSTM(5, 7, batch_first=True), 11, 5) == 11 * 4 * 7 * (5 + 7)


def test_the_graph_answers_as_the_net_and_its_time_is_told() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    window = torch.randn(1, 1, 12)
    model = _cost.graph(net, (window,))
    (said,) = _cost.session(model).run(None, {"window": window.repeat(3, 1, 1).numpy()})
    np.testing.assert_allclose(said, net(window).detach().numpy().repeat(3, 0), atol=1e-6)
    assert 0 < _cost.latency(model) < 100
