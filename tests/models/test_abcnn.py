"""ABCNN: its attention adds up, traces back, and knows places."""

import pytest
import torch
from torch import nn

from einthoven.models import MODELS
from einthoven.record import UsageError
from einthoven.training import load_recipe
from einthoven.training.nets import build


def _net(time: int = 360) -> nn.Module:
    torch.manual_seed(0)
    return MODELS["abcnn"].build(leads=1, time=time, classes=5, side=0).eval()


@pytest.mark.parametrize("time, positions", [(360, 45), (250, 31)])
def test_attention_is_one_share_a_position_and_one_in_all(time: int, positions: int) -> None:
    net = _net(time)
    share = net.attention(torch.randn(6, 1, time))
    assert share.shape == (6, positions)
    assert (share >= 0).all()
    torch.testing.assert_close(share.sum(dim=1), torch.ones(6))
    spans = net.spans(time)
    assert spans.shape == (positions, 2)
    assert (spans[:, 1] - spans[:, 0] == 8).all()


def test_one_head_s_attention_is_that_of_a_plain_formula() -> None:
    net, states = _net(), torch.randn(2, 45, 64)
    encoder = net.get_submodule("encoders.0")
    _, weight = encoder(states)
    query, key, _ = encoder.ask(encoder.before(states)).split(64, dim=2)
    head = 2
    part = slice(16 * head, 16 * head + 16)
    energy = torch.einsum("btc,bfc->btf", query[..., part], key[..., part]) / 4
    torch.testing.assert_close(weight[:, head], energy.softmax(dim=2))


def test_shares_are_traced_back_through_both_encoders() -> None:
    net, window = _net(), torch.randn(2, 1, 360)
    _, mean, weights = net._states(window)
    traced = mean
    for weight in reversed(weights):
        step = 0.5 * torch.eye(45) + 0.5 * weight.mean(dim=1)
        traced = torch.einsum("bt,btf->bf", traced, step)
    torch.testing.assert_close(net.attention(window), traced)
    for encoder in net.get_submodule("encoders"):
        with torch.no_grad():
            encoder.ask.weight.zero_()  # every position looks at all alike
    _, mean, _ = net._states(window)
    torch.testing.assert_close(net.attention(window), mean / 4 + 3 / 4 / 45)


def test_places_are_sines_and_cosines_that_differ() -> None:
    places = _net().places
    assert places.shape == (45, 64)
    torch.testing.assert_close(places[:, 0], torch.arange(45.0).sin())
    torch.testing.assert_close(places[:, 1], torch.arange(45.0).cos())
    apart = torch.cdist(places, places) + 10 * torch.eye(45)
    assert apart.min() > 0.1


def test_order_counts() -> None:
    # Two bumps far apart and the same bumps exchanged: a mean of maps alone could not tell.
    net = _net()
    window = torch.zeros(2, 1, 360)
    window[0, 0, 80:88], window[0, 0, 240:248] = 3, -3
    window[1, 0, 240:248], window[1, 0, 80:88] = 3, -3
    pooled = net.features(window).mean(dim=2)
    torch.testing.assert_close(pooled[0], pooled[1], atol=1e-5, rtol=1e-5)
    answers = net(window)
    assert (answers[0] - answers[1]).abs().max() > 1e-3


def test_the_recipe_builds_it_and_a_window_too_short_is_refused() -> None:
    recipe = load_recipe("abcnn")
    assert type(build(recipe)).__name__ == "Abcnn"
    with pytest.raises(UsageError, match="abcnn: cannot eat a window of 7 samples"):
        _net(7)
