"""Whole records of one or several corpora: their windows in memory, labels, and sides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from einthoven.corpora import Corpus, open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.protocols import RECORD_PROTOCOLS, Examples, RecordSplit, audit, reader
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.store.records import open_records
from einthoven.training._batches import Draws
from einthoven.training._recipe import Recipe
from einthoven.training._record_run import TEACHER
from einthoven.training._sections import ProtocolPart

Indices = npt.NDArray[np.int64]

# Folds that people have validated, kept for tests; under other protocols they stay unseen.
_KEPT_BACK = (9, 10)
_SURE = 0.02  # a teacher is never surer than this of anything


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """The records of a recipe, divided.

    Attributes
    ----------
    window : (window, lead, time) float32; those of a record stand together.
    side : (window, number) float32.
    owner : (window,) row of the split's examples.
    split : who trains, validates and tests.
    """

    window: npt.NDArray[np.float32]
    side: npt.NDArray[np.float32]
    owner: Indices
    split: RecordSplit

    def of(self, rows: Indices) -> Indices:
        """Return the windows of some records, record by record."""
        return np.flatnonzero(np.isin(self.owner, rows)).astype(np.int64)


def examples_of(recipe: Recipe, corpus: Corpus, records: npt.NDArray[np.str_]) -> Examples:
    """Return what is known of some records of one corpus."""
    part = recipe.corpus
    names = LABELS[part.labels]
    place = [names.index(c) for c in part.classes]
    label = [label_row(corpus.statements(r), part.labels, corpus=corpus.name) for r in records]
    domain = np.full(len(records), corpus.name)
    if part.domain != "corpus":
        said = np.array([corpus.metadata(r).get(part.domain, "") for r in records], np.str_)
        # A corpus that names no devices, or sites, is one domain.
        domain = said if (said != "").any() else domain
    fold = getattr(corpus, "fold", None)
    return Examples(
        classes=part.classes, corpus=np.full(len(records), corpus.name), record=records,
        subject=np.array([_subject(corpus, r) for r in records], np.str_), domain=domain,
        fold=np.array([fold(r) if fold else -1 for r in records], np.int64),
        label=np.stack(label)[:, place] if label else np.zeros((0, len(place)), np.float32),
    )  # fmt: skip


def _subject(corpus: Corpus, record: str) -> str:
    try:
        return corpus.subject(record)
    except DataError:  # where the publisher does not say
        return ""


def load_examples(recipe: Recipe) -> tuple[Examples, dict[str, Any]]:
    """Return the labelled records of all corpora of a recipe, and their windows as columns.

    Records whose every class is unknown are left out at once.

    Raises
    ------
    DataError : no labelled record is here.
    """
    tables, windows, sides, owners = [], [], [], []
    at = 0
    for name in (recipe.corpus.name, *recipe.corpus.others):
        corpus = open_corpus(name)
        store = open_records(corpus, recipe.input)
        record, first = np.unique(store.record, return_index=True)
        record = np.asarray(store.record[np.sort(first)], np.str_)  # in the store's order
        table = examples_of(recipe, corpus, record)
        keep = table.labelled
        if not _by_folds(recipe.protocol):
            keep &= ~np.isin(table.fold, _KEPT_BACK)
        rank = {r: at + n for n, r in enumerate(record[keep].tolist())}
        owner = np.array([rank.get(r, -1) for r in store.record.tolist()], np.int64)
        windows.append(store.window[owner >= 0])
        sides.append(store.side[owner >= 0])
        owners.append(owner[owner >= 0])
        tables.append(_where(table, keep))
        at += int(keep.sum())
    if not at:
        raise DataError(
            recipe.corpus.name, f"has no record here with a label of {recipe.corpus.labels}",
            "Load the corpus, or give labels that it has, e.g. corpus.labels=super",
        )  # fmt: skip
    names = ("corpus", "record", "subject", "domain", "fold", "label")
    joined: dict[str, Any] = {n: np.concatenate([getattr(t, n) for t in tables]) for n in names}
    columns = {
        "window": np.concatenate(windows), "side": np.concatenate(sides),
        "owner": np.concatenate(owners),
    }  # fmt: skip
    return Examples(classes=recipe.corpus.classes, **joined), columns


def _by_folds(protocol: ProtocolPart) -> bool:
    """Return whether a protocol, or the one whose sides it takes, has the folds as its sides."""
    options = {**RECORD_PROTOCOLS[protocol.name].options, **protocol.arguments}
    return "ptbxl-folds" in (protocol.name, options.get("base"))


def _where(table: Examples, keep: npt.NDArray[np.bool_]) -> Examples:
    names = ("corpus", "record", "subject", "domain", "fold", "label")
    columns: dict[str, Any] = {name: getattr(table, name)[keep] for name in names}
    return Examples(classes=table.classes, **columns)


def split_of(recipe: Recipe, examples: Examples, seed: int) -> RecordSplit:
    """Return the split that a recipe trains.

    Raises
    ------
    UsageError : the protocol makes several, and ``protocol.part`` names none of them; or one of
        ``corpus.others`` is on no side of any.
    """
    p = recipe.protocol
    splits = RECORD_PROTOCOLS[p.name].split(examples, seed=seed, **p.arguments)
    rows = [r for s in splits for r in (*s.sides.values(), s.unlabelled)]
    used = set(examples.corpus[np.concatenate(rows)].tolist())
    for name in recipe.corpus.others:
        if name not in used:
            raise UsageError(
                "corpus.others", f"{name} is on no side of {p.name}",
                "Take it out, or give labels that it has (corpus.labels=super) and a protocol that "
                "divides it (intra-source with pooled, or leave-one-domain-out)",
            )  # fmt: skip
    if len(splits) == 1 and p.part in ("", splits[0].part):
        return splits[0]
    for split in splits:
        if p.part == split.part:
            return split
    known = "; ".join(s.part for s in splits)
    raise UsageError("protocol.part", f"is {p.part!r}", f"A run is one split. Give one of: {known}")


def prepare(recipe: Recipe, seed: int) -> Data:
    """Open the stores of a recipe, cutting them if need be, and divide the records.

    Raises
    ------
    UsageError : a class has no record to learn from.
    """
    examples, columns = load_examples(recipe)
    split = split_of(recipe, examples, seed)
    positive = split.examples.positives(split.training)
    for name, count in zip(examples.classes, positive.tolist(), strict=True):
        if not count:
            raise UsageError(
                "corpus.classes", f"class {name} has no record to learn from",
                "Leave it out of corpus.classes",
            )  # fmt: skip
    return Data(split=split, **columns)


def audited(data: Data) -> Data:
    """Return the same, the recordings that are on two sides told or refused, see `protocols.audit`.

    Of one corpus they are not looked for: all of them are read for it, which takes some seconds a
    thousand, and its publisher knows best.

    Raises
    ------
    LeakError : a recording of one corpus is in another on another side.
    """
    split = data.split
    e, used = split.examples, np.concatenate(list(split.parts.values()))
    if len(np.unique(e.corpus[used])) < 2:
        return data
    pairs = audit(split.title, e.corpus, e.record, split.parts, reader(e.corpus, e.record))
    return replace(data, split=replace(split, duplicates=tuple((p.one, p.two) for p in pairs)))


def taught(recipe: Recipe, split: RecordSplit) -> npt.NDArray[np.float32]:
    """Return (record, class) targets: the labels, on the training side mixed with the teacher's.

    The teacher's probabilities lie in ``out-of-fold.npz`` of its run: of each record that is learnt
    by a model that had not seen its subject, nor anybody of another side. As far as files can tell
    this is made sure of: the teacher's split must be the same, and its answers those to the records
    that are learnt and to no other. Records without a label have the teacher's alone.

    Raises
    ------
    DataError : the teacher is no finished run.
    LeakError : the teacher was made on another split.
    """
    o, e = recipe.objective, split.examples
    target = e.label.copy()
    if not o.teacher:
        return target
    for name in (TEACHER, "split.json"):
        if not (Path(o.teacher) / name).is_file():
            raise DataError(
                o.teacher, f"has no {name}: it is no finished run of trees on measurements",
                "Train one, e.g. einthoven train twelve-measurements, and give its folder",
            )  # fmt: skip
    said = Answers.load(Path(o.teacher) / TEACHER)
    key = {k: n for n, k in enumerate(zip(said.corpus.tolist(), said.record.tolist(), strict=True))}
    rows = learnt(recipe, split)
    wanted = list(zip(e.corpus[rows].tolist(), e.record[rows].tolist(), strict=True))
    sides = json.loads((Path(o.teacher) / "split.json").read_text(encoding="utf-8"))["sides"]
    same = sides == json.loads(json.dumps(split.to_dict()["sides"]))
    if said.classes != e.classes or set(key) != set(wanted) or not same:
        raise LeakError(
            o.teacher, "was not taught on this training side", "Train the teacher on this split"
        )
    assert o.teacher_weight is not None
    p = said.probabilities[[key[k] for k in wanted]].clip(_SURE, 1 - _SURE)
    # A label that is not known stays so: NaN in the sum.
    target[rows] = (1 - o.teacher_weight) * target[rows] + o.teacher_weight * p
    hidden = np.isin(rows, split.unlabelled)
    target[rows[hidden]] = p[hidden]
    return target


def learnt(recipe: Recipe, split: RecordSplit) -> Indices:
    """Return the rows that a network learns from, in order.

    The training side; with a teacher, which can speak of them, records without a label, too.
    """
    if not recipe.objective.teacher:
        return split.training
    return np.sort(np.concatenate([split.training, split.unlabelled]))


class Records(Dataset[tuple[torch.Tensor, ...]]):
    """Windows with side numbers, targets and domains in memory, handed out a batch at a time.

    Parameters
    ----------
    data : all records.
    target : (record, class) what is learnt.
    device : where everything lies; the batches come from there.
    """

    def __init__(
        self, data: Data, target: npt.NDArray[np.float32], device: torch.device | None = None
    ) -> None:
        _, domain = np.unique(data.split.examples.domain, return_inverse=True)
        columns = (
            data.window, data.side, target[data.owner],
            domain.reshape(-1)[data.owner].astype(np.int64),
        )  # fmt: skip
        self._columns = tuple(torch.from_numpy(c).to(device or "cpu") for c in columns)

    def __getitem__(self, windows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        at = windows.to(self._columns[0].device)
        return tuple(column[at] for column in self._columns)


class WindowDraws(Sampler[torch.Tensor]):
    """Gives the windows of each batch of an epoch: one of each record that is drawn.

    Parameters
    ----------
    data : whose training side is drawn from.
    recipe : says how; `objective.balance` is over domains.
    seed : with the epoch, all there is of chance.
    rank, world : this process and how many share the epoch.
    """

    def __init__(self, data: Data, recipe: Recipe, seed: int, rank: int, world: int) -> None:
        o, rows = recipe.optimiser, learnt(recipe, data.split)
        _, domain = np.unique(data.split.examples.domain[rows], return_inverse=True)
        self._draws = Draws(
            domain.reshape(-1).astype(np.int64), balance=recipe.objective.balance, beats=o.beats,
            batch=min(o.batch, len(rows)), seed=seed, rank=rank, world=world,
        )  # fmt: skip
        windows = data.of(rows)
        _, first, count = np.unique(data.owner[windows], return_index=True, return_counts=True)
        self._windows, self._first, self._count = windows, first, count
        self._seed = seed

    def set_epoch(self, epoch: int) -> None:
        """Take the epoch; Lightning calls this."""
        self._draws.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._draws)

    def __iter__(self) -> Iterator[torch.Tensor]:
        chance = np.random.default_rng((self._seed, self._draws.epoch, 1))
        for batch in self._draws:
            rows = batch.numpy()
            within = (chance.random(len(rows)) * self._count[rows]).astype(np.int64)
            yield torch.from_numpy(self._windows[self._first[rows] + within])


def by_record(
    owner: Indices, logits: npt.NDArray[np.float32]
) -> Mapping[int, npt.NDArray[np.float32]]:
    """Return by record (class,) the mean of the logits (window, class) of its windows."""
    rows, place, count = np.unique(owner, return_inverse=True, return_counts=True)
    total = np.zeros((len(rows), logits.shape[1]))
    np.add.at(total, place.reshape(-1), logits)
    mean = (total / count[:, None]).astype(np.float32)
    return dict(zip(rows.tolist(), mean, strict=True))
