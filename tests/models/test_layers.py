"""Shared layers: what trained runs call their numbers has to stay as it is."""

import hashlib

import pytest
import torch

from einthoven.models import MODELS
from einthoven.models import _layers as layers

# sha256 over the names and shapes of the numbers, taken when the runs of mitdb were trained.
KEPT = {
    ("cnn-lstm-attention", 0): "b476d9783e6587a8",
    ("cnn-lstm-attention", 4): "8c5e36bdcf613495",
    ("abcnn", 0): "7c9383fd0bd6f4a0",
    ("abcnn", 4): "32f4c9230ed92553",
    ("cnn", 0): "3dff33408d6038e8",
    ("cnn", 4): "bbbc4dbd585e5a4f",
    ("resnet1d", 0): "cb6b58488286c153",
    ("resnet1d", 4): "041bc908c47f6dc3",
    ("arrhythminet-v1", 0): "829e4b52787efb18",
    ("arrhythminet-v1", 4): "45665cc36ab97507",
    ("arrhythminet-v2", 0): "3b5a1a8fc33482c8",
    ("arrhythminet-v2", 4): "1a73c3ca7731a437",
    ("exgnet", 0): "84f5517dd3198b6b",
    ("exgnet", 4): "afd69f2fcd86d336",
}


def names(name: str, side: int) -> str:
    net = MODELS[name].build(leads=1, time=360, classes=5, side=side)
    rows = [f"{key} {tuple(value.shape)}" for key, value in net.state_dict().items()]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name, side", KEPT)
def test_the_numbers_of_trained_runs_keep_their_names(name: str, side: int) -> None:
    assert names(name, side) == KEPT[name, side]


def test_residual_adds_to_what_came_in() -> None:
    torch.manual_seed(0)
    block = layers.Residual(4, 4, (5, 3), 1).eval()
    maps = torch.randn(2, 4, 1, 30)
    with torch.no_grad():
        torch.nn.init.zeros_(list(block.way.parameters())[-2])
        torch.testing.assert_close(block(maps), maps.relu())
    wider = layers.Residual(4, 6, (5, 3), 2, few=2, dropout=0.1).eval()
    assert wider(maps).shape == (2, 6, 1, 15)
    assert list(dict(wider.named_children())) == ["way", "excite", "past"]


def test_largest_and_mean_stand_side_by_side() -> None:
    maps = torch.tensor([[[1.0, 2.0, 6.0], [0.0, -3.0, 0.0]]])
    assert layers.largest_and_mean(maps).tolist() == [[6.0, 0.0, 3.0, -1.0]]
    assert layers.mean(maps).tolist() == [[3.0, -1.0]]
