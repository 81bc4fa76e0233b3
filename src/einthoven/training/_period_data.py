"""Records as periods, who may learn from which, and the strips that are drawn from them."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch.utils.data import Dataset
from tqdm import tqdm

from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.inputs.periods import SIZE, Periods, laid, periods
from einthoven.inputs.rhythm_span import prepare as prepared
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.errors import DataError
from einthoven.record.files import beside
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import one_lead
from einthoven.signal.peaks import find_peaks
from einthoven.signal.rhythm import describe
from einthoven.signal.rhythm import names as number_names
from einthoven.training._recipe import Recipe
from einthoven.training.rhythm import folds

SHORTEST, LONGEST = 10.0, 30.0  # seconds of a strip that is learnt from
HOP = 10.0  # seconds between the strips of a longer record, in use
FEWEST = 8  # beats of a stretch that pretext tasks are made of
_STRETCH = 60.0  # seconds of a long record that count as one draw
_ENOUGH = 4  # beats of a strip; with fewer the whole stretch is taken
# They look like one looping source: whoever is tested on one must not learn from another.
ONE_SOURCE = ("A00227", "A00595", "A01014", "A01925", "A02213", "A02288")
# Of mitdb the half that everything is learnt from: DS2 is kept for other questions.
_CHOSEN = {"mitdb": DS1}

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Stretch = tuple[int, float, float]  # row of the examples, begin and length in seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """All records, those with labels first.

    Attributes
    ----------
    corpus, record : (record,) where it is from.
    label : (record,) class, -1 where the corpus has no label.
    fold : (record,) -1 where the corpus has no label.
    seconds : (record,) length.
    periods : of each.
    side : (record, number) `signal.rhythm.describe`, what trees learn from; 0 without label.
    """

    corpus: npt.NDArray[np.str_]
    record: npt.NDArray[np.str_]
    label: Ints
    fold: Ints
    seconds: npt.NDArray[np.float64]
    periods: Sequence[Periods]
    side: Floats


def load(recipe: Recipe, unlabelled: Sequence[str], count: int, cache: Path) -> Examples:
    """Return the records of the recipe's corpus in `count` folds, and those of further corpora.

    Parameters
    ----------
    cache : file that they are kept in.

    Raises
    ------
    DataError : of one of the corpora nothing is here.
    """
    first = open_corpus(recipe.corpus.name)
    rows = [(first, name) for name in _present(first)]
    label = [int(np.argmax(label_row(c.statements(n), recipe.corpus.labels))) for c, n in rows]
    fold = folds(np.array([n for _, n in rows]), np.array(label, np.int64), count)
    fold = kept_together(np.array([n for _, n in rows]), fold)
    for name in unlabelled:
        other = open_corpus(name)
        rows += [(other, n) for n in _present(other)]
    key = repr((recipe.input.fingerprint, number_names(), [(c.name, n) for c, n in rows]))
    digest = hashlib.sha256(key.encode()).hexdigest()
    tables = _read(cache, digest)
    if tables is None:
        tables = _made(rows, recipe.input, len(label))
        with beside(cache) as temporary:
            save_file(tables, temporary, metadata={"of": digest})
    edge = np.cumsum(tables["count"])[:-1]
    parts = zip(*(np.split(tables[k], edge) for k in ("period", "second", "rr")), strict=True)
    more = np.full(len(rows) - len(label), -1)
    return Examples(
        corpus=np.array([c.name for c, _ in rows]), record=np.array([n for _, n in rows]),
        label=np.concatenate([np.array(label, np.int64), more]),
        fold=np.concatenate([fold, more]), seconds=tables["seconds"],
        periods=[Periods(period=p, second=s, rr=r) for p, s, r in parts], side=tables["side"],
    )  # fmt: skip


def _present(corpus: Corpus) -> list[str]:
    found = [n for n in corpus.present if n in _CHOSEN.get(corpus.name, (n,))]
    if not found:
        raise DataError(corpus.name, "is not here", corpus.mend)
    return found


def kept_together(record: npt.NDArray[np.str_], fold: Ints) -> Ints:
    """Return (record,) folds with the records of `ONE_SOURCE` all in that of the first of them."""
    moved, alike = fold.copy(), np.isin(record, ONE_SOURCE)
    if alike.any():
        moved[alike] = fold[alike][0]
    return moved


def _read(cache: Path, digest: str) -> dict[str, npt.NDArray[Any]] | None:
    if not cache.is_file():
        return None
    with safe_open(cache, framework="np") as file:
        if (file.metadata() or {}).get("of") != digest:
            return None
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _made(
    rows: Sequence[tuple[Corpus, str]], spec: InputSpec, labelled: int
) -> dict[str, npt.NDArray[Any]]:
    every, side, seconds = [], [], []
    bar = tqdm(rows, "records", disable=not sys.stderr.isatty(), leave=False)
    for number, (corpus, name) in enumerate(bar):
        record = corpus.open(name).record()
        row = one_lead(record.leads)
        signal = record.signal[row : row + 1]
        peaks = find_peaks(signal, record.rate, record.leads[row : row + 1]).samples
        every.append(periods(signal[0], record.rate, peaks, spec))
        seconds.append(signal.shape[1] / record.rate)
        if number < labelled:
            side.append(describe(*prepared(signal[0], record.rate), peaks / record.rate))
        else:
            side.append(np.zeros_like(side[0]))
    return {
        "period": np.concatenate([p.period for p in every]).reshape(-1, SIZE),
        "second": np.concatenate([p.second for p in every]),
        "rr": np.concatenate([p.rr for p in every]),
        "count": np.array([len(p) for p in every]), "seconds": np.array(seconds),
        "side": np.stack(side),
    }  # fmt: skip


# --- who learns from what ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """Rows of the examples.

    Attributes
    ----------
    pretext : learnt from without labels: every record but those of the held fold.
    training, test : with labels of the classes asked for, outside and inside the held fold.
    """

    pretext: Ints
    training: Ints
    test: Ints


def sides(data: Examples, held: int, classes: Sequence[int]) -> Sides:
    """Return who learns and who tests, fold `held` being held out."""
    asked = np.isin(data.label, list(classes))
    return Sides(
        pretext=np.flatnonzero(data.fold != held),
        training=np.flatnonzero(asked & (data.fold != held)),
        test=np.flatnonzero(asked & (data.fold == held)),
    )


def class_indices(recipe: Recipe) -> list[int]:
    """Return the classes of the recipe as indices of its set of labels."""
    names = list(LABELS[recipe.corpus.labels])
    return [names.index(name) for name in recipe.corpus.classes]


def share(rows: Ints, label: Ints, percent: float, seed: int) -> Ints:
    """Return a share of the rows, of each class alike and at least one; shares of a seed nest."""
    rng, kept = np.random.default_rng([seed, 97]), []
    for one in np.unique(label[rows]):
        mine = rng.permutation(rows[label[rows] == one])
        kept.append(mine[: math.ceil(len(mine) * percent / 100)])
    return np.sort(np.concatenate(kept))


# --- strips ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to strips that are learnt from.

    Attributes
    ----------
    flip : share turned upside down.
    gain : SD of the logarithm of the size.
    noise : SD of white noise; the record's own 97th percentile is 1.
    """

    flip: float = 0.5
    gain: float = 0.25
    noise: float = 0.05


def stretches(data: Examples, rows: Ints) -> list[Stretch]:
    """Return what pretext strips are drawn from: records, long ones a minute at a time."""
    found = []
    for row in rows.tolist():
        whole, long = data.periods[row], data.seconds[row] > 2 * _STRETCH
        step = _STRETCH if long else max(float(data.seconds[row]), 1.0)
        for start in np.arange(0, data.seconds[row], step).tolist():
            at = whole.within(start, step)
            if at.stop - at.start >= FEWEST:
                found.append((row, start, step))
    return found


def drawn(
    data: Examples, stretch: Stretch, change: Change, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return periods and intervals of 10 to 30 s somewhere in a stretch, changed."""
    row, begin, span = stretch
    of, length = data.periods[row], float(rng.uniform(SHORTEST, LONGEST))
    at = of.within(begin + rng.uniform(0, max(0.0, span - length)), min(length, span))
    if at.stop - at.start < _ENOUGH:
        at = of.within(begin, span)
    size = np.exp(change.gain * rng.standard_normal()) * (-1 if rng.random() < change.flip else 1)
    noise = rng.standard_normal(of.period[at].shape, np.float32)
    return np.float32(size) * of.period[at] + np.float32(change.noise) * noise, of.rr[at]


def strips_in_use(of: Periods, seconds: float) -> list[tuple[Floats, Floats]]:
    """Return the strips of at most 30 s that a record is answered by, 10 s apart."""
    last = max(0.0, seconds - LONGEST)
    starts = [*np.arange(0, last, HOP).tolist(), last]
    cut = [of.within(s, LONGEST + (s == last)) for s in starts]  # the last second is not lost
    return [(of.period[at], of.rr[at]) for at in cut]


class Strips(Dataset[tuple[torch.Tensor, ...]]):
    """Strips drawn anew each time, with their labels.

    The chance of a batch is that of its rows, so that a resumed run has the same.
    """

    def __init__(
        self, data: Examples, stretch: Sequence[Stretch], label: Ints, change: Change, seed: int
    ) -> None:
        self._data, self._stretch, self._change = data, stretch, change
        self._label, self._seed = torch.from_numpy(label), seed

    def __len__(self) -> int:
        return len(self._stretch)

    def _strips(self, rows: torch.Tensor) -> tuple[np.random.Generator, Floats, Floats]:
        rng = np.random.default_rng([self._seed, *rows.tolist()])
        strips = [drawn(self._data, self._stretch[k], self._change, rng) for k in rows.tolist()]
        return rng, *laid(strips)

    def __getitem__(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        _, window, side = self._strips(rows)
        return torch.from_numpy(window), torch.from_numpy(side), self._label[rows]


class PretextStrips(Strips):
    """Strips with what is asked of them; the label is the record, which tells negatives apart.

    Behind window, side and record: ``pair`` (strip, 2) two beats, ``masked`` (strip,) the beat
    whose P wave is taken out, ``order`` (strip, place) in which its beats stand, ``moved``
    (strip,) 1 where that is not their own. The first beat stays, for it alone has no interval.
    """

    def __getitem__(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rng, window, side = self._strips(rows)
        count = side.reshape(len(side), -1, 3)[:, :, 0].sum(axis=1).astype(np.int64)
        pair = np.stack([rng.choice(n, 2, replace=False) for n in count.tolist()])
        order = np.tile(np.arange(window.shape[1]), (len(window), 1))
        moved = (rng.random(len(window)) < 0.5).astype(np.float32)
        for row in np.flatnonzero(moved).tolist():
            order[row, 1 : count[row]] = 1 + rng.permutation(int(count[row]) - 1)
        columns = (window, side, pair, rng.integers(0, count), order, moved)
        first, second, *rest = (torch.from_numpy(column) for column in columns)
        return first, second, self._label[rows], *rest
