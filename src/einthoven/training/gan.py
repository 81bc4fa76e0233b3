"""The generator of beats: a recipe with ``model.name = "wgan"`` in, a run folder out.

It sees the rare classes of the training side of the recipe's split and nothing else. The run
keeps the split, so that whoever trains with its beats can be held to the same one. What the beats
are worth is judged at the end, on the training and the validation side (`_likeness`).

Ours: the weights kept are a running mean over steps, which Yazıcı et al., arXiv:1806.04498 (2018),
found better than the last.
"""

from __future__ import annotations

import copy
import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from einthoven.models.wgan import Critic, Generator, penalty
from einthoven.protocols import Split
from einthoven.record.errors import DataError, UsageError
from einthoven.record.files import beside, write_text
from einthoven.training import _run
from einthoven.training._batches import Draws
from einthoven.training._checkpoint import SafeCheckpointIO, read_checkpoint
from einthoven.training._likeness import grid, judged
from einthoven.training._recipe import Recipe, check_keys, load_recipe
from einthoven.training.nets import Data, prepare

GRID = "grid.svg"
_CUT = 1.2  # of the upper edge of the band, so that nothing within it is lost
_PENALTY = 10.0  # weight of the gradient penalty, as published
_DECAY = 0.999  # of the running mean of weights, a step
_STEP = 1024  # windows made at a time
_JUDGED = 500  # made beats a class that are judged


@dataclass(frozen=True, kw_only=True)
class Making:
    """The keys of ``[model]``.

    Attributes
    ----------
    rare : classes that are generated; all but the most frequent one if not given.
    latent : numbers of noise.
    width : channels of the last layer but one; both nets grow with it.
    critic : steps of the critic for each of the generator.
    """

    rare: tuple[str, ...] = ()
    latent: int = 64
    width: int = 16
    critic: int = 3

    @classmethod
    def of(cls, recipe: Recipe) -> Making:
        """Return that of a recipe.

        Raises
        ------
        UsageError : a key or a value is not for generators.
        """
        check_keys("model", recipe.model.arguments, cls.__dataclass_fields__)
        check_keys("augment", recipe.augment, ())
        found = cls(**recipe.model.arguments)
        if not isinstance(found.rare, (list, tuple)):
            raise UsageError("model.rare", f"is {found.rare!r}", "Give a list of classes")
        check_keys("model.rare", found.rare, recipe.corpus.classes)
        for key in ("latent", "width", "critic"):
            value = getattr(found, key)
            if type(value) is not int or value < 1:
                raise UsageError(f"model.{key}", f"is {value!r}", "Give a whole number from 1 on")
        return found


def _time(recipe: Recipe) -> int:
    spec = recipe.input
    return round(spec.window[0] * spec.rate) + round(spec.window[1] * spec.rate)


def build(recipe: Recipe) -> Generator:
    """Return the generator of a recipe, untrained."""
    making, spec = Making.of(recipe), recipe.input
    return Generator(
        leads=len(spec.leads), time=_time(recipe), classes=len(recipe.corpus.classes),
        latent=making.latent, width=making.width, cut=min(0.5, _CUT * spec.band[1] / spec.rate),
        standard=spec.normalise == "zscore",
    )  # fmt: skip


def learnt_rows(recipe: Recipe, split: Split) -> npt.NDArray[np.int64]:
    """Return the rows of the beats that the generator learns from: rare, of the training side.

    Raises
    ------
    UsageError : a class it shall generate has fewer than two beats there.
    """
    rows, classes = split.training.rows, recipe.corpus.classes
    label = split.beats.label[rows]
    counts = np.bincount(label, minlength=len(classes))
    rare = Making.of(recipe).rare or tuple(
        name for i, name in enumerate(classes) if 1 < counts[i] < counts.max()
    )
    for name in rare:
        if counts[classes.index(name)] < 2:
            fault = f"{name!r} has {counts[classes.index(name)]} beats in training"
            raise UsageError("model.rare", fault, "Leave the class out")
    chosen = rows[np.isin(label, [classes.index(name) for name in rare])]
    if not len(chosen):
        raise UsageError("model.rare", "no class is rarer than the others", "Name the classes")
    return chosen


class _Game:
    """Both nets, their optimisers and the mean of the generator; all that a checkpoint holds."""

    def __init__(self, recipe: Recipe) -> None:
        self.generator = build(recipe)
        self.critic = Critic(
            leads=len(recipe.input.leads), time=_time(recipe), classes=len(recipe.corpus.classes),
            width=Making.of(recipe).width,
        )  # fmt: skip
        self.mean = copy.deepcopy(self.generator)
        rate = recipe.optimiser.learning_rate
        self.optimisers = [
            torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.9))
            for net in (self.generator, self.critic)
        ]
        self.log: list[dict[str, float]] = []
        self.steps = 0

    def _made(self, label: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(len(label), self.generator.latent)
        found: torch.Tensor = self.generator(noise, label)
        return found

    def judge_step(self, window: torch.Tensor, label: torch.Tensor) -> tuple[float, float]:
        """Teach the critic one batch; return the distance it sees and its penalty."""
        with torch.no_grad():
            made = self._made(label)
        distance = (self.critic(window, label) - self.critic(made, label)).mean()
        bent = penalty(self.critic, window, made, label)
        self.optimisers[1].zero_grad(set_to_none=True)
        (_PENALTY * bent - distance).backward()
        self.optimisers[1].step()
        return float(distance.detach()), float(bent.detach())

    def make_step(self, label: torch.Tensor) -> None:
        """Teach the generator one batch and move its mean."""
        self.critic.requires_grad_(False)
        self.optimisers[0].zero_grad(set_to_none=True)
        (-self.critic(self._made(label), label).mean()).backward()
        self.critic.requires_grad_(True)
        self.optimisers[0].step()
        self.steps += 1
        # At first the mean would be of hardly any steps; then it forgets as fast as it has seen.
        keep = min(_DECAY, self.steps / (self.steps + 10))
        for old, new in zip(
            self.mean.state_dict().values(), self.generator.state_dict().values(), strict=True
        ):
            if old.is_floating_point():
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)

    def state(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "generator": self.generator.state_dict(), "critic": self.critic.state_dict(),
            "mean": self.mean.state_dict(), "steps": self.steps, "log": self.log,
            "optimisers": [o.state_dict() for o in self.optimisers],
        }  # fmt: skip

    def load(self, state: dict[str, Any]) -> None:
        """Take all of a checkpoint."""
        for name in ("generator", "critic", "mean"):
            getattr(self, name).load_state_dict(state[name])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.steps, self.log = int(state["steps"]), list(state["log"])


def _write_log(path: Path, rows: list[dict[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" for k, v in r.items()} for r in rows)
    write_text(path, text.getvalue())


def fit(recipe: Recipe, run: Path, resume: bool) -> None:
    """Train the generator of a recipe with its first seed into the folder `run`, and judge it.

    An epoch is ``optimiser.beats`` beats shown to the critic. ``weights.safetensors`` is written
    last: a run that has it is finished, and resuming it does nothing.

    Raises
    ------
    UsageError : the recipe does not fit, or the folder holds something else.
    """
    o, seed = recipe.optimiser, recipe.seeds[0]
    making = Making.of(recipe)
    torch.manual_seed(seed)
    game = _Game(recipe)
    _run.begin(recipe, run, resume=resume)
    if (run / _run.WEIGHTS).is_file():
        return
    torch.set_num_threads(o.threads)
    data = prepare(recipe, seed)
    rows = learnt_rows(recipe, data.split)
    _run.write_json(run / "split.json", data.split.to_dict())
    windows, last = data.windows(rows), run / "checkpoints" / "last.safetensors"
    if resume and last.is_file():
        game.load(read_checkpoint(last))
    draws = Draws(
        windows.label.numpy(), balance=recipe.objective.balance, beats=o.beats, batch=o.batch,
        seed=seed,
    )  # fmt: skip
    for epoch in range(len(game.log), o.epochs):
        # Each epoch's chance begins anew, so that a resumed run has the same.
        torch.manual_seed(1_000_003 * seed + 1009 * epoch)
        draws.set_epoch(epoch)
        seen = []
        bar = tqdm(
            draws, f"epoch {epoch + 1}/{o.epochs}", unit="batch", leave=False,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        for number, batch in enumerate(bar):
            window, _, label = windows[batch]
            seen.append(game.judge_step(window, label))
            if number % making.critic == making.critic - 1:
                game.make_step(label)
        distance, bent = np.mean(seen, axis=0)
        game.log.append({"epoch": float(epoch), "distance": distance, "penalty": bent})
        SafeCheckpointIO().save_checkpoint(game.state(), last)
        _write_log(run / "log.csv", game.log)
    found, picture = _judge(recipe, game.mean.eval(), data)
    _run.write_json(run / "metrics.json", found)
    write_text(run / GRID, picture)
    with beside(run / _run.WEIGHTS) as temporary:
        save_file({k: v.contiguous() for k, v in game.mean.state_dict().items()}, temporary)


def draw(generator: Generator, label: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float32]:
    """Return windows (beat, lead, time) of the classes `label` (beat,); a function of the seed."""
    noise = torch.randn(
        len(label), generator.latent, generator=torch.Generator().manual_seed(seed)
    )  # fmt: skip
    named = torch.from_numpy(label)
    with torch.no_grad():
        parts = [
            generator(noise[at : at + _STEP], named[at : at + _STEP])
            for at in range(0, len(label), _STEP)
        ]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def load(run: Path) -> tuple[Recipe, Generator]:
    """Return the recipe and the trained generator of a finished run.

    Raises
    ------
    DataError : it is no such run.
    """
    if not (run / _run.WEIGHTS).is_file():
        raise DataError(run, "holds no trained generator", "Run: einthoven train wgan --run FOLDER")
    recipe = load_recipe(str(run / "recipe.toml"))
    if recipe.model.name != "wgan":
        mend = "Name the run of a recipe with model.name = wgan"
        raise DataError(run, f"is a run of {recipe.model.name!r}, not of a generator", mend)
    generator = build(recipe)
    generator.load_state_dict(load_file(run / _run.WEIGHTS))
    return recipe, generator.eval()


def judge(run: Path) -> dict[str, Any]:
    """Return what the beats of a finished run are worth, from training and validation side alone.

    ``f1``, ``nearest`` and the counts as `_likeness.judged` says them.
    """
    recipe, generator = load(run)
    return _judge(recipe, generator, prepare(recipe, recipe.seeds[0]))[0]


def _judge(recipe: Recipe, generator: Generator, data: Data) -> tuple[dict[str, Any], str]:
    seed, rows, classes = recipe.seeds[0], learnt_rows(recipe, data.split), recipe.corpus.classes
    real, held = data.windows(data.split.training.rows), data.windows(data.split.validation.rows)
    label = np.sort(data.split.beats.label[rows])
    made = draw(generator, label, seed)
    found = {
        "classes": list(classes), "seed": seed, "protocol": data.split.title,
        "parameters": sum(p.numel() for p in generator.parameters()),
        "epochs": recipe.optimiser.epochs, "beats_an_epoch": recipe.optimiser.beats,
        "learnt": {classes[i]: int((label == i).sum()) for i in np.unique(label)},
        **judged(real, held, made, label, classes, seed=seed, most=_JUDGED),
    }  # fmt: skip
    return found, grid(real, made, label, classes, seed=seed)
