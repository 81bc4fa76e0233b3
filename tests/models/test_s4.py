"""S4: its state space is one, its two ways of reading agree, and it reads both ways."""

from typing import Any

import pytest
import torch

from einthoven.models import MODELS
from einthoven.models.s4 import StateSpaces
from einthoven.record import UsageError


def make(**own: Any) -> Any:
    torch.manual_seed(0)
    return MODELS["s4"].build(leads=12, time=250, classes=5, side=0, **own).eval()


def test_the_numbers_are_those_of_the_table() -> None:
    width, pairs = 512, 4
    space = width * (1 + 2 * pairs + 2 * 2 * pairs) + width
    layer = space + width * 2 * width + 2 * width + 2 * width
    expected = 13 * width + 4 * layer + (width + 1) * 5
    assert sum(p.numel() for p in make().parameters()) == expected


def test_the_response_is_that_of_the_equation_step_by_step() -> None:
    torch.manual_seed(0)
    kernel = StateSpaces(3, 8)
    a = torch.complex(-kernel.decay.exp(), kernel.turn).to(torch.complex128)
    step = kernel.step.exp()[:, None].to(torch.complex128)
    hold = ((step * a).exp() - 1) / a
    c = torch.view_as_complex(kernel.out.detach().double())
    state, found = hold, []
    for _ in range(100):
        found.append(2 * (c * state).sum(dim=2).real)
        state = (step * a).exp() * state
    expected = torch.stack(found, dim=2).float()
    torch.testing.assert_close(kernel.response(100), expected, atol=1e-5, rtol=1e-4)


def test_a_longer_window_has_the_same_response_for_longer() -> None:
    torch.manual_seed(0)
    kernel = StateSpaces(4, 8)
    torch.testing.assert_close(kernel.response(300)[..., :100], kernel.response(100))


@pytest.mark.parametrize("time", [1, 31, 32, 33, 200])
def test_blocks_do_what_one_long_convolution_does(time: int) -> None:
    torch.manual_seed(0)
    spaces, maps = StateSpaces(6, 8), torch.randn(2, 6, time)
    forwards, backwards = spaces.response(time)
    both = torch.cat([forwards.flip(1), backwards[:, : time - 1]], dim=1).unsqueeze(1)
    expected = torch.nn.functional.conv1d(maps, both, padding=time - 1, groups=6)
    torch.testing.assert_close(spaces(maps), expected, atol=1e-4, rtol=1e-4)


def test_each_sample_is_told_of_what_was_and_of_what_comes() -> None:
    torch.manual_seed(0)
    spaces, maps = StateSpaces(1, 8), torch.zeros(1, 1, 150)
    maps[..., 70] = 1
    found = spaces(maps)[0, 0]
    forwards, backwards = spaces.response(150)[:, 0]
    torch.testing.assert_close(found[70:], forwards[:80], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[:70], backwards[:70].flip(0), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("time", [2, 250, 1000])
def test_any_length_is_answered(time: int) -> None:
    net = make(width=16, depth=2)
    assert net(torch.randn(2, 12, time)).shape == (2, 5)
    assert net.features(torch.randn(2, 12, time)).shape == (2, 16, time)


def test_an_odd_state_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model\.states: is 7\. Give an even number"):
        make(states=7)
