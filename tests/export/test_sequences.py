"""A graph that could judge one sequence of beats judges several, by the same sums."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from einthoven.bundle import eaten, load_model
from einthoven.export._sequences import by_sequence
from einthoven.record.errors import DataError
from einthoven.suites._cost import session

NUMBERS, CLASSES, REACH = 3, 2, 1


def older(name: str = "beat-sequence") -> bytes:
    """Return a graph as it was written once: the neighbours' numbers, plus the beat's own."""
    rng = np.random.default_rng(0)
    held = {
        "first": np.array([REACH]), "last": np.array([-REACH]), "axis": np.array([0]),
        "weight": rng.normal(size=(CLASSES, NUMBERS, 1 + 2 * REACH)).astype(np.float32),
        "own": rng.normal(size=(NUMBERS, CLASSES)).astype(np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Transpose", ["side"], ["turned"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["turned", "axis"], ["maps"]),
        helper.make_node("Conv", ["maps", "weight"], ["said"]),
        helper.make_node("Squeeze", ["said", "axis"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["around"], perm=[1, 0]),
        helper.make_node("Slice", ["side", "first", "last", "axis"], ["alone"]),
        helper.make_node("MatMul", ["alone", "own"], ["self"]),
        helper.make_node("Add", ["around", "self"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("side", TensorProto.FLOAT, ["row", NUMBERS])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["beat", CLASSES])],
        [numpy_helper.from_array(value, key) for key, value in held.items()],
    )  # fmt: skip
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    data: bytes = model.SerializeToString()
    return data


def test_several_sequences_are_answered_as_one_by_one_was() -> None:
    before, after = session(older()), session(by_sequence(older()))
    sides = np.random.default_rng(1).normal(size=(4, 9, NUMBERS)).astype(np.float32)
    alone = np.concatenate([before.run(None, {"side": side})[0] for side in sides])
    together = after.run(None, {"side": sides})[0]
    assert together.shape == (4 * 7, CLASSES)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    one = after.run(None, eaten(after, {"side": sides[2]}))[0]
    np.testing.assert_allclose(one, alone[14:21], atol=1e-6)


def test_a_graph_that_needs_no_change_stays_as_it_is() -> None:
    changed = by_sequence(older())
    assert by_sequence(changed) == changed
    trees = load_model("aami-live").stage_bytes(0)
    assert by_sequence(trees) == trees
    assert by_sequence(older("another")) == older("another")


def test_a_graph_of_another_make_is_refused() -> None:
    model = onnx.load_from_string(older())
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("MatMul", ["side", "own"], ["logits"]))
    with pytest.raises(DataError, match="no known sequence"):
        by_sequence(model.SerializeToString())


def test_an_older_graph_asked_about_several_sequences_says_what_to_do() -> None:
    graph = session(older())
    sides = np.zeros((2, 3, NUMBERS), np.float32)
    with pytest.raises(DataError, match="one sequence of beats at a time, not 2"):
        eaten(graph, {"side": sides})
    assert eaten(graph, {"side": sides[:1]})["side"].shape == (3, NUMBERS)
