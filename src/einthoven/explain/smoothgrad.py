"""SmoothGrad: saliency, with the slope averaged over windows with noise.

Smilkov et al., arXiv:1706.03825 (2017): noise of 10 to 20 % of the range, some 50 draws; ours are
10 % of each lead's range and 25 draws, always the same ones. As in `saliency`, the mean slope is
multiplied by the sample's distance from the baseline. Side numbers get no noise.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

_DRAWS, _NOISE = 25, 0.1


def explain(model: Model, case: Case, target: int, seed: int = 0) -> Attribution:
    """Return the map, its largest value 1."""
    (window, side), (line, usual) = gradients.own(case), gradients.baseline(case)
    noise = np.random.default_rng(seed).normal(size=(_DRAWS, *window.shape[1:])).astype(np.float32)
    if window.size:
        noise *= _NOISE * (window.max(axis=2) - window.min(axis=2))[:, :, None]
    by_window, by_side, _ = gradients.slopes(
        gradients.question(model, target), window + noise, np.repeat(side, _DRAWS, axis=0)
    )
    values = by_window.mean(axis=0) * (window - line)[0]
    numbers = by_side.mean(axis=0) * (side - usual)[0]
    return gradients.finished(
        "smoothgrad", model, case, target, values, numbers, unit="share", compared=False
    )


EXPLAINERS.add(
    "smoothgrad",
    Explainer(
        title="SmoothGrad", paper="Smilkov et al. 2017, arXiv:1706.03825", needs="gradients",
        explain=explain, serves=gradients.has_gradients, drawn=explain,
    ),
)  # fmt: skip
