"""What the intervals between the beats of a span say of its rhythm.

Lengths are in seconds or in parts of the span's median interval. Coefficient of sample entropy:
Lake, Moorman 2011 (10.1152/ajpheart.00561.2010); occupied cells of the plane of successive
differences: Sarkar, Ritscher, Mehra 2008 (10.1109/TBME.2007.903707); turning points: Dash et al.
2009 (10.1007/s10439-009-9740-z). Nothing here counts beats: only shares and means of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._short_series import deviation, mean, median, medians, quantiles

Float = npt.NDArray[np.float64]
Numbers = dict[str, float]

FEWEST = 5  # beats

_RUN = 9  # intervals whose median each is held against
_NEAR = (0.80, 1.25)  # parts of that median between which an interval is a usual one
_CELL = 0.025  # seconds, side of a cell of the plane of differences
_WINDOW = 6  # intervals of a short window
_MATCH = 0.03  # seconds within which intervals are alike for the coefficient of sample entropy
_QUANTILES = (0.05, 0.10, 0.25, 0.75, 0.90, 0.95)
_STEPS = (0.10, 0.25, 0.50, 0.75, 0.90)
_BINS = np.arange(0.5, 1.8, 0.1)  # edges of the histogram, in parts of the median
_HISTOGRAM = np.arange(0.2, 2.5, 0.05)  # seconds


def intervals(seconds: Float) -> Numbers:
    """Return the numbers of the intervals between beats.

    Parameters
    ----------
    seconds : (beat,) when each beat is, ascending, `FEWEST` or more.
    """
    rr = np.diff(seconds)
    middle = median(rr)
    usual = _usual(rr)
    out = {"rr_median": middle, "rr_usual": mean(usual)}
    clean = rr[usual] if usual.sum() >= 4 else rr
    out |= _spread("rr", rr, middle) | _spread("clean", clean, median(clean))
    out |= _order(rr, middle) | _plane(rr) | _premature(rr, middle) | _short(rr)
    share = _histogram(rr / middle, _BINS) / len(rr)
    out |= {f"rr_bin_{k}": float(v) for k, v in enumerate(share)}
    out["rr_histogram_entropy"] = _entropy(_histogram(rr, _HISTOGRAM))
    return out


def _usual(rr: Float) -> npt.NDArray[np.bool_]:
    """Return which intervals lie near the median of those around them."""
    half = min(_RUN, len(rr) - 1 + len(rr) % 2) // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rr, half, "reflect"), 2 * half + 1)
    part = rr / medians(around.T)
    found: npt.NDArray[np.bool_] = (part > _NEAR[0]) & (part < _NEAR[1])
    return found


def _histogram(values: Float, edges: Float) -> npt.NDArray[np.int64]:
    """Return (bin,) counts as `numpy.histogram` gives them: the last bin holds its upper edge."""
    ordered = np.sort(values)
    place = ordered.searchsorted(edges)
    place[-1] = ordered.searchsorted(edges[-1], "right")
    return np.diff(place)


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    share = counts[counts > 0] / max(1, counts.sum())
    return float(-(share * np.log(share)).sum())


def _spread(name: str, rr: Float, middle: float) -> Numbers:
    """Return how far intervals and their successive differences spread."""
    part = rr / middle
    centre, width = mean(part), deviation(part)
    centred = (part - centre) / max(width, 1e-6)
    step = np.diff(rr)
    size = np.abs(step)
    across = deviation(step) / 2**0.5
    along = max(2 * float(rr.var()) - across**2, 0.0) ** 0.5
    out = {
        "mean": centre, "cv": width, "skew": mean(centred**3),
        "kurtosis": mean(centred**4), "least": float(part.min()), "most": float(part.max()),
        "mad": median(np.abs(part - 1)), "rmssd": float(np.sqrt(mean(step**2))) / middle,
        "sd1": across / middle, "sd2": along / middle, "sd1_sd2": across / max(along, 1e-3),
    }  # fmt: skip
    out |= {f"q{round(100 * q):02d}": v
            for q, v in zip(_QUANTILES, quantiles(part, _QUANTILES), strict=True)}  # fmt: skip
    out |= {f"step_q{round(100 * q):02d}": v
            for q, v in zip(_STEPS, quantiles(size / middle, _STEPS), strict=True)}  # fmt: skip
    out |= {f"pnn{ms}": mean(size > ms / 1000) for ms in (10, 20, 50, 100)}
    return {f"{name}_{key}": value for key, value in out.items()}


def _order(rr: Float, middle: float) -> Numbers:
    """Return what the order of the intervals says: how far the last ones foretell the next."""
    x = rr - rr.mean()
    power = max(mean(x * x), 1e-9)
    out = {f"rr_lag{k}": mean(x[k:] * x[:-k]) / power for k in (1, 2, 3)}
    capped = np.clip(rr / middle, 0.6, 1.6)
    c = capped - capped.mean()
    power = max(mean(c * c), 1e-6)
    out |= {f"capped_lag{k}": mean(c[k:] * c[:-k]) / power for k in (1, 2, 3)}
    apart = np.abs(rr[:, None] - rr[None, :])
    out["cosen"] = _sample_entropy(apart, 1, _MATCH) + float(
        -np.log(2 * _MATCH) - np.log(rr.mean())
    )
    out["entropy_2"] = _sample_entropy(apart, 2, 0.2 * float(rr.std()))
    inner = (rr[1:-1] - rr[:-2]) * (rr[1:-1] - rr[2:]) > 0
    out["turning"] = mean(inner)
    # Of intervals that keep to a few lengths (bigeminy, block) each has a near one elsewhere.
    away = apart / middle + np.where(np.eye(len(rr)) > 0, 9.0, 0.0)
    out["nearest"] = mean(np.minimum(away.min(axis=1), 1))
    return out


def _sample_entropy(apart: Float, pattern: int, reach: float) -> float:
    """Return the sample entropy of values (value, value) apart, at least one match assumed."""
    near = apart <= reach
    ends = len(near) - pattern
    alike = np.ones((ends, ends), np.bool_)
    for k in range(pattern):
        alike &= near[k : k + ends, k : k + ends]
    np.fill_diagonal(alike, False)
    longer = alike & near[pattern:, pattern:]
    return float(np.log(max(1, alike.sum()) / max(1, longer.sum())))


def _plane(rr: Float) -> Numbers:
    """Return how the pairs of successive differences lie: scattered, at the origin, in arms."""
    step = np.diff(rr)
    x, y = step[:-1], step[1:]
    cells = np.rint(np.stack([x, y]) / _CELL).astype(np.int64)
    inside = np.all(np.abs(cells) <= 24, axis=0)
    key = cells[0, inside] * 100 + cells[1, inside]
    n = len(x)
    origin = (np.abs(x) < 0.02) & (np.abs(y) < 0.02)
    far = (np.abs(x) >= 0.08) & (np.abs(y) >= 0.08)
    return {
        "plane_occupied": len(set(key.tolist())) / n, "plane_origin": mean(origin),
        "plane_far": mean(far), "plane_turned": mean(far & (x * y < 0)),
        "plane_same": mean(far & (x * y > 0)),
        "plane_outside": 1 - mean(inside),
        "plane_mean": mean(np.hypot(x, y)),
    }  # fmt: skip


def _premature(rr: Float, middle: float) -> Numbers:
    """Return the shares of early beats, with a pause behind them and without, and of long waits."""
    part = rr / middle
    before, after = part[:-1], part[1:]
    early = before < 0.85
    local = rr[1:-1] / np.maximum(np.minimum(rr[:-2], rr[2:]), 0.1)
    return {
        "early_pause": mean(early & (after > 1.08)),
        "early_plain": mean(early & (after <= 1.08)),
        "early_little": mean((before < 0.93) & (after > 1.04)),
        "early_twice": mean(early & (after < 0.85)),
        "late": mean(part > 1.25), "late_much": mean(part > 1.7),
        "compensated": mean(early & (np.abs(before + after - 2) < 0.1)),
        "local_early": mean(local < 0.88),
        "local_late": mean(local > 1.15),
        "local_least": float(local.min()), "local_most": float(local.max()),
    }  # fmt: skip


def _short(rr: Float) -> Numbers:
    """Return variation and rate of short windows: the calmest, the usual, the wildest."""
    size = min(_WINDOW, len(rr))
    window = np.lib.stride_tricks.sliding_window_view(rr, size)
    mean = window.mean(axis=1)
    cv = window.std(axis=1) / mean
    step = np.abs(np.diff(window, axis=1)).mean(axis=1) / mean
    beats = 60 / mean
    return {
        "short_cv_least": float(cv.min()), "short_cv": median(cv),
        "short_cv_most": float(cv.max()), "short_step_least": float(step.min()),
        "short_step": median(step), "short_step_most": float(step.max()),
        "rate_least": float(beats.min()), "rate_most": float(beats.max()),
        "rate_median": median(beats),
        "rate_range": float(np.log(beats.max() / beats.min())),
    }  # fmt: skip
