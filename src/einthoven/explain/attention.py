"""Attention: where a network says that it looked, as its architecture documents it.

ABCNN, CNN-LSTM-Attention: the weight of each position. CNN-Attention-BiLSTM: the mean of its gates.
HeartBeatAI: the concentrations of its stages, times the weights of leads. IMLE-Net: the weights of
leads, of pieces and within them, multiplied. BEAT-Net: of beats, of leads and of waves, multiplied.
HRVConformer: what each piece gets from all in the last block. Optimised features: the weights of
leads.

Attention has no sign, and none for a class: it is the same whichever class is asked about. Where a
network looked is not yet why it answered (Jain, Wallace, arXiv:1902.10186).
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution


def serves(model: Model) -> bool:
    """Return whether a model is a network that tells its attention."""
    if model.module is None:
        return False
    from einthoven.explain._attention import READ, net_of

    return net_of(model, tuple(READ)) is not None


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1 and none below 0."""
    from einthoven.explain._attention import READ, attention, drawn, net_of

    values = drawn(model, case, target, net_of(model, tuple(READ)), attention)
    return gradients.finished(
        "attention", model, case, target, values, np.zeros(0, np.float32), unit="share",
        compared=False,
    )  # fmt: skip


EXPLAINERS.add(
    "attention",
    Explainer(
        title="Attention", paper="Bahdanau et al. 2014, arXiv:1409.0473", needs="attention",
        explain=explain, serves=serves,
    ),
)  # fmt: skip
