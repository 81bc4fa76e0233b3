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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from einthoven.models.wgan import Critic, Generator, penalty
from einthoven.record.files import write_text
from einthoven.training import _run, _weights
from einthoven.training._batches import Draws
from einthoven.training._checkpoint import SafeCheckpointIO, read_checkpoint
from einthoven.training._generator import Making, build, draw, learnt_rows, load
from einthoven.training._likeness import grid, judged
from einthoven.training._nets import Data, prepare
from einthoven.training._recipe import Recipe

GRID = "grid.svg"
_PENALTY = 10.0  # weight of the gradient penalty, as published
_DECAY = 0.999  # of the running mean of weights, a step
_JUDGED = 500  # made beats a class that are judged


class _Game:
    """Both nets, their optimisers and the mean of the generator; all that a checkpoint holds."""

    def __init__(self, recipe: Recipe) -> None:
        spec, classes = recipe.input, len(recipe.corpus.classes)
        self.generator = build(recipe)
        self.critic = Critic(
            leads=len(spec.leads), time=spec.time, classes=classes, width=Making.of(recipe).width
        )
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
    _weights.save(game.mean.state_dict(), run / _run.WEIGHTS)


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
