"""Leaks that names do not tell: one recording twice, on two sides of a split or in two corpora.

Fingerprints that fall into one of several random bins of the space (locality-sensitive hashing by
signs of projections: Charikar 2002, 10.1145/509907.509965) are candidates; their waveforms decide.
Bins grow finer with the number of records and each fingerprint is held against a fixed number of
its neighbours, so the time grows as n log n at the most (`benchmarks/leaks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.protocols._fingerprint import (
    DIRECTIONS,
    RATE,
    Fingerprint,
    fingerprint,
    plain,
)
from einthoven.protocols._records import Indices, RecordSplit
from einthoven.record.errors import LeakError, UsageError

Floats = npt.NDArray[np.float64]

# Row -> signal (lead, time), Hz, names of leads.
Read = Callable[[int], tuple[npt.NDArray[np.floating], float, Sequence[str]]]

# Two waveforms are one recording from this correlation on, over all leads that both have. Regular
# rhythms of two hearts agree for some seconds: among 2,674 records of PTB-XL up to 0.92, in 6.7 s.
SAME, SAME_BRIEFLY = 0.9, 0.95
_LONG = 7.0  # s from which on `SAME` holds
_OVERLAP = 4.0  # s that two cuts of one recording must have in common
_END = 50  # samples at each end of what overlaps that are not compared
_TABLES = 12  # ways of binning
_NEIGHBOURS = 8  # of one bin that a fingerprint is held against
_LIKE_OVERALL = 0.75  # the same for all that overlap, on the mean
_LIKE = 0.85  # cosine from which on two fingerprints are worth reading the signals again
_TOGETHER = 0.04  # s between two anchors that are one
_SAMPLE, _CHUNK = 20_000, 50_000


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two records that hold one recording.

    Attributes
    ----------
    one, two : rows.
    correlation : of the waveforms, 1-15 Hz, where they overlap.
    lag : s by which the recording begins later in `two`.
    """

    one: int
    two: int
    correlation: float
    lag: float


def fingerprints(read: Read, rows: Iterable[int]) -> list[Fingerprint]:
    """Return one fingerprint a row; each record is read once."""
    return [fingerprint(*read(row)) for row in rows]


def near_duplicates(
    prints: Sequence[Fingerprint],
    read: Read,
    *,
    side: Sequence[object] | None = None,
    seed: int = 0,
) -> tuple[Duplicate, ...]:
    """Return the pairs of records that hold one recording, by row.

    Parameters
    ----------
    prints : of rows 0, 1, 2, ...
    read : called again for the candidates only.
    side : (row,) of a split, or names of corpora; pairs of one side are not looked at. All pairs
        if not given.
    seed : of the bins.

    Raises
    ------
    UsageError : not one side a fingerprint.
    """
    if side is not None and len(side) != len(prints):
        raise UsageError("side", f"has {len(side)} rows for {len(prints)}", "Give one a record")
    owner = np.repeat(np.arange(len(prints)), [len(p.position) for p in prints])
    if len(owner) < 2:
        return ()
    vector = np.concatenate([p.vector for p in prints])
    position = np.concatenate([p.position for p in prints]).astype(np.float64)
    code = None
    if side is not None:
        code = np.unique(np.asarray(side), return_inverse=True)[1].astype(np.int64)
    draw = np.random.default_rng(seed)
    mean, white = _whitening(vector, draw)
    one, two = _candidates(vector, owner, code, mean, white, draw)
    found = []
    for a, b in zip(one.tolist(), two.tolist(), strict=True):
        rows, lag = (int(owner[a]), int(owner[b])), float(position[b] - position[a])
        if _likeness(prints[rows[0]], prints[rows[1]], lag, mean, white) < _LIKE_OVERALL:
            continue
        correlation, lag, seconds = _compared(read(rows[0]), read(rows[1]), lag)
        if correlation >= (SAME if seconds >= _LONG else SAME_BRIEFLY):
            found.append(Duplicate(one=rows[0], two=rows[1], correlation=correlation, lag=lag))
    return tuple(found)


def audit(
    split: RecordSplit,
    read: Read,
    *,
    prints: Sequence[Fingerprint] | None = None,
    refuse: bool = True,
) -> tuple[Duplicate, ...]:
    """Return, or refuse, recordings that are on two sides of a split under different names.

    Subjects and recordings that their publishers say are one were refused when the split was made.

    Parameters
    ----------
    split : rows are those of its examples.
    read : gives the signal of a row.
    prints : (row,) of all examples, where they are at hand.
    refuse : raise at the first pair.

    Raises
    ------
    LeakError : a recording is on two sides.
    """
    rows = np.concatenate(list(split.sides.values()))
    side = np.repeat(list(split.sides), [len(r) for r in split.sides.values()])
    have = fingerprints(read, rows.tolist()) if prints is None else [prints[r] for r in rows]
    pairs = near_duplicates(have, lambda row: read(int(rows[row])), side=side.tolist())
    examples = split.examples
    if pairs and refuse:
        first = pairs[0]
        told = [
            f"{examples.corpus[rows[row]]} {examples.record[rows[row]]} of {side[row]}"
            for row in (first.one, first.two)
        ]
        raise LeakError(
            split.title,
            f"{told[0]} is the recording {told[1]} (correlation {first.correlation:.3f}), "
            f"one of {len(pairs)} such pairs",
            "Put both on one side, or leave one out",
        )
    return tuple(
        Duplicate(one=int(rows[p.one]), two=int(rows[p.two]), correlation=p.correlation, lag=p.lag)
        for p in pairs
    )


def _whitening(vector: npt.NDArray[np.float16], draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the mean and the matrix that make all directions alike, from a sample."""
    some = vector
    if len(vector) > _SAMPLE:
        some = vector[np.sort(draw.choice(len(vector), _SAMPLE, replace=False))]
    x = some.astype(np.float64)
    mean = x.mean(axis=0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    # Few records span few directions; the others are then not blown up.
    covariance += (0.01 * np.trace(covariance) / DIRECTIONS + 1e-9) * np.eye(DIRECTIONS)
    values, directions = np.linalg.eigh(covariance)
    return mean, np.asarray(directions / np.sqrt(values), np.float64)


def _candidates(
    vector: npt.NDArray[np.float16],
    owner: Indices,
    code: Indices | None,
    mean: Floats,
    white: Floats,
    draw: np.random.Generator,
) -> tuple[Indices, Indices]:
    """Return anchors (pair,), (pair,) whose fingerprints are alike, one pair of anchors a pair."""
    bits = int(np.clip(np.ceil(np.log2(len(vector))), 12, 30))
    weight = 2 ** np.arange(bits, dtype=np.int64)
    ones, twos, likeness = [], [], []
    for _ in range(_TABLES):
        planes = white @ draw.normal(size=(DIRECTIONS, bits))
        key = np.empty(len(vector), np.int64)
        for start in range(0, len(vector), _CHUNK):
            part = vector[start : start + _CHUNK].astype(np.float64) - mean
            key[start : start + _CHUNK] = (part @ planes > 0) @ weight
        order = np.argsort(key, kind="stable")
        for step in range(1, _NEIGHBOURS + 1):
            a, b = order[:-step], order[step:]
            near = (key[a] == key[b]) & (owner[a] != owner[b])
            if code is not None:
                near &= code[owner[a]] != code[owner[b]]
            a, b = a[near], b[near]
            like = _cosine(vector, mean, white, a, b)
            good = like >= _LIKE
            swap = owner[a[good]] > owner[b[good]]
            ones.append(np.where(swap, b[good], a[good]))
            twos.append(np.where(swap, a[good], b[good]))
            likeness.append(like[good])
    one, two, like = np.concatenate(ones), np.concatenate(twos), np.concatenate(likeness)
    best = np.lexsort((-like, owner[two], owner[one]))
    one, two = one[best], two[best]
    first = np.ones(len(one), bool)
    first[1:] = (np.diff(owner[one]) != 0) | (np.diff(owner[two]) != 0)
    return one[first], two[first]


def _likeness(one: Fingerprint, two: Fingerprint, lag: float, mean: Floats, white: Floats) -> float:
    """Return the mean cosine of the anchors that a lag brings together; 0 where most have none.

    One stretch of a regular rhythm is often like another; all of ten seconds hardly ever. So few
    signals are read again: among 2,674 records of PTB-XL 45 pairs of 3.6 million.
    """
    there = one.position + np.float32(lag)
    gap = np.abs(there[:, None] - two.position)
    match = gap.argmin(axis=1)
    near = gap[np.arange(len(there)), match] < _TOGETHER
    within = (there > two.position[0] - _TOGETHER) & (there < two.position[-1] + _TOGETHER)
    if 2 * near.sum() <= within.sum():
        return 0.0
    x, y = (
        (v.astype(np.float64) - mean) @ white for v in (one.vector[near], two.vector[match[near]])
    )
    norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(((x * y).sum(axis=1) / np.maximum(norm, 1e-12)).mean())


def _cosine(
    vector: npt.NDArray[np.float16], mean: Floats, white: Floats, a: Indices, b: Indices
) -> Floats:
    found = np.empty(len(a))
    for start in range(0, len(a), _CHUNK):
        rows = slice(start, start + _CHUNK)
        x, y = ((vector[r[rows]].astype(np.float64) - mean) @ white for r in (a, b))
        norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        found[rows] = (x * y).sum(axis=1) / np.maximum(norm, 1e-12)
    return found


def _compared(
    one: tuple[npt.NDArray[np.floating], float, Sequence[str]],
    two: tuple[npt.NDArray[np.floating], float, Sequence[str]],
    lag: float,
) -> tuple[float, float, float]:
    """Return the highest correlation within 60 ms of the lag, its lag, and the seconds compared."""
    both = [name for name in one[2] if name in two[2]]
    first, second = (
        plain(signal[[list(leads).index(name) for name in both]], rate)
        for signal, rate, leads in (one, two)
    )
    best, at, seconds = 0.0, lag, 0.0
    for shift in range(round(lag * RATE) - 6, round(lag * RATE) + 7):
        a = first[:, max(0, -shift) :]
        b = second[:, max(0, shift) :]
        size = min(a.shape[1], b.shape[1])
        if size < _OVERLAP * RATE or not both:
            continue
        # What lies near an end is the filter's as much as the heart's.
        a, b = a[:, _END : size - _END].ravel(), b[:, _END : size - _END].ravel()
        norm = float(np.linalg.norm(a) * np.linalg.norm(b))
        value = float(a @ b) / norm if norm > 0 else 0.0
        if value > best:
            best, at, seconds = value, shift / RATE, size / RATE
    return best, at, seconds
