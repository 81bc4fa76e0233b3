"""Trains trees, or a network over the sequence of beats, or both, on RR and template numbers.

With both may go a network over the wave of each beat (`_waveform`).

Everything that is chosen (offsets of the classes, temperature, the threshold of "uncertain") is
chosen on out-of-fold answers: the training records are divided into folds, and each fold is
answered by a model that saw none of its records, nor anything made from them. Within patients it is
chosen on the validation side, and no offset is (`_rows_within`).
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven._version import __version__
from einthoven.bundle import eaten
from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS1, DS2, ONE_SUBJECT
from einthoven.evaluation.calibration import fit_temperature, softmax
from einthoven.evaluation.classification import confusion, confusion_by_group, f1, scores
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs import Inputs, Neighbours
from einthoven.models import boosting
from einthoven.protocols import PROTOCOLS
from einthoven.record.errors import LeakError, UsageError
from einthoven.record.files import beside, write_text
from einthoven.training._learners import Weighing, learn, sequences
from einthoven.training._premature import Making, Rows, rows
from einthoven.training._recipe import Recipe, check_keys, to_toml
from einthoven.training._rows_within import Answered, within
from einthoven.training._run import check_classes
from einthoven.training._waveform import Waveform

Floats = npt.NDArray[np.float64]

FILE = "model.onnx"
_DRAWS = 200  # of records, when offsets are chosen


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of ``[model]`` and ``[augment]``.

    Attributes
    ----------
    weighing : those of ``[model]`` that are not the trees'.
    trees : the others, see `models.boosting.ARGUMENTS`.
    making : those of ``[augment]``.
    """

    weighing: Weighing
    trees: Mapping[str, Any]
    making: Making

    @classmethod
    def of(cls, recipe: Recipe) -> Keys:
        """Return the keys of a recipe; unknown ones are refused.

        Raises
        ------
        UsageError : a key is not known, or two parts of the recipe do not go together.
        """
        own = {f.name for f in fields(Weighing)}
        given = dict(recipe.model.arguments)
        check_keys("model", given, own | set(boosting.ARGUMENTS))
        check_keys("augment", recipe.augment, [f.name for f in fields(Making)])
        if "waveform" in given:
            given["waveform"] = Waveform.of(given["waveform"])
        if recipe.input.waveform != ("waveform" in given):
            fault = f"is {str(recipe.input.waveform).lower()}"
            mend = "Give true with model.waveform, and only then"
            raise UsageError("input.waveform", fault, mend)
        folds = tuple(tuple(str(r) for r in fold) for fold in given.pop("folds", ()))
        twice = [r for r, n in Counter(r for fold in folds for r in fold).items() if n > 1]
        if twice:
            raise UsageError("model.folds", f"name {', '.join(twice)} twice", "Name each once")
        weighing = Weighing(**{k: given.pop(k) for k in list(given) if k in own}, folds=folds)
        reach = (15, 15) if weighing.share else (0, 0)  # models.beat_sequence.REACH
        if recipe.input.neighbours != reach:
            fault = f"is {list(recipe.input.neighbours)}"
            raise UsageError("input.neighbours", fault, f"Give {list(reach)} with this model.share")
        if weighing.waveform and not weighing.share:
            raise UsageError("model.waveform", "needs the beat sequence", "Give model.share, too")
        return cls(weighing=weighing, trees=given, making=Making(**recipe.augment))


def sides(recipe: Recipe, corpus: Corpus) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return training and test records.

    Raises
    ------
    LeakError : a record, or (where the protocol is strict) a subject, would be on both sides.
    """
    train = recipe.protocol.train or DS1
    test = recipe.protocol.test or DS2
    if recipe.protocol.strict:
        tested = {corpus.subject(r) for r in test}
        train = tuple(r for r in train if corpus.subject(r) not in tested)
    both = {corpus.subject(r) for r in train} & {corpus.subject(r) for r in test}
    if both - {corpus.subject(ONE_SUBJECT[0])} or set(train) & set(test):
        raise LeakError("protocol", f"{sorted(both)} are on both sides", "Take them out of one")
    return train, test


def choose_offsets(
    logits: npt.NDArray[np.float32],
    label: npt.NDArray[np.int64],
    record: npt.NDArray[np.str_],
    classes: Sequence[str],
) -> tuple[float, ...]:
    """Return one offset a class, N's 0, that makes F1 of S and V largest.

    The mean over records drawn with replacement is looked at, not the one pool of records: a few
    records hold most ectopic beats, and their wishes are not the next patient's.

    Parameters
    ----------
    logits : (beat, class), said out of fold.
    label, record : (beat,) indices of classes, and names.
    """
    names, group = np.unique(record, return_inverse=True)
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    worth = np.array([{"S": 1.0, "V": 1.0}.get(c, 0.0) for c in classes])
    steps = {"N": [0.0], "F": [-3.0, -2.0, -1.0]}
    grid = [steps.get(c, list(np.arange(-5.0, 1.01, 0.5))) for c in classes]
    best, chosen = -1.0, (0.0,) * len(classes)
    for offsets in itertools.product(*grid):
        choice = (logits + np.array(offsets, np.float32)).argmax(axis=1)
        matrices = confusion_by_group(label, choice, group, len(classes), len(names))
        drawn = np.tensordot(times, matrices, axes=1)
        value = float((np.nan_to_num(f1(drawn)) @ worth).mean())
        if value > best:
            best, chosen = value, tuple(float(o) for o in offsets)
    return chosen


def out_of_fold(
    recipe: Recipe, keys: Keys, corpus: Corpus, tell: Callable[[str], Any]
) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Return the rows of the training records, and what was said of each real one out of fold.

    Each fold of records is answered by a model that saw none of them, nor anything made from them;
    rows of made beats get zeros.

    Parameters
    ----------
    keys : of the recipe.
    tell : called with a word after each record and each fold.

    Raises
    ------
    UsageError : the recipe does not fit, or its folds do not name every training record.
    """
    train, _ = sides(recipe, corpus)
    spec = replace(recipe.input, neighbours=(0, 0))  # the rows have neighbours enough
    table = rows(
        corpus, train, spec, recipe.corpus.labels, recipe.corpus.classes, making=keys.making,
        seed=recipe.seeds[0], progress=tell,
    )  # fmt: skip
    return table, said_out_of_fold(table, recipe, keys, tell)


def said_out_of_fold(
    table: Rows, recipe: Recipe, keys: Keys, tell: Callable[[str], Any]
) -> npt.NDArray[np.float32]:
    """Return (beat, class) logits of rows, each fold's by a model of the others; see `out_of_fold`.

    Raises
    ------
    UsageError : a class has too few beats, or the folds do not name every record.
    """
    weighing, classes, seed = keys.weighing, recipe.corpus.classes, recipe.seeds[0]
    known = table.label[table.kind == "real"]
    check_classes(recipe, known, max(1, len(weighing.folds)), "folds of records")
    left = set(table.record.tolist()) - {r for fold in weighing.folds for r in fold}
    if left:
        raise UsageError("model.folds", f"lack the records {sorted(left)}", "Name each once")
    said = np.zeros((len(table), len(classes)), np.float32)
    for number, fold in enumerate(weighing.folds):
        held = np.isin(table.record, fold)
        if not held.any():
            continue
        model = learn(table.where(~held), classes, weighing, keys.trees, seed)
        asked = held & (table.kind == "real")
        said[asked] = model.logits(table.where(asked))
        tell(f"fold {number + 1} of {len(weighing.folds)}")
    return said


def _answers(data: bytes, table: Rows, neighbours: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return what the ONNX says, fed as in use: recording by recording, in pieces."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
    found = []
    for part in sequences(table):
        given = Inputs(
            samples=table.sample[part], side=table.side[part],
            window=table.side[part, None, :0] if table.window is None else table.window[part],
        )  # fmt: skip
        queue = Neighbours(*neighbours)
        for piece in queue.push(given) + queue.flush():
            feed = {"side": piece.side, "window": piece.window}
            found.append(session.run(None, eaten(session, feed))[0])
    return np.concatenate(found)


def _table(part: str, given: Rows, answers: npt.NDArray[np.float32]) -> dict[str, Any]:
    return {
        "part": np.full(len(given), part), "record": given.record, "sample": given.sample,
        "label": given.label, "logits": answers,
    }  # fmt: skip


def _validation_metrics(said: Predictions) -> dict[str, Any]:
    known = said.where(said.label >= 0)
    result = scores(
        confusion(known.label, known.choice, len(said.classes)), said.classes, said.classes
    )
    per_class = {
        c: {"se": float(result.sensitivity[i]), "ppv": float(result.predictivity[i]),
            "f1": float(result.f1[i]), "n": int(result.support[i])}
        for i, c in enumerate(said.classes)
    }  # fmt: skip
    return {"n": result.n, "matrix": result.matrix.tolist(), "classes": per_class}


def fit(recipe: Recipe, run: Path, resume: bool) -> None:
    """Train by a recipe and write the run folder.

    The test side is answered and its answers are kept; no figure of it is computed here.

    Parameters
    ----------
    recipe : with ``model.name = "boosting"``; the first of its seeds counts.
    run : the folder to write.
    resume : leave a finished run as it is; an unfinished one is made anew, it takes minutes.

    Raises
    ------
    UsageError, LeakError : the recipe cannot be followed.
    """
    if resume and (run / "predictions.npz").is_file() and (run / FILE).is_file():
        return
    if recipe.corpus.peaks != "reference":
        raise UsageError("corpus.peaks", "boosting learns at reference beats", "Use reference")
    keys = Keys.of(recipe)
    classes, corpus = recipe.corpus.classes, open_corpus(recipe.corpus.name)
    if PROTOCOLS[recipe.protocol.name].leaky:
        tell = _teller(len(corpus.records))
        found = within(recipe, keys.weighing, keys.trees, keys.making, corpus, tell)
    else:
        found = _between(recipe, keys, corpus)
    judged = found.held.label >= 0
    scaled = found.said[judged].astype(np.float64) + np.array(found.offsets)
    temperature = fit_temperature(scaled, found.held.label[judged])
    top = softmax(scaled / temperature).max(axis=1)
    threshold = float(np.quantile(top, keys.weighing.uncertain))

    data = found.model.to_onnx(found.asked.side.shape[1])
    again = _answers(data, found.asked, recipe.input.neighbours)
    apart = float(np.abs(again - found.answers).max())
    if apart > 1e-4:
        raise AssertionError(f"ONNX and the trained model differ by {apart}")
    columns = [
        _table("validation", found.held, found.said),
        _table("test", found.asked.where(found.tested), found.answers[found.tested]),
    ]
    said = Predictions(
        classes=classes, offsets=np.array(found.offsets), temperature=temperature,
        **{key: np.concatenate([c[key] for c in columns]) for key in columns[0]},
    )  # fmt: skip
    metrics = {
        "validation": _validation_metrics(said.of("validation")),
        "offsets": list(found.offsets), "temperature": temperature, "threshold": threshold,
        "onnx_difference": apart, "seed": recipe.seeds[0], "rows": found.learnt,
        "numbers": found.asked.side.shape[1], "parameters": found.model.parameters,
    }  # fmt: skip
    _write(recipe, run, said, data, metrics, found)


def _between(recipe: Recipe, keys: Keys, corpus: Corpus) -> Answered:
    """Return a model of the training records, its answers to the test records, and out of fold."""
    weighing, classes = keys.weighing, recipe.corpus.classes
    train, test = sides(recipe, corpus)
    tell = _teller(len(train) + len(weighing.folds) + len(test))
    table, folded = out_of_fold(recipe, keys, corpus, tell)
    real = table.kind == "real"
    judged = real & (table.label >= 0)
    offsets = choose_offsets(folded[judged], table.label[judged], table.record[judged], classes)
    model = learn(table, classes, weighing, keys.trees, recipe.seeds[0])
    spec = replace(recipe.input, neighbours=(0, 0))
    tested = rows(corpus, test, spec, recipe.corpus.labels, classes, progress=tell)
    split = {
        "train": list(train), "test": list(test), "folds": [list(f) for f in weighing.folds],
        "shared_subjects": [list(ONE_SUBJECT)] if ONE_SUBJECT[0] in train else [],
    }  # fmt: skip
    return Answered(
        model=model, learnt=len(table), asked=tested, answers=model.logits(tested),
        tested=np.ones(len(tested), bool), held=table.where(real), said=folded[real],
        offsets=offsets, split=split,
    )  # fmt: skip


def _write(
    recipe: Recipe, run: Path, said: Predictions, data: bytes, metrics: Mapping[str, Any],
    found: Answered,
) -> None:  # fmt: skip
    run.mkdir(parents=True, exist_ok=True)
    write_text(run / "recipe.toml", to_toml(replace(recipe, seeds=recipe.seeds[:1])))
    write_text(run / "split.json", json.dumps(found.split, indent=1) + "\n")
    write_text(run / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    packages = ("numpy", "scikit-learn", "onnx", "onnxruntime")
    versions = {p: importlib.metadata.version(p) for p in packages}
    versions |= {"einthoven": __version__, "python": sys.version.split()[0]}
    write_text(run / "versions.json", json.dumps(versions, indent=1) + "\n")
    lines = ["round,nodes"]
    trees = found.model.trees
    grown = trees._predictors if trees is not None else []
    lines += [f"{i},{sum(len(p.nodes) for p in t)}" for i, t in enumerate(grown)]
    write_text(run / "log.csv", "\n".join(lines) + "\n")
    with beside(run / FILE) as temporary:
        temporary.write_bytes(data)
    said.save(run / "predictions.npz")


def _teller(steps: int) -> Callable[[str], Any]:
    """Return what moves a progress bar on, on a terminal only."""
    from tqdm import tqdm

    bar = tqdm(total=steps, disable=None, file=sys.stderr, leave=False)

    def tell(what: str) -> None:
        bar.set_description(what)
        bar.update()
        if bar.n >= steps:
            bar.close()

    return tell
