"""Atrial fibrillation from intervals alone: a network, and trees on measures that it has to beat.

Windows of five minutes, divided into folds by subject. Each fold is answered by a network and by
trees that saw nobody of it; nothing is chosen by the answers. The
corpora of ``model.elsewhere`` are learnt by nobody: they get the mean of what the folds' systems
say.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from einthoven.evaluation.answers import Answers
from einthoven.inputs.rr_window import MEASURES, RATE, SPAN, TIME
from einthoven.models import MODELS, boosting
from einthoven.record.errors import UsageError
from einthoven.training import _run, _weights
from einthoven.training._recipe import Recipe, check_keys
from einthoven.training._rhythm_net import rate
from einthoven.training._rr_data import Examples, folds, load

NETWORK, TREES, ONE = "answers.npz", "trees.npz", "one-measure.npz"

# The authors' moments of AdamW (arXiv:2605.26190).
_BETAS = (0.85, 0.998)
_AT_ONCE = 64  # windows answered together

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of ``[model]`` and ``[augment]``.

    Attributes
    ----------
    folds : into how many parts the subjects of each corpus are dealt.
    elsewhere : corpora that are answered and not learnt.
    shift : seconds by which a window that is learnt begins sooner or later, at most.
    """

    folds: int = 4
    elsewhere: tuple[str, ...] = ()
    shift: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe) -> Keys:
        """Return the keys of a recipe; unknown ones are refused.

        Raises
        ------
        UsageError : a key or a value is not for this trainer.
        """
        check_keys("model", recipe.model.arguments, ("folds", "elsewhere"))
        check_keys("augment", recipe.augment, ("shift",))
        spec = recipe.input
        if spec.kind != "rr" or spec.rate != RATE or spec.window[1] != SPAN:
            raise UsageError("input", "is another", 'Give kind = "rr", rate = 4, window [0, 300]')
        found = cls(**recipe.model.arguments, **recipe.augment)
        if found.folds < 2 or not 0 <= found.shift <= SPAN / 2:
            mend = "Give 2 folds or more, and a shift from 0 to 150"
            raise UsageError("recipe", f"has {found.folds} folds, shift {found.shift:g}", mend)
        if recipe.optimiser.keep != "last":
            raise UsageError("optimiser.keep", "is best, and nothing is chosen here", "Give last")
        return found


class Scaled(nn.Module):
    """A network that eats seconds of interval: what it was taught is brought to mean 0 and SD 1.

    Parameters
    ----------
    net : eats (batch, 1, time).
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("centre", torch.zeros(1))
        self.register_buffer("spread", torch.ones(1))

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        """Return (batch, 2) logits: another rhythm, fibrillation."""
        centre, spread = torch.as_tensor(self.centre), torch.as_tensor(self.spread)
        found: torch.Tensor = self.net((window - centre) / spread)
        return found


def build(recipe: Recipe) -> Scaled:
    """Return the network of a recipe, untrained.

    Raises
    ------
    UsageError : the architecture is not known.
    """
    entry, classes = MODELS[recipe.model.name], len(recipe.corpus.classes)
    return Scaled(entry.build(leads=1, time=TIME, classes=classes, side=0))


def train(
    recipe: Recipe, shift: float, data: Examples, rows: Ints, file: Path, seed: int
) -> Scaled:
    """Return the network taught on some of the windows; it is read where `file` is there."""
    o = recipe.optimiser
    torch.set_num_threads(o.threads)
    torch.manual_seed(seed)
    net = build(recipe)
    if file.is_file():
        return _weights.filled(net, file)
    seen = data.windows(rows).astype(np.float64)
    net.centre.fill_(seen.mean())  # type: ignore[operator]
    net.spread.fill_(seen.std())  # type: ignore[operator]
    worker = torch.optim.AdamW(
        net.parameters(), o.learning_rate, betas=_BETAS, weight_decay=o.weight_decay
    )
    steps = max(1, len(rows) // o.batch)
    for epoch in range(o.epochs):
        rng = np.random.default_rng([seed, epoch])
        order, total = rng.permutation(rows), 0.0
        net.train()
        for step in range(steps):
            for group in worker.param_groups:
                group["lr"] = rate(epoch * steps + step, steps * o.epochs, o.learning_rate)
            picked = order[step * o.batch : (step + 1) * o.batch]
            window, label = data.moved(picked, shift, rng)
            loss = functional.cross_entropy(
                net(torch.from_numpy(window)), torch.from_numpy(label),
                label_smoothing=recipe.objective.label_smoothing,
            )  # fmt: skip
            worker.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if o.clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), o.clip)
            worker.step()
            total += float(loss.detach())
        _run.tell(f"{file.stem}: epoch {epoch + 1} of {o.epochs}, loss {total / steps:.4f}")
    _weights.save(net.state_dict(), file)
    return net.eval()


def said(net: Scaled, data: Examples, rows: Ints) -> Floats:
    """Return (row,) logits of fibrillation: how far it lies above another rhythm."""
    found = []
    with torch.no_grad():
        for part in np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE)):
            z = net(torch.from_numpy(data.windows(part)))
            found.append((z[:, 1] - z[:, 0]).numpy())
    return np.asarray(np.concatenate(found), np.float32)


def fit(recipe: Recipe, run: Path, resume: bool = False) -> None:
    """Train by a recipe with its first seed into the folder `run`.

    ``answers.npz`` are the network's, ``trees.npz`` those of the trees, and ``one-measure.npz`` is
    RMSSD as a part of the mean interval, of which nothing is learnt: part ``validation`` out of
    fold, ``test`` elsewhere. A fold whose network is there is not trained again.

    Raises
    ------
    UsageError, DataError : the recipe cannot be followed, or the records are not here.
    """
    keys, seed, begin = Keys.of(recipe), recipe.seeds[0], time.process_time()
    _run.begin(recipe, run, resume=resume)
    if (run / "metrics.json").is_file():
        return
    data = load((recipe.corpus.name, *recipe.corpus.others))
    label, measures, fold = data.labels, data.measures(), folds(data, keys.folds)
    # What networks cost that were there already is not known.
    whole = not any(run.glob("fold-*.safetensors"))
    away = load(keys.elsewhere) if keys.elsewhere else None
    strange = away.measures() if away is not None else np.zeros((0, len(MEASURES)), np.float32)
    _run.write_json(
        run / "split.json",
        {f"fold-{k}": sorted(set(data.subject[fold == k].tolist())) for k in range(keys.folds)},
    )
    answers = {name: np.zeros(len(data), np.float32) for name in (NETWORK, TREES)}
    others = {name: np.zeros(len(strange), np.float32) for name in answers}
    for k in range(keys.folds):
        held, rows = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        if len(np.unique(label[rows])) < 2 or not len(held):
            mend = "Give more records, or fewer folds"
            raise UsageError("model.folds", f"part {k} leaves no two rhythms to learn", mend)
        net = train(recipe, keys.shift, data, rows, run / f"fold-{k}.safetensors", seed)
        trees = boosting.build(seed, {})
        trees.fit(measures[rows], label[rows])
        answers[NETWORK][held] = said(net, data, held)
        answers[TREES][held] = _margin(trees, measures[held])
        if away is not None:
            every = np.arange(len(away))
            others[NETWORK] += said(net, away, every) / keys.folds
            others[TREES] += _margin(trees, strange) / keys.folds
    parts = {"validation": (data, fold)}
    if away is not None:
        parts["test"] = (away, np.full(len(away), -1))
    one = MEASURES.index("rmssd_part")
    answers[ONE], others[ONE] = measures[:, one], strange[:, one]
    for name, logits in answers.items():
        _answers(parts, np.concatenate([logits, others[name]])).save(run / name)
    values = {
        "seed": seed, "parameters": sum(p.numel() for p in net.parameters()),
        "measures": list(MEASURES), "windows": len(data), "fibrillation": int(label.sum()),
        "subjects": len(set(data.subject.tolist())),
        "processor_seconds": round(time.process_time() - begin) if whole else None,
    }  # fmt: skip
    _run.write_json(run / "metrics.json", values)


def _margin(trees: Any, measures: Floats) -> Floats:
    z = boosting.logits(trees, measures, 2)
    return np.asarray(z[:, 1] - z[:, 0], np.float32)


def _answers(parts: Mapping[str, tuple[Examples, Ints]], logits: Floats) -> Answers:
    """Return the table of windows; `domain` is the rhythm that most of a window is."""
    columns: dict[str, list[Any]] = {
        n: [] for n in ("part", "corpus", "record", "subject", "domain", "fold", "label")
    }
    for part, (data, fold) in parts.items():
        first = (data.start // round(RATE)).tolist()
        names = [f"{r}@{s}" for r, s in zip(data.record.tolist(), first, strict=True)]
        given = (
            np.full(len(data), part), data.corpus, np.array(names), data.subject, data.commonest,
            fold, data.labels[:, None].astype(np.float32),
        )  # fmt: skip
        for column, value in zip(columns.values(), given, strict=True):
            column.append(value)
    joined: dict[str, Any] = {name: np.concatenate(found) for name, found in columns.items()}
    return Answers(classes=("AF",), logits=logits[:, None], **joined)
