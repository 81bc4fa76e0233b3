"""Does an explanation tell what the model does? Take away what it names, and ask the model again.

All work on parts: `score` is called with masks (variant, part), False where a part has been taken
away, and returns (variant,) outputs of the model for its inputs without those parts;
`importance` (part,) is what the explanation says of each, above 0 what speaks for the output. How
a part is taken away is the caller's: by what could be an ECG still, not by zeros or noise.

None of these is a proof: parts that stand in for each other are both found unimportant, and an
input without its QRS is one that no model has learnt. So every figure is to be read beside that of
a random order, and of a trivial map.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Score = Callable[[Mask], Floats]

DRAWS = 20


@dataclass(frozen=True, eq=False)
class Curve:
    """Outputs while parts are taken away, or put back, one after the other.

    Attributes
    ----------
    share : (step,) of the parts that have been, from 0 to 1.
    output : (step,) of the model.
    """

    share: Floats
    output: Floats

    @property
    def area(self) -> float:
        """Area under the curve, by trapezoids: the mean output on the way."""
        return float(np.trapezoid(self.output, self.share))


def order_of(importance: Floats) -> npt.NDArray[np.int64]:
    """Return (part,) indices from the most important to the least; of equals the first first."""
    return np.argsort(-np.asarray(importance, np.float64), kind="stable").astype(np.int64)


def _gone(order: npt.NDArray[np.int64]) -> Mask:
    """Return (step, part), True where a part has been taken away after so many steps."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(place[None] < np.arange(len(order) + 1)[:, None], np.bool_)


def _curve(score: Score, keep: Mask) -> Curve:
    return Curve(np.linspace(0, 1, len(keep)), np.asarray(score(keep), np.float64))


def deletion(score: Score, importance: Floats) -> Curve:
    """Return (part + 1,) outputs while parts are taken away, most important first; low is good.

    Petsiuk, Das, Saenko 2018 (RISE).
    """
    return _curve(score, ~_gone(order_of(importance)))


def insertion(score: Score, importance: Floats) -> Curve:
    """Return (part + 1,) outputs while parts are put back, most important first; high is good."""
    return _curve(score, _gone(order_of(importance)))


def random_order(
    score: Score, parts: int, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Return the mean areas of deletion and insertion in random orders.

    Raises
    ------
    UsageError : fewer than 20 draws are asked for.
    """
    if draws < 1:
        raise UsageError("random order", f"draws are {draws}", "Give 20 or more")
    generator = np.random.default_rng(seed)
    gone = np.stack([_gone(generator.permutation(parts)) for _ in range(draws)])
    both = np.concatenate([~gone, gone]).reshape(-1, parts)
    outputs = np.asarray(score(both), np.float64).reshape(2, draws, parts + 1)
    areas = np.trapezoid(outputs, np.linspace(0, 1, parts + 1), axis=2).mean(axis=1)
    return float(areas[0]), float(areas[1])


def _top(importance: Floats, k: int) -> Mask:
    if not 1 <= k <= len(importance):
        raise UsageError("k", f"is {k} of {len(importance)} parts", "Give 1 to their number")
    top = np.zeros(len(importance), bool)
    top[order_of(importance)[:k]] = True
    return top


def comprehensiveness(score: Score, importance: Floats, k: int) -> float:
    """Return by how much the output falls without the `k` most important parts; high is good.

    DeYoung et al. 2020 (ERASER).
    """
    top = _top(importance, k)
    full, without = score(np.stack([np.ones_like(top), ~top]))
    return float(full - without)


def sufficiency(score: Score, importance: Floats, k: int) -> float:
    """Return by how much the output falls with the `k` most important parts alone; low is good."""
    top = _top(importance, k)
    full, only = score(np.stack([np.ones_like(top), top]))
    return float(full - only)


def sensitivity_n(
    score: Score, importance: Floats, n: int, *, draws: int = 100, seed: int = 0
) -> float:
    """Return how the summed importance of n parts goes with what the output loses without them.

    Pearson's correlation over sets of n parts: all of them, or `draws` random ones where there are
    more (Ancona et al. 2018). NaN where either does not vary, e.g. where n is the number of parts.

    Raises
    ------
    UsageError : `n` is not from 1 to the number of parts.
    """
    parts = len(importance)
    if not 1 <= n <= parts:
        raise UsageError("n", f"is {n} of {parts} parts", "Give 1 to their number")
    if comb(parts, n) <= draws:
        gone = np.zeros((comb(parts, n), parts), bool)
        for row, chosen in enumerate(combinations(range(parts), n)):
            gone[row, list(chosen)] = True
    else:
        generator = np.random.default_rng(seed)
        gone = np.argsort(np.argsort(generator.random((draws, parts)), axis=1), axis=1) < n
    outputs = np.asarray(score(np.concatenate([np.ones((1, parts), bool), ~gone])), np.float64)
    return _pearson(gone @ np.asarray(importance, np.float64), outputs[0] - outputs[1:])


def _pearson(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    # What varies by rounding alone does not vary.
    tiny = 1e-12 * max(1.0, float(np.abs(one).max(initial=0)))
    if np.abs(one).max(initial=0) <= tiny or np.abs(other).max(initial=0) <= 1e-12:
        return float("nan")
    return float((one @ other) / np.sqrt((one @ one) * (other @ other)))


def ranks(values: npt.NDArray[np.generic]) -> Floats:
    """Return (value,) ranks from 1; equals share the mean of theirs."""
    flat = np.asarray(values, np.float64).ravel()
    _, place, times = np.unique(flat, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    mean: Floats = (last - (times - 1) / 2)[place]
    return mean


def spearman(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> float:
    """Return Spearman's rank correlation of two arrays of one shape; NaN where either is flat.

    Raises
    ------
    UsageError : the shapes differ.
    """
    if np.shape(one) != np.shape(other):
        raise UsageError("maps", f"are {np.shape(one)} and {np.shape(other)}", "Give equal shapes")
    return _pearson(ranks(one), ranks(other))


@dataclass(frozen=True)
class Likeness:
    """How alike two maps are, by rank.

    Attributes
    ----------
    signed : of the maps as they are.
    rectified : of their absolute values; two maps of opposite sign are alike here.
    """

    signed: float
    rectified: float


def likeness(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> Likeness:
    """Return how alike two maps of one item are; both figures, as they can differ widely."""
    return Likeness(spearman(one, other), spearman(np.absolute(one), np.absolute(other)))


def stability(maps: Sequence[npt.NDArray[np.generic]]) -> Likeness:
    """Return the mean likeness of each two of several runs of one method on one item.

    Pairs of which a figure is not defined are left out of its mean; NaN where no pair is left.
    """
    pairs = [likeness(one, other) for one, other in combinations(maps, 2)]
    return Likeness(
        _mean([pair.signed for pair in pairs]), _mean([pair.rectified for pair in pairs])
    )


def _mean(values: Sequence[float]) -> float:
    told = [value for value in values if value == value]
    return float(np.mean(told)) if told else float("nan")


def pointed(importance: Floats, names: Sequence[str], plausible: Collection[str]) -> bool:
    """Return whether the most important part is one of those that a reader would name.

    The pointing game (Zhang et al. 2018), on parts. It tells plausible from not, nothing of the
    model. An explanation that finds nothing important (none above 0) has missed.
    """
    first = int(order_of(importance)[0])
    return bool(importance[first] > 0) and names[first] in plausible


def mass(values: npt.NDArray[np.generic], where: Mask) -> Floats:
    """Return the share of a map's positive mass that lies on each part.

    Parameters
    ----------
    values : (lead, time).
    where : (part, lead, time), the samples of each.

    Returns
    -------
    (part,); they sum to 1 where the parts divide the window. NaN where nothing is above 0.
    """
    positive = np.maximum(np.asarray(values, np.float64), 0)
    total = float(positive.sum())
    on = np.einsum("plt,lt->p", where.astype(np.float64), positive)
    share: Floats = on / total if total > 0 else np.full(len(where), np.nan)
    return share


def onto(values: npt.NDArray[np.generic], where: Mask) -> Floats:
    """Return (part,) the sum of a map (lead, time) on each part (part, lead, time)."""
    sums: Floats = np.einsum("plt,lt->p", where.astype(np.float64), np.asarray(values, np.float64))
    return sums
