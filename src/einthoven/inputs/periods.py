"""Periods: the beats of one lead, each 64 samples with R in the middle, and the intervals between.

What period-aware pretraining reads (arXiv:2410.18094; only its abstract is known, the cut is ours).
A period is a fixed 0.4 s before R to 0.4 s after it at 80 Hz: the P wave lies at the same samples
whatever the heart rate. It is not stretched, nor cut midway to the neighbours, for either would
show the interval that the network is asked to foretell from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.inputs.rhythm_span import prepare
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.rhythm import RATE as GRID

Floats = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

RATE, BEFORE, SIZE = 80.0, 32, 64  # Hz; samples before R; samples of a period
P_WAVE = slice(12, 27)  # samples of a period from 0.25 s to 0.06 s before R
NUMBERS = 3  # side numbers a beat: whether there is one, seconds since the last R, over the median

_LOUD = 97  # percentile of |x| that becomes 1
_CLIP = 6.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Periods:
    """The beats of one record.

    Attributes
    ----------
    period : (beat, 64) float32, to the record's own scale.
    second : (beat,) when its R is, from the record's begin.
    rr : (beat,) float32 seconds since the R before it, 0 where there is none. A beat too near to
        an end of the record for its period is left out; the next one's interval still ends at it.
    """

    period: Floats
    second: Times
    rr: Floats

    def __len__(self) -> int:
        return len(self.second)

    def within(self, start: float, seconds: float) -> slice:
        """Return which beats lie in [start, start + seconds)."""
        first, last = np.searchsorted(self.second, (start, start + seconds))
        return slice(int(first), int(last))


def check(spec: InputSpec) -> None:
    """Refuse what is no spec of periods.

    Raises
    ------
    UsageError : it is of another kind, or asks for another cut.
    """
    asked = (spec.kind, spec.version, spec.rate, spec.window, spec.band)
    if asked != ("periods", 1, RATE, (0.4, 0.4), (0.5, 45.0)):
        mend = 'Give kind = "periods", rate = 80, window [0.4, 0.4], band [0.5, 45]'
        raise UsageError("input", "is another than periods are cut by", mend)


def periods(signal: Floats, rate: float, peaks: npt.NDArray[np.int64], spec: InputSpec) -> Periods:
    """Return the periods of one lead; none where there is no beat.

    Parameters
    ----------
    signal : (time,) mV, NaN where missing.
    rate : Hz.
    peaks : (beat,) samples of the R peaks, ascending; maybe none.
    spec : of kind ``periods``.

    Raises
    ------
    UsageError : the spec is of another kind, or asks for another cut.
    DataError : the peaks do not ascend within the signal.
    """
    check(spec)
    if len(peaks) and (peaks[0] < 0 or peaks[-1] >= len(signal) or (np.diff(peaks) <= 0).any()):
        fault = f"R peaks do not ascend within the {len(signal)} samples"
        raise DataError("periods", fault, "Give samples of the signal, each once")
    if not len(peaks):
        none = np.zeros(0, np.float32)
        return Periods(period=np.zeros((0, SIZE), np.float32), second=np.zeros(0), rr=none)
    clean, known = prepare(np.asarray(signal, np.float32), rate)
    size = float(np.percentile(np.abs(clean[known]), _LOUD)) if known.any() else 0.0
    lead = np.clip(clean / max(size, 1e-6), -_CLIP, _CLIP)
    second = peaks / rate
    rr = np.diff(second, prepend=second[:1]).astype(np.float32)
    at = second[:, None] + (np.arange(SIZE) - BEFORE) / RATE
    whole = (at[:, 0] >= 0) & (at[:, -1] <= (len(lead) - 1) / GRID)
    # The lead ends at 45 Hz and is given at 200: a straight line from sample to sample will do.
    cut = np.interp(at[whole], np.arange(len(lead)) / GRID, lead)
    return Periods(period=cut.astype(np.float32), second=second[whole], rr=rr[whole])


def laid(strips: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return what the network eats of strips, as many places as the longest has beats, 1 at least.

    Parameters
    ----------
    strips : of each ``(period, rr)``, some beats in a row of `Periods`.

    Returns
    -------
    window : (strip, place, 64), 0 behind the last beat.
    side : (strip, 3 x place) of each place: 1 where there is a beat; the seconds since the R
        before it in the strip, 0 where there is none; the same over the median of the strip.
    """
    places = max([1, *(len(rr) for _, rr in strips)])
    window = np.zeros((len(strips), places, SIZE), np.float32)
    side = np.zeros((len(strips), places, NUMBERS), np.float32)
    for to, number, (period, rr) in zip(window, side, strips, strict=True):
        count = len(rr)
        to[:count], number[:count, 0] = period, 1
        if count > 1:
            number[1:count, 1] = rr[1:]
            number[1:count, 2] = rr[1:] / max(float(np.median(rr[1:])), 1e-3)
    return window, side.reshape(len(strips), -1)
