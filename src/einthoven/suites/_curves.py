"""ROC curves, one class against all others, and the area under them with its intervals.

The patients of a draw are those of every other figure's (`_judge`), the same for each class and
trained model. Over beats none is drawn, which would take seconds a trained model: the interval is
DeLong's, which holds where a class has some tens of beats and others are said to be it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from einthoven.evaluation import bootstrap, multilabel
from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.predictions import Predictions
from einthoven.suites import _judge

Floats = npt.NDArray[np.float64]

POINTS = 41  # of a curve as it is kept
_AT_ONCE = 1_000_000  # draws times levels in memory, a few tens of MB


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


def levels(
    score: Floats, positive: npt.NDArray[np.bool_], group: npt.NDArray[np.int64], groups: int
) -> Floats:
    """Return (2, group, level) beats: negatives, then positives, of each group at each level.

    Neighbours in score that are all positive or all negative stand at one level, for their order
    among themselves is nothing to the area; equal scores of both kinds are a level of their own.

    Parameters
    ----------
    score, positive : as `roc` takes them; there is a beat or more.
    group : (beat,) which of `groups` patients each is of.
    """
    order = np.argsort(score, kind="stable")
    ranked, true = score[order], positive[order]
    starts = np.flatnonzero(np.append(True, np.diff(ranked) != 0))
    size = np.diff(np.append(starts, len(ranked)))
    found = np.add.reduceat(true.astype(np.int64), starts)
    kind = np.where(found == 0, 0, np.where(found == size, 1, 2))
    begins = np.append(True, (np.diff(kind) != 0) | (kind[1:] == 2))
    level = np.repeat(np.cumsum(begins) - 1, size)
    shape = (2, groups, int(level[-1]) + 1)
    place = np.ravel_multi_index((true.astype(np.int64), group[order], level), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    return np.asarray(counts.reshape(shape), np.float64)


def over_patients(cells: Floats, times: Floats) -> Floats:
    """Return (draw,) areas when each patient counts as often as drawn; NaN where a kind lacks.

    Parameters
    ----------
    cells : (2, patient, level) as `levels` counts them.
    times : (draw, patient) how often each is drawn.
    """
    step = max(1, _AT_ONCE // cells.shape[2])
    found = []
    for at in range(0, len(times), step):
        negative, positive = times[at : at + step] @ cells
        found.append(multilabel.area(positive, negative))
    return np.concatenate(found)


def pulls(score: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """Return (beat,) how far each beat draws the area off.

    The sum of their squares is the variance of the area over beats, as DeLong, DeLong,
    Clarke-Pearson (Biometrics 44:837, 1988) have it. They add up over classes and trained models
    that answer for the same beats, whose answers are alike. NaN where a kind has one beat alone.

    Parameters
    ----------
    score, positive : as `roc` takes them.
    """
    ranks = rankdata(score)
    found = np.empty(len(score))
    for kind, sign in ((positive, 1.0), (~positive, -1.0)):
        # How many of the other kind stand below, ties by half; of a negative, above.
        below = sign * (ranks[kind] - rankdata(score[kind])) / np.count_nonzero(~kind)
        n = np.count_nonzero(kind)
        found[kind] = (below - below.mean()) / np.sqrt(n * (n - 1)) if n > 1 else np.nan
    return found


def curves(
    parts: Sequence[Predictions], over: Sequence[str], subject: Callable[[str], str]
) -> dict[str, Any]:
    """Return the area of each class, mean of the trained models, and the first one's curve.

    Parameters
    ----------
    parts : answers of one system on one side, a trained model each.
    over : the classes that the mean area is taken over; those that do not occur are left out.
    subject : from a record's name to who was recorded.

    Returns
    -------
    ``{"macro": mean, "over_beats": [low, high], "over_patients": [low, high], "classes": {"N":
    {"auc", "seeds", "over_beats", "over_patients", "false", "true"}, ...}}``; an interval is that
    of the mean, the first that of the macro mean. Draws in which a class has no beat, or all of
    them, are left out and counted in ``left_out_patients``.
    """
    asked = [_Asked(part, subject) for part in parts]
    places, beats = _judge.places([one.beat for one in asked])
    found: dict[str, Any] = {}
    drawn: dict[str, Floats] = {}
    pulled: dict[str, Floats] = {}
    for index, name in enumerate(parts[0].classes):
        areas, draws, first = [], [], None
        pull = np.zeros(beats)
        for one, place in zip(asked, places, strict=True):
            score, positive = one.probability[:, index], one.label == index
            if not positive.any() or positive.all():
                continue
            false, true = roc(score, positive)
            areas.append(area(false, true))
            cells = levels(score, positive, one.group, one.times.shape[1])
            draws.append(over_patients(cells, one.times))
            pull[place] += pulls(score, positive)
            first = first or thinned(false, true)
        if first is not None:
            drawn[name], pulled[name] = np.mean(draws, axis=0), pull / len(areas)
            mean = float(np.mean(areas))
            found[name] = {
                "auc": mean, "seeds": areas, "over_beats": _over_beats(mean, pulled[name]),
                **_judge.ends(drawn[name], "patients"), "false": first[0], "true": first[1],
            }  # fmt: skip
    told = [c for c in over if c in found]
    if not told:
        return {"macro": None, "classes": found}
    macro = float(np.mean([found[c]["auc"] for c in told]))
    return {
        "macro": macro,
        "over_beats": _over_beats(macro, np.mean([pulled[c] for c in told], axis=0)),
        **_judge.ends(np.mean([drawn[c] for c in told], axis=0), "patients"), "classes": found,
    }  # fmt: skip


def _over_beats(mean: float, pull: Floats) -> list[float] | list[None]:
    """Return mean less and more 1.96 standard deviations, inside 0 to 1."""
    if np.isnan(pull).any():
        return [None, None]
    half = float(norm.ppf(0.975) * np.sqrt(np.sum(pull**2)))
    return [max(mean - half, 0.0), min(mean + half, 1.0)]


class _Asked:
    """The beats of one trained model that have a class, and how often each patient is drawn.

    Attributes
    ----------
    label : (beat,) index of the class.
    probability : (beat, class).
    beat : (beat,) record and sample, as one.
    group : (beat,) which patient each is of.
    times : (draw, patient).
    """

    def __init__(self, part: Predictions, subject: Callable[[str], str]) -> None:
        subjects, group = _judge.patients(part, subject)
        known = part.label >= 0
        self.label, self.group = part.label[known], group[known]
        self.beat = _judge.name_of_beats(part)[known]
        self.probability = softmax(part.where(known).scaled)
        times = bootstrap.times_of_groups(len(subjects), _judge.DRAWS, 0)
        self.times = times.astype(np.float64)
