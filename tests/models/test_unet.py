"""A wave for each sample: shapes, sizes, and what the nets are blind to."""

from __future__ import annotations

import pytest
import torch

from einthoven.models.unet import CLASSES, UNet
from einthoven.record import UsageError


def parameters(net: UNet) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("stacked", [1, 2])
@pytest.mark.parametrize("time", [16, 1024, 2512])
def test_each_sample_gets_four_logits(stacked: int, time: int) -> None:
    net = UNet(stacked=stacked).eval()
    with torch.no_grad():
        assert net(torch.randn(3, 1, time)).shape == (3, len(CLASSES), time)


def test_a_w_is_two_us_and_the_u_is_small() -> None:
    u, w = parameters(UNet()), parameters(UNet(stacked=2))
    assert u < 70_000
    assert 1.9 * u < w < 2.1 * u
    assert parameters(UNet(widths=(8, 12, 16, 24, 32))) == 49_868


@pytest.mark.parametrize("stacked", [1, 2])
def test_every_parameter_gets_a_gradient(stacked: int) -> None:
    torch.manual_seed(0)
    net = UNet(stacked=stacked, widths=(4, 6, 8))
    logits = net(torch.randn(4, 1, 64))
    torch.nn.functional.cross_entropy(logits, torch.arange(256).reshape(4, 64) % 4).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        # What is normalised right after has no use for its bias; there is none.
        assert parameter.grad.abs().sum() > 0, name


def test_leads_are_seen_one_by_one_and_shifts_shift() -> None:
    torch.manual_seed(0)
    net = UNet(widths=(4, 6, 8)).eval()
    window = torch.zeros(1, 1, 256)
    window[0, 0, 100:110] = 1.0
    with torch.no_grad():
        one, moved = net(window), net(window.roll(4 * 8, 2))
        both = net(torch.cat([window, torch.randn(1, 1, 256)]))
    torch.testing.assert_close(both[:1], one)
    torch.testing.assert_close(moved[..., 80:200], one[..., 48:168], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "wrong, text",
    [({"stacked": 3}, "model.stacked"), ({"widths": (8,)}, "two widths"), ({"kernel": 4}, "odd")],
)
def test_impossible_nets_are_refused(wrong: dict[str, int], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        UNet(**wrong)  # type: ignore[arg-type]
