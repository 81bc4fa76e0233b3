"""The band-pass that every network's input goes through, in blocks aligned to absolute samples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from einthoven.signal.blocks import Block, BlockCutter

Array = npt.NDArray[np.float32]

# Half the length of the FIR, seconds. 0.9 s before 0.5 Hz rolls off is the most a live answer can
# wait: a window of 0.45 s after the beat and these 0.9 s are 1.35 s.
REACH = 0.9
_TAPS = 16  # of the interpolation between two rates
_PHASES = 512


def _low_pass(cut: float, half: float, time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    window = np.where(np.abs(time) < half, np.cos(np.pi * time / (2 * half)) ** 2, 0.0)
    taps: npt.NDArray[np.float64] = np.sinc(2 * cut * time) * window
    unit: npt.NDArray[np.float64] = taps / taps.sum()
    return unit


def kernel(rate: float, band: tuple[float, float], top: float) -> npt.NDArray[np.float64]:
    """Return (tap,) the linear-phase FIR of a pass band in Hz, windowed sinc, at `rate` Hz.

    `top` is the highest frequency that may pass; it wins over the band's upper edge.
    """
    half = round((REACH if band[0] > 0 else 0.1) * rate)
    time = np.arange(-half, half + 1) / rate
    taps = _low_pass(min(band[1], top), 0.1, time)
    if band[0] > 0:
        taps = taps - _low_pass(band[0], REACH, time)
    return taps


def _smooth_size(least: int) -> int:
    """Return the smallest product of 2, 3 and 5 that is not below `least`: a quick FFT."""
    best = 1 << max(0, (least - 1).bit_length())
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three << max(0, math.ceil(math.log2(max(1.0, least / three))))
            if least <= two < best:
                best = two
            three *= 3
        five *= 5
    return best


def fill(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (time,) with missing samples on straight lines, held at the ends; 0 if all miss."""
    good = np.isfinite(signal)
    if good.all():
        return signal
    if not good.any():
        return np.zeros_like(signal)
    at = np.flatnonzero(good)
    return np.interp(np.arange(len(signal)), at, signal[at])


# Made once for all recordings of a rate: they take as long as filtering ten seconds.
@lru_cache(maxsize=16)
def _response(
    rate_in: float, rate_out: float, band: tuple[float, float], size: int
) -> tuple[int, int, npt.NDArray[np.complex128]]:
    """Return half the taps, the width of the FFT for blocks of `size`, and the taps' spectrum."""
    taps = kernel(rate_in, band, 0.45 * min(rate_in, rate_out))
    half = len(taps) // 2
    width = _smooth_size(size + 2 * (half + _TAPS))
    return half, width, np.fft.rfft(np.roll(np.pad(taps, (0, width - len(taps))), -half))


@cache
def _between() -> npt.NDArray[np.float64]:
    """Return (phase, tap) a windowed sinc between samples, over the fraction of a sample."""
    offset = np.arange(_TAPS)[None] - (_TAPS // 2 - 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    table = np.sinc(offset) * np.cos(np.pi * offset / (_TAPS + 1)) ** 2
    unit: npt.NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return unit


class BandPass:
    """One lead at any rate in, the same lead filtered and at another rate out.

    Sample k of the output stands at k / `rate_out` seconds. The output never depends on the pieces
    in which the lead arrives.

    Parameters
    ----------
    rate_in, rate_out : Hz.
    band : Hz.
    block : seconds worked on at a time; what the answer waits for beside `REACH`.
    """

    def __init__(
        self, rate_in: float, rate_out: float, band: tuple[float, float], block: float
    ) -> None:
        self._ratio = rate_in / rate_out
        size = max(1, round(block * rate_in))
        half, self._width, self._response = _response(rate_in, rate_out, band, size)
        self._margin = half + _TAPS
        self._cutter = BlockCutter(1, size, self._margin, self._margin)
        self._next = 0
        self._table = _between()

    def push(self, lead: Array) -> Array:
        """Return the (time,) output samples that `lead` (time,) completes."""
        return self._run(self._cutter.push(lead[None]))

    def flush(self) -> Array:
        """Return the rest; the lead has ended."""
        return self._run(self._cutter.flush())

    def _run(self, blocks: Iterable[Block]) -> Array:
        pieces = [self._filter(block) for block in blocks]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _filter(self, block: Block) -> Array:
        whole = fill(block.data[0].astype(np.float64))
        whole = np.fft.irfft(np.fft.rfft(whole, self._width) * self._response, self._width)
        first = self._next
        self._next = last = max(first, math.ceil(block.stop / self._ratio))
        step = round(self._ratio)
        left = block.start - self._margin  # the absolute sample of whole[0]
        if step == self._ratio:
            return whole[first * step - left : last * step - left : step].astype(np.float32)
        place = np.arange(first, last) * self._ratio - left
        base = np.floor(place).astype(np.int64)
        phase = np.round((place - base) * _PHASES).astype(np.int64)
        around = whole[base[:, None] + np.arange(1 - _TAPS // 2, _TAPS // 2 + 1)]
        between: Array = np.einsum("kt,kt->k", around, self._table[phase]).astype(np.float32)
        return between
