"""One explanation held against the one answer that it explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from einthoven.evaluation.faithfulness import deletion, insertion, random_order
from einthoven.explain._case import Case, Mask, Part
from einthoven.explain._model import Logits, Model, probabilities
from einthoven.record.attribution import Attribution

_CUT = "waves"
_FEW = 10  # measurements that can be named one by one


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """How far the answer follows an explanation when its parts are taken away or put back.

    All are areas under the curve of the target's probability, that is its mean on the way.

    Attributes
    ----------
    deletion, insertion : in the explanation's own order, the most important part first.
    random_deletion, random_insertion : the same in random orders.
    parts : how many there are.
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float
    parts: int

    @property
    def better(self) -> bool:
        """Whether it names what the answer rests on better than chance does, by both curves."""
        return self.deletion < self.random_deletion and self.insertion > self.random_insertion


def contributions(found: Attribution, case: Case) -> dict[str, tuple[Part | None, float]]:
    """Return ``{name: (part, contribution)}``; None for a part that the case does not know.

    Of named parts as they are. A map is added up within the waves, and with it the measurements
    that stand beside it, each with the wave that it is measured on; so are many measurements
    without a map, since one by one each means little. What belongs to no wave stays by itself.
    Where there are no waves, whatever parts there are take their place.
    """
    parts = {p.name: p for kind in case.parts.values() for p in kind}
    mapped = found.values is not None and found.values.shape == case.window.shape
    several = len(found.numbers) > _FEW and found.numbers.keys() <= set(case.names)
    if not case.parts or found.numbers.keys() & set(parts) or not (mapped or several):
        return {n: (parts.get(n) or _number(n, case), v) for n, v in found.numbers.items()}
    kind = _CUT if _CUT in case.parts else next(iter(case.parts))
    each = np.array([found.numbers.get(name, 0.0) for name in case.names])
    told: dict[str, tuple[Part | None, float]] = {
        p.name: (p, _within(found, p, each, mapped))
        for p in case.parts[kind] if p.where.any() or p.numbers.any()
    }  # fmt: skip
    belong = np.any([p.numbers for p in case.parts[kind]], axis=0)
    inside = {name for name, wave in zip(case.names, belong.tolist(), strict=True) if wave}
    rest = {n: v for n, v in found.numbers.items() if n not in inside and v}
    return told | {n: (_number(n, case), v) for n, v in rest.items()}


def _within(found: Attribution, part: Part, each: Logits, mapped: bool) -> float:
    """Return what the map and the measurements (number,) say within a part."""
    total = float(each[part.numbers].sum()) if each.size else 0.0
    if mapped and found.values is not None:
        total += float(found.values[part.where].sum())
    return total


def fidelity(found: Attribution, case: Case, model: Model) -> Fidelity | None:
    """Return how faithful an explanation is on its own item; None where it names under two parts.

    Waves and their like are replaced by straight lines, numbers by the patient's usual ones.
    """
    known = [(part, v) for part, v in contributions(found, case).values() if part is not None]
    if len(known) < 2:  # one part has no order
        return None
    parts, importance = [p for p, _ in known], np.array([v for _, v in known])
    k = model.classes.index(found.target)

    def score(keep: Mask) -> Logits:
        return answers(model, case.masked(parts, keep))[:, k]

    by_chance = random_order(score, len(parts))
    return Fidelity(
        deletion=deletion(score, importance).area, insertion=insertion(score, importance).area,
        random_deletion=by_chance[0], random_insertion=by_chance[1], parts=len(parts),
    )  # fmt: skip


def answers(model: Model, inputs: dict[str, np.ndarray]) -> Logits:
    """Return (variant, class) probabilities as the engine would print them."""
    return probabilities(model, model.logits(inputs))


def _number(name: str, case: Case) -> Part | None:
    """Return a side number as a part; None where there is none of that name."""
    if name not in case.names:
        return None
    here = np.array([n == name for n in case.names])
    return Part(name=name, where=np.zeros(case.window.shape, np.bool_), numbers=here)
