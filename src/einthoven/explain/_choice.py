"""Which item of a recording is explained: the one that is asked for, or the most telling one."""

from __future__ import annotations

import abc
from functools import cached_property

import numpy as np

from einthoven.explain._case import Case
from einthoven.explain._model import Logits, Model, probabilities
from einthoven.record.errors import UsageError
from einthoven.record.source import Source

NORMAL = ("N", "NORM")


class Cases(abc.ABC):
    """All that a model is asked about one recording, fed as the engine feeds it.

    Attributes
    ----------
    model, source : who is asked, about what.
    word : what an item is: ``beat``, ``span`` or ``stretch``.
    """

    word: str

    def __init__(self, model: Model, source: Source) -> None:
        self.model, self.source = model, source

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return how many items there are; one at least."""

    @abc.abstractmethod
    def __getitem__(self, number: int) -> Case:
        """Return an item, counted from 0 as in ``analyze --json``."""

    @abc.abstractmethod
    def place(self, number: int) -> tuple[int, int]:
        """Return samples [start, end) of the recording; of a beat its R peak twice."""

    @abc.abstractmethod
    def _logits(self) -> Logits:
        """Return (item, class) calibrated logits."""

    @cached_property
    def probabilities(self) -> Logits:
        """(item, class) what the engine prints of each."""
        return probabilities(self.model, self._logits())

    def checked(self, number: int) -> int:
        """Return the number of an item.

        Raises
        ------
        UsageError : there is none of that number.
        """
        if not 0 <= number < len(self):
            each = (
                self.word
                if len(self) == 1
                else {"stretch": "stretches"}.get(self.word, f"{self.word}s")
            )
            fault = f"{number} is not there: record {self.source.name} has {len(self)} {each}"
            mend = f"Give 0 to {len(self) - 1}" if len(self) > 1 else "Give 0"
            raise UsageError(self.word, fault, mend)
        return number

    def most_telling(self, target: str | None = None) -> int:
        """Return the item the model is surest of.

        That is the one with the highest probability of `target` among those called so, or among
        all where none is; without a target the surest that is not called normal, or the first.
        """
        p = self.probabilities
        classes = self.model.classes
        if target is not None:
            column = p[:, classes.index(target)]
            called = p.argmax(axis=1) == classes.index(target)
            return int(np.where(called | ~called.any(), column, -1).argmax())
        others = [k for k, name in enumerate(classes) if name not in NORMAL]
        odd = np.isin(p.argmax(axis=1), others)
        if not odd.any():
            return 0
        return int(np.where(odd, p[:, others].max(axis=1), -1).argmax())
