"""Train the net that tells R peaks from other candidates: a multilayer perceptron on 95 numbers."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import nn

from einthoven._version import __version__
from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.protocols.robustness import noise_halves
from einthoven.signal._peaks_front import FEATURES
from einthoven.training import _weights
from einthoven.training._peak_joint import Described, describe, fit_join
from einthoven.training._peak_sets import Table, no_beats, real, stack
from einthoven.training._recipe import Recipe, check_keys, load_recipe, to_toml

Floats = npt.NDArray[np.float32]

CLIP = 6.0
_SHAPE = 33
_MODEL: dict[str, Any] = {
    "hidden": (40, 16),
    "dropout": 0.1,
    "offset_weight": 0.3,
    "threshold": -1.0,
    "parts": 4,
}
_AUGMENT: dict[str, Any] = {"copies": 5, "cold": 60, "no_beats": 40, "noise": "second"}


class PeakNetwork(nn.Module):
    """Standardise, clip, two hidden layers; out come the logit and the offset.

    Parameters
    ----------
    hidden : units of the hidden layers.
    dropout : of the inputs, in training.
    """

    def __init__(self, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        widths = [FEATURES, *hidden]
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (candidate, 2): logit of being a beat, offset in grid samples."""
        mean, scale = torch.as_tensor(self.mean), torch.as_tensor(self.scale)
        out: torch.Tensor = self.layers(torch.clamp((x - mean) * scale, -CLIP, CLIP))
        return out


def _batches(n: int, size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    order = rng.permutation(n)
    for a in range(0, n - size + 1, size):
        yield order[a : a + size]


def train(data: Table, recipe: Recipe, seed: int) -> tuple[PeakNetwork, list[dict[str, float]]]:
    """Return the net trained on `data`, and a row of losses an epoch."""
    options = _MODEL | dict(recipe.model.arguments)
    check_keys("model", options, _MODEL)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = PeakNetwork(options["hidden"], options["dropout"])
    net.mean.copy_(torch.from_numpy(data.features.mean(axis=0)))  # type: ignore[operator]
    spread = np.maximum(data.features.std(axis=0), 1e-3)
    net.scale.copy_(torch.from_numpy(1 / spread))  # type: ignore[operator]
    opt = recipe.optimiser
    steps = opt.epochs * (len(data.labels) // opt.batch)
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=opt.learning_rate, weight_decay=opt.weight_decay
    )
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, opt.learning_rate, total_steps=steps)
    x, label, offset, weight = (
        torch.from_numpy(v) for v in (data.features, data.labels, data.offsets, data.weights)
    )
    deviation = torch.from_numpy(spread)
    rows = []
    net.train()
    for epoch in range(opt.epochs):
        total = 0.0
        count = 0
        for pick in _batches(len(label), opt.batch, rng):
            at = torch.from_numpy(pick)
            inputs = x[at]
            sign = torch.where(torch.rand(len(at), 1) < 0.5, -1.0, 1.0)
            inputs = torch.cat([inputs[:, :_SHAPE] * sign, inputs[:, _SHAPE:]], dim=1)
            inputs = inputs + 0.1 * deviation * torch.randn_like(inputs)
            out = net(inputs)
            y, w = label[at], weight[at]
            loss = nn.functional.binary_cross_entropy_with_logits(out[:, 0], y, weight=w)
            far = nn.functional.huber_loss(out[:, 1], offset[at], reduction="none")
            loss = loss + options["offset_weight"] * (far * y * w).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
            total, count = total + float(loss.detach()), count + 1
        rows.append({"epoch": epoch, "loss": total / max(1, count)})
    net.eval()
    return net, rows


class Material:
    """What a recipe trains on, drawn in one go for the records asked for.

    Parameters
    ----------
    recipe, seed : the recipe, and what its chance is drawn from.
    """

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        self._options = _AUGMENT | dict(recipe.augment)
        check_keys("augment", self._options, _AUGMENT)
        self._noises = noise_halves(self._options["noise"])
        self._corpus = open_corpus(recipe.corpus.name)
        self._joint_rng = np.random.default_rng(2000 + seed)

    def _real(self, records: Sequence[str], rng: np.random.Generator) -> list[Table]:
        return real(
            records, self._recipe.corpus.name, rng, copies=self._options["copies"],
            cold=self._options["cold"], noises=self._noises,
        )  # fmt: skip

    def _none(self, rng: np.random.Generator) -> list[Table]:
        return no_beats(rng, self._options["no_beats"], self._noises)

    def table(self, records: Sequence[str]) -> Table:
        """Return all that the net trains on, from those records."""
        rng = np.random.default_rng(1000 + self._seed)
        return stack([*self._real(records, rng), *self._none(rng)])

    def joint(self, name: str) -> Sequence[Described]:
        """Return what the weights that join the leads are fitted on, of one record."""
        return describe(self._corpus.open(name).record(), self._noises, self._joint_rng)


class SharedMaterial(Material):
    """The same, each record drawn by its own chance and once, so that folds can share it."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        super().__init__(recipe, seed)
        self._tables: dict[str, Table] = {}
        self._described: dict[str, Sequence[Described]] = {}

    def table(self, records: Sequence[str]) -> Table:
        """Return all that the net trains on, from those records."""
        if not self._tables:
            nothing = np.random.default_rng(1000 + self._seed)
            self._tables[""] = stack(self._none(nothing))
        for name in records:
            if name not in self._tables:
                rng = np.random.default_rng([1000 + self._seed, *name.encode()])
                self._tables[name] = stack(self._real([name], rng))
        return stack([self._tables[name] for name in (*records, "")])

    def joint(self, name: str) -> Sequence[Described]:
        """Return what the weights that join the leads are fitted on, of one record."""
        if name not in self._described:
            self._joint_rng = np.random.default_rng([2000 + self._seed, *name.encode()])
            self._described[name] = super().joint(name)
        return self._described[name]


def _threshold(recipe: Recipe) -> float:
    return float((_MODEL | dict(recipe.model.arguments))["threshold"])


def _all(
    recipe: Recipe, records: Sequence[str], seed: int, material: Material
) -> tuple[PeakNetwork, list[dict[str, float]], dict[str, float], dict[str, int]]:
    """Return the net, its losses, the weights that join the leads, and what it was trained on."""
    data = material.table(records)
    net, rows = train(data, recipe, seed)
    counts = {"candidates": len(data.labels), "beats": int(data.labels.sum())}
    del data
    # The leads are joined by what nets say of records they have not seen.
    parts = int((_MODEL | dict(recipe.model.arguments))["parts"])
    count = min(parts, len(records))
    pairs = []
    for part in (records[k::count] for k in range(count)):
        others = [name for name in records if name not in part]
        pairs.append((train(material.table(others), recipe, seed)[0], part))
    return net, rows, fit_join(pairs, material.joint), counts


def fit(recipe: Recipe, run: Path, resume: bool = False) -> None:
    """Train the detector as `recipe` says and leave a run folder.

    It takes a minute, so an interrupted run starts anew; a finished one is left alone on `resume`.

    Parameters
    ----------
    recipe : of task ``peaks``.
    run : folder to write.
    """
    if resume and (run / "metrics.json").is_file():
        return
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(recipe.optimiser.threads)
    records = recipe.protocol.train or DS1
    seed = recipe.seeds[0]
    net, rows, join, counts = _all(recipe, records, seed, Material(recipe, seed))
    (run / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    _json(run / "split.json", {"train": list(records), "validation": [], "test": []})
    _weights.save(net.state_dict(), run / "weights.safetensors")
    _json(
        run / "thresholds.json",
        {"logit": _threshold(recipe), **{f"join.{k}": join[k] for k in join}},
    )
    with (run / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["epoch", "loss"])
        writer.writeheader()
        writer.writerows(rows)
    versions = {"einthoven": __version__, "python": platform.python_version(),
        "numpy": np.__version__, "torch": torch.__version__}  # fmt: skip
    _json(run / "versions.json", versions)
    _json(run / "metrics.json", counts | {"loss": rows[-1]["loss"], "seed": seed})


def load(run: Path) -> PeakNetwork:
    """Return the trained net of a run folder."""
    state = load_file(run / "weights.safetensors")
    hidden = [state[k].shape[0] for k in sorted(state) if k.endswith("weight")][:-1]
    net = PeakNetwork(hidden, 0.0)
    net.load_state_dict(state)
    return net.eval()


def _json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


class TrainedPeaks:
    """A trained net as the detector asks it, without the way through a file.

    Attributes
    ----------
    threshold, join : as in `signal._peaks_net`.
    """

    def __init__(self, net: PeakNetwork, threshold: float, join: dict[str, float]) -> None:
        self._net, self.threshold, self.join = net, threshold, join

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return (candidate,) logits and offsets."""
        with torch.no_grad():
            out: Floats = self._net(torch.from_numpy(features)).numpy()
        return out[:, 0], out[:, 1]


class CrossFit:
    """Trains the shipped recipe again and again, each time on other records.

    Parameters
    ----------
    seed : of each training.
    settings : ``section.key=value``, where it is to differ from the shipped recipe.
    """

    def __init__(self, seed: int, settings: Sequence[str] = ()) -> None:
        self.recipe = load_recipe("rpeaks", settings)
        self._seed = seed
        self._material = SharedMaterial(self.recipe, seed)
        torch.set_num_threads(self.recipe.optimiser.threads)

    def __call__(self, records: Sequence[str]) -> TrainedPeaks:
        """Return the detector's judge trained on those records."""
        net, _, join, _ = _all(self.recipe, records, self._seed, self._material)
        return TrainedPeaks(net, _threshold(self.recipe), join)
