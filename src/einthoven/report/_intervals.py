"""RR intervals that can be trusted, and what follows from them along the recording."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.engine.findings import Findings
from einthoven.report._classes import ECTOPIC

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SHORT = 120.0  # seconds below which the rate is given for every interval
_PLAUSIBLE = (0.2, 6.0)  # seconds; what lies outside is a missed or a false beat, or no pulse


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """The RR intervals, one for each beat but the first.

    Attributes
    ----------
    seconds : (beat - 1,) from a beat to the next.
    joined : (beat - 1,) whether nothing but good signal lies between, and the length is plausible.
    normal : (beat - 1,) joined, and neither beat ectopic or unclassifiable.
    """

    seconds: Floats
    joined: Bools
    normal: Bools


def intervals(findings: Findings) -> Intervals:
    """Return the RR intervals of the beats found."""
    beats = findings.marks
    seconds = np.diff(beats.samples) / findings.rate
    joined = (seconds >= _PLAUSIBLE[0]) & (seconds <= _PLAUSIBLE[1])
    starts, ends = bad_spans(findings)
    if len(starts) and len(seconds):
        # A span touches the interval [a, b] if it begins before b and ends after a.
        begun = np.searchsorted(starts, beats.samples[1:], side="left")
        over = np.searchsorted(ends, beats.samples[:-1], side="right")
        joined &= begun == over
    plain = ~np.isin(beats.classes, [*ECTOPIC, "Q"])
    return Intervals(seconds=seconds, joined=joined, normal=joined & plain[1:] & plain[:-1])


def bad_spans(findings: Findings) -> tuple[Ints, Ints]:
    """Return starts and ends, in samples, of what was too noisy to judge, neighbours merged."""
    quality = findings.quality
    starts, ends = quality.starts[~quality.good], quality.ends[~quality.good]
    if not len(starts):
        return starts, ends
    new = np.concatenate(([True], starts[1:] > ends[:-1]))
    last = np.concatenate((new[1:], [True]))
    return starts[new], ends[last]


def in_noise(findings: Findings, samples: Ints) -> Bools:
    """Return (sample,) whether each lies in what was too noisy to judge."""
    starts, ends = bad_spans(findings)
    if not len(starts):
        return np.zeros(len(samples), np.bool_)
    span = np.searchsorted(starts, samples, side="right") - 1
    return np.asarray((span >= 0) & (samples < ends[np.maximum(span, 0)]))


def good_share(findings: Findings) -> float | None:
    """Return the share of the recording that could be judged; None if nothing was looked at."""
    quality = findings.quality
    length = quality.ends - quality.starts
    total = int(length.sum())
    return float(length[quality.good].sum() / total) if total else None


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Heart rate along the recording, in bins of equal length.

    Attributes
    ----------
    seconds : (bin,) middle of each bin.
    low, middle, high : (bin,) 10th, 50th and 90th percentile of the rate, a minute; NaN where
        fewer than two intervals can be trusted.
    """

    seconds: Floats
    low: Floats
    middle: Floats
    high: Floats


def trend(findings: Findings, rr: Intervals, bins: int = 360) -> Trend:
    """Return the heart rate in at most `bins` bins of 10 s or more; of each beat if it is short."""
    if findings.seconds < _SHORT:
        at = findings.marks.samples[1:] / findings.rate
        each = np.where(rr.joined, 60.0 / np.maximum(rr.seconds, 1e-3), np.nan)
        return Trend(seconds=at, low=each, middle=each, high=each)
    bins = int(np.clip(findings.seconds // 10, 1, bins))
    width = findings.seconds / bins
    middle_of_rr = (findings.marks.samples[1:] + findings.marks.samples[:-1]) / 2 / findings.rate
    rates = 60.0 / rr.seconds[rr.joined]
    where = np.clip(middle_of_rr[rr.joined] // width, 0, bins - 1).astype(np.int64)
    out = np.full((3, bins), np.nan)
    edges = np.searchsorted(where, np.arange(bins + 1))
    for k, (a, b) in enumerate(itertools.pairwise(edges)):
        if b - a >= 2:
            out[:, k] = np.percentile(rates[a:b], (10, 50, 90))
    middles = (np.arange(bins, dtype=np.float64) + 0.5) * width
    return Trend(seconds=middles, low=out[0], middle=out[1], high=out[2])
