"""The engine's own R peaks of a recording, and the reference beats they stand for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.record import Annotations, Source

MATCH = 0.15  # seconds, as in ANSI/AAMI EC57


def engine_peaks(source: Source) -> npt.NDArray[np.int64]:
    """Return (beat,) int64 R peaks that the detector finds, all leads together."""
    from einthoven.signal.peaks import PeakStream

    stream = PeakStream(source.rate, source.leads, 60.0)
    blocks = [block for chunk in source.chunks() for block in stream.push(chunk)]
    blocks += stream.flush()
    return np.concatenate([np.zeros(0, np.int64), *(b.samples for b in blocks)])


def symbols_of(
    samples: npt.NDArray[np.int64], reference: Annotations, rate: float
) -> npt.NDArray[np.str_]:
    """Return (beat,) the symbol of the reference beat each R peak stands for, ``""`` for none.

    Pairs are made by distance, the nearest first, each beat once, none further than 150 ms.
    """
    found = np.full(len(samples), "", dtype="<U1")
    if not len(samples) or not len(reference):
        return found
    reach = MATCH * rate
    after = np.searchsorted(reference.samples, samples)
    pairs = []
    for side in (after - 1, after):
        inside = np.flatnonzero((side >= 0) & (side < len(reference)))
        gap = np.abs(reference.samples[side[inside]] - samples[inside])
        near = gap <= reach
        pairs.append(np.stack([gap[near], inside[near], side[inside[near]]], axis=1))
    taken_peaks, taken_beats = set(), set()
    for _, peak, beat in sorted(map(tuple, np.concatenate(pairs).tolist())):
        if peak not in taken_peaks and beat not in taken_beats:
            taken_peaks.add(peak)
            taken_beats.add(beat)
            found[peak] = str(reference.symbols[beat])
    return found
