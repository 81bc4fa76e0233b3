"""What the suite ``mitdb`` trains: systems by labels, protocol, augmentation and seed.

The table below is the whole comparison. A run folder is ``SYSTEM-LABELS-SIDE[-VARIANT]/seed-K``, of
what learns from rows of numbers between patients ``SYSTEM[-VARIANT]/seed-K``; a run that is there
is never trained again, and one that was killed goes on. The order is that of use: first each system
once, then the other seeds, then the variants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from einthoven.suites._planned import HALF, Planned
from einthoven.suites._runs import RECIPE, TABLE
from einthoven.training._recipe import load_recipe, names

# In the order of the tables; the first six are asked for N L R A V, too.
SYSTEMS = (
    "arrhythminet-v1", "arrhythminet-v2", "cnn", "cnn-lstm", "cnn-lstm-attention", "resnet1d",
    "self-onn", "abcnn", "recognition", "exgnet", "ekgnet", "image-fusion", "boosting",
    "beat-sequence", "aami-review",
)  # fmt: skip
NLRAV_TOO = SYSTEMS[:6]
# The four whose ensembles Song et al. 2026 (arXiv:2602.17701) weigh.
FOUR = ("cnn", "cnn-lstm", "cnn-lstm-attention", "resnet1d")
# The one that they publish a figure of: here each of the two things is added alone, too.
PUBLISHED = "cnn-lstm"
SEEDS = (0, 1, 2)
MORE_SEEDS = (3, 4)  # of the default model
# What is asked of every system by one seed, for their mean is the answer: what augmentation adds,
# and what is left where 201 of DS1, who is 202 of DS2, is not learnt from.
ONCE = ("plain", "gan", "strict")
# The one that is told age and sex: here it learns with another person's, too, the same one for all
# beats of a record. If it does as well, nothing was learnt from them but whose beats these are.
TOLD = "recognition"
# What speaks for the package between patients: the default model of `einthoven analyze`.
DEFAULT = "aami-review"
# What learns from rows of numbers has a trainer of its own, which makes premature beats of its own;
# its run folders between patients are called as the recipe is.
ROWS = "sklearn"

PROTOCOL = MappingProxyType({"inter": "inter-patient", "intra": "intra-patient"})
# Q is no class between patients: DS1 has 8 such beats and DS2 has 7. Within patients the paced
# records take part where Q is a class, as in the papers that count five.
CLASSES: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("aami", "inter"): ("N", "S", "V", "F"), ("aami", "intra"): ("N", "S", "V", "F", "Q"),
        ("nlrav", "inter"): ("N", "L", "R", "A", "V"),
        ("nlrav", "intra"): ("N", "L", "R", "A", "V"),
    }
)  # fmt: skip
# A recipe is written for new patients. Random beats of known ones are learnt longer and with less
# restraint, as ArrhythmiNet's own recipe for them does.
INTRA = ("optimiser.epochs=12", "optimiser.weight_decay=0.01", 'optimiser.keep="last"')
# Made beats would be made from recordings that are tested; so all real ones are learnt from.
ROWS_INTRA = ("augment.kinds=[]", "model.keep={}")

# Their steps take 0.6 of the time in half precision; those of the others are too small for it.
QUICK = ("cnn", "cnn-lstm", "cnn-lstm-attention", "resnet1d", "abcnn", "image-fusion")

GENERATOR = "wgan"
# Classes that the generator makes here: those of premature beats made by shifting, and not V, so
# that neither variant has synthetic beats of a class that the other has none of.
RARE = 'model.rare=["S", "F"]'
# How Song et al. train what is compared with their figures: generated beats and focal loss, which
# counts rarity by itself, so that nothing else does.
METHOD = "gan-focal"
_FOCAL = ("objective.name=focal", "objective.label_smoothing=0.0", "objective.balance=0.0")
# The records have two leads, and those who labelled the beats saw both. In which place the second
# was differs from patient to patient, so it is eaten where patients are known alone.
LEADS = "leads"
# What each variant changes; synthetic beats are up to one of `RARE` for each real one.
VARIANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": (),
        "plain": (
            "augment.noise=0.05", "augment.shift=10", "augment.scale=0.1", "augment.warp=0.1",
            "augment.premature=true",
        ),
        "gan": ('augment.synthetic="{generator}"',),
        "focal": _FOCAL,
        METHOD: ('augment.synthetic="{generator}"', *_FOCAL),
        LEADS: ('input.leads=["one", "other"]',),
        "strict": ("protocol.strict=true",),
        "exchanged": ('input.side=["rr", "template", "patient-exchanged"]',),
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Item(Planned):
    """One run of the plan; `system` is the recipe it comes from, or the recipes that begin so.

    Attributes
    ----------
    labels : ``aami`` or ``nlrav``.
    side : ``inter`` or ``intra``.
    variant : of `VARIANTS`.
    """

    labels: str
    side: str
    variant: str

    @property
    def title(self) -> str:
        """Name and seed."""
        return f"{self.recipe.name} seed {self.seed}"

    @property
    def files(self) -> tuple[str, ...]:
        """Recipe, weights, and of all but the generator the predictions."""
        weights = "model.onnx" if self.recipe.model.library == ROWS else "weights.safetensors"
        return (RECIPE, weights) if self.system == GENERATOR else (RECIPE, weights, TABLE)


def _base(system: str, labels: str, side: str, known: Sequence[str]) -> str | None:
    """Return the recipe to begin from: one made for the combination, else the system's own."""
    choices = (f"{system}-{labels}-{side}", system, f"{system}-{labels}-inter")
    return next((name for name in choices if name in known), None)


def _of_rows(system: str, known: Sequence[str]) -> bool:
    return system in known and load_recipe(system).model.library == ROWS


def _maker(base: str) -> tuple[str, tuple[str, ...]] | None:
    """Return name and changes of the generator whose windows a recipe eats; None if none can."""
    eaten, made = load_recipe(base).input.windows, load_recipe(GENERATOR).input.windows
    if eaten == made:
        return GENERATOR, ()
    if eaten == replace(made, window=eaten.window):
        return f"{GENERATOR}-{base}", (f"input.window={list(eaten.window)}",)
    return None


def _wanted(system: str, *, rows: bool) -> Iterable[tuple[str, str, str]]:
    """Give ``(labels, side, variant)`` of a system."""
    if rows:
        return [("aami", "inter", ""), ("aami", "intra", ""), ("aami", "inter", "strict")]
    found = [("aami", "inter", ""), ("aami", "intra", "")]
    if system in NLRAV_TOO:
        found += [("nlrav", "inter", ""), ("nlrav", "intra", "")]
    if system in FOUR:
        found += [("aami", "intra", METHOD), ("aami", "intra", LEADS)]
    if system == PUBLISHED:
        found += [("aami", "intra", "gan"), ("aami", "intra", "focal")]
    if system == TOLD:
        found.append(("aami", "inter", "exchanged"))
    return [*found, *(("aami", "inter", v) for v in ONCE)]


def _seeds(system: str, side: str, variant: str) -> Sequence[int]:
    if system == DEFAULT and side == "inter":
        return SEEDS + MORE_SEEDS
    return SEEDS[:1] if variant in ONCE and side == "inter" else SEEDS


def _name(system: str, labels: str, side: str, variant: str) -> str:
    return "-".join(part for part in (system, labels, side, variant) if part)


def plan(
    runs: Path, systems: Sequence[str] = SYSTEMS, seeds: Sequence[int] | None = None
) -> tuple[list[Item], list[str]]:
    """Return all runs in the order of training, and a note on each thing that is left out.

    Parameters
    ----------
    runs : where the run folders lie.
    systems : which.
    seeds : of each; if not given `SEEDS`, two more of the default model, and one of `ONCE`.

    Raises
    ------
    UsageError : a recipe cannot be read.
    """
    known = names()
    items: list[Item] = []
    generators: dict[Path, Item] = {}
    left: list[str] = []
    of_rows = [s for s in systems if _of_rows(s, known)]
    if of_rows:
        left.append(
            f"{', '.join(of_rows)}: AAMI classes only; between patients they make premature beats "
            "of their own, within patients none, for these would be made from tested recordings"
        )
    if len(of_rows) < len(systems):
        left.append(
            "plain augmentation and generated beats: inter-patient with AAMI classes; within "
            "patients generated beats and focal loss together, and two leads, of the four "
            "architectures of Song et al., and each of the former alone, of "
            f"{PUBLISHED}; strict: AAMI classes, systems as their recipes are, not ensembles, "
            "control and other conditions"
        )
    for system in systems:
        wanted = list(_wanted(system, rows=system in of_rows))
        if not any(_base(system, labels, side, known) for labels, side, _ in wanted):
            left.append(f"{system}: there is no recipe of that name yet")
            continue
        for labels, side, variant in wanted:
            base, name = _base(system, labels, side, known), _name(system, labels, side, variant)
            if base is None or (_generated(variant) and GENERATOR not in known):
                left.append(f"{name}: there is no recipe for it yet")
                continue
            if _generated(variant) and _maker(base) is None:
                left.append(f"{name}: the generator makes other windows than this system eats")
                continue
            for seed in seeds or _seeds(system, side, variant):
                items.append(_item(system, labels, side, variant, seed, base, runs))
                if _generated(variant):
                    made = _generator(base, labels, side, seed, runs)
                    generators[made.folder] = made
    items += generators.values()
    order = list(VARIANTS)

    def place(item: Item) -> tuple[int, int, bool, bool]:
        # A generator comes before what eats its beats.
        if item.system == GENERATOR:
            return order.index("gan"), item.seed, False, False
        return order.index(item.variant), item.seed, True, item.labels != "aami"

    return sorted(items, key=place), left


def _generated(variant: str) -> bool:
    """Return whether a variant eats generated beats."""
    return any("{generator}" in change for change in VARIANTS[variant])


def _asked(labels: str, side: str) -> list[str]:
    """Return the changes that make a recipe one of a label set and a protocol."""
    listed = ", ".join(f'"{c}"' for c in CLASSES[labels, side])
    return [
        f"corpus.labels={labels}", f"corpus.classes=[{listed}]",
        f"protocol.name={PROTOCOL[side]}", "published={}",
    ]  # fmt: skip


def _generator(base: str, labels: str, side: str, seed: int, runs: Path) -> Item:
    """Return the generator whose beats a run of `seed` eats.

    Between patients the sides are the same for all seeds, within patients each seed draws its own.
    """
    found = _maker(base)
    assert found is not None, "such a system is left out of the plan"
    maker, changes = found
    name, seed = _name(maker, labels, side, ""), 0 if side == "inter" else seed
    own = [f"name={name}", f"seeds=[{seed}]", *_asked(labels, side), RARE, *changes]
    return Item(
        system=GENERATOR, labels=labels, side=side, variant="", seed=seed,
        recipe=load_recipe(GENERATOR, own), folder=runs / name / f"seed-{seed}",
    )  # fmt: skip


def _item(
    system: str, labels: str, side: str, variant: str, seed: int, base: str, runs: Path
) -> Item:
    rows = _of_rows(base, (base,))
    own = rows and side == "inter"
    name = _name(base, "", "", variant) if own else _name(system, labels, side, variant)
    folder = runs / name / f"seed-{seed}"
    changes = [f"name={name}", f"seeds=[{seed}]"]
    # A recipe written for the combination is taken as it stands.
    if not own and base != f"{system}-{labels}-{side}":
        changes += _asked(labels, side)
        changes += () if side == "inter" else ROWS_INTRA if rows else INTRA
    changes += [HALF] if system in QUICK else []
    if _generated(variant):
        generator = _generator(base, labels, side, seed, runs).folder.as_posix()
        changes += [c.format(generator=generator) for c in VARIANTS[variant]]
    else:
        changes += VARIANTS[variant]
    return Item(
        system=system, labels=labels, side=side, variant=variant, seed=seed,
        recipe=load_recipe(base, changes), folder=folder,
    )  # fmt: skip
