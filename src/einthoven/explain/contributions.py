"""Contributions: what an interpretable network added up, exactly, of ECG-IMN.

Its logit is the sum of weight times sample over all leads and samples, and an offset. So nothing is
asked again and nothing is approximated: the map and the offset sum to the calibrated logit of the
class. Of classes that exclude each other that is the class's own logit, not its log odds. The
weights depend on the window, so a contribution is no proof that the answer hangs on that sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model, probabilities
from einthoven.record.attribution import Attribution


def _net(model: Model) -> Any:
    from einthoven.explain._attention import net_of
    from einthoven.models.ecg_imn import EcgImn

    return net_of(model, (EcgImn,))


def serves(model: Model) -> bool:
    """Return whether a model is a network whose logit is a sum by construction."""
    return model.module is not None and _net(model) is not None


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions in logits; ``offset`` is what belongs to no sample."""
    import torch

    from einthoven.explain._attention import given

    net, module = _net(model), model.module
    values = np.zeros(case.window.shape)
    offset = 0.0
    for first, last, weight in gradients.crops(model, case, target):
        with torch.no_grad():
            parts, rest = net.contributions(*given(model, net, case, (first, last)))
        values[:, first:last] += weight * parts[0, target].double().numpy()
        offset += weight * float(rest[0, target])
    shift, temperature = (
        float(getattr(module, name, torch.full((target + 1,), neutral))[target])
        for name, neutral in (("offsets", 0.0), ("temperature", 1.0))
    )
    answer = probabilities(model, model.logits(case.whole()))[0, target]
    return Attribution(
        method="contributions", model=model.name, target=model.classes[target],
        record=case.record, what=case.what, probability=float(answer), start=case.start,
        rate=case.rate, leads=case.leads, values=(values / temperature).astype(np.float32),
        numbers={"offset": (offset + shift) / temperature},
    )  # fmt: skip


EXPLAINERS.add(
    "contributions",
    Explainer(
        title="Contributions of a mesomorphic network", paper="ECG-IMN 2026, arXiv:2602.09566",
        needs="contributions", explain=explain, serves=serves,
    ),
)  # fmt: skip
