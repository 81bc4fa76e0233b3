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


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions in logits; they sum to the change from the baselines on average."""
    (window, side), (line, usual) = gradients.own(case), gradients.baseline(case)
    baselines = line
    if case.others is not None and window.size:
        baselines = np.concatenate([line, case.others.astype(np.float32)])
    rng = np.random.default_rng(0)
    # Each baseline as often as any other, and the places evenly spread: fewer draws do.
    begin = baselines[rng.permutation(np.arange(_DRAWS) % len(baselines))]
    at = ((np.arange(_DRAWS) + rng.random(_DRAWS)) / _DRAWS).astype(np.float32)[:, None, None]
    by_window, by_side, _ = gradients.slopes(
        gradients.question(model, target),
        begin + at * (window - begin),
        usual + at * (side - usual),
    )
    values = (by_window * (window - begin)).mean(axis=0)
    numbers = np.nan_to_num((by_side * (side - usual)).mean(axis=0))
    return gradients.finished(
        "gradient-shap", model, case, target, values, numbers, unit="logit", compared=True
    )


EXPLAINERS.add(
    "gradient-shap",
    Explainer(
        title="Gradient SHAP", paper="Erion et al. 2019, arXiv:1906.10670", needs="gradients",
        explain=explain, serves=gradients.has_gradients,
    ),
)  # fmt: skip
