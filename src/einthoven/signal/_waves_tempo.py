"""The net of the waves asked about a heart slower and faster than it is, and one answer of both.

Where the net places a boundary hangs on how wide the waves are that it is shown. What differs
between the answers is the net's, not the heart's, and half of it goes in the mean. Ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Net = Callable[[Floats], Floats]  # see `signal.waves.Net`

MULTIPLE = 16  # the net halves its window four times

# Time is multiplied by each. On records that were not learnt from, nearer to 1 (0.9 and 1.1) brings
# less, and the own tempo beside them adds nothing but time; farther (0.8 and 1.2) brings as much,
# but in a block P waves without a beat are lost.
TEMPOS = (0.85, 1.18)


def at_tempos(net: Net, window: Floats) -> Floats:
    """Return (item, 4, time) what a net says of `window` (item, 1, time), the mean over the tempos.

    The time is a multiple of `MULTIPLE`.
    """
    said = []
    for tempo in TEMPOS:
        there, back = _ways(window.shape[2], tempo)
        said.append(_between(net(_between(window, *there)), *back))
    mean: Floats = np.mean(said, axis=0, dtype=np.float32)
    return mean


@lru_cache(maxsize=64)
def _ways(time: int, tempo: float) -> tuple[tuple[Ints, Floats], tuple[Ints, Floats]]:
    """Return where to read `time` samples for another tempo, and that answer for the own one.

    What lies beyond the last sample is what it is there.
    """
    other = math.ceil(time * tempo / MULTIPLE) * MULTIPLE
    return _places(np.arange(other) / tempo, time), _places(np.arange(time) * tempo, other)


def _places(at: npt.NDArray[np.floating[Any]], time: int) -> tuple[Ints, Floats]:
    """Return the sample before each place and how far beyond it the place is."""
    left = np.minimum(at.astype(np.int64), max(0, time - 2))
    return left, np.clip(at - left, 0, 1).astype(np.float32)


def _between(x: Floats, left: Ints, share: Floats) -> Floats:
    """Return (item, channel, place) of `x` (item, channel, time), by straight lines."""
    first = x[..., left]
    return first + share * (x[..., np.minimum(left + 1, x.shape[2] - 1)] - first)
