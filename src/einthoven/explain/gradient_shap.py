"""Gradient SHAP: integrated gradients from many baselines at chance places of the way.

Expected gradients, Erion et al., arXiv:1906.10670 (2019), and the GradientExplainer of Lundberg,
Lee, arXiv:1705.07874 (2017). The baselines are other beats, or stretches, of the same record
(`Case.others`), for the training data are not at hand where a model is used; the straight line is
one of them, and the only one where there are no others. So what is usual in this record speaks
neither for nor against. 64 draws, always the same ones.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

_DRAWS = 64


def explain(model: Model, case: Case, target: int, seed: int = 0) -> Attribution:
    """Return contributions in logits; they sum to the change from the baselines on average."""
    (window, side), (line, usual) = gradients.own(case), gradients.baseline(case)
    windows, sides = line, usual
    if case.others is not None:
        windows = np.concatenate([line, case.others.astype(np.float32)])
        sides = np.repeat(usual, len(windows), axis=0)
        if case.others_side is not None:
            known = np.isfinite(usual[0, case.row]) & np.isfinite(case.others_side)
            sides[1:, case.row] = np.where(known, case.others_side, usual[0, case.row])
    rng = np.random.default_rng(seed)
    # Each baseline as often as any other, and the places evenly spread: fewer draws do.
    draw = rng.permutation(np.arange(_DRAWS) % len(windows))
    from_window, from_side = windows[draw], sides[draw]
    at = ((np.arange(_DRAWS) + rng.random(_DRAWS)) / _DRAWS).astype(np.float32)[:, None, None]
    by_window, by_side, _ = gradients.slopes(
        gradients.question(model, target),
        from_window + at * (window - from_window),
        from_side + at * (side - from_side),
    )
    values = (by_window * (window - from_window)).mean(axis=0)
    numbers = np.nan_to_num((by_side * (side - from_side)).mean(axis=0))
    return gradients.finished(
        "gradient-shap", model, case, target, values, numbers, unit="logit", compared=True
    )


EXPLAINERS.add(
    "gradient-shap",
    Explainer(
        title="Gradient SHAP", paper="Erion et al. 2019, arXiv:1906.10670", needs="gradients",
        explain=explain, serves=gradients.has_gradients, drawn=explain,
    ),
)  # fmt: skip
