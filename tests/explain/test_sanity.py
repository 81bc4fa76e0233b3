"""Shuffled weights: what asks the model changes, what draws the window does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from einthoven.bundle import load_model
from einthoven.explain import _sanity
from einthoven.explain._case import Case
from einthoven.explain._model import BundleModel
from einthoven.record.attribution import Attribution

torch = pytest.importorskip("torch")


class Toy:
    """A network of two layers; its weights are public."""

    name, task, classes = "toy", "beat", ("N", "V")

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(60, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2)
        )

    def logits(self, inputs):
        with torch.no_grad():
            return self.module(torch.from_numpy(inputs["window"])).numpy().astype(float)


def a_case(seed: int, time: int = 60) -> Case:
    window = np.random.default_rng(seed).normal(size=(1, time)).astype(np.float32)
    return Case(
        record="r", what="beat 0", window=window, side=np.zeros((1, 0), np.float32), row=0,
        names=(), reference=np.zeros(0, np.float32), start=0.0, rate=100.0, leads=("I",),
        r_peaks=np.array([0.3]), parts={},
    )  # fmt: skip


def said(values) -> Attribution:
    return Attribution(
        method="m", model="toy", target="V", record="r", what="beat 0", probability=0.5,
        rate=100.0, leads=("I",), values=np.asarray(values, np.float32),
    )  # fmt: skip


def gradient(model, case, target) -> Attribution:
    window = torch.from_numpy(case.window[None]).requires_grad_()
    model.module(window)[0, target].backward()
    return said(window.grad[0].numpy())


def energy(model, case, target) -> Attribution:
    return said(np.square(case.window))


ITEMS = [(a_case(seed), 1) for seed in range(8)]


def test_layers_from_the_top_down() -> None:
    assert _sanity.layers(Toy()) == ("3", "1")


def test_a_gradient_passes_and_a_drawing_of_the_window_does_not() -> None:
    model = Toy()
    good = _sanity.sanity(gradient, model, ITEMS, steps=2)
    assert good is not None
    assert good.passed
    assert list(good.cascade) == ["3", "1"]
    bad = _sanity.sanity(energy, model, ITEMS, steps=2)
    assert bad is not None
    assert not bad.passed
    assert bad.signed == pytest.approx(1)
    assert list(bad.alone.values()) == pytest.approx([1, 1])


def test_the_model_is_as_it_was_afterwards() -> None:
    model = Toy()
    before = {k: v.clone() for k, v in model.module.state_dict().items()}
    with _sanity.shaken(model, _sanity.layers(model), 0):
        assert not torch.equal(model.module[1].weight, before["1.weight"])
        # Nothing but the order has changed.
        torch.testing.assert_close(
            model.module[1].weight.flatten().sort()[0], before["1.weight"].flatten().sort()[0]
        )
    for key, value in model.module.state_dict().items():
        torch.testing.assert_close(value, before[key])


def test_nothing_to_compare_is_not_passed() -> None:
    found = _sanity.sanity(lambda m, c, t: said(np.ones((1, 60))), Toy(), ITEMS[:1])
    assert found is not None
    assert not found.passed


def test_chance_is_taken_off() -> None:
    assert _sanity.beyond(0.36, 0.36) == 0
    assert _sanity.beyond(1.0, 0.36) == pytest.approx(1)


@pytest.mark.parametrize("columns", [0, 4, 8, 23, 360])
def test_coarse_maps_that_mean_nothing_are_alike_by_chance(columns: int) -> None:
    """A few columns joined by lines agree by accident (found by a critic: .43 of four)."""
    generator = np.random.default_rng(columns)

    def nothing(model, case, target) -> Attribution:
        if not columns:  # the order of seven waves
            made = said(np.zeros((1, 60)))
            numbers = {str(k): v for k, v in enumerate(generator.normal(size=7).tolist())}
            return replace(made, values=None, leads=(), numbers=numbers)
        at = np.linspace(0, columns - 1, 360)
        return said(np.interp(at, np.arange(columns), generator.normal(size=columns))[None])

    found = _sanity.sanity(nothing, Toy(), ITEMS, draws=30)
    assert found is not None
    assert _sanity.beyond(found.signed, found.chance) == pytest.approx(0, abs=0.12)
    assert found.passed


@pytest.mark.parametrize("name", ["arrhythminet-v2", "aami-live"])
def test_a_shipped_graph_is_shuffled_and_the_shipped_one_left_alone(name: str) -> None:
    pytest.importorskip("onnx")
    model = BundleModel(load_model(name))
    names = _sanity.layers(model)
    assert names
    generator = np.random.default_rng(1)
    shape = (3, 1, 360) if name == "arrhythminet-v2" else (3, 1, 0)
    inputs = {
        "window": generator.normal(size=shape).astype(np.float32),
        "side": generator.normal(size=(3, 1, 128)).astype(np.float32),
    }
    before = model.logits(inputs)
    with _sanity.shaken(model, names, 0) as other:
        assert np.abs(other.logits(inputs) - before).max() > 0.1
    np.testing.assert_array_equal(model.logits(inputs), before)


def test_weights_of_half_length_and_trees_are_reached() -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import numpy_helper

    data = load_model("aami-review").stage_bytes(0)
    names = set(_sanity.layers(BundleModel(load_model("aami-review"))))
    mixed = _sanity._shuffled(data, names, np.random.default_rng(0))
    before, after = (onnx.load_from_string(d).graph for d in (data, mixed))
    halves = 0
    for one, other in zip(before.initializer, after.initializer, strict=True):
        a, b = numpy_helper.to_array(one), numpy_helper.to_array(other)
        if a.dtype == np.float16:
            halves += 1
            assert not np.array_equal(a, b)
            np.testing.assert_array_equal(np.sort(a, axis=None), np.sort(b, axis=None))
    assert halves > 20
    tree = [next(n for n in g.node if n.op_type.startswith("Tree")) for g in (before, after)]
    for name in ("target_weights", "nodes_featureids"):
        a, b = (next(x for x in node.attribute if x.name == name) for node in tree)
        assert list(a.floats) + list(a.ints) != list(b.floats) + list(b.ints)
