"""Explanation: an attribution with its sentence, and whether the method may be believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from einthoven.explain._case import Case
from einthoven.explain._explainer import chosen, served, target_of
from einthoven.explain._model import Model, probabilities
from einthoven.explain._tested import default, doubt
from einthoven.explain._words import sentence
from einthoven.record.attribution import Attribution


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Why a model answers what it does, by one method.

    Attributes
    ----------
    attribution : the contributions; its `doubt` says why the method should not be believed.
    sentence : the same in words, the doubt with it.
    """

    attribution: Attribution
    sentence: str

    def to_dict(self, *, maps: bool = True) -> dict[str, Any]:
        """Return what JSON can hold, with the map where `maps`."""
        found = self.attribution.to_dict()
        if not maps:
            found.pop("map", None)
        return found | {"sentence": self.sentence}


def explained(
    model: Model, case: Case, target: str | None = None, method: str | None = None
) -> Explanation:
    """Return the explanation of one class of one answer.

    Parameters
    ----------
    model : who answered.
    case : what.
    target : the class; the model's answer, that is the most probable, if not given.
    method : an explainer's name; the default for the model (`default_method`) if not given.

    Raises
    ------
    UsageError : there is no such class or method, or the method cannot serve this model.
    """
    if target is None:
        answer = probabilities(model, model.logits(case.whole()))[0]
        target = model.classes[int(answer.argmax())]
    name = method or default_method(model)
    found = chosen(model, name).explain(model, case, target_of(model, target))
    found = replace(found, doubt=found.doubt or doubt(name, model.name))
    return Explanation(attribution=found, sentence=sentence(found, case, model))


def default_method(model: Model) -> str:
    """Return the method a model is explained with: the best that passed its tests, if it serves."""
    name, there = default(model.name), served(model)
    return name if name in there or not there else there[0]
