"""The network of the rhythm model: size, what is not known, each window by itself."""

import torch

from einthoven.models.rhythm_crnn import RhythmCrnn


def made() -> RhythmCrnn:
    torch.manual_seed(0)
    return RhythmCrnn(4).eval()


def window(count: int = 3, time: int = 3000) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.cat([torch.randn(count, 1, time), torch.ones(count, 1, time)], dim=1)


def test_it_has_sixty_nine_thousand_numbers() -> None:
    net = made()
    assert sum(p.numel() for p in net.parameters()) == 68_696
    assert net.features(window()).shape == (3, 48, 188)
    assert net(window()).shape == (3, 4)


def test_each_window_is_answered_by_itself() -> None:
    net, x = made(), window()
    with torch.no_grad():
        torch.testing.assert_close(net(x)[1:2], net(x[1:2]), atol=1e-5, rtol=1e-5)


def test_what_is_not_known_is_not_attended_to() -> None:
    net, x = made(), window(1)
    x[:, :, 1600:] = 0
    told = []
    net.memory.register_forward_hook(lambda _m, _i, out: told.append(out[0]))
    said = net(x)
    told[0].retain_grad()
    said.sum().backward()
    flow = told[0].grad
    assert flow is not None
    assert flow[0, :99].abs().sum() > 0
    assert flow[0, 102:].abs().sum() < 1e-6


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    net = RhythmCrnn(4)
    torch.nn.functional.cross_entropy(net(window(8, 800)), torch.arange(8) % 4).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_window_of_which_nothing_is_known_has_an_answer_of_common_size() -> None:
    net, x = made(), window(2)
    x[1] = 0
    with torch.no_grad():
        assert net(x).abs().max() < 10
