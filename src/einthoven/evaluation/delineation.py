"""Found boundaries of waves against marked ones: six of them, one to one, nearest first, 150 ms.

After Moskalenko, Zolotykh, Osipov 2019, Deep learning for ECG segmentation (arXiv:2001.04689).
Differs from the paper: there one found boundary may serve two marked ones, here it is spent. The
deviation of the errors is that of the errors at hand (ddof 0).

Who marked a lead may have begun late and stopped early. So three figures stand apart: an unmatched
boundary between the first and the last mark is extra; one no more than the tolerance outside them
is extra in the ``margin`` figure alone; and what lies further out is only counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

KINDS = ("P", "QRS", "T")
SIDES = ("onset", "offset")
BOUNDARIES = tuple(f"{kind} {side}" for kind in KINDS for side in SIDES)
TOLERANCE = 0.150  # s


@dataclass(frozen=True, kw_only=True, eq=False)
class Lead:
    """Waves of one lead in time order.

    Attributes
    ----------
    kind : (wave,) ``P``, ``QRS`` or ``T``.
    onset, peak, offset : (wave,) samples; -1 where there is none.
    """

    kind: npt.NDArray[np.str_]
    onset: Ints
    peak: Ints
    offset: Ints

    def __post_init__(self) -> None:
        if len({len(self.kind), len(self.onset), len(self.peak), len(self.offset)}) != 1:
            raise UsageError("delineation", "columns of unequal length", "Give one row a wave")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of the boundaries of one name.

    Attributes
    ----------
    hits, missed : marked ones that were found, or not.
    extra : found ones between the first and the last mark that are of no marked one.
    beside : the same no further outside than the tolerance.
    outside : the same further outside: nobody marked there.
    errors : (hit,) found less marked, seconds.
    """

    hits: int = 0
    missed: int = 0
    extra: int = 0
    beside: int = 0
    outside: int = 0
    errors: tuple[float, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            hits=self.hits + other.hits, missed=self.missed + other.missed,
            extra=self.extra + other.extra, beside=self.beside + other.beside,
            outside=self.outside + other.outside, errors=self.errors + other.errors,
        )  # fmt: skip

    def f1(self, *, margin: bool = False) -> float:
        """Return the F1 score; NaN where there is nothing to find and nothing was found."""
        extra = self.extra + (self.beside if margin else 0)
        whole = 2 * self.hits + self.missed + extra
        return 2 * self.hits / whole if whole else float("nan")

    @property
    def sensitivity(self) -> float:
        """Share of the marked ones that were found."""
        whole = self.hits + self.missed
        return self.hits / whole if whole else float("nan")

    @property
    def predictivity(self) -> float:
        """Share of the found ones, between the first and last mark, that are marked ones."""
        whole = self.hits + self.extra
        return self.hits / whole if whole else float("nan")

    @property
    def mean(self) -> float:
        """Mean error, seconds."""
        return float(np.mean(self.errors)) if self.errors else float("nan")

    @property
    def deviation(self) -> float:
        """Standard deviation of the errors, seconds (ddof 0)."""
        return float(np.std(self.errors)) if self.errors else float("nan")


def match(reference: Ints, found: Ints, tolerance: float) -> tuple[Ints, Ints]:
    """Return (pair,) indices into both lists: one to one, the nearest pair first.

    Parameters
    ----------
    tolerance : samples; pairs that far apart still count.
    """
    away = np.abs(np.asarray(reference)[:, None] - np.asarray(found)[None])
    near = np.argwhere(away <= tolerance)
    order = np.argsort(away[near[:, 0], near[:, 1]], kind="stable")
    left, right = set[int](), set[int]()
    pairs = []
    for i, j in near[order].tolist():
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((i, j))
    pairs.sort()
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def score(
    reference: Lead, found: Lead, rate: float, tolerance: float = TOLERANCE
) -> dict[str, Tally]:
    """Return what became of each of `BOUNDARIES` in one lead.

    A marked wave that lacks a boundary is no reference for it, and what was found of that wave
    there is neither right nor extra.

    Parameters
    ----------
    reference, found : of the same rate.
    rate : Hz.
    tolerance : seconds.
    """
    marked = np.concatenate([reference.onset, reference.offset])
    marked = marked[marked >= 0]
    first, last = (int(marked.min()), int(marked.max())) if len(marked) else (0, -1)
    reach = tolerance * rate
    out = {}
    for kind in KINDS:
        mine, own = reference.kind == kind, found.kind == kind
        for side in SIDES:
            wanted: Ints = getattr(reference, side)[mine]
            given: Ints = getattr(found, side)[own]
            there = given >= 0
            left, right = match(wanted[wanted >= 0], given[there], reach)
            spare = np.ones(int(there.sum()), np.bool_)
            spare[right] = False
            for peak in reference.peak[mine][wanted < 0].tolist():
                ends = (found.onset[own][there], found.offset[own][there])
                spare &= ~((ends[0] <= peak) & ((peak <= ends[1]) | (ends[1] < 0)))
            rest = given[there][spare]
            beyond = np.maximum(first - rest, rest - last).astype(np.float64)
            if not len(marked):
                beyond[:] = np.inf
            errors = given[there][right] - wanted[wanted >= 0][left]
            out[f"{kind} {side}"] = Tally(
                hits=len(left), missed=int((wanted >= 0).sum()) - len(left),
                extra=int((beyond <= 0).sum()),
                beside=int(((beyond > 0) & (beyond <= reach)).sum()),
                outside=int((beyond > reach).sum()),
                errors=tuple((errors / rate).tolist()),
            )  # fmt: skip
    return out


def total(tallies: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    """Return the sum of several leads or records, boundary by boundary."""
    return {name: sum((one[name] for one in tallies), Tally()) for name in BOUNDARIES}


def mean_f1(tally: Mapping[str, Tally], *, margin: bool = False) -> float:
    """Return the mean F1 over the six boundaries, those left out that say nothing."""
    values = [tally[name].f1(margin=margin) for name in BOUNDARIES]
    told = [v for v in values if v == v]
    return float(np.mean(told)) if told else float("nan")


def interval(
    tallies: Sequence[Mapping[str, Tally]], *, margin: bool = False, draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """Return the 95 % interval of `mean_f1` when whole records are drawn with replacement.

    Parameters
    ----------
    tallies : one a record.
    """
    counts = np.array(
        [
            [(t.hits, t.missed + t.extra + (t.beside if margin else 0)) for t in
             (one[name] for name in BOUNDARIES)]
            for one in tallies
        ], np.float64,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=draws)
    sums = np.tensordot(drawn, counts, axes=1)
    whole = 2 * sums[..., 0] + sums[..., 1]
    f1 = np.where(whole > 0, 2 * sums[..., 0] / np.maximum(whole, 1), np.nan)
    low, high = np.nanquantile(np.nanmean(f1, axis=1), (0.025, 0.975))
    return float(low), float(high)


def lengths(lead: Lead, rate: float, first: int, last: int) -> dict[str, Floats]:
    """Return the PR, QRS and QT intervals of the beats whose QRS lies between two samples.

    A P belongs to the QRS that is the next wave, a T to the QRS that is the wave before.

    Returns
    -------
    ``PR``, ``QRS`` and ``QT`` to (beat,) seconds, of the beats that have one.
    """
    out: dict[str, list[float]] = {"PR": [], "QRS": [], "QT": []}
    for k in np.flatnonzero(lead.kind == "QRS").tolist():
        onset, offset = int(lead.onset[k]), int(lead.offset[k])
        if not first <= lead.peak[k] <= last or onset < 0:
            continue
        if offset >= 0:
            out["QRS"].append((offset - onset) / rate)
        if k and lead.kind[k - 1] == "P" and lead.onset[k - 1] >= 0:
            out["PR"].append((onset - int(lead.onset[k - 1])) / rate)
        if k + 1 < len(lead.kind) and lead.kind[k + 1] == "T" and lead.offset[k + 1] >= 0:
            out["QT"].append((int(lead.offset[k + 1]) - onset) / rate)
    return {name: np.array(values, np.float64) for name, values in out.items()}


# Seconds outside of which no human wave lies, by kind.
POSSIBLE: Mapping[str, tuple[float, float]] = {
    "P": (0.02, 0.25), "QRS": (0.03, 0.30), "T": (0.04, 0.50),
}  # fmt: skip


def impossible(lead: Lead, rate: float) -> int:
    """Return how many waves end before they begin, overlap the next, or have no possible width."""
    count = 0
    both = (lead.onset >= 0) & (lead.offset >= 0)
    for k in range(len(lead.kind)):
        low, high = POSSIBLE[str(lead.kind[k])]
        width = (int(lead.offset[k]) - int(lead.onset[k])) / rate
        following = k + 1 < len(lead.kind) and lead.onset[k + 1] >= 0 and lead.offset[k] >= 0
        count += bool(
            (both[k] and not low <= width <= high)
            or (following and lead.onset[k + 1] < lead.offset[k])
        )
    return count
