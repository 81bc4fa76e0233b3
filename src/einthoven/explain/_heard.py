"""The R peaks of a recording as the engine hears them, and what a stage makes of its chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from einthoven.engine.engine import BLOCK_SECONDS
from einthoven.record.record import Signal
from einthoven.record.source import Source
from einthoven.signal.peaks import PeakStream

Samples = npt.NDArray[np.int64]

# Takes a chunk, the R peaks that have become final, and the sample before which all are.
Push = Callable[[Signal, Samples, int], None]


def heard(source: Source, profile: str, push: Push) -> Samples:
    """Feed a stage as the engine does, and return all R peaks (beat,).

    Its end, where no signal comes but the last peaks do, is a chunk without samples.
    """
    stream = PeakStream(source.rate, source.leads, BLOCK_SECONDS[profile])
    every: list[Samples] = [np.zeros(0, np.int64)]
    until = 0
    for chunk in source.chunks():
        blocks = stream.push(chunk)
        found = [b.samples for b in blocks]
        until = blocks[-1].stop if blocks else until
        every += found
        push(chunk, np.concatenate([every[0], *found]), until)
    blocks = stream.flush()
    found = [b.samples for b in blocks]
    until = blocks[-1].stop if blocks else until
    every += found
    push(np.zeros((len(source.leads), 0), np.float32), np.concatenate([every[0], *found]), until)
    return np.concatenate(every)
