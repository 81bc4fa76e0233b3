"""Trains the rhythm model: a small recurrent network and boosted trees, their opinions multiplied.

The records are divided into folds, stratified by class. Each fold is answered by a network and by
trees that saw nothing of it, and the two are joined by a geometric mean whose share the recipe
fixes: so an out-of-fold answer depends on no other record of its fold. What remains is that the
same folds served to choose the recipe. Temperature and the threshold of "uncertain" are fitted on
the out-of-fold answers; what is shipped is then trained on all records.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.classification import confusion, f1
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs.rhythm_span import network_lead, prepare, windows_of
from einthoven.models import _trees, boosting
from einthoven.models.rhythm_crnn import RhythmCrnn
from einthoven.record.diagnosis import label_row
from einthoven.record.errors import DataError, UsageError
from einthoven.record.files import beside
from einthoven.record.inputspec import InputSpec
from einthoven.signal.peaks import find_peaks
from einthoven.signal.rhythm import describe
from einthoven.training import _run
from einthoven.training._recipe import Recipe, check_keys, load_recipe
from einthoven.training._rhythm_net import Augment, train

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TREES = "trees.safetensors"
FLOOR = 1e-3  # probability under which the network's opinion counts no lower
JUDGED = 3  # the first classes, N, A and O, whose mean F1 the challenge asks for
_BALANCE = 0.5  # power of a class's rarity in its weight
_AT_ONCE = 32  # windows answered together


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of ``[model]`` beside those of the trees.

    Attributes
    ----------
    folds : into how many parts the records are divided.
    share : of the network in the geometric mean.
    """

    folds: int = 4
    share: float = 0.5

    @classmethod
    def of(cls, recipe: Recipe) -> tuple[Keys, dict[str, Any]]:
        """Return the keys of a recipe and the arguments of its trees; unknown ones are refused.

        Raises
        ------
        UsageError : a key or a value is not for this trainer.
        """
        given = dict(recipe.model.arguments)
        own = {k: given.pop(k) for k in list(given) if k in cls.__dataclass_fields__}
        check_keys("model", given, boosting.ARGUMENTS)
        keys = cls(**own)
        if keys.folds < 2 or not 0 <= keys.share <= 1:
            mend = "Give 2 folds or more, and a share from 0 to 1"
            raise UsageError("model", f"folds {keys.folds}, share {keys.share}", mend)
        return keys, given


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Records as they are learnt from.

    Attributes
    ----------
    record : (record,) names.
    label : (record,) classes.
    leads : of each record (2, time) what the network sees.
    side : (record, number) what the trees see.
    """

    record: npt.NDArray[np.str_]
    label: Ints
    leads: Sequence[Floats]
    side: Floats


def examples(corpus: Corpus, spec: InputSpec, labels: str, cache: Path | None = None) -> Examples:
    """Return every record of the corpus that is here.

    Parameters
    ----------
    cache : file that the numbers of the trees are kept in, and the leads.

    Raises
    ------
    DataError : there are none.
    """
    names = corpus.at_hand()
    label = np.array([int(np.argmax(label_row(corpus.statements(n), labels))) for n in names])
    if cache is not None and cache.is_file():
        kept = load_file(cache)
        if len(kept["side"]) == len(names):
            leads = np.split(kept["lead"], kept["edge"], axis=1)
            return Examples(record=np.array(names), label=label, leads=leads, side=kept["side"])
    found, side = [], []
    for name in tqdm(names, "records", disable=not sys.stderr.isatty(), leave=False):
        record = corpus.open(name).record()
        signal = record.signal[:1]
        peaks = find_peaks(signal, record.rate, record.leads[:1]).samples
        clean, known = prepare(signal[0], record.rate)
        found.append(network_lead(clean, known, spec.rate))
        side.append(describe(clean, known, peaks / record.rate))
    made = Examples(record=np.array(names), label=label, leads=found, side=np.stack(side))
    if cache is not None:
        edges = np.cumsum([lead.shape[1] for lead in found])[:-1]
        tables = {"lead": np.concatenate(found, axis=1), "edge": edges, "side": made.side}
        with beside(cache) as temporary:
            save_file(tables, temporary)
    return made


def folds(record: npt.NDArray[np.str_], label: Ints, count: int) -> Ints:
    """Return (record,) the fold of each: each class is dealt out in the order of SHA-1 of names."""
    fold = np.zeros(len(record), np.int64)
    digest = np.array([hashlib.sha1(str(n).encode()).hexdigest() for n in record])  # noqa: S324
    for one in np.unique(label):
        rows = np.flatnonzero(label == one)
        fold[rows[np.argsort(digest[rows])]] = np.arange(len(rows)) % count
    return fold


def opinions(net: RhythmCrnn, leads: Sequence[Floats], spec: InputSpec) -> Floats:
    """Return (record, class) what the network says: mean over windows of `voice`."""
    pieces = [windows_of(lead, spec.rate, spec.window[1]) for lead in leads]
    window = torch.from_numpy(np.concatenate(pieces))
    with torch.no_grad():
        said = torch.cat([voice(net, part) for part in torch.split(window, _AT_ONCE)]).numpy()
    ends = np.cumsum([len(p) for p in pieces])[:-1]
    return np.stack([part.mean(axis=0) for part in np.split(said, ends)])


def voice(net: RhythmCrnn, window: torch.Tensor) -> torch.Tensor:
    """Return (window, class) the log of the mean probability of a window and of its mirror image.

    It is not below the log of `FLOOR`.
    """
    mirror = torch.tensor([[[-1.0], [1.0]]])
    both = torch.cat([window, window * mirror]).contiguous(memory_format=torch.contiguous_format)
    p: torch.Tensor = net(both).softmax(1).unflatten(0, (2, -1)).mean(0)
    return p.clamp(min=FLOOR).log()


def joined(network: Floats, trees: Floats, share: float) -> Floats:
    """Return (record, class) logits: the two logs of probabilities, weighted."""
    top = trees.max(axis=1, keepdims=True)
    logs = trees - top - np.log(np.exp(trees - top).sum(axis=1, keepdims=True))
    found: Floats = (share * network + (1 - share) * logs).astype(np.float32)
    return found


def grow(side: Floats, label: Ints, classes: int, seed: int, arguments: Any) -> _trees.Trees:
    """Return trees learnt from numbers (record, number); rare classes weigh more, by the root."""
    count = np.maximum(np.bincount(label, minlength=classes), 1)
    weight = (len(label) / (classes * count)) ** _BALANCE
    model = boosting.build(seed, arguments)
    model.fit(side, label, sample_weight=weight[label])
    return _trees.tables(model, classes)


def fit(recipe: Recipe, run: Path, resume: bool = False) -> None:
    """Train by a recipe with its first seed into the folder `run`.

    ``trees.safetensors`` beside ``net/weights.safetensors`` is what is shipped. A fold that is done
    is not trained again when the run is resumed.

    Raises
    ------
    UsageError, DataError : the recipe cannot be followed, or the records are not here.
    """
    keys, arguments = Keys.of(recipe)
    check_keys("augment", recipe.augment, Augment.__dataclass_fields__)
    augment, seed = Augment(**recipe.augment), recipe.seeds[0]
    classes = recipe.corpus.classes
    corpus = open_corpus(recipe.corpus.name)
    _run.begin(recipe, run, resume=resume)
    if (run / "metrics.json").is_file():
        return
    data = examples(corpus, recipe.input, recipe.corpus.labels, run / "inputs.safetensors")
    _run.check_classes(recipe, data.label, keys.folds, "folds")
    fold = folds(data.record, data.label, keys.folds)
    names = {f"fold-{k}": data.record[fold == k].tolist() for k in range(keys.folds)}
    _run.write_json(run / "split.json", names)
    said = {name: np.zeros((len(fold), len(classes)), np.float32) for name in ("network", "trees")}
    everything = keys.folds  # stands for no fold: what is shipped leaves none out
    for k in range(keys.folds + 1):
        held, rows = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        folder = run / (f"fold-{k}" if k != everything else "net")
        net = train(
            data.leads, data.label, rows, recipe.optimiser, augment, seed, len(classes), folder
        )
        trees = _grown(folder / TREES, data, rows, len(classes), seed, arguments)
        if k != everything:
            said["network"][held] = opinions(net, [data.leads[int(i)] for i in held], recipe.input)
            said["trees"][held] = trees.logits(data.side[held])
    mixed = joined(said["network"], said["trees"], keys.share)
    extra = {
        "seed": seed, "parameters": sum(p.numel() for p in net.parameters()),
        "nodes": len(trees.number), "numbers": data.side.shape[1],
        "f1": {
            name: _figures(data.label, given, fold, classes)
            for name, given in (("joined", mixed), *said.items())
        },
    }  # fmt: skip
    rows = np.arange(len(fold))
    predictions = Predictions(
        classes=classes, part=np.full(len(fold), "validation"), record=data.record,
        sample=np.zeros(len(fold), np.int64), label=data.label, logits=mixed,
    )  # fmt: skip
    seconds = np.array([lead.shape[1] for lead in data.leads]) / recipe.input.rate
    columns: dict[str, npt.NDArray[Any]] = {**said, "fold": fold, "seconds": seconds}
    with beside(run / "folds.safetensors") as temporary:
        save_file(columns, temporary)
    _run.finish(run, predictions, extra=extra)


def _figures(label: Ints, logits: Floats, fold: Ints, classes: Sequence[str]) -> dict[str, Any]:
    """Return F1 of each class, the mean over N, A, O, and that of each fold."""

    def of(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return f1(confusion(label[rows], logits[rows].argmax(axis=1), len(classes)))

    whole = of(np.ones(len(label), np.bool_))
    return {
        "classes": dict(zip(classes, whole.tolist(), strict=True)),
        "mean": float(whole[:JUDGED].mean()),
        "folds": [float(of(fold == k)[:JUDGED].mean()) for k in np.unique(fold)],
    }


def _grown(
    file: Path, data: Examples, rows: Ints, classes: int, seed: int, arguments: Any
) -> _trees.Trees:
    """Return the trees of a file; they are grown from the rows first if it is not there."""
    if file.is_file():
        return _trees.Trees.from_dict(load_file(file))
    trees = grow(data.side[rows], data.label[rows], classes, seed, arguments)
    with beside(file) as temporary:
        save_file(trees.to_dict(), temporary)
    return trees


def load(run: Path) -> tuple[Recipe, RhythmCrnn, _trees.Trees]:
    """Return the recipe, the network and the trees of a finished run.

    Raises
    ------
    DataError : it is no such run.
    """
    if not (run / "metrics.json").is_file():
        raise DataError(run, "is no finished run", "Run: einthoven train rhythm --run FOLDER")
    recipe = load_recipe(str(run / "recipe.toml"))
    if recipe.task != "rhythm" or recipe.model.name == "period-aware":
        mend = "Name the run of the recipe rhythm"
        raise DataError(run, f"is a run of {recipe.model.name!r}, task {recipe.task}", mend)
    net = RhythmCrnn(len(recipe.corpus.classes))
    weights = load_file(run / "net" / _run.WEIGHTS)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return recipe, net.eval(), _trees.Trees.from_dict(load_file(run / "net" / TREES))
