"""What is fitted on the validation side of several classes: thresholds and calibration.

Platt 1999 (Probabilistic outputs for support vector machines) fits a sigmoid to each class's
logits; his softened targets keep a class of few positives from being fitted too sharply.
Temperature alone after Guo et al. 2017 (arXiv:1706.04599). Both keep the order of the logits of a
class, so no AUROC changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.answers import Answers, sigmoid
from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]

# Slopes 1/T between which a fit may lie; beyond them the validation side says too little.
_FLATTEST, _STEEPEST = 0.05, 20.0


def choose_thresholds(
    probability: npt.NDArray[np.floating],
    label: npt.NDArray[np.floating],
    *,
    beta: float = 1.0,
) -> Floats:
    """Return (class,) the threshold of the largest F-beta of each class; NaN without a positive.

    A threshold stands halfway to the next lower probability, so that rounding moves no record
    across it. Of equal F the highest threshold is taken.

    Parameters
    ----------
    probability, label : (record, class), of the validation side; labels 1, 0 or NaN.
    beta : how many times as much a missed positive weighs as a false one.
    """
    found = np.full(label.shape[1], np.nan)
    for c in range(label.shape[1]):
        known = ~np.isnan(label[:, c])
        y = label[known, c] == 1
        if not y.any():
            continue
        order = np.argsort(-np.asarray(probability[known, c], np.float64), kind="stable")
        falling, y = np.asarray(probability[known, c], np.float64)[order], y[order]
        ends = np.flatnonzero(np.append(np.diff(falling) != 0, True))
        hits, said = np.cumsum(y)[ends], ends + 1
        f = (1 + beta**2) * hits / (beta**2 * y.sum() + said)
        best = int(np.argmax(f))
        lower = falling[ends[best] + 1] if ends[best] + 1 < len(falling) else 0.0
        found[c] = (falling[ends[best]] + lower) / 2
    return found


def calibrated(answers: Answers, *, by: str = "platt") -> tuple[Answers, tuple[str, ...]]:
    """Return the table with the offsets and temperatures that its validation part asks for.

    Parameters
    ----------
    answers : its own offsets and temperatures are forgotten.
    by : ``"platt"`` for an offset and a temperature a class, ``"temperature"`` for the latter.

    Returns
    -------
    The table, and the classes that stay as they were: validation has no positive or no negative.

    Raises
    ------
    UsageError : `by` is not known.
    """
    if by not in ("platt", "temperature"):
        raise UsageError("calibration", f"{by!r} is not known", "Use platt or temperature")
    shown = answers.of("validation")
    offsets, temperature = np.zeros(len(answers.classes)), np.ones(len(answers.classes))
    left = []
    for c, name in enumerate(answers.classes):
        known = ~np.isnan(shown.label[:, c])
        z, y = shown.logits[known, c].astype(np.float64), shown.label[known, c] == 1
        if y.all() or not y.any():
            left.append(name)
            continue
        slope, shift = _platt(z, y, by == "platt")
        temperature[c], offsets[c] = 1 / slope, shift / slope
    return replace(answers, offsets=offsets, temperature=temperature), tuple(left)


def _loss(z: Floats, target: Floats, slope: float, shift: float) -> float:
    u = slope * z + shift
    return float((np.logaddexp(0, u) - target * u).sum())


def _platt(z: Floats, y: npt.NDArray[np.bool_], with_shift: bool) -> tuple[float, float]:
    """Return slope and shift of the sigmoid of least log loss; Newton steps, halved if too long."""
    ones, zeros = int(y.sum()), int((~y).sum())
    target = np.where(y, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    slope, shift = 1.0, 0.0
    for _ in range(100):
        p = sigmoid(slope * z + shift)
        rest, spread = p - target, p * (1 - p) + 1e-12
        gradient = np.array([(rest * z).sum(), rest.sum()])
        cross = (spread * z).sum()
        hessian = np.array([[(spread * z * z).sum(), cross], [cross, spread.sum()]])
        hessian += 1e-9 * np.eye(2)
        # At its bound the slope stands still and the shift goes on alone.
        bound = (slope <= _FLATTEST and gradient[0] > 0) or (slope >= _STEEPEST and gradient[0] < 0)
        free = [i for i, on in enumerate((not bound, with_shift)) if on]
        if not free or np.abs(gradient[free]).max() < 1e-8 * len(z):
            break
        step = np.zeros(2)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        now, size = _loss(z, target, slope, shift), 1.0
        while size > 1e-6:
            new = float(np.clip(slope - size * step[0], _FLATTEST, _STEEPEST))
            if _loss(z, target, new, shift - size * step[1]) <= now:
                break
            size /= 2
        slope, shift = new, float(shift - size * step[1])
    return slope, shift
