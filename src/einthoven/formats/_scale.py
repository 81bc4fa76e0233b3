"""How a recording becomes integers again: common frames, gains and offsets, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from einthoven.formats._channels import TrackSource
from einthoven.record.errors import UsageError
from einthoven.record.record import Signal
from einthoven.record.source import Source

# Samples of all channels together that are held at once.
_PIECE = 4_000_000
_MAX_FRAME = 1_000_000


@dataclass(frozen=True)
class Frames:
    """How channels of several rates are laid side by side.

    Attributes
    ----------
    rate : frames a second, as an exact fraction.
    per_frame : (channel,) samples a frame.
    count : frames, the last one perhaps not full.
    """

    rate: Fraction
    per_frame: tuple[int, ...]
    count: int


def frames(source: Source) -> Frames:
    """Return the slowest frame that holds a whole number of samples of every channel.

    Raises
    ------
    UsageError : where there are no channels, or their rates have no such frame.
    """
    if not source.channels:
        raise UsageError(source.path, "holds no channels to write", "Choose another recording")
    # 1e-9 Hz is far below what any header states, so 1/3 Hz stays 1/3.
    rates = [Fraction(c.rate).limit_denominator(1_000_000) for c in source.channels]
    base = rates[0]
    for rate in rates[1:]:
        top = math.gcd(base.numerator * rate.denominator, rate.numerator * base.denominator)
        base = Fraction(top, base.denominator * rate.denominator)
    per = tuple(int(rate / base) for rate in rates)
    if sum(per) > _MAX_FRAME:
        told = ", ".join(f"{c.rate:g}" for c in source.channels)
        raise UsageError(
            source.path, f"has rates with no common frame ({told} Hz)", "Write it as .csv or .npz"
        )
    count = max(-(-c.samples // p) for c, p in zip(source.channels, per, strict=True))
    return Frames(base, per, count)


def pieces(source: Source, layout: Frames, start: int, stop: int) -> list[Signal]:
    """Return (time,) of each channel in its own unit for frames [start, stop), NaN past its end."""
    out: list[Signal] = [np.zeros(0, np.float32)] * len(source.channels)
    for per in set(layout.per_frame):
        same = [i for i, p in enumerate(layout.per_frame) if p == per]
        for index, row in zip(same, _rows(source, same, start * per, stop * per), strict=True):
            missing = (stop - start) * per - len(row)
            full = np.full(missing, np.nan, np.float32)
            out[index] = np.concatenate([row, full]) if missing else row
    return out


def _rows(source: Source, channels: Sequence[int], start: int, stop: int) -> Sequence[Signal]:
    if isinstance(source, TrackSource):
        return list(source.rows(channels, start, stop))
    return [source.read_channel(source.channels[i].name, start, stop) for i in channels]


def spans(layout: Frames, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """Give [start, stop) frames in pieces of bounded memory, each a whole `multiple` long."""
    size = max(1, _PIECE // sum(layout.per_frame) // multiple) * multiple
    for start in range(0, layout.count, size):
        yield start, min(start + size, layout.count)


@dataclass(frozen=True)
class Scale:
    """``digital = physical * gain + zero``."""

    gain: float
    zero: int

    def digital(self, physical: Signal, limit: int) -> npt.NDArray[np.int32]:
        """Return (time,) integers within ``[-limit, limit]``; ``-limit - 1`` where missing."""
        with np.errstate(invalid="ignore"):
            wide = np.rint(physical.astype(np.float64) * self.gain + self.zero)
            out = np.clip(wide, -limit, limit)
        out[~np.isfinite(wide)] = -limit - 1
        return out.astype(np.int32)


def scales(source: Source, layout: Frames, limit: int) -> list[Scale]:
    """Return the scale of each channel: the file's own where it fits `limit`, else a round one.

    The recording is read through once, for its extremes.
    """
    n = len(source.channels)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    steps = source.steps if isinstance(source, TrackSource) else [(0.0, 0.0)] * n
    # Whether 1/1000 of a unit, or the file's own step, holds every sample exactly. The segments of
    # a record may have other steps than its layout says.
    whole, own = np.ones(n, bool), np.array([step != 0 for step, _ in steps])
    for start, stop in spans(layout):
        for i, row in enumerate(pieces(source, layout, start, stop)):
            good = row[np.isfinite(row)]
            if len(good):
                low[i], high[i] = min(low[i], good.min()), max(high[i], good.max())
                fine = good.astype(np.float64) * 1000
                whole[i] &= bool(np.all(np.abs(fine - np.rint(fine)) < 1e-2))
                if own[i]:
                    native = good / steps[i][0] + steps[i][1]
                    own[i] = bool(np.all(np.abs(native - np.rint(native)) < 2e-2))
    return [
        _scale(float(low[i]), float(high[i]), *steps[i], bool(own[i]), bool(whole[i]), limit)
        for i in range(n)
    ]


def _scale(
    low: float, high: float, step: float, zero: float, native: bool, thousandths: bool, limit: int
) -> Scale:
    if low > high:  # no sample at all
        low = high = 0.0
    if native:
        own = Scale(1 / step, round(zero))
        if all(abs(v * own.gain + zero) <= limit for v in (low, high)) and zero == own.zero:
            return own
    peak = max(abs(low), abs(high))
    if thousandths and peak * 1000 <= limit:
        return Scale(1000.0, 0)
    span = high - low
    # A small wave on a great offset would lose its bits to the offset.
    middle = (low + high) / 2 if peak > 4 * span and span > 0 else 0.0
    reach = max(abs(low - middle), abs(high - middle)) or peak or 1.0
    gain = limit / reach
    power = 10.0 ** math.floor(math.log10(gain))
    gain = max(r * power for r in (1.0, 2.0, 5.0) if r * power <= gain)
    return Scale(gain, -round(middle * gain))
