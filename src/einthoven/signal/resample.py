"""From any rate to any other: a windowed sinc evaluated at the exact instants.

No intermediate rate and no drift: sample ``n`` of the target grid lies at ``n / target`` seconds
for as long as the recording runs, whatever the ratio of the two rates.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.record.record import Signal

# Above this many phases one matrix a row of outputs no longer pays.
_PHASES = 90


@lru_cache(maxsize=32)
def exact(rate: float) -> Fraction:
    """Return a rate in Hz as the fraction it was meant to be (``360.0 -> 360``)."""
    return Fraction(rate).limit_denominator(1_000_000)


class Resampler:
    """Low-pass and resample in one linear step.

    Attributes
    ----------
    step : input samples between two outputs, exactly.
    unit : outputs made by one row of the matrix product; whole units begin on both grids where
        `aligned` is true.
    aligned : whether the two grids meet at least once in `unit` outputs.
    half : input samples needed on either side of an output.
    """

    def __init__(
        self, rate: float, target: float, *, cutoff: float, seconds: float, unit: int = 16
    ) -> None:
        """Prepare the kernel: a sinc of `cutoff` Hz under a Hamming window of +-`seconds`."""
        self.rate = rate
        self.step = exact(rate) / exact(target)
        self._cutoff, self._seconds = cutoff, seconds
        self.half = math.ceil(seconds * rate)
        phases = self.step.denominator
        # Who asks for short rows wants an answer soon and cannot wait for many phases.
        self.aligned = phases <= (_PHASES if unit >= 16 else 2 * unit)
        self.unit = phases * math.ceil(unit / phases) if self.aligned else 1
        if self.aligned:
            self._matrix = self._banded()

    @cached_property
    def inputs(self) -> int:
        """Input samples a unit (of an aligned resampler)."""
        return int(self.step * self.unit)

    def _kernel(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        inside = np.abs(t) <= self._seconds * (1 + 1e-9)
        window = 0.54 + 0.46 * np.cos(np.pi * t / self._seconds)
        return np.where(inside, np.sinc(2 * self._cutoff * t) * window, 0.0)

    def _banded(self) -> npt.NDArray[np.float32]:
        last = math.ceil(self.step * (self.unit - 1))
        at = np.array([float(self.step * j) for j in range(self.unit)])
        i = np.arange(-self.half, last + self.half + 1)
        weights = self._kernel((i[:, None] - at[None, :]) / self.rate)
        return np.ascontiguousarray(weights / weights.sum(0), np.float32)

    def rows(self, x: Signal, count: int) -> Signal:
        """Return (..., lead, count * unit): aligned outputs, the first at ``x[..., half]``.

        Parameters
        ----------
        x : (lead, time) without NaN; at least ``(count - 1) * inputs + width`` long. Of several
            pieces (piece, lead, time) each is worked on by itself, to the bit as if it were alone.
        """
        width = self._matrix.shape[0]
        view = np.lib.stride_tricks.sliding_window_view(x, width, axis=-1)
        view = view[..., :: self.inputs, :][..., :count, :]
        stacked = np.ascontiguousarray(view).reshape(*x.shape[:-2], -1, width)
        return (stacked @ self._matrix).reshape(*x.shape[:-1], -1)

    @property
    def width(self) -> int:
        """Input samples that one row of outputs is made of."""
        return int(self._matrix.shape[0])

    def at(self, x: Signal, origin: int, start: int, stop: int) -> Signal:
        """Return (lead, stop - start): outputs of the target grid, for any ratio.

        Parameters
        ----------
        x : (lead, time) without NaN, whose first sample is input sample `origin`.
        start, stop : output samples.
        """
        whole, part = np.divmod(
            np.arange(start, stop, dtype=np.int64) * self.step.numerator, self.step.denominator
        )
        reach = np.arange(-self.half, self.half + 2)
        weights = self._kernel(
            (reach[None, :] - (part / self.step.denominator)[:, None]) / self.rate
        )
        weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        index = np.clip((whole - origin)[:, None] + reach[None, :], 0, x.shape[1] - 1)
        return np.stack([np.einsum("ij,ij->i", row[index], weights) for row in x])


@lru_cache(maxsize=16)
def _tool(rate: float, target: float) -> Resampler:
    """Return the resampler for two rates, made once: its kernel costs more than a short signal."""
    low = min(rate, target)
    return Resampler(rate, target, cutoff=0.4 * low, seconds=10 / low)


def resample(signal: Signal, rate: float, target: float) -> Signal:
    """Return `signal` (lead, time) at `target` Hz; NaN stays NaN, the ends are held.

    The pass band ends at 0.4 of the lower rate. Output ``n`` lies at ``n / target`` seconds.

    Raises
    ------
    UsageError : a rate is not positive.
    """
    if not (rate > 0 and target > 0):
        raise UsageError("resample", f"rates {rate} and {target} Hz", "Give positive rates")
    signal = np.atleast_2d(np.asarray(signal, np.float32))
    step = exact(rate) / exact(target)
    count = math.ceil(signal.shape[1] / step)
    if step == 1 or count == 0:
        return signal.copy()
    tool = _tool(rate, target)
    missing = np.isnan(signal)
    holed = bool(missing.any())
    clean = np.where(missing, np.float32(0), signal) if holed else signal
    if holed:
        time = np.arange(signal.shape[1])
        for row, gone in zip(clean, missing, strict=True):
            if gone.any() and not gone.all():
                row[gone] = np.interp(time[gone], time[~gone], row[~gone])
    if tool.aligned:
        rows = math.ceil(count / tool.unit)
        after = (rows - 1) * tool.inputs + tool.width - tool.half - signal.shape[1]
        ends = clean[:, :1], clean[:, -1:]
        padded = np.concatenate([np.repeat(ends[0], tool.half, axis=1), clean,
                                 np.repeat(ends[1], max(0, after), axis=1)], axis=1)  # fmt: skip
        out = tool.rows(padded, rows)[:, :count]
    else:
        out = np.concatenate(
            [tool.at(clean, 0, k, min(k + 4096, count)) for k in range(0, count, 4096)], axis=1
        )
    if holed:
        nearest = np.minimum(
            np.rint(np.arange(count) * float(step)).astype(np.int64), signal.shape[1] - 1
        )
        out = np.where(missing[:, nearest], np.float32(np.nan), out)
    return np.ascontiguousarray(out, np.float32)
