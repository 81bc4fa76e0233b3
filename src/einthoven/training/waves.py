"""Train the net of the waves: a recipe of task ``waves`` in, a run folder out.

It learns from the leads of the training records of LUDB one by one; the epoch that is kept is the
one that names the samples of the validation records best. The test records are not opened.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from einthoven.corpora import open_corpus
from einthoven.corpora.ludb import TEST, TRAIN, VALIDATION, Ludb
from einthoven.models.edgenet import EdgeNet
from einthoven.models.unet import CLASSES, KERNEL, WIDTHS, UNet
from einthoven.record.errors import DataError, UsageError
from einthoven.record.files import write_text
from einthoven.signal._waves_edges import POINTS, SIDE
from einthoven.signal._waves_tempo import at_tempos
from einthoven.signal.waves import Floats, Net
from einthoven.training import _run, _waves_edges, _weights
from einthoven.training._checkpoint import SafeCheckpointIO, read_checkpoint
from einthoven.training._recipe import Recipe, check_keys, load_recipe
from einthoven.training._waves_data import Augment, Leads, composer, leads, windows
from einthoven.training._waves_loss import Weights, loss

MODELS = {"unet": 1, "wnet": 2}
EDGES = "edges.safetensors"
_UP = 0.2  # share of the steps in which the learning rate grows
_CLIP = 2.0  # largest norm of a gradient
_STEP = 48  # validation leads at a time


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of ``[model]``.

    Attributes
    ----------
    widths, kernel, dropout : see `models.unet.U`.
    losses : see `_waves_loss.Weights`.
    edges : epochs in which a second look at boundaries is learnt; none if 0.
    """

    widths: tuple[int, ...] = WIDTHS
    kernel: int = KERNEL
    dropout: float = 0.2
    losses: Mapping[str, float] = field(default_factory=dict)
    edges: int = 0

    @classmethod
    def of(cls, recipe: Recipe) -> Keys:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or the name is not for these nets.
        """
        check_keys("model.name", (recipe.model.name,), MODELS)
        check_keys("model", recipe.model.arguments, cls.__dataclass_fields__)
        found: Keys = cls(**recipe.model.arguments)
        check_keys("model.losses", found.losses, Weights.__dataclass_fields__)
        return found


def build(recipe: Recipe) -> UNet:
    """Return the net of a recipe, untrained."""
    net = Keys.of(recipe)
    made = UNet(
        widths=net.widths, kernel=net.kernel, dropout=net.dropout,
        stacked=MODELS[recipe.model.name],
    )  # fmt: skip
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made


def parts(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Return the names of the records of each side: the recipe's, else the corpus's own lists."""
    protocol = recipe.protocol
    sides = {
        "train": protocol.train or TRAIN, "validation": protocol.validation or VALIDATION,
        "test": protocol.test or TEST,
    }  # fmt: skip
    names = [name for side in sides.values() for name in side]
    if len(set(names)) < len(names):
        fault = "a record stands on two sides"
        raise UsageError("protocol", fault, "Name each record once")
    return sides


def corpus_of(recipe: Recipe) -> Ludb:
    """Return the corpus of a recipe, which has marked waves."""
    corpus = open_corpus(recipe.corpus.name)
    if not isinstance(corpus, Ludb):
        raise UsageError("corpus.name", f"{corpus.name} has no marked waves", "Give ludb")
    return corpus


def rate(step: int, steps: int, most: float) -> float:
    """Return the learning rate of one cycle: up along half a cosine, down along another."""
    top = max(1.0, _UP * steps)
    share = step / top if step < top else 1 - (step - top) / max(1.0, steps - top)
    low = 1 / 25 if step < top else 1e-4
    return most * (low + (1 - low) * (1 - math.cos(math.pi * share)) / 2)


def judged(net: UNet, data: Leads) -> dict[str, float]:
    """Return the cross-entropy and, of each wave and their mean, F1 over the known samples."""
    counts = np.zeros((3, 3))  # wave by hit, claimed, there
    total, known = 0.0, 0
    net.eval()
    extra = -data.signal.shape[1] % net.multiple
    for at in range(0, len(data.signal), _STEP):
        rows = slice(at, at + _STEP)
        x = torch.from_numpy(np.pad(data.signal[rows], ((0, 0), (0, extra))))
        with torch.no_grad():
            logits = net(x[:, None])[..., : data.signal.shape[1]]
        truth = torch.from_numpy(data.mask[rows].astype(np.int64))
        seen = torch.from_numpy(data.known[rows]).bool()
        each = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
        total, known = total + float(each[seen].sum()), known + int(seen.sum())
        said = logits.argmax(1)
        for wave in range(3):
            claim, there = (said == wave + 1) & seen, (truth == wave + 1) & seen
            counts[wave] += [int(m.sum()) for m in (claim & there, claim, there)]
    f1 = 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1)
    named = {f"f1_{kind}": float(v) for kind, v in zip(CLASSES[1:], f1, strict=True)}
    return {"validation_loss": total / max(known, 1), "macro_f1": float(f1.mean()), **named}


class _Lesson:
    """The net, its optimiser and its best weights; all that a checkpoint holds."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seeds[0])
        o = recipe.optimiser
        self.net = build(recipe)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o.name]
        self.optimiser = kind(
            self.net.parameters(), lr=o.learning_rate, weight_decay=o.weight_decay
        )
        self.best = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.log: list[dict[str, float]] = []

    def state(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "net": self.net.state_dict(), "best": self.best, "log": self.log,
            "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip

    def load(self, state: dict[str, Any]) -> None:
        """Take all of a checkpoint."""
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.log = dict(state["best"]), list(state["log"])

    def best_epoch(self, monitor: str) -> int:
        """Return the index of the best epoch so far; -1 before the first."""
        scores = [_score(row, monitor) for row in self.log]
        return int(np.argmax(scores)) if scores else -1


def _score(row: Mapping[str, float], monitor: str) -> float:
    return row["macro_f1"] if monitor == "macro_f1" else -row["validation_loss"]


def fit(recipe: Recipe, run: Path, resume: bool = False) -> None:
    """Train the net of a recipe with its first seed into the folder `run`.

    An epoch is ``optimiser.beats`` windows, as many as there are leads if that is 0. The net of
    the waves is finished when ``weights.safetensors`` is there, the second look at boundaries when
    ``edges.safetensors`` is; resuming does what is left.

    Raises
    ------
    UsageError : the recipe does not fit, or the folder holds something else.
    DataError : records are not here.
    """
    weights = Weights(**Keys.of(recipe).losses)
    check_keys("augment", recipe.augment, Augment.__dataclass_fields__)
    augment = Augment(**recipe.augment)
    parts(recipe), corpus_of(recipe), build(recipe)  # faults before anything is written
    _run.begin(recipe, run, resume=resume)
    torch.set_num_threads(recipe.optimiser.threads)
    if not (run / _run.WEIGHTS).is_file():
        _fit_net(recipe, run, weights, augment, resume)
    if Keys.of(recipe).edges and not (run / EDGES).is_file():
        _fit_edges(recipe, run)


def _fit_edges(recipe: Recipe, run: Path) -> None:
    """Train the second look at what the net of a run finds."""
    sides, corpus = parts(recipe), corpus_of(recipe)
    net = asking(load(run)[1])
    learnt, held = (_waves_edges.guesses(corpus, sides[s], net) for s in ("train", "validation"))
    made = _waves_edges.fit(learnt, Keys.of(recipe).edges, recipe.seeds[0])
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    _run.write_json(
        run / "metrics.json", metrics | {"edges_sd_ms": _waves_edges.judged(made, held)}
    )
    _weights.save(made.state_dict(), run / EDGES)


def _fit_net(recipe: Recipe, run: Path, weights: Weights, augment: Augment, resume: bool) -> None:
    o, seed = recipe.optimiser, recipe.seeds[0]
    sides, corpus = parts(recipe), corpus_of(recipe)
    lesson = _Lesson(recipe)
    _run.write_json(run / "split.json", {side: list(names) for side, names in sides.items()})
    learnt, held = leads(corpus, sides["train"]), leads(corpus, sides["validation"])
    unseen = (*sides["validation"], *sides["test"])
    made = composer(corpus, sides["train"], unseen, seed) if augment.composed else None
    last = run / "checkpoints" / "last.safetensors"
    if resume and last.is_file():
        lesson.load(read_checkpoint(last))
    per_epoch = max(1, (o.beats or len(learnt.signal)) // o.batch)
    for epoch in range(len(lesson.log), o.epochs):
        if o.patience and epoch - lesson.best_epoch(o.monitor) > o.patience:
            break
        # Each epoch's chance begins anew, so that a resumed run has the same.
        torch.manual_seed(1_000_003 * seed + 1009 * epoch)
        rng = np.random.default_rng([seed, epoch])
        grown = min(1.0, epoch / max(1.0, weights.ramp * o.epochs))
        lesson.net.train()
        total = 0.0
        bar = tqdm(
            range(per_epoch), f"epoch {epoch + 1}/{o.epochs}", unit="batch", leave=False,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        for step in bar:
            for group in lesson.optimiser.param_groups:
                group["lr"] = _rate(recipe, epoch * per_epoch + step, per_epoch * o.epochs)
            signal, mask, known = windows(learnt, o.batch, augment, rng, made)
            logits = lesson.net(torch.from_numpy(signal)[:, None])
            found = loss(
                logits, torch.from_numpy(mask.astype(np.int64)),
                torch.from_numpy(known.astype(np.float32)), weights, grown,
            )  # fmt: skip
            lesson.optimiser.zero_grad(set_to_none=True)
            found.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(lesson.net.parameters(), _CLIP)
            lesson.optimiser.step()
            total += float(found.detach())
        row = {"epoch": float(epoch), "loss": total / per_epoch, **judged(lesson.net, held)}
        lesson.log.append(row)
        if o.keep == "last" or lesson.best_epoch(o.monitor) == epoch:
            lesson.best = {k: v.clone() for k, v in lesson.net.state_dict().items()}
        SafeCheckpointIO().save_checkpoint(lesson.state(), last)
        _write_log(run / "log.csv", lesson.log)
    kept = len(lesson.log) - 1 if o.keep == "last" else lesson.best_epoch(o.monitor)
    found_there = {k: v for k, v in lesson.log[kept].items() if k not in ("epoch", "loss")}
    counts = {side: len(names) for side, names in sides.items()}
    _run.write_json(
        run / "metrics.json",
        {
            "classes": list(CLASSES), "seed": seed, "epoch": kept, "records": counts,
            "parameters": sum(p.numel() for p in lesson.net.parameters()),
            "validation": found_there,
        },
    )  # fmt: skip
    _weights.save(lesson.best, run / _run.WEIGHTS)


def _rate(recipe: Recipe, step: int, steps: int) -> float:
    o = recipe.optimiser
    if o.schedule == "one-cycle":
        return rate(step, steps, o.learning_rate)
    if o.schedule == "cosine":
        return o.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
    return o.learning_rate


def _write_log(path: Path, rows: list[dict[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in rows)
    write_text(path, text.getvalue())


def load(run: Path) -> tuple[Recipe, UNet]:
    """Return the recipe and the trained net of a finished run.

    Raises
    ------
    DataError : it is no such run.
    """
    if not (run / _run.WEIGHTS).is_file():
        raise DataError(run, "holds no trained net", "Run: einthoven train waves --run FOLDER")
    recipe = load_recipe(str(run / "recipe.toml"))
    if recipe.task != "waves":
        mend = "Name the run of a recipe of task waves"
        raise DataError(run, f"is a run of task {recipe.task!r}", mend)
    return recipe, _weights.filled(build(recipe), run / _run.WEIGHTS)


def load_edges(run: Path) -> EdgeNet | None:
    """Return the second look of a finished run; None if its recipe has none.

    Raises
    ------
    DataError : it is not finished.
    """
    if not Keys.of(load_recipe(str(run / "recipe.toml"))).edges:
        return None
    if not (run / EDGES).is_file():
        mend = "Run: einthoven train waves --run FOLDER --resume"
        raise DataError(run, "holds no second look at boundaries", mend)
    return _weights.filled(EdgeNet(POINTS, SIDE), run / EDGES)


def asking(net: UNet) -> Net:
    """Return what the engine asks, without the way through a file: windows to probabilities."""

    def once(window: Floats) -> Floats:
        with torch.no_grad():
            found: Floats = net(torch.from_numpy(window)).softmax(1).numpy()
        return found

    return lambda window: at_tempos(once, window)
