"""Predictions: the table that is judged, one row a beat; kept in a run's ``predictions.npz``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import _npz
from einthoven.record.errors import DataError, UsageError
from einthoven.record.vocabulary import indices

Floats = npt.NDArray[np.float64]

PARTS = ("validation", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What a model said of each beat, and what the reference says.

    Attributes
    ----------
    classes : class names, in the order of the logits.
    part : (beat,) ``"validation"`` or ``"test"``.
    record : (beat,) the record's name.
    sample : (beat,) int64, the R peak at the record's own rate, counted from 0.
    label : (beat,) int64 index into `classes`; -1 where the reference has no class for the beat.
    logits : (beat, class) float32, as the model gave them.
    offsets : (class,) added to the logits before the largest wins; from the training side.
    temperature : the sum is divided by it before the softmax; from the training side.
    """

    classes: tuple[str, ...]
    part: npt.NDArray[np.str_]
    record: npt.NDArray[np.str_]
    sample: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    offsets: Floats = field(default_factory=lambda: np.zeros(0))
    temperature: float = 1.0

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "classes", tuple(self.classes))
        offsets = np.asarray(self.offsets, np.float64)
        set_(self, "offsets", offsets if offsets.size else np.zeros(len(self.classes)))
        lengths = {len(v) for v in (self.part, self.record, self.sample, self.label, self.logits)}
        if len(lengths) > 1:
            raise UsageError(
                "predictions", f"columns of unequal length {sorted(lengths)}", "Make them again"
            )
        if self.logits.ndim != 2 or self.logits.shape[1] != len(self.classes):
            raise UsageError(
                "predictions",
                f"logits are {self.logits.shape} for {len(self.classes)} classes",
                "Give one logit a class",
            )
        if len(self.label) and not -1 <= self.label.min() <= self.label.max() < len(self.classes):
            raise UsageError("predictions", "a label is no class", "Give indices, -1 for none")
        if self.offsets.shape != (len(self.classes),) or not self.temperature > 0:
            raise UsageError(
                "predictions", "offsets or temperature do not fit", "Give one offset a class"
            )

    def __len__(self) -> int:
        return len(self.label)

    def where(self, keep: npt.NDArray[np.bool_]) -> Predictions:
        """Return the rows for which `keep` (beat,) is true."""
        return replace(
            self, part=self.part[keep], record=self.record[keep], sample=self.sample[keep],
            label=self.label[keep], logits=self.logits[keep],
        )  # fmt: skip

    def of(self, part: str) -> Predictions:
        """Return the rows of one part of the split.

        Raises
        ------
        UsageError : the part is not known.
        """
        if part not in PARTS:
            raise UsageError("part", f"{part!r} is not known", "Use validation or test")
        return self.where(self.part == part)

    @property
    def scaled(self) -> Floats:
        """(beat, class) float64 logits after offsets and temperature."""
        return (self.logits.astype(np.float64) + self.offsets) / self.temperature

    @property
    def choice(self) -> npt.NDArray[np.int64]:
        """(beat,) the index of the class that wins."""
        return np.asarray(self.scaled.argmax(axis=1), np.int64)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` that holds no Python objects, beside the place and then renamed."""
        _npz.write(path, {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, classes: tuple[str, ...] | None = None
    ) -> Predictions:
        """Read `save`; pickled objects are refused.

        Parameters
        ----------
        path : the ``.npz``.
        classes : their names, for a file that does not hold them.

        Raises
        ------
        DataError : no such file, or not such a table.
        """
        have = _npz.read(path)
        if "classes" in have:
            classes = tuple(str(c) for c in have["classes"].tolist())
        missing = {"part", "record", "sample", "label", "logits"} - set(have)
        if missing or not classes:
            lost = ", ".join(sorted(missing)) or "classes"
            raise DataError(path, f"lacks {lost}", "Train the run again")
        return cls(
            classes=classes, part=have["part"].astype(np.str_),
            record=have["record"].astype(np.str_), sample=have["sample"].astype(np.int64),
            label=_indices(have["label"], classes), logits=have["logits"].astype(np.float32),
            offsets=have.get("offsets", np.zeros(0)),
            temperature=float(have.get("temperature", np.float64(1.0))),
        )  # fmt: skip


def _indices(labels: npt.NDArray[Any], classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return labels as indices; names are looked up, and what is no class becomes -1."""
    if labels.dtype.kind in "US":
        return indices(labels.astype(np.str_), classes)
    return labels.astype(np.int64)
