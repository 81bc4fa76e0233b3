"""HRVConformer: the published count, what its attention means, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from einthoven.models import MODELS
from einthoven.record import UsageError


def built(**given: int) -> Any:
    shape = {"leads": 1, "time": 1200, "classes": 2, "side": 0} | given
    torch.manual_seed(1)
    return MODELS["hrv-conformer"].build(**shape)


def test_it_has_as_many_numbers_as_the_authors_code() -> None:
    assert sum(p.numel() for p in built().parameters()) == 1_462_816


def test_twelve_tokens_are_left_when_the_class_token_is_dropped() -> None:
    assert built().eval().features(torch.randn(2, 1, 1200)).shape == (2, 144, 12)


def test_attention_adds_up_to_one_for_each_token() -> None:
    found = built().eval().attention(torch.randn(2, 1, 1200))
    assert set(found) == {"block-1", "block-2", "block-3"}
    for weight in found.values():
        assert weight.shape == (2, 8, 13, 13)
        torch.testing.assert_close(weight.sum(3), torch.ones(2, 8, 13))


def test_logits_end_in_a_relu() -> None:
    assert (built().eval()(torch.randn(50, 1, 1200)) >= 0).all()


def test_samples_behind_the_last_whole_piece_are_not_looked_at() -> None:
    net, window = built(time=1250).eval(), torch.randn(1, 1, 1250)
    other = window.clone()
    other[:, :, 1200:] = 9
    torch.testing.assert_close(net(window), net(other))


def test_the_bias_knows_distance_alone() -> None:
    part = built().blocks[0].attention
    with torch.no_grad():
        part.bias.copy_(torch.arange(8 * 27.0).reshape(8, 27))
        part.mixed.weight.zero_()
        energy = part.weights(torch.zeros(1, 20, 144))[0].log()[0]
    # Equal energies but for the bias: shares differ by it, and those of far tokens are alike.
    step = energy[0, 5, 7] - energy[0, 5, 6]
    torch.testing.assert_close(step, energy[0, 9, 11] - energy[0, 9, 10])
    torch.testing.assert_close(energy[0, 0, 13], energy[0, 0, 19])


def test_a_window_shorter_than_a_piece_is_refused() -> None:
    with pytest.raises(UsageError, match="pieces of 100 samples, a window has 99"):
        built(time=99)
