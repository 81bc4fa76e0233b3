"""What the recipe of a network of beats names: its windows, divided, and the network itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.corpora import open_corpus
from einthoven.inputs import side_names
from einthoven.models import MODELS
from einthoven.protocols import Beats, Split
from einthoven.record.errors import UsageError
from einthoven.store import Store, open_store
from einthoven.training import _run, _weights
from einthoven.training._batches import Windows
from einthoven.training._recipe import Recipe, check_arguments

STEP = 2048  # windows asked about at a time


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
    return Data(store=store, split=_run.divided(recipe, beats, seed))


def build(recipe: Recipe) -> nn.Module:
    """Return the network of a recipe, untrained.

    Raises
    ------
    UsageError : the architecture or one of its arguments is not known, or it is to eat neighbours.
    """
    entry = MODELS[recipe.model.name]
    if recipe.input.neighbours != (0, 0):
        fault = f"is {list(recipe.input.neighbours)}, and {recipe.model.name} eats one beat"
        raise UsageError("input.neighbours", fault, "Give [0, 0]")
    check_arguments("model", entry.build, recipe.model.arguments)
    spec = recipe.input
    return entry.build(
        leads=len(spec.leads), time=spec.time, classes=len(recipe.corpus.classes),
        side=len(side_names(spec)), **recipe.model.arguments,
    )  # fmt: skip


def logits(net: nn.Module, windows: Windows) -> npt.NDArray[np.float32]:
    """Return (beat, class) logits; the network is left in evaluation."""
    net.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(windows), STEP):
            rows = torch.arange(start, min(start + STEP, len(windows)))
            window, side = windows[rows][:2]
            found.append(net(window, side) if side.shape[1] else net(window))
    return np.asarray(torch.cat(found).numpy(), np.float32)


def load(recipe: Recipe, run: Path) -> nn.Module:
    """Return the trained network of a finished run."""
    return _weights.filled(build(recipe), run / _run.WEIGHTS)
