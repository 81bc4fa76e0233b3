"""Beats that never were, added to the training side of a network and to no other.

Two kinds: premature beats made from training records by shifting (`signal.premature`), and the
beats of a trained generator (`training.gan`). Either learns from the training side alone, which is
checked here each time, not trusted. Of both there are `ratio` for each real beat of the class, so
that what they bring can be compared at equal cost.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.inputs import InputStream
from einthoven.protocols import Split
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.record.leads import one_lead
from einthoven.record.vocabulary import is_beat, translate
from einthoven.training._augment import Augmentation
from einthoven.training._batches import Windows
from einthoven.training._premature import Making, _make
from einthoven.training._recipe import Recipe

# What is made is named in AAMI's classes; these are theirs in the other map.
_NAMES = {"aami": {"S": "S", "F": "F"}, "nlrav": {"S": "A"}}
_MAKING = Making(kinds=("isolated", "runs", "dominant", "fusion"), minutes=10.0)


def training_side(recipe: Recipe, seed: int, split: Split, real: Windows) -> Windows:
    """Return `real`, the windows of the training side, and behind them what ``[augment]`` adds.

    Raises
    ------
    LeakError : what is added could have learnt from a beat that is not of the training side.
    UsageError, DataError : it does not fit the recipe, or is not there.
    """
    how = Augmentation.of(recipe)
    if how.premature and how.ratio:
        more = premature_beats(recipe, seed, split, how.ratio)
    else:
        return real
    return Windows(
        np.concatenate([real.window.numpy(), more.window.numpy()]),
        np.concatenate([real.side.numpy(), more.side.numpy()]),
        np.concatenate([real.label.numpy(), more.label.numpy()]),
    )


def premature_beats(recipe: Recipe, seed: int, split: Split, ratio: float) -> Windows:
    """Return beats that shifting made premature (and some fusion beats) in the training records.

    Their windows and side numbers are cut out of the made recording, so that window and rhythm
    agree. `ratio` of them for each real beat of the class, fewer where not so many were made.

    Raises
    ------
    LeakError : a training record has beats on another side, too.
    """
    record, spec, classes = split.beats.record, recipe.input, recipe.corpus.classes
    names = np.unique(record[split.training.rows]).tolist()
    for side, other in split.sides.items():
        shared = set(names) & set(np.unique(record[other.rows]).tolist())
        if side != "training" and shared:
            fault = f"record {min(shared)} has beats in training and {side}"
            raise LeakError("augment.premature", fault, "Use inter-patient, or premature = false")
    corpus, called = open_corpus(recipe.corpus.name), _NAMES[recipe.corpus.labels]
    found: list[tuple[Any, Any, Any]] = []
    for name in names:
        source = corpus.open(name)
        marks = source.annotations()
        if marks is None:
            raise DataError(source.path, "has no reference annotations", "Leave the record out")
        marks = marks.where(is_beat(marks.symbols))
        words = translate(marks.symbols, "aami")
        signal = np.nan_to_num(source.read(0, source.samples)[one_lead(source.leads)])
        for kind in _MAKING.kinds:
            rng = np.random.default_rng([seed, zlib.crc32(f"{name} {kind}".encode())])
            new = _make(kind, signal, source.rate, marks.samples, words, _MAKING, rng)
            if new is None:
                continue
            stream = InputStream(spec, source.rate, ("ECG",))
            given = stream.push(new.signal[None], new.samples, len(new.signal)) + stream.flush()
            own = [called.get(str(w), "") for w in new.labels]
            label = np.array([classes.index(w) if w in classes else -1 for w in own], np.int64)
            keep = new.made & (label >= 0)
            window, numbers = (
                np.concatenate([getattr(g, column) for g in given])[keep]
                for column in ("window", "side")
            )
            found.append((window, numbers, label[keep]))
    if not found:
        fault = "no training record is regular enough to make a premature beat"
        raise UsageError("augment.premature", fault, "Give premature = false")
    window, numbers, label = (np.concatenate(column) for column in zip(*found, strict=True))
    rng = np.random.default_rng([seed, 7])
    rows = []
    for index in np.unique(label).tolist():
        wanted = round(ratio * int((split.beats.label[split.training.rows] == index).sum()))
        rows.append(rng.permutation(np.flatnonzero(label == index))[:wanted])
    kept = np.sort(np.concatenate(rows))
    return Windows(window[kept], numbers[kept], label[kept])
