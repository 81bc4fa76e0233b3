"""Fingerprints: a few numbers by which copies of one recording find each other. Ours.

Each lead is cut to 1-15 Hz and brought to one rate and one scale, which undoes gain, the usual
filters and the sampling rate. Around each strong deflection of a lead (most are QRS complexes)
three seconds of it are projected on 64 fixed random directions: where the record begins does not
matter. Each lead has its own prints, and limb leads are brought to I and II first, so that a copy
needs but one lead in common, or two limb leads, whatever their order and spelling. Of limb leads
one alone finds only itself: III, aVR, aVL or aVF by itself is not found among twelve. A copy may be
a cut of the other of four seconds or more.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.leads import LIMBS, canonical, with_chest

Floats = npt.NDArray[np.float64]

RATE = 100.0
_BAND = (1.0, 15.0)  # Hz
_BEFORE, _AFTER, _STEP = 0.6, 2.4, 0.04  # s
_OFFSETS = np.arange(-_BEFORE, _AFTER, _STEP)
DIRECTIONS = 64
_REFRACTORY = 0.25  # s


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """One record's.

    Attributes
    ----------
    position : (anchor,) float32, s from the record's beginning.
    vector : (anchor, 64) float16.
    lead : (anchor,) uint32, the number of the lead's name; the anchors of a lead stand together.
    """

    position: npt.NDArray[np.float32]
    vector: npt.NDArray[np.float16]
    lead: npt.NDArray[np.uint32]


def independent(
    signal: npt.NDArray[np.floating], leads: Sequence[str]
) -> tuple[npt.NDArray[np.floating], tuple[str, ...]]:
    """Return (lead, time) and canonical names, limb leads as I and II where two or more are there.

    Parameters
    ----------
    signal : (lead, time), any unit.
    leads : their names, of any spelling.
    """
    names = tuple(canonical(name) for name in with_chest(leads))
    limbs = [row for row, name in enumerate(names) if name in LIMBS]
    if len(limbs) < 2:
        return signal, names
    rest = [row for row, name in enumerate(names) if name not in LIMBS]
    try:
        both = signal[[names.index("I"), names.index("II")]]
    except ValueError:  # each of the six is a sum of I and II; any two of them are enough
        both = np.linalg.pinv([LIMBS[names[row]] for row in limbs]) @ signal[limbs]
    return np.concatenate([both, signal[rest]]), ("I", "II", *(names[row] for row in rest))


def plain(signal: npt.NDArray[np.floating], rate: float) -> Floats:
    """Return (lead, time) at 100 Hz, 1-15 Hz only, each lead of mean 0 and standard deviation 1.

    A lead that is flat or missing is 0.

    Parameters
    ----------
    signal : (lead, time), any unit; NaN where missing.
    rate : Hz.
    """
    x = np.nan_to_num(np.asarray(signal, np.float64), posinf=0, neginf=0)
    length = round(x.shape[1] / rate * RATE)
    # One Fourier transform filters and resamples; its ends meet, so they are joined by a line.
    ends = np.linspace(0, 1, x.shape[1])
    spectrum = np.fft.rfft(x - x[:, :1] - (x[:, -1:] - x[:, :1]) * ends, axis=1)
    hertz = np.arange(spectrum.shape[1]) * rate / x.shape[1]
    rise = np.clip((hertz - _BAND[0] / 2) / (_BAND[0] / 2), 0, 1)
    fall = np.clip((_BAND[1] + 5 - hertz) / 5, 0, 1)
    y = np.fft.irfft((spectrum * rise * fall)[:, : length // 2 + 1], length, axis=1)
    spread = y.std(axis=1, keepdims=True)
    live = spread > 1e-6 * max(1e-12, float(np.abs(x).max(initial=0.0)))
    return np.asarray(np.divide(y, spread, out=np.zeros_like(y), where=live), np.float64)


_DIRECTIONS: Floats = np.random.default_rng(zlib.crc32(b"einthoven")).normal(
    size=(len(_OFFSETS), DIRECTIONS)
) / np.sqrt(len(_OFFSETS))


def fingerprint(signal: npt.NDArray[np.floating], rate: float, leads: Sequence[str]) -> Fingerprint:
    """Return the fingerprint; without anchors for what is flat or shorter than three seconds.

    Parameters
    ----------
    signal : (lead, time), any unit; NaN where missing.
    rate : Hz.
    leads : their names; order and spelling do not matter.
    """
    at, rows, names = [np.zeros(0)], [np.zeros((0, len(_OFFSETS)))], [np.zeros(0, np.uint32)]
    if signal.shape[1] >= (_BEFORE + _AFTER + 2 / RATE) * rate:
        signal, known = independent(signal, leads)
        for name, y in zip(known, plain(signal, rate), strict=True):
            found = _anchors(y)
            first = found - _BEFORE * RATE
            found = found[(first >= 0) & (found + _AFTER * RATE + 2 < len(y))]
            place = found[:, None] + _OFFSETS * RATE
            whole = np.floor(place).astype(np.int64)
            part = place - whole
            # between two samples on a line
            rows.append(y[whole] * (1 - part) + y[whole + 1] * part)
            at.append(found / RATE)
            names.append(np.full(len(found), zlib.crc32(name.encode()), np.uint32))
    vector = np.concatenate(rows) @ _DIRECTIONS
    return Fingerprint(
        np.concatenate(at).astype(np.float32), vector.astype(np.float16), np.concatenate(names)
    )


def _anchors(y: Floats) -> Floats:
    """Return the places of strong deflections of (time,), in samples and parts of one."""
    energy = np.convolve(np.gradient(y) ** 2, np.hanning(15), mode="same")
    high = 0.25 * np.quantile(energy, 0.98)
    middle = energy[1:-1]
    peaks = 1 + np.flatnonzero((middle > energy[:-2]) & (middle >= energy[2:]) & (middle > high))
    kept: list[int] = []
    for peak in peaks:
        # Of two near ones the higher stays.
        if kept and abs(peak - kept[-1]) < _REFRACTORY * RATE:
            if energy[peak] > energy[kept[-1]]:
                kept[-1] = int(peak)
        else:
            kept.append(int(peak))
    at = np.array(sorted(kept), np.int64)
    if not len(at):
        return np.zeros(0)
    left, top, right = energy[at - 1], energy[at], energy[at + 1]
    bend = left - 2 * top + right
    part = np.divide(0.5 * (left - right), bend, out=np.zeros(len(at)), where=bend != 0)
    return np.asarray(at + part, np.float64)
