"""DeepLIFT: the change of the answer from the baseline, handed back layer by layer.

Shrikumar, Greenside, Kundaje, arXiv:1704.02685 (2017), the rescale rule: at a function that bends,
the slope is the change of its value over that of its input. For what their networks did not have
the rules are ours: products (gates, attention) share the change evenly, of a maximum it belongs to
the number that is the larger. The contributions sum to the change of the log odds.

LSTMs and GRUs are one function for torch, of which nothing can be replaced: they are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution
from einthoven.record.errors import UsageError

if TYPE_CHECKING:
    import torch

_FAR = 0.05  # of the change, by which the sum may be wrong before the method is refused


def serves(model: Model) -> bool:
    """Return whether all of a network can be handed back through."""
    if model.module is None:
        return False
    from torch import nn

    return not any(isinstance(layer, nn.RNNBase) for layer in model.module.modules())


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions in logits.

    Raises
    ------
    UsageError : the network has a function that is not known, so that the sum is wrong.
    """
    import torch

    from einthoven.explain._rules import FromReference

    asked = gradients.question(model, target)
    window, side = (
        torch.tensor(np.concatenate(p))
        for p in zip(gradients.own(case), gradients.baseline(case), strict=True)
    )
    values, numbers = np.zeros(window.shape[1:], np.float32), np.zeros(side.shape[1:], np.float32)
    for first, last, weight in gradients.crops(model, case, target):
        given = (window[:, :, first:last].clone().requires_grad_(), side.clone().requires_grad_())
        with FromReference():
            answer = asked(*given)
        by = torch.autograd.grad(answer[0], given, allow_unused=True)
        values[:, first:last] += weight * _times(by[0], given[0])
        numbers += weight * _times(by[1], given[1])
    with torch.no_grad():
        ends = asked(window, side)
    found, change = float(values.sum() + numbers.sum()), float(ends[0] - ends[1])
    if abs(found - change) > _FAR * max(1.0, abs(change)):
        fault = f"deeplift has no rule for a function of {model.name!r}: its sum would be wrong"
        raise UsageError("method", fault, "Use integrated-gradients")
    return gradients.finished(
        "deeplift", model, case, target, values, numbers, unit="logit", compared=True
    )


def _times(slope: torch.Tensor | None, given: torch.Tensor) -> gradients.Array:
    """Return slope times the distance from the reference, of the first row."""
    if slope is None:
        return np.zeros(given.shape[1:], np.float32)
    there = given.detach()
    found: gradients.Array = np.nan_to_num((slope[0] * (there[0] - there[1])).numpy())
    return found


EXPLAINERS.add(
    "deeplift",
    Explainer(
        title="DeepLIFT", paper="Shrikumar et al. 2017, arXiv:1704.02685", needs="gradients",
        explain=explain, serves=serves,
    ),
)  # fmt: skip
