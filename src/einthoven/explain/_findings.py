"""What is abnormal in a whole recording, explained; bounded whatever its length.

Of each abnormal class of beats the surest three, of each abnormal rhythm the surest span, and each
diagnosis that is found but NORM, on the stretch that speaks for it most. Certain answers come
before uncertain ones. Each by the method that its model is explained with where none is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from einthoven.bundle import Bundle, load_model
from einthoven.engine.findings import Findings
from einthoven.explain._cases import cases
from einthoven.explain._choice import Cases
from einthoven.explain._open import open_model
from einthoven.explain.explanation import explained
from einthoven.record.errors import EinthovenError
from einthoven.record.explanation import Explanation

BEATS = 3  # of a class
SPANS = 1
# Normal beats, rhythm and records, beats without a class, and noise: nothing of them is asked.
_PLAIN = ("N", "Q", "~", "NORM")
_TASKS = ("beat", "rhythm", "diagnosis")


def explain(findings: Findings, bundles: Sequence[Bundle] | None = None) -> Findings:
    """Return the findings with `explanations`, and a warning for each model that has none.

    Parameters
    ----------
    findings : of a recording that is still at hand as ``findings.source``.
    bundles : the models that answered; those that `findings` names if not given.
    """
    if findings.source is None or not findings.usable:
        why = findings.reason or "the samples were not kept with the findings"
        said = f"explain: not answered, since {why}"
        return replace(findings, warnings=(*findings.warnings, said))
    if bundles is None:
        named = [m for m in findings.models if m["task"] in _TASKS]
        bundles = [load_model(m["name"]) for m in named]
    found: list[Explanation] = []
    warnings = list(findings.warnings)
    for bundle in bundles:
        try:
            found += _of(findings, bundle)
        except EinthovenError as fault:
            words = f"{fault.where}: {fault.fault}"
            warnings.append(f"explain: {bundle.card.name} is not explained, since {words}")
    return replace(findings, explanations=tuple(found), warnings=tuple(warnings))


def _of(findings: Findings, bundle: Bundle) -> Iterator[Explanation]:
    """Give the explanations of one model's answers."""
    wanted = list(_wanted(findings, bundle.card.task))
    if not wanted or findings.source is None:
        return
    model = open_model(bundle)
    every = cases(model, findings.source, profile=findings.profile)
    for name, start in wanted:
        number = every.most_telling(name) if start is None else _at(every, start)
        if number is not None:
            answer = (name,) if model.task == "diagnosis" else every.answer(number)
            yield explained(
                model, every[number], every.place(number), name, answer=answer,
                uncertain=_uncertain(findings, every, number, name),
            )  # fmt: skip


def _uncertain(findings: Findings, every: Cases, number: int, name: str) -> str:
    """Return why an answer is uncertain; of a diagnosis, that of all stretches together."""
    why = every.uncertain(number, name)
    for d in findings.diagnoses or ():
        if every.model.task == "diagnosis" and d.code == name:
            return (why or "the model is not sure of it") if d.uncertain else ""
    return why


def _wanted(findings: Findings, task: str) -> Iterator[tuple[str, int | None]]:
    """Give ``(class, sample)`` of what is to be explained; None for the most telling stretch."""
    if task == "beat":
        beats = findings.marks
        for name in sorted(set(beats.classes.tolist()) - set(_PLAIN)):
            at = np.flatnonzero(beats.classes == name)
            order = np.lexsort((-beats.probabilities[at], beats.uncertain[at]))
            for k in np.sort(at[order[:BEATS]]).tolist():
                yield name, int(beats.samples[k])
    elif task == "rhythm":
        spans = findings.rhythm or ()
        for name in sorted({e.label for e in spans} - set(_PLAIN)):
            mine = sorted((e for e in spans if e.label == name),
                          key=lambda e: (e.uncertain, -e.probability))  # fmt: skip
            for e in mine[:SPANS]:
                yield name, e.start
    elif task == "diagnosis":
        for d in findings.diagnoses or ():
            if d.positive and d.code not in _PLAIN:
                yield d.code, None


def _at(every: Cases, start: int) -> int | None:
    """Return the number of the item at a sample; None where there is none."""
    low, high = 0, len(every)
    while low < high:
        middle = (low + high) // 2
        if every.place(middle)[0] < start:
            low = middle + 1
        else:
            high = middle
    return low if low < len(every) and every.place(low)[0] == start else None
