"""A run of the net of the waves to a bundle, held against the trained net on real leads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from einthoven._version import __version__
from einthoven.bundle import Bundle, Card, Stage
from einthoven.corpora.ludb import Ludb
from einthoven.export import _card
from einthoven.export._card import CARD, withdraw, write
from einthoven.models._onnx import exported
from einthoven.models.edgenet import EdgeNet
from einthoven.models.unet import CLASSES, UNet
from einthoven.record.files import beside, write_text
from einthoven.signal._waves_edges import POINTS, SIDE
from einthoven.signal._waves_front import front
from einthoven.training._recipe import Recipe
from einthoven.training.waves import corpus_of, load, load_edges

FILE, EDGES = "waves.onnx", "edges.onnx"
TOLERANCE = 1e-3  # of a logit; its sums are of a few hundred terms
_RECORDS = 4  # validation records that both must agree on
PROTOCOL = (
    "150 records of LUDB, one a person, by the SHA-1 of their name: 100 to learn from, 20 to "
    "choose by, 30 to be judged on once the nets were fixed."
)
LIMITS = (
    "Research software, not a medical device.",
    "Learnt from ten seconds each of 100 people of one hospital (LUDB), marked by one team.",
    "No other corpus has judged it.",
    "Paced, ventricular and fibrillating hearts are few among them.",
    "U waves and delta waves have no marks.",
)


def graph(net: UNet) -> bytes:
    """Return the net as ONNX: ``window`` (item, 1, time) in, ``logits`` (item, 4, time) out."""
    example = {"window": torch.zeros(2, 1, 16 * net.multiple)}
    return exported(net, example, free={0: "item", 2: "time"})


def edge_graph(net: EdgeNet) -> bytes:
    """Return the second look as ONNX: ``window`` and ``side`` in, ``shift`` (item, 1) out."""
    example = {"window": torch.zeros(2, 1, POINTS), "side": torch.zeros(2, SIDE)}
    return exported(net, example, output="shift")


def disagreement(bundle: Bundle, net: UNet, leads: npt.NDArray[np.float32]) -> float:
    """Return the largest difference of a logit between a bundle and its net.

    Parameters
    ----------
    leads : (lead, time) as the net eats them.
    """
    time = leads.shape[1] - leads.shape[1] % net.multiple
    window = np.ascontiguousarray(leads[:, None, :time])
    with torch.no_grad():
        wanted = net(torch.from_numpy(window)).numpy()
    return float(np.abs(bundle.run({"window": window}) - wanted).max())


def _leads(corpus: Ludb, records: Sequence[str]) -> npt.NDArray[np.float32]:
    found = [corpus.open(name).record() for name in records]
    return np.concatenate([front(record.signal, record.rate) for record in found])


def export(run: Path, out: Path) -> Path:
    """Write the bundle of a finished run; return its folder.

    Raises
    ------
    DataError : the run is not finished, or ONNX and net differ on real leads.
    """
    recipe, net = load(run)
    corpus = corpus_of(recipe)
    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    card = _described(recipe, corpus, run, split)
    second = load_edges(run)
    write(out, graph(net), card)
    if second is not None:
        _add(out, edge_graph(second), recipe)
    worst = disagreement(Bundle(out), net, _leads(corpus, split["validation"][:_RECORDS]))
    if not worst <= TOLERANCE:
        (out / EDGES).unlink(missing_ok=True)
        withdraw(out, card, run, worst)
    return out


def _add(out: Path, data: bytes, recipe: Recipe) -> None:
    """Put the second look into a bundle, as its second stage."""
    with beside(out / EDGES) as temporary:
        temporary.write_bytes(data)
    stage = Stage(file=EDGES, sha256=hashlib.sha256(data).hexdigest(), input=recipe.input)
    card = Bundle(out).card
    write_text(out / CARD, replace(card, stages=(*card.stages, stage)).to_json())


def _described(recipe: Recipe, corpus: Ludb, run: Path, split: Mapping[str, list[str]]) -> Card:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    weights = [run / name for name in ("weights.safetensors", "edges.safetensors")]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in weights if p.is_file())).hexdigest()
    named = {kind: round(metrics["validation"][f"f1_{kind}"], 4) for kind in CLASSES[1:]}
    return Card(
        name=recipe.name, version=__version__, task="waves", title=recipe.title,
        stages=(Stage(file=FILE, sha256="", input=recipe.input),), classes=CLASSES,
        profiles=("review", "live"), default=True, protocol=PROTOCOL,
        figures={
            "validation side, F1 over samples of single leads": named,
            "validation side, SD of the error in ms, second look": metrics.get("edges_sd_ms", {}),
        },
        data={
            "corpus": corpus.title, "licence": corpus.licence, "url": corpus.url,
            "records": {side: split[side] for side in ("train", "validation")},
            "composed": float(recipe.augment.get("composed", 0.0)),
        },
        recipe=recipe.name, run=digest[:12], paper=recipe.paper, limits=LIMITS,
    )  # fmt: skip


def fill(bundle: Path, results: Path) -> Path:
    """Put the figures of ``results/waves.json`` on the card; see `_card.fill`."""
    return _card.fill(bundle, results, "waves", lambda figures: {"test side": figures})
