"""Card: what a shipped model is, was trained on, reaches and must not be used for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from einthoven.record.errors import DataError, nearest
from einthoven.record.inputspec import InputSpec

TASKS = ("peaks", "beat", "rhythm", "waves", "diagnosis")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One ONNX file of a bundle and what it eats.

    Attributes
    ----------
    file : name of the ONNX file inside the bundle's folder.
    sha256 : of that file.
    input : what the stage is fed.
    """

    file: str
    sha256: str
    input: InputSpec


@dataclass(frozen=True, kw_only=True)
class Card:
    """The card of a bundle, ``card.json`` beside the ONNX and inside its metadata.

    Attributes
    ----------
    name, version, task : what it is called, and which of `TASKS` it does.
    classes : in the order of the outputs.
    profiles : the engine profiles its figures were measured in.
    default : whether `analyze` uses it when nothing is asked for.
    offsets : added to the logits (log probabilities) before the largest wins; chosen on the
        training side.
    temperature : the logits are divided by it.
    threshold : an answer of lower probability is called uncertain.
    thresholds : further numbers of the task (e.g. the acceptance of an R peak).
    protocol, figures : how it was judged and what came out, each figure with its interval.
    data, subjects : corpora and records seen in training.
    usual : by name, the medians of the side numbers over the training records of the first class;
        explanations put them in the place of numbers that are taken away. Empty for beats, whose
        patient's own median serves.
    recipe, run : the recipe, and the fingerprint of the run, that made it.
    """

    name: str
    version: str
    task: str
    title: str
    stages: tuple[Stage, ...]
    classes: tuple[str, ...]
    profiles: tuple[str, ...]
    default: bool = False
    offsets: tuple[float, ...] = ()
    temperature: float = 1.0
    threshold: float = 0.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    protocol: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, float] = field(default_factory=dict)
    recipe: str = ""
    run: str = ""
    paper: str = ""
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("stages", "classes", "profiles", "offsets", "limits"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.task not in TASKS:
            raise DataError(
                self.name, f"task {self.task!r} is not known", nearest(self.task, TASKS)
            )

    def to_json(self) -> str:
        """Return the card as JSON text with sorted keys."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Card:
        """Read `to_json`; `where` names the file in messages.

        Raises
        ------
        DataError : it is no card, or one of a later version.
        """
        try:
            values = json.loads(text)
            known = {f.name for f in fields(cls)}
            unknown = sorted(set(values) - known)
            if unknown:
                raise DataError(where, f"card key {unknown[0]!r} is not known", "Update einthoven")
            values["stages"] = tuple(
                Stage(
                    file=str(s["file"]),
                    sha256=str(s["sha256"]),
                    input=InputSpec.from_dict(s["input"]),
                )
                for s in values["stages"]
            )
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as fault:
            if isinstance(fault, DataError):
                raise
            raise DataError(where, f"is no card ({fault})", "Export the model again") from fault
