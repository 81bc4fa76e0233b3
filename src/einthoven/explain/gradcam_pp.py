"""Grad-CAM++: the last maps that know when, weighted so that several places may count fully.

Chattopadhay et al., arXiv:1710.11063 (2018): the slopes above 0 are averaged with weights
g^2 / (2 g^2 + g^3 * sum of the map), of slope g, which holds for the exponential of the score. As
in `gradcam` the sign of the map is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

if TYPE_CHECKING:
    import torch


def cam(maps: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Return (lead, position) of maps and slopes (lead, channel, position)."""
    below = 2 * slopes**2 + slopes**3 * maps.sum(dim=2, keepdim=True)
    share = (slopes**2 / below).where(below.abs() > 0, slopes.new_zeros(()))
    return ((share * slopes.relu()).sum(dim=2, keepdim=True) * maps).sum(dim=1)


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1."""
    from einthoven.explain._maps import laid

    return gradients.finished(
        "gradcam-pp", model, case, target, laid(model, case, target, cam),
        np.zeros(0, np.float32), unit="share", compared=False,
    )  # fmt: skip


EXPLAINERS.add(
    "gradcam-pp",
    Explainer(
        title="Grad-CAM++", paper="Chattopadhay et al. 2018, arXiv:1710.11063", needs="maps",
        explain=explain, serves=gradients.eats_windows,
    ),
)  # fmt: skip
