"""What the signal of a record is like: how much of it can be judged, what is flat or exchanged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from einthoven.record.source import Source
from einthoven.signal.leads_swapped import arms_swapped
from einthoven.signal.peaks import PeakStream

_FLAT = 0.02  # mV from lowest to highest, below which a lead shows nothing: two digits of 10 uV
_CHUNK = 60.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a record's signal is like.

    Attributes
    ----------
    windows, good : windows of the signal, and those in which beats can be judged.
    beats : R peaks found.
    flat : leads that never move, or have no signal.
    swapped : whether the arm electrodes seem to be exchanged; None where it cannot be told.
    digest : of the samples in uV; two records with one digest are one recording.
    """

    windows: int
    good: int
    beats: int
    flat: tuple[str, ...]
    swapped: bool | None
    digest: str


def quality(source: Source) -> Quality:
    """Look at all of a record's leads, piece by piece."""
    stream = PeakStream(source.rate, source.leads, 256.0)
    low = np.full(len(source.leads), np.inf)
    high = -low
    digest = hashlib.sha256()
    good: list[np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = []
    peaks: list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = []
    first = np.empty((len(source.leads), 0), np.float32)
    for number, piece in enumerate(source.chunks(_CHUNK)):
        first = piece if number == 0 else first
        low = np.fmin(low, np.nanmin(piece, axis=1, initial=np.inf))
        high = np.fmax(high, np.nanmax(piece, axis=1, initial=-np.inf))
        whole = np.nan_to_num(piece * 1000, nan=-32768.0, posinf=0.0, neginf=0.0)
        digest.update(np.rint(whole).astype("<i4").tobytes())
        for block in stream.push(piece):
            good.append(block.quality_good)
            peaks.append(block.samples)
    for block in stream.flush():
        good.append(block.quality_good)
        peaks.append(block.samples)
    found = np.concatenate(peaks) if peaks else np.empty(0, np.int64)
    judged = np.concatenate(good) if good else np.empty(0, np.bool_)
    still = ~(high - low >= _FLAT)
    return Quality(
        windows=len(judged), good=int(judged.sum()), beats=len(found),
        flat=tuple(n for n, flat in zip(source.leads, still.tolist(), strict=True) if flat),
        swapped=arms_swapped(first, source.rate, source.leads, found[found < first.shape[1]]),
        digest=digest.hexdigest(),
    )  # fmt: skip
