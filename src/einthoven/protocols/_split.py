"""Split: beats in three sides of different types, and the refusal of a leak."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import LeakError, UsageError

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The labelled beats that a protocol divides.

    Attributes
    ----------
    record : (beat,) names of records.
    subject : (beat,) who was recorded.
    sample : (beat,) int64 R peaks at the record's own rate.
    label : (beat,) int64 class indices; -1 for a beat of no class, which enters no side.
    """

    record: npt.NDArray[np.str_]
    subject: npt.NDArray[np.str_]
    sample: Indices
    label: Indices

    def __post_init__(self) -> None:
        if len({len(v) for v in (self.record, self.subject, self.sample, self.label)}) > 1:
            raise ValueError("beats: columns of unequal length")

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One side of a split: rows of the `Beats` it was made from, in rising order."""

    rows: Indices

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", np.sort(np.asarray(self.rows, np.int64)))

    def __len__(self) -> int:
        return len(self.rows)


class TrainingSide(Side):
    """Beats that weights are fitted to."""


class ValidationSide(Side):
    """Beats of the training subjects' side that choose epochs, temperatures and thresholds."""


class TestSide(Side):
    """Beats that choose nothing and are looked at once."""

    # The name begins as pytest's test classes do.
    __test__ = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Who trains, validates and tests.

    Attributes
    ----------
    protocol : its name as printed; a leaky one says so itself.
    beats : what was divided.
    training, validation, test : the sides.
    leaky : whether a subject may stand on two sides.
    exceptions : subjects that the published split has on two sides all the same; named wherever a
        score is printed.
    seed : of the draw; None where nothing is drawn.

    Raises
    ------
    LeakError : a beat is on two sides, or a subject although the protocol is not leaky.
    """

    protocol: str
    beats: Beats
    training: TrainingSide
    validation: ValidationSide
    test: TestSide
    leaky: bool
    exceptions: tuple[str, ...] = ()
    seed: int | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (one, a), (two, b) in combinations(self.sides.items(), 2):
            both = np.intersect1d(a.rows, b.rows)
            if len(both):
                row = int(both[0])
                beat = f"beat {self.beats.sample[row]} of record {self.beats.record[row]}"
                raise LeakError(self.protocol, f"{beat} is in {one} and {two}", "Divide them anew")
            if self.leaky:
                continue
            subjects = set(np.unique(self.beats.subject[a.rows]).tolist())
            shared = subjects & set(np.unique(self.beats.subject[b.rows]).tolist())
            shared -= set(self.exceptions)
            if shared:
                who = ", ".join(sorted(shared))
                raise LeakError(
                    self.protocol, f"subject {who} is in {one} and {two}",
                    "Put all records of a subject on one side",
                )  # fmt: skip
        for name, side in self.sides.items():
            if not len(side):
                raise UsageError(self.protocol, f"{name} has no beat", "Name other records")

    @property
    def sides(self) -> dict[str, Side]:
        """The sides by name."""
        return {"training": self.training, "validation": self.validation, "test": self.test}

    @property
    def title(self) -> str:
        """The protocol as it is to be printed, with what is wrong with it."""
        if self.leaky:
            return f"{self.protocol} (leaky: the same patients are on all sides)"
        if self.exceptions:
            return f"{self.protocol} (except: {', '.join(self.exceptions)} on two sides)"
        return self.protocol

    def to_dict(self) -> dict[str, Any]:
        """Return the split as JSON can hold it: each side's R peaks by record."""
        sides = {}
        for name, side in self.sides.items():
            record = self.beats.record[side.rows]
            sample = self.beats.sample[side.rows]
            sides[name] = {r: sample[record == r].tolist() for r in np.unique(record).tolist()}
        return {
            "protocol": self.protocol, "title": self.title, "leaky": self.leaky,
            "exceptions": list(self.exceptions), "seed": self.seed, "left_out": self.left_out,
            "beats": {name: len(side) for name, side in self.sides.items()}, "sides": sides,
        }  # fmt: skip


class Protocol(abc.ABC):
    """A rule by which beats are divided.

    Attributes
    ----------
    name : in the catalogue, and printed beside every score.
    leaky : whether it lets a subject stand on two sides.
    """

    name: str
    leaky: bool

    @abc.abstractmethod
    def split(
        self,
        beats: Beats,
        *,
        seed: int,
        strict: bool = False,
        train: Sequence[str] = (),
        validation: Sequence[str] = (),
        test: Sequence[str] = (),
    ) -> Split:
        """Divide `beats`.

        Parameters
        ----------
        beats : all there are; those of label -1 enter no side.
        seed : of the draw, for a protocol that draws.
        strict : leave out the training subjects that the published split also tests.
        train, validation, test : names of records, for a protocol that takes them.

        Raises
        ------
        LeakError : the sides would share a subject although the protocol forbids it.
        UsageError : a side would be empty, or an argument is not for this protocol.
        """
