"""Beats with their neighbours, for networks that read the heartbeats as a sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

# Beats given at a time. The same beats always stand together, wherever the signal was cut, so that
# sums are taken in the same order and the last bit is the same, too.
PIECE = 64


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a network eats of some beats.

    Attributes
    ----------
    samples : (beat,) int64 R peaks at the record's own rate.
    window : (beat, lead, time) float32 as the spec says; time is 0 where no waveform is eaten.
    side : (beat, number) float32, the columns named by `side_names`; where the spec asks for
        neighbours (before + beat + after, number), those of the beats around included.
    """

    samples: Samples
    window: Array
    side: Array


class Neighbours:
    """Holds beats back until those after them are known.

    Before the first beat of a recording and after its last one, that beat is repeated.

    Parameters
    ----------
    before, after : beats that go with each.
    """

    def __init__(self, before: int, after: int) -> None:
        self._before, self._after = before, after
        self._samples = np.zeros(0, np.int64)
        self._window: Array | None = None
        self._side: Array | None = None  # from `before` beats before the first of `_samples` on

    def push(self, given: Inputs) -> list[Inputs]:
        """Return the pieces that `given` completes."""
        if not len(given.samples):
            return []
        side = given.side
        if self._side is None or self._window is None:
            self._side, self._window = np.repeat(side[:1], self._before, axis=0), given.window[:0]
        self._samples = np.concatenate([self._samples, given.samples])
        self._window = np.concatenate([self._window, given.window])
        self._side = np.concatenate([self._side, side])
        found = []
        while len(self._samples) >= PIECE + self._after:
            found.append(self._cut(PIECE))
        return found

    def flush(self) -> list[Inputs]:
        """Return the rest; the recording has ended."""
        if self._side is None or not len(self._samples):
            return []
        last = np.repeat(self._side[-1:], self._after, axis=0)
        self._side = np.concatenate([self._side, last])
        found = []
        while len(self._samples):
            found.append(self._cut(min(PIECE, len(self._samples))))
        return found

    def _cut(self, beats: int) -> Inputs:
        assert self._side is not None
        assert self._window is not None
        piece = Inputs(
            samples=self._samples[:beats], window=self._window[:beats],
            side=self._side[: self._before + beats + self._after],
        )  # fmt: skip
        self._samples, self._window = self._samples[beats:], self._window[beats:]
        self._side = self._side[beats:]
        return piece
