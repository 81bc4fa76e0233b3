"""Trees on the measurements of records, alone or with a network on the median beat.

Both learn from the labels alone, and a weighted mean of their logits is what is said. What the
trees say out of fold, of each training record by trees that saw nobody of its folds, is kept
beside: other networks may be taught by it (``objective.teacher``). This one is not, see the recipe.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.models import label_trees
from einthoven.models.label_trees import LabelTrees
from einthoven.protocols import Examples
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.errors import UsageError, nearest
from einthoven.record.files import beside
from einthoven.training import _run
from einthoven.training._recipe import Recipe, load_recipe
from einthoven.training._record_data import Data, audited, by_record, prepare
from einthoven.training._record_run import ANSWERS, TEACHER, answers_of, finish

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

FILE = "trees.onnx"
NET = "net"  # the folder of the network's own run
_FOLDS = 4  # of the training side, answered in turn


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What stands in ``[model]`` beside the trees' own keys.

    Attributes
    ----------
    parts : a label set whose classes are parts of those that are learnt; ``""`` for none.
    parts_share : of the parts in the logit of a class, 0 to 1.
    parts_least : training records that a part must have.
    refit : whether the trees that answer the test side are grown anew, on the training and the
        validation side together. Calibration and thresholds come from the first ones, which had
        not seen the validation side; the network never sees it.
    net : the recipe of the network; ``""`` for trees alone.
    net_share : of the network in the logits, 0 to 1.
    """

    parts: str = ""
    parts_share: float = 0.5
    parts_least: int = 30
    refit: bool = False
    net: str = ""
    net_share: float = 0.5

    def __post_init__(self) -> None:
        if self.parts and self.parts not in LABELS:
            mend = nearest(self.parts, LABELS)
            raise UsageError("model.parts", f"{self.parts!r} is not known", mend)
        for key in ("parts_share", "net_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise UsageError(f"model.{key}", f"is {getattr(self, key)}", "Give 0 to 1")


def mixture(recipe: Recipe) -> tuple[Mixture, Mapping[str, Any]]:
    """Return what is mixed, and the arguments of the trees.

    Raises
    ------
    UsageError : a key of ``[model]`` is not known, or nothing is measured.
    """
    own = {f.name for f in fields(Mixture)}
    given = dict(recipe.model.arguments)
    for key in given:
        if key not in own and key not in label_trees.ARGUMENTS:
            known = (*own, *label_trees.ARGUMENTS)
            raise UsageError("model", f"key {key!r} is not known", nearest(key, known))
    if "measurements" not in recipe.input.side:
        raise UsageError("input.side", "has no measurements", 'Give side = ["measurements"]')
    return Mixture(**{k: given.pop(k) for k in list(given) if k in own}), given


def parts_of(examples: Examples, mixed: Mixture, training: Indices) -> tuple[Array, Indices]:
    """Return (record, part) labels of the parts, and (part,) the class each is part of.

    Which class that is, the training side says: the one that is true wherever the part is. A part
    that is the whole class, or too rare to be learnt, is none.
    """
    none = np.zeros((len(examples), 0), np.float32), np.zeros(0, np.int64)
    if not mixed.parts or not mixed.parts_share:
        return none
    rows, opened = [], {name: open_corpus(name) for name in np.unique(examples.corpus).tolist()}
    for name, record in zip(examples.corpus.tolist(), examples.record.tolist(), strict=True):
        statements = opened[name].statements(record)
        rows.append(label_row(statements, mixed.parts, corpus=name))
    label = np.stack(rows)
    columns, owner = [], []
    for k in range(label.shape[1]):
        true = training[label[training, k] == 1]
        if len(true) < mixed.parts_least:
            continue
        whole = (examples.label[true] == 1).all(axis=0)
        for c in np.flatnonzero(whole)[:1].tolist():
            if len(true) < 0.98 * (examples.label[training, c] == 1).sum():
                columns.append(label[:, k])
                owner.append(c)
    return (np.stack(columns, axis=1), np.array(owner, np.int64)) if columns else none


def folds_of(examples: Examples, rows: Indices) -> Indices:
    """Return (row,) which of four parts of the training side a record belongs to.

    By the publisher's folds in pairs, which keep people apart; without folds by person.
    """
    fold = examples.fold[rows]
    if (fold > 0).all():
        rank = np.unique(fold, return_inverse=True)[1].reshape(-1)
        return (rank // 2 % _FOLDS).astype(np.int64)
    return np.array([zlib.crc32(p.encode()) % _FOLDS for p in examples.person[rows].tolist()])


@dataclass(frozen=True, eq=False)
class _Lesson:
    """All that trees learn from."""

    data: Data
    parts: Array
    owner: Indices
    share: float
    arguments: Mapping[str, Any]
    seed: int

    def learn(self, rows: Indices, **changed: Any) -> LabelTrees:
        """Return trees grown on some records."""
        windows = self.data.of(rows)
        records = self.data.owner[windows]
        parts = self.parts[records]
        told = (parts == 1).any(axis=0) & (parts == 0).any(axis=0)  # in a fold one may be missing
        return label_trees.fit(
            np.asarray(self.data.side[windows]), self.data.split.examples.label[records],
            parts[:, told], self.owner[told], share=self.share, seed=self.seed,
            arguments={**self.arguments, **changed},
        )  # fmt: skip

    def ask(self, trees: LabelTrees, rows: Indices) -> Array:
        """Return (row, class) logits, the mean over the windows of each record."""
        windows = self.data.of(rows)
        said = by_record(self.data.owner[windows], trees.logits(self.data.side[windows]))
        return np.stack([said[row] for row in rows.tolist()])


def _lessons(lesson: _Lesson, trees: LabelTrees) -> Answers:
    """Return what is taught: said by trees that had not seen the record's person, each.

    Of the training side by trees of its other folds; of records without a label by `trees`, which
    were grown on the whole training side. Where a few people are all there are, the other folds may
    lack a class, or all but it: then how common each class is among them is all that is said.
    """
    split = lesson.data.split
    known, e = split.training, split.examples
    fold = folds_of(e, known)
    logits = np.zeros((len(known), len(e.classes)), np.float32)
    for k in np.unique(fold).tolist():
        rest = known[fold != k]
        share = np.array([np.nanmean(c) if len(rest) else 0.5 for c in e.label[rest].T])
        if ((share > 0) & (share < 1)).all():
            # One draw: the noise of a teacher does no harm.
            logits[fold == k] = lesson.ask(
                lesson.learn(rest, draws=1, part_draws=1), known[fold == k]
            )
        else:
            near = share.clip(0.5 / (len(rest) + 1), 1 - 0.5 / (len(rest) + 1))
            logits[fold == k] = np.log(near / (1 - near))
    rows = np.concatenate([known, split.unlabelled])
    label = e.label[rows]
    if len(split.unlabelled):
        logits = np.concatenate([logits, lesson.ask(trees, split.unlabelled)])
        label[len(known) :] = np.nan
    return Answers(
        classes=e.classes, part=np.full(len(rows), "validation"), corpus=e.corpus[rows],
        record=e.record[rows], subject=e.subject[rows], domain=e.domain[rows], fold=e.fold[rows],
        label=label, logits=logits,
    )  # fmt: skip


def disagreement(data: bytes, trees: LabelTrees, side: Array) -> float:
    """Return the largest difference of a logit between the ONNX and the trees it was made of."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
    said = session.run(None, {"side": np.ascontiguousarray(side)})[0]
    return float(np.abs(said - trees.logits(side)).max())


def net_recipe(recipe: Recipe, mixed: Mixture) -> Recipe:
    """Return the recipe of the network, on the same split."""
    theirs = load_recipe(mixed.net)
    return replace(theirs, corpus=recipe.corpus, protocol=recipe.protocol, seeds=recipe.seeds[:1])


def fit(recipe: Recipe, run: Path, resume: bool) -> None:
    """Grow the trees of a recipe, train their network if it names one, and write the run folder.

    ``out-of-fold.npz`` holds the trees' answers to the training side and to records without a
    label; ``answers.npz`` is written last.

    Raises
    ------
    UsageError, LeakError, DataError : the recipe cannot be followed.
    """
    mixed, arguments = mixture(recipe)
    _run.begin(recipe, run, resume=resume)
    if (run / ANSWERS).is_file():
        return
    seed = recipe.seeds[0]
    data = audited(prepare(recipe, seed))
    split = data.split
    parts, owner = parts_of(split.examples, mixed, split.training)
    lesson = _Lesson(data, parts, owner, mixed.parts_share, arguments, seed)
    trees = lesson.learn(split.training)
    final = trees
    if mixed.refit:
        final = lesson.learn(np.sort(np.concatenate([split.training, split.validation])))
    onnx = final.to_onnx(data.side.shape[1])
    sides = {"validation": split.validation, "test": split.test}
    apart = disagreement(onnx, final, np.asarray(data.side[data.of(split.validation)]))
    if apart > 1e-4:
        raise AssertionError(f"ONNX and the trees differ by {apart}")
    with beside(run / FILE) as temporary:
        temporary.write_bytes(onnx)
    _run.write_json(run / "split.json", split.to_dict())
    asked = ((trees, split.validation), (final, split.test))
    logits = np.concatenate([lesson.ask(who, rows) for who, rows in asked])
    taught = _lessons(lesson, trees)
    taught.save(run / TEACHER)
    extra: dict[str, Any] = {
        "seed": seed, "nodes": final.nodes, "parts": len(owner), "onnx_difference": apart,
        "parameters": final.nodes,
    }  # fmt: skip
    if mixed.net:
        from einthoven.training import records

        theirs = net_recipe(recipe, mixed)
        records.fit(theirs, run / NET, resume)
        net = records.load(theirs, run / NET)
        whole = prepare(theirs, seed)
        said = np.concatenate([records.logits(net, whole, rows) for rows in sides.values()])
        logits = (1 - mixed.net_share) * logits + mixed.net_share * said
        extra["parameters"] += sum(p.numel() for p in net.parameters())
    finish(run, split, answers_of(split, sides, logits.astype(np.float32)), extra)
