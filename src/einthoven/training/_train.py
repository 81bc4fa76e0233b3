"""From a recipe to the trainer it asks for, once a seed."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from einthoven.record.errors import UsageError
from einthoven.training._recipe import Recipe


def runs(recipe: Recipe, run: Path) -> dict[Path, Recipe]:
    """Return the run folders of a recipe: `run` for one seed, ``run/seed-N`` for several."""
    if len(recipe.seeds) == 1:
        return {run: recipe}
    return {run / f"seed-{seed}": replace(recipe, seeds=(seed,)) for seed in recipe.seeds}


def train(recipe: Recipe, run: Path, *, resume: bool = False) -> None:
    """Train every seed of a recipe; its task and library say by whom.

    Raises
    ------
    UsageError, DataError, LeakError : the recipe cannot be followed.
    """
    trainer = "nets"
    if recipe.model.name == "period-aware":
        trainer = "pretrain"
    elif recipe.task in ("peaks", "waves", "rhythm", "rr"):
        trainer = recipe.task
    elif recipe.task == "diagnosis":
        trainer = "measurements" if recipe.model.library == "sklearn" else "records"
    elif recipe.model.library == "sklearn":
        trainer = "boosting"
    elif recipe.model.name == "wgan":
        trainer = "gan"
    try:
        if recipe.model.library == "sklearn":
            import_module("sklearn")  # else it is missed after minutes of making rows
        fit = import_module(f"einthoven.training.{trainer}").fit
    except ModuleNotFoundError as fault:
        mend = "Run: pip install 'einthoven[train]'"
        raise UsageError("training", f"needs {fault.name}", mend) from fault
    for folder, single in runs(recipe, run).items():
        fit(single, folder, resume)
