"""Heart rate variability: what the intervals between normal beats say, in time, frequency, shape.

Definitions: Task Force of the ESC and NASPE 1996 (10.1161/01.CIR.93.5.1043); SD1 and SD2: Brennan,
Palaniswami, Kamen 2001 (10.1109/10.959330); sample entropy: Richman, Moorman 2000
(10.1152/ajpheart.2000.278.6.H2039). Where a definition leaves a choice:

- NN intervals join two neighbouring sound beats that are both normal (N, L, R); so the intervals
  before and after an ectopic beat are left out, and no successive difference reaches across them.
  So are those in which a detector's beat is missing or too many (`nn_intervals`).
- pNN50 is a share of the successive differences (the Task Force's words divide by the intervals).
- The spectrum is Welch's over 256 s (Hann, half overlapping, line taken off) of the intervals
  interpolated at 4 Hz by a cubic spline: a straight line loses a third of the power at 0.25 Hz.
- Sample entropy: pattern of 2, tolerance 0.2 SDNN, over the longest unbroken run, 1,000 at most.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from einthoven.signal._value import Value, refused
from einthoven.signal.nn_intervals import Bool, Float, Intervals, nn_intervals

BANDS: Mapping[str, tuple[float, float]] = {
    "vlf": (0.003, 0.04), "lf": (0.04, 0.15), "hf": (0.15, 0.40),
}  # fmt: skip
KEYS = (
    "mean_nn_ms", "sdnn_ms", "rmssd_ms", "nn50", "pnn50", "sdann_ms", "triangular_index",
    "vlf_ms2", "lf_ms2", "hf_ms2", "lf_hf", "lf_nu", "sd1_ms", "sd2_ms", "sample_entropy",
)  # fmt: skip

_FEWEST = 30  # NN intervals below which nothing is said
_SHORTEST = 120.0  # seconds for a spectrum
_REPLACED = 0.10  # share of intervals that a spectrum may interpolate
_GAP = 5.0  # seconds without an NN interval over which no spline is drawn
_FREQUENCY = 4.0  # Hz of the interpolated intervals
_WELCH = 256.0  # seconds
_SEGMENT = 300.0  # seconds of one mean of SDANN
_BIN = 1000 / 128  # ms, of the triangular index
_STILL = 0.01  # ms²; less power than this is rounding, and has no shape
_LONGEST = 1000  # NN intervals of sample entropy, whose cost goes with their square


def hrv(
    peaks: npt.NDArray[np.int64],
    classes: npt.NDArray[np.str_],
    sound: Bool,
    rate: float,
    rhythm: str | None = None,
) -> dict[str, Value]:
    """Return every figure of `KEYS`, each with a reason where it is refused.

    Figures of time and shape need 30 NN intervals; SDANN two segments of 5 minutes; the triangular
    index 20 minutes; the spectrum 2 minutes with at most 10 % of the intervals replaced. In atrial
    fibrillation (`rhythm` "AF") no beat is paced by the sinus node, and nothing is given.

    Parameters are those of `nn_intervals`; `rhythm` is that of the whole record, if known.
    """
    if rhythm == "AF":
        return {key: refused("in atrial fibrillation no interval is a sinus interval")
                for key in KEYS}  # fmt: skip
    nn = nn_intervals(peaks, classes, sound, rate)
    count = len(nn.ms)
    if count < _FEWEST:
        reason = f"{count} intervals between normal beats; it takes {_FEWEST}"
        return {key: refused(reason, count) for key in KEYS}
    figures = {**time_domain(nn), **poincare(nn), "sample_entropy": _entropy(nn)}
    said = {key: Value(value=v, count=count) if np.isfinite(v) else None
            for key, v in figures.items()}  # fmt: skip
    spectrum, why = _spectrum(nn)
    said |= {
        key: Value(value=float(v), count=count) for key, v in spectrum.items() if np.isfinite(v)
    }
    seconds = float(nn.ends[-1] - nn.ends[0])
    if seconds < 4 * _SEGMENT:
        said["triangular_index"] = refused(f"{seconds / 60:.0f} minutes; it takes 20", count)
    reasons = dict.fromkeys(KEYS, "too few intervals follow each other, or they are all alike")
    reasons["sdann_ms"] = "fewer than two segments of 5 minutes hold normal beats"
    reasons |= dict.fromkeys(("vlf_ms2", "lf_ms2", "hf_ms2", "lf_hf", "lf_nu"), why)
    return {key: said.get(key) or refused(reasons[key], count) for key in KEYS}


def time_domain(nn: Intervals) -> dict[str, float]:
    """Return the figures of time; NaN where there are too few intervals for one."""
    step = _differences(nn)
    nan = float("nan")
    segment = (nn.ends // _SEGMENT).astype(np.int64)
    means = [float(nn.ms[segment == s].mean()) for s in np.unique(segment)]
    bins = np.unique(np.floor(nn.ms / _BIN), return_counts=True)[1]
    fifty = int(np.sum(np.abs(step) > 50))
    return {
        "mean_nn_ms": float(nn.ms.mean()) if len(nn.ms) else nan,
        "sdnn_ms": float(nn.ms.std(ddof=1)) if len(nn.ms) > 1 else nan,
        "rmssd_ms": float(np.sqrt(np.mean(step**2))) if len(step) else nan,
        "nn50": float(fifty) if len(step) else nan,
        "pnn50": fifty / len(step) if len(step) else nan,
        "sdann_ms": float(np.std(means, ddof=1)) if len(means) > 1 else nan,
        "triangular_index": len(nn.ms) / float(bins.max()) if len(bins) else nan,
    }


def poincare(nn: Intervals) -> dict[str, float]:
    """Return the half axes of the cloud of each interval against the next, ms."""
    step = _differences(nn)
    if len(step) < 2:
        return {"sd1_ms": float("nan"), "sd2_ms": float("nan")}
    across = 0.5 * float(step.var(ddof=1))
    along = 2 * float(nn.ms.var(ddof=1)) - across
    return {"sd1_ms": across**0.5, "sd2_ms": max(along, 0.0) ** 0.5}


def sample_entropy(series: Float, pattern: int = 2, tolerance: float = 0.2) -> float:
    """Return -ln of the share of like patterns that stay alike for one value more.

    Parameters
    ----------
    series : (value,).
    pattern : length of a pattern.
    tolerance : how far values that are alike may differ, in standard deviations (ddof 1).

    NaN where no pattern is like another, or none stays alike.
    """
    reach = tolerance * float(series.std(ddof=1)) if len(series) > 1 else 0.0
    short = long = 0
    ends = len(series) - pattern  # of patterns that have one value more
    for lag in range(1, ends):
        near = np.abs(series[lag:] - series[:-lag]) <= reach
        alike = np.ones(ends - lag, np.bool_)
        for k in range(pattern):
            alike &= near[k : k + ends - lag]
        short += int(alike.sum())
        long += int((alike & near[pattern : pattern + ends - lag]).sum())
    return float(np.log(short / long)) if long and short else float("nan")


def spectrum(ms: Float, ends: Float) -> tuple[Float, Float]:
    """Return frequencies (Hz) and power density (ms²/Hz) of one stretch of NN intervals.

    Parameters
    ----------
    ms : (interval,) lengths, four at least.
    ends : (interval,) seconds at which they end, ascending; where some are left out the spline
        runs through.
    """
    from scipy.interpolate import CubicSpline
    from scipy.signal import detrend, welch

    grid = np.arange(ends[0], ends[-1], 1 / _FREQUENCY)
    even = CubicSpline(ends, ms)(grid)
    size = min(len(even), round(_WELCH * _FREQUENCY))
    at, power = welch(even, _FREQUENCY, window="hann", nperseg=size, detrend=detrend)
    return np.asarray(at, np.float64), np.asarray(power, np.float64)


def bands(at: Float, power: Float) -> dict[str, float]:
    """Return the power (ms²) in each band, LF/HF, and LF in normal units (percent of LF + HF)."""
    width = float(at[1] - at[0])
    out = {f"{name}_ms2": float(power[(at >= low) & (at < high)].sum() * width)
           for name, (low, high) in BANDS.items()}  # fmt: skip
    return out | _balance(out)


def _balance(power: Mapping[str, float]) -> dict[str, float]:
    """Return LF against HF, as a ratio and as a percentage of both."""
    low, high = power["lf_ms2"], power["hf_ms2"]
    return {
        "lf_hf": low / high if high > _STILL else float("nan"),
        "lf_nu": 100 * low / (low + high) if low + high > _STILL else float("nan"),
    }


def _differences(nn: Intervals) -> Float:
    """Return the differences of intervals that follow each other, ms."""
    return (nn.ms[1:] - nn.ms[:-1])[nn.follows[1:]]


def _entropy(nn: Intervals) -> float:
    starts = np.flatnonzero(~nn.follows)
    lengths = np.diff(np.append(starts, len(nn.ms)))
    k = int(lengths.argmax())
    run = nn.ms[starts[k] : starts[k] + lengths[k]]
    return sample_entropy(run[:_LONGEST]) if len(run) >= _FEWEST else float("nan")


def _spectrum(nn: Intervals) -> tuple[dict[str, float], str]:
    """Return the bands over all stretches without a gap, weighted by length; and why any lacks.

    A gap of seconds is no place for a spline, so each stretch is transformed on its own.
    """
    if nn.replaced > _REPLACED:
        return {}, f"{100 * nn.replaced:.0f} % of the intervals are not between normal beats"
    breaks = np.flatnonzero(np.diff(nn.ends) > _GAP) + 1
    total: dict[str, float] = {}
    weight = 0.0
    for ms, ends in zip(np.split(nn.ms, breaks), np.split(nn.ends, breaks), strict=True):
        seconds = float(ends[-1] - ends[0]) + ms[0] / 1000
        if seconds >= _SHORTEST:
            for key, value in bands(*spectrum(ms, ends)).items():
                total[key] = total.get(key, 0.0) + value * seconds
            weight += seconds
    if not weight:
        return {}, "no unbroken stretch of 2 minutes"
    mean = {key: total[key] / weight for key in ("vlf_ms2", "lf_ms2", "hf_ms2")}
    return mean | _balance(mean), "the intervals do not vary"
