"""An explanation in one sentence: what the answer rests on, and what is left of it without.

The second half is no guess: the part is taken away and the model is asked again. Nothing here says
what the heart does, nor "because": it is said of the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.explain._case import Case, Part
from einthoven.explain._model import Logits, Model, probabilities
from einthoven.record.attribution import Attribution

_MOST = 0.5  # of what speaks for the class, from which on it is "mostly" that
_SAME = 0.005  # two probabilities that are printed alike
_NAMED = 2  # parts at most, where none is most of it


def sentence(found: Attribution, case: Case, model: Model) -> str:
    """Return an explanation in words, e.g. ``mostly QRS of lead II; removing it lowers V ...``.

    Parameters
    ----------
    found : the explanation of one class.
    case : what was explained. Parts of `found` that it does not know are named, not taken away.
    model : who is asked again.
    """
    parts = {p.name: p for kind in case.parts.values() for p in kind}
    share = _shares(found, case)
    speaking = sorted((name for name, v in share.items() if v > 0), key=lambda n: -share[n])
    if not speaking:
        return _ended("nothing of what the model was given speaks for it", found)
    chosen = speaking[:1] if share[speaking[0]] >= _MOST else speaking[:_NAMED]
    named, taken = [], []
    for name in chosen:
        part = parts.get(name) or _number(name, case)
        row = _lead(part, case, model, found.target) if part else None
        named.append(name if row is None else f"{name} of lead {case.leads[row]}")
        if part is not None:
            taken.append(part if row is None else _alone(part, row))
    if len(named) > 1:
        each = (f"{n} ({100 * share[c]:.0f} %)" for n, c in zip(named, chosen, strict=True))
        words = "most of all " + " and ".join(each)
    else:
        words = f"mostly {named[0]}"
    if len(taken) < len(chosen):
        return _ended(words, found)
    return _ended(f"{words}; {_without(taken, case, model, found)}", found)


def _shares(found: Attribution, case: Case) -> dict[str, float]:
    """Return what each part is of all that speaks for the class, below 0 what speaks against it.

    Numbers where there are some, else the map added up within the parts.
    """
    numbers = dict(found.numbers)
    if not numbers and found.values is not None and found.values.shape == case.window.shape:
        kind = "waves" if "waves" in case.parts else next(iter(case.parts), "")
        parts = case.parts.get(kind, ())
        numbers = {p.name: float(found.values[p.where].sum()) for p in parts if p.where.any()}
    total = sum(v for v in numbers.values() if v > 0)
    return {name: v / total for name, v in numbers.items()} if total > 0 else {}


def _number(name: str, case: Case) -> Part | None:
    """Return a side number as a part; None where there is none of that name."""
    if name not in case.names:
        return None
    here = np.array([n == name for n in case.names])
    return Part(name=name, where=np.zeros(case.window.shape, np.bool_), numbers=here)


def _lead(part: Part, case: Case, model: Model, target: str) -> int | None:
    """Return the row in which a part stands, or which makes most of its effect; None for all."""
    rows = _rows(part)
    if part.name in case.leads or not rows:
        return None
    if len(rows) == 1:
        return rows[0]
    asked = case.masked([_alone(part, row) for row in rows], ~np.eye(len(rows), dtype=np.bool_))
    k = model.classes.index(target)
    before = _answers(model, case.whole())[0, k]
    drop = np.maximum(before - _answers(model, asked)[:, k], 0)
    top = int(drop.argmax())
    most = drop[top] > _SAME and drop[top] >= _MOST * drop.sum()
    return rows[top] if most else None


def _rows(part: Part) -> list[int]:
    there: list[int] = np.flatnonzero(part.where.any(axis=1)).tolist() if part.where.size else []
    return there


def _alone(part: Part, row: int) -> Part:
    """Return a part in one of its leads, without its numbers if it stands in others, too."""
    if _rows(part) == [row]:
        return part
    where = np.zeros_like(part.where)
    where[row] = part.where[row]
    return Part(name=part.name, where=where, numbers=np.zeros_like(part.numbers))


def _without(taken: Sequence[Part], case: Case, model: Model, found: Attribution) -> str:
    """Return what the model says when the parts have been taken away."""
    asked = case.masked(taken, np.zeros((1, len(taken)), np.bool_))
    k = model.classes.index(found.target)
    before, after = _answers(model, case.whole())[0], _answers(model, asked)[0]
    it = "it" if len(taken) == 1 else "both"
    a, b = f"{before[k]:.2f}", f"{after[k]:.2f}"
    if a == b or abs(before[k] - after[k]) < _SAME:
        return f"yet removing {it} leaves {found.target} at {b}"
    words = f"removing {it} {'lowers' if after[k] < before[k] else 'raises'} {found.target}"
    words += f" from {a} to {b}"
    if model.task != "diagnosis" and after.argmax() != before.argmax():
        words += f", and the answer is {model.classes[int(after.argmax())]}"
    return words


def _answers(model: Model, inputs: dict[str, np.ndarray]) -> Logits:
    return probabilities(model, model.logits(inputs))


def _ended(words: str, found: Attribution) -> str:
    """Return the sentence, with the doubt where there is one."""
    if not found.doubt:
        return words
    doubt = found.doubt.rstrip(".")
    return f"{words}. Doubtful: {doubt[:1].lower()}{doubt[1:]}"
