"""Networks of whole records: a recipe of task ``diagnosis`` in, a run folder out, with Lightning.

A run is one split. A protocol that makes several, such as the four of `ptbxl-folds` out of fold or
one a domain, is as many runs, each with its own ``protocol.part``.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.inputs.record import record_side_names, time_of
from einthoven.models import MODELS
from einthoven.record.errors import UsageError
from einthoven.record.leads import STANDARD
from einthoven.training import _lightning, _run, _weights
from einthoven.training._lightning import optimisers
from einthoven.training._objective import Loss, binary, make_loss
from einthoven.training._recipe import Recipe, check_arguments
from einthoven.training._record_augment import RecordAugmentation
from einthoven.training._record_data import (
    Data,
    Records,
    WindowDraws,
    audited,
    by_record,
    prepare,
    taught,
)
from einthoven.training._record_net import RecordNet
from einthoven.training._record_run import TEACHER, answers_of, finish

__all__ = ["build", "fit", "load", "logits", "prepare"]

_JUDGE = 256  # windows a step where nothing is learnt


def crop_of(recipe: Recipe) -> int:
    """Return how many samples the network sees at once.

    Raises
    ------
    UsageError : that is more than a window has, or tokens, whose places are those of the window.
    """
    time, crop = time_of(recipe.input), round(recipe.crop.seconds * recipe.input.rate)
    if crop and recipe.input.kind == "tokens":
        raise UsageError("crop.seconds", "does not go with tokens", "Take it out; see model.beats")
    if crop > time:
        fault = f"is {recipe.crop.seconds:g}, and a window has {time / recipe.input.rate:g} s"
        raise UsageError("crop.seconds", fault, "Give less, or 0 for the whole window")
    return crop or time


def build(recipe: Recipe) -> RecordNet:
    """Return the network of a recipe, untrained.

    Raises
    ------
    UsageError : the architecture or one of its arguments is not known.
    """
    entry, spec = MODELS[recipe.model.name], recipe.input
    check_arguments("model", entry.build, recipe.model.arguments)
    leads = len(STANDARD if spec.leads == ("one",) else spec.leads)
    side, crop = len(record_side_names(spec)), crop_of(recipe)
    net = entry.build(
        leads=leads, time=crop, classes=len(recipe.corpus.classes), side=side,
        **recipe.model.arguments,
    )  # fmt: skip
    return RecordNet(net, leads=leads, side=side, time=time_of(spec), crop=crop, crops=recipe.crop)


def logits(net: RecordNet, data: Data, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return (record, class) logits of some records, mean over the windows of each."""
    net.eval()
    device = next(net.parameters()).device
    windows, found = data.of(rows), []
    with torch.no_grad():
        for start in range(0, len(windows), _JUDGE):
            at = windows[start : start + _JUDGE]
            window, side = (torch.from_numpy(c[at]).to(device) for c in (data.window, data.side))
            found.append(net(window, side).float().cpu().numpy())
    said = by_record(data.owner[windows], np.concatenate(found))
    return np.stack([said[row] for row in rows.tolist()])


class RecordLesson(L.LightningModule):
    """One network, its objective and its optimiser."""

    def __init__(self, net: RecordNet, recipe: Recipe, seed: int, loss: Loss) -> None:
        super().__init__()
        self.net, self._recipe, self._seed, self._loss = net, recipe, seed, loss
        self._augment = RecordAugmentation.of(recipe)
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Begin each epoch's chance anew, so that a resumed run has the same.

        Not when the epoch starts: the loader draws a number then, after it in a run that goes on
        and before it in one that is resumed.
        """
        del batch
        if batch_idx == 0:
            chance = 1_000_003 * self._seed + 1009 * self.current_epoch + self.global_rank
            torch.manual_seed(chance)

    def _cropped(self, window: torch.Tensor) -> torch.Tensor:
        crop = self.net.crop
        if window.shape[2] == crop:
            return window
        start = torch.randint(window.shape[2] - crop + 1, (len(window), 1), device=window.device)
        at = start + torch.arange(crop, device=window.device)
        return window.gather(2, at[:, None].expand(-1, window.shape[1], -1))

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del index
        window, side, target, domain = batch
        window = self._augment(self._cropped(window), self._recipe.input.rate)
        self.net.tell(domain)
        loss = self._loss(self.net(window, side), target) + self.net.penalty()
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(target), sync_dist=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, ...], index: int) -> None:
        """Keep the answers to a batch."""
        del index
        self._seen.append((self.net(batch[0], batch[1]).float(), batch[2]))

    def on_validation_epoch_end(self) -> None:
        """Judge the answers to the windows of the whole validation side."""
        said, label = (torch.cat(column) for column in zip(*self._seen, strict=True))
        self._seen.clear()
        area = multilabel.auroc(
            said.cpu().numpy(), label.cpu().numpy(), multilabel.once(len(label))
        )[0]
        values: dict[str, torch.Tensor | float] = {
            "validation_loss": binary(said, label, smoothing=0.0),
            "validation_macro_auroc": float(np.nanmean(area)) if np.isfinite(area).any() else 0.5,
        }
        self.log_dict(values, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Return Adam or AdamW and a learning rate for each step."""
        return optimisers(self.net, self._recipe, self.trainer)


class RecordSides(L.LightningDataModule):
    """Hands out the training side in draws and the validation side in order."""

    def __init__(self, data: Data, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self._data, self._recipe, self._seed = data, recipe, seed

    def setup(self, stage: str) -> None:
        """Put everything where it is learnt, once: no batch is copied there later."""
        del stage
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        self._learnt = Records(self._data, taught(self._recipe, self._data.split), device)
        self._held = Records(self._data, self._data.split.examples.label, device)

    def train_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the batches of one process."""
        trainer = self.trainer
        assert trainer is not None
        draws = WindowDraws(
            self._data, self._recipe, self._seed, trainer.global_rank, trainer.world_size
        )
        return DataLoader(self._learnt, batch_size=None, sampler=draws)

    def val_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the whole validation side, in every process."""
        windows = torch.from_numpy(self._data.of(self._data.split.validation))
        return DataLoader(self._held, batch_size=None, sampler=list(torch.split(windows, _JUDGE)))


def fit(recipe: Recipe, run: Path, resume: bool) -> None:
    """Train the network of a recipe with its first seed into the folder `run`.

    ``weights.safetensors`` is written last: a run that has it is finished, and resuming it does
    nothing.

    Raises
    ------
    UsageError : the recipe does not fit the model, or the folder holds something else.
    LeakError : the split, or the teacher, would let a test record be learnt.
    """
    o, seed = recipe.optimiser, recipe.seeds[0]
    RecordAugmentation.of(recipe)
    torch.manual_seed(seed)
    net = build(recipe)
    _run.begin(recipe, run, resume=resume)
    if (run / _run.WEIGHTS).is_file():
        return
    torch.set_num_threads(o.threads)
    data = audited(prepare(recipe, seed))
    windows = data.of(data.split.training)
    net.fit(data.window[windows], data.side[windows])
    if o.compile:
        net.net.compile()
    loss = make_loss(recipe.objective, np.zeros(0, np.int64), ())
    weights, epoch = _lightning.taught(
        recipe, run, RecordLesson(net, recipe, seed, loss), RecordSides(data, recipe, seed),
        resume=resume, watch=o.keep == "best" or o.patience > 0,
    )  # fmt: skip
    net.load_state_dict(weights)
    teacher = recipe.objective.teacher or ""
    # A teacher that is trained again later shows.
    said = sha256((Path(teacher) / TEACHER).read_bytes()).hexdigest()[:12] if teacher else ""
    finish(
        run, data.split, predict(net.to(o.device), data),
        {
            "epoch": epoch, "seed": seed, "teacher": teacher, "teacher_sha256": said,
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    )  # fmt: skip
    _weights.save(net.state_dict(), run / _run.WEIGHTS)


def predict(net: RecordNet, data: Data) -> Answers:
    """Return what is said of the validation and the test side."""
    parts = {"validation": data.split.validation, "test": data.split.test}
    said = [logits(net, data, rows) for rows in parts.values()]
    return answers_of(data.split, parts, np.concatenate(said))


def load(recipe: Recipe, run: Path) -> RecordNet:
    """Return the trained network of a finished run; it eats whole windows."""
    return _weights.filled(build(recipe), run / _run.WEIGHTS)
