"""Does a net that is told age and sex answer by them, and by whose they are?

Two controls. `leak_check` gives each tested subject the patient data of another and judges again: a
figure that then falls rested on who the patient is. And a net trained on the side group
``patient-exchanged`` in place of ``patient`` was told of someone else from the beginning, the same
one for all beats of a subject: if it does as well, nothing was learnt from age and sex but whose
beats these are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.evaluation.classification import confusion, macro_f1
from einthoven.inputs import side_names
from einthoven.inputs._patient import NAMES, exchanged
from einthoven.record.errors import UsageError
from einthoven.training._batches import Windows
from einthoven.training._nets import load, logits, prepare
from einthoven.training._recipe import load_recipe

_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class LeakCheck:
    """Macro F1 over the classes that are there, with patient data told in three ways.

    Attributes
    ----------
    people : subjects.
    told : each subject's own.
    exchanged : another subject's, once for each exchange; no two exchanges are the same.
    withheld : nobody's.
    """

    people: int
    told: float
    exchanged: tuple[float, ...]
    withheld: float

    @property
    def chance(self) -> float:
        """How often an exchange does as well as the truth, which counts as one of them."""
        as_well = sum(value >= self.told for value in self.exchanged)
        return (1 + as_well) / (1 + len(self.exchanged))

    @property
    def leaks(self) -> bool | None:
        """Whether the figure rests on who the patient is: fewer than 1 exchange in 20 match it.

        None where there are so few exchanges that this could not come out if all did worse.
        """
        return self.chance < _LEVEL if 1 / (1 + len(self.exchanged)) < _LEVEL else None


def leak_check(
    net: nn.Module, windows: Windows, subject: npt.NDArray[np.str_], columns: Sequence[int], *,
    times: int = 40, seed: int = 0,
) -> LeakCheck:  # fmt: skip
    """Judge a net with the patient data of its subjects exchanged among them.

    Parameters
    ----------
    net : eats windows and side numbers.
    windows : of beats of several subjects.
    subject : (beat,) who was recorded.
    columns : of the side numbers, those of the patient.
    times : exchanges; 20 at least, or none could ever be too few. Four subjects have six only, five
        have 24.
    seed : of the exchanges.

    Raises
    ------
    UsageError : there is one subject only, or too few exchanges.
    """
    people, of = np.unique(subject, return_inverse=True)
    if len(people) < 2:
        raise UsageError("leak check", "has one subject only", "Give beats of two or more")
    if times < 20:
        raise UsageError("leak check", f"has {times} exchanges", "Give 20 or more")
    place = {name: number for number, name in enumerate(people.tolist())}
    own = windows.side[np.unique(of, return_index=True)[1]][:, list(columns)]
    label = windows.label.numpy()

    def judged(numbers: torch.Tensor) -> float:
        side = windows.side.clone()
        side[:, list(columns)] = numbers
        answers = logits(net, Windows(windows.window.numpy(), side.numpy(), label))
        matrix = confusion(label, answers.argmax(1), answers.shape[1])
        return float(macro_f1(matrix, np.flatnonzero(matrix.sum(axis=1)).tolist()))

    values: dict[tuple[int, ...], float] = {}
    # An exchange is one cycle through all subjects. The same one twice would count as two chances.
    while len(values) < min(times, math.factorial(len(people) - 1)):
        giver, seed = exchanged(people.tolist(), seed), seed + 1
        taken = tuple(place[giver[name]] for name in people.tolist())
        if taken not in values:
            values[taken] = judged(own[np.array(taken)[of]])
    return LeakCheck(
        people=len(people), told=judged(own[of]), exchanged=tuple(values.values()),
        withheld=judged(torch.zeros_like(own[of])),
    )  # fmt: skip


def check_run(run: Path, *, part: str = "validation", times: int = 40, seed: int = 0) -> LeakCheck:
    """Judge the net of a finished run of a recipe with patient data; see `leak_check`.

    Parameters
    ----------
    part : ``validation`` or ``test``; the latter is a look at the test side.

    Raises
    ------
    UsageError : the recipe's net is not told who the patient is.
    """
    recipe = load_recipe(str(run / "recipe.toml"))
    names = side_names(recipe.input)
    columns = [number for number, name in enumerate(names) if name in NAMES]
    if not columns:
        raise UsageError(run, "has no patient data", 'Train with "patient" in input.side')
    if part not in ("validation", "test"):
        raise UsageError("part", f"{part!r} is not known", "Use validation or test")
    data = prepare(recipe, recipe.seeds[0])
    rows = (data.split.validation if part == "validation" else data.split.test).rows
    subject = data.split.beats.subject[rows]
    net = load(recipe, run)
    return leak_check(net, data.windows(rows), subject, columns, times=times, seed=seed)
