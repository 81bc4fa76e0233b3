"""Aligned median beat: the usual beat of ten seconds, in all leads at once.

The beats are laid over each other to a fraction of the record's own sample, those of another shape
are left out, and the median of the rest is taken: noise falls with the number of beats, and what
sets one lead against another stays. `signal.median_beat` is the beat as it is printed; this one is
what the diagnosing models eat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from einthoven.record.record import Signal
from einthoven.signal._short_series import medians
from einthoven.signal.resample import exact, resample

Floats = npt.NDArray[np.float32]

RATE = 400  # Hz of the beat: a quarter of a sample of 100 Hz
BEFORE, AFTER = 140, 220  # samples of the beat before and after R: 350 and 550 ms
BAND = (0.5, 40.0)  # Hz

_CORE = 60  # samples either side of R by which beats are laid over each other: 150 ms
_SHIFT = 12  # samples a round moves a beat at most: 30 ms
_ROUNDS = 3
_MARGIN = 16  # samples all rounds together may move a beat
_ALIKE = 0.9  # correlation with the median from which a beat is one of its kind

# White noise of 0.3 mV and more in one lead (all of 94 records of PTB-XL, folds 1 to 8, in V2) lies
# beyond both in 86 to 98 %; there a probability of the shipped model moves by 0.1 and more. Of 469
# records as they are 0.6 % do.
_NOISY = (0.15, 0.5)  # mV of spread, and of it in SDs of the beat


def band_limited(
    signal: Signal, rate: float, target: int, band: tuple[float, float] = BAND
) -> Floats:
    """Return (lead, time) at `target` Hz, without gaps and without phase shift.

    The edges of the band are raised cosines, 0.6 Hz wide below and 10 Hz wide above, at half their
    height at `band`. It is done on the whole spectrum at once: for tens of seconds, not for days.

    Parameters
    ----------
    signal : (lead, time) mV, of a second or more; missing samples are put on straight lines.
    rate : its Hz.
    target : Hz of what is returned; its sample n lies at n / `target` seconds.
    band : Hz.
    """
    if exact(rate).denominator != 1:
        signal, rate = resample(signal, rate, target), target
    rim = round(rate)  # a second is mirrored at either end
    signal = _filled(signal)
    mirrored = np.pad(signal, ((0, 0), (rim, rim)), mode="reflect")
    seconds = math.ceil(mirrored.shape[1] / rate)
    rest = seconds * rim - mirrored.shape[1]
    if rest:  # the spectrum takes the ends for neighbours: the rest leads from one to the other
        fade = np.linspace(0, 1, rest + 2, dtype=np.float32)[1:-1]
        bridge = mirrored[:, -1:] * (1 - fade) + mirrored[:, :1] * fade
        mirrored = np.concatenate([mirrored, bridge], axis=1)
    spectrum = scipy.fft.rfft(mirrored, axis=1)
    out = seconds * target
    keep = min(spectrum.shape[1], out // 2 + 1)
    response = _response(keep, seconds, band, float(min(rate, target)))
    made = scipy.fft.irfft(spectrum[:, :keep] * response, out, axis=1)
    made *= np.float32(target / rate)
    count = math.ceil(signal.shape[1] * target / rate)
    whole: Floats = np.ascontiguousarray(made[:, target : target + count], np.float32)
    return whole


@lru_cache(maxsize=16)
def _response(bins: int, seconds: int, band: tuple[float, float], rate: float) -> Floats:
    at = np.arange(bins) / seconds
    high = min(band[1], 0.42 * rate)
    rise = np.clip((at - (band[0] - 0.3)) / 0.6, 0, 1)
    fall = np.clip(((high + 5) - at) / 10, 0, 1)
    gain = np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2
    shape: Floats = gain.astype(np.float32)
    return shape


def _filled(signal: Signal) -> Floats:
    """Return (lead, time) with missing samples on straight lines, held at the ends; else 0."""
    good = np.isfinite(signal)
    if good.all():
        return np.asarray(signal, np.float32)
    time, out = np.arange(signal.shape[1]), np.zeros_like(signal, np.float32)
    for row, lead, here in zip(out, signal, good, strict=True):
        if here.any():
            row[:] = np.interp(time, time[here], lead[here])
    return out


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedBeat:
    """The usual beat.

    Attributes
    ----------
    signal : (lead, time) mV at `RATE`; R stands at sample `BEFORE`. Each lead is less its mean.
    spread : (lead, time) mV, mean absolute deviation of the beats from it.
    at : (beat,) samples of `RATE` where the R peaks lie once aligned.
    likeness : (beat,) correlation with the median over all leads.
    kept : (beat,) bool, those the median is of.
    """

    signal: Floats
    spread: Floats
    at: npt.NDArray[np.int64]
    likeness: Floats
    kept: npt.NDArray[np.bool_]

    @property
    def noisy(self) -> npt.NDArray[np.bool_]:
        """(lead,) whether its beats differ so much that their median cannot be trusted."""
        spread, size = self.spread.mean(axis=1), self.signal.std(axis=1)
        least, share = _NOISY
        found: npt.NDArray[np.bool_] = (spread > least) & (spread > share * size)
        return found


def aligned_beat(signal: Floats, peaks: npt.NDArray[np.float64]) -> AlignedBeat | None:
    """Return the usual beat of a stretch, or None where no whole beat is in it.

    Parameters
    ----------
    signal : (lead, time) mV at `RATE`, as `band_limited` gives it.
    peaks : (beat,) R peaks in seconds from its first sample.
    """
    at = np.rint(peaks * RATE).astype(np.int64)
    inside = (at >= BEFORE + _MARGIN) & (at < signal.shape[1] - AFTER - _MARGIN)
    at = at[inside]
    if not len(at):
        return None
    reach = np.arange(-_CORE - _MARGIN - _SHIFT, _CORE + _MARGIN + _SHIFT)
    wide = signal[:, at[:, None] + reach].transpose(1, 0, 2)  # (beat, lead, time)
    size = scipy.fft.next_fast_len(wide.shape[2], real=True)
    spectrum = scipy.fft.rfft(wide, size, axis=2)
    allowed = np.arange(-_MARGIN - _SHIFT, _MARGIN + _SHIFT + 1)
    shift = np.zeros(len(at), np.int64)
    core = _cores(wide, shift)
    usual = medians(core)
    for _ in range(_ROUNDS):
        score = _scores(spectrum, usual, size)
        # Only shifts near where the beat stands, and inside the margin.
        far = (np.abs(allowed) > _MARGIN) | (np.abs(allowed - shift[:, None]) > _SHIFT)
        best = allowed[np.where(far, -np.inf, score).argmax(axis=1)]
        if (best == shift).all():
            break
        shift = best
        core = _cores(wide, shift)
        usual = medians(core)
    likeness = _correlation(core, usual)
    kept = likeness > _ALIKE
    if kept.sum() < min(2, len(at)):
        kept = likeness >= np.sort(likeness)[-min(2, len(at))]
    at = at + shift
    beats = signal[:, at[kept][:, None] + np.arange(-BEFORE, AFTER)].transpose(1, 0, 2)
    beats = beats - beats.mean(axis=2, keepdims=True)
    median: Floats = medians(beats)
    spread: Floats = np.abs(beats - median).mean(axis=0)
    return AlignedBeat(signal=median, spread=spread, at=at, likeness=likeness, kept=kept)


def _cores(wide: Floats, shift: npt.NDArray[np.int64]) -> Floats:
    """Return (beat, lead, time) the middle of each beat where it stands now, less its mean."""
    first = _MARGIN + _SHIFT + shift
    rows = first[:, None] + np.arange(2 * _CORE)
    core = np.take_along_axis(wide, rows[:, None, :], axis=2)
    less: Floats = core - core.mean(axis=2, keepdims=True)
    return less


def _scores(spectrum: npt.NDArray[np.complex64], usual: Floats, size: int) -> Floats:
    """Return (beat, shift) inner products of the usual middle with each beat, at all shifts.

    Of the beats the `spectrum` (beat, lead, frequency) of `size` samples is taken.
    """
    product = spectrum * scipy.fft.rfft(usual, size, axis=1).conj()
    score: Floats = scipy.fft.irfft(product.sum(axis=1), size, axis=1)
    return score[:, : 2 * (_MARGIN + _SHIFT) + 1]


def _correlation(core: Floats, usual: Floats) -> Floats:
    """Return (beat,) correlation with the usual one over all leads together."""
    over = np.einsum("blt,lt->b", core, usual)
    energy = np.einsum("blt,blt->b", core, core) * np.einsum("lt,lt->", usual, usual)
    found: Floats = (over / np.sqrt(energy + 1e-12)).astype(np.float32)
    return found
