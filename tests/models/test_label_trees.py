"""Trees for several labels: what they learn, and that the ONNX says the same."""

import numpy as np
import onnxruntime as ort
import pytest

from einthoven.models import label_trees
from einthoven.record.errors import UsageError

QUICK = {"rounds": 20, "draws": 2, "part_draws": 1, "features": 1.0}


def table(records=600):
    rng = np.random.default_rng(0)
    side = rng.standard_normal((records, 6)).astype(np.float32)
    one, two = side[:, 0] > 1, side[:, 1] > 1
    label = np.stack([one | two, side[:, 2] > 0], axis=1).astype(np.float32)
    parts = np.stack([one, two], axis=1).astype(np.float32)
    return side, label, parts, np.zeros(2, np.int64)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_onnx_says_what_the_trees_say(share):
    side, label, parts, owner = table()
    trees = label_trees.fit(side, label, parts, owner, share=share, seed=0, arguments=QUICK)
    session = ort.InferenceSession(trees.to_onnx(6), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    new = np.concatenate([side, rng.standard_normal((500, 6)).astype(np.float32)])
    said = session.run(None, {"side": new})[0]
    assert np.abs(said - trees.logits(new)).max() < 1e-4
    right = (said[: len(side)] > 0) == (label == 1)
    assert right.mean() > 0.95


def test_parts_move_the_class_they_are_of_alone():
    side, label, parts, owner = table()
    found = [
        label_trees.fit(side, label, parts, owner, share=s, seed=0, arguments=QUICK).logits(side)
        for s in (0.0, 0.7)
    ]
    assert np.abs(found[0][:, 0] - found[1][:, 0]).max() > 0.1
    assert np.array_equal(found[0][:, 1], found[1][:, 1])


def test_a_label_that_is_not_known_teaches_nothing():
    side, label, _, _ = table()
    none, owner = np.zeros((len(side), 0), np.float32), np.zeros(0, np.int64)
    hidden = label.copy()
    hidden[300:, 0] = np.nan
    one = label_trees.fit(side, hidden, none, owner, share=0.5, seed=0, arguments=QUICK)
    less = label_trees.fit(
        side[:300], label[:300], none[:300], owner, share=0.5, seed=0, arguments=QUICK
    )
    assert np.array_equal(one.logits(side)[:, 0], less.logits(side)[:, 0])


def test_refusals():
    side, label, parts, owner = table()
    with pytest.raises(UsageError, match="Did you mean rounds"):
        label_trees.fit(side, label, parts, owner, share=0, seed=0, arguments={"round": 3})
    label[:, 1] = 0
    with pytest.raises(UsageError, match="always or never"):
        label_trees.fit(side, label, parts, owner, share=0, seed=0, arguments=QUICK)
