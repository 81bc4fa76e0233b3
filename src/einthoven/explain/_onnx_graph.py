"""The graph of an ONNX file as a network in torch, so that a shipped model has gradients.

Only where every operator has one: trees have none. Each operator is a layer of its own, named by
its kind and its place, and its weights are parameters, so that layers can be watched and changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from einthoven.explain._onnx_file import Graph, Node
from einthoven.record.errors import UsageError

Tensor = torch.Tensor

# Operators whose second and later inputs are what was learnt.
_LEARNT = ("Conv", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization")
_NAMES = ("weight", "bias", "mean", "variance")
_TORCH = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}


def torch_graph(graph: Graph, where: str) -> TorchGraph:
    """Return a network whose forward eats the graph's inputs by name.

    Parameters
    ----------
    graph : as `read_graph` gives it.
    where : names the file in messages.

    Raises
    ------
    UsageError : an operator has no gradient, or is not among those our exports use; it is named.
    """
    for node in graph.nodes:
        if node.kind.startswith("TreeEnsemble"):
            fault = "is made of trees, which have no gradient"
            raise UsageError(where, fault, "Use a method that needs answers alone")
        if node.kind not in _OPERATORS or node.domain:
            fault = f"has the operator {node.kind}, of which we know no gradient"
            raise UsageError(where, fault, "Give the run folder in its place")
    return TorchGraph(graph)


class Operator(nn.Module):
    """One operator of a graph; `learnt` are its inputs that were learnt, by place."""

    def __init__(self, node: Node, learnt: dict[int, Tensor]) -> None:
        super().__init__()
        self.node, self.places = node, {}
        for at, value in learnt.items():
            name = _NAMES[at - 1] if at <= len(_NAMES) else f"weight{at}"
            self.register_parameter(name, nn.Parameter(value, requires_grad=False))
            self.places[at] = name

    def forward(self, *inputs: Tensor | None) -> Any:
        """Return the output, or a tuple of several."""
        given = list(inputs)
        for at, name in self.places.items():
            given[at] = getattr(self, name)
        return _OPERATORS[self.node.kind](self.node.attributes, *given)


class TorchGraph(nn.Module):
    """Operators one after the other.

    Attributes
    ----------
    inputs : names of what forward eats, by keyword.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.inputs, self._output = graph.inputs, graph.outputs[0]
        known = {name: torch.from_numpy(value.copy()) for name, value in graph.constants.items()}
        self._steps: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
        for number, node in enumerate(graph.nodes):
            given = [known.get(name) for name in node.inputs]
            if all(v is not None for v, n in zip(given, node.inputs, strict=True) if n):
                made = _OPERATORS[node.kind](node.attributes, *given)
                known.update(zip(node.outputs, _many(made), strict=False))
                continue
            learnt = {}
            if node.kind in _LEARNT:
                learnt = {
                    at: value for at, value in enumerate(given)
                    if at and value is not None and value.is_floating_point()
                }  # fmt: skip
            name = f"{node.kind.lower()}_{number}"
            self.add_module(name, Operator(node, learnt))
            self._steps.append((name, node.inputs, node.outputs))
        used = {name for _, inputs, _ in self._steps for name in inputs}
        self._constants = {k: v for k, v in known.items() if k in used or k == self._output}

    def forward(self, **inputs: Tensor) -> Tensor:
        """Return the graph's first output."""
        values: dict[str, Tensor | None] = {"": None, **self._constants, **inputs}
        for name, given, made in self._steps:
            found = getattr(self, name)(*(values[g] for g in given))
            values.update(zip(made, _many(found), strict=False))
        last = values[self._output]
        assert last is not None
        return last


def _many(found: Any) -> Sequence[Tensor]:
    return found if isinstance(found, tuple) else (found,)


def _axes(own: Any, given: Tensor | None, default: Any = None) -> Any:
    """Return axes, which older operators have as an attribute and newer ones as an input."""
    if given is not None:
        return tuple(given.tolist())
    axes = own.get("axes")
    return default if axes is None else tuple(axes)


def _padding(own: Any, axes: int, what: str) -> tuple[list[int], list[int]]:
    """Return what is padded before and behind each axis."""
    if own.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise UsageError(what, f"pads by {own['auto_pad'].decode()}", "Give the run folder")
    pads = own.get("pads") or [0] * (2 * axes)
    return pads[:axes], pads[axes:]


def _padded(x: Tensor, before: list[int], after: list[int], value: float) -> Tensor:
    ends = [e for b, a in zip(reversed(before), reversed(after), strict=True) for e in (b, a)]
    return functional.pad(x, ends, value=value) if any(ends) else x


def _conv(own: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axes = weight.ndim - 2
    x = _padded(x, *_padding(own, axes, "Conv"), 0.0)
    convolve: Callable[..., Tensor] = (functional.conv1d, functional.conv2d)[axes - 1]
    stride, dilation = own.get("strides") or [1] * axes, own.get("dilations") or [1] * axes
    return convolve(x, weight, bias, stride, 0, dilation, own.get("group", 1))


def _gemm(own: Any, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.transpose(0, 1) if own.get("transA") else a
    b = b.transpose(0, 1) if own.get("transB") else b
    found = torch.matmul(a, b) * float(own.get("alpha", 1.0))
    return found if c is None else found + float(own.get("beta", 1.0)) * c


def _normal(own: Any, x: Tensor, *learnt: Tensor) -> Tensor:
    weight, bias, mean, variance = learnt
    return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0,
                                 own.get("epsilon", 1e-5))  # fmt: skip


def _layer_normal(own: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    shape = x.shape[own.get("axis", -1) :]
    return functional.layer_norm(x, shape, weight, bias, own.get("epsilon", 1e-5))


def _max_pool(own: Any, x: Tensor) -> Tensor:
    kernel = own["kernel_shape"]
    axes = len(kernel)
    if own.get("ceil_mode") or max(own.get("dilations") or [1]) > 1:
        x = _ceiled(own, x, -torch.inf)
    x = _padded(x, *_padding(own, axes, "MaxPool"), -torch.inf)
    stride = own.get("strides") or [1] * axes
    pool: Callable[..., Tensor] = (functional.max_pool1d, functional.max_pool2d)[axes - 1]
    return pool(x, kernel, stride)


def _ceiled(own: Any, x: Tensor, value: float) -> Tensor:
    """Return maps filled up so that the last window of a pooling is whole."""
    kernel, axes = own["kernel_shape"], len(own["kernel_shape"])
    before, after = _padding(own, axes, "pooling")
    stride = own.get("strides") or [1] * axes
    sizes = [x.shape[2 + n] + before[n] + after[n] for n in range(axes)]
    more = [-(s - k) % t for s, k, t in zip(sizes, kernel, stride, strict=True)]
    return _padded(x, [0] * axes, more, value)


def _average_pool(own: Any, x: Tensor) -> Tensor:
    kernel, axes = own["kernel_shape"], len(own["kernel_shape"])
    before, after = _padding(own, axes, "AveragePool")
    pool: Callable[..., Tensor] = (functional.avg_pool1d, functional.avg_pool2d)[axes - 1]
    padded = before if before == after else 0
    x = x if padded else _padded(x, before, after, 0.0)
    return pool(
        x, kernel, own.get("strides") or [1] * axes, padded, bool(own.get("ceil_mode")),
        bool(own.get("count_include_pad")),
    )  # fmt: skip


def _clip(own: Any, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    least = own.get("min") if low is None else low.item()
    most = own.get("max") if high is None else high.item()
    return torch.clamp(x, least, most)


def _reduced(
    function: Callable[..., Tensor],
) -> Callable[..., Tensor]:
    """Return an operator that joins the numbers along some axes."""

    def reduce(own: Any, x: Tensor, axes: Tensor | None = None) -> Tensor:
        along = _axes(own, axes, tuple(range(x.ndim)))
        return function(x, along, bool(own.get("keepdims", 1)))

    return reduce


def _squeeze(own: Any, x: Tensor, axes: Tensor | None = None) -> Tensor:
    along = _axes(own, axes)
    return x.squeeze() if along is None else x.squeeze(along)


def _unsqueeze(own: Any, x: Tensor, axes: Tensor | None = None) -> Tensor:
    along = _axes(own, axes)
    for axis in sorted(a % (x.ndim + len(along)) for a in along):
        x = x.unsqueeze(axis)
    return x


def _reshape(own: Any, x: Tensor, shape: Tensor) -> Tensor:
    del own
    wanted = [x.shape[n] if s == 0 else s for n, s in enumerate(shape.tolist())]
    return x.reshape(tuple(wanted))


def _slice(
    own: Any, x: Tensor, start: Tensor, end: Tensor, axes: Tensor | None = None,
    step: Tensor | None = None,
) -> Tensor:  # fmt: skip
    del own
    along = range(len(start)) if axes is None else axes.tolist()
    steps = [1] * len(start) if step is None else step.tolist()
    for axis, a, b, s in zip(along, start.tolist(), end.tolist(), steps, strict=True):
        size = x.shape[axis]
        at = torch.arange(size)[slice(a, b, s)] if s > 0 else torch.arange(size).flip(0)
        if s < 0:
            at = torch.tensor(list(range(size))[a if abs(a) < 2**62 else None :
                                                b if abs(b) < 2**62 else None : s])  # fmt: skip
        x = x.index_select(axis, at)
    return x


def _split(own: Any, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    parts = own.get("split") if sizes is None else sizes.tolist()
    return torch.split(x, parts, dim=own.get("axis", 0))


def _gather(own: Any, x: Tensor, at: Tensor) -> Tensor:
    axis = own.get("axis", 0) % x.ndim
    at = torch.where(at < 0, at + x.shape[axis], at)
    picked = x.index_select(axis, at.flatten())
    return picked.reshape((*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]))


def _shape(own: Any, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[own.get("start", 0) : own.get("end")], dtype=torch.int64)


def _constant(own: Any) -> Tensor:
    if "value" not in own:
        (value,) = own.values()
        return torch.tensor(value)
    return torch.from_numpy(own["value"].copy())


def _filled(own: Any, shape: Tensor) -> Tensor:
    value = own.get("value")
    if value is None:
        return torch.zeros(shape.tolist())
    return torch.from_numpy(value.copy()).expand(shape.tolist()).clone()


def _dequantised(own: Any, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    if scale.numel() > 1:
        shape = [1] * x.ndim
        shape[own.get("axis", 1)] = -1
        scale, zero = scale.reshape(shape), None if zero is None else zero.reshape(shape)
    return (x.float() - (0 if zero is None else zero.float())) * scale


def _pad(own: Any, x: Tensor, pads: Tensor, value: Tensor | None = None,
         axes: Tensor | None = None) -> Tensor:  # fmt: skip
    if own.get("mode", b"constant") != b"constant" or axes is not None:
        raise UsageError("Pad", "is of a kind that we do not know", "Give the run folder")
    half = len(pads) // 2
    ends = pads.tolist()
    return _padded(x, ends[:half], ends[half:], 0.0 if value is None else value.item())


def _softmax(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda own, x: function(x, dim=own.get("axis", -1))


def _plain(function: Any) -> Callable[..., Tensor]:
    """Return an operator that has no attributes."""
    return lambda _, *inputs: function(*inputs)


_PLAIN: dict[str, Any] = {
    "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Exp": torch.exp,
    "Log": torch.log, "Sqrt": torch.sqrt, "Abs": torch.abs, "Neg": torch.neg, "Erf": torch.erf,
    "Sin": torch.sin, "Cos": torch.cos, "Round": torch.round, "Reciprocal": torch.reciprocal,
    "MatMul": torch.matmul, "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul,
    "Div": torch.div, "Pow": torch.pow, "Mod": torch.remainder, "Where": torch.where,
    "Equal": torch.eq, "Less": torch.lt, "Greater": torch.gt, "Not": torch.logical_not,
    "IsNaN": torch.isnan, "Identity": lambda x: x,
    # Numbers that are repeated: a sum with zeros of the wider shape has them all.
    "Expand": lambda x, shape: x + torch.zeros(shape.tolist(), dtype=x.dtype),
    "GlobalAveragePool": lambda x: x.mean(dim=tuple(range(2, x.ndim)), keepdim=True),
}  # fmt: skip

_OPERATORS: dict[str, Callable[..., Any]] = {
    "Constant": _constant, "ConstantOfShape": _filled, "DequantizeLinear": _dequantised,
    "Conv": _conv, "Gemm": _gemm, "BatchNormalization": _normal,
    "LayerNormalization": _layer_normal, "MaxPool": _max_pool, "AveragePool": _average_pool,
    "Clip": _clip, "Softmax": _softmax(torch.softmax), "LogSoftmax": _softmax(torch.log_softmax),
    "ReduceMean": _reduced(torch.mean), "ReduceSum": _reduced(torch.sum),
    "ReduceMax": _reduced(torch.amax), "ReduceLogSumExp": _reduced(torch.logsumexp),
    "Cast": lambda own, x: x.to(_TORCH[own["to"]]), "Shape": _shape,
    "Transpose": lambda own, x: x.permute(own.get("perm") or list(range(x.ndim))[::-1]),
    "Flatten": lambda own, x: x.flatten(own.get("axis", 1)), "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze, "Reshape": _reshape, "Slice": _slice, "Split": _split,
    "Concat": lambda own, *x: torch.cat(x, dim=own["axis"]), "Gather": _gather, "Pad": _pad,
    **{name: _plain(function) for name, function in _PLAIN.items()},
}  # fmt: skip
