"""What learns from rows of beats: trees, networks over the sequence of beats, or both mixed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.calibration import softmax
from einthoven.models import boosting
from einthoven.record.errors import UsageError
from einthoven.training import _waveform
from einthoven.training._premature import Rows
from einthoven.training._waveform import Waveform

Floats = npt.NDArray[np.float64]
Logits = npt.NDArray[np.float32]

# The network: beats of one sequence learnt from at a time, sequences a step, and the largest step.
_BEATS, _BATCH, _RATE = 128, 16, 2e-3
_SMOOTHING, _DECAY = 0.02, 0.05
_APART = 100  # between the seeds of two draws


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """How many rows are learnt from and what they weigh; the keys of ``[model]`` beside the trees.

    Attributes
    ----------
    keep : share of the real beats of each class, the rest 1; for trees alone, for speed.
    keep_made : share of the made beats of each class, for kinds that make it; the rest 0. The
        network learns from all beats of a class whose share is not 0.
    made : weight of the made rows of a class, the real ones together being 1.
    folds : records that are left out together; not within patients.
    uncertain : share of the validation beats that the threshold calls uncertain; between patients
        these are answered out of fold.
    share : of the networks over the sequence of beats in the answer, a mean of log probabilities:
        0 is trees alone, 1 the networks alone.
    epochs : passes of each network.
    draws : networks, each from a chance of its own; the mean of their log probabilities counts.
    waveform : a network over the beat's own wave; None for none.
    """

    keep: Mapping[str, float] = field(default_factory=dict)
    keep_made: Mapping[str, float] = field(default_factory=dict)
    made: float = 0.6
    folds: tuple[tuple[str, ...], ...] = ()
    uncertain: float = 0.02
    share: float = 0.0
    epochs: int = 6
    draws: int = 1
    waveform: Waveform | None = None

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise UsageError("model.draws", f"is {self.draws}", "Give 1 or more")


def draw(
    table: Rows, classes: Sequence[str], weighing: Weighing, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return (beat,) which rows are learnt from, and their weights.

    A class weighs the square root of its beats, and inside it a record likewise: so neither the
    normal class nor the record with most ectopic beats outweighs the others.
    """
    real, y = table.kind == "real", table.label
    known = y >= 0
    share = np.array([weighing.keep.get(c, 1.0) for c in classes])
    share_made = np.array([weighing.keep_made.get(c, 0.0) for c in classes])
    # A made recording teaches what it was made for: its F, or its S and the N between them.
    useful = table.made | ((y == list(classes).index("N")) & (table.kind != "fusion"))
    useful &= np.where(table.kind == "fusion", y == _index(classes, "F"), y != _index(classes, "F"))
    useful &= y != _index(classes, "V")
    chance = np.where(real, share[y], np.where(useful, share_made[y], 0.0)) * known
    pick = rng.random(len(y)) < chance
    weight = np.zeros(len(y))
    for label, kind in itertools.product(range(len(classes)), (True, False)):
        group = np.flatnonzero(pick & (y == label) & (real == kind))
        if len(group) == 0:
            continue
        names = np.char.add(table.record[group], table.kind[group])
        _, inverse, counts = np.unique(names, return_inverse=True, return_counts=True)
        part = counts[inverse] ** -0.5
        total = np.sqrt(np.sum(real & (y == label))) * (1.0 if kind else weighing.made)
        weight[group] = part * total / part.sum()
    return pick, weight * pick.sum() / max(weight.sum(), 1e-12)


def _index(classes: Sequence[str], name: str) -> int:
    return list(classes).index(name) if name in classes else -2


def sequences(table: Rows) -> Iterator[slice]:
    """Give the rows of each recording, real or made."""
    new = table.record[1:] != table.record[:-1]
    new |= table.kind[1:] != table.kind[:-1]
    new |= table.sample[1:] <= table.sample[:-1]
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(table)]
    return (slice(a, b) for a, b in itertools.pairwise(edges) if b > a)


def _around(rows: slice, reach: int) -> npt.NDArray[np.int64]:
    """Return the rows of a sequence; its first and last are repeated `reach` times."""
    return np.clip(np.arange(rows.start - reach, rows.stop + reach), rows.start, rows.stop - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """What was learnt.

    Attributes
    ----------
    trees : of scikit-learn, or None where the networks answer alone.
    nets : of `models.beat_sequence.BeatSequence`, folded; none where the trees answer alone.
    share : of the networks in the answer.
    classes : names.
    wave : the networks over the beat's own wave, or None.
    """

    trees: Any
    nets: tuple[Any, ...]
    share: float
    classes: tuple[str, ...]
    wave: Any = None

    def logits(self, table: Rows) -> Logits:
        """Return (beat, class) what is said of each row, each with its neighbours.

        Parameters
        ----------
        table : real beats alone where there is a network over their waves.
        """
        said = self._without_wave(table)
        if self.wave is None:
            return said
        from einthoven.models.beat_sequence import moderated

        assert table.window is not None
        side = table.side[:, : self.wave.side]
        waved = [_log(_waveform.answers(net, table.window, side)) for net in self.wave.nets]
        mixed = moderated(_log(said), np.mean(waved, axis=0), self.wave.share, self.classes)
        return mixed.astype(np.float32)

    def _without_wave(self, table: Rows) -> Logits:
        trees = (
            boosting.logits(self.trees, table.side, len(self.classes))
            if self.trees is not None
            else None
        )
        if not self.nets:
            assert trees is not None
            return trees
        said = np.mean([_log(_answers(net, table)) for net in self.nets], axis=0)
        if trees is not None:
            said = (1 - self.share) * _log(trees) + self.share * said
        found: Logits = said.astype(np.float32)
        return found

    def to_onnx(self, numbers: int) -> bytes:
        """Return the model as one ONNX graph."""
        trees = (
            boosting.to_onnx(self.trees, numbers, self.classes) if self.trees is not None else None
        )
        if not self.nets:
            assert trees is not None
            return trees
        from einthoven.models import beat_sequence

        return beat_sequence.to_onnx(
            self.nets, self.classes, trees=trees, share=self.share, wave=self.wave
        )

    @property
    def parameters(self) -> int:
        """Nodes of the trees and numbers of the networks."""
        count: int = 0
        if self.trees is not None:
            count += sum(len(p.nodes) for trees in self.trees._predictors for p in trees)
        waved = self.wave.nets if self.wave is not None else ()
        count += sum(p.numel() for net in (*self.nets, *waved) for p in net.parameters())
        return count


def _log(logits: Logits) -> Floats:
    return np.asarray(np.log(softmax(logits.astype(np.float64)) + 1e-12))


def learn(
    table: Rows, classes: Sequence[str], weighing: Weighing, trees: Mapping[str, Any], seed: int
) -> Model:
    """Return what is learnt from rows.

    Parameters
    ----------
    trees : arguments of `models.boosting.build`.
    """
    grown = wave = None
    nets: tuple[Any, ...] = ()
    if weighing.share < 1:
        pick, weight = draw(table, classes, weighing, np.random.default_rng(seed))
        model = boosting.build(seed, trees)
        grown = model.fit(table.side[pick], table.label[pick], sample_weight=weight[pick])
    if weighing.share > 0:
        nets = tuple(_train(table, classes, weighing, s) for s in _seeds(seed, weighing.draws))
    if weighing.waveform is not None:
        wave = _trained_waves(table, classes, weighing.waveform, seed)
    return Model(trees=grown, nets=nets, share=weighing.share, classes=tuple(classes), wave=wave)


def _seeds(seed: int, draws: int) -> list[int]:
    """Return one a draw; the first is the run's own."""
    return [seed + _APART * n for n in range(draws)]


def _trained_waves(table: Rows, classes: Sequence[str], waveform: Waveform, seed: int) -> Any:
    """Return the networks over the waves of the real beats."""
    from einthoven.models.beat_sequence import Wave

    real = table.where(table.kind == "real")
    assert real.window is not None
    nets = tuple(
        _waveform.train(real.window, real.side, real.label, len(classes), waveform, s)
        for s in _seeds(seed, waveform.draws)
    )
    return Wave(nets=nets, share=waveform.share, time=real.window.shape[2], side=real.side.shape[1])


def _train(table: Rows, classes: Sequence[str], weighing: Weighing, seed: int) -> Any:
    """Return a network over the sequence of beats, one thread, the same bits for a seed.

    Ready for use: see `halved` for its weights.
    """
    import torch
    from torch.nn import functional
    from torch.nn.utils import clip_grad_norm_

    from einthoven.models.beat_sequence import REACH, BeatSequence

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    every = Weighing(
        keep_made={c: 1.0 for c, share in weighing.keep_made.items() if share}, made=weighing.made
    )
    _, weight = draw(table, classes, every, rng)
    weight = weight / weight[weight > 0].mean()
    side = torch.from_numpy(table.side)
    label = torch.from_numpy(np.maximum(table.label, 0))
    worth = torch.from_numpy(weight.astype(np.float32))
    net = BeatSequence(table.side.shape[1], len(classes))
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=_DECAY)
    whole = [(rows, _around(rows, REACH)) for rows in sequences(table)]
    whole = [(rows, at) for rows, at in whole if rows.stop - rows.start >= _BEATS]
    steps = sum((r.stop - r.start) // _BEATS for r, _ in whole) // _BATCH
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _RATE, total_steps=max(1, weighing.epochs * max(1, steps)) + 1
    )
    net.train()
    for _ in range(weighing.epochs):
        places = []
        for rows, at in whole:
            count = (rows.stop - rows.start) // _BEATS
            spare = rows.stop - rows.start - count * _BEATS
            first = int(rng.integers(0, spare + 1)) + _BEATS * np.arange(count)
            places.append(at[first[:, None] + np.arange(_BEATS + 2 * REACH)])
        drawn = torch.from_numpy(rng.permutation(np.concatenate(places)))
        for batch in torch.split(drawn, _BATCH)[: max(1, steps)]:
            middle = batch[:, REACH:-REACH]
            said = net(side[batch].transpose(1, 2))
            loss = functional.cross_entropy(
                said, label[middle], reduction="none", label_smoothing=_SMOOTHING
            )
            optimiser.zero_grad()
            (loss * worth[middle]).mean().backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            plan.step()
    return _waveform.halved(net.eval().folded())


def _answers(net: Any, table: Rows) -> Logits:
    import torch

    from einthoven.models.beat_sequence import REACH

    found = np.zeros((len(table), net.head.out_channels), np.float32)
    with torch.no_grad():
        for rows in sequences(table):
            side = torch.from_numpy(table.side[_around(rows, REACH)])
            found[rows] = net(side.T[None])[0].T.numpy()
    return found
