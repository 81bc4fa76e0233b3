"""Period-aware pretraining: taught without labels, then fibrillation from a share of the labels.

One fold of the labelled corpus is the test side, chosen beforehand: neither stage learns from it.
The unlabelled stage sees all other records and those of further corpora. From each share of the
labels the network then learns twice for as many steps, once on from there and once from scratch;
trees on the numbers of `signal.rhythm` learn from the same records. The last step is kept.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.data import DataLoader

from einthoven.evaluation.answers import Answers
from einthoven.inputs.periods import check, laid
from einthoven.models import boosting
from einthoven.models.period_aware import BINS, PeriodAware, Pretext
from einthoven.protocols import audit, reader
from einthoven.record.errors import UsageError
from einthoven.training import _run, _weights
from einthoven.training._batches import Draws
from einthoven.training._lightning import optimisers, taught
from einthoven.training._objective import Loss, make_loss
from einthoven.training._period_data import (
    Change,
    Examples,
    PretextStrips,
    Strips,
    class_indices,
    load,
    share,
    sides,
    stretches,
    strips_in_use,
)
from einthoven.training._period_loss import tasks
from einthoven.training._recipe import Optimiser, Recipe, check_keys

PRETRAINED, SCRATCH, TREES = "pretrained", "scratch", "trees"
SYSTEMS = (PRETRAINED, SCRATCH, TREES)
POSITIVE = "A"
_CLASSES = ("other", "AF")
_AT_ONCE = 64  # strips answered together
_TREES = {"rounds": 100, "leaves": 8, "learning_rate": 0.1, "l2": 3.0, "features": 0.3}
_LEAST = 15  # records in a leaf, and a twentieth of all where that is less

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of ``[model]``.

    Attributes
    ----------
    folds, held : into how many parts the records with labels are divided; the one that tests.
    unlabelled : further corpora that the first stage learns from.
    percents : shares of the labels, of each class alike.
    pretext : keys of ``[optimiser]`` that are others in the first stage.
    """

    folds: int = 4
    held: int = 0
    unlabelled: tuple[str, ...] = ()
    percents: tuple[float, ...] = (100,)
    pretext: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Recipe) -> Keys:
        """Return the keys of a recipe; unknown ones are refused.

        Raises
        ------
        UsageError : a key or a value is not for this trainer.
        """
        check_keys("model", recipe.model.arguments, inspect.signature(cls).parameters)
        check_keys("augment", recipe.augment, inspect.signature(Change).parameters)
        check(recipe.input)
        found = cls(**recipe.model.arguments)
        check_keys("model.pretext", found.pretext, [f.name for f in fields(Optimiser)])
        if found.folds < 2 or not 0 <= found.held < found.folds:
            mend = "Give 2 folds or more, and one of them to hold"
            raise UsageError("model", f"has {found.folds} folds and holds {found.held}", mend)
        if not found.percents or not all(0 < p <= 100 for p in found.percents):
            mend = "Give shares above 0 and up to 100"
            raise UsageError("model.percents", f"are {list(found.percents)}", mend)
        if POSITIVE not in recipe.corpus.classes or len(recipe.corpus.classes) < 2:
            fault = f"are {', '.join(recipe.corpus.classes)}"
            raise UsageError("corpus.classes", fault, f"Give {POSITIVE} and one other or more")
        if recipe.optimiser.keep != "last":
            raise UsageError("optimiser.keep", "is best, and nothing is chosen here", "Give last")
        return found


class _Lesson(L.LightningModule):
    """A network and its optimiser; what is asked of it is for others to say."""

    def __init__(self, net: nn.Module, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self.net, self._recipe, self._seed = net, recipe, seed

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Begin each epoch's chance anew, so that a resumed run has the same."""
        del batch
        if batch_idx == 0:
            torch.manual_seed(1_000_003 * self._seed + 1009 * self.current_epoch)

    def _told(self, name: str, value: torch.Tensor, count: int) -> None:
        self.log(name, value, on_step=False, on_epoch=True, batch_size=count)

    def configure_optimizers(self) -> Any:
        """Return Adam or AdamW and a learning rate for each step."""
        return optimisers(self.net, self._recipe, self.trainer)


class PretextLesson(_Lesson):
    """The sum of the tasks, each with weight one."""

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        assert isinstance(self.net, Pretext)
        each = tasks(self.net, batch)
        for name, value in each.items():
            self._told(name, value, len(batch[0]))
        return torch.stack(list(each.values())).sum()


class LabelLesson(_Lesson):
    """Fibrillation against the rest."""

    def __init__(self, net: nn.Module, recipe: Recipe, seed: int, loss: Loss) -> None:
        super().__init__(net, recipe, seed)
        self._loss = loss

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        window, side, label = batch
        loss = self._loss(self.net(window, side), label)
        self._told("loss", loss, len(label))
        return loss


def _taught(lesson: _Lesson, strips: Strips, label: Ints, recipe: Recipe, folder: Path) -> None:
    """Teach a lesson's network, or read it where it was taught; go on where a run was stopped."""
    file = folder / _run.WEIGHTS
    if not file.is_file():
        o, balance = recipe.optimiser, recipe.objective.balance
        draws = Draws(label, balance=balance, beats=o.beats, batch=o.batch, seed=recipe.seeds[0])
        loader = DataLoader(strips, batch_size=None, sampler=draws)
        weights, _ = taught(recipe, folder, lesson, loader, resume=True, watch=False)
        _weights.save(weights, file)
    _weights.filled(lesson.net, file)


def pretrained(recipe: Recipe, data: Examples, rows: Ints, folder: Path) -> Pretext:
    """Return the network taught without labels on some of the records.

    Parameters
    ----------
    rows : of the records; nothing else of `data` is looked at, and none of its labels.
    folder : its run; it is read where it is done.

    Raises
    ------
    UsageError : too few records have beats enough.
    """
    keys, seed = Keys.of(recipe), recipe.seeds[0]
    first = replace(recipe, optimiser=replace(recipe.optimiser, **keys.pretext))
    stretch = stretches(data, rows)
    if len(stretch) < first.optimiser.batch:
        fault = f"{len(stretch)} stretches with beats are fewer than a batch"
        raise UsageError("model.pretext", fault, "Give more records, or a smaller batch")
    torch.manual_seed(seed)
    net = Pretext(PeriodAware(len(_CLASSES)))
    ratio = np.concatenate([data.periods[r].rr / _median(data.periods[r].rr) for r in rows])
    edges = np.quantile(ratio[ratio > 0], np.arange(1, BINS) / BINS)
    net.edges.copy_(torch.from_numpy(edges))  # type: ignore[operator]
    owner = np.array([row for row, _, _ in stretch], np.int64)
    strips = PretextStrips(data, stretch, owner, Change(**recipe.augment), seed)
    alike = np.zeros(len(stretch), np.int64)  # no label: every stretch is drawn as often
    plain = replace(first, objective=replace(first.objective, balance=0.0))
    _taught(PretextLesson(net, plain, seed), strips, alike, plain, folder)
    return net


def _median(rr: Floats) -> float:
    told = rr[rr > 0]
    return float(np.median(told)) if len(told) else 1.0


def tuned(
    recipe: Recipe, data: Examples, rows: Ints, target: Ints, start: Pretext | None, folder: Path
) -> PeriodAware:
    """Return the network taught fibrillation on some of the records.

    Parameters
    ----------
    target : (row,) 1 fibrillation, 0 other.
    start : where it goes on from; None for from scratch.
    """
    seed = recipe.seeds[0]
    torch.manual_seed(seed)
    net = PeriodAware(len(_CLASSES))
    if start is not None:
        # The last layer has been taught nothing: both begin with the same one.
        taught = {k: v for k, v in start.net.state_dict().items() if not k.startswith("head")}
        net.load_state_dict(taught, strict=False)
    whole = [(r, 0.0, float(data.seconds[r])) for r in rows.tolist()]
    strips = Strips(data, whole, target, Change(**recipe.augment), seed)
    loss = make_loss(recipe.objective, np.bincount(target, minlength=2), _CLASSES)
    _taught(LabelLesson(net, recipe, seed, loss), strips, target, recipe, folder)
    return net


def said(net: PeriodAware, data: Examples, rows: Ints) -> Floats:
    """Return (row,) how far the logit of fibrillation lies above the other, mean over strips."""
    every, owner = [], []
    for number, row in enumerate(rows.tolist()):
        strips = strips_in_use(data.periods[row], float(data.seconds[row]))
        every += strips
        owner += [number] * len(strips)
    found = np.zeros(len(every))
    with torch.no_grad():
        for at in range(0, len(every), _AT_ONCE):
            window, side = (torch.from_numpy(a) for a in laid(every[at : at + _AT_ONCE]))
            z = net.eval()(window, side)
            found[at : at + _AT_ONCE] = (z[:, 1] - z[:, 0]).numpy()
    return np.asarray(np.bincount(owner, found) / np.bincount(owner), np.float32)


def grown(data: Examples, rows: Ints, target: Ints, test: Ints, seed: int) -> Floats:
    """Return (row,) of `test` what trees say that learnt from the same records."""
    weight = np.sqrt(len(target) / (2 * np.maximum(np.bincount(target, minlength=2), 1)))
    least = min(_LEAST, max(2, len(rows) // 20))
    trees = boosting.build(seed, {**_TREES, "least": least})
    trees.fit(data.side[rows], target, sample_weight=weight[target])
    z = boosting.logits(trees, data.side[test], 2)
    return np.asarray(z[:, 1] - z[:, 0], np.float32)


def file_of(system: str, percent: float) -> str:
    """Return the name of the file with a system's answers."""
    return f"{system}-{percent:g}.npz"


def fit(recipe: Recipe, run: Path, resume: bool = False) -> None:
    """Train by a recipe with its first seed into the folder `run`.

    ``SYSTEM-PERCENT.npz`` are the answers to the test fold. Stages that are done are not trained
    again, and one that was stopped goes on. Runs ``seed-N`` of one folder share the cut records.

    Raises
    ------
    UsageError, DataError : the recipe cannot be followed, or the records are not here.
    LeakError : a test recording is in a corpus that is learnt from without labels.
    """
    keys, seed, begin = Keys.of(recipe), recipe.seeds[0], time.process_time()
    _run.begin(recipe, run, resume=resume)
    if (run / "metrics.json").is_file():
        return
    torch.set_num_threads(recipe.optimiser.threads)
    cache = (run.parent if run.name.startswith("seed-") else run) / "inputs.safetensors"
    data = load(recipe, keys.unlabelled, keys.folds, cache)
    part = sides(data, keys.held, class_indices(recipe))
    named = [f"{c}/{r}" for c, r in zip(data.corpus, data.record, strict=True)]
    met = {"pretext": part.pretext, "test": part.test}
    read = reader(data.corpus, data.record)
    found = audit("pretraining", data.corpus, data.record, met, read)
    twice = [[named[p.one], named[p.two]] for p in found]
    _run.write_json(
        run / "split.json",
        {k: [named[r] for r in getattr(part, k)] for k in vars(part)} | {"duplicates": twice},
    )
    positive = (data.label == class_indices(recipe)[recipe.corpus.classes.index(POSITIVE)]) * 1
    if not all(0 < positive[rows].sum() < len(rows) for rows in (part.training, part.test)):
        raise UsageError("model.held", "leaves a side without two rhythms", "Give more records")
    seconds = {"records": time.process_time() - begin}
    begin = time.process_time()
    start = pretrained(recipe, data, part.pretext, run / "pretext")
    seconds["pretext"] = time.process_time() - begin
    counts = {}
    for percent in keys.percents:
        rows = share(part.training, data.label, percent, seed)
        target = positive[rows]
        counts[f"{percent:g}"] = [len(rows), int(target.sum())]
        for system in SYSTEMS:
            begin, name = time.process_time(), file_of(system, percent)
            if system == TREES:
                z = grown(data, rows, target, part.test, seed)
            else:
                first = start if system == PRETRAINED else None
                folder = run / name.removesuffix(".npz")
                z = said(tuned(recipe, data, rows, target, first, folder), data, part.test)
            _answers(data, part.test, positive, z).save(run / name)
            seconds[name.removesuffix(".npz")] = time.process_time() - begin
            _run.tell(f"{run.name}: {name.removesuffix('.npz')} of {len(rows)} records")
    values = {
        "seed": seed, "parameters": sum(p.numel() for p in start.net.parameters()),
        "heads": sum(p.numel() for p in start.parameters()), "records": counts,
        "pretext_records": len(part.pretext), "numbers": data.side.shape[1],
        "test": [len(part.test), int(positive[part.test].sum())],
        "processor_seconds": {k: round(v) for k, v in seconds.items()},
    }  # fmt: skip
    _run.write_json(run / "metrics.json", values)


def _answers(data: Examples, rows: Ints, positive: Ints, logits: Floats) -> Answers:
    nobody = np.full(len(rows), "", np.str_)
    return Answers(
        classes=("AF",), part=np.full(len(rows), "test"), corpus=data.corpus[rows],
        record=data.record[rows], subject=nobody, domain=nobody, fold=data.fold[rows],
        label=positive[rows, None].astype(np.float32), logits=logits[:, None],
    )  # fmt: skip
