"""Rows of beats within patients: random beats of the same recordings on all sides. Leaky."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus
from einthoven.protocols import Beats
from einthoven.record.errors import UsageError
from einthoven.training._learners import Logits, Model, Weighing, learn
from einthoven.training._premature import Making, Rows, rows
from einthoven.training._recipe import Recipe
from einthoven.training._run import divided


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """A model of rows, and what it says of those it did not learn from.

    Attributes
    ----------
    model : what was learnt.
    learnt : rows of the training side, made ones among them.
    asked, answers : rows in their recordings' order, and (beat, class) the model's logits of them.
    tested : (beat,) which of `asked` are the test side.
    held, said : rows of the validation side, and (beat, class) logits by a model that learnt from
        none of them.
    offsets : of each class, chosen on the validation side.
    split : who is on which side.
    """

    model: Model
    learnt: int
    asked: Rows
    answers: Logits
    tested: npt.NDArray[np.bool_]
    held: Rows
    said: Logits
    offsets: tuple[float, ...]
    split: Mapping[str, Any]


def within(
    recipe: Recipe, weighing: Weighing, trees: Mapping[str, Any], making: Making, corpus: Corpus,
    tell: Callable[[str], Any],
) -> Answered:  # fmt: skip
    """Return a model of random beats of all records, and its answers to the others.

    A beat that is tested stands among the neighbours of those that are learnt, without its label.
    No offset is chosen: the patients are the same on all sides.

    Parameters
    ----------
    weighing, trees, making : the recipe's keys.
    tell : called with each record's name when it is read.

    Raises
    ------
    UsageError : beats would be made, or a class has too few.
    """
    if making.kinds:
        raise UsageError(
            "augment.kinds", f"makes beats from recordings that {recipe.protocol.name} tests",
            "Give augment.kinds=[], and model.keep={} to learn from all that are there",
        )  # fmt: skip
    classes, seed = recipe.corpus.classes, recipe.seeds[0]
    spec = replace(recipe.input, neighbours=(0, 0))  # the rows have neighbours enough
    table = rows(corpus, corpus.records, spec, recipe.corpus.labels, classes, progress=tell)
    subject = np.array([corpus.subject(r) for r in table.record.tolist()])
    beats = Beats(record=table.record, subject=subject, sample=table.sample, label=table.label)
    split = divided(recipe, beats, seed)
    side = {part: np.isin(np.arange(len(table)), s.rows) for part, s in split.sides.items()}
    known = replace(table, label=np.where(side["training"], table.label, -1))
    model = learn(known, classes, weighing, trees, seed)
    answers = model.logits(table)
    return Answered(
        model=model, learnt=len(split.training.rows), asked=table, answers=answers,
        tested=side["test"], held=table.where(side["validation"]),
        said=answers[side["validation"]], offsets=(0.0,) * len(classes), split=split.to_dict(),
    )  # fmt: skip
