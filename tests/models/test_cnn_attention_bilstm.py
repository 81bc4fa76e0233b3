"""CNN-Attention-BiLSTM: its published size, its gate, its reading both ways."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS
from einthoven.record import UsageError


def make(leads: int = 12, time: int = 1000, **own: Any) -> Any:
    torch.manual_seed(0)
    build = MODELS["cnn-attention-bilstm"].build
    return build(leads=leads, time=time, classes=9, side=0, **own).eval()


@pytest.mark.parametrize("leads, published", [(12, 945_865), (1, 940_585)])
def test_it_has_as_many_numbers_as_the_published_code(leads: int, published: int) -> None:
    state = make(leads).state_dict()
    numbers = sum(v.numel() for v in state.values() if v.dtype == torch.float32)
    twice = sum(v.numel() for k, v in state.items() if ".bias_hh" in k)
    assert numbers - twice == published


@pytest.mark.parametrize("time", [129, 250, 1000])
def test_a_position_is_128_samples_and_the_gate_s_64(time: int) -> None:
    net, window = make(time=129), torch.randn(2, 12, time)
    assert net.features(window).shape == (2, 128, -(-time // 128))
    gate = net.gate(window)
    assert gate.shape == (2, 128, -(-time // 64))
    assert ((gate > 0) & (gate < 1)).all()
    assert net(window).shape == (2, 9)


def test_a_shut_gate_lets_nothing_through() -> None:
    net = make()
    torch.nn.init.constant_(net.weigh.bias, -100.0)
    assert net.features(torch.randn(2, 12, 500)).abs().max() < 1e-6


def test_the_lstms_read_both_ways() -> None:
    net = make()
    window = torch.randn(1, 12, 1000, requires_grad=True)
    net.memory(net.features(window).transpose(1, 2))[0][0, 3].sum().backward()
    assert window.grad is not None
    assert window.grad[..., :50].abs().sum() > 0
    assert window.grad[..., -50:].abs().sum() > 0


def test_without_dropout_training_is_no_game_of_chance() -> None:
    net, window = make(dropout=0.0).train(), torch.randn(4, 12, 300)
    torch.testing.assert_close(net(window), net(window))


def test_too_short_a_window_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cnn-attention-bilstm: .* Give 129 or more"):
        make(time=128)
