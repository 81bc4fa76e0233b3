"""One contract for every architecture in the catalogue."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.export.nets import _graph
from einthoven.models import MODELS
from einthoven.record import UsageError


def settled(name: str, side: int) -> Any:
    """Return a net whose normalisations know what to expect, as those of a trained one do.

    With a mean of 0 and a spread of 1 in each, the maps of a deep one would grow past all measure.
    """
    torch.manual_seed(0)
    net: Any = MODELS[name].build(leads=1, time=360, classes=5, side=side)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        net(*[torch.randn(16, 1, 360), torch.randn(16, side)][: 2 if side else 1])
    return net.eval()


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("leads, time, classes, side", [(1, 360, 5, 0), (2, 250, 4, 7)])
def test_windows_become_logits(name: str, leads: int, time: int, classes: int, side: int) -> None:
    net: Any = MODELS[name].build(leads=leads, time=time, classes=classes, side=side).eval()
    inputs = [torch.zeros(3, leads, time), torch.zeros(3, side)][: 2 if side else 1]
    assert net(*inputs).shape == (3, classes)
    maps = net.features(inputs[0])
    assert maps.ndim == 3
    assert maps.shape[0] == 3


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("side", [0, 4])
def test_every_parameter_gets_a_gradient(name: str, side: int) -> None:
    torch.manual_seed(0)
    net = MODELS[name].build(leads=1, time=360, classes=5, side=side)
    inputs = [torch.randn(16, 1, 360), torch.randn(16, side)][: 2 if side else 1]
    loss: Any = torch.nn.functional.cross_entropy(net(*inputs), torch.arange(16) % 5)
    loss.backward()
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", MODELS.names())
def test_the_published_size_is_met_within_one_percent(name: str) -> None:
    entry = MODELS[name]
    if entry.kilobytes is None:
        return
    leads, time, classes = entry.shape
    net = entry.build(leads=leads, time=time, classes=classes, side=0)
    numbers = sum(t.numel() for t in net.state_dict().values() if t.dtype == torch.float32)
    assert numbers * 4 / 1024 == pytest.approx(entry.kilobytes, rel=0.01)


@pytest.mark.parametrize("name", MODELS.names())
def test_each_window_is_answered_by_itself(name: str) -> None:
    net = settled(name, 0)
    windows = torch.randn(5, 1, 360)
    with torch.no_grad():
        together = net(windows)
        alone = torch.cat([net(w[None]) for w in windows])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("side", [0, 4])
def test_onnx_answers_alike_for_any_number_of_windows(name: str, side: int) -> None:
    net = settled(name, side)
    windows = SimpleNamespace(window=torch.randn(7, 1, 360), side=torch.randn(7, side))
    data: Any = SimpleNamespace(
        split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(7))),
        windows=lambda rows: SimpleNamespace(window=windows.window[rows], side=windows.side[rows]),
    )
    session = onnxruntime.InferenceSession(_graph(net, data))
    for count in (1, 7):
        inputs = [windows.window[:count], windows.side[:count]][: 2 if side else 1]
        with torch.no_grad():
            said = net(*inputs).numpy()
        named = {n: t.numpy() for n, t in zip(("window", "side"), inputs, strict=False)}
        np.testing.assert_allclose(session.run(None, named)[0], said, atol=1e-4)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean arrhythminet-v1"):
        MODELS["arhythminet-v1"]
