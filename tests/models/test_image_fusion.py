"""Three pictures of a beat, against hand-worked examples."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.export.nets import _graph
from einthoven.models import MODELS
from einthoven.models.image_fusion import Pictures, angular, recurrence, transition
from einthoven.record import UsageError

HALF = 0.5 * 3**0.5


def test_the_angular_field_of_three_angles() -> None:
    # arccos of -1, 0, 1/2 is 180, 90 and 60 degrees; the cosines of the sums, worked by hand:
    # 360 -> 1, 270 -> 0, 240 -> -1/2; 180 -> -1, 150 -> -sqrt(3)/2; 120 -> -1/2.
    field = angular(torch.tensor([-1.0, 0.0, 0.5]))
    expected = [[1.0, 0.0, -0.5], [0.0, -1.0, -HALF], [-0.5, -HALF, -0.5]]
    np.testing.assert_allclose(field, expected, atol=3e-6)


def test_the_angular_field_is_the_cosine_of_the_sum() -> None:
    series = torch.rand(5, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    angle = series.double().arccos()
    expected = torch.cos(angle.unsqueeze(-1) + angle.unsqueeze(-2))
    field = angular(series)
    np.testing.assert_allclose(field, expected, atol=1e-5)
    diagonal = field.diagonal(dim1=-2, dim2=-1)
    np.testing.assert_allclose(diagonal, 2 * series**2 - 1, atol=1e-5)


def test_the_recurrence_plot_holds_distances() -> None:
    plot = recurrence(torch.tensor([0.0, 3.0, -1.0]))
    assert plot.tolist() == [[0, 3, 1], [3, 0, 4], [1, 4, 0]]


def test_the_transition_field_of_six_values() -> None:
    # Two bins: 1 2 3 are low, 4 5 6 high. In order L L H L H H there are two steps L to H,
    # one L to L, one H to L, one H to H: out of L 1/3 and 2/3, out of H 1/2 and 1/2.
    series = torch.tensor([1.0, 2.0, 5.0, 3.0, 4.0, 6.0])
    low, high = [1 / 3, 2 / 3], [1 / 2, 1 / 2]
    place = [0, 0, 1, 0, 1, 1]
    expected = [[(high if i else low)[j] for j in place] for i in place]
    np.testing.assert_allclose(transition(series, 2), expected, atol=1e-6)


def test_transitions_are_shares_and_know_the_order_of_values_alone() -> None:
    series = torch.randn(4, 36, generator=torch.Generator().manual_seed(1))
    field = transition(series, 8)
    assert field.min() >= 0
    assert field.max() <= 1
    torch.testing.assert_close(field, transition(series.exp() * 7, 8))


def test_equal_values_share_a_bin() -> None:
    field = transition(torch.tensor([2.0, 2.0, 2.0, 2.0]), 4)
    torch.testing.assert_close(field, torch.ones(4, 4))


def test_pictures_are_of_means_between_the_lowest_and_the_highest() -> None:
    # Six samples to three means, 0, 3 and 1, hence -1, 1 and -1/3.
    pictures = Pictures(6, 3, 2)(torch.tensor([[[0.0, 0.0, 2.0, 4.0, 0.5, 1.5]]]))
    assert pictures.shape == (1, 3, 3, 3)
    np.testing.assert_allclose(
        pictures[0, 0].diagonal(), [1.0, 1.0, 2 / 9 - 1], atol=1e-5
    )  # 2 x^2 - 1
    np.testing.assert_allclose(pictures[0, 1, 0], [0.0, 1.0, 1 / 3], atol=1e-6)
    assert pictures[0, 2].amax() == 1.0


def test_gain_and_offset_leave_angles_and_distances_as_they_are() -> None:
    window = torch.randn(3, 1, 360, generator=torch.Generator().manual_seed(2))
    window = torch.round(window * 256) / 256  # on the grid of the pictures, doubled or not
    pictures = Pictures(360, 36, 8)
    torch.testing.assert_close(
        pictures(window)[:, :2], pictures(window * 2 + 0.5)[:, :2], atol=1e-4, rtol=0
    )


def test_the_slope_of_an_answer_is_finite_where_a_value_is_the_highest() -> None:
    net = MODELS["image-fusion"].build(leads=1, time=360, classes=4, side=0).eval()
    window = torch.randn(2, 1, 360, requires_grad=True)
    net(window).sum().backward()
    assert window.grad is not None
    assert torch.isfinite(window.grad).all()
    assert window.grad.abs().sum() > 0


def test_exported_pictures_are_the_same_where_values_are_all_but_equal() -> None:
    # Digitised at 5 units a mV: means of ten samples are equal, or differ in the last digit only.
    torch.manual_seed(0)
    windows = SimpleNamespace(
        window=torch.round(torch.randn(300, 1, 360) * 5) / 5, side=torch.zeros(300, 0)
    )
    data: Any = SimpleNamespace(
        windows=lambda rows: SimpleNamespace(window=windows.window[rows], side=windows.side[rows]),
        split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(300))),
    )
    pictures = Pictures(360, 36, 8).eval()
    session = onnxruntime.InferenceSession(_graph(pictures, data))
    said = session.run(None, {"window": windows.window.numpy()})[0]
    np.testing.assert_allclose(said, pictures(windows.window), atol=1e-6)


@pytest.mark.parametrize("own, fault", [({"size": 400}, "8 to 360"), ({"bins": 1}, "2 or more")])
def test_pictures_that_cannot_be_are_refused(own: dict[str, int], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        MODELS["image-fusion"].build(leads=1, time=360, classes=4, side=0, **own)
