"""EKGNet: noise in training, none in use, and what that is good for."""

import pytest
import torch
from torch.nn import functional

from einthoven.models import MODELS
from einthoven.models.ekgnet import EkgNet, Noisy, shaken
from einthoven.record import UsageError


def layer(**own: float) -> Noisy:
    torch.manual_seed(0)
    known = {"bits": 0, "weight_noise": 0.0, "noise": 0.0} | own
    return Noisy(12, 6, 0, **known)  # type: ignore[arg-type]


def test_noise_shakes_training_and_not_use() -> None:
    maps = torch.randn(8, 12, generator=torch.Generator().manual_seed(0))
    for own in ({"weight_noise": 0.05}, {"noise": 0.05}):
        noisy = layer(**own)
        assert not torch.equal(noisy.train()(maps), noisy(maps))
        assert torch.equal(noisy.eval()(maps), noisy(maps))
    assert torch.equal(layer().train()(maps), layer()(maps))


@torch.no_grad()
def test_noise_is_as_large_as_was_said() -> None:
    torch.manual_seed(0)
    maps = torch.randn(64, 12)
    noisy = layer(noise=0.1).train()
    plain = noisy.eval()(maps)
    shifts = torch.stack([noisy.train()(maps) - plain for _ in range(50)])
    assert float(shifts.std() / plain.std()) == pytest.approx(0.1, rel=0.05)
    one = torch.eye(12)
    noisy = layer(weight_noise=0.1)
    plain = noisy.eval()(one)
    shifts = torch.stack([noisy.train()(one) - plain for _ in range(200)])
    assert float(shifts.std() / plain.abs().max()) == pytest.approx(0.1, rel=0.05)


def test_weights_are_within_one_and_on_few_steps() -> None:
    held = layer(bits=3)
    with torch.no_grad():
        held.weight.mul_(5)
        held.weight[0, 0] = 9.0
    written = held.written().detach()
    assert written.abs().max() == 1.0
    # Three bits with a sign: -3 to 3 thirds of the largest.
    torch.testing.assert_close(written * 3, (written * 3).round())
    assert len(written.unique()) <= 7


def test_rounding_lets_gradients_pass() -> None:
    maps = torch.randn(4, 12)
    rounded, plain = layer(bits=4), layer()
    rounded(maps).sum().backward()
    plain(maps).sum().backward()
    assert rounded.weight.grad is not None
    torch.testing.assert_close(rounded.weight.grad, plain.weight.grad)


def beats(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of noise with a bump at one of three places; the place is the class."""
    chance = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 3, (count,), generator=chance)
    place = (90 + 60 * label).unsqueeze(1)
    bump = torch.exp(-0.5 * ((torch.arange(360) - place) / 6.0) ** 2)
    noise = 0.3 * torch.randn(count, 360, generator=chance)
    return (bump + noise).unsqueeze(1), label


def taught(noise: float) -> EkgNet:
    torch.manual_seed(1)
    net = MODELS["ekgnet"].build(
        leads=1, time=360, classes=3, side=0, bits=0, weight_noise=noise, noise=noise
    )
    assert isinstance(net, EkgNet)
    window, label = beats(256, 0)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(150):
        optimiser.zero_grad()
        functional.cross_entropy(net(window), label).backward()
        optimiser.step()
    return net.eval()


def test_a_net_trained_with_noise_moves_less_under_noise() -> None:
    window, label = beats(500, 7)
    moved, right = {}, {}
    for noise in (0.0, 0.2):
        net = taught(noise)
        with torch.no_grad():
            plain = net(window).softmax(dim=1)
            right[noise] = float((plain.argmax(1) == label).float().mean())
            others = [shaken(net, 0.2, seed)(window).softmax(dim=1) for seed in range(30)]
            moved[noise] = float(torch.stack([(o - plain).abs().mean() for o in others]).mean())
    assert min(right.values()) > 0.9
    assert moved[0.2] < 0.8 * moved[0.0]


def test_shaking_leaves_the_net_as_it_was_and_no_noise_changes_nothing() -> None:
    net = MODELS["ekgnet"].build(leads=1, time=360, classes=3, side=4)
    assert isinstance(net, EkgNet)
    window, side = torch.randn(6, 1, 360), torch.randn(6, 4)
    before = net.eval()(window, side)
    same = shaken(net, 0.0, 0)(window, side)
    torch.testing.assert_close(same, before)
    assert not torch.equal(shaken(net, 0.1, 0)(window, side), before)
    assert torch.equal(shaken(net, 0.1, 3)(window, side), shaken(net, 0.1, 3)(window, side))
    assert torch.equal(net(window, side), before)


def test_it_is_tiny() -> None:
    net = MODELS["ekgnet"].build(leads=1, time=360, classes=5, side=0)
    assert sum(p.numel() for p in net.parameters()) < 2000


@pytest.mark.parametrize("own", [{"thin": 100}, {"thin": 0}, {"bits": 1}])
def test_what_cannot_be_is_refused(own: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="Give"):
        MODELS["ekgnet"].build(leads=1, time=360, classes=5, side=0, **own)
