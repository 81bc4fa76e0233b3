"""What methods that only ask the model have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from einthoven.explain._case import Array, Case, Mask, Part
from einthoven.explain._model import Logits, Model, log_odds, probabilities
from einthoven.record.attribution import Attribution


def parts_of(case: Case) -> tuple[Part, ...]:
    """Return the waves that have samples or numbers in this item."""
    return tuple(p for p in case.by("waves") if p.where.any() or p.numbers.any())


def asked(model: Model, case: Case, parts: Sequence[Part], keep: Mask, target: int) -> Logits:
    """Return (variant,) log odds of a class where some parts have been taken away.

    Parameters
    ----------
    keep : (variant, part) bool.
    """
    found: Logits = log_odds(model, model.logits(case.masked(parts, keep)))[:, target]
    return found


def told(
    method: str,
    model: Model,
    case: Case,
    target: int,
    numbers: Mapping[str, float],
    parts: Sequence[Part],
    *,
    values: Array | None = None,
) -> Attribution:
    """Return the attribution, with the probability as it is and without all of the parts.

    Parameters
    ----------
    numbers : contribution of each part, by its name.
    values : (lead, time) as `Attribution.values`.
    """
    stretches = tuple(s for part in parts for s in part.stretches)
    nothing = case.masked(parts, np.zeros((1, len(parts)), np.bool_))
    whole = case.whole()
    inputs = {name: np.concatenate([whole[name], nothing[name]]) for name in whole}
    p = probabilities(model, model.logits(inputs))[:, target]
    return Attribution(
        method=method, model=model.name, target=model.classes[target], record=case.record,
        what=case.what, probability=float(p[0]), without=float(p[1]), unit="logit",
        start=case.start, rate=case.rate, leads=case.leads if values is not None else (),
        values=values, numbers=numbers, stretches=stretches,
    )  # fmt: skip


def everything_once(count: int) -> npt.NDArray[np.bool_]:
    """Return (2 ** count, count) all ways to keep parts; row k keeps the set bits of k."""
    rows = np.arange(1 << count)[:, None]
    return (rows >> np.arange(count)) & 1 > 0
