"""Finds run folders and reads what a judge needs of them; trains nothing, needs no torch."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.record.vocabulary import CLASSES

RECIPE, TABLE, METRICS = "recipe.toml", "predictions.npz", "metrics.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One trained model: what it was asked to be, and what it answered.

    Attributes
    ----------
    path : the run folder.
    recipe : the recipe as resolved.
    metrics : what the training wrote down, ``{}`` where nothing.
    predictions : its answers.
    seed : of this run.
    """

    path: Path
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: Predictions
    seed: int

    @property
    def name(self) -> str:
        """The recipe's name."""
        return str(self.recipe["name"])

    @property
    def labels(self) -> str:
        """The map from symbols to classes."""
        return str(self.recipe["corpus"]["labels"])

    @property
    def corpus(self) -> str:
        """The corpus's name in the catalogue."""
        return str(self.recipe["corpus"]["name"])

    @property
    def peaks(self) -> str:
        """Whose R peaks the beats stand at, ``reference`` or ``engine``."""
        return str(self.recipe["corpus"].get("peaks", "reference"))

    @property
    def protocol(self) -> str:
        """The protocol's name."""
        return str(self.recipe["protocol"]["name"])

    @property
    def strict(self) -> bool:
        """Whether training left out subjects that the published split also tests."""
        return bool(self.recipe["protocol"].get("strict", False))

    @property
    def model(self) -> str:
        """The architecture's name."""
        return str(self.recipe["model"]["name"])

    @property
    def trees(self) -> bool:
        """Whether the model is gradient boosting, the control of every network."""
        return self.model.startswith("boosting")

    @property
    def parameters(self) -> int | None:
        """Number of float32 numbers that the model keeps, or of nodes of its trees."""
        value = self.metrics.get("parameters")
        if isinstance(value, int | float):
            return int(value)
        return _kept_numbers(self.path / "weights.safetensors")


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a finished run."""
    return (folder / RECIPE).is_file() and (folder / TABLE).is_file()


def read_run(folder: Path) -> Run:
    """Read one run folder.

    Raises
    ------
    DataError : it is no finished run.
    """
    if not is_run(folder):
        seeds = sorted(p.parent.name for p in folder.glob(f"seed-*/{RECIPE}"))
        mend = f"Give one of its seeds: {', '.join(seeds)}" if seeds else (
            f"It needs {RECIPE} and {TABLE}; a run on whole records has answers.npz and "
            'task = "diagnosis" in its recipe'
        )  # fmt: skip
        raise DataError(folder, "is no finished run", mend)
    try:
        recipe = tomllib.loads((folder / RECIPE).read_text(encoding="utf-8"))
        labels = recipe["corpus"]["labels"]
        classes = tuple(recipe["corpus"].get("classes") or CLASSES[labels])
        _ = recipe["name"], recipe["corpus"]["name"], recipe["model"]["name"]
        _ = recipe["protocol"]["name"]
    except (ValueError, KeyError, TypeError) as fault:
        raise DataError(folder / RECIPE, f"is no recipe ({fault})", "Train it again") from fault
    metrics: dict[str, Any] = {}
    if (folder / METRICS).is_file():
        try:
            metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        except ValueError as fault:
            raise DataError(folder / METRICS, "is damaged", "Train the run again") from fault
    return Run(
        path=folder, recipe=recipe, metrics=metrics, seed=_seed(folder, recipe),
        predictions=Predictions.load(folder / TABLE, classes=classes),
    )  # fmt: skip


def find_runs(folder: Path) -> list[Run]:
    """Return every finished run below a folder, in the order of their paths."""
    if not folder.is_dir():
        raise DataError(folder, "is not there", "Train first: einthoven train RECIPE")
    homes = sorted(p.parent for p in folder.rglob(TABLE))
    return [read_run(home) for home in homes if is_run(home)]


def _kept_numbers(path: Path) -> int | None:
    """Return how many float32 numbers a safetensors file holds, by its header alone."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > path.stat().st_size:
            raise DataError(path, "is damaged", "Train the run again")
        header = json.loads(file.read(size))
    shapes = [v["shape"] for k, v in header.items() if k != "__metadata__" and v["dtype"] == "F32"]
    return int(sum(math.prod(shape) for shape in shapes))


def _seed(folder: Path, recipe: Mapping[str, Any]) -> int:
    seeds = recipe.get("seeds", [])
    if len(seeds) == 1:
        return int(seeds[0])
    trailing = re.search(r"(\d+)$", folder.name)
    return int(trailing[1]) if trailing else 0
