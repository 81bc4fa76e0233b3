"""Gradient boosting: trees as ONNX operators say what scikit-learn says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from einthoven.models import boosting
from einthoven.record import UsageError

CLASSES = ("N", "S", "V", "F")


def data(seed: int, beats: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    side = rng.standard_normal((beats, 9)).astype(np.float32)
    side[:, 0] = np.round(side[:, 0], 1)  # ties with the thresholds
    label = (side[:, 0] > 0.3).astype(np.int64) + 2 * (side[:, 1] * side[:, 2] > 0.4)
    return side, label


def run(onnx: bytes, side: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["side"]
    return session.run(None, {"side": side})[0]


def test_onnx_says_what_scikit_learn_says() -> None:
    side, label = data(0)
    model = boosting.build(0, {"rounds": 30}).fit(side, label)
    other = data(1)[0]
    told = run(boosting.to_onnx(model, 9, CLASSES), other)
    assert np.abs(told - boosting.logits(model, other, 4)).max() < 1e-5
    shares = np.exp(told) / np.exp(told).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, model.predict_proba(other), atol=1e-5)


def test_numbers_on_a_threshold_fall_on_the_same_side() -> None:
    side, label = data(2)
    model = boosting.build(0, {"rounds": 20}).fit(side, label)
    edges = {
        (int(n["feature_idx"]), float(n["num_threshold"]))
        for step in model._predictors for tree in step for n in tree.nodes if not n["is_leaf"]
    }  # fmt: skip
    rows = np.repeat(side[:1], 3 * len(edges), axis=0)
    for at, (feature, edge) in enumerate(sorted(edges)):
        nearest = np.float32(edge)
        for k, value in enumerate(
            (nearest, np.nextafter(nearest, np.float32(9)), np.nextafter(nearest, np.float32(-9)))
        ):
            rows[3 * at + k, feature] = value
    told = run(boosting.to_onnx(model, 9, CLASSES), rows)
    assert np.abs(told - boosting.logits(model, rows, 4)).max() < 1e-5


def test_a_class_that_training_never_saw_is_never_chosen() -> None:
    side, label = data(3)
    keep = label != 1
    model = boosting.build(0, {"rounds": 5}).fit(side[keep], label[keep])
    told = run(boosting.to_onnx(model, 9, CLASSES), side)
    np.testing.assert_allclose(told, boosting.logits(model, side, 4), atol=1e-5)
    assert (told.argmax(axis=1) != 1).all()


def test_the_same_seed_gives_the_same_bytes() -> None:
    side, label = data(4)
    one, two = (
        boosting.to_onnx(boosting.build(7, {"rounds": 4}).fit(side, label), 9, CLASSES)
        for _ in range(2)
    )
    assert one == two


def test_an_unknown_argument_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(UsageError, match="Did you mean rounds"):
        boosting.build(0, {"round": 3})


@pytest.mark.parametrize("profile", ["review", "live"])
def test_the_shipped_model_keeps_what_it_reached_on_a_real_record(
    mitdb: Path, profile: str
) -> None:
    """Of the training side, so that the test side is not looked at by a test."""
    from einthoven.bundle import load_model
    from einthoven.formats import open_source
    from einthoven.inputs import InputStream
    from einthoven.record.vocabulary import is_beat, translate

    bundle = load_model(f"aami-{profile}")
    assert sum(p.stat().st_size for p in bundle.path.iterdir()) < 500_000
    source = open_source(mitdb / "119.hea")
    marks = source.annotations()
    assert marks is not None
    marks = marks.where(is_beat(marks.symbols))
    stream = InputStream(bundle.card.stages[0].input, source.rate, source.leads)
    batches = stream.push(source.read(0, source.samples), marks.samples, source.samples)
    batches += stream.flush()
    answers = np.concatenate(
        [bundle.predict({"window": b.window, "side": b.side}) for b in batches]
    )
    said = np.array(bundle.card.classes)[answers.argmax(axis=1)]
    truth = translate(marks.symbols, "aami")
    assert (said == truth).mean() > 0.99
    assert set(bundle.card.data["records"]).isdisjoint({"100", "232"})
