"""A run of the rhythm model to a bundle, held against what was trained on real records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from einthoven._version import __version__
from einthoven.bundle import Bundle, Card, Stage
from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.bootstrap import draws_over_groups, percentiles
from einthoven.evaluation.classification import confusion_by_group, f1
from einthoven.evaluation.predictions import Predictions
from einthoven.export import _card
from einthoven.export._card import usual, withdraw, write
from einthoven.export._rhythm_graph import graph
from einthoven.inputs.rhythm_span import windows_of
from einthoven.signal.rhythm import names
from einthoven.training._recipe import Recipe
from einthoven.training.rhythm import (
    JUDGED,
    TREES,
    Examples,
    Keys,
    examples,
    joined,
    load,
    opinions,
)

FILE = "rhythm.onnx"
TOLERANCE = 1e-3  # of a logit, where the weights are as they were trained
MOVED = 0.05  # of a probability, by weights of 8 bits
_RECORDS = 200  # that all must agree on
PROTOCOL = (
    "CinC 2017, 4,838 of the 8,528 open records, one lead of 9 to 61 s: four folds, stratified by "
    "class and dealt out by the SHA-1 of a record's name; nobody knows whether two records are of "
    "one person. Network and trees of a fold saw nothing of it. The folds served to choose the "
    "recipe; no records were kept apart beyond them."
)
LIMITS = (
    "Research software, not a medical device.",
    "Learnt from one device, held between two hands (lead I); no other corpus was learnt from.",
    "O is every other rhythm: it does not say which.",
    "Atrial flutter was labelled O or A as the challenge's readers did; it is no class.",
    "A span is 30 s of a long record: a shorter episode may be outvoted by what is around it.",
    "Of a span shorter than 30 s the network sees how short it is and calls noise sooner.",
    "Noise (~) was learnt from 163 records.",
    "Paced rhythm was not learnt.",
)


def export(run: Path, out: Path) -> Path:
    """Write the bundle of a finished run; return its folder.

    Raises
    ------
    DataError : the run is not finished, or ONNX and what was trained differ on real records.
    """
    recipe, net, trees = load(run)
    keys, _ = Keys.of(recipe)
    corpus = open_corpus(recipe.corpus.name)
    data = examples(corpus, recipe.input, recipe.corpus.labels, run / "inputs.safetensors")
    numbers = data.side.shape[1]
    rows = np.unique(np.linspace(0, len(data.record) - 1, _RECORDS).astype(np.int64)).tolist()
    few = Examples(
        record=data.record[rows], label=data.label[rows], leads=[data.leads[k] for k in rows],
        side=data.side[rows],
    )  # fmt: skip
    wanted = joined(opinions(net, few.leads, recipe.input), trees.logits(few.side), keys.share)
    card = replace(_described(recipe, corpus, run), usual=usual_span(data))
    for small in (False, True):
        write(out, graph(net, trees, keys.share, numbers, small=small), card)
        said = _said(Bundle(out), few, recipe)
        apart = float(np.abs(said - wanted).max())
        moved = float(np.abs(_p(said, card) - _p(wanted, card)).max())
        if moved > MOVED if small else apart > TOLERANCE:
            withdraw(out, card, run, moved if small else apart)
    return out


def usual_span(data: Examples) -> dict[str, float]:
    """Return what the numbers of a span in normal rhythm are, by name: medians over those learnt.

    All records of class N, the first one: what is shipped is trained on all of them.
    """
    return usual(data.side[data.label == 0], names())


def _p(logits: Any, card: Card) -> Any:
    p = np.exp(logits.astype(np.float64) / card.temperature)
    return p / p.sum(axis=1, keepdims=True)


def _said(bundle: Bundle, few: Examples, recipe: Recipe) -> Any:
    found = []
    for lead, side in zip(few.leads, few.side, strict=True):
        window = windows_of(lead, recipe.input.rate, recipe.input.window[1])
        rows = np.tile(side, (len(window), 1))
        found.append(bundle.run({"window": window, "side": rows}).mean(axis=0))
    return np.stack(found)


def figures(predictions: Predictions) -> dict[str, Any]:
    """Return F1 of each class and the mean over N, A, O, each with its interval over records."""
    said, classes = predictions.where(predictions.label >= 0), predictions.classes
    count = len(classes)
    groups = np.arange(len(said.label))
    each = confusion_by_group(said.label, said.choice, groups, count, len(groups))
    whole = f1(each.sum(axis=0))
    drawn = f1(draws_over_groups(each, 500, 0))
    table = np.concatenate([drawn, drawn[:, :JUDGED].mean(axis=1, keepdims=True)], axis=1)
    ends = percentiles(table)
    values = [*whole.tolist(), float(whole[:JUDGED].mean())]
    names = [*(f"F1 {name}" for name in classes), "mean F1 of N, A, O"]
    return {
        name: {"value": round(value, 4), "interval_95": [round(e.low, 4), round(e.high, 4)]}
        for name, value, e in zip(names, values, ends, strict=True)
    } | {"records": len(groups)}


def _described(recipe: Recipe, corpus: Corpus, run: Path) -> Card:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    predictions = Predictions.load(run / "predictions.npz")
    weights = (run / "net" / "weights.safetensors").read_bytes()
    digest = hashlib.sha256(weights + (run / "net" / TREES).read_bytes()).hexdigest()
    facts = corpus.facts
    return Card(
        name=recipe.name, version=__version__, task="rhythm", title=recipe.title,
        stages=(Stage(file=FILE, sha256="", input=recipe.input),), classes=recipe.corpus.classes,
        profiles=("review", "live"), default=True, temperature=metrics["temperature"],
        threshold=metrics["threshold"], protocol=PROTOCOL,
        figures={
            "four folds, out of fold": figures(predictions),
            "note": "Of four pairs of network and trees, each trained on three folds; shipped is a "
            "fifth, trained on all records, which no record is left to judge. Weights of 8 bits "
            f"move no probability by more than {MOVED:g} on {_RECORDS} records.",
        },
        data={
            "corpus": facts.title, "licence": facts.licence, "url": facts.url,
            "records": int(metrics["validation"]["n"]),
        },
        recipe=recipe.name, run=digest[:12], paper=recipe.paper, limits=LIMITS,
    )  # fmt: skip


def fill(bundle: Path, results: Path) -> Path:
    """Put what ``results/rhythm.json`` says of mitdb on the card; see `_card.fill`."""
    name = "mitdb, atrial fibrillation"
    return _card.fill(bundle, results, "rhythm", lambda figures: {name: figures[name]})
