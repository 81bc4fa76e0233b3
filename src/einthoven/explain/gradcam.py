"""Grad-CAM: the last maps that know when, each weighted by how much the answer rises with it.

Selvaraju et al., arXiv:1610.02391 (2017). Theirs ends in a ReLU, which hides what speaks against
the class; ours keeps the sign. The layer is found, see `_maps`; leads that a network has mixed have
the same row.
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
    return (slopes.mean(dim=2, keepdim=True) * maps).sum(dim=1)


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the map, its largest value 1."""
    from einthoven.explain._maps import laid

    return gradients.finished(
        "gradcam", model, case, target, laid(model, case, target, cam), np.zeros(0, np.float32),
        unit="share", compared=False,
    )  # fmt: skip


EXPLAINERS.add(
    "gradcam",
    Explainer(
        title="Grad-CAM", paper="Selvaraju et al. 2017, arXiv:1610.02391", needs="maps",
        explain=explain, serves=gradients.eats_windows,
    ),
)  # fmt: skip
