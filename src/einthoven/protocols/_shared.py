"""Recordings that are published under more than one name, as far as their publishers say so.

The table is `shared.csv` beside this file, a source in each row. Where names can be mapped, the
two records are known to be one; where they cannot, the two corpora are only named together.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import LeakError

Indices = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One pair of corpora.

    Attributes
    ----------
    corpus, other : their names in the catalogue, or as published where we have no reader.
    pattern, other_pattern : match a record's name; what their group catches, leading zeros left
        out, is the same for the same recording. Empty where names cannot be mapped.
    note : what is shared.
    source : who says so.
    """

    corpus: str
    other: str
    pattern: str
    other_pattern: str
    note: str
    source: str


@cache
def shared_table() -> tuple[Shared, ...]:
    """Return all rows of the table."""
    text = files("einthoven.protocols").joinpath("shared.csv").read_text(encoding="utf-8")
    return tuple(Shared(**row) for row in csv.DictReader(text.splitlines()))


def shared_recordings(corpus: Names, record: Names) -> Names:
    """Return (record,) a name that the records of one recording have in common, or ``""``.

    Parameters
    ----------
    corpus, record : (record,) where each is from.
    """
    have = set(np.unique(corpus).tolist())
    found = np.full(len(corpus), "", dtype=object)
    for pair in shared_table():
        if not pair.pattern or not {pair.corpus, pair.other} <= have:
            continue
        # The second corpus of a row is the one that the recordings come from.
        for name, pattern in ((pair.corpus, pair.pattern), (pair.other, pair.other_pattern)):
            for row in np.flatnonzero(corpus == name):
                match = re.fullmatch(pattern, str(record[row]))
                if match:
                    found[row] = f"{pair.other} {match[1].lstrip('0')}"
    return found.astype(np.str_)


def refuse_known(title: str, corpus: Names, record: Names, sides: Mapping[str, Indices]) -> None:
    """Refuse sides that hold one recording under two names that publishers say are one.

    Parameters
    ----------
    title : of the split, as the error names it.
    corpus, record : (row,) where each is from.
    sides : name -> (row,).

    Raises
    ------
    LeakError : a recording is on two sides.
    """
    known = shared_recordings(corpus, record)
    for (one, a), (two, b) in combinations(sides.items(), 2):
        same = np.intersect1d(known[a], known[b])
        same = same[same != ""]
        if len(same):
            first, second = (int(rows[known[rows] == same[0]][0]) for rows in (a, b))
            raise LeakError(
                title,
                f"{corpus[first]} {record[first]} of {one} is the recording {corpus[second]} "
                f"{record[second]} of {two}",
                "Leave one of the two corpora out",
            )


def shared_notes(corpora: Sequence[str]) -> list[str]:
    """Return one sentence for each two of `corpora` that share recordings or people."""
    have = set(corpora)
    return [
        f"{pair.corpus} and {pair.other}: {pair.note}"
        for pair in shared_table()
        if {pair.corpus, pair.other} <= have
    ]
