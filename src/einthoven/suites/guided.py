"""Networks whose explanations are guided while they learn, against the same networks without.

On the records of DS1 alone, in three folds: each record is answered by networks that learnt from
the records of the other two. DS2 is not looked at. A seed whose runs are not all there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora.mitdb import DS1
from einthoven.evaluation import bootstrap, classification
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.suites import _guided_judge as asked
from einthoven.suites._guided_judge import FIGURES, ORDERS, Told
from einthoven.suites._suite import write_results
from einthoven.suites._waves_judge import percent, table
from einthoven.training import load_recipe, train
from einthoven.training._recipe import Recipe

COMMAND = "einthoven evaluate --suite guided"
TITLE = "Explanations guided while a network learns"
NOTE = (
    "The records of mitdb's DS1 in three folds, each answered by networks that learnt from the "
    "other two; DS2 is not looked at. Nothing was chosen on these figures. Every network eats one "
    "second of one lead and nothing else. `plain`: EXGnet's multiresolution network. `mask`: the "
    "same, its Grad-CAM pulled towards masks. `guided`: that, and a second head which hears RR and "
    "template numbers in training alone. `small`: ArrhythmiNet V2; `distilled`: the same, taught "
    "by `guided`; `distilled, plain`: taught by `plain`"
)
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
_EXPLAINED = ("N", "S", "V")  # F is of one record, all but 42 beats
_MOST, _EACH = 100, 40  # beats of a class in a fold that are explained, and of one record
_DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Item:
    """One run of the plan."""

    system: str
    fold: str
    seed: int
    recipe: Recipe
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether the run is there, whole."""
        return (self.folder / "weights.safetensors").is_file()


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


def train_missing(items: Sequence[Item]) -> None:
    """Train what is not there, or go on with it where it was killed."""
    for item in items:
        if not item.finished:
            resume = (item.folder / "recipe.toml").is_file()
            train(item.recipe, item.folder, resume=resume)


Key = tuple[str, str, int]  # system, fold, seed


def run(out: Path, runs: Path = Path("runs"), *, train: bool = True) -> Mapping[str, Any]:
    """Train what is missing, judge, and write ``out/guided.json``.

    Parameters
    ----------
    train : whether to train; else seeds that are not complete are left out.

    Raises
    ------
    DataError : no seed is complete.
    """
    items = plan(runs)
    if train:
        train_missing(items)
    seeds = [s for s in SEEDS if all(i.finished for i in items if i.seed == s)]
    if not seeds:
        raise DataError(runs / "guided", "has no seed with all its runs", f"Run: {COMMAND}")
    items = [i for i in items if i.seed in seeds]
    said = {
        (i.system, i.fold, i.seed): Predictions.load(i.folder / "predictions.npz").of("test")
        for i in items
    }
    told = explained(items, said)
    answers = [right(said, seeds), gains(said, seeds)]
    shown = [faithful(told, seeds), by_class(told, seeds), circular(told, seeds)]
    return write_results(
        out / "guided.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE, "seeds": seeds,
            "folds": {k: list(v) for k, v in FOLDS.items()}, "tables": [*answers, *shown],
        },
    )  # fmt: skip


def matrices(said: Mapping[Key, Predictions], system: str, seed: int) -> classification.Counts:
    """Return (record, class, class) counts of a system over all folds, in the order of DS1."""
    parts = [said[system, fold, seed] for fold in FOLDS]
    record = np.concatenate([p.record for p in parts])
    _, group = np.unique(record, return_inverse=True)
    return classification.confusion_by_group(
        np.concatenate([p.label for p in parts]),
        np.concatenate([p.choice for p in parts]), group, len(parts[0].classes), len(set(record)),
    )  # fmt: skip


def _macro(matrix: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return classification.macro_f1(matrix, (0, 1, 2))  # N, S, V


def right(said: Mapping[Key, Predictions], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of F1."""
    rows = []
    for system in SYSTEMS:
        each = np.stack([matrices(said, system, seed).sum(axis=0) for seed in seeds])
        f1, macro = classification.f1(each), _macro(each)
        accuracy = classification.accuracy(each)
        rows.append([
            system, percent(float(accuracy.mean())), percent(float(macro.mean())),
            f"{percent(float(macro.min()))} to {percent(float(macro.max()))}",
            *(percent(float(f1[:, k].mean())) for k in range(f1.shape[1])),
        ])  # fmt: skip
    counts = matrices(said, "plain", seeds[0]).sum(axis=(0, 2)).tolist()
    beats = ", ".join(f"{n:,} {c}" for c, n in zip("NSVF", counts, strict=True))
    return table(
        "Right answers",
        f"Percent, mean over {len(seeds)} seeds, each of all records of DS1 ({beats}). Macro F1 is "
        "of N, S and V: nearly all F are of record 208, and who learns without it does not know F.",
        "system; accuracy; macro F1; of the seeds; F1 N; F1 S; F1 V; F1 F", rows,
    )  # fmt: skip


def gains(said: Mapping[Key, Predictions], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of differences in macro F1 to the first of each family."""
    rows = []
    for control, *others in FAMILIES:
        for system in others:
            apart = []
            pooled = [sum(matrices(said, s, seed) for seed in seeds) for s in (control, system)]
            for seed in seeds:
                both = [_macro(matrices(said, s, seed).sum(axis=0)) for s in (control, system)]
                apart.append(float(both[1] - both[0]))
            drawn = [bootstrap.draws_over_groups(np.asarray(m), _DRAWS, 0) for m in pooled]
            (interval,) = bootstrap.percentiles(_macro(drawn[1]) - _macro(drawn[0]))
            inside = interval.low <= 0 <= interval.high
            rows.append([
                system, control, f"{100 * np.mean(apart):+.2f}",
                ", ".join(f"{100 * value:+.2f}" for value in apart),
                f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f}",
                "tie" if inside else "better" if interval.low > 0 else "worse",
            ])  # fmt: skip
    note = (
        "Points of macro F1 of N, S and V. Intervals: 95 %, records drawn anew, the same draws for "
        "both, the answers of all seeds together; `tie` where 0 is within."
    )
    columns = "system; less; mean of the seeds; each seed; 95 %; is"
    return table("What it brings in right answers", note, columns, rows)


Labelled = tuple[npt.NDArray[np.int64], Told]


def explained(items: Sequence[Item], said: Mapping[Key, Predictions]) -> dict[Key, Labelled]:
    """Return the class of some held-out beats and what their explanations are like.

    Of each family the beats that all its networks of a fold and seed answer right; the class that
    is explained is then the beat's own.
    """
    from einthoven.training._guided import masks_of
    from einthoven.training.nets import load, prepare

    found: dict[Key, Labelled] = {}
    for fold, number in zip(FOLDS, range(len(FOLDS)), strict=True):
        mine = [i for i in items if i.fold == fold]
        recipe, data = mine[0].recipe, prepare(mine[0].recipe, mine[0].seed)
        test, beats = data.split.test.rows, data.split.beats
        kept = np.where(beats.label[test] < len(_EXPLAINED), beats.label[test], -1)
        chosen = asked.sample(kept, beats.record[test], most=_MOST, each=_EACH, seed=number)
        rows = test[chosen]
        window, label = np.asarray(data.store.window[rows]), beats.label[rows]
        mask = masks_of(recipe, data, rows)
        where = asked.parts(recipe.input.window, recipe.input.rate)
        made = asked.variants(window, where)
        for item in mine:
            family = next(f for f in FAMILIES if item.system in f)
            true = np.all(
                [said[s, fold, item.seed].choice[chosen] == label for s in family], axis=0
            )
            net = load(item.recipe, item.folder)
            p = asked.answers(net, made[true])
            p = p[np.arange(len(p)), :, label[true]]
            cam = asked.cams(net, window[true], label[true])
            judged = asked.judge(cam, mask[true], window[true], p, where)
            found[item.system, fold, item.seed] = label[true], judged
    return found


def pooled(
    told: Mapping[Key, Labelled], system: str, seed: int, name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return labels (beat,) and a figure of `Told` (beat, ...) of all folds."""
    parts = [told[system, fold, seed] for fold in FOLDS]
    label = np.concatenate([label for label, _ in parts])
    return label, np.concatenate([getattr(judged, name) for _, judged in parts])


def _means(
    told: Mapping[Key, Labelled], system: str, seeds: Sequence[int], name: str,
    classes: Sequence[int] = (0, 1, 2),
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return (seed, ...) the mean over classes of the means over beats."""
    each = []
    for seed in seeds:
        label, values = pooled(told, system, seed, name)
        each.append(asked.by_class(values, label, classes))
    return np.stack(each)


def _spread(values: npt.NDArray[np.float64]) -> str:
    """Return a mean with the least and the largest of the seeds."""
    return f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})"


def faithful(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of what happens to the answer when what the map names is taken away."""
    rows = []
    for system in SYSTEMS:
        values = _means(told, system, seeds, "faithful")  # (seed, order, figure)
        for k, order in enumerate(ORDERS):
            rows.append([system, order, *(_spread(values[:, k, f]) for f in range(len(FIGURES)))])
    note = (
        "Not circular: the mask takes no part. Of beats that all networks of a family answer "
        "right; mean over N, S and V, then over the seeds, with the least and the largest seed. "
        f"Six stretches of the window ({', '.join(asked.PARTS)}) are taken away in the order of "
        "their share of Grad-CAM, by straight lines. Deletion and sufficiency: low is good; "
        "insertion and comprehensiveness: high is good; the last two of two stretches. Read "
        "each network against its own random order (20 draws) and its own QRS energy."
    )
    columns = "system; order; deletion; insertion; comprehensiveness; sufficiency"
    return table("Does the map name what the network uses?", note, columns, rows)


def by_class(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of insertion less deletion by class, Grad-CAM and the two controls."""
    rows = []
    for system in SYSTEMS:
        for index, name in enumerate(_EXPLAINED):
            values = _means(told, system, seeds, "faithful", (index,))
            gap = values[:, :, FIGURES.index("insertion")] - values[:, :, FIGURES.index("deletion")]
            count = sum(int((pooled(told, system, s, "full")[0] == index).sum()) for s in seeds)
            rows.append([system, name, count, *(_spread(gap[:, k]) for k in range(len(ORDERS)))])
    note = "Insertion less deletion: high is good, 0 is what an order is worth that says nothing."
    columns = "; ".join(["system; class; beats", *ORDERS])
    return table("The same, by class", note, columns, rows)


def circular(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of how far the map follows the mask."""
    rows = []
    for system in SYSTEMS:
        label, share = pooled(told, system, seeds[0], "share")
        flat = float(asked.by_class(share, label, (0, 1, 2)))
        figures = [_spread(_means(told, system, seeds, n)) for n in ("alike", "pointed", "inside")]
        rows.append([system, *figures, f"{flat:.3f}"])
    note = (
        "Circular for `mask` and `guided`: their loss asks for just this, and the mask is made of "
        "the class that the reference gives. NCC of Grad-CAM and mask; share of beats whose map is "
        "highest within the mask; share of the map within it; and that of a flat map. "
        + _beside(told, seeds)
    )
    columns = "system; NCC; highest within; share within; of a flat map"
    return table("Does the map follow the mask?", note, columns, rows)


def _beside(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> str:
    """Return the circular figure beside the one that is not, in a sentence."""
    within, worth = {}, {}
    for system in FAMILIES[0]:
        within[system] = float(_means(told, system, seeds, "pointed").mean())
        values = _means(told, system, seeds, "faithful").mean(axis=0)
        worth[system] = values[:, FIGURES.index("insertion")] - values[:, FIGURES.index("deletion")]
    first = ", ".join(f"{system} {100 * value:.1f} %" for system, value in within.items())
    rest = ", ".join(
        f"{system} {value[0]:.3f} (QRS energy, which knows no network, {value[2]:.3f})"
        for system, value in worth.items()
    )
    return f"Highest within: {first}. Insertion less deletion of the same maps: {rest}"
