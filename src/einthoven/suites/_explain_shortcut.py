"""Right for a wrong reason: a class that does not exist, and bundle branch block.

A network is taught to tell normal beats of some patients from normal beats of the others; which
patients are which was drawn by the hash of their records' names, so the class means nothing. Judged
on later beats of the same patients it is right, as it knows them; on patients it has not seen it
can but guess. Its explanations name the same wave in both cases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.explain import shapley
from einthoven.explain._case_beat import BeatCases
from einthoven.explain._cases import cases
from einthoven.explain._model import Model
from einthoven.record.files import write_text
from einthoven.suites._explain_items import symbols
from einthoven.suites._explain_judge import Item, Sets, by_chance, figures, importance
from einthoven.suites._explain_labels import by_heart
from einthoven.suites._explain_tables import mean
from einthoven.suites._suite import plain
from einthoven.suites._waves_judge import percent, table

RUNS = ("arrhythminet-v2-nlrav-intra/seed-0", "arrhythminet-v2-nlrav-inter/seed-0")
CLASSES = ("red", "green")
_EACH, _SHOWN = 120, 3  # beats of a record that are learnt, and explained
_FOLDS = 4
_BLOCKS = (("L", "109"), ("L", "207"), ("R", "118"), ("R", "124"), ("R", "207"))
_DRAWN = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """Normal beats of DS1, of the first half of each record and of the second.

    Attributes
    ----------
    window : (beat, lead, time) tensor, as the architecture eats it.
    record, label, late : (beat,) names, classes that mean nothing, and which half.
    """

    window: Any
    record: np.ndarray
    label: np.ndarray
    late: np.ndarray


def colour(record: str) -> int:
    """Return the class of a record: its place in the order of all hashes, odd or even."""
    order = sorted(DS1, key=lambda r: hashlib.sha1(r.encode(), usedforsecurity=False).hexdigest())
    return order.index(record) % 2


def _beats(run: Path) -> tuple[Any, Beats]:
    from einthoven.training import load_recipe, nets

    recipe = load_recipe(str(run / "recipe.toml"))
    data = nets.prepare(recipe, recipe.seeds[0])
    record, sample = data.store.record, data.store.sample
    normal = data.store.labels("nlrav", recipe.corpus.classes) == 0
    chance, some = np.random.default_rng(0), []
    half_of = {name: sample[record == name].max() / 2 for name in DS1}
    for name in DS1:
        mine = np.flatnonzero(normal & (record == name))
        late = sample[mine] >= half_of[name]
        some += [chance.permutation(mine[side])[:_EACH] for side in (~late, late)]
    at = np.sort(np.concatenate(some))
    return recipe, Beats(
        window=data.windows(at).window, record=record[at],
        label=np.array([colour(r) for r in record[at].tolist()]),
        late=sample[at] >= np.array([half_of[r] for r in record[at].tolist()]),
    )  # fmt: skip


def _right(model: Model, beats: Beats, rows: np.ndarray) -> np.ndarray:
    window = beats.window[rows].numpy()
    side = np.zeros((len(window), 1, 0), np.float32)
    return np.asarray(model.logits({"window": window, "side": side}).argmax(1) == beats.label[rows])


def nothing(runs: Path) -> list[dict[str, Any]]:
    """Return the table of the class that does not exist; none where the run is not here."""
    run = runs / RUNS[0]
    if not (run / "recipe.toml").is_file():
        return []
    recipe, beats = _beats(run)

    def teach(rows: np.ndarray, seed: int) -> Model:
        return by_heart(
            recipe, beats.window[rows], beats.window[rows, :0, 0], beats.label[rows], seed, CLASSES
        )[0]

    early = np.flatnonzero(~beats.late)
    known = teach(early, 0)
    late = np.flatnonzero(beats.late)
    folds = np.array([sorted(DS1).index(r) % _FOLDS for r in beats.record.tolist()])
    models, right = {"known": known}, np.zeros(len(beats.label), bool)
    for k in range(_FOLDS):
        models[str(k)] = teach(np.flatnonzero((folds != k) & ~beats.late), k)
        mine = np.flatnonzero((folds == k) & beats.late)
        right[mine] = _right(models[str(k)], beats, mine)
    patients = np.unique(beats.record).tolist()
    seen = mean(_right(known, beats, late).astype(float).tolist(), beats.record[late].tolist())
    unseen = mean(right[late].astype(float).tolist(), beats.record[late].tolist())
    corpus, found = open_corpus("mitdb"), dict[str, list[tuple[dict[str, Any], str]]]()
    for record in DS1:
        fold = str(sorted(DS1).index(record) % _FOLDS)
        for side, model in (("seen", known), ("not seen", models[fold])):
            for item in _normal(model, corpus, record):
                found.setdefault(side, []).append((_told(model, item), record))
    rows = []
    for side, accuracy in (("seen", seen), ("not seen", unseen)):
        told = found.get(side, [])
        groups = [g for _, g in told]
        rows.append([
            side, len(late), percent(accuracy.value),
            f"{percent(accuracy.interval.low)} to {percent(accuracy.interval.high)}", len(told),
            percent(float(np.mean([t["first"] == "QRS" for t, _ in told]))),
            percent(mean([t["share"] for t, _ in told], groups).value),
            mean([t["gain"] for t, _ in told], groups).text,
        ])  # fmt: skip
    return [
        table(
            "A class that does not exist",
            f"Of the {len(patients)} patients of DS1 that have normal beats "
            f"{sum(map(colour, patients))} were called green and the others red, by the hash of "
            "their records' names. ArrhythmiNet V2 learnt normal beats of the first fifteen "
            "minutes; judged on normal beats of the last fifteen, of the same patients, and of "
            "patients left out (four folds). Explained by Shapley's values: what the network "
            "answers, right or wrong.",
            "patients; beats; accuracy %; 95 %; explained; most important is QRS %; QRS' share of "
            "what speaks for the answer %; gain over random order (95 %)",
            rows,
        )
    ]


def _normal(model: Model, corpus: Corpus, record: str) -> list[Item]:
    """Return some later normal beats of a record, with the class that the model gives them."""
    every = cases(model, corpus.open(record), profile="review")
    assert isinstance(every, BeatCases)
    names = symbols(corpus, record, every.samples)
    late = np.flatnonzero(every.samples >= every.samples.max() / 2).tolist()
    some = np.random.default_rng(0).permutation([n for n in late if names[n] == "N"])[:_SHOWN]
    said = every.probabilities.argmax(axis=1)
    return [
        Item(case=every[int(n)], target=int(said[n]), label=CLASSES[said[n]], group=record)
        for n in some.tolist()
    ]


def _told(model: Model, item: Item) -> dict[str, Any]:
    sets = Sets(model, item)
    values = importance(shapley.explain(model, item.case, item.target), item.case, sets.parts)
    names = [p.name for p in sets.parts]
    made, chance = figures(sets, values, ("QRS",)), by_chance(sets)
    return {
        "first": names[int(values.argmax())], "share": made["inside"],
        "gain": made["insertion"] - made["deletion"] - (chance[1] - chance[0]),
    }  # fmt: skip


def blocks(runs: Path) -> list[dict[str, Any]]:
    """Return the table of bundle branch block, by patients that a network has seen and has not."""
    from einthoven.explain._torch_model import of_run

    corpus, rows = open_corpus("mitdb"), []
    for name in RUNS:
        if not (runs / name / "weights.safetensors").is_file():
            return []
        model = of_run(runs / name)
        for label, record in _BLOCKS:
            rows.append([*_block(model, corpus, label, record, name == RUNS[0])])
    return [
        table(
            "Bundle branch block: the same explanation, of patients seen and not seen",
            "ArrhythmiNet V2. Divided by beats, it has learnt from other beats of every patient; "
            "divided by patients, it has seen 109 and 118 but not 124 and 207, which chose its "
            "epoch. Recall of L and R among all such beats of a record of DS1; explained by "
            "Shapley's values: 20 beats that are called so, or as many of the others where none "
            "is, for the class that the network names.",
            "divided by; patient; patient seen; class; beats; recall %; explained for; answers; "
            "probability; QRS' share of what speaks for it %; probability without QRS",
            rows,
        )
    ]


def _block(model: Model, corpus: Corpus, label: str, record: str, leaky: bool) -> list[Any]:
    every = cases(model, corpus.open(record), profile="review")
    assert isinstance(every, BeatCases)
    names = symbols(corpus, record, every.samples)
    own = np.array([n for n in range(len(every)) if names[n] == label])
    said = every.probabilities.argmax(axis=1)
    k = model.classes.index(label)
    right = own[said[own] == k]
    target = k if len(right) else int(np.bincount(said[own]).argmax())
    some = np.random.default_rng(0).permutation(own[said[own] == target])[:_DRAWN]
    full, without, share = list[float](), list[float](), list[float]()
    for n in some.tolist():
        item = Item(case=every[n], target=target, label=label, group=record)
        sets = Sets(model, item)
        values = importance(shapley.explain(model, item.case, target), item.case, sets.parts)
        keep = np.ones((2, len(sets.parts)), bool)
        keep[1] = [p.name != "QRS" for p in sets.parts]
        for column, value in zip((full, without), sets.probability(keep).tolist(), strict=True):
            column.append(value)
        share.append(figures(sets, values, ("QRS",))["inside"])
    seen = leaky or record in ("109", "118")
    return [
        "beats" if leaky else "patients", record, "yes" if seen else "no", label, len(own),
        percent(len(right) / len(own)), model.classes[target], len(some),
        f"{np.mean(full):.2f}", percent(_mean(share)), f"{np.mean(without):.2f}",
    ]  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")


def tables(runs: Path) -> list[dict[str, Any]]:
    """Return both tables, of the runs that are here; kept in ``runs/explanations``."""
    file = runs / "explanations" / "shortcut.json"
    if file.is_file():
        kept: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return kept
    found = [*nothing(runs), *blocks(runs)]
    if found:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(plain(found)) + "\n")
    return found
