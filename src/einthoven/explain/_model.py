"""Model: one way to ask any model, whatever it is made of and eats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.bundle.card import Card
from einthoven.record.inputspec import InputSpec

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]


class Model(Protocol):
    """What explainers ask.

    Attributes
    ----------
    name : for messages and pictures.
    task : ``beat``, ``rhythm`` or ``diagnosis``.
    classes : its answers.
    spec : what it eats.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    spec: InputSpec

    def logits(self, inputs: Mapping[str, Array]) -> Logits:
        """Return (variant, class) calibrated logits of ``window`` (variant, lead, time), ``side``.

        ``side`` is (variant, row, number), as `Case.masked` gives it. Softmax, or the sigmoid for
        diagnoses, makes the probabilities that the engine prints.
        """

    @property
    def module(self) -> nn.Module | None:
        """The network in torch, whose forward eats ``window`` and ``side`` likewise.

        None where the model has no gradient, or torch is not installed.
        """


def probabilities(model: Model, logits: Logits) -> Logits:
    """Return (variant, class) what the engine would print of logits."""
    if model.task == "diagnosis":
        each: Logits = 0.5 * (1 + np.tanh(0.5 * logits))
        return each
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    joint: Logits = p / p.sum(axis=1, keepdims=True)
    return joint


def calibrated(card: Card, logits: npt.NDArray[np.generic]) -> Logits:
    """Return logits with a card's offsets and temperature; their softmax is the answer."""
    shifted = logits.astype(np.float64)
    if card.offsets:
        shifted = shifted + np.array(card.offsets)
    return shifted / card.temperature


class BundleModel:
    """A shipped model, asked through ONNX Runtime; attributes as of `Model`."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        card = bundle.card
        self.name, self.task, self.classes = card.name, card.task, tuple(card.classes)
        self.spec = card.stages[0].input

    def logits(self, inputs: Mapping[str, Array]) -> Logits:
        """Return (variant, class) calibrated logits; see `Model`."""
        side = inputs["side"]
        if self.spec.neighbours == (0, 0):
            side = side[:, 0]
        return calibrated(self.bundle.card, self.bundle.run({**inputs, "side": side}))

    @property
    def module(self) -> nn.Module | None:
        """The graph in torch, where all of it has a gradient."""
        return None
