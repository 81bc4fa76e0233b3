"""RecordSplit: whole records in three sides, and the refusal of a leak."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.answers import persons
from einthoven.protocols._shared import refuse_known, shared_notes
from einthoven.record.errors import LeakError, UsageError, nearest

Indices = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]

SIDES = ("training", "validation", "test")
_WORDS = {bool: "true or false", tuple: "a list", str: "text"}  # what an option is, to its giver
_MOST_NAMED = 20  # pairs of duplicates
_HIDDEN = "unlabelled"  # no side: nothing is known of these but the recording


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """The labelled records that a protocol divides.

    Attributes
    ----------
    classes : names of the classes.
    corpus, record : (record,) where each is from.
    subject : (record,) who was recorded, with the corpus in front (``"ptbxl:15709"``); where the
        publisher does not say, ``""`` or, as corpora have it, ``"NAME:record:RECORD"``. Such a
        record counts as a person of its own.
    domain : (record,) a corpus, a device or a site; ``""`` where none is known.
    fold : (record,) int64 the publisher's fold; -1 where there is none.
    label : (record, class) float32: 1, 0, or NaN where the publisher's labels cannot say.
    """

    classes: tuple[str, ...]
    corpus: Names
    record: Names
    subject: Names
    domain: Names
    fold: Indices
    label: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        columns = (self.corpus, self.record, self.subject, self.domain, self.fold, self.label)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("examples: columns of unequal length")
        if self.label.ndim != 2 or self.label.shape[1] != len(self.classes):
            raise ValueError("examples: labels are not one a class")

    def __len__(self) -> int:
        return len(self.label)

    @property
    def person(self) -> Names:
        """(record,) the subject; ``corpus/record`` where the publisher names none."""
        return persons(self.corpus, self.record, self.subject)

    @property
    def named(self) -> npt.NDArray[np.bool_]:
        """(record,) whether its publisher says who was recorded."""
        own = np.char.add(np.char.add(self.corpus, ":record:"), self.record)
        return np.asarray((self.subject != "") & (self.subject != own), np.bool_)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """(record,) whether anything is known of any class."""
        return np.asarray((~np.isnan(self.label)).any(axis=1))

    def positives(self, rows: Indices) -> Indices:
        """Return (class,) how many of `rows` each class is true of."""
        return np.asarray((self.label[rows] == 1).sum(axis=0), np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordSplit:
    """Who trains, validates and tests.

    Attributes
    ----------
    protocol : its name as printed.
    examples : what was divided.
    training, validation, test : (row,) int64 rows of `examples`, rising.
    seed : of the draw; None where nothing is drawn.
    part : what this split is among those of its protocol: the domain that is tested, the folds
        held out, the share of the training side; ``""`` where there is but one.
    left_out : how many records are on no side, by reason.
    unlabelled : (row,) int64 rows whose people are on no side and whose labels are not to be known;
        their recordings may be learnt from.
    duplicates : pairs of rows on two sides that hold one recording, as their waveforms say and
        their publisher does not; None where waveforms were not compared.
    notes : what is to be printed beside its scores. Added here: corpora whose subjects are not
        known, corpora that may share recordings, duplicates, and classes without a positive on a
        side.

    Raises
    ------
    LeakError : a record, a subject, or a recording known under two names is on two sides, or is
        without a label and on one.
    UsageError : a side is empty.
    """

    protocol: str
    examples: Examples
    training: Indices
    validation: Indices
    test: Indices
    seed: int | None = None
    part: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    unlabelled: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    duplicates: tuple[tuple[int, int], ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in SIDES:
            rows = np.sort(np.asarray(getattr(self, name), np.int64))
            object.__setattr__(self, name, rows)
            if not len(rows):
                raise UsageError(self.title, f"{name} has no record", "Give more records")
        object.__setattr__(self, "unlabelled", np.sort(np.asarray(self.unlabelled, np.int64)))
        for (one, a), (two, b) in combinations(self.parts.items(), 2):
            self._refuse_shared(one, a, two, b)
        refuse_known(self.title, self.examples.corpus, self.examples.record, self.parts)
        # Once each: a split that is made of another has its notes already.
        notes = tuple(dict.fromkeys((*self.notes, *self._remarks())))
        object.__setattr__(self, "notes", notes)

    @property
    def sides(self) -> dict[str, Indices]:
        """The sides by name."""
        return {name: getattr(self, name) for name in SIDES}

    @property
    def parts(self) -> dict[str, Indices]:
        """The sides, and the records without a label."""
        return {**self.sides, _HIDDEN: self.unlabelled}

    @property
    def title(self) -> str:
        """The protocol as it is to be printed."""
        return f"{self.protocol} ({self.part})" if self.part else self.protocol

    def _named(self, row: int) -> str:
        return f"{self.examples.corpus[row]} {self.examples.record[row]}"

    def _refuse_shared(self, one: str, a: Indices, two: str, b: Indices) -> None:
        both = np.intersect1d(a, b)
        if len(both):
            raise LeakError(
                self.title, f"record {self._named(int(both[0]))} is in {one} and {two}",
                "Divide them anew",
            )  # fmt: skip
        person = self.examples.person
        who = np.intersect1d(person[a], person[b])
        if len(who):
            raise LeakError(
                self.title, f"subject {', '.join(who[:5].tolist())} is in {one} and {two}",
                "Put all records of a subject on one side",
            )  # fmt: skip

    def _remarks(self) -> tuple[str, ...]:
        examples = self.examples
        used = np.concatenate([self.training, self.validation, self.test])
        unknown = np.unique(examples.corpus[used][~examples.named[used]]).tolist()
        found = []
        if unknown:
            found.append(
                f"subjects of {', '.join(unknown)} are not published: each record is taken for a "
                "person, and one person may be on two sides"
            )
        found += shared_notes(np.unique(examples.corpus[used]).tolist())
        if self.duplicates:
            found.append(
                "recordings on two sides under two names, as their waveforms say and their "
                f"publisher does not: {len(self.duplicates)}"
            )
        for name, rows in self.sides.items():
            lacking = [
                c for c, n in zip(examples.classes, examples.positives(rows), strict=True) if not n
            ]
            if lacking:
                found.append(f"{name} has no positive of {', '.join(lacking)}")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the split as JSON can hold it: each side's records by corpus."""
        examples = self.examples

        def named(rows: Indices) -> dict[str, list[str]]:
            corpus, record = examples.corpus[rows], examples.record[rows]
            return {c: record[corpus == c].tolist() for c in np.unique(corpus).tolist()}

        return {
            "protocol": self.protocol, "part": self.part, "title": self.title, "seed": self.seed,
            "left_out": dict(self.left_out), "notes": list(self.notes),
            "records": {name: len(rows) for name, rows in self.sides.items()},
            "subjects": {
                name: len(np.unique(examples.person[rows])) for name, rows in self.sides.items()
            },
            "positives": {
                name: dict(zip(examples.classes, examples.positives(rows).tolist(), strict=True))
                for name, rows in self.sides.items()
            },
            "sides": {name: named(rows) for name, rows in self.sides.items()},
            _HIDDEN: named(self.unlabelled),
            "duplicates": None if self.duplicates is None else {
                "pairs": len(self.duplicates),
                "first": [[self._named(row) for row in p] for p in self.duplicates[:_MOST_NAMED]],
            },
        }  # fmt: skip


class RecordProtocol(abc.ABC):
    """A rule by which whole records are divided.

    Attributes
    ----------
    name : in the catalogue, and printed beside every score.
    options : what it can be told, with what holds if it is not; a recipe's keys under
        ``protocol``.
    """

    name: ClassVar[str]
    options: Mapping[str, Any] = MappingProxyType({})

    def split(
        self, examples: Examples, *, seed: int = 0, **options: Any
    ) -> tuple[RecordSplit, ...]:
        """Divide `examples`; one split, or one for each domain, group of folds or share.

        Parameters
        ----------
        examples : all there are; those whose label is NaN in every class enter no side.
        seed : of the draw, for a protocol that draws.
        options : some of `options`.

        Raises
        ------
        LeakError : a subject would be on two sides.
        UsageError : a side would be empty, or an option is not for this protocol.
        """
        for key, value in options.items():
            if key not in self.options:
                raise UsageError(f"protocol.{key}", "is not known", nearest(key, self.options))
            kind = type(self.options[key])
            if kind is tuple and isinstance(value, list):
                options[key] = tuple(value)
            elif not isinstance(value, kind):
                mend = f"Give {_WORDS.get(kind, 'a number')}"
                raise UsageError(f"protocol.{key}", f"is {value!r}", mend)
        return self._divide(examples, seed, {**self.options, **options})

    @abc.abstractmethod
    def _divide(
        self, examples: Examples, seed: int, options: Mapping[str, Any]
    ) -> tuple[RecordSplit, ...]:
        """Divide `examples`; `options` are complete and of the right kind."""


def shuffled(people: Names, seed: int, draw: str) -> Names:
    """Return the people, each once, in an order that `seed` and the name of the `draw` decide.

    A person's place depends on no other person, so whoever is added or left out disturbs no one:
    the first tenth of a larger corpus holds the first tenth of a smaller one, as far as it goes.
    """
    once = np.unique(people)
    key = [hashlib.blake2b(f"{seed}/{draw}/{p}".encode(), digest_size=8).digest() for p in once]
    return np.asarray(once[np.argsort(np.array(key, "S8"), kind="stable")], np.str_)


def rows_of(person: Names, chosen: Names, among: npt.NDArray[np.bool_]) -> Indices:
    """Return the rows of the `chosen` people `among` (record,) those that count."""
    return np.flatnonzero(among & np.isin(person, chosen)).astype(np.int64)


def without(person: Names, rows: Indices, *others: Indices) -> Indices:
    """Return `rows` less those of people who are in one of the `others`."""
    elsewhere = np.concatenate([person[o] for o in others])
    return np.asarray(rows[~np.isin(person[rows], elsewhere)], np.int64)
