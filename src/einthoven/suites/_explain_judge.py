"""One explanation of one answer to its figures; and the two controls that explain nothing.

An answer's waves are few, so the model is asked once about every set of them; all figures of all
methods are then looked up, and none depends on which sets were drawn.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import faithfulness
from einthoven.evaluation.faithfulness import Floats, Mask, likeness
from einthoven.explain._answers import asked
from einthoven.explain._case import Case, Part
from einthoven.explain._model import Model, probabilities
from einthoven.record.attribution import Attribution

KIND = "waves"
TOP = 2  # parts taken away at once where the figure asks for a number of them
_SHUFFLES = 20
_TINY = 0.02  # noise that nobody sees, of the standard deviation of each lead
_BATCH = 64
_SECOND = 1  # seed of a second run

Explain = Callable[[Model, Case, int], Attribution]
Drawn = Callable[[Model, Case, int, int], Attribution]


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """An answer to be explained.

    Attributes
    ----------
    case, target : what, and the index of the class explained.
    label, group : name of that class, and the record that draws are over.
    """

    case: Case
    target: int
    label: str
    group: str


class Sets:
    """What a model says of an item without each set of its waves.

    Attributes
    ----------
    parts : the waves that there are something of.
    chance, odds : (set,) the probability and the log odds of the target.
    """

    def __init__(self, model: Model, item: Item) -> None:
        given = item.case.by(KIND)
        self.parts = tuple(p for p in given if p.where.any() or p.numbers.any())
        n = len(self.parts)
        self._weights = 1 << np.arange(n)
        keep = (np.arange(1 << n)[:, None] & self._weights) > 0
        said = []
        for start in range(0, len(keep), _BATCH):
            logits = model.logits(item.case.masked(self.parts, keep[start : start + _BATCH]))
            said.append(probabilities(model, logits)[:, item.target])
        self.chance = np.clip(np.concatenate(said), 1e-7, 1 - 1e-7)
        self.odds = np.log(self.chance) - np.log1p(-self.chance)

    def _at(self, keep: Mask) -> npt.NDArray[np.int64]:
        return np.asarray(np.asarray(keep, np.int64) @ self._weights, np.int64)

    def probability(self, keep: Mask) -> Floats:
        """Return (variant,) probabilities without what is not kept."""
        return self.chance[self._at(keep)]

    def log_odds(self, keep: Mask) -> Floats:
        """Return (variant,) log odds without what is not kept."""
        return self.odds[self._at(keep)]


def importance(found: Attribution, case: Case, parts: Sequence[Part]) -> Floats:
    """Return (part,) what an explanation says of each wave.

    Its number where it names the wave; else its map summed over the wave's samples, with those of
    its numbers that belong to the wave.
    """
    if all(p.name in found.numbers for p in parts):
        return np.array([found.numbers[p.name] for p in parts])
    total = np.zeros(len(parts))
    if found.values is not None:
        total += faithfulness.onto(found.values, np.stack([p.where for p in parts]))
    own = np.array([found.numbers.get(name, 0.0) for name in case.names])
    if len(own):
        total += np.stack([p.numbers for p in parts]) @ own
    return total


def by_chance(sets: Sets, seed: int = 0) -> tuple[float, float]:
    """Return the areas of deletion and insertion in random order."""
    return faithfulness.random_order(
        sets.probability, len(sets.parts), draws=_SHUFFLES, seed=seed
    )  # fmt: skip


def figures(sets: Sets, values: Floats, plausible: Sequence[str]) -> dict[str, Any]:
    """Return the figures of one explanation.

    Parameters
    ----------
    values : (part,) `importance`.
    plausible : the waves that a reader would name for the class; none where nobody would.
    """
    names = [p.name for p in sets.parts]
    p, n = sets.probability, len(names)
    inner = [faithfulness.sensitivity_n(sets.log_odds, values, k, draws=1000) for k in range(1, n)]
    known = [value for value in inner if value == value]
    positive = np.maximum(values, 0)
    share = positive / positive.sum() if positive.sum() > 0 else np.full(n, np.nan)
    inside = np.array([name in plausible for name in names])
    return {
        "deletion": faithfulness.deletion(p, values).area,
        "insertion": faithfulness.insertion(p, values).area,
        "comprehensiveness": faithfulness.comprehensiveness(p, values, min(TOP, n)),
        "sufficiency": faithfulness.sufficiency(p, values, min(TOP, n)),
        # An explanation that says the same of all waves goes with nothing.
        "sensitivity": float(np.mean(known)) if known else 0.0,
        "pointed": float(faithfulness.pointed(values, names, plausible)) if plausible else None,
        "inside": float(share[inside].sum()) if plausible else None,
        "waves": dict(zip(names, values.tolist(), strict=True)),
    }


def lead_shares(model: Model, item: Item) -> dict[str, float]:
    """Return what the answer loses without each lead and all that is measured in it alone.

    In log odds, divided by the sum of their absolute values; none of a model of one lead.
    """
    parts = item.case.parts.get("leads", ())
    if not parts:
        return {}
    keep = np.concatenate([np.ones((1, len(parts)), np.bool_), ~np.eye(len(parts), dtype=bool)])
    said = asked(model, item.case, parts, keep, item.target)
    lost = said[0] - said[1:]
    total = float(np.abs(lost).sum()) or 1.0
    return dict(zip((p.name for p in parts), (lost / total).tolist(), strict=True))


def judged(
    explain: Explain, model: Model, item: Item, sets: Sets, plausible: Sequence[str], *,
    steady: bool = True, drawn: Drawn | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures of one method on one item, with its seconds.

    Where `steady` is asked for, ``again`` is the likeness of a second run, ``noise`` that of a run
    on an input with noise that nobody sees: of the waves' order, by rank. The second run draws
    otherwise where a method draws (`drawn`, called with a seed).
    """
    start = time.perf_counter()
    found = explain(model, item.case, item.target)
    seconds = time.perf_counter() - start
    values = importance(found, item.case, sets.parts)
    told = figures(sets, values, plausible) | {"seconds": seconds}
    told |= {"again": None, "noise": None}
    if not steady:
        return told
    second = explain(model, item.case, item.target) if drawn is None else (
        drawn(model, item.case, item.target, _SECOND)
    )  # fmt: skip
    told["again"] = likeness(values, importance(second, item.case, sets.parts)).signed
    if item.case.window.shape[1]:  # where no trace is eaten there is none to be noisy
        case = noisy(item.case)
        other = importance(explain(model, case, item.target), case, sets.parts)
        told["noise"] = likeness(values, other).signed
    return told


def noisy(case: Case) -> Case:
    """Return a case with noise of `_TINY` of each lead's standard deviation in its window."""
    if not case.window.shape[1]:
        return case
    generator = np.random.default_rng(zlib.crc32(f"{case.record} {case.what}".encode()))
    noise = generator.normal(size=case.window.shape) * case.window.std(axis=1, keepdims=True)
    return replace(case, window=(case.window + _TINY * noise).astype(np.float32))


def random_map(model: Model, case: Case, target: int, seed: int = 0) -> Attribution:
    """Return an explanation that is noise: an order of the waves that means nothing."""
    parts = case.by(KIND)
    own = zlib.crc32(case.window.tobytes() + case.side.tobytes())
    order = np.random.default_rng([seed, own]).permutation(len(parts)).astype(float)
    return Attribution(
        method="random map", model=model.name, target=model.classes[target], record=case.record,
        what=case.what, probability=float("nan"), unit="share",
        numbers={p.name: order[k] for k, p in enumerate(parts)},
    )  # fmt: skip


def qrs_energy(model: Model, case: Case, target: int) -> Attribution:
    """Return an explanation that knows no model: where the trace swings most.

    The squared distance from each lead's median. A case without a window: the QRS, and nothing
    else.
    """
    parts = case.by(KIND)
    if not case.window.shape[1]:
        numbers = {p.name: float(p.name == "QRS") for p in parts}
        values = None
    else:
        numbers = {}
        middle = np.median(case.window, axis=1, keepdims=True)
        values = np.square(case.window - middle).astype(np.float32)
    return Attribution(
        method="QRS energy", model=model.name, target=model.classes[target], record=case.record,
        what=case.what, probability=float("nan"), unit="share", start=case.start, rate=case.rate,
        leads=() if values is None else case.leads, numbers=numbers, values=values,
    )  # fmt: skip


CONTROLS: Mapping[str, Explain] = {"random map": random_map, "QRS energy": qrs_energy}
DRAWN: Mapping[str, Drawn] = {"random map": random_map}
