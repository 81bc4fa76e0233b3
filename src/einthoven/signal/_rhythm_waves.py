"""What lies between the QRS complexes of a span: P waves, the waves of fibrillation, noise.

An atrium that beats shows the same P wave at the same place before each QRS; one that fibrillates
shows none, and a ripple of 4 to 10 Hz that goes on under the beats and keeps no step with them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.signal._rhythm_beats import BEFORE, RATE, Overlay, piece
from einthoven.signal._rhythm_intervals import Numbers
from einthoven.signal._short_series import deviation, mean, median, medians, quantiles

Float = npt.NDArray[np.float64]

_P = (-0.28, -0.05)  # seconds from R
_SHIFT = 8  # samples that a P wave may lie off its usual place
_TQ = (0.40, 0.08)  # seconds behind one R and before the next, between which only the atrium speaks
_BLOCK = 512  # samples of a spectrum
_LEAST_PAUSE, _SMOOTH = 30, 7  # samples
_SEGMENT = 4  # seconds of a segment that is judged by itself


def p_wave(over: Overlay) -> Numbers:
    """Return size, place and steadiness of what stands where a P wave would."""
    rows = over.beats[:, piece(_P)]
    time = np.linspace(0.0, 1.0, rows.shape[1])
    # The line from the end of the T wave to the beginning of the QRS complex is no P wave.
    ends = rows[:, :4].mean(axis=1, keepdims=True), rows[:, -4:].mean(axis=1, keepdims=True)
    rows = rows - ends[0] * (1 - time) - ends[1] * time
    usual = over.early > 0.9
    taken = rows[usual] if usual.sum() >= 4 else rows
    wave = medians(taken)
    rest = taken - wave
    noise = float(np.sqrt((rest * rest).mean()))
    power = float(np.sqrt((wave * wave).mean()))
    place = int(np.abs(wave).argmax())
    most, least = float(wave.max()), float(wave.min())
    unit = _unit(taken)
    n = len(unit)
    together = unit.sum(axis=0)
    pairs = (float(together @ together) - n) / max(1, n * (n - 1))
    following = (unit[1:] * unit[:-1]).sum(axis=1)
    own = _unit(wave[None])[0]
    fit = unit @ own
    inner = wave[None, _SHIFT:-_SHIFT]
    views = np.lib.stride_tricks.sliding_window_view(taken, inner.shape[1], axis=1)
    moved = _unit(np.ascontiguousarray(views)) @ _unit(inner)[0]
    best = moved.argmax(axis=1) - _SHIFT
    peaks = np.abs(taken).max(axis=1) / over.size
    slope = np.diff(wave)
    raw = over.median[piece(_P)]
    middle = over.median[piece((-0.22, -0.08))]
    early = over.early < 0.88
    fit_q = quantiles(fit, (0.1, 0.5))
    size_q = quantiles(peaks, (0.1, 0.5, 0.9))
    most_alike = moved.max(axis=1)
    height = np.abs(wave)
    half = height > 0.5 * height.max()
    return {
        "p_most": most / over.size, "p_least": least / over.size,
        "p_power": power / over.size,
        "p_noise": noise / over.size, "p_snr": power / max(noise, 1e-6),
        "p_place": (place + round((BEFORE + _P[0]) * RATE)) / RATE - BEFORE,
        "p_half": float(half.mean()), "p_pairs": pairs, "p_following": mean(following),
        "p_fit": mean(fit), "p_fit_q10": fit_q[0], "p_fit_q50": fit_q[1],
        "p_moved_fit": mean(most_alike), "p_moved_gain": mean(most_alike - moved[:, _SHIFT]),
        "p_moved_sd": float(best.std()), "p_still": mean(np.abs(best) <= 2),
        "p_size_q10": size_q[0], "p_size_q50": size_q[1], "p_size_q90": size_q[2],
        "p_turns": float((slope[1:] * slope[:-1] < 0).sum()),
        "p_range": float(np.ptp(middle)) / over.size, "p_raw_range": float(np.ptp(raw)) / over.size,
        "p_prominence": float(np.max(raw) - max(raw[0], raw[-1])) / over.size,
        "p_early_fit": float((_unit(rows[early]) @ own).mean()) if early.any() else 1.0,
        "p_positive": most / max(most - least, 1e-6),
    }  # fmt: skip


def _unit(rows: Float) -> Float:
    """Return (..., time) curves of mean 0 and length 1."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    found: Float = rows / np.maximum(np.sqrt((rows * rows).sum(axis=-1, keepdims=True)), 1e-9)
    return found


def atrium(lead: Float, over: Overlay) -> Numbers:
    """Return what is left when the usual beat is taken out of the lead, and what lies in the TQ."""
    rest = lead.copy()
    before, after = round(BEFORE * RATE), over.beats.shape[1] - round(BEFORE * RATE)
    power = float(over.median @ over.median)
    scale = np.clip(over.beats @ over.median / max(power, 1e-9), 0.5, 1.5)
    for at, size, room in zip(over.at.tolist(), scale.tolist(), _rooms(over.at), strict=True):
        a, b = max(at - before, room[0]), min(at + after, room[1])
        rest[a:b] -= size * over.median[a - at + before : b - at + before]
    # Where a QRS complex stood there is more left of it than the atrium ever makes.
    near = np.zeros(len(lead), np.bool_)
    width = round(0.07 * RATE)
    for at in over.at.tolist():
        near[max(0, at - width) : at + width] = True
    quiet = np.where(near, 0.0, rest)
    out = _spectrum("rest", quiet)
    share = max(float((~near).mean()), 0.05)
    out["rest_size"] = float(np.sqrt((quiet * quiet).mean() / share)) / over.size
    out["rest_beats"] = float(np.sqrt((rest * rest).mean() / max((lead * lead).mean(), 1e-9)))
    out["ripple"] = out["rest_size"] * out["rest_fibrillation"] ** 0.5
    out |= _lag("rest", quiet)
    return out | _pauses(lead, over)


def _pauses(lead: Float, over: Overlay) -> Numbers:
    """Return how much the lead moves between a T wave and the next P wave, and how often."""
    first, last = round(_TQ[0] * RATE), round(_TQ[1] * RATE)
    start, stop = over.at[:-1] + first, over.at[1:] - last
    fits = (stop - start >= _LEAST_PAUSE) & (stop - start <= 3 * RATE)
    start, stop = start[fits], stop[fits]
    if not len(start):
        return dict.fromkeys(("tq_range", "tq_turns", "tq_deviation", "tq_range_q10"), -1.0)
    length = stop - start
    edges = np.stack([start, stop], axis=1).ravel()
    size = np.maximum.reduceat(lead, edges)[::2] - np.minimum.reduceat(lead, edges)[::2]
    size = size / over.size
    # How often each piece, smoothed, turns up or down: turns are counted over the whole lead.
    slope = np.diff(np.convolve(lead, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid"))
    counted = np.concatenate([[0], np.cumsum(slope[1:] * slope[:-1] < 0)])
    turns = (counted[stop - _SMOOTH - 1] - counted[start]) / length * RATE
    spread = np.array([deviation(lead[a:b])
                       for a, b in zip(start.tolist(), stop.tolist(), strict=True)])  # fmt: skip
    return {
        "tq_range": median(size), "tq_turns": median(turns),
        "tq_deviation": median(spread / over.size), "tq_range_q10": quantiles(size, (0.1,))[0],
    }  # fmt: skip


def _rooms(at: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return from where to where each beat's own signal reaches: to the next beat's P wave."""
    cut = at[1:] - round(0.25 * RATE)
    cut = np.maximum(cut, (at[1:] + at[:-1]) // 2).tolist()
    return list(zip([0, *cut], [*cut, 10**9], strict=True))


def _blocks(x: Float) -> Float:
    """Return (frequency,) mean power of half-overlapping Hann windows of `_BLOCK` samples."""
    if len(x) < _BLOCK:
        x = np.pad(x, (0, _BLOCK - len(x)))
    view = np.lib.stride_tricks.sliding_window_view(x, _BLOCK)[:: _BLOCK // 2]
    power = np.abs(np.fft.rfft(view * _HANN, axis=1)) ** 2
    found: Float = power.mean(axis=0)
    return found


def _bins(low: float, high: float) -> slice:
    """Return the frequencies of `_blocks` from `low` to below `high` Hz."""
    first, past = np.searchsorted(_HERTZ, (low, high)).tolist()
    return slice(first, past)


_HANN = np.hanning(_BLOCK)
_HERTZ = np.arange(_BLOCK // 2 + 1) * RATE / _BLOCK
_WHOLE, _BAND = _bins(0.5, 45), _bins(3, 12)
_SHARES = {
    "slow": _bins(0.5, 2), "low": _bins(2, 4), "fibrillation": _bins(4, 10),
    "middle": _bins(10, 20), "fast": _bins(20, 45),
}  # fmt: skip


def _spectrum(name: str, x: Float) -> Numbers:
    """Return how the power of a piece of lead is spread over the frequencies."""
    power = _blocks(x)
    whole = max(float(power[_WHOLE].sum()), 1e-12)
    inside = power[_BAND] / max(float(power[_BAND].sum()), 1e-12)
    top = int(inside.argmax())
    peak = inside[max(0, top - 1) : top + 2].sum()
    return {
        f"{name}_{key}": float(power[part].sum()) / whole for key, part in _SHARES.items()
    } | {
        f"{name}_dominant": float(_HERTZ[_BAND][top]), f"{name}_peak": float(peak),
        f"{name}_entropy": float(-(inside * np.log(inside + 1e-12)).sum()),
        f"{name}_centre": float((_HERTZ * power).sum() / max(power.sum(), 1e-12)),
    }  # fmt: skip


@lru_cache(maxsize=4)
def _cosines(size: int) -> tuple[slice, Float]:
    """Return what frequencies of so long a transform lie in 2.5 to 15 Hz, and their lags' cosines.

    Only 0.42 s of the way back are wanted, so few that the whole inverse transform takes longer.
    """
    first, past = math.ceil(2.5 * size / RATE), math.floor(15 * size / RATE) + 1
    lags = np.arange(round(0.42 * RATE))
    return slice(first, past), np.cos(
        2 * np.pi / size * (np.arange(first, past)[:, None] * lags % size)
    )


def _lag(name: str, x: Float) -> Numbers:
    """Return the strongest repetition after 0.1 to 0.4 s: flutter repeats itself."""
    size = 1 << (2 * len(x) - 1).bit_length()
    waves, lags = _cosines(size)
    back = np.abs(np.fft.rfft(x, size)[waves]) ** 2 @ lags
    part = back[round(0.1 * RATE) :] / max(float(back[0]), 1e-12)
    least = float(back[: round(0.25 * RATE)].min() / max(float(back[0]), 1e-12))
    return {
        f"{name}_repeats": float(part.max()),
        f"{name}_after": float(part.argmax() / RATE + 0.1), f"{name}_swing": least,
    }  # fmt: skip


def noise(lead: Float, known: npt.NDArray[np.bool_], seconds: Float) -> Numbers:
    """Return what tells a lead of a heart from one of noise; needs no beats.

    Parameters
    ----------
    lead : (time,) mV at `RATE`.
    known : (time,) where it is known.
    seconds : (beat,) R peaks, maybe none.
    """
    size = max(1, len(lead) // (_SEGMENT * RATE))
    rows = lead[: len(lead) // size * size].reshape(size, -1)
    width = np.maximum(rows.std(axis=1, keepdims=True), 1e-6)
    square = ((rows - rows.mean(axis=1, keepdims=True)) / width) ** 2
    fourth = (square * square).mean(axis=1)
    spread = width[:, 0] / median(width[:, 0])
    step = np.abs(np.diff(rows, axis=1))
    rough = step.mean(axis=1) / width[:, 0]
    size_q = quantiles(np.abs(lead), (0.5, 0.9, 0.99))
    out = _spectrum("lead", lead)
    return out | _agreement(lead, seconds) | {
        "known": mean(known), "kurtosis_least": float(fourth.min()),
        "kurtosis_median": median(fourth), "kurtosis_most": float(fourth.max()),
        "spread_least": float(spread.min()), "spread_most": float(spread.max()),
        "rough_least": float(rough.min()), "rough_median": median(rough),
        "rough_most": float(rough.max()),
        "quiet_loud": size_q[0] / max(size_q[2], 1e-6),
        "middle_loud": size_q[1] / max(size_q[2], 1e-6),
        "still": float((step < 0.002 * size_q[2]).mean()),
    }  # fmt: skip


def _agreement(lead: Float, seconds: Float) -> Numbers:
    """Return how far a plain detector, the largest steepness of each 0.3 s, agrees with the beats.

    Where the two find different beats there is noise, or beats of very different shapes.
    """
    from scipy.signal import find_peaks

    steep = np.abs(np.diff(lead, prepend=lead[:1]))
    energy = np.convolve(steep, np.full(21, 1 / 21), mode="same")
    width = round(1.5 * RATE)
    parts = [energy[k : k + width].max() for k in range(0, max(1, len(energy) - width // 2), width)]
    level = 0.45 * median(np.array(parts))
    plain = find_peaks(energy, height=level, distance=round(0.3 * RATE))[0] / RATE
    if not len(plain) or not len(seconds):
        return {"agree": 0.0, "agree_plain": 0.0, "beats_per_second": 0.0}
    apart = np.abs(plain[:, None] - seconds[None, :]) < 0.12
    return {
        "agree": float(apart.any(axis=0).mean()), "agree_plain": float(apart.any(axis=1).mean()),
        "beats_per_second": len(seconds) * RATE / max(len(lead), 1),
    }  # fmt: skip
