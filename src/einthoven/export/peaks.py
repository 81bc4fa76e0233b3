"""The R-peak detector: run folder to bundle, checked against the trained net."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from einthoven._version import __version__
from einthoven.bundle import Card, Stage
from einthoven.record.errors import DataError
from einthoven.record.files import write_text
from einthoven.record.inputspec import InputSpec
from einthoven.signal._peaks_front import FEATURES, GRID
from einthoven.training._recipe import load_recipe
from einthoven.training.peaks import CLIP, PeakNetwork, load

_TOLERANCE = 1e-4
PROTOCOL = (
    "Weights fitted on DS1 of mitdb alone, judged by EC57 on DS1 (seen), DS2 and the paced records "
    "(unseen by the weights). Not blind: the figures outside DS1 were looked at often while the "
    "detector was made, and the rules that join leads were changed after errors in 231 and 107."
)
LIMITS = (
    "Research software, not a medical device.",
    "Learnt from 22 half-hours of 22 adults in the 1970s, at 360 Hz.",
    "Figures outside DS1 are optimistic for two leads and may be for one: see the protocol.",
    "More than two leads were not judged against reference beats.",
    "Ventricular flutter and fibrillation have no R peaks and are not judged.",
    "In noise of 0 dB and below beats are left out rather than invented.",
)


def graph(net: PeakNetwork) -> onnx.ModelProto:
    """Return the net as ONNX: ``side`` in, ``logits`` (item, 2) and ``offset`` (item, 1) out."""
    state = {k: v.numpy() for k, v in net.state_dict().items()}
    # Clipping between bounds per input saves the two passes of standardising.
    low = state["mean"] - CLIP / state["scale"]
    high = state["mean"] + CLIP / state["scale"]
    numbers = [k.removesuffix(".weight") for k in sorted(state) if k.endswith(".weight")]
    constants: dict[str, Any] = {"low": low, "high": high}
    nodes = [
        helper.make_node("Max", ["side", "low"], ["above"]),
        helper.make_node("Min", ["above", "high"], ["x0"]),
    ]
    for i, name in enumerate(numbers):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if i == 0:
            weight = weight * state["scale"][None]
            bias = bias - weight @ state["mean"]
        if i == len(numbers) - 1:
            # Two classes: the logit of "no beat" is 0.
            weight = np.concatenate([np.zeros_like(weight[:1]), weight])
            bias = np.concatenate([np.zeros_like(bias[:1]), bias])
        constants |= {f"w{i}": weight, f"b{i}": bias}
        nodes.append(helper.make_node("Gemm", [f"x{i}", f"w{i}", f"b{i}"], [f"h{i}"], transB=1))
        if i < len(numbers) - 1:
            nodes.append(helper.make_node("Relu", [f"h{i}"], [f"x{i + 1}"]))
    nodes.append(
        helper.make_node("Split", [f"h{len(numbers) - 1}", "sizes"], ["logits", "offset"], axis=1)
    )
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    tensors.append(numpy_helper.from_array(np.array([2, 1], np.int64), "sizes"))
    side = helper.make_tensor_value_info("side", TensorProto.FLOAT, ["item", FEATURES])
    outs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["item", 2]),
        helper.make_tensor_value_info("offset", TensorProto.FLOAT, ["item", 1]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "rpeaks", [side], outs, tensors),
        opset_imports=[helper.make_opsetid("", 17)], producer_name="einthoven",
    )  # fmt: skip
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def export(run: Path, out: Path, figures: Mapping[str, Any] | None = None) -> Path:
    """Write the bundle of a finished run and check that ONNX and the net agree.

    Parameters
    ----------
    run : folder that `training.peaks.fit` left.
    out : the bundle's folder; made.
    figures : what was measured, for the card; `fill` adds them once the suite has judged it.

    Returns
    -------
    out

    Raises
    ------
    DataError : the run is not finished, or ONNX and the net differ by more than 1e-4.
    """
    if not (run / "metrics.json").is_file():
        raise DataError(run, "is no finished run", "Train it first")
    recipe = load_recipe(str(run / "recipe.toml"))
    net = load(run)
    model = graph(net)
    _verify(net, model, run)
    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    thresholds = json.loads((run / "thresholds.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()
    card = Card(
        name=recipe.name, version=__version__, task="peaks", title=recipe.title,
        stages=(), classes=("other", "beat"), profiles=("review", "live"), default=True,
        thresholds=thresholds, protocol=PROTOCOL, figures=figures or {},
        data={
            recipe.corpus.name: split["train"],
            "nstdb": "second half of each noise record, mixed in and alone",
            "synthetic": "signals without beats, see training/_peak_sets.py",
        },
        recipe=recipe.name, run=digest[:12], paper=recipe.paper, limits=LIMITS,
    )  # fmt: skip
    return _write(card, model, out)


def fill(bundle: Path, results: Path) -> Path:
    """Put the figures of ``results/peaks.json`` on the card of the bundle they were measured of.

    Parameters
    ----------
    bundle : folder that `export` wrote.
    results : what ``suites.peaks`` wrote.

    Returns
    -------
    bundle

    Raises
    ------
    DataError : the results are not of a detector of that name and those training records.
    """
    card = Card.from_json((bundle / "card.json").read_text(encoding="utf-8"), str(bundle))
    found = json.loads(results.read_text(encoding="utf-8"))
    weights = found["weights"]
    if weights["name"] != card.name or weights["seen"] not in card.data.values():
        raise DataError(results, f"is not of {card.name}", "Run the suite on this bundle")
    model = onnx.load(bundle / card.stages[0].file)
    return _write(replace(card, figures=figures_of(found)), model, bundle)


def figures_of(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card holds of ``peaks.json``: gross figures, with intervals over records."""
    out: dict[str, Any] = {"scoring": results["scoring"], "interval": results["interval"]}
    for leads in ("one lead", "two leads"):
        for side, entry in results[leads].items():
            out[f"{side}, {leads}"] = _slim(entry)
    for title, part in results.items():
        if title.endswith("-fold by record"):
            for leads in ("one lead", "two leads"):
                out[f"all 48, {title}, {leads}"] = _slim(part[leads])
            out[f"recipe of {title}"] = part["recipe"]
    return out


def _slim(entry: Mapping[str, Any]) -> dict[str, Any]:
    figures = {
        name: {"value": entry[name], "interval_95_over_records": entry[f"{name}_95"]}
        for name in ("se", "ppv", "f1_50ms")
    }
    return {name: entry[name] for name in ("records", "beats", "missed", "extra")} | figures


def _write(card: Card, model: onnx.ModelProto, out: Path) -> Path:
    """Write the card beside the ONNX and into it."""
    inside = replace(card, stages=())
    helper.set_model_props(model, {"card": inside.to_json()})
    data = model.SerializeToString(deterministic=True)
    spec = InputSpec(kind="candidates", rate=GRID, band=(7.0, 24.0), waveform=False)
    stage = Stage(file="peaks.onnx", sha256=hashlib.sha256(data).hexdigest(), input=spec)
    out.mkdir(parents=True, exist_ok=True)
    (out / stage.file).write_bytes(data)
    write_text(out / "card.json", replace(card, stages=(stage,)).to_json())
    return out


def _verify(net: PeakNetwork, model: onnx.ModelProto, run: Path) -> None:
    import onnxruntime as ort
    import torch

    x = np.random.default_rng(0).standard_normal((512, FEATURES)).astype(np.float32)
    x = x / net.state_dict()["scale"].numpy() + net.state_dict()["mean"].numpy()
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    logits, offset = session.run(None, {"side": x})
    with torch.no_grad():
        wanted = net(torch.from_numpy(x)).numpy()
    worst = float(np.abs(np.stack([logits[:, 1], offset[:, 0]], axis=1) - wanted).max())
    if not worst <= _TOLERANCE:
        raise DataError(run, f"ONNX and the net differ by {worst:.2g}", "Report this as a fault")
