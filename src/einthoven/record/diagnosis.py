"""Statements: what a publisher's label says of a whole record, and the classes made of it.

``diagnoses.csv`` beside this module has one row a code: its name, the classes that it asserts, the
classes that it leaves open, and the source of the row. ``diagnosis_counts.csv`` counts the SNOMED
CT codes of each corpus of the CinC Challenge 2021, as its organisers did. Both are read once, when
a label set is first asked for.

Columns. ``kinds``: the PTB-XL sets of an SCP code, the class of a CinC 2017 code, or ``normal``
where a statement lies within the norm. ``superclass``, ``cinc2021``, ``nine``: the class that the
code asserts. ``open``: ``set:class`` where the code neither asserts nor denies. ``system``: whose
code it is; a row with a corpus's name there goes before, for the records of that corpus.
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

SYSTEMS = (
    "SCP", "SNOMED CT", "CPSC", "AHA", "CODE", "CinC 2017", "LUDB", "INCART", "Chapman",
)  # fmt: skip
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")

# In the order of the challenge's weights; codes that it scores as one are joined by "|".
_CINC2021 = (
    "AF", "AFL", "BBB", "Brady", "CLBBB|LBBB", "CRBBB|RBBB", "IAVB", "IRBBB", "LAD", "LAnFB",
    "LPR", "LQRSV", "LQT", "NSIVCB", "NSR", "PAC|SVPB", "PR", "PRWP", "PVC|VPB", "QAb", "RAD",
    "SA", "SB", "STach", "TAb", "TInv",
)  # fmt: skip
_NINE = ("Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
_GIVEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ptbxl-superdiagnostic": SUPERCLASSES, "super": SUPERCLASSES, "cinc2021": _CINC2021,
        "nine": _NINE, "cinc2017": ("N", "A", "O", "~"),
    }
)  # fmt: skip
_NAMES = (
    "ptbxl-all", "ptbxl-diagnostic", "ptbxl-subdiagnostic", "ptbxl-superdiagnostic",
    "ptbxl-form", "ptbxl-rhythm", "cinc2021", "nine", "cinc2017", "super",
)  # fmt: skip

_SINUS = "426783006"
# Publishers with a handful of classes: that none of them is there denies no superclass.
_NARROW = frozenset({"CPSC", "CODE"})
# Publishers without a word for a normal record: it is one that is said to be in sinus rhythm only.
_NO_NORMAL = frozenset({"SNOMED CT", "LUDB", "INCART", "Chapman"})
# Publishers who tell the illness of the person rather than what the record shows.
_PERSONS = frozenset({"INCART"})
# Publishers who answer for each class of each record, so that no statement is an answer too.
_TICKED: Mapping[str, str] = MappingProxyType({"code15": "CODE"})
# Words rather than codes: "Stemi: anterior wall" is found as "Stemi", "30+308" (AHA) as "30".
_WORDS = frozenset({"LUDB", "INCART"})
_PARTS: Mapping[str, str] = MappingProxyType({"AHA": "+", "LUDB": ":,", "INCART": ":,"})
# A class that a publisher writes more rarely than this was not looked for, and its absence says
# nothing: superclasses, of which the rarest is 12 % of PTB-XL, and single findings.
_RARE: Mapping[str, float] = MappingProxyType({"super": 0.01, "cinc2021": 0.001, "nine": 0.001})

_FOLDER = Path(__file__).parent
_MOST = 1_000_000  # bytes of a table: ten times what ships


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One label of a record, as its publisher writes it.

    Attributes
    ----------
    system : whose code it is, one of `SYSTEMS`.
    code : e.g. ``IMI`` (SCP), ``164889003`` (SNOMED CT) or ``Stemi: anterior wall`` (LUDB).
    likelihood : 0..1 as the publisher gives it; 1 where none is given. PTB-XL's 0 means that the
        statement stands in the report without a likelihood, not that it is false.
    """

    system: str
    code: str
    likelihood: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One row of the table; empty text where a column does not apply."""

    system: str
    code: str
    name: str
    abbreviation: str
    kinds: tuple[str, ...]
    subclass: str
    superclass: str
    snomed: str
    cinc2021: str
    nine: str
    open: tuple[str, ...]
    source: str

    def asserts(self, labels: str) -> str:
        """Return the class of a label set that the code asserts, or empty text."""
        kind = labels.removeprefix("ptbxl-")
        if kind != labels and self.system != "SCP":
            return ""
        match kind:
            case "all":
                return self.code
            case "diagnostic" | "form" | "rhythm":
                return self.code if kind in self.kinds else ""
            case "subdiagnostic":
                return self.subclass
            case "cinc2021":
                return self.cinc2021
            case "nine":
                return self.nine
            case "cinc2017":
                return self.kinds[0] if self.system == "CinC 2017" else ""
            case _:
                return self.superclass

    def leaves_open(self, labels: str) -> tuple[str, ...]:
        """Return the classes of a label set that the code neither asserts nor denies."""
        found = (text.partition(":") for text in self.open)
        return tuple(name for kind, _, name in found if kind == labels)


def _table(name: str) -> list[dict[str, str]]:
    path = _FOLDER / name
    try:
        with path.open("rb") as file:
            return list(csv.DictReader(io.StringIO(file.read(_MOST).decode()), strict=True))
    except (OSError, ValueError, csv.Error) as fault:
        raise DataError(path, "cannot be read", "Install einthoven again") from fault


@functools.cache
def diagnoses() -> Mapping[tuple[str, str], Diagnosis]:
    """Return the table by system and code.

    Raises
    ------
    DataError : the table is not there or is not what this version wrote.
    """
    rows = [
        Diagnosis(**{k: tuple(v.split()) if k in ("kinds", "open") else v for k, v in row.items()})  # type: ignore[arg-type]
        for row in _table("diagnoses.csv")
    ]
    return MappingProxyType({(row.system, row.code): row for row in rows})


@functools.cache
def counts() -> Mapping[str, Mapping[str, int]]:
    """Return, by corpus, how many records have each SNOMED CT code; ``records`` stands for all.

    Source: the files dx_mapping_scored.csv and dx_mapping_unscored.csv of the CinC 2021 evaluation
    (BSD-2-Clause), and the sizes of the challenge's page.
    """
    rows = _table("diagnosis_counts.csv")
    corpora = [name for name in rows[0] if name != "code"]
    return {name: {row["code"]: int(row[name]) for row in rows} for name in corpora}


def published(corpus: str) -> dict[str, int]:
    """Return how many of the corpus's records have each SNOMED CT code, unused ones left out."""
    return {code: n for code, n in counts()[corpus].items() if n and code != "records"}


@functools.cache
def _classes(labels: str) -> tuple[str, ...]:
    found = {row.asserts(labels) for row in diagnoses().values()} - {""}
    names = _GIVEN.get(labels, tuple(sorted(found)))
    assert found <= {*names, ""}, f"the table has a class of {labels} that is not in the set"
    return names


class _LabelSets(Mapping[str, tuple[str, ...]]):
    """Class names by label set; the table is read when the first is asked for."""

    def __getitem__(self, labels: str) -> tuple[str, ...]:
        if labels not in _NAMES:
            raise KeyError(labels)
        return _classes(labels)

    def __contains__(self, labels: object) -> bool:
        return labels in _NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


LABELS: Mapping[str, tuple[str, ...]] = _LabelSets()


@functools.cache
def vocabulary(system: str, labels: str, corpus: str = "") -> frozenset[str]:
    """Return the classes of a label set whose absence these labels can tell.

    Parameters
    ----------
    system : one of `SYSTEMS`.
    labels : one of `LABELS`.
    corpus : whose records; narrows SNOMED CT to the codes that this publisher uses.
    """
    if system in _PERSONS:
        return frozenset()
    table = diagnoses().values()
    said = {row.asserts(labels) for row in table if row.system == system} - {""}
    if system == "Chapman":
        # The recordings of the challenge's edition, whose counts there are, and sinus irregularity.
        return frozenset(said) & (vocabulary("SNOMED CT", labels, "chapman") | {"SA"})
    if system != "SNOMED CT" or corpus not in counts():
        return frozenset(said)
    of = counts()[corpus]
    total = dict.fromkeys(said, 0)
    for row in table:
        if row.system == system and row.asserts(labels):
            total[row.asserts(labels)] += of.get(row.code, 0)
    least = of["records"] * _RARE.get(labels, 0.0)
    shared = {name for row in table if row.system == corpus for name in row.leaves_open(labels)}
    return frozenset({name for name, count in total.items() if count > least} | shared)


def _rows(statements: Sequence[Statement], corpus: str) -> list[Diagnosis | None]:
    """Return the row of each statement; None for words that the table does not know.

    Raises
    ------
    DataError : the table does not know a code.
    """
    found: list[Diagnosis | None] = []
    for said in statements:
        keys = [(corpus, said.code), (said.system, said.code)]
        keys += [
            (said.system, said.code.split(mark)[0].strip()) for mark in _PARTS.get(said.system, "")
        ]
        row = next((diagnoses()[key] for key in keys if key in diagnoses()), None)
        if row is None and said.system not in _WORDS:
            raise DataError(
                f"{said.system} {said.code}", "is no code of diagnoses.csv",
                "Write it as the publisher does, or add a row with its source",
            )  # fmt: skip
        found.append(row)
    return found


def _normal(rows: Sequence[Diagnosis | None], system: str) -> float:
    """Return whether the record is called normal: 1, 0 or NaN."""
    known = [row for row in rows if row is not None]
    if system not in _NO_NORMAL:
        if any(row.superclass == "NORM" for row in known):
            return 1.0
        tells = system in ("SCP", "AHA", "CODE") or any(
            "super:NORM" not in row.open for row in known
        )
        return 0.0 if tells else np.nan
    if any("normal" not in row.kinds and "super:NORM" not in row.open for row in known):
        return 0.0
    sinus = any(row.snomed == _SINUS for row in known)
    quiet = len(known) == len(rows) and all("normal" in row.kinds for row in known)
    return 1.0 if sinus and quiet else np.nan


def label_row(
    statements: Sequence[Statement], labels: str, *, corpus: str = ""
) -> npt.NDArray[np.float32]:
    """Return (class,) 1 where the statements assert a class, 0 where they deny it, else NaN.

    A statement counts whatever its likelihood, as in the PTB-XL benchmark. A class is denied by
    absence only where the publisher's vocabulary has it and no statement leaves it open; a record
    without statements says nothing.

    Parameters
    ----------
    statements : all of one record, of one system.
    labels : a label set, one of `LABELS`.
    corpus : whose record it is; with it, a class that this publisher never writes is NaN, not 0.

    Raises
    ------
    UsageError : there is no such label set.
    DataError : the table does not know a code, or the statements are of several systems.
    """
    if labels not in LABELS:
        raise UsageError("labels", f"{labels!r} is not known", nearest(labels, LABELS))
    names = LABELS[labels]
    systems = {said.system for said in statements}
    if len(systems) > 1:
        raise DataError(
            corpus or "statements", f"mix {' and '.join(sorted(systems))}", "Label each by itself"
        )
    rows = _rows(statements, corpus)
    system = systems.pop() if systems else _TICKED.get(corpus, "")
    asserted = {row.asserts(labels) for row in rows if row is not None} - {""}
    opened = {name for row in rows if row is not None for name in row.leaves_open(labels)}
    denied = (
        set(vocabulary(system, labels, corpus)) - opened if system and None not in rows else set()
    )
    normal = _normal(rows, system) if system in SYSTEMS and labels in ("super", "nine") else np.nan
    if labels == "super" and system in _NARROW and normal != 1.0:
        denied = set()
    row = np.full(len(names), np.nan, np.float32)
    row[[k for k, name in enumerate(names) if name in denied]] = 0
    row[[k for k, name in enumerate(names) if name in asserted]] = 1
    if labels == "super" and vocabulary(system, labels):
        row[0] = normal
    elif labels == "nine" and system != "CPSC" and vocabulary(system, labels):
        row[0] = 0.0 if asserted - {"Normal"} else normal
    return row
