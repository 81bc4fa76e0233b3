"""Every architecture in the catalogue goes through the exporter and answers as torch does."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.export.nets import TOLERANCE, _graph
from einthoven.models import MODELS
from einthoven.training._batches import Windows

_OWN = {"": {}, "recognition": {"patient": 4}}


def both(net: torch.nn.Module, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """What ONNX and torch say of the same windows."""
    data: Any = SimpleNamespace(
        windows=lambda rows: Windows(*(part.numpy() for part in windows[torch.from_numpy(rows)])),
        split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(len(windows)))),
    )
    net.eval()
    session = onnxruntime.InferenceSession(_graph(net, data))
    fed = {"window": windows.window.numpy(), "side": windows.side.numpy()}
    names = [given.name for given in session.get_inputs()]
    said = session.run(["logits"], {name: fed[name] for name in names})[0]
    side = (windows.side,) if windows.side.shape[1] else ()
    with torch.no_grad():
        return np.asarray(said), net(windows.window, *side).numpy()


@pytest.mark.parametrize("side", [0, 5])
@pytest.mark.parametrize("name", MODELS.names())
def test_onnx_and_torch_agree(name: str, side: int) -> None:
    torch.manual_seed(0)
    own: Any = _OWN.get(name if side else "", {})
    net = MODELS[name].build(leads=1, time=360, classes=5, side=side, **own)
    # Running statistics other than 0 and 1, and values with ties, as digitised signals have them.
    window = torch.round(torch.randn(40, 1, 36) * 20) / 20
    window = torch.nn.functional.interpolate(window, 360, mode="linear")
    inputs = [window, torch.randn(40, side)][: 2 if side else 1]
    net.train()(*inputs)
    windows = Windows(window.numpy(), torch.randn(40, side).numpy(), np.arange(40) % 5)
    said, meant = both(net, windows)
    assert said.shape == (40, 5)
    assert np.abs(said - meant).max() < TOLERANCE
    assert np.ptp(meant) > 0
