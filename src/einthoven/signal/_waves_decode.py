"""From probabilities to waves: runs of one kind, joined, long enough and in an order hearts have.

A run becomes final once enough of what follows it is known. Each lead keeps its own place, so a
wave is decided once, on the same samples, however the probabilities arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from einthoven.signal._waves_front import GRID

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

P, QRS, T, GAP = 1, 2, 3, 4
# Grid samples, by kind: runs of one kind as close as that are one; shorter ones are none.
_JOIN = {P: 5, QRS: 4, T: 10, GAP: 0}
_LEAST = {P: 6, QRS: 8, T: 14, GAP: 0}
_MOST = GRID  # a wave of a second is none
EDGE = 10  # grid samples either side of a boundary that its confidence is taken from
KEPT = 80  # grid samples before what is decided that are kept for a second look at it
# Grid samples that P and T come out too wide at either side, on the validation records.
_WIDE = 0.5
_TOUCH = 2  # grid samples: a run that ends so close to missing signal was cut by it
_LEADS_TO = 100  # grid samples, 0.4 s, from a P to the QRS that it leads to; PR is hardly longer
# A P that leads to no QRS must be that share as high as those that do: what the net takes for one
# in the long still stretches of a slow rhythm has a fifth of their height, a blocked P has it all.
_AS_HIGH = 0.4
_REMEMBERED = 8  # P waves
_COUNT = np.arange(_MOST + 1, dtype=np.float32)


class Run(NamedTuple):
    """Samples [start, stop) of the grid that one lead calls `kind`."""

    kind: int
    start: int
    stop: int


class Found(NamedTuple):
    """One wave on the grid, [start, stop); a side is `cut` where its true end is not seen.

    Attributes
    ----------
    room : grid samples that its onset and its offset may be moved outward by.
    moved : grid samples, later is more, that they were moved by.
    """

    lead: int
    kind: int
    start: int
    stop: int
    peak: float
    cut: tuple[bool, bool]
    confidence: tuple[float, float]
    room: tuple[float, float] = (0.0, 0.0)
    moved: tuple[float, float] = (0.0, 0.0)

    @property
    def ends(self) -> tuple[float, float]:
        """First and last sample of the wave, moved; between two samples where it is."""
        wide = 0.0 if self.kind == QRS else _WIDE
        return self.start + wide + self.moved[0], self.stop - 1 - wide + self.moved[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stretch:
    """What is known of neighbouring grid samples.

    Attributes
    ----------
    p : (lead, 4, time) probabilities of none, P, QRS, T.
    atrial : (time,) mean over the leads of the probability of P; a P wave is where it exceeds a
        half. None where there is one lead, which has nobody to agree with.
    y : (lead, time) mV.
    there : (lead, time) whether there is signal.
    """

    p: Floats
    atrial: Floats | None
    y: Floats
    there: Bools

    @classmethod
    def missing(cls, leads: int, time: int, *, several: bool) -> Stretch:
        """Return a stretch without signal."""
        p = np.zeros((leads, 4, time), np.float32)
        p[:, 0] = 1
        nothing = np.zeros((leads, time), np.float32)
        return cls(
            p=p, atrial=nothing[0] if several else None, y=nothing,
            there=np.zeros((leads, time), np.bool_),
        )  # fmt: skip

    def then(self, other: Stretch) -> Stretch:
        """Return both, one after the other."""
        mine, its = self.atrial, other.atrial
        return Stretch(
            p=np.concatenate([self.p, other.p], axis=2),
            atrial=None if mine is None or its is None else np.concatenate([mine, its]),
            y=np.concatenate([self.y, other.y], axis=1),
            there=np.concatenate([self.there, other.there], axis=1),
        )

    def part(self, start: int, stop: int | None = None) -> Stretch:
        """Return the samples [start, stop)."""
        at = slice(start, stop)
        return Stretch(
            p=self.p[:, :, at].copy(),
            atrial=None if self.atrial is None else self.atrial[at].copy(),
            y=self.y[:, at].copy(), there=self.there[:, at].copy(),
        )  # fmt: skip


# Returns waves with their boundaries moved, given mV (lead, time) from a grid sample on.
Mover = Callable[[Sequence[Found], Floats, int], list[Found]]


class Decoder:
    """Decides the waves of all leads, stretch by stretch.

    Parameters
    ----------
    leads : how many.
    hold : grid samples that must be known after a wave before it is decided.
    second : moves the boundaries of what was found, given mV from a grid sample on.
    """

    def __init__(self, leads: int, hold: int, second: Mover | None = None) -> None:
        self._hold, self._second = hold, second
        # Before the recording there is no signal: what begins with it was cut.
        self._known = Stretch.missing(leads, KEPT, several=leads > 1)
        self._origin = -KEPT
        self._done = [0] * leads  # all before that grid sample is decided
        self._has_t = [False] * leads  # since the last QRS
        self._too_long = [False] * leads  # the run at `_done` is no wave
        self._last: list[Run | None] = [None] * leads  # the last wave that was decided
        # Heights of the last P waves that led to a QRS, mV.
        self._heights: list[deque[float]] = [deque(maxlen=_REMEMBERED) for _ in range(leads)]

    def push(self, stretch: Stretch, *, last: bool = False) -> list[Found]:
        """Take the next samples; return the waves that are final by now, all with the `last`."""
        self._known = self._known.then(stretch)
        have = self._origin + self._known.y.shape[1]
        if last:
            end = Stretch.missing(len(self._done), EDGE, several=self._known.atrial is not None)
            self._known = self._known.then(end)
        labels = self._known.p.argmax(axis=1)
        labels[~self._known.there] = GAP
        until = have if last else max(0, have - self._hold)
        found = [w for lead, row in enumerate(labels) for w in self._lead(lead, row, until, have)]
        if self._second is not None:
            first = max(0, -self._origin)  # before and after the recording there is nothing to see
            y = self._known.y[:, first : have - self._origin]
            found = self._second(found, y, self._origin + first)
        start = min(self._done) - KEPT - self._origin
        self._known = self._known.part(start)
        self._origin += start
        return found

    def _lead(self, lead: int, row: Ints, until: int, have: int) -> list[Found]:
        """Return the waves of one lead that end by `until`, and move its place on."""
        done = self._done[lead]
        runs = self._runs(row, done, have)
        if self._too_long[lead] and runs and runs[0].start == done:
            if runs[0].stop > until:
                self._done[lead] = until
                return []
            runs = runs[1:]
        self._too_long[lead] = False
        place = until
        for run in runs:
            if run.start < until < run.stop and run.kind != GAP:
                self._too_long[lead] = run.stop - run.start > _MOST
                place = until if self._too_long[lead] else run.start
        final = []
        runs = self._sized(runs)
        beats = np.array([r.start for r in runs if r.kind == QRS], np.int64)
        every = ordered(runs, self._known.p[lead], self._origin, has_t=self._has_t[lead])
        for k, run in enumerate(every):
            if run.start >= place:
                break
            self._has_t[lead] = run.kind == T or (self._has_t[lead] and run.kind == P)
            if run.kind == GAP or (run.kind == P and not self._is_p(lead, run, beats)):
                continue
            follows = every[k + 1] if k + 1 < len(every) else None
            final.append(self._found(lead, row, run, _room(self._last[lead], run, follows)))
            self._last[lead] = run
        self._done[lead] = place
        return final

    def _runs(self, row: Ints, start: int, stop: int) -> list[Run]:
        """Return the joined runs of [start, stop), short ones left out."""
        part = row[start - self._origin : stop - self._origin]
        framed = np.zeros(len(part) + 2, part.dtype)
        framed[1:-1] = part
        edges = np.flatnonzero(framed[1:] != framed[:-1])
        runs = [
            Run(kind, start + a, start + b)
            for kind, a, b in zip(
                part[edges[:-1]].tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
            )
            if kind
        ]
        runs = _joined(runs)
        # What runs on may yet become long enough.
        return _joined([r for r in runs if r.stop - r.start >= _LEAST[r.kind] or r.stop == stop])

    def _sized(self, runs: list[Run]) -> list[Run]:
        """Return the runs that can be waves, a P only where the leads agree on it."""
        atrial = self._known.atrial
        return [
            r for r in runs
            if r.kind == GAP or (
                _LEAST[r.kind] <= r.stop - r.start <= _MOST
                and (r.kind != P or atrial is None or atrial[self._at(r)].mean() > 0.5)
            )
        ]  # fmt: skip

    def _is_p(self, lead: int, run: Run, beats: Ints) -> bool:
        """Return whether a P is none of noise; remember its height if it leads to a QRS.

        `beats` are the grid samples at which the QRS of that lead begin, ascending.
        """
        height = float(away(self._known.y[lead, self._at(run)]).max())
        heights = self._heights[lead]
        k = int(np.searchsorted(beats, run.start))
        if k < len(beats) and beats[k] - run.start <= _LEADS_TO:
            heights.append(height)
            return True
        return not heights or height >= _AS_HIGH * float(np.median(heights))

    def _at(self, run: Run) -> slice:
        return slice(run.start - self._origin, run.stop - self._origin)

    def _found(self, lead: int, row: Ints, run: Run, room: tuple[float, float]) -> Found:
        a, b = run.start - self._origin, run.stop - self._origin
        p = self._known.p[lead, run.kind]
        inside = min(EDGE, b - a)
        onset = float(_mean(p[a : a + inside]) * _mean(1 - p[a - EDGE : a]))
        offset = float(_mean(p[b - inside : b]) * _mean(1 - p[b : b + EDGE]))
        return Found(
            lead=lead, kind=run.kind, start=run.start, stop=run.stop,
            peak=run.start + extremum(self._known.y[lead, a:b]),
            cut=(GAP in row[a - _TOUCH : a].tolist(), GAP in row[b : b + _TOUCH].tolist()),
            confidence=(onset, offset), room=room,
        )  # fmt: skip


def _room(before: Run | None, run: Run, after: Run | None) -> tuple[float, float]:
    """Return how far the onset and the offset of a run may move, between its neighbours.

    Up to a QRS, which stays; half the way to another, which moves as well.
    """
    left = (run.start - before.stop, before.kind) if before else (_MOST, QRS)
    right = (after.start - run.stop, after.kind) if after else (_MOST, QRS)
    a, b = (gap if kind == QRS else gap / 2 for gap, kind in (left, right))
    return float(a), float(b)


def _joined(runs: list[Run]) -> list[Run]:
    """Return the runs with neighbours of one kind that stand close made one."""
    out: list[Run] = []
    for run in runs:
        if out and out[-1].kind == run.kind and run.start - out[-1].stop <= _JOIN[run.kind]:
            run = Run(run.kind, out.pop().start, run.stop)
        out.append(run)
    return out


def ordered(runs: list[Run], p: Floats, origin: int, *, has_t: bool) -> list[Run]:
    """Return those of one lead's runs that can follow each other in a heart.

    Between two QRS stands one T, the one of the largest mass, and no P before it. A second P is
    let stand: it may be one that was not conducted. Where signal is missing, a QRS may be.

    Parameters
    ----------
    p : (4, time) probabilities from grid sample `origin` on.
    has_t : whether the T since the last QRS came before these runs.
    """
    out: list[Run] = []
    cycle: list[Run] = []

    def close() -> None:
        nonlocal cycle
        ts = [] if has_t else [r for r in cycle if r.kind == T]
        if ts:
            best = max(ts, key=lambda r: float(p[T, r.start - origin : r.stop - origin].sum()))
            cycle = [r for r in cycle if r is best or (r.kind == P and r.start > best.start)]
        else:
            cycle = [r for r in cycle if r.kind == P]
        out.extend(cycle)
        cycle = []

    for run in runs:
        if run.kind in (P, T):
            cycle.append(run)
            continue
        close()
        has_t = False
        out.append(run)
    close()
    return out


def _mean(x: Floats) -> np.float32:
    """Return the mean of a few numbers; numpy's own takes five times as long to begin."""
    total: np.float32 = np.add.reduce(x) / np.float32(len(x))
    return total


def away(y: Floats) -> Floats:
    """Return (time,) how far `y` (time,) is from the line between its ends."""
    last = len(y) - 1
    line = _COUNT[: last + 1] * ((y[-1] - y[0]) / np.float32(max(last, 1))) + y[0]
    line[-1] = y[-1]
    out: Floats = np.abs(y - line)
    return out


def extremum(y: Floats) -> float:
    """Return where `y` (time,) mV is farthest from the line between its ends, between samples."""
    far = away(y)
    k = int(far.argmax())
    if not 0 < k < len(y) - 1:
        return float(k)
    left, middle, right = far[k - 1 : k + 2].tolist()
    bend = left - 2 * middle + right
    return k + (0.5 * (left - right) / bend if bend < 0 else 0.0)
