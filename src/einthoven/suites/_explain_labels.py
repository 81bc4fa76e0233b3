"""The test of randomised labels: the same network, taught what is true and what is not.

After Adebayo et al. 2018: a network that has learnt permuted labels by heart knows nothing of
hearts. A method whose maps of it are like those of a network that learnt the true ones tells what
the two have in common: the architecture and the trace. For comparison, two networks that learnt
the true labels from other first weights: what the maps of good networks have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from einthoven.evaluation.faithfulness import likeness
from einthoven.explain._model import Model
from einthoven.explain._sanity import told
from einthoven.suites._explain_judge import Explain, Item

if TYPE_CHECKING:
    import torch

    from einthoven.explain._torch_model import TorchModel
    from einthoven.training import Recipe

EACH = 128  # windows of a class that are learnt
_STEPS, _BATCH, _RATE, _LEARNT = 960, 64, 0.002, 0.98


@dataclass(frozen=True)
class Alike:
    """Mean |rho| by rank of signed maps of two networks, over items."""

    other_labels: float
    other_weights: float
    items: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Taught:
    """The networks.

    Attributes
    ----------
    true, again : learnt the true labels, from two sets of first weights.
    permuted : learnt the permuted ones, from the first weights of `true`.
    accuracy : of each on what it learnt.
    windows : how many that were.
    """

    true: Model
    again: Model
    permuted: Model
    accuracy: Mapping[str, float]
    windows: int


def taught(run: Path) -> Taught:
    """Return the network of a run of beats, taught three times on windows of its training side."""
    from einthoven.training import load_recipe, nets

    recipe = load_recipe(str(run / "recipe.toml"))
    data = nets.prepare(recipe, recipe.seeds[0])
    generator = np.random.default_rng(0)
    rows, label = data.split.training.rows, data.split.beats.label[data.split.training.rows]
    some = np.concatenate([
        generator.permutation(rows[label == k])[:EACH] for k in range(len(recipe.corpus.classes))
    ])  # fmt: skip
    windows = data.windows(some)
    true = windows.label.numpy()
    wrong = generator.permutation(true)
    models, accuracy = dict[str, Any](), dict[str, float]()
    for name, labels, seed in (("true", true, 0), ("again", true, 1), ("permuted", wrong, 0)):
        models[name], accuracy[name] = by_heart(
            recipe, windows.window, windows.side, labels, seed, tuple(recipe.corpus.classes)
        )
    return Taught(**models, accuracy=accuracy, windows=len(some))


def by_heart(
    recipe: Recipe, window: torch.Tensor, side: torch.Tensor, labels: Any, seed: int,
    classes: tuple[str, ...],
) -> tuple[TorchModel, float]:  # fmt: skip
    """Return a recipe's network that has learnt its labels by heart, and how well.

    Parameters
    ----------
    window, side : (beat, lead, time) and (beat, number).
    labels : (beat,) indices of `classes`.
    """
    import torch

    from einthoven.explain._torch_model import TorchModel, calibrated
    from einthoven.training import nets

    torch.manual_seed(seed)
    # As many outputs as classes, whatever those are called.
    some = replace(recipe.corpus, classes=recipe.corpus.classes[: len(classes)])
    net, wide = nets.build(replace(recipe, corpus=some)), bool(side.shape[1])

    def answer(rows: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = net(window[rows], *([side[rows]] if wide else []))
        return found

    every = torch.arange(len(labels))
    label = torch.from_numpy(np.asarray(labels, np.int64))
    adam = torch.optim.Adam(net.parameters(), _RATE)
    right = 0.0
    for _ in range(max(1, _STEPS * _BATCH // len(labels))):
        net.train()
        for rows in torch.split(torch.randperm(len(label)), _BATCH):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(answer(rows), label[rows])
            torch.autograd.backward(loss)
            adam.step()
        net.eval()
        with torch.no_grad():
            right = float((answer(every).argmax(1) == label).float().mean())
        if right >= _LEARNT:
            break
    module = calibrated(net, len(classes), side=wide)
    return TorchModel(recipe.name, recipe.task, classes, recipe.input, module), right


def compared(explain: Explain, nets: Taught, items: Sequence[Item]) -> Alike:
    """Return how alike a method's maps of the networks are; flat maps are left out."""
    labels, weights = [], []
    for item in items:
        maps = [told(explain(net, item.case, item.target), item.case)
                for net in (nets.true, nets.permuted, nets.again)]  # fmt: skip
        labels.append(abs(likeness(maps[0], maps[1]).signed))
        weights.append(abs(likeness(maps[0], maps[2]).signed))
    return Alike(_mean(labels), _mean(weights), len(items))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
