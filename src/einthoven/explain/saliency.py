"""Saliency: the slope of the answer by each sample, times what the sample is beyond the baseline.

Simonyan, Vedaldi, Zisserman, arXiv:1312.6034 (2014), show the size of the slope alone. A slope's
sign says which way a sample would have to move, and not whether what stands there speaks for the
class; so ours is the slope times the sample's distance from the baseline (gradient times input), of
which the sign does say that. Of a linear model that is exact.
"""

from __future__ import annotations

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1."""
    (window, side), (line, usual) = gradients.own(case), gradients.baseline(case)
    by_window, by_side, _ = gradients.slopes(gradients.question(model, target), window, side)
    values, numbers = by_window * (window - line), by_side * (side - usual)
    return gradients.finished(
        "saliency", model, case, target, values[0], numbers[0], unit="share", compared=False
    )


EXPLAINERS.add(
    "saliency",
    Explainer(
        title="Saliency (gradient times input)", paper="Simonyan et al. 2014, arXiv:1312.6034",
        needs="gradients", explain=explain, serves=gradients.has_gradients,
    ),
)  # fmt: skip
