"""Graphs of runs that are older than the answer to several sequences of beats at once.

`models.beat_sequence.to_onnx` once wrote graphs that eat one sequence, ``side`` (row, number). The
weights of such a run are nowhere but in its graph, so the graph is changed, not the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from einthoven.record.errors import DataError


def by_sequence(data: bytes) -> bytes:
    """Return a graph that eats ``side`` (sequence, row, number), whatever it ate; the same sums.

    A graph that eats (item, number), each item by itself, or no side numbers, stays as it is.

    Raises
    ------
    DataError : the graph is not one that `models.beat_sequence.to_onnx` wrote.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(data)
    graph = model.graph
    given = [i for i in graph.input if i.name == "side"]
    if graph.name != "beat-sequence" or not given or len(_shape(given[0])) == 3:
        return data
    numbers, classes = _shape(given[0])[1], _shape(graph.output[0])[1]
    held = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    kept: list[Any] = []
    joined = 0

    def join(of: str, width: int, name: str) -> None:
        nonlocal joined
        shape = f"joined{joined}"
        joined += 1
        graph.initializer.append(numpy_helper.from_array(np.array([-1, width], np.int64), shape))
        kept.append(helper.make_node("Reshape", [of, shape], [name]))

    def turn(of: str, name: str) -> None:
        kept.append(helper.make_node("Transpose", [of], [name], perm=[0, 2, 1]))

    nodes = list(graph.node)
    changed = 0
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        kinds = (node.op_type, after.op_type if after is not None else "")
        if kinds == ("Transpose", "Unsqueeze"):
            turn(node.input[0], after.output[0])
        elif kinds == ("Squeeze", "Transpose"):
            turn(node.input[0], f"{after.output[0]}_rows")
            join(f"{after.output[0]}_rows", classes, after.output[0])
        elif node.op_type == "Slice" and node.input[0] == "side" and not held[node.input[3]].any():
            name = f"axis{changed}"
            graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), name))
            ends = [*node.input[:3], name]
            kept.append(helper.make_node("Slice", ends, [f"{node.output[0]}_rows"]))
            join(f"{node.output[0]}_rows", numbers, node.output[0])
        elif kept and node.output[0] in kept[-1].output:
            continue  # the second of a pair
        else:
            kept.append(node)
            continue
        changed += 1
    if changed < 2:
        raise DataError("graph", "is no known sequence of beats", "Train the model again")
    del graph.node[:]
    graph.node.extend(kept)
    side = helper.make_tensor_value_info(
        "side", onnx.TensorProto.FLOAT, ["sequence", "row", numbers]
    )
    given[0].CopyFrom(side)
    onnx.checker.check_model(model)
    whole: bytes = model.SerializeToString()
    return whole


def _shape(value: Any) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]
