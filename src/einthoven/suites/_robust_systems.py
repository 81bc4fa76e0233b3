"""Which models are asked how they stand altered records: finished runs, and the shipped bundle.

Of each system the first trained model is taken that has seen none of the records it is judged on,
neither in training nor, where trees are grown anew on it in the end, in validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import load_model
from einthoven.record.errors import EinthovenError
from einthoven.record.inputspec import InputSpec
from einthoven.suites._cost import session
from einthoven.training import records as nets
from einthoven.training._recipe import Recipe, load_recipe
from einthoven.training.measurements import FILE as TREES
from einthoven.training.measurements import NET, mixture, net_recipe

Floats = npt.NDArray[np.float32]
Answer = Callable[[Floats, Floats], Floats]  # (item, lead, time), (item, number) -> logits

# Where a system's runs may lie, the fullest training first; the last has not seen fold 8 at all.
PLACES = (
    "fractions/{}/100/seed-0", "twelve/{}/fold-9/seed-0",
    "twelve/{}/out-of-fold-folds-7-8-held-out/seed-0",
)  # fmt: skip
SHIPPED = "twelve"  # the bundle of the zoo
_TRIED = 2  # of PLACES that make a system one of this comparison
_WEIGHTS = "weights.safetensors"
_BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class System:
    """One trained model.

    Attributes
    ----------
    name : as in the tables.
    source : the run folder below the folder of runs, or ``zoo``.
    spec : what it eats.
    labels, classes : the label set and its classes, in the order of the logits.
    learnt : records of its training side.
    mark : twelve hex digits of its weights.
    network : whether it is a single network, without trees.
    """

    name: str
    source: str
    spec: InputSpec
    labels: str
    classes: tuple[str, ...]
    learnt: int
    mark: str
    network: bool
    load: Callable[[], Answer]

    @cached_property
    def answer(self) -> Answer:
        """From windows and side numbers to logits; loaded when first asked."""
        return self.load()


def finished(folder: Path) -> bool:
    """Return whether a folder holds a whole run on records, with what it answers by."""
    whole = all((folder / n).is_file() for n in ("recipe.toml", "answers.npz", "split.json"))
    return whole and ((folder / TREES).is_file() or (folder / _WEIGHTS).is_file())


def found(runs: Path, judged: Collection[str], *, shipped: bool) -> tuple[list[System], list[str]]:
    """Return the systems that may be judged on some records of PTB-XL, and notes on the others.

    Parameters
    ----------
    runs : where the run folders lie, those of the comparisons below it and any other in it.
    judged : names of the records.
    shipped : whether the shipped bundle is asked, too. Its trees have seen folds 1 to 8.
    """
    names: dict[str, None] = {}
    for place in PLACES[:_TRIED]:
        pattern = place.format("*")
        for folder in sorted(runs.glob(pattern)):
            if finished(folder):
                names.setdefault(folder.relative_to(runs).parts[1])
    folders = {name: [runs / place.format(name) for place in PLACES] for name in names}
    # Whoever trained a system of their own has it stand beside these.
    folders |= {p.name: [p] for p in sorted(runs.glob("*")) if p.name not in names and _own(p)}
    systems, notes = [], []
    for name, places in folders.items():
        fresh = [p for p in places if finished(p) and not _seen(p) & set(judged)]
        if not fresh:
            notes.append(f"{name}: no run that has not seen these records")
            continue
        try:
            systems.append(of_run(name, runs, fresh[0]))
        except EinthovenError as fault:  # of another time, when recipes had other keys
            notes.append(f"{name}: {fault}")
    if shipped:
        systems.append(_of_bundle())
    return systems, notes


def _own(run: Path) -> bool:
    """Return whether a folder is a finished run that diagnoses records of PTB-XL."""
    if not finished(run):
        return False
    try:
        recipe = load_recipe(str(run / "recipe.toml"))
    except EinthovenError:  # of another time, when recipes had other keys
        return False
    return recipe.task == "diagnosis" and recipe.corpus.name == "ptbxl"


def _sides(run: Path) -> dict[str, set[str]]:
    """Return the records of each side, and those learnt without a label."""
    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    hidden = split.get("unlabelled") or {}  # runs of before name none
    return {
        side: {r for records in by_corpus.values() for r in records}
        for side, by_corpus in {**split["sides"], "unlabelled": hidden}.items()
    }


def _seen(run: Path) -> set[str]:
    """Return the records that the weights of a run were fitted to, or may have been."""
    sides = _sides(run)
    recipe = load_recipe(str(run / "recipe.toml"))
    again = bool(recipe.model.arguments.get("refit", False))
    return sides["training"] | sides["unlabelled"] | (sides["validation"] if again else set())


def of_run(name: str, runs: Path, run: Path) -> System:
    """Return the system of a finished run.

    Raises
    ------
    EinthovenError : its recipe cannot be read.
    """
    recipe = load_recipe(str(run / "recipe.toml"))
    files = [p for p in (run / _WEIGHTS, run / TREES, run / NET / _WEIGHTS) if p.is_file()]
    mark = hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]
    trees = (run / TREES).is_file()
    return System(
        name=name, source=run.relative_to(runs).as_posix(), spec=recipe.input, mark=mark,
        labels=recipe.corpus.labels, classes=tuple(recipe.corpus.classes),
        learnt=len(_sides(run)["training"]), network=not trees,
        load=lambda: _mixed(recipe, run) if trees else _network(recipe, run),
    )  # fmt: skip


def _of_bundle() -> System:
    bundle = load_model(SHIPPED)
    card = bundle.card
    return System(
        name=f"{SHIPPED} (shipped)", source="zoo", spec=card.stages[0].input,
        labels="ptbxl-superdiagnostic", classes=tuple(card.classes), mark=bundle.sha256[:12],
        learnt=int(card.data["records"]["training"]), network=False,
        load=lambda: lambda window, side: bundle.run({"window": window, "side": side}),
    )  # fmt: skip


def _network(recipe: Recipe, run: Path) -> Answer:
    import torch

    net = nets.load(recipe, run)

    def answer(window: Floats, side: Floats) -> Floats:
        parts = []
        with torch.no_grad():
            for start in range(0, len(window), _BATCH):
                rows = slice(start, start + _BATCH)
                given = (torch.from_numpy(np.ascontiguousarray(c[rows])) for c in (window, side))
                parts.append(net(*given).float().numpy())
        said: Floats = np.concatenate(parts)
        return said

    return answer


def _mixed(recipe: Recipe, run: Path) -> Answer:
    mixed, _ = mixture(recipe)
    share = mixed.net_share
    trees: Any = session((run / TREES).read_bytes())
    net = _network(net_recipe(recipe, mixed), run / NET) if mixed.net else None
    without = net is not None and not net_recipe(recipe, mixed).input.side

    def answer(window: Floats, side: Floats) -> Floats:
        said: Floats = trees.run(None, {"side": np.ascontiguousarray(side)})[0]
        if net is not None:
            said = (1 - share) * said + share * net(window, side[:, :0] if without else side)
        return said.astype(np.float32)

    return answer


def alike(systems: Sequence[System]) -> dict[InputSpec, list[System]]:
    """Return the systems by what they eat: one cut serves all of a kind."""
    groups: dict[InputSpec, list[System]] = {}
    for system in systems:
        groups.setdefault(system.spec, []).append(system)
    return groups
