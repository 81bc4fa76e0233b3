"""Integrated gradients: slopes summed up along the straight way from the baseline to the window.

Sundararajan, Taly, Yan, arXiv:1703.01365 (2017). The contributions sum to the change of the log
odds from the baseline to what is explained. The way is sampled at the nodes of Gauss and Legendre,
and twice as often until the sum is right to 2 % (the paper leaves the number of steps open), or the
limit is reached; where it is wrong by more than 5 % then, the explanation says so.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

# At most so many slopes of a long window, and of a short one, as a beat, which costs little.
_STEPS, _MOST, _MOST_SHORT, _SHORT = 16, 128, 512, 2000
# Of the change, or in log odds where it is small, from which on the sum is right.
_NEAR, _SMALL = 0.02, 0.01


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return contributions in logits."""
    asked = gradients.question(model, target)
    (window, side), (line, usual) = gradients.own(case), gradients.baseline(case)
    ends = gradients.slopes(asked, np.concatenate([line, window]), np.concatenate([usual, side]))[2]
    change = float(ends[1] - ends[0])
    steps, most = _STEPS, _MOST_SHORT if window.size <= _SHORT else _MOST
    while True:
        node, weight = np.polynomial.legendre.leggauss(steps)
        at, weight = ((node + 1) / 2).astype(np.float32)[:, None, None], weight / 2
        by_window, by_side, _ = gradients.slopes(
            asked, line + at * (window - line), usual + at * (side - usual)
        )
        values = np.einsum("n,nlt->lt", weight, by_window) * (window - line)[0]
        numbers = np.nan_to_num(np.einsum("n,nrk->rk", weight, by_side) * (side - usual)[0])
        found = float(values.sum() + numbers.sum())
        if abs(found - change) <= max(_SMALL, _NEAR * abs(change)) or steps >= most:
            break
        steps *= 2
    return gradients.finished(
        "integrated-gradients", model, case, target, values, numbers, unit="logit", compared=True,
        doubt=gradients.gap(found, change),
    )  # fmt: skip


EXPLAINERS.add(
    "integrated-gradients",
    Explainer(
        title="Integrated gradients", paper="Sundararajan et al. 2017, arXiv:1703.01365",
        needs="gradients", explain=explain, serves=gradients.has_gradients,
    ),
)  # fmt: skip
