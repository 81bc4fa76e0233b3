"""What the suite ``guided`` trains: networks by fold and seed, a teacher before who it teaches.

A run folder is ``guided/SYSTEM/fold-X/seed-K``; one that is there is not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from einthoven.corpora.mitdb import DS1
from einthoven.suites._planned import Planned
from einthoven.training import load_recipe

# Drawn by hand so that each fold has beats of S and V from several people, before any training.
# Nearly all F are of record 208.
FOLDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "A": ("101", "114", "119", "122", "203", "205", "209"),
        "B": ("108", "112", "115", "118", "124", "201", "208"),
        "C": ("106", "109", "116", "207", "215", "220", "223", "230"),
    }
)
# One record of the training side says the temperature; it chooses nothing else.
_VALIDATION = {"A": "124", "B": "114", "C": "124"}
SEEDS = (0, 1, 2)
# Recipe and changes of each; a teacher comes before who is taught by it.
SYSTEMS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "plain": ("exgnet-guided", ("guide.weight=0", "guide.head=0")),
        "mask": ("exgnet-guided", ("guide.head=0",)),
        "guided": ("exgnet-guided", ()),
        "small": ("exgnet-distilled", ("objective.teacher_weight=0",)),
        "distilled": ("exgnet-distilled", ("objective.teacher={runs}/guided/{part}",)),
        "distilled, plain": ("exgnet-distilled", ("objective.teacher={runs}/plain/{part}",)),
    }
)

FAMILIES = (("plain", "mask", "guided"), ("small", "distilled", "distilled, plain"))


@dataclass(frozen=True, kw_only=True)
class Item(Planned):
    """One run of the plan; `fold` is of `FOLDS`."""

    fold: str

    @property
    def title(self) -> str:
        """System, fold and seed."""
        return f"{self.system} fold {self.fold} seed {self.seed}"

    @property
    def files(self) -> tuple[str, ...]:
        """Weights, which are written last."""
        return ("weights.safetensors",)


def plan(runs: Path, seeds: Sequence[int] = SEEDS) -> list[Item]:
    """Return all runs in the order of training, a whole seed after the other."""
    home = runs / "guided"
    items = []
    for seed in seeds:
        for fold, held in FOLDS.items():
            part = f"fold-{fold}/seed-{seed}"
            learnt = [r for r in DS1 if r not in held]
            sets = [
                f"seeds=[{seed}]", f"protocol.train={_listed(learnt)}",
                f"protocol.validation={_listed([_VALIDATION[fold]])}",
                f"protocol.test={_listed(held)}",
            ]  # fmt: skip
            for system, (recipe, changes) in SYSTEMS.items():
                own = [c.format(runs=home.as_posix(), part=part) for c in changes]
                folder = home / system.replace(", ", "-") / part
                items.append(
                    Item(
                        system=system, fold=fold, seed=seed, folder=folder,
                        recipe=load_recipe(recipe, [*sets, *own]),
                    )
                )  # fmt: skip
    return items


def _listed(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
