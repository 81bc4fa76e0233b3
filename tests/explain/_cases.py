"""Cases and networks made by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from einthoven.explain._case import Case
from einthoven.explain._torch_model import TorchModel, calibrated
from einthoven.record.inputspec import InputSpec


def a_case(
    window: Any, side: Any = None, reference: Any = None, others: Any = None, rate: float = 100.0
) -> Case:
    """A case of (lead, time) and numbers (number,)."""
    window = np.asarray(window, np.float32)
    side = np.zeros(0, np.float32) if side is None else np.asarray(side, np.float32)
    return Case(
        record="r", what="beat 1 of 1", window=window, side=side[None], row=0,
        names=tuple(f"n{k}" for k in range(len(side))),
        reference=np.zeros(len(side), np.float32) if reference is None else reference,
        start=0.0, rate=rate, leads=tuple("abcdefghijklmno"[: len(window)]),
        r_peaks=np.array([0.1]), parts={}, others=others,
    )  # fmt: skip


class Linear(nn.Module):
    """Logits w . x + v . side + b of each class."""

    def __init__(self, weight: Any, numbers: Any = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float32))  # (class, lead, time)
        self.numbers = None if numbers is None else torch.tensor(numbers, dtype=torch.float32)

    def forward(self, window: torch.Tensor, side: torch.Tensor | None = None) -> torch.Tensor:
        found = torch.einsum("clt,blt->bc", self.weight, window) + 0.3
        return found if self.numbers is None else found + side @ self.numbers.T


def a_model(
    net: nn.Module, classes: int, *, side: bool = False, task: str = "diagnosis", **own: Any
) -> TorchModel:
    """A net as a model; one class against none for diagnoses."""
    spec = InputSpec(kind="beat", rate=100.0, window=(0.1, 0.1))
    module = calibrated(net, classes, side=side, **own)
    return TorchModel("made", task, tuple("NSVFQ"[:classes]), spec, module)


def settled(net: Any, *inputs: torch.Tensor) -> Any:
    """Return a net whose normalisations know what to expect."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        net.train()(*inputs)
    return net.eval()


def exported(net: nn.Module, window: torch.Tensor) -> bytes:
    """Return the ONNX of a net, as `einthoven export` writes it."""
    from einthoven.export.nets import _graph

    two = SimpleNamespace(window=window[:2], side=torch.zeros(2, 0))
    return _graph(
        net,
        SimpleNamespace(
            split=SimpleNamespace(validation=SimpleNamespace(rows=np.arange(2))),
            windows=lambda rows: two,
        ),
    )
