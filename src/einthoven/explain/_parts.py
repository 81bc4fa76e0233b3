"""What an item can be taken apart into: waves, leads, slices of time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from einthoven.explain._case import Part
from einthoven.explain._numbers import SHARED, WAVES, WHOLE, belonging, lead_of, part_of
from einthoven.explain._waves import SEGMENTS, Labels
from einthoven.record.attribution import Stretch

_SHORT = 2.0  # seconds of a window that is cut into slices of 50 ms
_SLICE, _LONG_SLICE = 0.05, 0.5
NUMBERS = "numbers"


def of_waves(
    labels: Labels,
    shape: tuple[int, ...],
    names: Sequence[str],
    task: str,
    stretches: Sequence[Stretch] = (),
) -> tuple[Part, ...]:
    """Return P, PR, QRS, ST, T, TP and RR, whether there is something of each or not.

    Side numbers go with the wave that they describe. Those of a span of rhythm or of twelve leads
    that describe the signal as a whole are a part of their own.

    Parameters
    ----------
    labels : (row, time) of the first rows of the window, -1 where it is padded; (row, any) where
        it has no samples.
    shape : of the window.
    names : of the side numbers.
    task : of the model.
    stretches : where the segments stand.
    """
    owners = [part_of(name, task) for name in names]
    found = []
    for name in (*WAVES, WHOLE):
        where = np.zeros(shape, np.bool_)
        if name in SEGMENTS and shape[1]:
            where[: len(labels)] = labels == SEGMENTS.index(name)
        mine = tuple(s for s in stretches if s.name == name)
        numbers = belonging(owners, name)
        if name != WHOLE or numbers.any():
            found.append(Part(name=name, where=where, numbers=numbers, stretches=mine))
    return tuple(found)


def of_leads(
    shape: tuple[int, ...], leads: Sequence[str], names: Sequence[str], begin: float, end: float
) -> tuple[Part, ...]:
    """Return a part a lead, and one of the numbers that speak of several leads at once."""
    owners = [lead_of(name) for name in names]
    found = []
    for row, lead in enumerate(leads):
        where = np.zeros(shape, np.bool_)
        where[row] = True
        place = (Stretch(name=lead, lead=lead, onset=begin, offset=end),)
        numbers = belonging(owners, lead)
        found.append(Part(name=lead, where=where, numbers=numbers, stretches=place))
    shared = belonging(owners, SHARED)
    if shared.any():
        found.append(Part(name=SHARED, where=np.zeros(shape, np.bool_), numbers=shared))
    return tuple(found)


def of_slices(
    shape: tuple[int, ...], leads: Sequence[str], names: Sequence[str], start: float, rate: float
) -> tuple[Part, ...]:
    """Return pieces of 50 ms of each lead, of half a second where a window is over 2 s long.

    All side numbers are one part more: they stand at no time.

    Parameters
    ----------
    shape : of the window.
    leads : of its first rows; a piece is named ``V1 0.10 s`` after the time since its begin.
    """
    seconds = shape[1] / rate
    each = _SLICE if seconds <= _SHORT else _LONG_SLICE
    count = max(1, round(seconds / each))
    edges = np.rint(np.linspace(0, shape[1], count + 1)).astype(int).tolist()
    found = []
    for row, lead in enumerate(leads):
        for a, b in itertools.pairwise(edges):
            where = np.zeros(shape, np.bool_)
            where[row, a:b] = True
            name = f"{a / rate:.2f} s" if len(leads) == 1 else f"{lead} {a / rate:.2f} s"
            place = Stretch(
                name=name, lead=lead, onset=start + a / rate, offset=start + b / rate
            )  # fmt: skip
            none = np.zeros(len(names), np.bool_)
            found.append(Part(name=name, where=where, numbers=none, stretches=(place,)))
    if names:
        rest = np.zeros(shape, np.bool_)
        found.append(Part(name=NUMBERS, where=rest, numbers=np.ones(len(names), np.bool_)))
    return tuple(found)
