"""Beat sequence: each beat is judged with the 15 beats before and after it.

Every beat's side numbers become an embedding; convolutions over beats, dilated 1, 2, 4 and 8, then
let the embeddings of 31 neighbouring beats speak for the one in the middle (after Bai, Kolter,
Koltun 2018, arXiv:1803.01271; the layers are ours). A beat is not alone: in fibrillation no early
beat is supraventricular, and a shape that keeps coming after pauses is ventricular every time.

Several networks, and a mixture of them with trees, are written as ONNX by hand: all are one graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from einthoven.models._onnx import exported

DILATIONS = (1, 2, 4, 8)
REACH = sum(DILATIONS)  # beats before and after
_CLIP = 5.0  # standard deviations; a number further out says no more
_FEW = 128


class BeatSequence(nn.Module):
    """Side numbers of consecutive beats in, logits of those that have `REACH` neighbours out.

    Parameters
    ----------
    numbers, classes : side numbers a beat; classes.
    width : channels of the embedding.
    hidden : channels of the layer before it.
    dropout : share of the channels dropped in training.
    noise : standard deviations of noise added to the side numbers in training.
    """

    def __init__(
        self, numbers: int, classes: int, *, width: int = 32, hidden: int = 48,
        dropout: float = 0.3, noise: float = 0.2,
    ) -> None:  # fmt: skip
        super().__init__()
        self.scale = nn.BatchNorm1d(numbers, affine=False)
        self.first, self.second = nn.Conv1d(numbers, hidden, 1), nn.Conv1d(hidden, width, 1)
        self.around = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=d) for d in DILATIONS)
        self.steady = nn.ModuleList(nn.BatchNorm1d(width) for _ in DILATIONS)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv1d(2 * width, classes, 1)
        self._noise = noise

    def forward(self, side: torch.Tensor) -> torch.Tensor:
        """Return logits (sequence, class, beat) of `side` (sequence, number, 15 + beat + 15)."""
        side = torch.clamp(self.scale(side), -_CLIP, _CLIP)
        if self.training and self._noise:
            side = side + self._noise * torch.randn_like(side)
        own = torch.relu(self.second(self.dropout(torch.relu(self.first(side)))))
        maps = own
        for dilation, layer, norm in zip(DILATIONS, self.around, self.steady, strict=True):
            change = self.dropout(torch.relu(norm(layer(maps))))
            maps = maps[..., dilation:-dilation] + change
        logits: torch.Tensor = self.head(torch.cat([maps, own[..., REACH:-REACH]], dim=1))
        return logits

    def folded(self) -> BeatSequence:
        """Fold each normalisation into the convolution before it, for use, and return self."""
        for n, (conv, norm) in enumerate(zip(self.around, self.steady, strict=True)):
            assert isinstance(conv, nn.Conv1d)
            assert isinstance(norm, nn.BatchNorm1d)
            self.around[n], self.steady[n] = fuse_conv_bn_eval(conv, norm), nn.Identity()
        return self


def _array(tensor: torch.Tensor | None) -> npt.NDArray[np.float32]:
    assert tensor is not None
    return tensor.detach().numpy().astype(np.float32)


class _Graph:
    """Nodes and constants of an ONNX graph, named in order."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.embedded = 0

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, value: npt.NDArray[Any]) -> str:
        """Return a constant; one that float16 can hold is kept as such, and cast where it is used.

        With a few numbers the cast would be longer than what it saves.
        """
        half = value.astype(np.float16) if value.dtype == np.float32 else value
        if value.size < _FEW or half is value or (half.astype(np.float32) != value).any():
            return self.constant(value)
        from onnx import TensorProto

        return self.add("Cast", self.constant(half), to=TensorProto.FLOAT)

    def mean(self, of: Sequence[str]) -> str:
        """Return the mean of the log probabilities of several (beat, class) logits."""
        each = [self.add("LogSoftmax", name, axis=1) for name in of]
        return each[0] if len(each) == 1 else self.add("Mean", *each)

    def embed(self, net: nn.Module, wave: Wave, side: str) -> str:
        """Add a network over the wave as torch writes it, and return the name of its logits."""
        import onnx
        from onnx import numpy_helper

        given = {"window": torch.zeros(2, 1, wave.time), "numbers": torch.zeros(2, wave.side)}
        data = exported(net, given, output="waved", free={0: "beat"})
        inner = onnx.load_from_string(data).graph
        self.embedded += 1
        names = {"window": "window", "numbers": side, "": ""}
        for held in inner.initializer:
            names[held.name] = self.weight(numpy_helper.to_array(held))
        for number, node in enumerate(inner.node):
            for at, name in enumerate(node.input):
                node.input[at] = names[name]
            for at, name in enumerate(node.output):
                names[name] = f"w{self.embedded}_{number}_{at}"
                node.output[at] = names[name]
            node.name = ""
            self.nodes.append(node)
        return names["waved"]

    def cut(self, of: str, less: int, axis: int) -> str:
        """Return `of` without its first and last `less` entries along an axis."""
        first, last = np.array([less], np.int64), np.array([-less], np.int64)
        ends = (self.constant(first), self.constant(last), self.constant(np.array([axis])))
        return self.add("Slice", of, *ends)

    def joined(self, of: str, width: int) -> str:
        """Return `of` (sequence, beat, width) as (sequence * beat, width)."""
        return self.add("Reshape", of, self.constant(np.array([-1, width], np.int64)))


def _network(graph: _Graph, net: BeatSequence) -> str:
    """Add a `folded` network and return the name of its logits (sequence * beat, class)."""
    spread = np.sqrt(_array(net.scale.running_var) + net.scale.eps)
    side = graph.add("Sub", "side", graph.constant(_array(net.scale.running_mean)))
    side = graph.add("Div", side, graph.constant(spread.astype(np.float32)))
    limits = (graph.constant(np.float32(-_CLIP)), graph.constant(np.float32(_CLIP)))
    side = graph.add("Clip", side, *limits)
    side = graph.add("Transpose", side, perm=[0, 2, 1])

    def layer(maps: str, weight: Any, bias: Any, dilation: int = 1) -> str:
        ends = (graph.weight(weight), graph.weight(bias))
        return graph.add("Conv", maps, *ends, dilations=[dilation])

    own = side
    for point in (net.first, net.second):
        own = graph.add("Relu", layer(own, _array(point.weight), _array(point.bias)))
    maps = own
    for dilation, conv in zip(DILATIONS, net.around, strict=True):
        assert isinstance(conv, nn.Conv1d)
        change = graph.add("Relu", layer(maps, _array(conv.weight), _array(conv.bias), dilation))
        maps = graph.add("Add", graph.cut(maps, dilation, 2), change)
    maps = graph.add("Concat", maps, graph.cut(own, REACH, 2), axis=1)
    logits = layer(maps, _array(net.head.weight), _array(net.head.bias))
    return graph.joined(graph.add("Transpose", logits, perm=[0, 2, 1]), net.head.out_channels)


def to_onnx(
    nets: Sequence[BeatSequence], classes: Sequence[str], *, trees: bytes | None = None,
    share: float, wave: Wave | None = None,
) -> bytes:  # fmt: skip
    """Return ONNX: ``side`` (sequence, 15 + beat + 15, number) in, ``logits`` out.

    The logits are (sequence * beat, class), sequence by sequence: so one question can ask what
    would be said of a beat in many variants, each with its neighbours.

    Parameters
    ----------
    nets : trained and `folded`; the mean of their log probabilities counts.
    classes : names.
    trees : gradient boosting as `models.boosting.to_onnx` gives it, to be mixed with the networks.
    share : of the networks in the mixture, a mean of log probabilities; 1 is the networks alone.
    wave : what moderates the answer; the graph then eats ``window``
        (sequence * beat, 1, time), too.
    """
    import onnx
    from onnx import helper

    graph = _Graph()
    last = graph.mean([_network(graph, net) for net in nets])
    numbers = nets[0].first.in_channels
    eaten = [
        helper.make_tensor_value_info("side", onnx.TensorProto.FLOAT, ["sequence", "row", numbers])
    ]
    if trees is not None:
        node = onnx.load_from_string(trees).graph.node[0]
        own = graph.joined(graph.cut("side", REACH, 1), numbers)
        node.input[0], node.output[0] = own, "trees"
        graph.nodes.append(node)
        parts = ((graph.mean(["trees"]), 1 - share), (last, share))
        weighed = [graph.add("Mul", n, graph.constant(np.float32(w))) for n, w in parts]
        last = graph.add("Add", *weighed)
    if wave is not None:
        shape: list[str | int | None] = ["beat", 1, wave.time]
        eaten.append(helper.make_tensor_value_info("window", onnx.TensorProto.FLOAT, shape))
        last = _moderated(graph, last, wave, numbers, classes)
    graph.nodes.append(helper.make_node("Identity", [last], ["logits"]))
    told: list[str | int | None] = ["beat", len(classes)]
    whole = helper.make_model(
        helper.make_graph(
            graph.nodes, "beat-sequence", eaten,
            [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, told)],
            graph.constants,
        ),
        producer_name="einthoven", ir_version=8,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
    )  # fmt: skip
    onnx.checker.check_model(whole)
    data: bytes = whole.SerializeToString()
    return data


@dataclass(frozen=True, kw_only=True, eq=False)
class Wave:
    """Networks over the beat's own wave that moderate the answer, see `moderated`.

    Attributes
    ----------
    nets : eat windows (beat, 1, time) and the first `side` of the side numbers; the mean of their
        log probabilities counts.
    share : of it.
    time, side : samples of a window, and numbers that go with it.
    """

    nets: tuple[nn.Module, ...]
    share: float
    time: int
    side: int


def together(classes: Sequence[str]) -> list[int]:
    """Return the indices of the classes that rhythm alone tells apart."""
    return [i for i, c in enumerate(classes) if c in ("N", "S")]


def moderated(
    said: npt.NDArray[np.float64], waved: npt.NDArray[np.float64], share: float,
    classes: Sequence[str],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return log probabilities (beat, class) with a share of others' in them.

    N and S rise and fall together, by the probability that a beat is one of the two: a wave tells
    them from V and F, but not from each other.
    """
    few = together(classes)

    def grouped(of: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found = of.copy()
        found[:, few] = np.logaddexp.reduce(of[:, few], axis=1, keepdims=True)
        return found

    return said + share * (grouped(waved) - grouped(said))


def _moderated(graph: _Graph, said: str, wave: Wave, numbers: int, classes: Sequence[str]) -> str:
    """Add the networks over the wave, and `moderated`, to a graph; return what is said then."""
    own = graph.joined(graph.cut("side", REACH, 1), numbers)
    if wave.side < numbers:
        ends = (graph.constant(np.array([e], np.int64)) for e in (0, wave.side, 1))
        own = graph.add("Slice", own, *ends)
    few = together(classes)
    mask = np.isin(np.arange(len(classes)), few)[None]
    terms = []
    waved = graph.mean([graph.embed(net, wave, own) for net in wave.nets])
    for each in (graph.mean([said]), waved):
        some = graph.add("Gather", each, graph.constant(np.array(few, np.int64)), axis=1)
        both = graph.add("ReduceLogSumExp", some, axes=[1], keepdims=1)
        terms += [each, graph.add("Where", graph.constant(mask), both, each)]
    change = graph.add(
        "Mul", graph.add("Sub", terms[3], terms[1]), graph.constant(np.float32(wave.share))
    )
    return graph.add("Add", terms[0], change)
