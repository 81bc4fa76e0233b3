"""A run of a suite's plan: whether it is there, whether it is the plan's, and how it is made."""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.files import write_text
from einthoven.suites._runs import RECIPE
from einthoven.training._recipe import Recipe, load_recipe, to_toml

# Where a step takes long, it then takes 0.5 to 0.8 of its time (benchmarks/printed/loader.txt).
HALF = "optimiser.precision=bfloat16"


@dataclass(frozen=True, kw_only=True)
class Planned(abc.ABC):
    """One run of a plan.

    Attributes
    ----------
    system : what is compared.
    seed : of all chance.
    recipe : as it will be trained.
    folder : where.
    """

    system: str
    seed: int
    recipe: Recipe
    folder: Path

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """What it is called in notes."""

    @property
    @abc.abstractmethod
    def files(self) -> tuple[str, ...]:
        """Names of the files of a whole run."""

    @property
    def finished(self) -> bool:
        """Whether the run is there, whole."""
        return all((self.folder / name).is_file() for name in self.files)

    @property
    def altered(self) -> bool:
        """Whether the run that is there came from another recipe, titles and papers apart."""
        path = self.folder / RECIPE
        if not path.is_file():
            return False
        try:
            there = load_recipe(str(path))
        except EinthovenError:  # of another time, when recipes had other keys
            return True
        return bare(there) != bare(self.recipe)


Item = TypeVar("Item", bound=Planned)


def bare(recipe: Recipe) -> Recipe:
    """Return the recipe without what it is called and whose it is."""
    return replace(recipe, name="", title="", paper="", published={})


def refuse_altered(item: Planned) -> None:
    """Refuse a folder that holds a run of another recipe.

    Raises
    ------
    UsageError : it does.
    """
    if item.altered:
        fault = "holds an unfinished run of another recipe"
        raise UsageError(item.folder, fault, "Delete the folder, it is trained anew")


def train(item: Planned) -> None:
    """Train one run, or go on with it where it was killed.

    Raises
    ------
    UsageError, DataError, LeakError : the recipe cannot be followed.
    """
    from einthoven.training import train as fit

    refuse_altered(item)
    path = item.folder / RECIPE
    if path.is_file():
        # Titles and defaults that came later do not make it another run.
        write_text(path, to_toml(item.recipe))
    fit(item.recipe, item.folder, resume=path.is_file())


def train_missing(items: Iterable[Item], fit: Callable[[Item], None] = train) -> list[str]:
    """Train what is not finished, in order; return a note on each run that was refused.

    A run that is refused does not keep the others waiting; Ctrl-C does, and a later call goes on.

    Raises
    ------
    UsageError : a package that training needs is not installed.
    """
    from tqdm import tqdm

    wanted, notes = [item for item in items if not item.finished], []
    with tqdm(wanted, unit="run", disable=None, file=sys.stderr) as bar:
        for item in bar:
            bar.set_description(item.title)
            try:
                fit(item)
            except EinthovenError as fault:
                if isinstance(fault.__cause__, ModuleNotFoundError):
                    raise  # no other run can do without it either
                notes.append(f"{item.title}: {fault}")
    return notes


def strange(items: Sequence[Planned]) -> list[str]:
    """Return a note on each finished run that is not the plan's."""
    return [
        f"{i.title}: made by another recipe than the plan's"
        for i in items if i.finished and i.altered
    ]  # fmt: skip


def missing(items: Sequence[Planned]) -> list[str]:
    """Return the titles of the runs that are not finished."""
    return [item.title for item in items if not item.finished]
