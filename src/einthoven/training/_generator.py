"""A generator of beats as its recipe names it: its keys, what it learns from, what it draws.

How it is trained stands in `gan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from einthoven.models.wgan import Generator
from einthoven.protocols import Split
from einthoven.record.errors import DataError, UsageError
from einthoven.training import _run, _weights
from einthoven.training._recipe import Recipe, check_keys, load_recipe

_CUT = 1.2  # of the upper edge of the band, so that nothing within it is lost
_STEP = 1024  # windows made at a time


@dataclass(frozen=True, kw_only=True)
class Making:
    """The keys of ``[model]``.

    Attributes
    ----------
    rare : classes that are generated; all but the most frequent one if not given.
    latent : numbers of noise.
    width : channels of the last layer but one; both nets grow with it.
    critic : steps of the critic for each of the generator.
    """

    rare: tuple[str, ...] = ()
    latent: int = 64
    width: int = 16
    critic: int = 3

    @classmethod
    def of(cls, recipe: Recipe) -> Making:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or a value is not for generators.
        """
        check_keys("model", recipe.model.arguments, cls.__dataclass_fields__)
        check_keys("augment", recipe.augment, ())
        found = cls(**recipe.model.arguments)
        if not isinstance(found.rare, (list, tuple)):
            raise UsageError("model.rare", f"is {found.rare!r}", "Give a list of classes")
        check_keys("model.rare", found.rare, recipe.corpus.classes)
        for key in ("latent", "width", "critic"):
            value = getattr(found, key)
            if type(value) is not int or value < 1:
                raise UsageError(f"model.{key}", f"is {value!r}", "Give a whole number from 1 on")
        return found


def build(recipe: Recipe) -> Generator:
    """Return the generator of a recipe, untrained."""
    making, spec = Making.of(recipe), recipe.input
    return Generator(
        leads=len(spec.leads), time=spec.time, classes=len(recipe.corpus.classes),
        latent=making.latent, width=making.width, cut=min(0.5, _CUT * spec.band[1] / spec.rate),
        standard=spec.normalise == "zscore",
    )  # fmt: skip


def learnt_rows(recipe: Recipe, split: Split) -> npt.NDArray[np.int64]:
    """Return (beat,) rows that the generator learns from: rare classes, of the training side.

    Raises
    ------
    UsageError : a class it shall generate has fewer than two beats there.
    """
    rows, classes = split.training.rows, recipe.corpus.classes
    label = split.beats.label[rows]
    counts = np.bincount(label, minlength=len(classes))
    rare = Making.of(recipe).rare or tuple(
        name for i, name in enumerate(classes) if 1 < counts[i] < counts.max()
    )
    for name in rare:
        if counts[classes.index(name)] < 2:
            fault = f"{name!r} has {counts[classes.index(name)]} beats in training"
            raise UsageError("model.rare", fault, "Leave the class out")
    chosen = rows[np.isin(label, [classes.index(name) for name in rare])]
    if not len(chosen):
        raise UsageError("model.rare", "no class is rarer than the others", "Name the classes")
    return chosen


def draw(generator: Generator, label: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float32]:
    """Return windows (beat, lead, time) of the classes `label` (beat,); a function of the seed."""
    noise = torch.randn(
        len(label), generator.latent, generator=torch.Generator().manual_seed(seed)
    )  # fmt: skip
    named = torch.from_numpy(label)
    with torch.no_grad():
        parts = [
            generator(noise[at : at + _STEP], named[at : at + _STEP])
            for at in range(0, len(label), _STEP)
        ]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def load(run: Path) -> tuple[Recipe, Generator]:
    """Return the recipe and the trained generator of a finished run.

    Raises
    ------
    DataError : it is no such run.
    """
    if not (run / _run.WEIGHTS).is_file():
        raise DataError(run, "holds no trained generator", "Run: einthoven train wgan --run FOLDER")
    recipe = load_recipe(str(run / "recipe.toml"))
    if recipe.model.name != "wgan":
        mend = "Name the run of a recipe with model.name = wgan"
        raise DataError(run, f"is a run of {recipe.model.name!r}, not of a generator", mend)
    return recipe, _weights.filled(build(recipe), run / _run.WEIGHTS)
