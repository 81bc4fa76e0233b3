"""Where the mark of an R peak is set: the largest deviation close to where annotators put it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

REACH = (0.1, 0.16)  # seconds a mark may lie from its candidate; one lead, several
CLOSE = 13  # grid samples within which candidates of several leads may be one beat
_WINDOW = 2 / 360  # seconds either side that are searched
_BOX = 7 / 360  # seconds of the local mean
# Logits by which another lead must be surer than the one that speaks for the record: so many that
# only where that one has no candidate does another set the mark. Leads differ by 10 ms and more.
_BONUS = 30.0


@dataclass
class Candidates:
    """Candidates on the grid, in time order: the arrays are (candidate, lead) but `samples`.

    Attributes
    ----------
    samples : (candidate,) grid samples.
    logits : of each lead; NaN where it has no candidate there.
    places : grid samples of the mark, as the net would have it.
    """

    samples: Ints
    logits: Floats
    places: Floats

    def __add__(self, other: Candidates) -> Candidates:
        return Candidates(
            np.concatenate([self.samples, other.samples]),
            np.concatenate([self.logits, other.logits]),
            np.concatenate([self.places, other.places]),
        )

    def where(self, keep: npt.NDArray[np.bool_] | slice) -> Candidates:
        """Return some of them."""
        return Candidates(self.samples[keep], self.logits[keep], self.places[keep])


class Marker:
    """Sets marks at the record's own rate.

    Parameters
    ----------
    rate : Hz.
    lead : row of the lead whose mark is taken as long as it sees the beat.
    """

    def __init__(self, rate: float, lead: int) -> None:
        self._lead = lead
        self._window = max(1, round(_WINDOW * rate))
        self._half = max(1, round(_BOX * rate) // 2)
        n = np.arange(-self._window, self._window + 1)
        self._taper = (1 - 0.5 * np.abs(n) / max(1, self._window)).astype(np.float32)

    def best_near(self, found: Candidates, likely: npt.NDArray[np.bool_]) -> Candidates:
        """Return `found` with the mark of the speaking lead's likeliest candidate close by.

        Leads may disagree which of two neighbours is the beat: a pacemaker's spike in one is the
        beat's own candidate in another. A neighbour that all leads together do not take for a beat
        is a P wave, and sets no mark: `likely` (candidate,) says which are taken for one.
        """
        z = np.where(np.isnan(found.logits), -np.inf, found.logits)[:, self._lead]
        place = found.places[:, self._lead].copy()
        best = z.copy()
        near = np.where(likely, z, -np.inf)
        for shift in (1, 2):
            if len(z) <= shift:
                break
            close = found.samples[shift:] - found.samples[:-shift] <= CLOSE
            later = close & (near[shift:] > best[:-shift])
            best[:-shift][later] = near[shift:][later]
            place[:-shift][later] = found.places[shift:, self._lead][later]
            earlier = close & (near[:-shift] > best[shift:])
            best[shift:][earlier] = near[:-shift][earlier]
            place[shift:][earlier] = found.places[:-shift, self._lead][earlier]
        places, logits = found.places.copy(), found.logits.copy()
        places[:, self._lead] = place
        logits[:, self._lead] = np.where(np.isneginf(best), np.nan, best)
        return Candidates(found.samples, logits, places)

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
