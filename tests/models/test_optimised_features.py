"""Multi-lead net with optimised features: its size, its weights of leads, its wide half."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS


def make(leads: int = 12, side: int = 24) -> Any:
    torch.manual_seed(0)
    build = MODELS["optimised-features"].build
    return build(leads=leads, time=1000, classes=5, side=side).eval()


def test_it_is_as_large_as_its_table() -> None:
    pairs = ((1, 32), (32, 64), (64, 128), (128, 128))
    deep = sum(a * b * 15 + a * b + 4 * b for a, b in pairs)
    wide = 128 * 32 + 32 + 32 + 2 * 24 + (128 + 24 + 1) * 64 + 65 * 5
    assert sum(p.numel() for p in make().parameters()) == deep + wide
    assert deep + wide == pytest.approx(0.45e6, rel=0.02)


def test_leads_share_the_answer_among_them() -> None:
    net, window = make(), torch.randn(3, 12, 250)
    share = net.attention(window)
    assert share.shape == (3, 12)
    torch.testing.assert_close(share.sum(dim=1), torch.ones(3))
    assert torch.equal(make(leads=1).attention(window[:, :1]), torch.ones(3, 1))


def test_the_order_of_leads_is_nothing_to_it() -> None:
    net, window, side = make(), torch.randn(3, 12, 250), torch.randn(3, 24)
    torch.testing.assert_close(net(window, side), net(window.flip(1), side))


@pytest.mark.parametrize("time", [100, 250, 1000])
def test_any_length_is_answered(time: int) -> None:
    net = make()
    assert net(torch.randn(2, 12, time), torch.randn(2, 24)).shape == (2, 5)
    assert net.features(torch.randn(2, 12, time)).shape == (2, 12 * 128, -(-time // 16))


def test_the_wide_half_reaches_the_answer_in_any_unit() -> None:
    net, window, side = make().train(), torch.randn(32, 12, 100), torch.randn(32, 24)
    net.head[0].p = 0.0
    torch.testing.assert_close(net(window, side), net(window, 1000 * side), atol=1e-3, rtol=1e-3)
    assert (net(window, side) - net(window, side.flip(0))).abs().max() > 1e-2
