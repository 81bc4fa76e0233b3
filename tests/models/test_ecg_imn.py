"""ECG-IMN: its published size, and parts that sum to the logit whatever the window."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS


def make(leads: int = 12, classes: int = 5, side: int = 0) -> Any:
    torch.manual_seed(0)
    build = MODELS["ecg-imn"].build
    return build(leads=leads, time=1000, classes=classes, side=side, sparsity=0.5).eval()


def test_it_has_as_many_numbers_as_the_published_code() -> None:
    assert sum(p.numel() for p in make(classes=1).parameters()) == 139_490


@pytest.mark.parametrize("leads, time, side", [(12, 1000, 0), (12, 250, 3), (2, 253, 0), (1, 8, 4)])
def test_the_parts_sum_to_the_logit(leads: int, time: int, side: int) -> None:
    net = make(leads, side=side)
    inputs = [torch.randn(3, leads, time), torch.randn(3, side)][: 2 if side else 1]
    parts, offset = net.contributions(*inputs)
    assert parts.shape == (3, 5, leads, time)
    torch.testing.assert_close(parts.sum(dim=(2, 3)) + offset, net(*inputs))
    weight, _ = net.linear(*inputs)
    torch.testing.assert_close(weight * inputs[0][:, None], parts)


def test_a_silent_lead_has_no_part_of_its_own() -> None:
    net, window = make(), torch.randn(2, 12, 250)
    window[:, 4] = 0
    parts, _ = net.contributions(window)
    assert parts[:, :, 4].abs().max() == 0
    assert parts[:, :, 5].abs().max() > 0


def test_the_weights_are_made_for_the_window() -> None:
    net = make()
    one, other = (net.linear(torch.randn(1, 12, 250))[0] for _ in range(2))
    assert (one - other).abs().max() > 1e-3


def test_the_weights_cost_their_mean_size_in_training() -> None:
    net = make().train()
    torch.manual_seed(1)
    for layer in net.modules():  # a pass and its repetition have to see the same numbers
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    window = torch.randn(4, 12, 100)
    net(window)
    cost = net.penalty()
    torch.testing.assert_close(cost, 0.5 * net.linear(window)[0].abs().mean())
    cost.backward()
    assert net.body[0].weight.grad.abs().sum() > 0
    with pytest.raises(AssertionError, match="belongs to a step of training"):
        make().penalty()
