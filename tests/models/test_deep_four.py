"""CNN, CNN-LSTM, CNN-LSTM-Attention, ResNet-1D: their sizes, their attention, what they refuse."""

import pytest
import torch

from einthoven.models import MODELS
from einthoven.record import UsageError
from einthoven.training import load_recipe
from einthoven.training.nets import build

FOUR = {"cnn": 109_861, "cnn-lstm": 159_781, "cnn-lstm-attention": 168_101, "resnet1d": 544_037}


@pytest.mark.parametrize("name", FOUR)
def test_the_layers_have_as_many_numbers_as_were_drawn_up(name: str) -> None:
    net = MODELS[name].build(leads=1, time=360, classes=5, side=0)
    assert sum(p.numel() for p in net.parameters()) == FOUR[name]


@pytest.mark.parametrize("name", FOUR)
def test_side_numbers_reach_the_answer_in_any_unit(name: str) -> None:
    torch.manual_seed(0)
    net = MODELS[name].build(leads=1, time=360, classes=5, side=3)
    window, side = torch.randn(32, 1, 360), torch.randn(32, 3)
    torch.testing.assert_close(net(window, side), net(window, 1000 * side), atol=1e-3, rtol=1e-3)
    assert (net(window, side) - net(window, side.flip(0))).abs().max() > 1e-2


@pytest.mark.parametrize("name", FOUR)
def test_the_recipe_builds_what_it_names(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.protocol.name == "inter-patient"
    assert type(build(recipe)) is type(MODELS[name].build(leads=1, time=360, classes=4, side=0))


@pytest.mark.parametrize("name, least", [("cnn", 16), ("cnn-lstm", 8), ("resnet1d", 3)])
def test_a_window_too_short_is_refused(name: str, least: int) -> None:
    net = MODELS[name].build(leads=1, time=least, classes=2, side=0).eval()
    assert net(torch.zeros(1, 1, least)).shape == (1, 2)
    with pytest.raises(UsageError, match=f"{name}: cannot eat .* Give {least} or more"):
        MODELS[name].build(leads=1, time=least - 1, classes=2, side=0)


@pytest.mark.parametrize("time, positions", [(360, 45), (250, 31)])
def test_attention_is_one_weight_a_position_and_one_in_all(time: int, positions: int) -> None:
    torch.manual_seed(0)
    net = MODELS["cnn-lstm-attention"].build(leads=1, time=time, classes=5, side=4).eval()
    weight = net.attention(torch.randn(6, 1, time))
    assert weight.shape == (6, positions)
    assert (weight >= 0).all()
    torch.testing.assert_close(weight.sum(dim=1), torch.ones(6))
    assert net.spans(time).shape == (positions, 2)


def test_attention_weighs_the_states_that_make_the_answer() -> None:
    torch.manual_seed(0)
    net = MODELS["cnn-lstm-attention"].build(leads=1, time=360, classes=5, side=0).eval()
    window = torch.randn(2, 1, 360)
    states, _ = net.memory(net.features(window).transpose(1, 2))
    mean = torch.einsum("bp,bpc->bc", net.attention(window), states)
    torch.testing.assert_close(net.head(mean), net(window))


def test_spans_lie_side_by_side_and_in_the_middle_of_what_a_position_sees() -> None:
    torch.manual_seed(0)
    net = MODELS["cnn-lstm-attention"].build(leads=1, time=360, classes=5, side=0).eval()
    spans = net.spans(360)
    assert spans[0, 0] == 0
    assert spans[-1, 1] == 360
    assert torch.equal(spans[1:, 0], spans[:-1, 1])
    seen = torch.zeros(360)
    for seed in range(20):  # a pool passes on only one of its two samples at a time
        torch.manual_seed(seed)
        window = torch.randn(1, 1, 360, requires_grad=True)
        (slope,) = torch.autograd.grad(net.features(window)[0, :, 20].sum(), window)
        seen += slope[0, 0].abs()
    where = seen.nonzero().squeeze(1)
    start, stop = spans[20].tolist()
    assert (where.min(), where.max()) == (start - 15, stop - 1 + 15)


def test_the_lstm_reads_both_ways() -> None:
    torch.manual_seed(0)
    net = MODELS["cnn-lstm"].build(leads=1, time=360, classes=5, side=0).eval()
    window = torch.randn(1, 1, 360, requires_grad=True)
    (slope,) = torch.autograd.grad(net(window).abs().sum(), window)
    assert slope[0, 0, :30].abs().sum() > 0
    assert slope[0, 0, -30:].abs().sum() > 0
    # Maps in reverse are another answer: order counts, as it does not in a mean.
    with torch.no_grad():
        maps = net.features(window)
        _, (there, _) = net.memory(maps.transpose(1, 2))
        _, (back, _) = net.memory(maps.flip(2).transpose(1, 2))
    assert (there - back).abs().max() > 1e-3


def test_a_hidden_layer_lets_side_numbers_act_on_each_other() -> None:
    torch.manual_seed(0)
    for hidden, straight in ((0, True), (64, False)):
        net = MODELS["resnet1d"].build(leads=1, time=360, classes=5, side=2, hidden=hidden).eval()
        window = torch.randn(1, 1, 360).expand(4, 1, 360)
        # Effects of two numbers add up where there is no layer in between.
        answers = net(window, torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]]))
        apart = answers[0] - answers[1] - answers[2] + answers[3]
        assert bool(apart.abs().max() < 1e-4) is straight
