"""Which models are explained, and on which answers: right ones, some of each class.

No test side is touched: mitdb's records are of DS1, of the side that chose the epoch of a network
of ours; PTB-XL's are of fold 8. The shipped models `aami-review`, `aami-live` and `rhythm` have
learnt from the records on which they are explained, as there are no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from einthoven.corpora import Corpus, open_corpus
from einthoven.explain._case_beat import BeatCases
from einthoven.explain._cases import cases
from einthoven.explain._model import Model
from einthoven.explain._open import open_model
from einthoven.record.diagnosis import label_row
from einthoven.record.errors import DataError
from einthoven.record.vocabulary import MAPS, is_beat
from einthoven.suites._explain_judge import Item

# Of DS1, the records on which an epoch of our networks is chosen.
HELD = ("114", "124", "207", "223")
FOLD = 8
NEAR = 0.1  # seconds from a beat to the publisher's
_TRIES = 4  # records opened for each that is wanted


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to be explained, and how.

    Attributes
    ----------
    name : its folder below the runs, or its name among the shipped ones.
    corpus : whose records; also how items of it are found.
    each : items a class.
    sane : items that the shuffled weights are tested on.
    draws : of shuffled weights.
    steps : in which the top is followed down.
    learnt : whether the model has learnt from the records.
    labels : whether a network is taught permuted labels, too.
    without : methods that are left out, as they take too long with it.
    """

    name: str
    corpus: str
    each: int = 15
    sane: int = 10
    draws: int = 6
    steps: int = 0
    learnt: bool = False
    labels: bool = False
    without: tuple[str, ...] = ()

    def open(self, runs: Path) -> Model | None:
        """Return the model; None where its run is not here, or not finished."""
        if "/" not in self.name:
            return open_model(self.name)
        folder = runs / self.name
        if not (folder / "weights.safetensors").is_file():
            return None
        from einthoven.explain._torch_model import of_run

        return of_run(folder)


# Each asks a network of ten seconds of twelve leads some hundred times, as Shapley's values do.
_LONG = ("gradient-shap", "lime", "permutation", "smoothgrad")
SUBJECTS = (
    Subject(name="arrhythminet-v2", corpus="mitdb", steps=4),
    Subject(name="arrhythminet-v2-aami-inter/seed-0", corpus="mitdb", steps=4, labels=True),
    Subject(
        name="cnn-lstm-attention-aami-inter/seed-0", corpus="mitdb", without=("counterfactual",)
    ),
    Subject(name="aami-review", corpus="mitdb", learnt=True),
    Subject(name="aami-live", corpus="mitdb", learnt=True),
    Subject(name="twelve", corpus="ptbxl", each=8, sane=6),
    Subject(
        name="twelve/resnet1d-wang/fold-9/seed-0",
        corpus="ptbxl",
        each=4,
        sane=4,
        draws=2,
        without=_LONG,
    ),
    *(
        Subject(
            name=f"twelve/{net}/fold-9/seed-0", corpus="ptbxl", each=3, sane=3, draws=2,
            without=_LONG,
        )
        for net in ("ecg-imn", "heartbeatai")
    ),
    Subject(name="rhythm", corpus="cinc2017", each=8, sane=4, learnt=True),
)  # fmt: skip


def items(model: Model, subject: Subject) -> list[Item]:
    """Return right answers of a model, some of each of its classes.

    Raises
    ------
    DataError : the corpus is not here.
    """
    corpus = open_corpus(subject.corpus)
    if not corpus.present:
        mend = f"Load it with: einthoven data get {corpus.name}"
        raise DataError(corpus.name, "is not here", mend)
    found = (_beats if model.task == "beat" else _wholes)(model, corpus, subject.each)
    return sorted(found, key=lambda item: model.classes.index(item.label))


def _beats(model: Model, corpus: Corpus, each: int) -> list[Item]:
    """Return beats, as many from each record as there are, in turn."""
    names = MAPS["nlrav" if "A" in model.classes else "aami"]
    queues: dict[str, list[list[Item]]] = {c: [] for c in model.classes}
    for record in HELD:
        every = cases(model, corpus.open(record), profile="review")
        assert isinstance(every, BeatCases)
        said = every.probabilities.argmax(axis=1)
        labels = symbols(corpus, record, every.samples)
        chance = np.random.default_rng(int(record))
        for k, label in enumerate(model.classes):
            right = [n for n in np.flatnonzero(said == k).tolist()
                     if names.get(labels[n], "") == label]  # fmt: skip
            some = chance.permutation(right)[:each].tolist()
            queues[label].append(
                [Item(case=every[n], target=k, label=label, group=record) for n in some]
            )
    return [item for label in model.classes for item in _in_turn(queues[label])[:each]]


def _in_turn(queues: Sequence[list[Item]]) -> list[Item]:
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[n] for n in range(longest) for queue in queues if n < len(queue)]


def symbols(corpus: Corpus, record: str, samples: np.ndarray) -> list[str]:
    """Return the publisher's symbol of each beat; "" of one that has none near."""
    source = corpus.open(record)
    marks = source.annotations()
    assert marks is not None
    keep = is_beat(marks.symbols)
    at, symbols = marks.samples[keep], marks.symbols[keep]
    near = np.abs(samples[:, None] - at[None]).argmin(axis=1)
    far = np.abs(samples - at[near]) > NEAR * source.rate
    return ["" if f else str(symbols[n]) for n, f in zip(near.tolist(), far, strict=True)]


def _wholes(model: Model, corpus: Corpus, each: int) -> list[Item]:
    """Return stretches, or spans, one a record."""
    fold = getattr(corpus, "fold", None)
    kind = "ptbxl-superdiagnostic" if model.task == "diagnosis" else "cinc2017"
    known = [r for r in corpus.present if fold is None or fold(r) == FOLD]
    known.sort(key=lambda r: hashlib.sha1(r.encode(), usedforsecurity=False).hexdigest())
    rows = np.array([label_row(corpus.statements(r), kind, corpus=corpus.name) for r in known])
    found = []
    for k, label in enumerate(model.classes):
        mine = [r for r, row in zip(known, rows, strict=True) if row[k] == 1]
        some: list[Item] = []
        for record in mine[: _TRIES * each]:
            if len(some) == each:
                break
            try:
                every = cases(model, corpus.open(record), profile="review")
            except DataError:  # too short, or refused
                continue
            p = every.probabilities[0]
            right = p[k] >= 0.5 if model.task == "diagnosis" else int(p.argmax()) == k
            if right:
                some.append(Item(case=every[0], target=k, label=label, group=record))
        found += some
    return found
