"""Networks: a recipe in, a run folder out, with Lightning on as many processes as asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from einthoven.corpora import open_corpus
from einthoven.evaluation.classification import confusion, macro_f1
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs import side_names
from einthoven.models import MODELS
from einthoven.protocols import PROTOCOLS, Beats, Split
from einthoven.record.files import beside
from einthoven.store import Store, open_store
from einthoven.training import _run
from einthoven.training._augment import Augmentation
from einthoven.training._batches import Draws, Windows
from einthoven.training._guided import Guidance, guidance, watched
from einthoven.training._lightning import kept, make_trainer, optimisers, quiet
from einthoven.training._objective import Loss, make_loss
from einthoven.training._recipe import Recipe, check_keys
from einthoven.training._synthetic import training_side

_SHAPE = ("leads", "time", "classes", "side")
_JUDGE = 2048  # windows a step where nothing is learnt


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """The windows of a recipe, divided."""

    store: Store
    split: Split

    def windows(self, rows: npt.NDArray[np.int64]) -> Windows:
        """Return some rows in memory."""
        label = self.split.beats.label[rows]
        return Windows(self.store.window[rows], self.store.side[rows], label)


def prepare(recipe: Recipe, seed: int) -> Data:
    """Open the store of a recipe, cutting it if need be, and divide it."""
    corpus = recipe.corpus
    store = open_store(open_corpus(corpus.name), recipe.input, peaks=corpus.peaks)
    beats = Beats(
        record=store.record, subject=store.subject, sample=store.sample,
        label=store.labels(corpus.labels, corpus.classes),
    )  # fmt: skip
    p = recipe.protocol
    if PROTOCOLS[p.name].leaky:
        _run.check_classes(recipe, beats.label, 10, "tenths that they are divided into")
    split = PROTOCOLS[p.name].split(
        beats, seed=seed, strict=p.strict, train=p.train, validation=p.validation, test=p.test
    )
    _run.check_classes(recipe, beats.label[split.training.rows], 1)
    return Data(store=store, split=split)


def build(recipe: Recipe) -> nn.Module:
    """Return the network of a recipe, untrained.

    Raises
    ------
    UsageError : the architecture or one of its arguments is not known.
    """
    entry = MODELS[recipe.model.name]
    own = [k for k in inspect.signature(entry.build).parameters if k not in _SHAPE]
    check_keys("model", recipe.model.arguments, own)
    spec = recipe.input
    time = round(spec.window[0] * spec.rate) + round(spec.window[1] * spec.rate)
    return entry.build(
        leads=len(spec.leads), time=time, classes=len(recipe.corpus.classes),
        side=len(side_names(spec)), **recipe.model.arguments,
    )  # fmt: skip


def logits(net: nn.Module, windows: Windows) -> npt.NDArray[np.float32]:
    """Return (beat, class) logits; the network is left in evaluation."""
    net.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(windows), _JUDGE):
            rows = torch.arange(start, min(start + _JUDGE, len(windows)))
            window, side = windows[rows][:2]
            found.append(net(window, side) if side.shape[1] else net(window))
    return np.asarray(torch.cat(found).numpy(), np.float32)


class Lesson(L.LightningModule):
    """One network, its objective and its optimiser."""

    def __init__(
        self, net: nn.Module, recipe: Recipe, seed: int, loss: Loss,
        guidance: Guidance | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.guidance = guidance
        self.net, self._recipe, self._seed, self._loss = net, recipe, seed, loss
        self._augment = Augmentation.of(recipe)
        self._peak = round(recipe.input.window[0] * recipe.input.rate)
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._begun = False

    def _answer(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.net(window, side) if side.shape[1] else self.net(window)
        return found

    def on_train_epoch_start(self) -> None:
        """Begin each epoch's chance anew, so that a resumed run has the same."""
        torch.manual_seed(1_000_003 * self._seed + 1009 * self.current_epoch + self.global_rank)
        # The loader of every epoch but a process's first draws a number after this; a resumed run,
        # whose first epoch is a later one, draws it here.
        if self.current_epoch > 0 and not self._begun:
            torch.empty((), dtype=torch.int64).random_()
        self._begun = True

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        window, side, label, *more = batch
        window = self._augment(window, self._peak)
        if self.guidance is None:
            loss = self._loss(self._answer(window, side), label)
        else:
            with watched(self.net) as maps:
                answer = self._answer(window, side)
            added = self.guidance(answer, maps[-1], label, tuple(more))
            loss = self._loss(answer, label) + added
        penalty: Callable[[], torch.Tensor] | None = getattr(self.net, "penalty", None)
        if penalty is not None:
            loss = loss + penalty()
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(label), sync_dist=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], index: int) -> None:
        """Keep the answers to a batch."""
        del index
        self._seen.append((self._answer(batch[0], batch[1]), batch[2]))

    def on_validation_epoch_end(self) -> None:
        """Judge the answers to the whole validation side."""
        answers, label = (torch.cat(column) for column in zip(*self._seen, strict=True))
        self._seen.clear()
        matrix = confusion(label.cpu().numpy(), answers.argmax(1).cpu().numpy(), answers.shape[1])
        present = np.flatnonzero(matrix.sum(axis=1)).tolist()
        values: dict[str, torch.Tensor | float] = {
            "validation_loss": functional.cross_entropy(answers, label),
            "validation_accuracy": float(np.trace(matrix) / matrix.sum()),
            "validation_macro_f1": float(macro_f1(matrix, present)),
        }
        self.log_dict(values, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return Adam or AdamW and a learning rate for each step."""
        return optimisers(self, self._recipe, self.trainer)


class Sides(L.LightningDataModule):
    """Hands out the training side in draws and the validation side in order."""

    def __init__(
        self, data: Data, recipe: Recipe, seed: int, more: tuple[torch.Tensor, ...] = ()
    ) -> None:
        super().__init__()
        self._recipe, self._seed = recipe, seed
        real = data.windows(data.split.training.rows)
        self._training = training_side(recipe, seed, data.split, real)
        self._training.more = more
        self._validation = data.windows(data.split.validation.rows)

    def train_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the batches of one process."""
        trainer, o = self.trainer, self._recipe.optimiser
        assert trainer is not None
        draws = Draws(
            self._training.label.numpy(), balance=self._recipe.objective.balance, beats=o.beats,
            batch=o.batch, seed=self._seed, rank=trainer.global_rank, world=trainer.world_size,
        )  # fmt: skip
        return DataLoader(self._training, batch_size=None, sampler=draws)

    def val_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the whole validation side, in every process."""
        rows = torch.split(torch.arange(len(self._validation)), _JUDGE)
        return DataLoader(self._validation, batch_size=None, sampler=list(rows))


def fit(recipe: Recipe, run: Path, resume: bool) -> None:
    """Train the network of a recipe with its first seed into the folder `run`.

    ``weights.safetensors`` is written last: a run that has it is finished, and resuming it does
    nothing.

    Raises
    ------
    UsageError : the recipe does not fit the model, or the folder holds something else.
    """
    Augmentation.of(recipe)
    seed = recipe.seeds[0]
    torch.manual_seed(seed)
    net = build(recipe)
    _run.begin(recipe, run, resume=resume)
    if (run / _run.WEIGHTS).is_file():
        return
    torch.set_num_threads(recipe.optimiser.threads)
    data = prepare(recipe, seed)
    _run.write_json(run / "split.json", data.split.to_dict())
    classes, label = recipe.corpus.classes, data.split.beats.label[data.split.training.rows]
    loss = make_loss(recipe.objective, np.bincount(label, minlength=len(classes)), classes)
    guided = guidance(recipe, data, net)
    more = guided.columns if guided else ()
    last = run / "checkpoints" / "last.safetensors"
    with quiet():
        make_trainer(recipe, run).fit(
            Lesson(net, recipe, seed, loss, guided), datamodule=Sides(data, recipe, seed, more),
            ckpt_path=str(last) if resume and last.is_file() else None,
        )  # fmt: skip
    weights, epoch = kept(recipe, run)
    net.load_state_dict(weights)
    _run.finish(
        run, predict(recipe, net, data),
        extra={
            "epoch": epoch, "protocol": data.split.title, "seed": seed,
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    )  # fmt: skip
    with beside(run / _run.WEIGHTS) as temporary:
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, temporary)


def predict(recipe: Recipe, net: nn.Module, data: Data) -> Predictions:
    """Return the logits of the validation and the test side."""
    parts, beats = [], data.split.beats
    for part, side in (("validation", data.split.validation), ("test", data.split.test)):
        rows = side.rows
        parts.append(
            Predictions(
                classes=recipe.corpus.classes,
                part=np.full(len(rows), part),
                record=beats.record[rows],
                sample=beats.sample[rows],
                label=beats.label[rows],
                logits=logits(net, data.windows(rows)),
            )
        )
    columns = ("part", "record", "sample", "label", "logits")
    joined: dict[str, Any] = {c: np.concatenate([getattr(p, c) for p in parts]) for c in columns}
    return Predictions(classes=recipe.corpus.classes, **joined)


def load(recipe: Recipe, run: Path) -> nn.Module:
    """Return the trained network of a finished run."""
    net = build(recipe)
    net.load_state_dict(load_file(run / _run.WEIGHTS))
    return net.eval()
