"""Case: one answer of a model, with all that the model ate for it and the parts that it is made of.

Explainers that take something away take away parts. Of the window a part is replaced by the
straight line between its ends (zeros and noise would be no ECG); of the side numbers by those of
the reference, e.g. of the patient's usual beat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.attribution import Stretch
from einthoven.record.errors import UsageError

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A named piece of what a model eats.

    Attributes
    ----------
    name : e.g. ``QRS``, ``RR``, ``V1``, ``0.12 s``.
    where : (lead, time) bool, samples of the window that belong to it.
    numbers : (number,) bool, side numbers that belong to it.
    stretches : where in the record it stands; none for what stands nowhere, such as RR.
    """

    name: str
    where: Mask
    numbers: Mask
    stretches: tuple[Stretch, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One answer that is to be explained.

    Attributes
    ----------
    record, what : the record, and what of it, in words.
    window : (lead, time) float32 as the model eats it; (lead, 0) where it eats none.
    side : (row, number) float32 as the model eats it, most models one row, a model of beats with
        their neighbours a row each; (1, 0) where it eats none.
    row : of `side`, which is the item's own.
    names : of the side numbers.
    reference : (number,) what stands in for side numbers that are taken away.
    start, rate : seconds from the begin of the record to the window's first sample, and its Hz.
    leads : names of the window's rows.
    r_peaks : (beat,) seconds from the begin of the record of the R peaks in the window.
    parts : by what the item can be taken apart: ``waves`` (P, PR, QRS, ST, T, TP, RR), ``leads``
        where there are several, ``slices`` (equal pieces of the window).
    others : (item, lead, time) windows of other beats or stretches of the same record, with which
        some methods compare; None where there is none.
    others_side : (item, number) their own side numbers, likewise.
    """

    record: str
    what: str
    window: Array
    side: Array
    row: int
    names: tuple[str, ...]
    reference: Array
    start: float
    rate: float
    leads: tuple[str, ...]
    r_peaks: npt.NDArray[np.float64]
    parts: Mapping[str, tuple[Part, ...]]
    others: Array | None = None
    others_side: Array | None = None

    def by(self, kind: str) -> tuple[Part, ...]:
        """Return the parts of a kind.

        Raises
        ------
        UsageError : the item is not made of such.
        """
        if kind not in self.parts:
            mend = f"Use {', '.join(self.parts)}"
            raise UsageError(self.what, f"cannot be taken apart by {kind}", mend)
        return self.parts[kind]

    def masked(self, parts: Sequence[Part], keep: Mask) -> dict[str, Array]:
        """Return the inputs of variants of the item in which some parts have been taken away.

        Parameters
        ----------
        parts : of this item.
        keep : (variant, part) bool, False where the part is taken away.

        Returns
        -------
        ``window`` (variant, lead, time), ``side`` (variant, row, number); `Model.logits` eats both.
        """
        keep = np.asarray(keep, bool)
        gone = ~keep
        windows = np.repeat(self.window[None], len(keep), axis=0)
        if self.window.shape[1]:
            where = np.stack([p.where.ravel() for p in parts]).astype(np.float32)
            lost = (gone.astype(np.float32) @ where) > 0
            windows = bridged(windows, lost.reshape(windows.shape))
        sides = np.repeat(self.side[None], len(keep), axis=0)
        if self.side.shape[1]:
            columns = np.stack([p.numbers for p in parts])  # (part, number)
            lost_numbers = (gone.astype(np.float32) @ columns) > 0
            own = sides[:, self.row]
            sides[:, self.row] = np.where(lost_numbers, self.reference, own)
        return {"window": windows, "side": sides}

    def whole(self) -> dict[str, Array]:
        """Return the inputs of the item itself, as one variant."""
        return {"window": self.window[None], "side": self.side[None]}


def bridged(windows: Array, lost: Mask) -> Array:
    """Return windows (variant, lead, time) whose lost samples lie on straight lines.

    A line runs from the last sample before a stretch that is lost to the first one after it. Where
    one of the two is beyond the window, the other's value is held; a row that is lost whole runs
    from its own first sample to its last.
    """
    found = windows.reshape(-1, windows.shape[-1]).copy()
    rows = lost.reshape(-1, lost.shape[-1])
    at = np.arange(found.shape[1])
    for row in np.flatnonzero(rows.any(axis=1)):
        gone = rows[row].copy()
        if gone.all():
            gone[[0, -1]] = False
        found[row, gone] = np.interp(at[gone], at[~gone], found[row, ~gone])
    return found.reshape(windows.shape)
