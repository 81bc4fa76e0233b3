"""Which item of a recording is explained: the one that is asked for, or the most telling one."""

from __future__ import annotations

import abc
from functools import cached_property

import numpy as np
import numpy.typing as npt

from einthoven.explain._case import Case
from einthoven.explain._heard import Heard
from einthoven.explain._model import BundleModel, Logits, Model, probabilities
from einthoven.record.errors import UsageError
from einthoven.record.source import Source

NORMAL = ("N", "NORM")


class Cases(abc.ABC):
    """All that a model is asked about one recording, fed as the engine feeds it.

    Attributes
    ----------
    model, source : who is asked, about what.
    profile : how the R peaks are found, ``review`` or ``live``.
    heard : the R peaks, and where the signal can be judged.
    word : what an item is: ``beat``, ``span`` or ``stretch``.
    """

    word: str

    heard: Heard

    def __init__(self, model: Model, source: Source, profile: str) -> None:
        self.model, self.source, self.profile = model, source, profile

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
    def called(self) -> npt.NDArray[np.bool_]:
        """(item, class) what the model answers: one class, or of diagnoses those it finds."""
        p = self.probabilities
        return np.asarray(p.argmax(axis=1)[:, None] == np.arange(p.shape[1]))

    def answer(self, number: int) -> tuple[str, ...]:
        """Return what is answered about an item, the most probable first; () for nothing."""
        order = np.argsort(-self.probabilities[number], kind="stable")
        return tuple(self.model.classes[k] for k in order.tolist() if self.called[number, k])

    def told(self, number: int) -> str:
        """Return the class of an item that is explained where none is named.

        The most probable answer that is not normal, or the answer; of diagnoses, where nothing is
        found, the most probable.
        """
        found = self.answer(number)
        odd = [name for name in found if name not in NORMAL]
        most = self.model.classes[int(self.probabilities[number].argmax())]
        return (*odd, *found, most)[0]

    @abc.abstractmethod
    def _unheard(self) -> list[str]:
        """Return for each item why the signal does not bear an answer; "" where it does."""

    @cached_property
    def unsure(self) -> list[str]:
        """(item,) why `analyze` would call its answer uncertain; "" where it would not.

        A run has no card that says how sure an answer has to be: of it the signal alone is told.
        """
        if self.heard.reason:
            return [f"the recording cannot be judged: {self.heard.reason}"] * len(self)
        found = self._unheard()
        if isinstance(self.model, BundleModel) and self.model.task != "diagnosis":
            least = self.model.bundle.card.threshold
            for k in np.flatnonzero(self.probabilities.max(axis=1) < least).tolist():
                found[k] = found[k] or f"the model is less sure of its answer than {least:.2f}"
        return found

    def uncertain(self, number: int, target: str) -> str:
        """Return why `analyze` would call the answer on a class uncertain; "" where it would not.

        Classes that exclude each other are uncertain together; of diagnoses each is by itself.
        """
        why = self.unsure[number]
        if why or self.model.task != "diagnosis" or not isinstance(self.model, BundleModel):
            return why
        p = float(self.probabilities[number, self.model.classes.index(target)])
        least = self.model.bundle.card.threshold
        sure = max(p, 1 - p) >= least
        return "" if sure else f"the model is less sure of its answer than {least:.2f}"

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
        """Return the item the model is surest of, `unsure` ones only where there is no other.

        That is the one with the highest probability of `target` among those called so, or among
        all where none is; without a target the surest that is not called normal, or the first.
        """
        p, classes = self.probabilities, self.model.classes
        sure = np.array([not why for why in self.unsure])
        if target is not None:
            k = classes.index(target)
            mine = self.called[:, k] if self.called[:, k].any() else ~self.called[:, k]
            return _highest(p[:, k], mine & sure if (mine & sure).any() else mine)
        others = [k for k, name in enumerate(classes) if name not in NORMAL]
        odd = self.called[:, others].any(axis=1)
        # A normal beat that is certain says more than a noise that is called something else.
        some = odd & sure if sure.any() else odd
        if some.any():
            return _highest(np.where(self.called, p, 0)[:, others].max(axis=1), some)
        return int((sure if sure.any() else ~sure).argmax())


def _highest(p: npt.NDArray[np.float64], some: npt.ArrayLike) -> int:
    return int(np.where(some, p, -1).argmax())
