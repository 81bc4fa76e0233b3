"""Networks: a recipe in, a run folder out, with Lightning on as many processes as asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from einthoven.evaluation.classification import confusion, macro_f1
from einthoven.evaluation.predictions import Predictions
from einthoven.training import _run, _weights
from einthoven.training._augment import Augmentation
from einthoven.training._batches import Draws
from einthoven.training._guided import Guidance, guidance, watched
from einthoven.training._lightning import optimisers, taught
from einthoven.training._nets import STEP, Data, build, load, logits, prepare
from einthoven.training._objective import Loss, make_loss
from einthoven.training._recipe import Recipe
from einthoven.training._synthetic import training_side

__all__ = ["Data", "Lesson", "Sides", "build", "fit", "load", "logits", "predict", "prepare"]


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
        rows = torch.split(torch.arange(len(self._validation)), STEP)
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
    lesson, sides = Lesson(net, recipe, seed, loss, guided), Sides(data, recipe, seed, more)
    weights, epoch = taught(recipe, run, lesson, sides, resume=resume)
    net.load_state_dict(weights)
    _run.finish(
        run, predict(recipe, net, data),
        extra={
            "epoch": epoch, "protocol": data.split.title, "seed": seed,
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    )  # fmt: skip
    _weights.save(net.state_dict(), run / _run.WEIGHTS)


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
