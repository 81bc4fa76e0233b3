"""The rhythm model as ONNX says what was trained; 8 bits change little and take a quarter."""

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.export._rhythm_graph import graph
from einthoven.models import _trees, boosting
from einthoven.models.rhythm_crnn import RhythmCrnn
from einthoven.record import UsageError
from einthoven.training.rhythm import joined, voice


@pytest.fixture(scope="module")
def grown():
    rng = np.random.default_rng(0)
    side = rng.standard_normal((300, 7)).astype(np.float32)
    label = np.digitize(side[:, 0] + side[:, 1] * side[:, 2], [-0.8, 0, 0.8])
    model = boosting.build(0, {"rounds": 12, "leaves": 6, "least": 5})
    return side, model.fit(side, label)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = RhythmCrnn(4)
    with torch.no_grad():  # a few statistics for the normalisation
        for _ in range(5):
            net(torch.cat([torch.randn(8, 1, 3000), torch.ones(8, 1, 3000)], 1))
    return net.eval()


def test_tables_say_what_the_trees_say(grown):
    side, model = grown
    trees = _trees.tables(model, 4)
    assert np.allclose(trees.logits(side), boosting.logits(model, side, 4), atol=1e-5)
    again = _trees.Trees.from_dict(trees.to_dict())
    assert np.array_equal(again.logits(side), trees.logits(side))
    edge = np.repeat(side[:1], 50, axis=0)
    edge[:, 0] = trees.number[trees.left != np.arange(len(trees.left))][:50]
    assert np.allclose(trees.logits(edge), boosting.logits(model, edge, 4), atol=1e-5)


def test_a_class_that_was_never_seen_is_refused(grown):
    with pytest.raises(UsageError, match="4 classes"):
        _trees.tables(grown[1], 5)


@pytest.mark.parametrize("small", [False, True])
def test_onnx_says_what_was_trained(grown, net, small):
    side, model = grown
    trees = _trees.tables(model, 4)
    data = graph(net, trees, 0.4, 7, small=small)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    window = rng.standard_normal((5, 2, 3000)).astype(np.float32)
    window[:, 1] = 1
    window[2, :, 1700:] = 0
    with torch.no_grad():
        wanted = joined(voice(net, torch.from_numpy(window)).numpy(), trees.logits(side[:5]), 0.4)
    said = session.run(None, {"window": window, "side": side[:5]})[0]
    assert np.abs(said - wanted).max() < (0.05 if small else 1e-4)
    alone = session.run(None, {"window": window[2:3], "side": side[2:3]})[0]
    assert np.allclose(alone, said[2:3], atol=1e-5)
    mirror = window * np.array([[-1], [1]], np.float32)
    assert np.allclose(session.run(None, {"window": mirror, "side": side[:5]})[0], said, atol=1e-5)
    if small:
        assert len(data) < 0.45 * len(graph(net, trees, 0.4, 7, small=False))
        assert len(data) < 130_000
