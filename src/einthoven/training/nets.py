"""Networks: a recipe in, a run folder out, with Lightning on as many processes as asked."""

from __future__ import annotations

import csv
import inspect
import io
import logging
import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from einthoven.corpora import open_corpus
from einthoven.evaluation.classification import confusion, macro_f1
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs import side_names
from einthoven.models import MODELS
from einthoven.protocols import PROTOCOLS, Beats, Split
from einthoven.record.files import beside, write_text
from einthoven.store import Store, open_store
from einthoven.training import _run
from einthoven.training._augment import Augmentation
from einthoven.training._batches import Draws, Windows
from einthoven.training._checkpoint import Checkpoint, SafeCheckpointIO, read_checkpoint
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
            window, side, _ = windows[rows]
            found.append(net(window, side) if side.shape[1] else net(window))
    return np.asarray(torch.cat(found).numpy(), np.float32)


class Lesson(L.LightningModule):
    """One network, its objective and its optimiser."""

    def __init__(self, net: nn.Module, recipe: Recipe, seed: int, loss: Loss) -> None:
        super().__init__()
        self.net, self._recipe, self._seed, self._loss = net, recipe, seed, loss
        self._augment = Augmentation.of(recipe)
        self._peak = round(recipe.input.window[0] * recipe.input.rate)
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def _answer(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.net(window, side) if side.shape[1] else self.net(window)
        return found

    def on_train_epoch_start(self) -> None:
        """Begin each epoch's chance anew, so that a resumed run has the same."""
        torch.manual_seed(1_000_003 * self._seed + 1009 * self.current_epoch + self.global_rank)

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        window, side, label = batch
        window = self._augment(window, self._peak)
        loss = self._loss(self._answer(window, side), label)
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
        matrix = confusion(label.numpy(), answers.argmax(1).numpy(), answers.shape[1])
        present = np.flatnonzero(matrix.sum(axis=1)).tolist()
        values: dict[str, torch.Tensor | float] = {
            "validation_loss": functional.cross_entropy(answers, label),
            "validation_accuracy": float(np.trace(matrix) / matrix.sum()),
            "validation_macro_f1": float(macro_f1(matrix, present)),
        }
        self.log_dict(values, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return Adam or AdamW and a learning rate for each step."""
        o = self._recipe.optimiser
        kind = torch.optim.AdamW if o.name == "adamw" else torch.optim.Adam
        decay = o.weight_decay if o.name == "adamw" else 0.0
        optimiser = kind(self.net.parameters(), lr=o.learning_rate, weight_decay=decay, fused=True)
        total = max(1, int(self.trainer.estimated_stepping_batches))

        def rate(step: int) -> float:
            done, up = min(1.0, step / total), 0.3 if o.schedule == "one-cycle" else 0.0
            if o.schedule == "constant":
                return 1.0
            if done < up:
                return 0.04 + 0.96 * (1 - math.cos(math.pi * done / up)) / 2
            return 1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * (done - up) / (1 - up))) / 2

        plan = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": plan, "interval": "step"}}


class Log(Callback):
    """Keeps ``log.csv``, a row an epoch; its rows go with the checkpoint into a resumed run."""

    def __init__(self, path: Path) -> None:
        self._path, self._rows = path, []  # type: tuple[Path, list[dict[str, float]]]

    def state_dict(self) -> dict[str, Any]:
        """Return the rows."""
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows of a checkpoint."""
        self._rows = list(state_dict["rows"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add a row and write the file."""
        del pl_module
        row = {"epoch": float(trainer.current_epoch)}
        row |= {k: float(v) for k, v in sorted(trainer.callback_metrics.items())}
        self._rows.append(row)
        if trainer.is_global_zero:
            text = io.StringIO()
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows({k: f"{v:.6g}" for k, v in r.items()} for r in self._rows)
            write_text(self._path, text.getvalue())


class Bar(Callback):
    """A progress bar on stderr, where that is a terminal."""

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin a bar."""
        del pl_module
        self._bar = tqdm(
            total=int(trainer.num_training_batches), unit="batch", leave=False,
            desc=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
            disable=not (sys.stderr.isatty() and trainer.is_global_zero),
        )  # fmt: skip

    def on_train_batch_end(self, *_: Any) -> None:
        """Move it."""
        self._bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take it away."""
        del trainer, pl_module
        self._bar.close()


class Sides(L.LightningDataModule):
    """Hands out the training side in draws and the validation side in order."""

    def __init__(self, data: Data, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self._recipe, self._seed = recipe, seed
        real = data.windows(data.split.training.rows)
        self._training = training_side(recipe, seed, data.split, real)
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


def _trainer(recipe: Recipe, run: Path) -> L.Trainer:
    o = recipe.optimiser
    monitor, mode = f"validation_{o.monitor}", "min" if o.monitor == "loss" else "max"
    folder = run / "checkpoints"
    callbacks: list[Callback] = [Log(run / "log.csv"), Bar()]
    if o.patience:
        callbacks.append(EarlyStopping(monitor, patience=o.patience, mode=mode))
    # The best first: a kill between the two leaves a `last` that makes the epoch again.
    for name, watch in (("best", monitor), ("last", None)):
        callbacks.append(
            Checkpoint(
                dirpath=folder,
                filename=name,
                monitor=watch,
                mode=mode,
                save_top_k=1,
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            )
        )
    return L.Trainer(
        accelerator="cpu", devices=o.devices, strategy="ddp_fork" if o.devices > 1 else "auto",
        max_epochs=o.epochs, callbacks=callbacks, plugins=[SafeCheckpointIO()],
        logger=TensorBoardLogger(run, name="", version="tensorboard"), num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        default_root_dir=run, log_every_n_steps=50,
    )  # fmt: skip


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
    last = run / "checkpoints" / "last.safetensors"
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Lightning advises workers and GPUs, torch its own deprecations; nobody here can act on it.
        warnings.simplefilter("ignore")
        _trainer(recipe, run).fit(
            Lesson(net, recipe, seed, loss), datamodule=Sides(data, recipe, seed),
            ckpt_path=str(last) if resume and last.is_file() else None,
        )  # fmt: skip
    kept = read_checkpoint(run / "checkpoints" / f"{recipe.optimiser.keep}.safetensors")
    weights = {k.removeprefix("net."): v for k, v in kept["state_dict"].items()}
    net.load_state_dict(weights)
    _run.finish(
        run, predict(recipe, net, data),
        extra={
            "epoch": kept["epoch"], "protocol": data.split.title, "seed": seed,
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
