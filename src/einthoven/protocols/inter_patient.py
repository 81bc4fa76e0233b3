"""``inter-patient``: train on some patients, test on others.

de Chazal, O'Dwyer, Reilly 2004 (10.1109/TBME.2004.827359) divide mitdb into DS1 (train) and DS2
(test) and leave out the four records with a pacemaker. They have no validation side; ours are four
records of DS1, one with left and two with right bundle branch block among them. Records 201 (DS1)
and 202 (DS2) are one subject: the published exception, named in the split. The strict variant
trains without 201.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.corpora.mitdb import DS1, DS2
from einthoven.protocols import PROTOCOLS
from einthoven.protocols._split import (
    Beats,
    Protocol,
    Split,
    TestSide,
    TrainingSide,
    ValidationSide,
)
from einthoven.record.errors import UsageError

VALIDATION = ("114", "124", "207", "223")
# The subject that the published lists have on two sides, and its record in DS1.
_BOTH, _BOTH_IN_TRAINING = ("201", "202"), "201"


class InterPatient(Protocol):
    """Sides by record; no subject on two of them but for the published exception."""

    name = "inter-patient"
    leaky = False

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
        """Divide by record; mitdb's published lists unless others are given."""
        del seed  # nothing is drawn
        published = not (train or test)
        if bool(train) != bool(test):
            raise UsageError(
                f"protocol {self.name}", "has one of train and test", "Name both, or neither"
            )
        train, test = tuple(train) or DS1, tuple(test) or DS2
        validation = tuple(validation) or (VALIDATION if published else ())
        known = set(np.unique(beats.record).tolist())
        for key, names in (("train", train), ("validation", validation), ("test", test)):
            absent = [n for n in names if n not in known]
            if absent:
                raise UsageError(
                    f"protocol.{key}", f"record {absent[0]!r} has no beats",
                    "Name records of the corpus",
                )  # fmt: skip
        if not validation:
            raise UsageError(
                "protocol.validation", "names no record, though train and test are named",
                "Name some of the training records",
            )  # fmt: skip
        train = tuple(r for r in train if r not in validation)
        exceptions: tuple[str, ...] = ()
        name = self.name
        if published and strict:
            train = tuple(r for r in train if r != _BOTH_IN_TRAINING)
            validation = tuple(r for r in validation if r != _BOTH_IN_TRAINING)
            name += " strict"
        elif published:
            exceptions = tuple(np.unique(beats.subject[np.isin(beats.record, _BOTH)]).tolist())
        labelled = beats.label >= 0
        rows = [
            np.flatnonzero(labelled & np.isin(beats.record, r)) for r in (train, validation, test)
        ]
        used = np.isin(beats.record, (*train, *validation, *test))
        return Split(
            protocol=name, beats=beats, leaky=False, exceptions=exceptions,
            training=TrainingSide(rows=rows[0]), validation=ValidationSide(rows=rows[1]),
            test=TestSide(rows=rows[2]),
            left_out={
                "records on no side": int((labelled & ~used).sum()),
                "no class": int((beats.label < 0).sum()),
            },
        )  # fmt: skip


PROTOCOLS.add(InterPatient.name, InterPatient())
