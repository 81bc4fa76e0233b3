"""Beats that never were, added to the training side of a network and to no other.

Two kinds: premature beats made from training records by shifting (`signal.premature`), and the
beats of a trained generator (`training.gan`). Either learns from the training side alone, which is
checked here each time, not trusted. Of either there are `ratio` for each real beat of its classes:
S and F where beats are made premature (fewer where shifting makes fewer), all that the generator
learnt where they are generated.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from einthoven.corpora import open_corpus
from einthoven.inputs import InputStream
from einthoven.protocols import Split
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.record.leads import lead_rows
from einthoven.record.vocabulary import indices, is_beat, translate
from einthoven.store.store import patients
from einthoven.training._augment import Augmentation
from einthoven.training._batches import Windows
from einthoven.training._generator import draw, learnt_rows, load
from einthoven.training._premature import Making, make
from einthoven.training._recipe import Recipe

# What is made is named in AAMI's classes; these are theirs in the other map.
_NAMES = {"aami": {"S": "S", "F": "F"}, "nlrav": {"S": "A"}}
# How much is made: ten minutes of a record, from a random place, of each kind.
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
    elif how.synthetic and how.ratio:
        more = generated_beats(recipe, seed, split, real, how)
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
    if len(spec.leads) > 1:
        fault = "makes beats of one lead, and input.leads names more"
        raise UsageError("augment.premature", fault, "Give premature = false")
    corpus, called = open_corpus(recipe.corpus.name), _NAMES[recipe.corpus.labels]
    people, one = patients(corpus, spec), spec.leads == ("one",)
    found: list[tuple[Any, Any, Any]] = []
    for name in names:
        source = corpus.open(name)
        marks = source.annotations()
        if marks is None:
            raise DataError(source.path, "has no reference annotations", "Leave the record out")
        marks = marks.where(is_beat(marks.symbols))
        words = translate(marks.symbols, "aami")
        (row,) = lead_rows(spec.leads, source.leads, source.path)
        signal = np.nan_to_num(source.read(0, source.samples)[row])
        for kind in _MAKING.kinds:
            rng = np.random.default_rng([seed, zlib.crc32(f"{name} {kind}".encode())])
            new = make(kind, signal, source.rate, marks.samples, words, _MAKING, rng)
            if new is None:
                continue
            leads = ("ECG",) if one else (source.leads[row],)
            stream = InputStream(spec, source.rate, leads, people.get(name))
            given = stream.push(new.signal[None], new.samples, len(new.signal)) + stream.flush()
            own = np.array([called.get(str(w), "") for w in new.labels], np.str_)
            label = indices(own, classes)
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


def generated_beats(
    recipe: Recipe, seed: int, split: Split, real: Windows, how: Augmentation
) -> Windows:
    """Return the beats of a generator: `how.ratio` for each real one of every class it learnt.

    A generator makes windows alone, so each of its beats gets the side numbers of a training beat
    of its class, drawn at random.

    Raises
    ------
    LeakError : the generator was trained on another split than `split`.
    UsageError : it makes other windows or classes than the recipe's.
    DataError : the folder holds no trained generator.
    """
    folder = Path(how.synthetic)
    if (folder / f"seed-{seed}").is_dir():
        folder = folder / f"seed-{seed}"
    theirs, generator = load(folder)
    for key in ("name", "labels", "classes", "peaks"):
        here, there = getattr(recipe.corpus, key), getattr(theirs.corpus, key)
        if here != there:
            fault = f"the generator has corpus.{key} = {there!r}, this recipe {here!r}"
            raise UsageError(folder, fault, "Train a generator with the same [corpus]")
    if recipe.input.windows != theirs.input.windows:
        fault = "the generator makes other windows than this recipe's"
        raise UsageError(folder, fault, "Train a generator with the same [input]")
    check_split(folder, split, "generator")
    own = real.label.numpy()
    learnt = np.unique(split.beats.label[learnt_rows(theirs, split)])
    rng = np.random.default_rng([seed, 11])
    labels = [np.full(round(how.ratio * int((own == i).sum())), i) for i in learnt.tolist()]
    label = np.concatenate(labels).astype(np.int64)
    drawn = [rng.choice(np.flatnonzero(own == i), int((label == i).sum())) for i in learnt.tolist()]
    return Windows(draw(generator, label, seed), real.side.numpy()[np.concatenate(drawn)], label)


def check_split(folder: Path, split: Split, who: str) -> None:
    """Refuse the run of a generator or teacher whose sides are not, beat for beat, `split`'s.

    Raises
    ------
    DataError : the run does not say on whom it was trained.
    LeakError : it learnt from a beat of another side, or its sides are others.
    """
    try:
        theirs = json.loads((folder / "split.json").read_text(encoding="utf-8"))["sides"]
        known = {
            name: {(r, int(s)) for r, samples in theirs[name].items() for s in samples}
            for name in split.sides
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise DataError(
            folder / "split.json", f"cannot be read ({fault})", f"Train the {who} again"
        ) from fault
    beats, mend = split.beats, f"Train a {who} with the same [protocol] and seed"
    own = {
        name: set(
            zip(beats.record[side.rows].tolist(), beats.sample[side.rows].tolist(), strict=True)
        )
        for name, side in split.sides.items()
    }
    for name in ("test", "validation"):
        for record, sample in sorted(known["training"] & own[name])[:1]:
            wrong = f"the {who} learnt from beat {sample} of record {record}, here in {name}"
            raise LeakError(folder, wrong, mend)
    for name, rows in own.items():
        if known[name] != rows:
            raise LeakError(folder, f"the {who} has another {name} side than this run", mend)
