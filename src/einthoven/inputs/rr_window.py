"""Five minutes of intervals between beats: the series that a network sees, the measures of trees.

The shape of HRVConformer (arXiv:2605.26190): the interval at 4 Hz, 1,200 numbers a window. Beats
are put right first (`signal.nn_intervals.repaired`), early ones left where they are: whether they
belong to the rhythm is for whoever reads the series to say. The paper drops windows whose
intervals spread by more than 0.12 s; here those are what is looked for, and none is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.signal import hrv
from einthoven.signal.nn_intervals import GAP, Intervals, Repaired, repaired

SPAN, RATE = 300.0, 4.0
TIME = round(SPAN * RATE)
LEAST = 0.8  # share of a window whose intervals are known; with less it is no window
MEASURES = (
    "mean_nn_ms", "sdnn_ms", "rmssd_ms", "nn50", "pnn50", "sd1_ms", "sd2_ms", "sample_entropy",
    "vlf_ms2", "lf_ms2", "hf_ms2", "lf_hf", "lf_nu", "sdnn_part", "rmssd_part", "sd1_sd2",
)  # fmt: skip

_FEWEST = 30  # intervals that measures are made of

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """The intervals of a whole record.

    Attributes
    ----------
    beats : put right.
    seconds : (time,) float32, the interval at 4 Hz from the record's beginning.
    known : (time,) whether it is known there.
    """

    beats: Repaired
    seconds: Floats
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, beats: npt.NDArray[np.float64]) -> Track:
        """Return the track of beats.

        Parameters
        ----------
        beats : (beat,) seconds, in order; beats at one time count once.

        Raises
        ------
        UsageError : there are fewer than two, or they are out of order.
        """
        if len(beats) < 2:
            raise UsageError("beats", f"are {len(beats)}", "Give two or more")
        sound = repaired(np.concatenate([beats[:1], beats[1:][np.diff(beats) != 0]]))
        ms, known = sound.series(0.0, int(sound.seconds[-1] * RATE), RATE)
        return cls(beats=sound, seconds=(ms / 1000).astype(np.float32), known=known)

    def starts(self, hop: float) -> npt.NDArray[np.int64]:
        """Return the first samples of the whole windows, a window each `hop` seconds."""
        every = np.arange(0, len(self.seconds) - TIME + 1, max(1, round(hop * RATE)))
        told = np.concatenate([[0], np.cumsum(self.known)])
        full = told[every + TIME] - told[every] >= LEAST * TIME
        return np.asarray(every[full], np.int64)

    def window(self, start: int) -> Floats:
        """Return (1, 1200) seconds of interval from a sample on."""
        return self.seconds[None, start : start + TIME]

    def measures(self, start: int) -> Floats:
        """Return `MEASURES` of the window from a sample on; NaN where one cannot be given.

        ``sdnn_part`` and ``rmssd_part`` are parts of the mean interval.
        """
        ends = self.beats.seconds[1:]
        first, last = np.searchsorted(ends, (start / RATE, start / RATE + SPAN))
        told = self.beats.kind[first:last] != GAP
        if told.sum() < _FEWEST:
            return np.full(len(MEASURES), np.nan, np.float32)
        follows = np.concatenate([[False], told[:-1]])[told]
        ms = np.diff(self.beats.seconds[first : last + 1])[told] * 1000
        nn = Intervals(ms=ms, ends=ends[first:last][told], follows=follows, replaced=0.0)
        said = {**hrv.time_domain(nn), **hrv.poincare(nn), "sample_entropy": hrv.sample_entropy(ms)}
        said |= hrv.bands(*hrv.spectrum(nn.ms, nn.ends))
        said["sdnn_part"] = said["sdnn_ms"] / said["mean_nn_ms"]
        said["rmssd_part"] = said["rmssd_ms"] / said["mean_nn_ms"]
        said["sd1_sd2"] = said["sd1_ms"] / max(said["sd2_ms"], 1.0)
        return np.array([said[key] for key in MEASURES], np.float32)
