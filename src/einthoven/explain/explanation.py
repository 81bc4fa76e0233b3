"""One answer explained by one method, in numbers and in words."""

from __future__ import annotations

from dataclasses import replace

from einthoven.explain._case import Case
from einthoven.explain._explainer import EXPLAINERS, chosen, served, target_of
from einthoven.explain._item import answers, contributions
from einthoven.explain._model import Model
from einthoven.explain._tested import default, doubt
from einthoven.explain._words import sentence
from einthoven.record.attribution import Attribution
from einthoven.record.explanation import Explanation


def explained(
    model: Model,
    case: Case,
    place: tuple[int, int],
    target: str | None = None,
    method: str | None = None,
    answer: tuple[str, ...] | None = None,
    uncertain: str = "",
) -> Explanation:
    """Return the explanation of one class of one answer.

    Parameters
    ----------
    model : who answered.
    case : what.
    place : samples [start, end) of the recording that were judged; of a beat its R peak twice.
    target : the class; the most probable if not given.
    method : an explainer's name; the default for the model (`default_method`) if not given.
    answer : what the model says, see `Cases.answer`; the most probable class if not given.
    uncertain : why the answer itself is uncertain, see `Cases.uncertain`.

    Raises
    ------
    UsageError : there is no such class or method, or the method cannot serve this model.
    """
    most = model.classes[int(answers(model, case.whole())[0].argmax())]
    target = most if target is None else target
    name = method or default_method(model)
    found = chosen(model, name).explain(model, case, target_of(model, target))
    found = replace(_summed(found, case), doubt=found.doubt or doubt(name, model.name))
    return Explanation(
        attribution=found, sentence=sentence(found, case, model), task=model.task,
        start=place[0], end=place[1], uncertain=uncertain,
        answer=(most,) if answer is None else answer,
    )  # fmt: skip


def _summed(found: Attribution, case: Case) -> Attribution:
    """Return a map, or many measurements, added up by wave, with what was measured beside it."""
    known = {p.name for kind in case.parts.values() for p in kind}
    if found.numbers.keys() & known:
        return found
    parts = contributions(found, case)
    if found.values is None and parts.keys() == found.numbers.keys():
        return found
    stretches = tuple(s for part, _ in parts.values() if part for s in part.stretches)
    # A map without a unit has shares of all that it says, for or against.
    whole = sum(abs(v) for _, v in parts.values()) if found.unit == "share" else 1.0
    numbers = {name: value / (whole or 1.0) for name, (_, value) in parts.items()}
    return replace(
        found, numbers=numbers, measurements=found.numbers, stretches=found.stretches or stretches
    )  # fmt: skip


def default_method(model: Model) -> str:
    """Return the method a model is explained with: the best that passed its tests, if it serves."""
    name = default(model.name)
    # Whether all the others serve is asked only where it must be: some load torch to know.
    if name in EXPLAINERS.names() and EXPLAINERS[name].serves(model):
        return name
    there = served(model)
    return there[0] if there else name
