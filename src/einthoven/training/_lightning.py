"""What Lightning is told alike whatever is learnt: steps, log, mean weights, checkpoints."""

from __future__ import annotations

import csv
import io
import logging
import math
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from tqdm import tqdm

from einthoven.record.errors import UsageError
from einthoven.record.files import write_text
from einthoven.training._checkpoint import Checkpoint, SafeCheckpointIO, read_checkpoint
from einthoven.training._recipe import Recipe

_MEAN = "mean"  # under which the checkpoint keeps the mean weights


def optimisers(net: nn.Module, recipe: Recipe, trainer: L.Trainer) -> Any:
    """Return Adam or AdamW and a learning rate for each step, as Lightning takes them."""
    o = recipe.optimiser
    kind = torch.optim.AdamW if o.name == "adamw" else torch.optim.Adam
    decay = o.weight_decay if o.name == "adamw" else 0.0
    # Lightning refuses to clip what a fused optimiser learns in mixed precision.
    fused = o.precision == "float32" or not o.clip
    optimiser = kind(net.parameters(), lr=o.learning_rate, weight_decay=decay, fused=fused)
    total = max(1, int(trainer.estimated_stepping_batches))

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


class Mean(Callback):
    """Keeps a running mean of all weights; validation judges it in place of the last step's.

    Parameters
    ----------
    keep : share of the mean that a step leaves; the first steps leave less, for the first weights
        are chance.
    """

    def __init__(self, keep: float) -> None:
        self._keep, self._steps = keep, 0
        self.weights: dict[str, torch.Tensor] = {}
        self._raw: dict[str, torch.Tensor] = {}

    @property
    def state_key(self) -> str:
        """The name in the checkpoint."""
        return _MEAN

    def state_dict(self) -> dict[str, Any]:
        """Return the mean."""
        return {"steps": self._steps, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the mean of a checkpoint."""
        self._steps, self.weights = int(state_dict["steps"]), dict(state_dict["weights"])

    @torch.no_grad()
    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Move the mean towards the weights of the step."""
        del trainer
        now = pl_module.state_dict()
        if not self.weights:
            self.weights = {k: v.clone() for k, v in now.items()}
        self._steps += 1
        keep = min(self._keep, (1 + self._steps) / (10 + self._steps))
        for name, value in now.items():
            mean = self.weights[name] = self.weights[name].to(value.device)
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the mean in place."""
        del trainer
        if self.weights:
            self._raw = {k: v.clone() for k, v in pl_module.state_dict().items()}
            pl_module.load_state_dict(self.weights)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put back what the next step goes on from."""
        del trainer
        if self._raw:
            pl_module.load_state_dict(self._raw)
            self._raw = {}


def make_trainer(recipe: Recipe, run: Path, *, watch: bool = True) -> L.Trainer:
    """Return the trainer that a recipe asks for.

    Parameters
    ----------
    run : where log and checkpoints go.
    watch : whether validation is judged after each epoch; else after the last one alone.

    Raises
    ------
    UsageError : there is no such device here.
    """
    o = recipe.optimiser
    gpu = o.device == "cuda"
    if gpu and not torch.cuda.is_available():
        mend = "Train where one is, or give --set optimiser.device=cpu"
        raise UsageError("optimiser.device", "is cuda, and there is no such device here", mend)
    monitor, mode = f"validation_{o.monitor}", "min" if o.monitor == "loss" else "max"
    callbacks: list[Callback] = [Log(run / "log.csv"), Bar()]
    if o.average:
        callbacks.append(Mean(o.average))
    if o.patience:
        callbacks.append(EarlyStopping(monitor, patience=o.patience, mode=mode))
    # The best first: a kill between the two leaves a `last` that makes the epoch again.
    for name, by in (("best", monitor), ("last", None)) if watch else (("last", None),):
        callbacks.append(
            Checkpoint(
                dirpath=run / "checkpoints",
                filename=name,
                monitor=by,
                mode=mode,
                save_top_k=1,
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            )
        )
    return L.Trainer(
        accelerator="gpu" if gpu else "cpu", devices=o.devices,
        strategy="ddp_fork" if o.devices > 1 and not gpu else "auto",
        precision="bf16-mixed" if o.precision == "bfloat16" else "32-true",
        gradient_clip_val=o.clip or None, check_val_every_n_epoch=1 if watch else o.epochs,
        max_epochs=o.epochs, callbacks=callbacks, plugins=[SafeCheckpointIO()],
        logger=TensorBoardLogger(run, name="", version="tensorboard"), num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        default_root_dir=run, log_every_n_steps=50,
    )  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Keep advice of Lightning and torch, on which nobody here can act, from the terminal."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def kept(recipe: Recipe, run: Path) -> tuple[Mapping[str, torch.Tensor], int]:
    """Return the weights of the network that are the result of a run, and their epoch."""
    o = recipe.optimiser
    state = read_checkpoint(run / "checkpoints" / f"{o.keep}.safetensors")
    weights = state["callbacks"][_MEAN]["weights"] if o.average else state["state_dict"]
    # What guided the network while it learnt is not of the result.
    named = {k: v for k, v in weights.items() if not k.startswith("guidance.")}
    return {k.removeprefix("net."): v for k, v in named.items()}, int(state["epoch"])


def taught(
    recipe: Recipe, run: Path, lesson: L.LightningModule, data: Any, *, resume: bool,
    watch: bool = True,
) -> tuple[Mapping[str, torch.Tensor], int]:  # fmt: skip
    """Teach a lesson; return what `kept` does.

    Parameters
    ----------
    data : what hands out the batches, a data module or the loader of the training side.
    resume : whether to go on where a run was stopped, if one was.
    watch : see `make_trainer`.

    Raises
    ------
    UsageError : there is no such device here.
    """
    last = run / "checkpoints" / "last.safetensors"
    path = str(last) if resume and last.is_file() else None
    with quiet():
        make_trainer(recipe, run, watch=watch).fit(lesson, data, ckpt_path=path)
    return kept(recipe, run)
