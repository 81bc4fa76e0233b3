"""What lies between the QRS complexes of a span: P waves, the waves of fibrillation, noise.

An atrium that beats shows the same P wave at the same place before each QRS; one that fibrillates
shows none, and a ripple of 4 to 10 Hz that goes on under the beats and keeps no step with them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.signal._rhythm_beats import BEFORE, RATE, Overlay, piece
from einthoven.signal._rhythm_intervals import Numbers

Float = npt.NDArray[np.float64]

_P = (-0.28, -0.05)  # seconds from R
_SHIFT = 8  # samples that a P wave may lie off its usual place
_TQ = (0.40, 0.08)  # seconds behind one R and before the next, between which only the atrium speaks
_BLOCK = 512  # samples of a spectrum
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
    wave = np.median(taken, axis=0)
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
    shifts = range(-_SHIFT, _SHIFT + 1)
    inner = slice(_SHIFT, rows.shape[1] - _SHIFT)
    moved = np.stack([
        _unit(taken[:, inner.start + s : inner.stop + s]) @ _unit(wave[None, inner])[0]
        for s in shifts
    ], axis=1)  # fmt: skip
    best = moved.argmax(axis=1) - _SHIFT
    peaks = np.abs(taken).max(axis=1) / over.size
    slope = np.diff(wave)
    raw = over.median[piece(_P)]
    middle = over.median[piece((-0.22, -0.08))]
    early = over.early < 0.88
    quantiles = np.quantile(fit, (0.1, 0.5))
    size_q = np.quantile(peaks, (0.1, 0.5, 0.9))
    height = np.abs(wave)
    half = height > 0.5 * height.max()
    return {
        "p_most": most / over.size, "p_least": least / over.size,
        "p_power": power / over.size,
        "p_noise": noise / over.size, "p_snr": power / max(noise, 1e-6),
        "p_place": (place + round((BEFORE + _P[0]) * RATE)) / RATE - BEFORE,
        "p_half": float(half.mean()), "p_pairs": pairs, "p_following": float(following.mean()),
        "p_fit": float(fit.mean()), "p_fit_q10": float(quantiles[0]),
        "p_fit_q50": float(quantiles[1]), "p_moved_fit": float(moved.max(axis=1).mean()),
        "p_moved_gain": float((moved.max(axis=1) - moved[:, _SHIFT]).mean()),
        "p_moved_sd": float(best.std()), "p_still": float((np.abs(best) <= 2).mean()),
        "p_size_q10": float(size_q[0]), "p_size_q50": float(size_q[1]),
        "p_size_q90": float(size_q[2]), "p_turns": float((slope[1:] * slope[:-1] < 0).sum()),
        "p_range": float(np.ptp(middle)) / over.size, "p_raw_range": float(np.ptp(raw)) / over.size,
        "p_prominence": float(np.max(raw) - max(raw[0], raw[-1])) / over.size,
        "p_early_fit": float((_unit(rows[early]) @ own).mean()) if early.any() else 1.0,
        "p_positive": most / max(most - least, 1e-6),
    }  # fmt: skip


def _unit(rows: Float) -> Float:
    rows = rows - rows.mean(axis=1, keepdims=True)
    found: Float = rows / np.maximum(np.sqrt((rows * rows).sum(axis=1, keepdims=True)), 1e-9)
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
    first, last = round(_TQ[0] * RATE), round(_TQ[1] * RATE)
    spans = [
        lead[a + first : b - last]
        for a, b in zip(over.at[:-1].tolist(), over.at[1:].tolist(), strict=True)
        if 30 <= b - last - a - first <= 3 * RATE
    ]
    size = [float(np.ptp(s)) / over.size for s in spans]
    turns = [_turns(s) / len(s) * RATE for s in spans]
    deviation = [float(s.std()) / over.size for s in spans]
    none = [-1.0]
    out |= {
        "tq_range": float(np.median(size or none)), "tq_turns": float(np.median(turns or none)),
        "tq_deviation": float(np.median(deviation or none)),
        "tq_range_q10": float(np.quantile(size or none, 0.1)),
    }  # fmt: skip
    return out


def _rooms(at: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return from where to where each beat's own signal reaches: to the next beat's P wave."""
    cut = at[1:] - round(0.25 * RATE)
    cut = np.maximum(cut, (at[1:] + at[:-1]) // 2).tolist()
    return list(zip([0, *cut], [*cut, 10**9], strict=True))


def _turns(x: Float) -> int:
    """Return how often a smoothed piece turns up or down."""
    smooth = np.convolve(x, np.full(7, 1 / 7), mode="valid")
    slope = np.diff(smooth)
    return int((slope[1:] * slope[:-1] < 0).sum())


def _blocks(x: Float) -> Float:
    """Return (frequency,) mean power of half-overlapping Hann windows of `_BLOCK` samples."""
    if len(x) < _BLOCK:
        x = np.pad(x, (0, _BLOCK - len(x)))
    view = np.lib.stride_tricks.sliding_window_view(x, _BLOCK)[:: _BLOCK // 2]
    power = np.abs(np.fft.rfft(view * np.hanning(_BLOCK), axis=1)) ** 2
    found: Float = power.mean(axis=0)
    return found


def _spectrum(name: str, x: Float) -> Numbers:
    """Return how the power of a piece of lead is spread over the frequencies."""
    power = _blocks(x)
    hertz = np.arange(len(power)) * RATE / _BLOCK
    whole = max(float(power[(hertz >= 0.5) & (hertz < 45)].sum()), 1e-12)

    def share(low: float, high: float) -> float:
        return float(power[(hertz >= low) & (hertz < high)].sum()) / whole

    band = (hertz >= 3) & (hertz < 12)
    inside = power[band] / max(float(power[band].sum()), 1e-12)
    top = int(inside.argmax())
    peak = inside[max(0, top - 1) : top + 2].sum()
    return {
        f"{name}_slow": share(0.5, 2), f"{name}_low": share(2, 4),
        f"{name}_fibrillation": share(4, 10), f"{name}_middle": share(10, 20),
        f"{name}_fast": share(20, 45), f"{name}_dominant": float(hertz[band][top]),
        f"{name}_peak": float(peak),
        f"{name}_entropy": float(-(inside * np.log(inside + 1e-12)).sum()),
        f"{name}_centre": float((hertz * power).sum() / max(power.sum(), 1e-12)),
    }  # fmt: skip


def _lag(name: str, x: Float) -> Numbers:
    """Return the strongest repetition after 0.1 to 0.4 s: flutter repeats itself."""
    size = 1 << (2 * len(x) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(x, size)) ** 2
    hertz = np.arange(len(spectrum)) * RATE / size
    spectrum[(hertz < 2.5) | (hertz > 15)] = 0
    back = np.fft.irfft(spectrum)[: round(0.42 * RATE)]
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
    deviation = np.maximum(rows.std(axis=1, keepdims=True), 1e-6)
    fourth = (((rows - rows.mean(axis=1, keepdims=True)) / deviation) ** 4).mean(axis=1)
    spread = deviation[:, 0] / np.median(deviation)
    step = np.abs(np.diff(rows, axis=1))
    rough = step.mean(axis=1) / deviation[:, 0]
    size_q = np.quantile(np.abs(lead), (0.5, 0.9, 0.99))
    out = _spectrum("lead", lead)
    return out | _agreement(lead, seconds) | {
        "known": float(known.mean()), "kurtosis_least": float(fourth.min()),
        "kurtosis_median": float(np.median(fourth)), "kurtosis_most": float(fourth.max()),
        "spread_least": float(spread.min()), "spread_most": float(spread.max()),
        "rough_least": float(rough.min()), "rough_median": float(np.median(rough)),
        "rough_most": float(rough.max()),
        "quiet_loud": float(size_q[0] / max(size_q[2], 1e-6)),
        "middle_loud": float(size_q[1] / max(size_q[2], 1e-6)),
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
    level = 0.45 * float(np.median(parts))
    plain = find_peaks(energy, height=level, distance=round(0.3 * RATE))[0] / RATE
    if not len(plain) or not len(seconds):
        return {"agree": 0.0, "agree_plain": 0.0, "beats_per_second": 0.0}
    apart = np.abs(plain[:, None] - seconds[None, :]) < 0.12
    return {
        "agree": float(apart.any(axis=0).mean()), "agree_plain": float(apart.any(axis=1).mean()),
        "beats_per_second": len(seconds) * RATE / max(len(lead), 1),
    }  # fmt: skip
