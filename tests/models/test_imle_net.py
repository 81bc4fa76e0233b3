"""IMLE-Net: its published size, and weights that say where each level looked."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS
from einthoven.record import UsageError


def make(leads: int = 12, time: int = 1000, side: int = 0) -> Any:
    torch.manual_seed(0)
    return MODELS["imle-net"].build(leads=leads, time=time, classes=5, side=side).eval()


def test_it_has_as_many_numbers_as_the_published_code() -> None:
    state = make().state_dict()
    numbers = sum(v.numel() for v in state.values() if v.dtype == torch.float32)
    twice = sum(v.numel() for k, v in state.items() if "memory.bias_hh" in k)
    assert numbers - twice == 748_517


@pytest.mark.parametrize("time, pieces", [(250, 5), (270, 5), (1000, 20)])
def test_each_level_weighs_its_own_positions(time: int, pieces: int) -> None:
    found = make().attention(torch.randn(2, 12, time))
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "beat": (2, 12, pieces, 13), "rhythm": (2, 12, pieces), "channel": (2, 12),
    }  # fmt: skip
    for share in found.values():
        torch.testing.assert_close(share.sum(dim=-1), torch.ones(share.shape[:-1]))


def test_one_lead_has_no_attention_over_leads() -> None:
    net = make(leads=1, side=3)
    assert set(net.attention(torch.randn(2, 1, 300))) == {"beat", "rhythm"}
    assert net(torch.randn(2, 1, 300), torch.randn(2, 3)).shape == (2, 5)


def test_leads_are_read_alike_before_they_are_weighed() -> None:
    net, window = make(), torch.randn(1, 12, 300)
    maps = net.features(window).reshape(1, 12, 128, 6)
    other = net.features(window.flip(1)).reshape(1, 12, 128, 6)
    torch.testing.assert_close(other, maps.flip(1), atol=1e-5, rtol=1e-5)
    # The rows of the bias are zero at first; then a lead is known by its place.
    torch.testing.assert_close(net(window), net(window.flip(1)), atol=1e-5, rtol=1e-5)
    torch.nn.init.normal_(net.channel.bias)
    share, other = (net.attention(w)["channel"] for w in (window, window.flip(1)))
    assert (share - other.flip(1)).abs().max() > 1e-3


def test_the_weights_are_those_that_make_the_answer() -> None:
    net, window = make(), torch.randn(2, 12, 500)
    share = net.attention(window)
    beats = net.features(window).reshape(2, 12, 128, 10).transpose(2, 3)
    states, _ = net.memory(beats.reshape(24, 10, 128))
    leads = torch.einsum("blpc,blp->blc", states.reshape(2, 12, 10, 128), share["rhythm"])
    answer = net.head(torch.einsum("blc,bl->bc", leads, share["channel"]))
    torch.testing.assert_close(answer, net(window))


def test_too_short_a_window_is_refused() -> None:
    with pytest.raises(UsageError, match=r"imle-net: .* Give 100 or more"):
        make(time=99)
    with pytest.raises(UsageError, match=r"model\.piece: is 3"):
        MODELS["imle-net"].build(leads=12, time=500, classes=5, side=0, piece=3)
