"""Guided Grad-CAM: the guided slope by each sample, times Grad-CAM laid over the window.

Selvaraju et al., arXiv:1610.02391 (2017); guided backpropagation of Springenberg et al.,
arXiv:1412.6806 (2015): at each ReLU only what rises passes back. As in `saliency`, the slope is
multiplied by the sample's distance from the baseline. Guided slopes are known to depend little on
what a network has learnt (Adebayo et al., arXiv:1810.03292): see the tests in the documentation
before believing one. A network without ReLUs has nothing to guide, and plain slopes are taken.
"""

from __future__ import annotations

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.explain.gradcam import cam
from einthoven.record.attribution import Attribution


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1."""
    from einthoven.explain._maps import laid
    from einthoven.explain._rules import Guided

    (window, side), (line, _) = gradients.own(case), gradients.baseline(case)
    with Guided():
        slope, _, _ = gradients.slopes(gradients.question(model, target), window, side)
    # Where Grad-CAM is below 0 nothing speaks for the class, so there is nothing to sharpen.
    values = (slope * (window - line))[0] * np.maximum(laid(model, case, target, cam), 0)
    return gradients.finished(
        "guided-gradcam", model, case, target, values, np.zeros(0, np.float32), unit="share",
        compared=False,
    )  # fmt: skip


EXPLAINERS.add(
    "guided-gradcam",
    Explainer(
        title="Guided Grad-CAM", paper="Selvaraju et al. 2017, arXiv:1610.02391", needs="maps",
        explain=explain, serves=gradients.eats_windows,
    ),
)  # fmt: skip
