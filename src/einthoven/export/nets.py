"""A run of a network to a bundle: ONNX and card, held against the trained net on real beats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from einthoven._version import __version__
from einthoven.bundle import Bundle, Card, Stage
from einthoven.corpora import open_corpus
from einthoven.export._card import slim, withdraw, write
from einthoven.inputs import _patient
from einthoven.models._onnx import exported
from einthoven.record.errors import DataError
from einthoven.suites._runs import read_run
from einthoven.suites.beats import judge_runs
from einthoven.training._recipe import load_recipe
from einthoven.training._run import WEIGHTS
from einthoven.training.nets import Data, load, logits, prepare

FILE = "model.onnx"
TOLERANCE = 1e-4
_BEATS = 2000  # real beats that both must agree on
_LIMITS = (
    "Research software, not a medical device.",
    "For lead II and leads like it (MLII, I, V4 to V6, a single ECG); not for aVR or V1 alone.",
    "Not for paced rhythm: no paced beat was learnt.",
)
_LEADS = ("Eats a second lead beside the first; a record of one lead is refused.",)
_NLRAV = (
    "Bundle branch block was learnt from few patients.",
    "Fused, escape, junctional and aberrated beats are called by one of these five classes.",
    "A beat is judged by its own second alone, without the rhythm around it.",
)


def _graph(net: torch.nn.Module, data: Data) -> bytes:
    windows = data.windows(data.split.validation.rows[:2])
    inputs = {"window": windows.window}
    if windows.side.shape[1]:
        inputs["side"] = windows.side
    return exported(net, inputs)


def disagreement(bundle: Bundle, net: torch.nn.Module, data: Data) -> float:
    """Return the largest difference of a logit between a bundle and its net on real beats.

    The beats are of the validation side, evenly over its records.
    """
    rows = data.split.validation.rows
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _BEATS).astype(np.int64))]
    windows = data.windows(rows)
    said = bundle.run({"window": windows.window.numpy(), "side": windows.side.numpy()})
    return float(np.abs(said - logits(net, windows)).max())


def _figures(run: Path) -> Mapping[str, Any]:
    made = read_run(run)
    corpus = open_corpus(made.corpus)
    found: dict[str, Any] = {}
    for part in ("validation", "test"):
        row = judge_runs([made], corpus, part=part)
        found[f"{part} side, reference beats"] = {
            "records": row["records"], "beats": int(row["n"]), **slim(row["figures"])
        }  # fmt: skip
    found["note"] = "One run, one seed. The validation side chose the epoch; the test side nothing."
    return found


def export(run: Path, out: Path) -> Path:
    """Write the bundle of a finished run of a network; return its folder.

    Raises
    ------
    DataError : the run is not finished, or ONNX and net differ by more than 1e-4 on real beats.
    UsageError : the net asks who the patient is, which nothing in use tells it.
    """
    weights = run / WEIGHTS
    if not weights.is_file() or not (run / "metrics.json").is_file():
        raise DataError(run, "is no finished run", "Train it first, or go on with --resume")
    recipe = load_recipe(str(run / "recipe.toml"))
    _patient.refuse(recipe.input.side, run, "Export a run without it in input.side")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    data = prepare(recipe, recipe.seeds[0])
    net = load(recipe, run)
    corpus, split = open_corpus(recipe.corpus.name), data.split
    described = {
        name: np.unique(split.beats.record[side.rows]).tolist()
        for name, side in split.sides.items()
        if name != "test"
    }
    nlrav = recipe.corpus.labels == "nlrav"
    card = Card(
        name=recipe.model.name, version=__version__, task="beat", title=recipe.title,
        stages=(Stage(file=FILE, sha256="", input=recipe.input),), classes=recipe.corpus.classes,
        profiles=("review", "live") if not recipe.input.hop else
        ("review",) if recipe.input.ahead >= 10 else ("live",),
        offsets=tuple(metrics["offsets"]), temperature=metrics["temperature"],
        threshold=metrics["threshold"], protocol=split.title, figures=_figures(run),
        data={
            "corpus": corpus.title, "licence": corpus.licence, "url": corpus.url,
            "subjects": {
                name: np.unique(split.beats.subject[side.rows]).tolist()
                for name, side in split.sides.items() if name != "test"
            },
            "records": described,
        },
        recipe=recipe.name, run=hashlib.sha256(weights.read_bytes()).hexdigest()[:12],
        paper=recipe.paper,
        limits=_LIMITS + _NLRAV * nlrav + _LEADS * (len(recipe.input.leads) > 1),
    )  # fmt: skip
    write(out, _graph(net, data), card)
    worst = disagreement(Bundle(out), net, data)
    if not worst <= TOLERANCE:
        withdraw(out, card, run, worst)
    return out
