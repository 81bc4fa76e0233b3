"""Leaks that names do not tell: one recording twice, on two sides of a split or in two corpora.

Fingerprints that fall into one of several random bins of the space (locality-sensitive hashing by
signs of projections: Charikar 2002, 10.1145/509907.509965) are candidates; their waveforms decide.
A lead may be upside down: a fingerprint and its negative share a bin, and correlations lose their
signs. Where several leads are shared, a tenth of the anchors has to agree on one lag.
Bins grow finer with the number of records and each fingerprint is held against a fixed number of
its neighbours. From 10,000 to 100,000 simulated records fingerprints grew in proportion, 5.3 to
53.1 s, and the search with the power 1.3, 1.4 to 27.3 s (`benchmarks/printed/leaks.txt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.corpora import open_corpus
from einthoven.protocols._fingerprint import (
    DIRECTIONS,
    RATE,
    Fingerprint,
    fingerprint,
    independent,
    plain,
)
from einthoven.protocols._records import Indices, Names
from einthoven.protocols._shared import refuse_known
from einthoven.record.errors import LeakError, UsageError

Floats = npt.NDArray[np.float64]

# Row -> signal (lead, time), Hz, names of leads.
Read = Callable[[int], tuple[npt.NDArray[np.floating], float, Sequence[str]]]

# Two waveforms are one recording from this correlation on, over all leads that both have. Regular
# rhythms of two hearts agree for some seconds: among 2,000 records of PTB-XL up to 0.912 in 9.7 s
# and 0.950 in 5.3 s of all leads; of one to three leads alone up to 0.973 and 0.979. Copies of lead
# II with a tenth of noise have 0.982 and more.
SAME, SAME_BRIEFLY = 0.93, 0.96
ALONE, ALONE_BRIEFLY = 0.98, 0.985
_MANY = 6  # leads in common from which on `SAME` holds
_LONG = 7.0  # s from which on `SAME` and `ALONE` hold
_OVERLAP = 4.0  # s that two cuts of one recording must have in common
_END = 50  # samples at each end of what overlaps that are not compared
_TABLES = 6  # ways of binning
_NEIGHBOURS = 8  # of one bin that a fingerprint is held against
_LIKE_OVERALL = 0.75  # the same for all that overlap, on the mean
_LIKE = 0.85  # cosine from which on two fingerprints are worth reading the signals again
_VOTES = 0.1  # of the anchors of the shorter record; at least two
_TOGETHER = 0.04  # s between two anchors that are one
_SAMPLE, _CHUNK = 20_000, 50_000


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two records that hold one recording.

    Attributes
    ----------
    one, two : rows.
    correlation : of the waveforms, 1-15 Hz, where they overlap, without sign.
    lag : s by which the recording begins later in `two`.
    """

    one: int
    two: int
    correlation: float
    lag: float


def reader(corpus: Names, record: Names) -> Read:
    """Return what gives the signal of a row of two columns, whole, from the corpora here."""
    opened = {name: open_corpus(name) for name in np.unique(corpus).tolist()}

    def read(row: int) -> tuple[npt.NDArray[np.floating], float, Sequence[str]]:
        source = opened[str(corpus[row])].open(str(record[row]))
        return source.read(0, source.samples), source.rate, source.leads

    return read


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
    code = None
    if side is not None:
        code = np.unique(np.asarray(side), return_inverse=True)[1].astype(np.int64)
    draw = np.random.default_rng(seed)
    white: dict[int, Floats] = {}
    pairs, seen = [], 0
    for lead in sorted({int(n) for p in prints for n in np.unique(p.lead)}):
        of = [p.lead == lead for p in prints]
        owner = np.repeat(np.arange(len(prints)), [int(o.sum()) for o in of])
        vector = np.concatenate([p.vector[o] for p, o in zip(prints, of, strict=True)])
        place = np.concatenate([p.position[o] for p, o in zip(prints, of, strict=True)])
        white[lead] = _whitening(vector, draw)
        one, two, like = _candidates(_unit(vector, white[lead]), owner, code, draw)
        lag = place[two].astype(np.float64) - place[one]
        pairs.append((owner[one], owner[two], lag, like, seen + one))
        seen += len(owner)
    found = []
    for a, b, lag in _agreed(pairs, np.array([len(p.position) for p in prints])):
        if _likeness(prints[a], prints[b], lag, white) < _LIKE_OVERALL:
            continue
        correlation, lag, least = _compared(read(a), read(b), lag)
        if correlation >= least:
            found.append(Duplicate(one=a, two=b, correlation=correlation, lag=lag))
    return tuple(found)


def audit(
    title: str, corpus: Names, record: Names, sides: Mapping[str, Indices], read: Read
) -> tuple[Duplicate, ...]:
    """Return recordings that are on two sides under two names of one corpus; refuse all others.

    A publisher who calls two records of one corpus two people is not overruled: what the waveforms
    say is to be printed beside the scores. Of two corpora nobody says that they share nothing.

    Parameters
    ----------
    title : of the split, as an error names it.
    corpus, record : (row,) where each is from.
    sides : name -> (row,) int64; a row is on one side at the most.
    read : gives the signal of a row.

    Raises
    ------
    LeakError : a recording of one corpus is in another on another side, as publishers or as the
        waveforms say.
    """
    refuse_known(title, corpus, record, sides)
    rows = np.concatenate(list(sides.values()))
    side = np.repeat(list(sides), [len(r) for r in sides.values()])
    pairs = near_duplicates(
        fingerprints(read, rows.tolist()), lambda row: read(int(rows[row])), side=side.tolist()
    )
    between = [p for p in pairs if corpus[rows[p.one]] != corpus[rows[p.two]]]
    if between:
        told = [
            f"{corpus[rows[row]]} {record[rows[row]]} of {side[row]}"
            for row in (between[0].one, between[0].two)
        ]
        raise LeakError(
            title,
            f"{told[0]} is the recording {told[1]} (correlation {between[0].correlation:.3f}), "
            f"one of {len(between)} such pairs",
            "Leave one of the two corpora out",
        )
    return tuple(
        Duplicate(one=int(rows[p.one]), two=int(rows[p.two]), correlation=p.correlation, lag=p.lag)
        for p in pairs
    )


def _whitening(vector: npt.NDArray[np.float16], draw: np.random.Generator) -> Floats:
    """Return the matrix that makes all directions alike, from a sample.

    The mean stays: so a lead upside down has minus the vector.
    """
    some = vector
    if len(vector) > _SAMPLE:
        some = vector[np.sort(draw.choice(len(vector), _SAMPLE, replace=False))]
    x = some.astype(np.float64)
    power = x.T @ x / len(x)
    # Few records span few directions; the others are then not blown up.
    power += (0.01 * np.trace(power) / DIRECTIONS + 1e-9) * np.eye(DIRECTIONS)
    values, directions = np.linalg.eigh(power)
    return np.asarray(directions / np.sqrt(values), np.float64)


def _unit(vector: npt.NDArray[np.float16], white: Floats) -> npt.NDArray[np.float32]:
    """Return (anchor, direction), whitened, of length 1."""
    found = np.empty(vector.shape, np.float32)
    for start in range(0, len(vector), _CHUNK):
        part = vector[start : start + _CHUNK].astype(np.float64) @ white
        norm = np.linalg.norm(part, axis=1, keepdims=True)
        found[start : start + _CHUNK] = part / np.maximum(norm, 1e-12)
    return found


def _candidates(
    unit: npt.NDArray[np.float32], owner: Indices, code: Indices | None, draw: np.random.Generator
) -> tuple[Indices, Indices, npt.NDArray[np.float32]]:
    """Return anchors (pair,), (pair,) of one lead that are alike, or opposite, and how much."""
    bits = int(np.clip(np.ceil(np.log2(max(2, len(unit)))), 12, 30))
    weight = 2 ** np.arange(bits, dtype=np.int64)
    ones, twos, likeness = [], [], []
    for _ in range(_TABLES):
        planes = draw.normal(size=(DIRECTIONS, bits)).astype(np.float32)
        key = np.empty(len(unit), np.int64)
        for start in range(0, len(unit), _CHUNK):
            key[start : start + _CHUNK] = (unit[start : start + _CHUNK] @ planes > 0) @ weight
        key = np.minimum(key, 2**bits - 1 - key)  # minus a vector has the other bit everywhere
        order = np.argsort(key, kind="stable")
        for step in range(1, _NEIGHBOURS + 1):
            a, b = order[:-step], order[step:]
            near = (key[a] == key[b]) & (owner[a] != owner[b])
            if code is not None:
                near &= code[owner[a]] != code[owner[b]]
            a, b = a[near], b[near]
            like = np.abs(np.einsum("ad,ad->a", unit[a], unit[b]))
            good = like >= _LIKE
            swap = owner[a[good]] > owner[b[good]]
            ones.append(np.where(swap, b[good], a[good]))
            twos.append(np.where(swap, a[good], b[good]))
            likeness.append(like[good])
    return np.concatenate(ones), np.concatenate(twos), np.concatenate(likeness)


def _agreed(
    pairs: Sequence[tuple[Indices, Indices, Floats, npt.NDArray[np.float32], Indices]],
    anchors: Indices,
) -> list[tuple[int, int, float]]:
    """Return each two records once that enough of their anchors bring together by one lag.

    Parameters
    ----------
    pairs : a lead, of two anchors each: records, s between them, likeness, number of the first.
    anchors : (record,) how many each has.
    """
    if not pairs:
        return []
    one, two, lag, like, anchor = (np.concatenate(column) for column in zip(*pairs, strict=True))
    order = np.lexsort((lag, two, one))
    one, two, lag, like, anchor = (x[order] for x in (one, two, lag, like, anchor))
    new = np.ones(len(one), bool)
    new[1:] = (np.diff(one) != 0) | (np.diff(two) != 0) | (np.diff(lag) >= _TOGETHER)
    group = np.cumsum(new) - 1
    votes = np.bincount(np.unique(np.stack([group, anchor]), axis=1)[0], minlength=new.sum())
    fewer = np.minimum(anchors[one], anchors[two])
    enough = votes[group] >= np.clip(_VOTES * fewer, np.minimum(2, fewer), None)
    best = np.lexsort((-like, -votes[group], two, one))
    best = best[enough[best]]
    one, two, lag = one[best], two[best], lag[best]
    first = np.ones(len(one), bool)
    first[1:] = (np.diff(one) != 0) | (np.diff(two) != 0)
    return list(zip(one[first].tolist(), two[first].tolist(), lag[first].tolist(), strict=True))


def _likeness(one: Fingerprint, two: Fingerprint, lag: float, white: Mapping[int, Floats]) -> float:
    """Return the mean over shared leads of the cosine, without sign, of what a lag brings together.

    0 where most anchors have none. One stretch of a regular rhythm is often like another; all of
    ten seconds in all leads hardly ever. So few signals are read again.
    """
    met = heard = 0
    found = []
    for lead in np.intersect1d(one.lead, two.lead).tolist():
        mine, theirs = one.lead == lead, two.lead == lead
        there, place = one.position[mine] + np.float32(lag), two.position[theirs]
        gap = np.abs(there[:, None] - place)
        match = gap.argmin(axis=1)
        near = gap[np.arange(len(there)), match] < _TOGETHER
        within = (there > place[0] - _TOGETHER) & (there < place[-1] + _TOGETHER)
        met, heard = met + int(near.sum()), heard + int(within.sum())
        if near.any():
            x = _unit(one.vector[mine][near], white[lead])
            y = _unit(two.vector[theirs][match[near]], white[lead])
            found.append(abs(float((x * y).sum(axis=1).mean())))
    return float(np.mean(found)) if 2 * met > heard else 0.0


def _compared(
    one: tuple[npt.NDArray[np.floating], float, Sequence[str]],
    two: tuple[npt.NDArray[np.floating], float, Sequence[str]],
    lag: float,
) -> tuple[float, float, float]:
    """Return the highest correlation within 60 ms of the lag, its lag, and what it should be."""
    (mine, ours), (others, theirs) = (independent(s, leads) for s, _, leads in (one, two))
    both = [name for name in ours if name in theirs]
    first = plain(mine[[ours.index(name) for name in both]], one[1])
    second = plain(others[[theirs.index(name) for name in both]], two[1])
    long, brief = (SAME, SAME_BRIEFLY) if len(both) >= _MANY else (ALONE, ALONE_BRIEFLY)
    shifts = round(lag * RATE) + np.arange(-6, 7)
    value, seconds = np.zeros(len(shifts)), 0.0
    for i, shift in enumerate(shifts.tolist()):
        a = first[:, max(0, -shift) :]
        b = second[:, max(0, shift) :]
        size = min(a.shape[1], b.shape[1])
        if size < _OVERLAP * RATE or not both:
            continue
        # What lies near an end is the filter's as much as the heart's.
        a, b = a[:, _END : size - _END], b[:, _END : size - _END]
        norm = float(np.linalg.norm(a) * np.linalg.norm(b))
        # A lead may be upside down.
        value[i] = float(np.abs((a * b).sum(axis=1)).sum()) / norm if norm > 0 else 0.0
        if i == value.argmax():
            seconds = size / RATE
    best, part = _top(value)
    return best, float(shifts[0] + part) / RATE, long if seconds >= _LONG else brief


def _top(value: Floats) -> tuple[float, float]:
    """Return the height and place of the highest point, between samples on a parabola."""
    at = int(value.argmax())
    if not 0 < at < len(value) - 1:
        return float(value[at]), float(at)
    left, top, right = value[at - 1 : at + 2].tolist()
    bend = 2 * top - left - right
    if bend <= 0:
        return top, float(at)
    return min(1.0, top + (left - right) ** 2 / (8 * bend)), at + (right - left) / (2 * bend)
