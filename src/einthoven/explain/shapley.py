"""Exact Shapley values over the waves of a heartbeat.

A part's value is what it adds to the log odds of a class, averaged over all orders in which parts
can be put back (Shapley 1953; for models, Lundberg, Lee 2017, arXiv:1705.07874). With seven parts
128 questions say all there is: nothing is sampled, and the values sum to what the answer loses
where everything is taken away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from einthoven.explain._answers import asked, everything_once, parts_of, told
from einthoven.explain._case import Case, Part
from einthoven.explain._explainer import EXPLAINERS, Explainer
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution
from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]

MOST = 10  # parts: 1024 questions


def shapley_values(worth: npt.ArrayLike) -> Floats:
    """Return (player,) the Shapley values of a game.

    Parameters
    ----------
    worth : (2 ** players,) of each coalition; number k is that of the players whose bits k has.
        With ``[0, 2, 1, 6]`` the values are 3.5 and 2.5.

    Raises
    ------
    UsageError : that is no power of two.
    """
    v = np.asarray(worth, np.float64)
    count = len(v).bit_length() - 1
    if v.ndim != 1 or len(v) != 1 << count:
        mend = "Give one for each set of players"
        raise UsageError("shapley", f"{len(v)} coalitions are no power of two", mend)
    sets = np.arange(1 << count)
    inside = everything_once(count)
    size = inside.sum(axis=1)
    found = np.zeros(count)
    for k in range(count):
        without = sets[~inside[:, k]]
        # The share of all orders in which exactly these players come before k.
        weight = np.array([1 / (count * math.comb(count - 1, s)) for s in size[without].tolist()])
        found[k] = (weight * (v[without | (1 << k)] - v[without])).sum()
    return found


def of_parts(model: Model, case: Case, target: int, parts: Sequence[Part]) -> Floats:
    """Return (part,) Shapley values, in log odds of a class.

    Raises
    ------
    UsageError : more than `MOST` parts.
    """
    if len(parts) > MOST:
        fault = f"would need 2 to the {len(parts)} questions for {len(parts)} parts"
        raise UsageError("shapley", fault, f"Give {MOST} parts at most, or use lime")
    return shapley_values(asked(model, case, parts, everything_once(len(parts)), target))


def explain(model: Model, case: Case, target: int) -> Attribution:
    """Return the Shapley value of each wave that the item has."""
    parts = parts_of(case)
    values = of_parts(model, case, target, parts)
    numbers = {p.name: v for p, v in zip(parts, values.tolist(), strict=True)}
    return told("shapley", model, case, target, numbers, parts)


EXPLAINERS.add(
    "shapley",
    Explainer(
        title="Exact Shapley values of waves", paper="Lundberg, Lee 2017, arXiv:1705.07874",
        needs="answers", explain=explain,
    ),
)  # fmt: skip
