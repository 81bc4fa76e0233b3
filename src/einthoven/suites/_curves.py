"""ROC curves, one class against all others, and the area under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.predictions import Predictions

Floats = npt.NDArray[np.float64]

POINTS = 41  # of a curve as it is kept


def roc(score: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return false and true positive rates at each threshold, from (0, 0) to (1, 1).

    Beats of equal score pass a threshold together, so ties are a straight line.

    Parameters
    ----------
    score : (beat,) the larger, the more likely positive.
    positive : (beat,) whether it is; of both kinds there must be some.
    """
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    true = np.concatenate([[0], np.cumsum(positive[order])[last]])
    false = np.concatenate([[0], np.cumsum(~positive[order])[last]])
    return false / false[-1], true / true[-1]


def area(false: Floats, true: Floats) -> float:
    """Return the area under a ROC curve by trapezes; ties count half, as Mann and Whitney have it.

    Parameters
    ----------
    false, true : as `roc` gives them.
    """
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def thinned(false: Floats, true: Floats) -> tuple[Floats, Floats]:
    """Return `POINTS` points of a curve, close together where false positives are few."""
    grid = np.linspace(0, 1, POINTS) ** 3
    # At a step, the end that is reached without a further false positive.
    steps = np.searchsorted(false, grid, side="right") - 1
    found = np.interp(grid, false, true)
    exact = false[steps] == grid
    found[exact] = true[steps[exact]]
    return grid, found


def curves(parts: Sequence[Predictions], over: Sequence[str]) -> dict[str, Any]:
    """Return the area of each class, mean of the trained models, and the first one's curve.

    Parameters
    ----------
    parts : answers of one system on one side, a trained model each.
    over : the classes that the mean area is taken over; those that do not occur are left out.

    Returns
    -------
    ``{"macro": mean, "classes": {"N": {"auc", "seeds", "false", "true"}, ...}}``
    """
    found: dict[str, Any] = {}
    for index, name in enumerate(parts[0].classes):
        areas, first = [], None
        for part in parts:
            known = part.where(part.label >= 0)
            positive = known.label == index
            if not positive.any() or positive.all():
                continue
            false, true = roc(softmax(known.scaled)[:, index], positive)
            areas.append(area(false, true))
            first = first or thinned(false, true)
        if first is not None:
            found[name] = {
                "auc": float(np.mean(areas)), "seeds": areas, "false": first[0], "true": first[1]
            }  # fmt: skip
    told = [found[c]["auc"] for c in over if c in found]
    return {"macro": float(np.mean(told)) if told else None, "classes": found}
