"""TCAV: does an idea that people have, such as aberrant conduction, move a network's answer?

Kim et al., arXiv:1711.11279 (2018): a linear classifier tells windows that show the idea from
others, in the space of a layer; its normal is the idea's direction. Of a class's items the share is
counted whose log odds rise along it. Ten times, each against other windows; ten ideas made of
windows drawn at random show what share arises by chance, and a t-test compares the two.

Ours: the layer is the one found for Grad-CAM. The classifier is that of the nearest mean, so the
direction leads from the mean of the others to that of the idea: the normal of a classifier that is
sharper bends away from it to shun noise (Pahde et al., arXiv:2202.03482). Beside the sign the size
is told, as the mean cosine of direction and slope. An idea is worth what its classifier reaches on
windows it has not seen: a direction that cannot tell them apart is none.

It needs windows with labels, which a single recording does not hold: it is a method for corpora and
no entry of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from einthoven.explain import _gradients as gradients
from einthoven.explain._case import Array, Case
from einthoven.explain._model import Model
from einthoven.record.errors import UsageError

if TYPE_CHECKING:
    from einthoven.store import Store

Floats = npt.NDArray[np.float64]

LEAST = 12  # windows of an idea
_HELD = 3  # of so many windows one is kept from the classifier
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Items:
    """Windows that have something in common.

    Attributes
    ----------
    name : what.
    window : (item, lead, time).
    side : (item, number); (item, 0) for none.
    """

    name: str
    window: Array
    side: Array

    def __len__(self) -> int:
        return len(self.window)

    def some(self, rows: npt.NDArray[np.int64]) -> Items:
        """Return some of them."""
        return Items(name=self.name, window=self.window[rows], side=self.side[rows])


@dataclass(frozen=True, kw_only=True)
class Score:
    """What an idea means for a class.

    Attributes
    ----------
    concept, target : the idea, and the class.
    share : of the class's items whose log odds rise along the idea, mean of the draws.
    low, high : the 95 % interval of that mean.
    magnitude : mean cosine of the idea's direction and the items' slopes.
    chance : the mean share of ideas made at random.
    p : of a t-test (Welch) that `share` is `chance`.
    accuracy : of the classifier on windows it has not seen; .5 is none.
    """

    concept: str
    target: str
    share: float
    low: float
    high: float
    magnitude: float
    chance: float
    p: float
    accuracy: float


def tcav(
    model: Model, target: int, items: Items, concepts: Sequence[Items], others: Items, *,
    draws: int = 10, seed: int = 0,
) -> tuple[Score, ...]:  # fmt: skip
    """Return what each idea means for a class.

    Parameters
    ----------
    model : a network that eats windows.
    items : of the class.
    concepts : windows that show an idea, one set an idea.
    others : windows of every kind, from which those that stand against an idea are drawn.

    Raises
    ------
    UsageError : the model has no gradients, or there are too few windows of something.
    """
    if not gradients.eats_windows(model):
        raise UsageError("method", f"tcav needs maps, which {model.name!r} has not", "Use shapley")
    size = min(len(c) for c in concepts)
    for part in (*concepts, items):
        if len(part) < LEAST:
            fault = f"has {len(part)} windows of {part.name}"
            raise UsageError("tcav", fault, f"Give {LEAST} or more")
    if len(others) < 2 * size:
        raise UsageError("tcav", f"has {len(others)} other windows", f"Give {2 * size} or more")
    rng = np.random.default_rng(seed)
    slopes = _layer(model, items, target)[1]
    length = np.linalg.norm(slopes, axis=1)
    slopes = slopes / np.where(length > 0, length, 1)[:, None]
    known = {id(part): _layer(model, part, target)[0] for part in (*concepts, others)}
    against = known[id(others)]
    chance = []
    for _ in range(draws):
        rows = rng.permutation(len(others))[: 2 * size]
        chance.append(_told(against[rows[:size]], against[rows[size:]], slopes)[0])
    found = []
    for concept in concepts:
        own = known[id(concept)]
        each = []
        for _ in range(draws):
            mine = rng.permutation(len(own))[:size]
            rows = rng.permutation(len(others))[:size]
            each.append(_told(own[mine], against[rows], slopes))
        share, magnitude, accuracy = (np.array(c) for c in zip(*each, strict=True))
        low, high = _interval(share)
        found.append(Score(
            concept=concept.name, target=model.classes[target], share=float(share.mean()), low=low,
            high=high, magnitude=float(magnitude.mean()), chance=float(np.mean(chance)),
            p=_test(share, np.array(chance)), accuracy=float(accuracy.mean()),
        ))  # fmt: skip
    return tuple(found)


def of_store(
    store: Store, symbols: Mapping[str, str], *, records: Sequence[str] = (), most: int = 200,
    seed: int = 0,
) -> dict[str, Items]:  # fmt: skip
    """Return windows of beats by the reference's symbols.

    Parameters
    ----------
    store : of a corpus, as the model eats it.
    symbols : ``{idea: symbols that show it}``, WFDB's, e.g. ``{"aberrated": "a"}``; "" for all.
    records : those to be looked at; all if not given. Give no record of a test side.
    most : windows of an idea, drawn so that no record has many more than another.
    """
    rng = np.random.default_rng(seed)
    allowed = np.isin(store.record, list(records)) if records else np.ones(len(store), np.bool_)
    found = {}
    for name, wanted in symbols.items():
        here = allowed & (np.isin(store.symbol, list(wanted)) if wanted else store.symbol != "")
        rows = np.flatnonzero(here)
        rows = rows[rng.permutation(len(rows))]
        # The first of each record, then the second of each, and so on.
        turn = np.zeros(len(rows), np.int64)
        for record in np.unique(store.record_index[rows]):
            own = store.record_index[rows] == record
            turn[own] = np.arange(own.sum())
        rows = np.sort(rows[np.argsort(turn, kind="stable")][:most])
        found[name] = Items(name=name, window=store.window[rows], side=store.side[rows])
    return found


def _layer(model: Model, items: Items, target: int) -> tuple[Floats, Floats]:
    """Return activations (item, number) of the found layer and the log odds' slopes by them.

    Of a network that sees crops the middle one is looked at.
    """
    import torch

    from einthoven.explain._maps import layer_of, watched

    module = model.module
    assert module is not None
    case = _case(items)
    layer = layer_of(model, case)
    crops = gradients.crops(model, case, target)
    first, last, _ = crops[len(crops) // 2]
    activations: list[Floats] = []
    slopes: list[Floats] = []
    for start in range(0, len(items), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        window = torch.tensor(items.window[rows, :, first:last], requires_grad=True)
        with watched(module) as seen:
            logits = module(window, torch.tensor(items.side[rows, None]))
        made = seen[layer.name]
        (slope,) = torch.autograd.grad(gradients.log_odds(model, logits, target).sum(), made)
        for table, tensor in ((activations, made), (slopes, slope)):
            table.append(tensor.detach().reshape(len(window), -1).double().numpy())
    return np.concatenate(activations), np.concatenate(slopes)


def _case(items: Items) -> Case:
    """Return the first item as a case, for those who ask by cases."""
    side = items.side[0]
    return Case(
        record="", what=items.name, window=items.window[0], side=side[None], row=0,
        names=("",) * len(side), reference=side, start=0.0, rate=1.0,
        leads=("",) * items.window.shape[1], r_peaks=np.zeros(0), parts={},
    )  # fmt: skip


def _told(own: Floats, others: Floats, slopes: Floats) -> tuple[float, float, float]:
    """Return share of slopes that rise along an idea, their mean cosine, and its accuracy."""
    held = np.arange(len(own)) % _HELD == 0
    direction, middle = _direction(own[~held], others[~held])
    right = np.concatenate([own[held] @ direction > middle, others[held] @ direction <= middle])
    along = slopes @ direction
    # A slope of 0 rises for none: it is half of a rise, so that chance is .5.
    share = float((along > 0).mean() + 0.5 * (along == 0).mean())
    return share, float(along.mean()), float(right.mean())


def _direction(own: Floats, others: Floats) -> tuple[Floats, float]:
    """Return the unit vector from the mean of the others to that of the idea, and its middle."""
    ends = own.mean(axis=0), others.mean(axis=0)
    way = ends[0] - ends[1]
    length = float(np.linalg.norm(way)) or 1.0
    return way / length, float((ends[0] + ends[1]) @ way) / (2 * length)


def _interval(share: Floats) -> tuple[float, float]:
    from scipy import stats

    half = float(stats.t.ppf(0.975, len(share) - 1) * share.std(ddof=1) / np.sqrt(len(share)))
    return max(0.0, float(share.mean()) - half), min(1.0, float(share.mean()) + half)


def _test(share: Floats, chance: Floats) -> float:
    """Return p of Welch's t-test."""
    from scipy import stats

    a, b = (x.var(ddof=1) / len(x) for x in (share, chance))
    if a + b < 1e-12:
        return float(abs(share.mean() - chance.mean()) < 1e-9)
    freedom = (a + b) ** 2 / (a**2 / (len(share) - 1) + b**2 / (len(chance) - 1))
    return float(2 * stats.t.sf(abs(share.mean() - chance.mean()) / np.sqrt(a + b), freedom))
