"""What the suite ``twelve`` trains: systems by what is left out, variant and seed.

The tables below are the whole comparison. A run folder is
``twelve/SYSTEM[-VARIANT]/TRIAL-PART/seed-K``; one that is there is never trained again, and one
that was killed goes on. The order is that of use: what tells most comes first, fold 9 after all
that is out of fold, further seeds last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.files import write_text
from einthoven.suites import _twelve_control
from einthoven.training._recipe import Recipe, load_recipe, to_toml

FOLDER = "twelve"
SEEDS = (0, 1, 2)
FLAGSHIP, RIVAL = "heartbeatai", "resnet1d-wang"
TREES, FUSION, PROBE = "twelve-measurements", "twelve", "random-encoder"
# The network that the trees teach lies in the folder of the system that both make up.
TAUGHT = "twelve-median-beat"
SENTENCE = "beat-net"
# The same network, told beside the labels what the trees of `FUSION` say out of fold.
LEARNER = "beat-net-taught"

# System -> recipe and what is changed of it, in the order of the tables. Those that nothing is
# known of beforehand come in the order of their cost.
SYSTEMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        FLAGSHIP: (FLAGSHIP,),
        RIVAL: (RIVAL,),
        "xresnet1d101": ("xresnet1d101",),
        TREES: (TREES,),
        FUSION: (FUSION,),
        PROBE: (FLAGSHIP,),
        SENTENCE: (SENTENCE,),
        LEARNER: (SENTENCE,),
        "cnn-attention-bilstm": ("cnn-attention-bilstm",),
        "optimised-features": ("optimised-features",),
        # At its own width an epoch takes minutes on one core.
        "s4-narrow": ("s4", "model.width=64"),
        "inception1d": ("inception1d",),
        "ecg-imn": ("ecg-imn",),
        "imle-net": ("imle-net",),
    }
)
FIRST = (FLAGSHIP, RIVAL, "xresnet1d101", TREES, FUSION, PROBE)

_ERM = ("model.mixstyle=false", "objective.label_smoothing=0.0", "objective.balance=0.0")
# Parts of the flagship that are taken out.
VARIANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "no-se": ("model.lead_se=false", "model.channel_se=false"),
        "no-concentration": ("model.concentration=false",),
        "no-mixstyle": ("model.mixstyle=false",),
        "no-smoothing": ("objective.label_smoothing=0.0",),
        "erm": _ERM,
    }
)

FOLDS = tuple(f"folds {a}+{a + 1} held out" for a in (1, 3, 5, 7))
# Those of 200 records and more in folds 1 to 8; the smaller ones train.
DEVICES = ("CS100 3", "AT-6 C 5.5", "CS-12 E", "CS-12", "AT-6 6")
SITES = ("0", "1", "2")
SOURCES = ("ludb", "cpsc2018", "cpsc-extra", "georgia", "chapman", "ningbo", "ptb")

_POOLED = (
    "corpus.labels=super", "corpus.domain=corpus",
    "corpus.others=[" + ", ".join(f'"{s}"' for s in SOURCES) + "]",
)  # fmt: skip
# Trial -> its parts, and what is changed of the recipe.
TRIALS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "out-of-fold": (FOLDS, ("protocol.out_of_fold=true",)),
        "device": (DEVICES, ("protocol.name=leave-one-domain-out",)),
        "site": (SITES, ("protocol.name=leave-one-domain-out", "corpus.domain=site")),
        "source": (SOURCES, ("protocol.name=leave-one-domain-out", *_POOLED)),
        # All sources in training, a fifth of each one's people tested.
        "pooled": (("",), ("protocol.name=intra-source", "protocol.pooled=true", *_POOLED)),
        "fold-9": (("",), ()),
    }
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One run of the plan.

    Attributes
    ----------
    system, variant, trial, part : of the tables above; variant ``""`` for the whole system.
    seed : of all chance.
    stage : place in the order.
    recipe : as it will be trained.
    folder : where.
    """

    system: str
    variant: str
    trial: str
    part: str
    seed: int
    stage: int
    recipe: Recipe
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether the run is there, whole."""
        files = ["recipe.toml", "answers.npz", "metrics.json"]
        if self.recipe.model.library == "torch" and self.system != PROBE:
            files.append("weights.safetensors")
        return all((self.folder / name).is_file() for name in files)

    @property
    def altered(self) -> bool:
        """Whether the run that is there came from another recipe, titles and papers apart."""
        path = self.folder / "recipe.toml"
        if not path.is_file():
            return False
        try:
            there = load_recipe(str(path))
        except EinthovenError:  # of another time, when recipes had other keys
            return True
        return _bare(there) != _bare(self.recipe)


def _bare(recipe: Recipe) -> Recipe:
    return replace(recipe, name="", title="", paper="", published={})


def _wanted(seeds: Sequence[int]) -> list[tuple[int, str, str, str, int]]:
    """Return ``(stage, system, variant, trial, seed)`` of all that is to be trained."""
    both, first = (FLAGSHIP, RIVAL), seeds[0]
    others = [s for s in SYSTEMS if s not in FIRST]
    found = [(0, s, "", "out-of-fold", first) for s in FIRST]
    found += [(1, s, "", "device", first) for s in both]
    found += [(2, FLAGSHIP, v, t, first) for v in VARIANTS for t in ("out-of-fold", "device")]
    found += [(3, s, "", t, first) for t in ("source", "pooled") for s in both]
    found += [(4, s, "", "out-of-fold", first) for s in others]
    found += [(5, s, "", "fold-9", first) for s in SYSTEMS]
    found += [(6, s, "", "site", first) for s in both]
    for seed in seeds[1:]:
        found += [(7, s, "", t, seed) for s in SYSTEMS for t in ("out-of-fold", "fold-9")]
        found += [(8, s, "", t, seed) for s in both for t in ("device", "source", "pooled")]
        found += [(9, FLAGSHIP, v, t, seed) for v in VARIANTS for t in ("out-of-fold", "device")]
    return found


def plan(runs: Path, seeds: Sequence[int] = SEEDS) -> list[Item]:
    """Return all runs in the order of training.

    Raises
    ------
    UsageError : a recipe cannot be read.
    """
    items = []
    for stage, system, variant, trial, seed in _wanted(seeds):
        base, *changes = SYSTEMS[system]
        parts, more = TRIALS[trial]
        name = "-".join(p for p in (system, variant) if p)
        for part in parts:
            sets = [*changes, *VARIANTS.get(variant, ()), *more, f"seeds=[{seed}]", f"name={name}"]
            if part:
                sets.append(f'protocol.part="{part}"')
            slug = _slug(trial, part)
            if system == LEARNER:
                teacher = runs / FOLDER / FUSION / slug / f"seed-{seed}"
                sets.append(f'objective.teacher="{teacher}"')
            items.append(
                Item(
                    system=system, variant=variant, trial=trial, part=part, seed=seed, stage=stage,
                    recipe=load_recipe(base, sets),
                    folder=runs / FOLDER / name / slug / f"seed-{seed}",
                )
            )  # fmt: skip
    return sorted(items, key=lambda item: (item.stage, item.seed))


def _slug(trial: str, part: str) -> str:
    short = re.sub(r"[^a-z0-9.]+", "-", part.lower()).strip("-")
    return f"{trial}-{short}" if short else trial


def train(item: Item) -> None:
    """Train one run, or go on with it where it was killed.

    Raises
    ------
    UsageError, DataError, LeakError : the recipe cannot be followed.
    """
    from einthoven.training import train as fit

    path = item.folder / "recipe.toml"
    if item.altered:
        fault = "holds an unfinished run of another recipe"
        raise UsageError(item.folder, fault, "Delete the folder, it is trained anew")
    if item.system == PROBE:
        _twelve_control.probe(item.recipe, item.folder)
        return
    if path.is_file():
        # Titles and defaults that came later do not make it another run.
        write_text(path, to_toml(item.recipe))
    fit(item.recipe, item.folder, resume=path.is_file())
