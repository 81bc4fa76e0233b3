"""The median beat: what all of a record's own beats have in common, noise left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal._beat_waves import QRS, P, T
from einthoven.signal._value import quantile

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Read = Callable[[int, int], Signal]

MOST = 120  # beats of a record that enter, evenly spread: more change nothing that can be seen
FEWEST = 3
_MARGIN = 0.08  # seconds shown before the first wave and after the last
_BEFORE = (0.15, 0.60)  # seconds before R, at least and at most
_AFTER = (0.25, 0.80)
_LEVEL = 0.02  # seconds before the QRS whose median is the level from which QRS, ST and T count


@dataclass(frozen=True, kw_only=True, eq=False)
class MedianBeats:
    """One beat in every lead.

    Attributes
    ----------
    signal : (lead, time) mV from the level before the QRS; NaN where a lead has no signal.
    beats : (beat, lead, time) mV, those of which `signal` is the median, each from its own level.
    rate : Hz.
    at : index of R in `signal`.
    marks : (3 kinds, 3 marks, lead) samples from R, each lead's own P, QRS, T by onset, peak,
        offset; medians, NaN where most beats have none.
    common : (3 kinds, 2) samples from R: onset and offset of all leads together.
    """

    signal: Float
    beats: Float
    rate: float
    at: int
    marks: Float
    common: Float

    def span(self, kind: int) -> tuple[int, int] | None:
        """Return first and last index of a wave in `signal`, all leads together; None if untold."""
        if not np.isfinite(self.common[kind]).all():
            return None
        a, b = (self.at + round(float(x)) for x in self.common[kind])
        a, b = max(a, 0), min(b, self.signal.shape[1] - 1)
        return (a, b) if b > a else None


def median_beats(
    read: Read, peaks: Ints, each: Float, common: Float, rate: float
) -> MedianBeats | None:
    """Return the median beat of every lead, aligned on R; None from fewer than three beats.

    Parameters
    ----------
    read : gives (lead, time) mV from a first sample to before a second, e.g. ``source.read``.
    peaks : (beat,) R peaks of the beats to take: sound ones of one class.
    each : (3, 3, lead, beat) their waves in samples from R, as `beat_waves` gives them.
    common : (3, 2, beat) likewise, of all leads together.
    rate : Hz.
    """
    if len(peaks) < FEWEST:
        return None
    marks, together = _usual(each), _usual(common)
    first, last = _reach(together, rate)
    take = np.unique(np.linspace(0, len(peaks) - 1, MOST).round().astype(np.int64))
    stack = np.full((len(take), each.shape[2], first + last + 1), np.nan)
    for row, peak in zip(stack, peaks[take].tolist(), strict=True):
        begin = max(0, peak - first)
        piece = read(begin, peak + last + 1)
        start = begin - (peak - first)
        row[:, start : start + piece.shape[1]] = piece
    onset = together[QRS, 0] if np.isfinite(together[QRS, 0]) else -0.05 * rate
    stop = max(1, first + round(float(onset)))
    flat = stack[:, :, max(0, stop - max(1, round(_LEVEL * rate))) : stop]
    stack -= quantile(np.moveaxis(flat, 2, 0), 0.5)[:, :, None]
    return MedianBeats(signal=quantile(stack, 0.5), beats=stack, rate=rate, at=first,
                       marks=marks, common=together)  # fmt: skip


def _usual(each: Float) -> Float:
    """Return medians along the last axis (beat), where most beats have one."""
    by_beat = np.moveaxis(each, -1, 0)
    often = np.isfinite(by_beat).mean(axis=0) > 0.5
    return np.where(often, quantile(by_beat, 0.5), np.nan)


def _reach(together: Float, rate: float) -> tuple[int, int]:
    """Return how many samples before and after R hold all waves and a margin."""
    begin = together[P, 0] if np.isfinite(together[P, 0]) else together[QRS, 0] - 0.12 * rate
    end = together[T, 1] if np.isfinite(together[T, 1]) else together[QRS, 1] + 0.3 * rate
    before = -begin / rate + _MARGIN if np.isfinite(begin) else _BEFORE[0]
    after = end / rate + _MARGIN if np.isfinite(end) else _AFTER[0]
    return round(float(np.clip(before, *_BEFORE)) * rate), round(
        float(np.clip(after, *_AFTER)) * rate
    )
