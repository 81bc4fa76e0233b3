"""The rhythm model as one ONNX graph: the network with weights of 8 bits, the trees as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from einthoven.models import _trees
from einthoven.models._onnx import exported
from einthoven.models.rhythm_crnn import RhythmCrnn
from einthoven.training.rhythm import voice

_LEAST = 64  # numbers of a weight that is worth 8 bits
_SAMPLES = 3000


class _Voice(nn.Module):
    def __init__(self, net: RhythmCrnn) -> None:
        super().__init__()
        self.net = net

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        return voice(self.net, window)


class _Builder:
    """Adds to a graph by operator; names are made up."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._count = 0

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"own_{kind}_{self._count}"

    def constant(self, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = self._name("constant")
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        from onnx import helper

        out = out or self._name(kind.lower())
        self._graph.node.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out


def graph(
    net: RhythmCrnn, trees: _trees.Trees, share: float, numbers: int, *, small: bool
) -> bytes:
    """Return ONNX: ``window`` (item, 2, time), ``side`` (item, number) in, ``logits`` out.

    Parameters
    ----------
    share : of the network in the geometric mean.
    numbers : of the trees' input.
    small : whether the network's weights are held in 8 bits, one scale a channel of the output.
    """
    import onnx
    from onnx import TensorProto, helper

    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    example = {"window": torch.ones(3, 2, _SAMPLES)}
    model = onnx.load_from_string(exported(_Voice(net), example, output="network"))
    if small:
        _shrink(model.graph)
    build = _Builder(model.graph)
    said = _trees.add_to(trees, "side", build.constant, build.add)
    said = build.add("LogSoftmax", said, axis=1)
    parts = [
        build.add("Mul", name, build.constant(np.float32(weight)))  # type: ignore[arg-type]
        for name, weight in (("network", share), (said, 1 - share))
    ]
    build.add("Add", *parts, out="logits")
    side = helper.make_tensor_value_info("side", TensorProto.FLOAT, ["item", numbers])
    model.graph.input.append(side)
    del model.graph.output[:]
    classes = len(trees.base)
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["item", classes])
    model.graph.output.append(logits)
    model.producer_name, model.producer_version = "einthoven", ""
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _shrink(part: Any) -> None:
    """Hold the weights of convolutions, GRU and linear layers in 8 bits."""
    from onnx import helper, numpy_helper

    axes = _axes(part)
    nodes = []
    for held in list(part.initializer):
        value = numpy_helper.to_array(held)
        if value.dtype != np.float32 or value.size < _LEAST or held.name not in axes:
            continue
        axis = axes[held.name]
        others = tuple(k for k in range(value.ndim) if k != axis)
        scale = np.maximum(np.abs(value).max(axis=others) / 127, 1e-9).astype(np.float32)
        shape = [-1 if k == axis else 1 for k in range(value.ndim)]
        whole = np.rint(value / scale.reshape(shape)).astype(np.int8)
        name = held.name
        names = [f"{name}_int8", f"{name}_scale"]
        part.initializer.remove(held)
        part.initializer.extend(
            [numpy_helper.from_array(v, n) for v, n in zip((whole, scale), names, strict=True)]
        )
        nodes.append(helper.make_node("DequantizeLinear", names, [name], axis=axis))
    rest = list(part.node)
    del part.node[:]
    part.node.extend(nodes + rest)


def _axes(part: Any) -> dict[str, int]:
    """Return which axis of each weight is the channel of the output."""
    found: dict[str, int] = {}
    for node in part.node:
        if node.op_type == "Conv":
            found[node.input[1]] = 0
        elif node.op_type == "GRU":
            found |= {node.input[1]: 1, node.input[2]: 1}
        elif node.op_type == "MatMul":
            found[node.input[1]] = 1
        elif node.op_type == "Gemm":
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            found[node.input[1]] = 0 if turned else 1
    return found
