"""HeartBeatAI: its sizes, its weights, each part on its own, styles mixed in training alone."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS
from einthoven.models.heartbeatai import HeartBeatAi, MixStyle, partners
from einthoven.record import UsageError

PARTS = ("lead_se", "channel_se", "concentration", "mixstyle")


def make(seed: int = 0, **own: Any) -> HeartBeatAi:
    torch.manual_seed(seed)
    net = MODELS["heartbeatai"].build(leads=12, time=1000, classes=26, side=0, **own)
    assert isinstance(net, HeartBeatAi)
    return net


@pytest.mark.parametrize("width, million", [(64, 9.22), (32, 2.55), (16, 0.86)])
def test_the_presets_are_as_large_as_was_drawn_up(width: int, million: float) -> None:
    assert sum(p.numel() for p in make(width=width).parameters()) / 1e6 == pytest.approx(
        million, abs=0.006
    )


@pytest.mark.parametrize("stem", [1, 2, 4])
@pytest.mark.parametrize("time", [90, 250, 333, 1000])
def test_a_window_of_any_length_is_answered_by_the_same_numbers(time: int, stem: int) -> None:
    net = make(width=4, stem=stem).eval()
    window = torch.randn(2, 12, time)
    assert net(window).shape == (2, 26)
    curves = net.attention(window)
    assert list(curves) == ["stage-1", "stage-2", "stage-3", "stage-4"]
    for number, curve in enumerate(curves.values()):
        assert curve.shape[1] == -(-time // (stem * 2**number))
        torch.testing.assert_close(curve.sum(dim=1), torch.ones(2))


def test_each_part_can_be_left_out() -> None:
    whole = sum(p.numel() for p in make(width=4).parameters())
    window = torch.randn(3, 12, 250)
    for part in PARTS:
        net = make(width=4, **{part: False}).eval()
        assert net(window).shape == (3, 26)
        numbers = sum(p.numel() for p in net.parameters())
        assert numbers == whole if part == "mixstyle" else numbers < whole
        assert bool(net.attention(window)) is (part != "concentration")
    bare = make(width=4, **dict.fromkeys(PARTS, False))
    assert torch.equal(bare.lead_weights(window), torch.ones(3, 12))
    bare(window).sum().backward()
    assert all(p.grad is not None for p in bare.parameters())


def test_leads_are_weighed_by_what_they_hold() -> None:
    net = make(width=4).eval()
    window = torch.randn(4, 12, 250)
    weight = net.lead_weights(window)
    assert weight.shape == (4, 12)
    assert ((weight > 0) & (weight < 1)).all()
    # Turned upside down a lead holds as much as before; louder it holds more.
    torch.testing.assert_close(net.lead_weights(-window), weight)
    assert (net.lead_weights(3 * window) - weight).abs().max() > 1e-3


def test_attention_reads_what_makes_the_answer() -> None:
    net = make(width=4).eval()
    window = torch.randn(2, 12, 256)
    maps = net._maps(window)[3]
    narrow = net.concentrations[3].narrow(maps).squeeze(2)  # type: ignore[operator]
    pooled = torch.einsum("bcp,bp->bc", narrow, net.attention(window)["stage-4"])
    torch.testing.assert_close(net.concentrations[3](maps)[0][:, :128], pooled)


def test_styles_are_mixed_in_training_alone() -> None:
    mix, maps = MixStyle(), torch.randn(16, 4, 1, 50)
    mix.eval()
    assert mix(maps, None) is maps
    mix.train()
    torch.manual_seed(0)
    found = [mix(maps, None) for _ in range(200)]
    changed = [bool((f - maps).abs().max() > 1e-3) for f in found]
    assert 0.35 < sum(changed) / 200 < 0.65


def test_what_is_mixed_is_the_style_and_not_the_shape() -> None:
    mix = MixStyle().train()
    level = torch.arange(8.0)[:, None, None, None]
    maps = level * 10 + (1 + level) * torch.randn(8, 4, 1, 500)
    torch.manual_seed(0)
    found = maps
    while torch.equal(found, maps):
        found = mix(maps, None)
    assert torch.isfinite(found).all()

    def shape(of: torch.Tensor) -> torch.Tensor:
        return (of - of.mean(3, keepdim=True)) / of.std(3, keepdim=True)

    torch.testing.assert_close(shape(found), shape(maps), atol=1e-3, rtol=1e-3)
    lowest, largest = maps.mean(3).amin(0), maps.mean(3).amax(0)
    assert ((found.mean(3) >= lowest - 1e-3) & (found.mean(3) <= largest + 1e-3)).all()
    assert (found.mean(3) - maps.mean(3)).abs().max() > 1


def test_partners_come_from_another_source_where_there_is_one() -> None:
    torch.manual_seed(0)
    domain = torch.tensor([0] * 5 + [1] * 3 + [2] * 8)
    for _ in range(20):
        assert (domain[partners(16, domain)] != domain).all()
    assert partners(4, torch.zeros(4)).max() < 4
    assert sorted(partners(9, None).tolist()) == list(range(9))


def test_training_with_sources_goes_through() -> None:
    net = make(width=4)
    net.domain = torch.arange(16) % 2
    for _ in range(4):
        assert torch.isfinite(net(torch.randn(16, 12, 128))).all()


def test_a_width_of_nothing_and_an_odd_stem_are_refused() -> None:
    with pytest.raises(UsageError, match=r"model\.width: is 0\. Give 1 or more"):
        make(width=0)
    with pytest.raises(UsageError, match=r"model\.stem: is 3\. Give 1, 2 or 4"):
        make(stem=3)
