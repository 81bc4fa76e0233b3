"""Attention rollout: attention traced back through the layers that mix places.

Abnar, Zuidema, arXiv:2005.00928 (2020): behind a layer that mixes, a place holds some of all
others; half of each step is followed along the weights, averaged over heads, and half straight on.
ABCNN's encoders, BEAT-Net's layers over leads and over beats, the blocks of the HRVConformer.
Like `attention` it has no sign and is the same for all classes.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution


def serves(model: Model) -> bool:
    """Return whether a model is a network with layers that mix places by attention."""
    if model.module is None:
        return False
    from einthoven.explain._attention import MIXES, net_of

    return net_of(model, tuple(MIXES)) is not None


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1 and none below 0."""
    from einthoven.explain._attention import MIXES, drawn, net_of, rollout

    values = drawn(model, case, target, net_of(model, tuple(MIXES)), rollout)
    return gradients.finished(
        "rollout", model, case, target, values, np.zeros(0, np.float32), unit="share",
        compared=False,
    )  # fmt: skip


EXPLAINERS.add(
    "rollout",
    Explainer(
        title="Attention rollout", paper="Abnar, Zuidema 2020, arXiv:2005.00928",
        needs="attention", explain=explain, serves=serves,
    ),
)  # fmt: skip
