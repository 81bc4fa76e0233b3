"""Networks whose explanations are guided while they learn, against the same networks without.

On the records of DS1 alone, in three folds: each record is answered by networks that learnt from
the records of the other two. DS2 is not looked at. A seed whose runs are not all there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation import bootstrap, classification
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.suites import _guided_judge as asked
from einthoven.suites import _planned
from einthoven.suites._guided_judge import FIGURES, ORDERS, Told
from einthoven.suites._guided_plan import FAMILIES, FOLDS, SEEDS, SYSTEMS, Item, plan
from einthoven.suites._suite import write_results
from einthoven.suites._waves_judge import percent, table

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
_EXPLAINED = ("N", "S", "V")  # F is of one record, all but 42 beats
_MOST, _EACH = 100, 40  # beats of a class in a fold that are explained, and of one record
_DRAWS = 1000

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
        for item in (i for i in items if not i.finished):
            _planned.train(item)
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
    shown = [
        faithful(told, seeds), by_class(told, seeds), circular(told, seeds), brought(told, seeds),
        stretches(told, seeds),
    ]  # fmt: skip
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


# Class and record of some beats, and what is found of them.
Labelled = tuple[npt.NDArray[np.int64], npt.NDArray[np.str_], Told]


def explained(items: Sequence[Item], said: Mapping[Key, Predictions]) -> dict[Key, Labelled]:
    """Return some held-out beats and what their explanations are like.

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
            name = beats.record[rows][true]
            found[item.system, fold, item.seed] = label[true], name, judged
    return found


def pooled(
    told: Mapping[Key, Labelled], system: str, seed: int, name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return labels (beat,) and a figure of `Told` (beat, ...) of all folds."""
    parts = [told[system, fold, seed] for fold in FOLDS]
    label = np.concatenate([label for label, _, _ in parts])
    return label, np.concatenate([getattr(judged, name) for _, _, judged in parts])


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
    return f"Highest within: {first}. Insertion less deletion of the same maps: {rest}."


def brought(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of differences to the first of each family, beat by beat."""
    rows = []
    for control, *others in FAMILIES:
        for system in others:
            label, record, apart = _apart(told, control, system, seeds)
            mean = asked.by_class(apart, label, (0, 1, 2))
            drawn = bootstrap.percentiles(_drawn(apart, label, record))
            row: list[Any] = [system, control, len(set(record.tolist()))]
            for value, interval in zip(mean.tolist(), drawn, strict=True):
                row += [f"{value:+.3f}", f"{interval.low:+.3f} to {interval.high:+.3f}"]
            rows.append(row)
    note = (
        "The same beats by both, mean over N, S and V, all seeds together; intervals 95 %, records "
        "drawn anew. The first figure is not circular, the second is."
    )
    columns = "system; less; records; insertion less deletion; 95 %; highest within the mask; 95 %"
    return table("What the guide brings, beside what it was asked for", note, columns, rows)


def stretches(told: Mapping[Key, Labelled], seeds: Sequence[int]) -> dict[str, Any]:
    """Return the table of what each stretch moves and what the map says of it, by class."""
    rows = []
    for index, name in enumerate(_EXPLAINED):
        for system in FAMILIES[0]:
            for what, figure in (("answer falls by", "falls"), ("share of the map", "lies")):
                mean = _means(told, system, seeds, figure, (index,)).mean(axis=0)
                rows.append([name, system, what, *(f"{value:.3f}" for value in mean)])
    spans = ", ".join(
        f"{name} {round(1000 * a)} to {round(1000 * b)}" for name, (a, b) in asked.PARTS.items()
    )
    note = (
        "By how much the probability of the class falls when this stretch alone is taken away, and "
        f"the share of Grad-CAM that lies on it; means over beats and seeds. Ms from the R peak: "
        f"{spans}."
    )
    columns = "; ".join(["class; system; figure", *asked.PARTS])
    return table("Stretch by stretch", note, columns, rows)


def _apart(
    told: Mapping[Key, Labelled], control: str, system: str, seeds: Sequence[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Return class and record of all beats and (beat, 2) differences of the two figures."""
    low, high = FIGURES.index("deletion"), FIGURES.index("insertion")
    found = []
    for fold in FOLDS:
        for seed in seeds:
            label, record, own = told[system, fold, seed]
            other = told[control, fold, seed][2]
            gap = [t.faithful[:, 0, high] - t.faithful[:, 0, low] for t in (own, other)]
            apart = np.stack([gap[0] - gap[1], own.pointed - other.pointed], axis=1)
            found.append((label, record, apart))
    label, record, apart = (np.concatenate(column) for column in zip(*found, strict=True))
    return label, record, apart


def _drawn(
    values: npt.NDArray[np.float64], label: npt.NDArray[np.int64], record: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """Return (draw, figure) means over classes of means over beats, of records drawn anew."""
    names, group = np.unique(record, return_inverse=True)
    sums = np.zeros((len(names), 3, values.shape[1]))
    counts = np.zeros((len(names), 3, 1))
    np.add.at(sums, (group, label), values)
    np.add.at(counts, (group, label), 1)
    even = np.full(len(names), 1 / len(names))
    times = np.random.default_rng(0).multinomial(len(names), even, size=_DRAWS)
    with np.errstate(invalid="ignore"):  # a draw without a class tells nothing
        means = np.tensordot(times, sums, 1) / np.tensordot(times, counts, 1)
    return np.asarray(means.mean(axis=1), np.float64)
