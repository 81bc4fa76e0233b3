"""Fingerprints: a few numbers by which copies of one recording find each other. Ours.

Each lead is cut to 1-15 Hz and brought to one rate and one scale, which undoes gain, the usual
filters and the sampling rate. Around each strong deflection (most are QRS complexes) three seconds
of all leads are projected on 64 fixed random directions: where the record begins does not matter.
A copy needs the same leads; it may be a cut of the other of four seconds or more.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

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
    """

    position: npt.NDArray[np.float32]
    vector: npt.NDArray[np.float16]


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


@cache
def _directions(lead: str) -> Floats:
    """Return the (sample, direction) that this lead is projected on."""
    draw = np.random.default_rng(zlib.crc32(lead.encode()))
    table: Floats = draw.normal(size=(len(_OFFSETS), DIRECTIONS)) / np.sqrt(len(_OFFSETS))
    return table


def fingerprint(signal: npt.NDArray[np.floating], rate: float, leads: Sequence[str]) -> Fingerprint:
    """Return the fingerprint; without anchors for what is flat or shorter than three seconds.

    Parameters
    ----------
    signal : (lead, time), any unit; NaN where missing.
    rate : Hz.
    leads : their names; the order does not matter.
    """
    none = Fingerprint(np.zeros(0, np.float32), np.zeros((0, DIRECTIONS), np.float16))
    if signal.shape[1] < (_BEFORE + _AFTER + 2 / RATE) * rate:
        return none
    y = plain(signal, rate)
    at = _anchors(y)
    first = at - _BEFORE * RATE
    at = at[(first >= 0) & (at + _AFTER * RATE + 2 < y.shape[1])]
    if not len(at):
        return none
    place = at[:, None] + _OFFSETS * RATE
    whole = np.floor(place).astype(np.int64)
    part = place - whole
    # (lead, anchor, sample), between two samples on a line
    window = y[:, whole] * (1 - part) + y[:, whole + 1] * part
    table = np.stack([_directions(name) for name in leads])
    vector = np.einsum("las,lsd->ad", window, table, optimize=True) / np.sqrt(len(leads))
    return Fingerprint((at / RATE).astype(np.float32), vector.astype(np.float16))


def _anchors(y: Floats) -> Floats:
    """Return the places of strong deflections, in samples and parts of one."""
    slope = np.gradient(y, axis=1)
    energy = np.convolve((slope**2).sum(axis=0), np.hanning(15), mode="same")
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
