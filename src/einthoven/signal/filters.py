"""Filters without phase shift and of bounded reach: the same answer in a file and in a stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.record.record import Signal

Taps = npt.NDArray[np.float32]


def bandpass_taps(rate: float, band: tuple[float, float], taps: int) -> Taps:
    """Return (tap,) a symmetric FIR band pass, Hamming window, gain 1 in mid-band, 0 at 0 Hz.

    Parameters
    ----------
    rate : Hz.
    band : lower and upper edge (-6 dB), Hz; a lower edge of 0 makes a low pass of gain 1 at 0 Hz.
    taps : odd number of taps.

    Raises
    ------
    UsageError : an even number of taps, or edges that are not 0 <= low < high <= rate / 2.
    """
    low, high = band
    if taps < 3 or taps % 2 == 0:
        raise UsageError("bandpass_taps", f"{taps} taps", "Use an odd number of at least 3")
    if not 0 <= low < high <= rate / 2:
        raise UsageError("bandpass_taps", f"band {band} Hz at {rate} Hz", "Use 0 <= low < high")
    n = np.arange(taps) - taps // 2
    window = np.hamming(taps)
    h = (2 * high * np.sinc(2 * high * n / rate) - 2 * low * np.sinc(2 * low * n / rate)) / rate
    h *= window
    if low == 0:
        flat: Taps = (h / h.sum()).astype(np.float32)
        return flat
    # A short window lets some of 0 Hz through: a baseline of 5 mV would pass for a QRS.
    h -= window * h.sum() / window.sum()
    middle = np.pi * (low + high) / rate
    taps_: Taps = (h / np.sum(h * np.cos(middle * n))).astype(np.float32)
    return taps_


def moving_mean(signal: Signal, width: int) -> Signal:
    """Return (..., time - width + 1) float32: mean over `width` samples of (..., time)."""
    total = np.cumsum(signal, axis=-1, dtype=np.float64)
    out = total[..., width - 1 :].copy()
    out[..., 1:] -= total[..., :-width]
    return (out * (1.0 / width)).astype(np.float32)


def median_of_three(signal: Signal) -> Signal:
    """Return (..., time) with spikes of one sample removed; the first and last stay."""
    left, middle, right = signal[..., :-2], signal[..., 1:-1], signal[..., 2:]
    low, high = np.minimum(left, middle), np.maximum(left, middle)
    out = signal.copy()
    np.maximum(low, np.minimum(high, right), out=out[..., 1:-1])
    return out


def fill_gaps(
    signal: Signal, hold: npt.NDArray[np.float32], ramp: int
) -> tuple[Signal, npt.NDArray[np.bool_]]:
    """Bridge missing samples by what is known nearby alone.

    A gap holds the last sample before it (`hold` where the window begins in a gap) and leads in a
    straight line to the next one over its last `ramp` samples; one that begins the recording takes
    its next sample.

    Parameters
    ----------
    signal : (lead, time) mV, NaN where missing.
    hold : (lead,) last sample before the window; NaN where there was none.
    ramp : samples.

    Returns
    -------
    filled : (lead, time) without NaN.
    missing : (lead, time) bool, true in gaps longer than `ramp`: nothing can be said there.
    """
    missing = ~np.isfinite(signal)
    filled = signal.copy()
    for row, gone, before in zip(filled, missing, hold.tolist(), strict=True):
        if not gone.any():
            continue
        edges = np.flatnonzero(np.diff(gone, prepend=False, append=False))
        for start, stop in edges.reshape(-1, 2).tolist():
            left = float(row[start - 1]) if start else before
            right = float(row[stop]) if stop < len(row) else left
            if np.isnan(left):
                left = 0.0 if np.isnan(right) else right
            if np.isnan(right):
                right = left
            row[start:stop] = left
            if right != left:
                width = min(ramp, stop - start)
                line = np.linspace(left, right, width + 2, dtype=np.float32)
                row[stop - width : stop] = line[1:-1]
            if start > 0 and stop < len(row) and stop - start <= ramp:
                gone[start:stop] = False
    return filled, missing
