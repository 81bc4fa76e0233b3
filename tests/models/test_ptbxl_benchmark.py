"""ResNet1d-Wang, Inception1d and xResNet1d101: as many numbers as their tables of layers have."""

from typing import Any

import pytest
import torch
from torch import nn

from einthoven.models import MODELS

THREE = ("resnet1d-wang", "inception1d", "xresnet1d101")


def make(name: str, *, leads: int = 12, classes: int = 5, side: int = 0) -> Any:
    torch.manual_seed(0)
    return MODELS[name].build(leads=leads, time=250, classes=classes, side=side)


def norm(width: int) -> int:
    return 2 * width


def last(width: int, classes: int) -> int:
    """Largest and mean; normalisation; 128 hidden features; normalisation; logits."""
    wide = 2 * width
    return norm(wide) + (wide + 1) * 128 + norm(128) + 129 * classes


def wang(leads: int, classes: int) -> int:
    block = 128 * 128 * (5 + 3) + 2 * norm(128)
    past = 128 * 128 + norm(128)
    return leads * 128 * 7 + norm(128) + 3 * block + 2 * past + last(128, classes)


def inception(leads: int, classes: int) -> int:
    def block(channels: int) -> int:
        return 32 * (channels + 32 * (39 + 19 + 9) + channels) + norm(128)

    past = leads * 128 + norm(128) + 128 * 128 + norm(128)
    return block(leads) + 5 * block(128) + past + last(128, classes)


def xresnet(leads: int, classes: int) -> int:
    def block(channels: int) -> int:
        return channels * 64 + 64 * 64 * 5 + 64 * 256 + 2 * norm(64) + norm(256)

    stem = 5 * (leads * 32 + 32 * 32 + 32 * 64) + 2 * norm(32) + norm(64)
    past = 64 * 256 + norm(256)
    return stem + past + block(64) + 32 * block(256) + last(256, classes)


COUNTS = {"resnet1d-wang": wang, "inception1d": inception, "xresnet1d101": xresnet}
SHARES = {"resnet1d-wang": 4, "inception1d": 1, "xresnet1d101": 32}


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize("leads, classes", [(12, 71), (12, 5), (2, 4)])
def test_the_numbers_are_those_of_the_table(name: str, leads: int, classes: int) -> None:
    net = make(name, leads=leads, classes=classes)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[name](leads, classes)


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize("time", [90, 250, 1000])
def test_a_crop_and_a_record_are_answered_by_the_same_numbers(name: str, time: int) -> None:
    net = make(name).eval()
    window = torch.randn(2, 12, time)
    with torch.no_grad():
        assert net(window).shape == (2, 5)
        assert net.features(window).shape[2] == -(-time // SHARES[name])


@pytest.mark.parametrize("name", THREE)
def test_both_the_largest_and_the_mean_reach_the_answer(name: str) -> None:
    net = make(name, side=3).eval()
    width = net.features(torch.zeros(1, 12, 250)).shape[1]
    first = next(m for m in net.head if isinstance(m, nn.BatchNorm1d))
    assert first.num_features == 2 * width + 3


def test_weights_are_drawn_as_the_benchmark_draws_them() -> None:
    net = make("resnet1d-wang")
    weight = net.body[3].way[0].weight  # 128 maps of 5 samples in
    assert weight.std().item() == pytest.approx((2 / (128 * 5)) ** 0.5, rel=0.02)


def test_halving_takes_means_on_the_way_past() -> None:
    net = make("xresnet1d101")
    block = net.body[13]  # first of the second stage: 9 layers of stem, a pool, three blocks
    maps = torch.randn(1, 256, 1, 7)
    found = block.past(maps)
    torch.testing.assert_close(found[..., 0], maps[..., :2].mean(3))
    torch.testing.assert_close(found[..., 3], maps[..., 6])
