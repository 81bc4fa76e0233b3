"""Model: one way to ask any model, whatever it is made of and eats."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.bundle.card import Card
from einthoven.inputs.rhythm_span import windows_of
from einthoven.record.inputspec import InputSpec

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]

_AT_ONCE = 256  # variants
_CERTAIN = 50.0  # log odds: 1 in 10 to the 22


class Model(Protocol):
    """What explainers ask.

    Attributes
    ----------
    name : for messages and pictures.
    task : ``beat``, ``rhythm`` or ``diagnosis``.
    classes : its answers.
    spec : what it eats.
    usual : by name, what its side numbers are in a usual healthy record; {} where a recording has
        its own usual values, as of beats, and where it is not known.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    spec: InputSpec
    usual: Mapping[str, float]

    def logits(self, inputs: Mapping[str, Array]) -> Logits:
        """Return (variant, class) calibrated logits of ``window`` (variant, lead, time), ``side``.

        ``side`` is (variant, row, number), as `Case.masked` gives it. Softmax, or the sigmoid for
        diagnoses, makes the probabilities that the engine prints. Of rhythm ``window`` is the span
        as long as it is; where that is longer than the spec's window, it is cut as in use
        (`pieces`) and the logits of its windows are averaged.
        """

    @property
    def module(self) -> nn.Module | None:
        """The network in torch: calibrated logits of ``window`` and ``side``, as tensors.

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


def log_odds(model: Model, logits: Logits) -> Logits:
    """Return (variant, class) log odds of the probabilities that the engine would print.

    That is what contributions add up to, whatever the method: of diagnoses the logit itself, of
    classes that exclude each other the logit less the log of the sum over all the others. A graph
    that says 0 or 1 outright has no end: it ends at `_CERTAIN`.
    """
    if model.task == "diagnosis":
        return np.clip(np.asarray(logits, np.float64), -_CERTAIN, _CERTAIN)
    found = np.empty_like(logits, np.float64)
    for k in range(logits.shape[1]):
        found[:, k] = logits[:, k] - np.logaddexp.reduce(np.delete(logits, k, axis=1), axis=1)
    return np.clip(found, -_CERTAIN, _CERTAIN)


def pieces(spec: InputSpec, inputs: Mapping[str, Array]) -> tuple[dict[str, Array], int]:
    """Return what a graph eats of variants, item by item, and how many items a variant is.

    Items are windows of a span of rhythm, 1 for all other kinds; those of a variant follow each
    other. ``side`` keeps its rows only where the neighbours' numbers are eaten, too.
    """
    window, side = inputs["window"], inputs["side"]
    if spec.neighbours == (0, 0):
        side = side[:, 0]
    if spec.kind != "rhythm":
        return {"window": window, "side": side}, 1
    cut = [windows_of(lead, spec.rate, spec.window[1]) for lead in window]
    each = len(cut[0])
    return {"window": np.concatenate(cut), "side": np.repeat(side, each, axis=0)}, each


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
        self.usual = card.usual

    def logits(self, inputs: Mapping[str, Array]) -> Logits:
        """Return (variant, class) calibrated logits; see `Model`."""
        found = []
        for first in range(0, len(inputs["window"]), _AT_ONCE):
            some = {name: values[first : first + _AT_ONCE] for name, values in inputs.items()}
            items, each = pieces(self.spec, some)
            said = self.bundle.run(items).astype(np.float64)
            found.append(said.reshape(-1, each, said.shape[1]).mean(axis=1))
        return calibrated(self.bundle.card, np.concatenate(found))

    @cached_property
    def module(self) -> nn.Module | None:
        """The graph in torch, where all of it has a gradient and torch is installed."""
        try:
            from einthoven.explain._torch_model import of_bundle
        except ModuleNotFoundError:
            return None
        return of_bundle(self.bundle)
