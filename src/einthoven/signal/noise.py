"""Noise mixed into an ECG at a stated signal-to-noise ratio.

Two definitions that must not be confused. ``snr="nst"`` is that of the MIT-BIH Noise Stress Test
(Moody, Muldrow, Mark 1984, Computers in Cardiology 11: 381-384; program ``nst``): the signal's
power is that of a sine whose peak-to-peak amplitude is the typical QRS amplitude.
``snr="power"`` compares variances.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest
from einthoven.record.record import Signal

_MOST = 300  # beats, and seconds of noise, that are measured
_TRIM = 20  # one in twenty is dropped at each end
# Codes that the program counts as normal: all beats but premature and escape ventricular, fusion.
_NORMAL = tuple("NLRBAaJSejnQ/f?")


def _trimmed(values: npt.NDArray[np.float64]) -> float:
    drop = len(values) // _TRIM
    return float(np.sort(values)[drop : len(values) - drop].mean())


def qrs_amplitude(
    lead: npt.NDArray[np.float32],
    rate: float,
    beats: npt.NDArray[np.int64],
    symbols: npt.NDArray[np.str_] | None = None,
) -> float:
    """Return the typical peak-to-peak amplitude of the QRS in mV.

    The trimmed mean over the first 300 normal beats of the range within 50 ms of each.

    Parameters
    ----------
    lead : (time,) mV.
    beats, symbols : (beat,) samples and WFDB symbols; all are taken for normal without symbols.

    Raises
    ------
    UsageError : there is no normal beat.
    """
    if symbols is not None:
        beats = beats[np.isin(symbols, _NORMAL)]
    half = int(0.05 * rate)
    inside = beats[(beats >= half) & (beats < len(lead) - half)][:_MOST]
    if not len(inside):
        raise UsageError("noise", "there is no normal beat to measure", "Give reference beats")
    around = lead[inside[:, None] + np.arange(-half, half + 1)].astype(np.float64)
    return _trimmed(around.max(axis=1) - around.min(axis=1))


def noise_level(noise: npt.NDArray[np.float32], rate: float) -> float:
    """Return the typical RMS of `noise` (time,), mV, about the means of single seconds.

    Raises
    ------
    UsageError : the noise is shorter than a second.
    """
    size = round(rate)
    count = min(_MOST, len(noise) // size)
    if not count:
        raise UsageError("noise", "is shorter than a second", "Give more of it")
    pieces = noise[: count * size].reshape(count, size).astype(np.float64)
    return _trimmed(pieces.std(axis=1))


def nst_gain(snr: float, amplitude: float, level: float) -> float:
    """Return what the noise is multiplied by for `snr` dB in the sense of the stress test.

    Parameters
    ----------
    amplitude : `qrs_amplitude`, mV.
    level : `noise_level`, mV.
    """
    return 10 ** (-snr / 20) * math.sqrt(2) / 4 * amplitude / level


def noisy_minutes(
    samples: int, rate: float, clean: float = 300.0, period: float = 120.0
) -> npt.NDArray[np.bool_]:
    """Return (time,) where the stress test is noisy: after `clean` seconds, every other `period`.

    The first period after the clean beginning is noisy.
    """
    seconds = np.arange(samples) / rate - clean
    noisy: npt.NDArray[np.bool_] = (seconds >= 0) & ((seconds // period).astype(np.int64) % 2 == 0)
    return noisy


def mix(
    signal: Signal,
    noise: Signal,
    rate: float,
    snr_db: float,
    *,
    snr: str,
    beats: npt.NDArray[np.int64] | None = None,
    symbols: npt.NDArray[np.str_] | None = None,
    where: npt.NDArray[np.bool_] | None = None,
) -> Signal:
    """Return `signal` with `noise` added, lead by lead; the noise rewinds when it is used up.

    Parameters
    ----------
    signal, noise : (lead, time) mV at the same `rate`; noise leads are used in turn.
    snr_db : dB.
    snr : ``"nst"`` (needs `beats`) or ``"power"``.
    where : (time,) samples to which noise is added; all if not given. Each noisy stretch is
        shifted so that switching makes no step, as the program does.

    Raises
    ------
    UsageError : `snr` is not known, or its beats are not given.
    """
    if snr not in ("nst", "power"):
        raise UsageError("noise.snr", f"{snr!r} is not known", nearest(snr, ("nst", "power")))
    signal = np.asarray(signal, np.float32)
    out = signal.copy()
    time = signal.shape[1]
    places = np.arange(time) % noise.shape[1]
    for k, lead in enumerate(signal):
        wave = noise[k % len(noise)]
        if snr == "nst":
            if beats is None:
                raise UsageError("noise.snr", "nst needs the beats", "Give beats, or use power")
            gain = nst_gain(
                snr_db, qrs_amplitude(lead, rate, beats, symbols), noise_level(wave, rate)
            )
        else:
            gain = 10 ** (-snr_db / 20) * float(np.nanstd(lead)) / max(float(np.std(wave)), 1e-9)
        added = wave[places].astype(np.float32) * np.float32(gain)
        if where is not None:
            added = _without_steps(added, where)
        out[k] += added
    return out


def _without_steps(
    added: npt.NDArray[np.float32], where: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return the noise where it is on; where it is off, the last value is held."""
    steps = np.diff(added, prepend=added[:1])
    steps[~where] = 0
    return np.cumsum(steps, dtype=np.float64).astype(np.float32)
