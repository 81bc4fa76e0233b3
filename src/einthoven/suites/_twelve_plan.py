"""What the suite ``twelve`` trains: systems by what is left out, variant and seed.

The tables below are the whole comparison. A run folder is
``twelve/SYSTEM[-VARIANT]/TRIAL-PART/seed-K``; one that is there is never trained again, and one
that was killed goes on. The order is that of use: what tells most comes first, fold 9 after all
that is out of fold, further seeds last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from einthoven.protocols.intra_source import FIFTHS
from einthoven.suites import _planned, _twelve_control
from einthoven.suites._planned import HALF, Planned
from einthoven.suites._runs import RECIPE
from einthoven.training._recipe import load_recipe

FOLDER = "twelve"
SEEDS = (0, 1, 2)
FLAGSHIP, RIVAL = "heartbeatai", "resnet1d-wang"
TREES, FUSION, PROBE = "twelve-measurements", "twelve", "random-encoder"
# The network of the fusion lies in its folder.
PARTNER = "twelve-median-beat"
SENTENCE = "beat-net"
# The same network, told beside the labels what the trees of `FUSION` say out of fold; and with a
# quarter of the records in noise.
LEARNER = "beat-net-taught"
HARDENED = f"{LEARNER}-noise"
NOISY = "augment.stress=0.25"

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
        SENTENCE: (SENTENCE, HALF),
        LEARNER: (SENTENCE, HALF),
        HARDENED: (SENTENCE, HALF, NOISY),
        "cnn-attention-bilstm": ("cnn-attention-bilstm",),
        "optimised-features": ("optimised-features", HALF),
        # At its own width an epoch takes minutes on one core.
        "s4-narrow": ("s4", "model.width=64"),
        "inception1d": ("inception1d",),
        "ecg-imn": ("ecg-imn", HALF),
        "imle-net": ("imle-net", HALF),
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


def _sources(labels: str) -> tuple[str, ...]:
    others = ", ".join(f'"{s}"' for s in SOURCES)
    return (f"corpus.labels={labels}", "corpus.domain=corpus", f"corpus.others=[{others}]")


NINE, NINE_KNOWN = "source-nine", "pooled-nine"
_ONE_OUT = "protocol.name=leave-one-domain-out"
_FIFTH_OUT = ("protocol.name=intra-source", "protocol.pooled=true", "protocol.out_of_fold=true")
# Trial -> its parts, and what is changed of the recipe.
TRIALS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "out-of-fold": (FOLDS, ("protocol.out_of_fold=true",)),
        "device": (DEVICES, (_ONE_OUT, "corpus.domain=device")),
        "site": (SITES, (_ONE_OUT, "corpus.domain=site")),
        "source": (SOURCES, (_ONE_OUT, *_sources("super"))),
        # All sources in training, a fifth of each one's people tested, each fifth once.
        "pooled": (FIFTHS, (*_FIFTH_OUT, *_sources("super"))),
        # The nine classes that the sources share, rare ones among them.
        NINE: (SOURCES, (_ONE_OUT, *_sources("nine"))),
        NINE_KNOWN: (FIFTHS, (*_FIFTH_OUT, *_sources("nine"))),
        "fold-9": (("",), ()),
    }
)


@dataclass(frozen=True, kw_only=True)
class Item(Planned):
    """One run of the plan.

    Attributes
    ----------
    variant, trial, part : of the tables above, as `system`; variant ``""`` for the whole system.
    stage : place in the order.
    """

    variant: str
    trial: str
    part: str
    stage: int

    @property
    def title(self) -> str:
        """Name, trial, part and seed."""
        return f"{self.recipe.name} {self.trial} {self.part} seed {self.seed}"

    @property
    def files(self) -> tuple[str, ...]:
        """Recipe, answers, figures, and of a network that learnt its weights."""
        network = self.recipe.model.library == "torch" and self.system != PROBE
        return (RECIPE, "answers.npz", "metrics.json", *(["weights.safetensors"] * network))


def _wanted(seeds: Sequence[int]) -> list[tuple[int, str, str, str, int]]:
    """Return ``(stage, system, variant, trial, seed)`` of all that is to be trained."""
    both, first = (FLAGSHIP, RIVAL), seeds[0]
    # Between seeds the trees differ by less than a thousandth: one tells what they lose.
    three = (*both, TREES)
    others = [s for s in SYSTEMS if s not in FIRST]
    found = [(0, s, "", "out-of-fold", first) for s in FIRST]
    found += [(1, s, "", "device", first) for s in three]
    found += [(2, FLAGSHIP, v, t, first) for v in VARIANTS for t in ("out-of-fold", "device")]
    found += [(3, s, "", t, first) for t in ("source", "pooled") for s in three]
    found += [(4, s, "", "out-of-fold", first) for s in others]
    found += [(5, s, "", "fold-9", first) for s in SYSTEMS]
    found += [(6, s, "", t, first) for t in ("site", NINE, NINE_KNOWN) for s in three]
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
            if system in (LEARNER, HARDENED):
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
    if item.system != PROBE:
        _planned.train(item)
        return
    _planned.refuse_altered(item)
    _twelve_control.probe(item.recipe, item.folder)
