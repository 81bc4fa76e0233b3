"""Controls of the twelve-lead networks: what a network is worth is told by what needs none.

Boosting on measurements has a recipe of its own. Here are an encoder whose weights are chance,
read by a linear probe (arXiv:2602.17531 asks for it), and the answer that is the same for all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from einthoven.evaluation.answers import Answers
from einthoven.training._recipe import Recipe

if TYPE_CHECKING:
    from einthoven.training._record_data import Data
    from einthoven.training._record_net import RecordNet

Floats = npt.NDArray[np.float64]
_AT_ONCE = 256
_PULL = 10.0  # of the probe's weights towards 0, on features of SD 1


def probe(recipe: Recipe, folder: Path) -> None:
    """Fit a linear probe on the features of a recipe's untrained network; write a run folder.

    The weights stay as chance made them; normalisation and scale are the training side's.
    """
    import torch

    from einthoven.training import _run, records
    from einthoven.training._record_run import answers_of, finish

    seed = recipe.seeds[0]
    torch.manual_seed(seed)
    torch.set_num_threads(recipe.optimiser.threads)
    net = records.build(recipe)
    _run.begin(recipe, folder, resume=True)
    data = records.prepare(recipe, seed)
    split = data.split
    windows = data.of(split.training)
    net.fit(data.window[windows], data.side[windows])
    _normalise(net, data.window[windows])
    sides = {"validation": split.validation, "test": split.test}
    learnt = features(net, data, split.training)
    centre, spread = learnt.mean(axis=0), learnt.std(axis=0) + 1e-6
    weights = fit_linear((learnt - centre) / spread, split.examples.label[split.training])
    said = [
        with_one((features(net, data, rows) - centre) / spread) @ weights for rows in sides.values()
    ]
    logits = np.concatenate(said).astype(np.float32)
    finish(
        folder, split, answers_of(split, sides, logits),
        {"seed": seed, "parameters": int(weights.size)},
    )  # fmt: skip


def _normalise(net: RecordNet, window: npt.NDArray[np.float32]) -> None:
    import torch

    for layer in net.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over all batches
    net.train()
    with torch.no_grad():
        for start in range(0, len(window), _AT_ONCE):
            net.features(torch.from_numpy(window[start : start + _AT_ONCE]))
    net.eval()


def features(net: RecordNet, data: Data, rows: npt.NDArray[np.int64]) -> Floats:
    """Return (record, feature): mean and largest of each last map, mean over a record's windows."""
    import torch

    from einthoven.training._record_data import by_record

    windows, found = data.of(rows), []
    with torch.no_grad():
        for start in range(0, len(windows), _AT_ONCE):
            maps = net.features(torch.from_numpy(data.window[windows[start : start + _AT_ONCE]]))
            found.append(torch.cat([maps.mean(2), maps.amax(2)], dim=1).numpy())
    said = by_record(data.owner[windows], np.concatenate(found))
    return np.stack([said[row] for row in rows.tolist()]).astype(np.float64)


def with_one(x: Floats) -> Floats:
    """Return `x` with a column of ones behind it."""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def fit_linear(x: Floats, label: npt.NDArray[np.floating]) -> Floats:
    """Return (feature and one, class) weights of logistic regressions, by Newton's method.

    Parameters
    ----------
    x : (record, feature) of mean 0 and SD 1.
    label : (record, class) 1, 0 or NaN, which is left out.
    """
    found = np.zeros((x.shape[1] + 1, label.shape[1]))
    pull = np.append(np.full(x.shape[1], _PULL), 1e-6)
    for c in range(label.shape[1]):
        known = ~np.isnan(label[:, c])
        design, y, w = with_one(x[known]), label[known, c].astype(np.float64), found[:, c]
        for _ in range(25):
            p = 1 / (1 + np.exp(-np.clip(design @ w, -30, 30)))
            slope = design.T @ (p - y) + pull * w
            bend = (design * (p * (1 - p))[:, None]).T @ design + np.diag(pull)
            step = np.linalg.solve(bend, slope)
            w -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
            if np.abs(step).max() < 1e-6:
                break
    return found


def majority(like: Answers) -> Answers:
    """Return the control that gives each class the same probability, its share, of all records.

    The share is that of the judged records themselves: it flatters Brier and calibration, and no
    ranking.
    """
    share = np.nan_to_num(np.nanmean(like.label, axis=0), nan=0.5).clip(1e-3, 1 - 1e-3)
    row = np.log(share / (1 - share)).astype(np.float32)
    count = len(like.classes)
    return replace(
        like, logits=np.repeat(row[None], len(like), axis=0),
        offsets=np.zeros(count), temperature=np.ones(count),
    )  # fmt: skip
