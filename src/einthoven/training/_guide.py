"""Guide: where a network is to look, and what it may hear, while it learns and at no other time.

After EXGnet, arXiv:2506.12404 (2025): its explanation (Grad-CAM) is pulled towards masks made by a
rule, and measured features join in training only. The paper guides rhythms of 10 s; the rule for
beats, its numbers and the weights are ours. Read without torch; what it does is in `_guided`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.inputs._rhythm import around
from einthoven.record.errors import UsageError, nearest

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SIDES = ("rr", "rr4", "template")

# Seconds from the R peak. P as in the reference rule for rhythms that the P wave decides; the two
# QRS are ours: a narrow one ends before 120 ms, a wide one after.
REGIONS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"P": (-0.20, -0.08), "QRS": (-0.05, 0.06), "wide QRS": (-0.08, 0.12)}
)
PEAKS = "R peaks"  # of this beat and its neighbours, each as far as its own RR is unusual
# What speaks for a class, by which its mask is made; ours. A class that is not here is not guided.
MASKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "N": ("P", "QRS"),
        "L": ("wide QRS",),
        "R": ("wide QRS",),
        "S": ("P", PEAKS),
        "A": ("P", PEAKS),
        "V": ("wide QRS", PEAKS),
        "F": ("wide QRS",),
    }
)
_SPREAD = 0.040  # seconds, SD of the bump at an R peak
_UNUSUAL = 0.25  # an RR so far from the median, as a share of it, lights its R peak fully
_NEAR = 10  # beats on either side of which the median is taken


@dataclass(frozen=True, kw_only=True)
class Guide:
    """How the training of a network of beats is guided; 0 or nothing leaves a thing out.

    Neither part is in the network that is kept: it eats what ``[input]`` says and nothing else.

    Attributes
    ----------
    weight : of 1 - NCC(Grad-CAM, mask), the mean over the beats that are answered right. The mask
        is made of the waves that speak for the beat's class. The positions of the maps are taken to
        run evenly over the window.
    head : of the cross-entropy of a second head, to which the pooled maps and `side` are given.
    side : names of the groups of numbers that the second head hears, e.g. ``["rr", "template"]``.
    reach : seconds that these numbers look back and ahead, see ``input.back``.

    Raises
    ------
    UsageError : an impossible value.
    """

    weight: float = 0.0
    head: float = 0.0
    side: tuple[str, ...] = ()
    reach: float = 600.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", tuple(self.side))
        for key in ("weight", "head"):
            value = getattr(self, key)
            if not 0 <= value < np.inf:
                raise UsageError(f"guide.{key}", f"is {value}", "Give 0 or more, e.g. 0.1")
        for group in self.side:
            if group not in SIDES:
                raise UsageError("guide.side", f"{group!r} is not known", nearest(group, SIDES))
        if self.head and not self.side:
            raise UsageError("guide.side", "is empty", 'Give ["rr", "template"], or head = 0')
        if not 0 < self.reach < np.inf:
            raise UsageError("guide.reach", f"is {self.reach}", "Give seconds, e.g. 600.0")

    def check(self, augment: Mapping[str, object]) -> None:
        """Refuse what the masks or the second head could not follow.

        Raises
        ------
        UsageError : waves are moved off their places, or beats are made that have no neighbours.
        """
        if not (self.weight or self.head):
            return
        moves = ("shift", "warp") if self.weight else ()
        for key in (*moves, "premature", "synthetic"):
            if augment.get(key):
                fault = "changes beats in a way that [guide] cannot follow"
                raise UsageError(f"augment.{key}", fault, "Take one of the two out")


def r_peaks(record: Indices, seconds: Floats) -> tuple[Floats, Floats]:
    """Return where the R peaks around each beat lie and how unusual the RR before each of them is.

    Parameters
    ----------
    record : (beat,) which recording, rising.
    seconds : (beat,) R peaks, rising within a recording.

    Returns
    -------
    (beat, 3) seconds of the R peak before, its own and the next, from its own; infinite where there
    is none. (beat, 3) 0 to 1, |RR / median - 1| of the RR that ends with each, 1 from a quarter on.
    """
    place = np.full((len(seconds), 3), np.inf)
    unusual = np.zeros((len(seconds), 3))
    place[:, 1] = 0
    for number in np.unique(record).tolist():
        rows = np.flatnonzero(record == number)
        if len(rows) < 2:
            continue
        rr = np.diff(seconds[rows])
        usual = np.median(around(rr, 0, len(rr), _NEAR, _NEAR), axis=1)
        own = np.concatenate([[0.0], np.minimum(1.0, np.abs(rr / usual - 1) / _UNUSUAL)])
        place[rows[1:], 0], place[rows[:-1], 2] = -rr, rr
        unusual[rows, 1] = own
        unusual[rows[1:], 0], unusual[rows[:-1], 2] = own[:-1], own[1:]
    return place, unusual


def masks(
    label: Indices, classes: Sequence[str], place: Floats, unusual: Floats, *,
    window: tuple[float, float], rate: float,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Return (beat, time) where a network should look, 0 to 1; all 0 for a class without a rule.

    Parameters
    ----------
    label : (beat,) indices into `classes`.
    classes : their names; each is looked up in `MASKS`.
    place, unusual : of `r_peaks`.
    window : seconds before and after the R peak.
    rate : Hz.
    """
    before, after = round(window[0] * rate), round(window[1] * rate)
    time = np.arange(-before, after) / rate
    made = np.zeros((len(label), before + after), np.float32)
    for index, name in enumerate(classes):
        rows = np.flatnonzero(label == index)
        for part in MASKS.get(name, ()):
            if part == PEAKS:
                for k in range(3):
                    far = (time - place[rows, k, None]) / _SPREAD
                    bump = unusual[rows, k, None] * np.exp(-0.5 * far**2)
                    made[rows] = np.maximum(made[rows], bump)
            else:
                start, stop = REGIONS[part]
                made[np.ix_(rows, np.flatnonzero((time >= start) & (time < stop)))] = 1
    return made
