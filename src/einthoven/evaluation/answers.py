"""Answers: the table that is judged where whole records are diagnosed, one row a record.

Several classes may be true of one record at once, and of some the publisher's labels cannot say
whether they are; so a label is 1, 0 or NaN, and each class has a probability of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import _npz
from einthoven.evaluation.predictions import PARTS
from einthoven.record.errors import DataError, UsageError

Floats = npt.NDArray[np.float64]

_NAMES = ("part", "corpus", "record", "subject", "domain")
_COLUMNS = (*_NAMES, "fold", "label", "logits")


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What a model said of each record, and what the reference says.

    Attributes
    ----------
    classes : class names, in the order of the logits.
    part : (record,) ``"validation"`` or ``"test"``.
    corpus, record : (record,) where it is from.
    subject : (record,) who was recorded; ``""`` where the publisher does not say.
    domain : (record,) what is left out under leave-one-domain-out: a corpus, a device, a site.
    fold : (record,) int64 the publisher's fold; -1 where there is none.
    label : (record, class) float32: 1 is true, 0 is not, NaN cannot be said.
    logits : (record, class) float32, as the model gave them; windows are joined already.
    offsets : (class,) added to the logits; from the training side.
    temperature : (class,) the sum is divided by it before the sigmoid; from the training side.
    """

    classes: tuple[str, ...]
    part: npt.NDArray[np.str_]
    corpus: npt.NDArray[np.str_]
    record: npt.NDArray[np.str_]
    subject: npt.NDArray[np.str_]
    domain: npt.NDArray[np.str_]
    fold: npt.NDArray[np.int64]
    label: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    offsets: Floats = field(default_factory=lambda: np.zeros(0))
    temperature: Floats = field(default_factory=lambda: np.ones(0))

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "classes", tuple(self.classes))
        count = len(self.classes)
        for name in ("offsets", "temperature"):
            given = np.asarray(getattr(self, name), np.float64)
            neutral = np.full(count, float(name == "temperature"))
            set_(self, name, given if given.size else neutral)
        lengths = {len(getattr(self, name)) for name in _COLUMNS}
        if len(lengths) > 1:
            raise UsageError(
                "answers", f"columns of unequal length {sorted(lengths)}", "Make them again"
            )
        if self.logits.shape != (len(self), count) or self.label.shape != self.logits.shape:
            raise UsageError(
                "answers",
                f"labels are {self.label.shape}, logits {self.logits.shape} for {count} classes",
                "Give one of each a class",
            )
        if not np.isin(self.label[~np.isnan(self.label)], (0, 1)).all():
            raise UsageError(
                "answers", "a label is neither 0 nor 1", "Give NaN where none is known"
            )
        if not np.isfinite(self.logits).all():
            raise UsageError("answers", "a logit is not a number", "Look for NaN in the signals")
        if not np.isin(self.part, PARTS).all():
            raise UsageError("answers", "a part is not known", "Use validation or test")
        fits = self.offsets.shape == self.temperature.shape == (count,)
        if not (fits and (self.temperature > 0).all() and np.isfinite(self.offsets).all()):
            raise UsageError(
                "answers", "offsets or temperatures do not fit", "Give one of each a class"
            )

    def __len__(self) -> int:
        return len(self.label)

    def where(self, keep: npt.NDArray[np.bool_]) -> Answers:
        """Return the rows for which `keep` (record,) is true."""
        return self.rows(np.flatnonzero(keep))

    def rows(self, index: npt.NDArray[np.int64]) -> Answers:
        """Return the rows `index`, in that order."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in _COLUMNS}
        return replace(self, **columns)

    def of(self, part: str) -> Answers:
        """Return the rows of one part of the split.

        Raises
        ------
        UsageError : the part is not known.
        """
        if part not in PARTS:
            raise UsageError("part", f"{part!r} is not known", "Use validation or test")
        return self.where(self.part == part)

    @property
    def person(self) -> npt.NDArray[np.str_]:
        """(record,) whom the bootstrap draws: the subject; the record where none is known."""
        return persons(self.corpus, self.record, self.subject)

    @property
    def scaled(self) -> Floats:
        """(record, class) float64 logits after offsets and temperature."""
        return np.asarray(
            (self.logits.astype(np.float64) + self.offsets) / self.temperature, np.float64
        )

    @property
    def probabilities(self) -> Floats:
        """(record, class) float64, each class by itself."""
        return sigmoid(self.scaled)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` that holds no Python objects, beside the place and then renamed."""
        _npz.write(path, {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Answers:
        """Read `save`; pickled objects are refused.

        Raises
        ------
        DataError : no such file, or not such a table.
        """
        have = _npz.read(path)
        missing = {f.name for f in fields(cls)} - set(have)
        if missing:
            raise DataError(path, f"lacks {', '.join(sorted(missing))}", "Train the run again")
        names = {name: have[name].astype(np.str_) for name in _NAMES}
        return cls(
            classes=tuple(str(c) for c in have["classes"].tolist()), **names,
            fold=have["fold"].astype(np.int64), label=have["label"].astype(np.float32),
            logits=have["logits"].astype(np.float32),
            offsets=have["offsets"], temperature=have["temperature"],
        )  # fmt: skip


def joined(tables: Sequence[Answers]) -> Answers:
    """Put tables of the same classes below one another, e.g. those of held-out folds.

    Each table's offsets and temperatures, which come from its own training side, are put into its
    logits; those of the whole are neutral.

    Raises
    ------
    UsageError : no table, other classes, or a record that occurs twice in a part.
    """
    if not tables or len({t.classes for t in tables}) > 1:
        raise UsageError("answers", "have not the same classes", "Join tables of one label set")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(t, name) for t in tables]) for name in _COLUMNS[:-1]
    }
    logits = np.concatenate([t.scaled for t in tables]).astype(np.float32)
    whole = Answers(classes=tables[0].classes, logits=logits, **columns)
    keys = list(
        zip(*(getattr(whole, n).tolist() for n in ("part", "corpus", "record")), strict=True)
    )
    if len(set(keys)) < len(keys):
        raise UsageError("answers", "a record occurs twice", "Join tables of different records")
    return whole


def persons(
    corpus: npt.NDArray[np.str_], record: npt.NDArray[np.str_], subject: npt.NDArray[np.str_]
) -> npt.NDArray[np.str_]:
    """Return (record,) the subject; ``corpus/record`` where the publisher names none."""
    own = np.char.add(np.char.add(corpus.astype(np.str_), "/"), record.astype(np.str_))
    return np.asarray(np.where(subject == "", own, subject), np.str_)


def sigmoid(logits: npt.NDArray[np.floating]) -> Floats:
    """Return 1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(logits, np.float64))), np.float64)
