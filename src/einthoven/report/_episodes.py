"""Abnormal runs among the beats: runs, couplets, bigeminy, trigeminy, single ectopics, pauses.

Definitions as in Holter reporting: a run is three or more ectopic beats in a row, a couplet two;
bigeminy is every second beat ectopic and trigeminy every third, three times or more; a pause is an
RR interval over two seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from einthoven.engine.findings import Findings
from einthoven.report._classes import ECTOPIC
from einthoven.report._intervals import Intervals

PAUSE_SECONDS = 2.0
_REPEATS = 3
# The order in which a reader wants them.
KINDS = ("run", "couplet", "bigeminy", "trigeminy", "single", "pause")
_ADJECTIVES = {
    "V": "ventricular", "S": "supraventricular", "A": "atrial", "F": "fusion",
}  # fmt: skip
_SINGLES = {
    "V": "Single ventricular ectopic beat", "S": "Single supraventricular ectopic beat",
    "A": "Single atrial premature beat", "F": "Single fusion beat",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One abnormal run.

    Attributes
    ----------
    kind : one of `KINDS`.
    label : class of its ectopic beats; empty for a pause.
    first, last : indices of its first and last beat.
    ectopic, uncertain : how many ectopic beats it has, and how many of those are uncertain.
    """

    kind: str
    label: str
    first: int
    last: int
    ectopic: int
    uncertain: int

    @property
    def name(self) -> str:
        """The kind in words, e.g. ``Ventricular couplet``."""
        return name_of(self.kind, self.label)


def name_of(kind: str, label: str) -> str:
    """Return a kind of episode in words."""
    if kind == "pause":
        return f"RR interval over {PAUSE_SECONDS:g} s"
    if kind == "single":
        return _SINGLES[label]
    return f"{_ADJECTIVES[label]} {kind}".capitalize()


def episodes(findings: Findings, rr: Intervals) -> tuple[Episode, ...]:
    """Return every abnormal run, in the order of `KINDS`, within a kind in time order."""
    found: list[Episode] = []
    for label in ECTOPIC:
        found += _of_class(findings, rr, label)
    for k in np.flatnonzero(rr.joined & (rr.seconds > PAUSE_SECONDS)).tolist():
        found.append(
            Episode(kind="pause", label="", first=k, last=k + 1, ectopic=0, uncertain=0)
        )  # fmt: skip
    order = {(k, c): (i, j) for i, k in enumerate(KINDS) for j, c in enumerate((*ECTOPIC, ""))}
    return tuple(sorted(found, key=lambda e: (*order[e.kind, e.label], e.first)))


def _of_class(findings: Findings, rr: Intervals, label: str) -> list[Episode]:
    beats = findings.marks
    mine = np.asarray(beats.classes == label)
    at = np.flatnonzero(mine)
    if not at.size:
        return []
    doubt = np.concatenate(([0], np.cumsum(beats.uncertain & mine)))
    ectopic = np.isin(beats.classes, ECTOPIC)
    # Number of gaps in the signal before each beat: equal numbers, nothing missing between.
    gaps = np.concatenate(([0], np.cumsum(~rr.joined)))
    new = np.concatenate(([True], (np.diff(at) > 1) | (np.diff(gaps[at]) > 0)))
    firsts = at[new]
    lengths = np.diff(np.append(np.flatnonzero(new), at.size))

    def episode(kind: str, first: int, last: int, count: int) -> Episode:
        return Episode(
            kind=kind, label=label, first=first, last=last, ectopic=count,
            uncertain=int(doubt[last + 1] - doubt[first]),
        )  # fmt: skip

    found, singles = [], []
    for first, length in zip(firsts.tolist(), lengths.tolist(), strict=True):
        if length == 1:
            singles.append(first)
        else:
            kind = "couplet" if length == 2 else "run"
            found.append(episode(kind, first, first + length - 1, length))
    k = 0
    while k < len(singles):
        chain = _chain(singles, k, gaps, ectopic)
        step = singles[k + 1] - singles[k] if chain > 1 else 0
        if chain >= _REPEATS:
            kind = "bigeminy" if step == 2 else "trigeminy"
            found.append(episode(kind, singles[k], singles[k + chain - 1], chain))
            k += chain
        else:
            found.append(episode("single", singles[k], singles[k], 1))
            k += 1
    return found


def _chain(singles: list[int], k: int, gaps: np.ndarray, ectopic: np.ndarray) -> int:
    """Return how many single ectopics from the k-th on follow each other at one step of 2 or 3."""
    if k + 1 >= len(singles):
        return 1
    step = singles[k + 1] - singles[k]
    if step not in (2, 3):
        return 1
    end = k
    while (
        end + 1 < len(singles)
        and singles[end + 1] - singles[end] == step
        and gaps[singles[end + 1]] == gaps[singles[end]]
        and not ectopic[singles[end] + 1 : singles[end + 1]].any()
    ):
        end += 1
    return end - k + 1
