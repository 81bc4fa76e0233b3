"""1-D Self-ONN: size, powers, wavelet bands, injection."""

import math

import pytest
import torch
from torch.nn import functional

from einthoven.models import MODELS
from einthoven.models.self_onn import MARGIN, Operational, mexican_hats
from einthoven.record import UsageError
from einthoven.training import load_recipe
from einthoven.training.nets import build


def test_it_has_the_paper_s_number_of_numbers() -> None:
    net = MODELS["self-onn"].build(leads=1, time=306, classes=3, side=4)
    standardising = 2 * 4  # ours, in place of a scaler fitted beforehand
    assert sum(p.numel() for p in net.parameters()) - standardising == 23_619


def test_one_power_is_a_plain_convolution() -> None:
    torch.manual_seed(0)
    layer, image = Operational(2, 3, 3, 1), torch.randn(4, 2, 1, 20)
    plain = functional.conv1d(
        image.squeeze(2), layer.sum.weight.squeeze(2), layer.sum.bias, padding=1
    )
    torch.testing.assert_close(layer(image).squeeze(2), plain)


def test_three_powers_worked_by_hand() -> None:
    layer = Operational(1, 1, 1, 3)
    with torch.no_grad():
        layer.sum.weight[:] = torch.tensor([2.0, -4.0, 8.0])[None, :, None, None]
        layer.sum.bias[:] = 0.5
    image = torch.tensor([0.5, -1.0, 0.0])[None, None, None]
    # .5 + 2x - 4x^2 + 8x^3: .5 + 1 - 1 + 1; .5 - 2 - 4 - 8; .5
    torch.testing.assert_close(layer(image).flatten(), torch.tensor([1.5, -13.5, 0.5]))


def test_hats_have_no_mean_unit_energy_and_fit_their_taps() -> None:
    hats = mexican_hats()
    assert hats.shape == (9, 2 * MARGIN + 1)
    assert hats.sum(dim=1).abs().max() < 1e-3
    # The narrowest have a little of their spectrum above half the rate.
    torch.testing.assert_close(hats.square().sum(dim=1), torch.ones(9), atol=0.02, rtol=0)
    assert (hats[:, 0].abs() < 2e-4 * hats[:, MARGIN]).all()


@pytest.mark.parametrize("band", [0, 3])
def test_a_sine_is_strongest_in_its_own_band(band: int) -> None:
    # |spectrum| of a second derivative of a Gaussian is largest at sqrt(2) / (2 pi) cycles a scale.
    scale = 0.25 * 360 / (10 * (band + 1))
    net = MODELS["self-onn"].build(leads=1, time=720, classes=3, side=0)
    sine = torch.sin(math.sqrt(2) / scale * torch.arange(720.0))[None, None]
    unscaled = functional.conv1d(sine, mexican_hats()[:, None])
    # Unit energy, so the response per amplitude grows with the root of the scale.
    scales = torch.tensor([9.0 / (b + 1) for b in range(9)])
    assert int((unscaled.abs().amax(dim=2)[0] / scales.sqrt()).argmax()) == band
    bands = net.bands(sine)
    torch.testing.assert_close(bands, unscaled / unscaled.abs().max())


def test_bands_know_neither_gain_nor_offset_and_pad_nothing() -> None:
    torch.manual_seed(0)
    net = MODELS["self-onn"].build(leads=2, time=306, classes=3, side=0)
    window = torch.randn(3, 2, 306)
    bands = net.bands(window)
    assert bands.shape == (3, 18, 216)
    assert bands.abs().amax(dim=(1, 2)).tolist() == pytest.approx([1, 1, 1])
    torch.testing.assert_close(net.bands(5 * window + 3), bands, atol=1e-4, rtol=0)
    assert torch.isfinite(net.bands(torch.zeros(1, 2, 306))).all()
    # The second lead's bands follow the first's.
    assert (net.bands(window * torch.tensor([1.0, 0.0])[None, :, None])[:, 9:] == 0).all()


def test_injected_numbers_are_seen_beside_the_waveform_and_not_before() -> None:
    torch.manual_seed(0)
    net = MODELS["self-onn"].build(leads=1, time=306, classes=3, side=4)
    window, side = torch.randn(32, 1, 306), torch.randn(32, 4)
    assert net.features(window).shape == (32, 64, 43)
    assert (net(window, side) - net(window, side.flip(0))).abs().max() > 1e-2
    torch.testing.assert_close(net(window, side), net(window, 1000 * side), atol=1e-3, rtol=1e-3)


def test_the_recipe_cuts_the_paper_s_window_and_a_margin() -> None:
    recipe = load_recipe("self-onn")
    net = build(recipe).eval()
    before, after = (round(s * recipe.input.rate) for s in recipe.input.window)
    assert (before - MARGIN, after - MARGIN) == (90, 126)
    assert net.get_submodule("body")[0].sum.in_channels == 27


def test_a_window_without_room_for_the_wavelets_is_refused() -> None:
    with pytest.raises(UsageError, match=r"self-onn: cannot eat .* 94 .* Give 95 or more"):
        MODELS["self-onn"].build(leads=1, time=94, classes=3, side=0)
    net = MODELS["self-onn"].build(leads=1, time=95, classes=3, side=0).eval()
    assert net(torch.randn(2, 1, 95)).shape == (2, 3)
