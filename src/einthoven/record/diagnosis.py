"""Statements: what a publisher's label says of a whole record, and the classes made of it.

The table ``diagnoses.csv`` beside this module has one row a code: its name, what it maps to and
the source of the row. It is read once, when a label set is first asked for.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import DataError, UsageError, nearest

SYSTEMS = ("SCP", "SNOMED CT", "CPSC", "AHA", "CODE", "CinC 2017")
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")

_TABLE = Path(__file__).with_name("diagnoses.csv")
_MOST = 1_000_000  # bytes of the table: ten times what ships
_NAMES = (
    "ptbxl-all", "ptbxl-diagnostic", "ptbxl-subdiagnostic", "ptbxl-superdiagnostic",
    "ptbxl-form", "ptbxl-rhythm",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One label of a record, as its publisher writes it.

    Attributes
    ----------
    system : whose code it is, one of `SYSTEMS`.
    code : e.g. ``IMI`` (SCP) or ``164889003`` (SNOMED CT).
    likelihood : 0..1 as the publisher gives it; 1 where none is given. PTB-XL's 0 means that the
        statement stands in the report without a likelihood, not that it is false.
    """

    system: str
    code: str
    likelihood: float = 1.0


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One code of the table; empty text where a column does not apply."""

    system: str
    code: str
    name: str
    kinds: tuple[str, ...]
    subclass: str
    superclass: str
    snomed: str
    source: str


@functools.cache
def _rows() -> Mapping[tuple[str, str], _Row]:
    """Return the table by system and code.

    Raises
    ------
    DataError : the table is not there or is not what this version wrote.
    """
    try:
        with _TABLE.open("rb") as file:
            text = file.read(_MOST).decode()
        rows = [
            _Row(**(row | {"kinds": tuple(row["kinds"].split())}))
            for row in csv.DictReader(io.StringIO(text))
        ]
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as fault:
        raise DataError(_TABLE, "cannot be read", "Install einthoven again") from fault
    return MappingProxyType({(row.system, row.code): row for row in rows})


def _classes(row: _Row, labels: str) -> tuple[str, ...]:
    """Return the classes of a label set that the code asserts."""
    if row.system != "SCP":
        return ()
    match labels:
        case "ptbxl-all":
            return (row.code,)
        case "ptbxl-diagnostic" | "ptbxl-form" | "ptbxl-rhythm":
            return (row.code,) if labels.removeprefix("ptbxl-") in row.kinds else ()
        case "ptbxl-subdiagnostic":
            return (row.subclass,) if row.subclass else ()
        case _:
            return (row.superclass,) if row.superclass else ()


@functools.cache
def _places(labels: str) -> tuple[tuple[str, ...], Mapping[tuple[str, str], tuple[int, ...]]]:
    """Return the class names of a label set, and which of them each code asserts."""
    asserted = {key: _classes(row, labels) for key, row in _rows().items()}
    names: tuple[str, ...] = SUPERCLASSES
    if labels != "ptbxl-superdiagnostic":
        names = tuple(sorted({name for found in asserted.values() for name in found}))
    at = {name: place for place, name in enumerate(names)}
    return names, {key: tuple(at[n] for n in found) for key, found in asserted.items()}


class _LabelSets(Mapping[str, tuple[str, ...]]):
    """Class names by label set; the table is read when the first is asked for."""

    def __getitem__(self, labels: str) -> tuple[str, ...]:
        if labels not in _NAMES:
            raise KeyError(labels)
        return _places(labels)[0]

    def __contains__(self, labels: object) -> bool:
        return labels in _NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


LABELS: Mapping[str, tuple[str, ...]] = _LabelSets()


def label_row(
    statements: Sequence[Statement], labels: str, *, corpus: str = ""
) -> npt.NDArray[np.float32]:
    """Return (class,) 1 where the statements assert a class, 0 where they deny it, else NaN.

    A statement counts whatever its likelihood, as in the PTB-XL benchmark.

    Parameters
    ----------
    statements : all of one record.
    labels : a label set, one of `LABELS`.
    corpus : whose record it is; with it, a class that this publisher never writes is NaN, not 0.

    Raises
    ------
    UsageError : there is no such label set.
    DataError : the table does not know a code.
    """
    del corpus  # no vocabulary of a corpus is narrower than its system's yet
    if labels not in LABELS:
        raise UsageError("labels", f"{labels!r} is not known", nearest(labels, LABELS))
    names, places = _places(labels)
    row = np.full(len(names), np.nan, np.float32)
    if any(s.system == "SCP" for s in statements):
        row[:] = 0
    for statement in statements:
        key = (statement.system, statement.code)
        if key not in places:
            raise DataError(
                f"{statement.system} {statement.code}", "is no code of diagnoses.csv",
                "Write it as the publisher does, or add a row with its source",
            )  # fmt: skip
        row[list(places[key])] = 1
    return row
