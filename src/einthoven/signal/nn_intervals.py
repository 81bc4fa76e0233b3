"""From beats to intervals between normal beats: what a detector got wrong, found and put right.

Two ways, for two uses. `nn_intervals` knows the class of each beat and leaves out whatever is no
interval between two normal ones: nothing is invented, so measures of variability are made from it.
`repaired` knows only when the beats were and gives a series without holes, as a network wants it.

`repaired` holds each interval against the median of the eleven around it (m). Where the rhythm is
steady, which is to say that the median distance of those eleven from m is at most a tenth of m (and
that there are five or more):

- a beat too many parts an interval of about m: one part below 0.6 m, both together within a fifth
  of m. It is taken out. (0.6 is the bound under which Yu et al., arXiv:2605.26190, correct an
  interval, there of the mean.)
- a missed beat joins two or three intervals: the whole is within 15 % of 2 m or 3 m, and the
  interval before it is not early, so that no pause behind a premature beat is meant. The beats are
  put in, evenly.
- an early beat (its interval below 0.85 m, the next one longer than that, both together 1.6 to 2.2
  m) is moved to the middle between its neighbours, if that is asked for.

Steady or not, of two beats less than 240 ms apart one is taken out, and no heart rate is told over
3 s without a beat or over 3.5 m of a steady rhythm: that is a gap.

Nothing else is touched. Atrial fibrillation is not steady, so its irregularity stays; nor are
bigeminy and strong breathing arrhythmia. First and last beat stay where they are, so the intervals
add up to what they did. What lengths alone cannot say is taken for what is commoner: a sinus pause
or a blocked beat of exactly two intervals for a missed beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

NORMAL = ("N", "L", "R")
KINDS = ("sound", "merged", "split", "moved", "gap")
SOUND, MERGED, SPLIT, MOVED, GAP = range(5)

_PLAUSIBLE = (300.0, 2500.0)  # ms; shorter or longer is a false or a missed beat
_AROUND = 11  # intervals of the running median
_STEADY = 0.10
_FEWEST = 5  # intervals that can be called steady
_REFRACTORY = 0.24  # seconds
_SHORT, _WHOLE = 0.6, 0.2
_MULTIPLE = 0.15
_EARLY, _PAIR = 0.85, (1.6, 2.2)
_SILENT, _LONG = 3.0, 3.5  # seconds; medians


@dataclass(frozen=True, kw_only=True, eq=False)
class Intervals:
    """NN intervals.

    Attributes
    ----------
    ms : (interval,) lengths.
    ends : (interval,) seconds at which each ends.
    follows : (interval,) whether each begins where the one before it ends; False for the first.
    replaced : share of all RR intervals, in 0..1, that are no NN interval.
    """

    ms: Float
    ends: Float
    follows: Bool
    replaced: float


def nn_intervals(peaks: Ints, classes: npt.NDArray[np.str_], sound: Bool, rate: float) -> Intervals:
    """Return the intervals between neighbouring normal beats.

    Left out, beside those at beats that are not normal or not sound: what is shorter than 300 ms or
    longer than 2.5 s, and, as `repaired` finds them, the parts of an interval with a beat too many
    and the whole of several with a beat missed.

    Parameters
    ----------
    peaks : (beat,) samples of the R peaks, ascending.
    classes : (beat,) AAMI or WFDB letters.
    sound : (beat,) whether each beat is certain and lies in good signal.
    rate : Hz.

    Raises
    ------
    UsageError : the arrays do not have one entry a beat.
    """
    if not len(peaks) == len(classes) == len(sound):
        raise UsageError(
            "hrv", f"{len(peaks)} peaks, {len(classes)} classes, {len(sound)} marks of soundness",
            "Give one of each a beat",
        )  # fmt: skip
    ms = np.diff(peaks) / rate * 1000
    normal = np.isin(classes, NORMAL) & sound
    keep = normal[1:] & normal[:-1] & (ms >= _PLAUSIBLE[0]) & (ms <= _PLAUSIBLE[1])
    keep &= ~_faulty(ms / 1000)
    follows = np.concatenate(([False], keep[:-1]))[keep] if len(keep) else np.zeros(0, np.bool_)
    share = 1 - float(keep.mean()) if len(keep) else 0.0
    return Intervals(ms=ms[keep], ends=peaks[1:][keep] / rate, follows=follows, replaced=share)


@dataclass(frozen=True, kw_only=True, eq=False)
class Repaired:
    """Beats put right.

    Attributes
    ----------
    seconds : (beat,) when each is.
    kind : (beat - 1,) index into `KINDS`: what the interval behind each beat is made of.
    removed, inserted, moved : how many beats were.
    """

    seconds: Float
    kind: npt.NDArray[np.int8]
    removed: int
    inserted: int
    moved: int

    @property
    def ms(self) -> Float:
        """(interval,) lengths."""
        return np.diff(self.seconds) * 1000

    def series(self, start: float, count: int, rate: float) -> tuple[Float, Bool]:
        """Return the interval (ms) at even times, and at which of them it is known.

        Between the ends of intervals a straight line is drawn: a spline overshoots where the
        rhythm is irregular. (Powers of a spectrum want the spline; see `hrv.spectrum`.) Within a
        gap, before the first interval and behind the last nothing is known, and the line goes on.

        Parameters
        ----------
        start : seconds of the first time.
        count, rate : how many, Hz.

        Raises
        ------
        UsageError : there is no interval but gaps.
        """
        told = self.kind != GAP
        if not told.any():
            raise UsageError("intervals", "there are none", "Give two beats or more")
        ends = self.seconds[1:]
        at = start + np.arange(count) / rate
        value = np.interp(at, ends[told], self.ms[told])
        inside = np.searchsorted(ends, at)  # the interval that each time lies in
        known = (at >= self.seconds[0]) & (inside < len(ends))
        known &= told[np.minimum(inside, len(ends) - 1)]
        return np.asarray(value, np.float64), np.asarray(known, np.bool_)


def repaired(seconds: Float, *, ectopic: bool = False) -> Repaired:
    """Return beats without those too many and with those missed; see above.

    Parameters
    ----------
    seconds : (beat,) when each beat is, strictly ascending.
    ectopic : move early beats, too.

    Raises
    ------
    UsageError : the beats are not in order.
    """
    at = np.asarray(seconds, np.float64)
    if at.ndim != 1 or (np.diff(at) <= 0).any() or not np.isfinite(at).all():
        raise UsageError("beats", "are not in strictly ascending order", "Sort them")
    kind = np.zeros(max(0, len(at) - 1), np.int8)
    before = len(at)
    while (surplus := _surplus(np.diff(at))).any():
        out = np.flatnonzero(surplus)  # no two are neighbours
        kind[out - 1] = MERGED
        kind, at = np.delete(kind, out), np.delete(at, out)
    removed = before - len(at)
    parts = _parts(np.diff(at))
    at, kind = _inserted(at, kind, parts)
    moved = 0
    if ectopic:
        early = _early(np.diff(at))
        moved = len(early)
        at[early] = (at[early - 1] + at[early + 1]) / 2
        kind[early - 1] = kind[early] = MOVED
    rr = np.diff(at)
    middle, steady = _middle(rr)
    kind[(rr > _SILENT) | (steady & (rr > _LONG * middle))] = GAP
    return Repaired(
        seconds=at, kind=kind, removed=removed, inserted=int((parts - 1).sum()), moved=moved
    )


def _middle(rr: Float) -> tuple[Float, Bool]:
    """Return the running median of intervals, and whether the rhythm around each is steady."""
    if not len(rr):
        return rr, np.zeros(0, np.bool_)
    half = min(_AROUND // 2, len(rr) - 1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rr, half, "reflect"), 2 * half + 1)
    middle = np.median(around, axis=1)
    apart = np.median(np.abs(around - middle[:, None]), axis=1)
    return middle, (apart <= _STEADY * middle) & (len(rr) >= _FEWEST)


def _surplus(rr: Float) -> Bool:
    """Return which beats (interval + 1,) are to be taken out; no two neighbours, never the ends."""
    found = np.zeros(len(rr) + 1, np.bool_)
    if len(rr) < 2:
        return found
    middle, steady = _middle(rr)
    # The medians of the two intervals of a beat differ little; the larger is nearer to a whole one.
    m = np.maximum(middle[:-1], middle[1:])
    both, least = rr[:-1] + rr[1:], np.minimum(rr[:-1], rr[1:])
    off = np.abs(both / m - 1)
    parted = steady[:-1] & steady[1:] & (least < _SHORT * m) & (off <= _WHOLE)
    candidate = parted | (least < _REFRACTORY)
    order = np.argsort(np.where(candidate, off, np.inf), kind="stable")[: int(candidate.sum())]
    for k in order.tolist():  # the best fit first, and then nothing beside it
        if not found[k : k + 3].any():
            found[k + 1] = True
    return found


def _parts(rr: Float) -> Ints:
    """Return of how many intervals each consists: 1, or more where beats were missed."""
    parts = np.ones(len(rr), np.int64)
    if len(rr) < 2:
        return parts
    middle, steady = _middle(rr)
    many = np.rint(rr / middle).astype(np.int64)
    several = (many >= 2) & (many <= 3)
    fits = np.abs(rr / (np.maximum(many, 1) * middle) - 1) <= _MULTIPLE
    late = np.concatenate(([False], rr[:-1] < _EARLY * middle[1:]))
    missed = steady & several & fits & ~late
    parts[missed] = many[missed]
    return parts


def _inserted(
    at: Float, kind: npt.NDArray[np.int8], parts: Ints
) -> tuple[Float, npt.NDArray[np.int8]]:
    """Return beats and kinds with each interval divided evenly into its parts."""
    if not len(parts):
        return at.copy(), kind
    steps = np.repeat(np.diff(at) / parts, parts)
    within = np.arange(len(steps)) - np.repeat(np.cumsum(parts) - parts, parts)
    new = np.repeat(at[:-1], parts) + within * steps
    label = np.where(parts > 1, SPLIT, kind).astype(np.int8)
    return np.append(new, at[-1]), np.repeat(label, parts)


def _early(rr: Float) -> Ints:
    """Return the early beats of a steady rhythm, no two of them neighbours."""
    if len(rr) < 2:
        return np.zeros(0, np.int64)
    middle, steady = _middle(rr)
    m = (middle[:-1] + middle[1:]) / 2
    both = (rr[:-1] + rr[1:]) / m
    early = steady[:-1] & steady[1:] & (rr[:-1] < _EARLY * m) & (rr[1:] > rr[:-1])
    early &= (both >= _PAIR[0]) & (both <= _PAIR[1])
    beats = np.flatnonzero(early) + 1
    alone = np.diff(beats, prepend=-2) > 1
    return np.asarray(beats[alone], np.int64)


def _faulty(rr: Float) -> Bool:
    """Return which intervals are parts of one with a beat too many, or whole of missed beats."""
    surplus = _surplus(rr)
    found: Bool = surplus[1:] | surplus[:-1] | (_parts(rr) > 1)
    return found if len(rr) else np.zeros(0, np.bool_)
