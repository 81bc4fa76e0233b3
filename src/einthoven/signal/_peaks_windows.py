"""The quality windows of a recording, as its blocks and candidates come in."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal._peaks_front import GRID
from einthoven.signal.quality import SAME, SAME_SHARE, WINDOW, Counts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def plain(pieces: list[Signal]) -> list[bool]:
    """Return which pieces (lead, time) of one width lack nothing and change enough to be sound."""
    x = pieces[0][None] if len(pieces) == 1 else np.stack(pieces)
    same = np.abs(x[..., 1:] - x[..., :-1]) < SAME
    moving = np.count_nonzero(same, axis=(1, 2)) <= SAME_SHARE * same[0].size
    known = np.isfinite(x.sum(axis=(1, 2), dtype=np.float64))
    found: list[bool] = (moving & known).tolist()
    return found


class Windows:
    """Counts of the windows that have not ended.

    Parameters
    ----------
    rate : Hz.
    leads : how many.
    """

    def __init__(self, rate: float, leads: int) -> None:
        self._rate, self._leads = rate, leads
        self._open: dict[int, Counts] = {}
        self._next = 0

    def add_samples(self, start: int, x: Signal, *, plain: bool) -> None:
        """Count the samples `x` (lead, time) from sample `start` on; `plain` as of `plain`."""
        a, stop = start, start + x.shape[1]
        while a < stop:
            window = math.floor(a / (WINDOW * self._rate) + 1e-9)
            b = min(stop, self._edge(window + 1))
            if plain and b - a == x.shape[1]:
                self._counts(window).samples += b - a
            else:
                self._counts(window).add_samples(x[:, a - start : b - start])
            a = b

    def add_candidates(self, samples: Ints, p: Floats, accepted: npt.NDArray[np.bool_]) -> None:
        """Count candidates at grid samples, with the probability that each is a beat."""
        at = samples // (WINDOW * GRID)
        for window in sorted(set(at.tolist())):
            counts = self._counts(window)
            here = at == window
            counts.accepted += int((here & accepted).sum())
            counts.sum_accepted += float(p[here & accepted].sum())
            counts.sum_rejected += float(p[here & ~accepted].sum())

    def due(self, stop: int) -> bool:
        """Return whether a window ends by sample `stop`."""
        return self._edge(self._next + 1) <= stop

    def ended(self, stop: int, end: int | None) -> list[tuple[int, int, float, bool]]:
        """Return start, end, score, good of the windows that end by `stop`.

        `end` is that of the recording, if it has ended; its last window may be short.
        """
        out = []
        while self._next in self._open:
            a, b = self._edge(self._next), self._edge(self._next + 1)
            if b > stop and end is None:
                break
            counts = self._open.pop(self._next)
            b = b if end is None else min(b, end)
            seconds = (b - a) / self._rate
            out.append((a, b, counts.score(seconds), counts.good(seconds)))
            self._next += 1
        return out

    def _counts(self, window: int) -> Counts:
        if window not in self._open:
            self._open[window] = Counts.empty(self._leads)
        return self._open[window]

    def _edge(self, window: int) -> int:
        return math.ceil(window * WINDOW * self._rate - 1e-6)
