"""Where the mark of an R peak is set: the largest deviation close to where annotators put it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

REACH = 0.1  # seconds a mark may lie from its candidate
_WINDOW = 4 / 360  # seconds either side that are searched
_BOX = 7 / 360  # seconds of the local mean
# Logits by which another lead must be surer than the one that speaks for the record: so many that
# only where that one has no candidate does another set the mark. Leads differ by 10 ms and more.
_BONUS = 30.0


class Marker:
    """Sets marks at the record's own rate.

    Parameters
    ----------
    rate : Hz.
    lead : row of the lead whose mark is taken as long as it sees the beat.
    """

    def __init__(self, rate: float, lead: int) -> None:
        self._lead = lead
        self._reach = int(REACH * rate)
        self._window = max(1, round(_WINDOW * rate))
        self._half = max(1, round(_BOX * rate) // 2)
        n = np.arange(-self._window, self._window + 1)
        self._taper = (1 - 0.5 * np.abs(n) / max(1, self._window)).astype(np.float32)

    def __call__(self, x: Signal, origin: int, logits: Floats, places: Floats) -> Ints:
        """Return (beat,) samples of the record.

        Parameters
        ----------
        x : (lead, time) mV without NaN, from sample `origin`.
        logits : (beat, lead) NaN where a lead did not see the beat.
        places : (beat, lead) samples where the net expects the mark.
        """
        if not len(logits):
            return np.zeros(0, np.int64)
        sure = np.where(np.isnan(logits), -np.inf, logits)
        sure[:, self._lead] += _BONUS
        lead = sure.argmax(axis=1)
        centre = np.rint(places[np.arange(len(lead)), lead]).astype(np.int64) - origin
        side = self._window + self._half
        centre = np.clip(centre, side, x.shape[1] - side - 1)
        around = x[lead[:, None], centre[:, None] + np.arange(-side, side + 1)]
        width = 2 * self._half + 1
        total = np.cumsum(around, axis=1, dtype=np.float64)
        mean = total[:, width - 1 :].copy()
        mean[:, 1:] -= total[:, :-width]
        deviation = np.abs(around[:, self._half : -self._half] - mean / width) * self._taper
        marks: Ints = centre + deviation.argmax(axis=1) - self._window + origin
        return marks
