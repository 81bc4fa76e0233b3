"""Where P, PR, QRS, ST, T and TP stand in a window, as the shipped delineator sees them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.engine.engine import WAVE_SECONDS
from einthoven.explain._numbers import WAVES
from einthoven.record.attribution import Stretch
from einthoven.record.source import Source
from einthoven.signal.waves import Waves, WaveStream, shipped

Labels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Span = tuple[float, float]

SEGMENTS = WAVES[:6]  # those that stand somewhere
_REST = SEGMENTS.index("TP")
# Seconds from R where a wave is taken to stand that the delineator does not see.
USUAL = {"P": (-0.26, -0.06), "QRS": (-0.06, 0.08), "T": (0.12, 0.42)}
_NEAR = 0.1  # seconds from R within which a QRS begins and ends
_EARLIEST = 0.4  # seconds before R that a P wave may begin
_HALF, _LATEST = 0.5, 0.75  # of an RR interval: where P begins earliest, and T is over
_AROUND = 4.0  # seconds after a stretch that the delineator is shown, too
_SLOWEST = 60.0  # Hz

# Boundaries of a beat: P onset and offset, QRS onset and offset, T onset and offset.
Bounds = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class Delineation:
    """The waves of a stretch, seconds from the begin of the record.

    Attributes
    ----------
    waves : for each lead and kind (wave, 2) onset and offset, in time order.
    """

    waves: dict[tuple[int, str], Floats]

    def of(self, lead: int, kind: str) -> Floats:
        """Return (wave, 2) of a lead."""
        return self.waves.get((lead, kind), np.zeros((0, 2)))


def delineated(source: Source, begin: float, end: float, peaks: Floats) -> Delineation:
    """Return the waves between two times of a recording, found as in review.

    The delineator works on blocks of ten seconds, so it is shown the block before, too.

    Parameters
    ----------
    begin, end : seconds.
    peaks : (beat,) seconds of the R peaks.
    """
    net = shipped("review")
    if net is None or source.rate < _SLOWEST or not source.samples:
        return Delineation({})
    block = WAVE_SECONDS["review"]
    first = round(max(0.0, math.floor(begin / block) - 1) * block * source.rate)
    last = min(source.samples, math.ceil((end + _AROUND) * source.rate))
    stream = WaveStream(source.rate, source.leads, block, net)
    at = np.rint(peaks * source.rate).astype(np.int64)
    at = at[(at >= first) & (at < last)] - first
    found = Waves.joined([*stream.push(source.read(first, last), at, last - first),
                          *stream.flush(at[:0])])  # fmt: skip
    found = found.where((found.onset >= 0) & (found.offset >= 0))
    edges = (np.stack([found.onset, found.offset], axis=1) + first) / source.rate
    return Delineation(
        {
            (lead, kind): edges[(found.lead == lead) & (found.kind == kind)]
            for lead in range(len(source.leads))
            for kind in USUAL
        }
    )


def bounds(r: float, before: float, after: float, found: Delineation, lead: int) -> Bounds:
    """Return where the waves of one beat stand in one lead, seconds, in rising order.

    A wave that was not found stands where it usually does; nothing reaches into the neighbours.

    Parameters
    ----------
    r, before, after : seconds of the R peak, of the one before it and of the one after it.
    """
    qrs = found.of(lead, "QRS")
    qrs = qrs[(qrs[:, 0] < r + _NEAR) & (qrs[:, 1] > r - _NEAR)]
    on, off = _nearest(qrs, r) or (r + USUAL["QRS"][0], r + USUAL["QRS"][1])
    earliest = max(r - _EARLIEST, before + _HALF * (r - before))
    p = found.of(lead, "P")
    p = p[(p.mean(axis=1) < on) & (p.mean(axis=1) > earliest)]
    t = found.of(lead, "T")
    ended = t[(t.mean(axis=1) > before) & (t.mean(axis=1) < on), 1].max(initial=earliest)
    p_on, p_off = p[-1] if len(p) else (max(r + USUAL["P"][0], ended), r + USUAL["P"][1])
    latest = r + _LATEST * (after - r)
    t = t[(t.mean(axis=1) > off) & (t.mean(axis=1) < latest)]
    t_on, t_off = t[0] if len(t) else (r + USUAL["T"][0], min(r + USUAL["T"][1], latest))
    p_on, p_off = min(p_on, on), min(p_off, on)
    t_on, t_off = max(t_on, off), max(t_off, off)
    a, b, c, d, e, f = np.maximum.accumulate([p_on, p_off, on, off, t_on, t_off]).tolist()
    return a, b, c, d, e, f


def _nearest(found: Floats, r: float) -> tuple[float, float] | None:
    if not len(found):
        return None
    a, b = found[int(np.abs(found.mean(axis=1) - r).argmin())]
    return float(a), float(b)


def neighbours(peaks: Floats, beat: int) -> tuple[float, float]:
    """Return seconds of the R peaks before and after one; a second away where there is none."""
    r = peaks[beat]
    before = peaks[beat - 1] if beat > 0 else r - 1.0
    after = peaks[beat + 1] if beat + 1 < len(peaks) else r + 1.0
    return float(before), float(after)


def labelled(beats: Sequence[Sequence[Bounds]], time: int, start: float, rate: float) -> Labels:
    """Return (lead, time) which of `SEGMENTS` each sample belongs to.

    What belongs to none of the beats is TP: what lies between T and P, and the waves of beats that
    are not asked about.

    Parameters
    ----------
    beats : for each lead the boundaries of its beats, in time order; a later one takes precedence.
    time, start, rate : samples of the window, seconds of its first one, and Hz.
    """
    labels = np.full((len(beats), time), _REST, np.int8)
    for row, found in zip(labels, beats, strict=True):
        for edges in found:
            at = np.clip(np.ceil((np.array(edges) - start) * rate - 1e-9), 0, time).astype(int)
            for k, (a, b) in enumerate(itertools.pairwise(at.tolist())):
                row[a:b] = k
    return labels


def stretches(labels: Labels, leads: Sequence[str], start: float, rate: float) -> list[Stretch]:
    """Return every run of samples of one segment, as it stands in the record; none of label -1."""
    found = []
    for row, lead in zip(labels, leads, strict=True):
        edges = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        for a, b in itertools.pairwise(edges):
            if b > a and row[a] >= 0:
                found.append(
                    Stretch(
                        name=SEGMENTS[row[a]], lead=lead, onset=start + a / rate,
                        offset=start + b / rate,
                    )
                )  # fmt: skip
    return found
