"""Quality: whether ten seconds of signal can be judged, and whether a recording is one of a heart.

The score is the detector's own opinion of itself: the sum of the probabilities of the beats it
accepted, over their number plus the probabilities of those it rejected. It is 1 where every
candidate is plainly a beat or plainly none. On top stand hard checks of the samples and of the
number of beats; what fails one is scored down, so that the score alone says what is good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal

WINDOW = 10  # seconds; windows begin at multiples of it
GOOD = (
    0.90  # set beforehand in a study on DS1 of mitdb with noise of nstdb; not yet judged again here
)
NO_BEATS = "no heartbeats were found"
FEWEST = 3  # beats in a full window
_MISSING = 0.5  # share of samples
_FLAT = 0.5
_CLIPPED = 0.2
SAME = 0.001  # mV; 1 uV, under which neighbouring samples are the same
SAME_SHARE = 0.2  # of the samples of a piece up to which no stretch of it can be unchanging
_SHORTEST = 2.0  # seconds of signal below which nothing is said
FLAT = 0.005  # mV from the lowest to the highest sample of a lead that is not connected


@dataclass
class Counts:
    """Running sums over one window; the arrays are (lead,)."""

    samples: int
    missing: npt.NDArray[np.int64]
    flat: npt.NDArray[np.int64]
    clipped: npt.NDArray[np.int64]
    accepted: int = 0
    sum_accepted: float = 0.0
    sum_rejected: float = 0.0

    @classmethod
    def empty(cls, leads: int) -> Counts:
        """Return zeros for that many leads."""
        a, b, c = (np.zeros(leads, np.int64) for _ in range(3))
        return cls(0, a, b, c)

    def add_samples(self, x: Signal) -> None:
        """Count the missing, unchanging and clipped samples of `x` (lead, time), mV."""
        self.samples += x.shape[1]
        missing = None
        # A sum is not finite where a sample is not, and costs a tenth of asking each.
        if not np.isfinite(x.sum(dtype=np.float64)):
            missing = ~np.isfinite(x)
            self.missing += missing.sum(axis=1)
            x = np.where(missing, np.float32(0), x)
        if x.shape[1] < 2:
            return
        step = x[:, 1:] - x[:, :-1]
        same = np.abs(step, out=step) < SAME
        # An unchanging stretch counts where it is longer than a slow, coarse signal makes.
        if np.count_nonzero(same) > SAME_SHARE * same.size:
            both = np.ones_like(same)
            if missing is not None:
                both = ~(missing[:, 1:] | missing[:, :-1])
            runs = _long_runs(same & both, max(8, x.shape[1] // 16))
            self.flat += runs.sum(axis=1)
            top, bottom = x.max(axis=1, keepdims=True), x.min(axis=1, keepdims=True)
            extreme = (x[:, 1:] == top) | (x[:, 1:] == bottom)
            wide = (top - bottom) > 0.1
            self.clipped += (_long_runs(same & both & extreme, 5) & wide).sum(axis=1)

    def score(self, seconds: float) -> float:
        """Return the score, 0 to 1, of a window of that many seconds; 0 where no beat was accepted.

        With fewer beats than the window must hold it is their share of these times less; where no
        lead is sound, the share of samples that could be used in the best of them.
        """
        if not self.accepted or seconds < _SHORTEST:
            return 0.0
        fewest = max(1, math.ceil(FEWEST * seconds / WINDOW))
        score = self.sum_accepted / (self.accepted + self.sum_rejected)
        score *= min(1.0, self.accepted / fewest)
        if not self.sound().any():
            lost = (self.missing + self.flat + self.clipped) / max(1, self.samples)
            score *= max(0.0, 1.0 - float(lost.min()))
        return score

    def sound(self) -> npt.NDArray[np.bool_]:
        """Return (lead,) whether the samples themselves pass the hard checks."""
        n = max(1, self.samples)
        return (
            (self.missing <= _MISSING * n) & (self.flat <= _FLAT * n)
            & (self.clipped <= _CLIPPED * n)
        )  # fmt: skip

    def good(self, seconds: float) -> bool:
        """Return whether a window of that many seconds can be judged."""
        return self.score(seconds) > GOOD


def _long_runs(mask: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    """Return `mask` (lead, time) with the runs of true shorter than `least` taken out."""
    out = np.zeros_like(mask)
    for row, keep in zip(mask, out, strict=True):
        edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).reshape(-1, 2)
        for start, stop in edges[(edges[:, 1] - edges[:, 0]) >= least].tolist():
            keep[start:stop] = True
    return out


def silent(lead: Signal, parts: int) -> bool:
    """Return whether a lead (time,), mV, is flat or missing in more than half of equal parts."""
    if len(lead) < parts:
        return True
    # The longer parts come first, as `numpy.array_split` has it.
    size, longer = divmod(len(lead), parts)
    part = np.arange(parts)
    start = part * size + np.minimum(part, longer)
    # These two pass over NaN, and are NaN where there is nothing else.
    moving = np.fmax.reduceat(lead, start) - np.fmin.reduceat(lead, start) >= FLAT
    return parts - int(np.count_nonzero(moving)) > parts / 2


def usable(
    seconds: float, windows: int, good: int, beats: int, sound: int
) -> tuple[bool, str | None]:
    """Say whether a recording is an ECG that can be judged.

    Parameters
    ----------
    seconds : its length.
    windows, good : quality windows, and those of them that can be judged.
    beats, sound : R peaks found, and those of them in good windows.

    Returns
    -------
    usable : whether at least one window in fifty is good, with beats in it.
    reason : None where it is.
    """
    if seconds < _SHORTEST:
        return False, f"it is too short: {seconds:.1f} s, at least {_SHORTEST:.0f} s are needed"
    if not beats:
        return False, NO_BEATS
    if sound >= min(FEWEST, windows * FEWEST) and good * 50 >= windows:
        return True, None
    if beats < FEWEST and good * 50 >= windows:
        return False, f"too few heartbeats: {beats} found, at least {FEWEST} are needed"
    return False, (
        f"no heartbeats that can be trusted: {good} of {windows} windows are clean enough, "
        f"with {sound} of {beats} beats in them"
    )
