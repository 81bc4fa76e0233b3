"""What a model costs: numbers, multiplications, bytes and time a beat."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from einthoven.bundle import eaten
from einthoven.inputs import side_names
from einthoven.record.files import write_text
from einthoven.record.inputspec import InputSpec
from einthoven.suites._looks import fingerprint
from einthoven.suites._runs import Run
from einthoven.training._recipe import load_recipe

if TYPE_CHECKING:
    import torch

FILE = "cost.json"
KEPT = "model.onnx"  # the graph that a run on rows of numbers keeps, of trees and of both
_WARM, _TIMES = 30, 300


def macs(net: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """Return the multiply-accumulates of one forward pass in matrix products and convolutions.

    Counted where they are done, so that functions count as layers do; sums, activations and
    normalisations are not counted, as is the custom.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    net.eval()
    try:
        # Fused recurrent and attention kernels hide their products from the counter.
        torch.backends.mha.set_fastpath_enabled(False)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as flop:
                net(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(flop.get_total_flops()) // 2


def graph(net: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> bytes:
    """Return the ONNX graph of a net that eats ``window`` and, if there is a second, ``side``."""
    from einthoven.models._onnx import exported

    return exported(net, dict(zip(("window", "side"), inputs, strict=False)))


def session(model: bytes) -> Any:
    """Return an ONNX session of one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])


def latency(model: bytes, around: int = 0) -> float:
    """Return the median milliseconds that a graph takes for one beat, on one thread.

    Parameters
    ----------
    around : beats beside it whose side numbers are eaten, too.
    """
    run = session(model)
    shapes = {
        i.name: [1 + around, i.shape[-1]] if i.name == "side" else [1, *i.shape[1:]]
        for i in run.get_inputs()
    }
    feed = eaten(run, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    spans = []
    for turn in range(_WARM + _TIMES):
        start = time.perf_counter()
        run.run(None, feed)
        if turn >= _WARM:
            spans.append(time.perf_counter() - start)
    return 1000 * float(np.median(spans))


def model_of(run: Run) -> tuple[bytes, int | None]:
    """Return the ONNX graph of a finished run and its multiply-accumulates; None where unknown."""
    if (run.path / KEPT).is_file():
        return (run.path / KEPT).read_bytes(), None
    import torch

    from einthoven.training.nets import load

    recipe = load_recipe(str(run.path / "recipe.toml"))
    net, spec = load(recipe, run.path), recipe.input
    inputs = [torch.zeros(1, len(spec.leads), spec.time)]
    if side_names(spec):
        inputs.append(torch.zeros(1, len(side_names(spec))))
    return graph(net, tuple(inputs)), macs(net, tuple(inputs))


def cost(run: Run) -> Mapping[str, Any]:
    """Return ``macs``, ``bytes`` and ``milliseconds`` of a run; measured once, kept in its folder.

    Raises
    ------
    DataError : the run has no weights.
    """
    path, mark = run.path / FILE, fingerprint(run.predictions)
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # Another training may have taken the folder over.
        if kept.get("answers") == mark:
            return kept["cost"]  # type: ignore[no-any-return]
    model, products = model_of(run)
    spent = latency(model, sum(InputSpec.from_dict(run.recipe["input"]).neighbours))
    found = {"macs": products, "bytes": len(model), "milliseconds": round(spent, 4)}
    write_text(path, json.dumps({"answers": mark, "cost": found}) + "\n")
    return found
