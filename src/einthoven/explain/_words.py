"""An explanation in one sentence: what the answer rests on, and what is left of it without.

The second half is no guess: the part is taken away and the model is asked again. Nothing here says
what the heart does, nor "because": it is said of the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.explain._case import Case, Part
from einthoven.explain._item import answers, contributions
from einthoven.explain._model import Model
from einthoven.record.attribution import Attribution

_MOST = 0.5  # of what speaks for the class, from which on it is "mostly" that
_SAME = 0.005  # two probabilities that are printed alike
_MISSED = 0.1  # by so much an answer falls that rests on what is taken away
_NAMED = 2  # parts at most, where none is most of it


def sentence(found: Attribution, case: Case, model: Model) -> str:
    """Return an explanation in words, e.g. ``mostly QRS of lead II; removing it lowers V ...``.

    Parameters
    ----------
    found : the explanation of one class.
    case : what was explained. Parts of `found` that it does not know are named, not taken away.
    model : who is asked again.
    """
    known = contributions(found, case)
    # Where more is to be said against it than for it, that is said: of what is improbable, and of
    # what is left where nothing speaks for another answer, as most normal beats are.
    values = [v for _, v in known.values()]
    against = sum(values) < 0 and (found.probability < _MOST or max(values) > 0)
    sign = -1.0 if against else 1.0
    total = sum(sign * v for _, v in known.values() if sign * v > 0) or 1.0
    share = {name: sign * v / total for name, (_, v) in known.items()}
    speaking = sorted((name for name, v in share.items() if v > 0), key=lambda n: -share[n])
    if not speaking:
        words = "nothing of what the model was given speaks for it"
        if found.without is not None:
            words += f"; without everything {found.target} is at {spoken(found.without)}"
        return _ended(words, found)
    chosen = speaking[:1] if share[speaking[0]] >= _MOST else speaking[:_NAMED]
    named, taken = [], []
    for name in chosen:
        part, _ = known[name]
        row = _lead(part, case, model, found.target, sign) if part else None
        named.append(name if row is None else f"{name} of lead {case.leads[row]}")
        if part is not None:
            taken.append(part if row is None else _alone(part, row))
    if len(named) > 1:
        of = f"of what speaks {'against' if against else 'for'} it"
        one, two = (f"{n} ({100 * share[c]:.0f} %" for n, c in zip(named, chosen, strict=True))
        words = f"most of all {one}) and {two} {of})"
    else:
        words = f"mostly {named[0]}"
    if against:
        likely = found.probability >= _MOST
        words = f"{'more speaks against it than for it, ' if likely else 'against it, '}{words}"
    if len(taken) < len(chosen):
        return _ended(words, found)
    return _ended(f"{words}; {_without(taken, case, model, found, against)}", found)


def _lead(part: Part, case: Case, model: Model, target: str, sign: float) -> int | None:
    """Return the row in which a part stands, or which makes most of its effect; None for all."""
    rows = _rows(part)
    if part.name in case.leads or not rows:
        return None
    if len(rows) == 1:
        return rows[0]
    asked = case.masked([_alone(part, row) for row in rows], ~np.eye(len(rows), dtype=np.bool_))
    k = model.classes.index(target)
    before = answers(model, case.whole())[0, k]
    drop = np.maximum(sign * (before - answers(model, asked)[:, k]), 0)
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


def _without(
    taken: Sequence[Part], case: Case, model: Model, found: Attribution, against: bool
) -> str:
    """Return what the model says when the parts have been taken away.

    Parameters
    ----------
    against : whether they are said to speak against the class.
    """
    asked = case.masked(taken, np.zeros((1, len(taken)), np.bool_))
    k = model.classes.index(found.target)
    before, after = answers(model, case.whole())[0], answers(model, asked)[0]
    it = "it" if len(taken) == 1 else "both"
    a, b = spoken(before[k]), spoken(after[k])
    close = abs(before[k] - after[k]) < _SAME and 0.5 < after[k] / max(before[k], 1e-9) < 2
    if a == b or close:
        return f"yet removing {it} leaves {found.target} at {b}{_still(found)}"
    falls = bool(after[k] < before[k])
    # Parts that act together may do by themselves what nobody would expect of them.
    yet = "yet " if falls == against else ""
    words = f"{yet}removing {it} {'lowers' if falls else 'raises'} {found.target}"
    words += f" from {a} to {b}"
    if model.task != "diagnosis" and after.argmax() != before.argmax():
        words += f", and the answer is {model.classes[int(after.argmax())]}"
    elif before[k] - after[k] < _MISSED:
        words += _still(found)
    return words


def _still(found: Attribution) -> str:
    """Return what is left where an answer does not need what is explained; "" where it does."""
    if found.without is None or found.without < _MOST:
        return ""
    return f"; without everything it is still {spoken(found.without)}"


def spoken(probability: float) -> str:
    """Return a probability in two digits, in more where two would be 0."""
    return f"{probability:.2f}" if probability >= _SAME else f"{probability:.1g}"


def _ended(words: str, found: Attribution) -> str:
    """Return the sentence, with the doubt where there is one."""
    if not found.doubt:
        return words
    doubt = found.doubt.rstrip(".")
    return f"{words}. Doubtful: {doubt[:1].lower()}{doubt[1:]}"
