"""Explanation: an attribution with its sentence, and what of the recording it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from einthoven.record.attribution import Attribution


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Why a model answers what it does, by one method.

    Attributes
    ----------
    attribution : the contributions; its `doubt` says why the method should not be believed.
    sentence : the same in words, the doubt with it.
    task : ``beat``, ``rhythm`` or ``diagnosis``.
    start, end : samples of the recording, [start, end), that were judged; of a beat its R peak.
    answer : what the model says of it: a class or, of diagnoses, those that it finds; None
        where nobody asked.
    uncertain : why `analyze` calls the answer itself uncertain; "" where it does not.
    """

    attribution: Attribution
    sentence: str
    task: str
    start: int
    end: int
    answer: tuple[str, ...] | None = None
    uncertain: str = ""

    @property
    def words(self) -> str:
        """The sentence; before it the answer, where another class is explained."""
        target = self.attribution.target
        if self.answer is None or target in self.answer:
            return self.sentence
        said = f"the answer is {', '.join(self.answer)}" if self.answer else "nothing is found"
        return f"{said}; of {target}: {self.sentence}"

    def to_dict(self, *, maps: bool = True) -> dict[str, Any]:
        """Return what JSON can hold, with the map where `maps`."""
        found = self.attribution.to_dict()
        if not maps:
            found.pop("map", None)
        where = {"sample": self.start} if self.task == "beat" else {
            "start": self.start, "end": self.end,
        }  # fmt: skip
        return {
            "task": self.task, **where, **found, "sentence": self.sentence,
            "answer": list(self.answer or ()), "uncertain": self.uncertain,
        }  # fmt: skip
