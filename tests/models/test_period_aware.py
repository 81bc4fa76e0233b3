"""The period-aware network: its size, what it may know, and that padding says nothing."""

import torch

from einthoven.models.period_aware import BEAT, STATE, PeriodAware, Pretext


def strips(count: int, places: int, beats: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    window, side = torch.randn(count, places, 64), torch.rand(count, places, 3) + 0.5
    side[:, :, 0] = 1
    side[:, 0, 1:] = 0
    for row, n in enumerate(beats):
        window[row, n:], side[row, n:] = 0, 0
    return window, side.flatten(1)


def net() -> PeriodAware:
    torch.manual_seed(0)
    return PeriodAware().eval()


def test_size_and_shapes() -> None:
    one = net()
    window, side = strips(3, 7, [7, 4, 0])
    assert 150_000 < sum(p.numel() for p in Pretext(one).parameters()) < 200_000
    assert one(window, side).shape == (3, 2)
    assert one.beats(window, side).shape == (3, 7, BEAT)
    assert one.features(window, side).shape == (3, STATE, 7)
    assert (one.beats(window, side)[1, 4:] == 0).all()


def test_a_strip_is_answered_by_itself_and_padding_says_nothing() -> None:
    one = net()
    window, side = strips(3, 7, [7, 4, 0])
    together = one(window, side)
    for row, n in enumerate((7, 4, 1)):
        alone = one(window[row : row + 1, :n], side[row : row + 1, : 3 * n])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together[2], one.head.bias)  # no beat


def test_a_state_knows_nothing_of_what_comes() -> None:
    one = net()
    window, side = strips(1, 7, [7])
    before = one.features(window, side)
    window[:, 4:] += 1
    side.view(1, 7, 3)[:, 4:, 1:] *= 2
    after = one.features(window, side)
    torch.testing.assert_close(before[:, :, :4], after[:, :, :4])
    assert (before[:, :, 4:] - after[:, :, 4:]).abs().max() > 1e-3


def test_every_number_learns() -> None:
    one = PeriodAware()
    torch.nn.functional.cross_entropy(
        one(*strips(4, 6, [6, 5, 4, 3])), torch.arange(4) % 2
    ).backward()
    for name, parameter in one.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
