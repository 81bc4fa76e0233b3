"""What disturbs an electrocardiogram: four kinds of noise by their known spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest

Array = npt.NDArray[np.float64]

KINDS = ("wander", "muscle", "electrode", "mains")


@dataclass(frozen=True, kw_only=True)
class Noise:
    """One disturbance.

    Attributes
    ----------
    kind : ``wander`` (of the baseline, below 0.5 Hz), ``muscle`` (20 to 120 Hz), ``electrode``
        (bumps and steps of 0.5 to 8 Hz, which look like beats) or ``mains`` (`hertz`).
    mv : its root mean square, mV.
    start, stop : seconds; to the end where `stop` is None. It swells and fades within a second.
    hertz : of the mains.
    """

    kind: str
    mv: float
    start: float = 0.0
    stop: float | None = None
    hertz: float = 50.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError("noise.kind", f"{self.kind!r} is not known", nearest(self.kind, KINDS))


def _coloured(
    leads: int, size: int, rate: float, band: tuple[float, float], power: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Return (lead, time) noise whose amplitude falls with frequency to that power, RMS 1."""
    padded = 1 << (size - 1).bit_length()  # a length that is quick to transform
    frequency = np.fft.rfftfreq(padded, 1 / rate)
    inside = (frequency >= band[0]) & (frequency <= min(band[1], 0.45 * rate))
    gain = np.where(inside, np.maximum(frequency, band[0]) ** -power, 0.0)
    random = rng.normal(size=(leads, len(gain))) + 1j * rng.normal(size=(leads, len(gain)))
    signal = np.fft.irfft(random * gain, padded)[:, :size]
    rms = np.sqrt(np.mean(signal**2, axis=1, keepdims=True))
    return np.asarray(signal / np.where(rms > 0, rms, 1.0))


def noise(one: Noise, leads: int, samples: int, rate: float, rng: np.random.Generator) -> Array:
    """Return (lead, time) mV of one disturbance, zero outside its span."""
    result = np.zeros((leads, samples))
    begin = min(samples, max(0, round(one.start * rate)))
    end = samples if one.stop is None else min(samples, round(one.stop * rate))
    size = end - begin
    if size < 2:
        return result
    if one.kind == "wander":
        body = _coloured(leads, size, rate, (0.04, 0.5), 1.0, rng)
    elif one.kind == "muscle":
        body = _coloured(leads, size, rate, (20.0, 120.0), 0.25, rng)
        # Effort comes in waves.
        body *= 0.6 + 0.4 * np.abs(_coloured(leads, size, rate, (0.1, 1.0), 0.5, rng))
    elif one.kind == "electrode":
        body = _coloured(leads, size, rate, (0.5, 8.0), 0.8, rng)
        body *= 0.5 + 0.5 * np.abs(_coloured(leads, size, rate, (0.2, 1.0), 0.5, rng))
        # Every few seconds the skin is pulled: a step that leaks away.
        time = np.arange(size) / rate
        for moment in rng.uniform(0, size / rate, rng.poisson(size / rate / 5.0)):
            after = np.maximum(time - moment, 0)
            decay = np.where(time >= moment, np.exp(-after / rng.uniform(0.2, 0.8)), 0.0)
            body += rng.normal(0, 2.0, (leads, 1)) * decay
    else:
        time = np.arange(size) / rate
        swing = 1 + 0.15 * _coloured(1, size, rate, (0.05, 0.5), 0.5, rng)
        phase = rng.uniform(0, 2 * np.pi)
        line = np.sin(2 * np.pi * one.hertz * time + phase)
        if 3 * one.hertz < 0.5 * rate:
            line = line + 0.2 * np.sin(6 * np.pi * one.hertz * time + 3 * phase)
        body = swing * line * np.sqrt(2) * rng.uniform(0.7, 1.3, (leads, 1))
    ramp = np.ones(size)
    edge = min(size // 3, round(rate))
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / max(edge, 1))
    if begin > 0:
        ramp[:edge] = rise
    if end < samples:
        ramp[size - edge :] = rise[::-1]
    result[:, begin:end] = one.mv * body * ramp
    return result
