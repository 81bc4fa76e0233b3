"""A run folder and a shipped graph answer in torch as they do elsewhere; what cannot be is told."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from einthoven.bundle import load_model, zoo_names
from einthoven.evaluation.predictions import Predictions
from einthoven.explain import _gradients as gradients
from einthoven.explain._model import BundleModel
from einthoven.explain._onnx_file import read_graph
from einthoven.explain._onnx_graph import torch_graph
from einthoven.explain._open import open_model
from einthoven.explain._torch_model import of_run
from einthoven.formats import open_source
from einthoven.models import MODELS
from einthoven.record import DataError, UsageError
from einthoven.training import load_recipe, to_toml, train

from ._cases import exported, settled

SMALL = [
    "optimiser.epochs=1", "optimiser.beats=512", 'protocol.train=["s000", "s001", "s003"]',
    'protocol.validation=["s003"]', 'protocol.test=["s004"]',
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "demo"
    train(load_recipe("demo", SMALL), folder)
    return folder


@pytest.fixture(scope="module")
def windows(run: Path) -> Any:
    """The first beats of the test side."""
    from einthoven.training.nets import prepare

    data = prepare(load_recipe(str(run / "recipe.toml")), 0)
    return data.windows(data.split.test.rows[:300])


def test_a_run_says_what_its_table_says(run: Path, windows: Any):
    model = open_model(run)
    found = model.logits({"window": windows.window.numpy(), "side": np.zeros((300, 1, 0))})
    wanted = Predictions.load(run / "predictions.npz").of("test").scaled[:300]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert model.classes == ("N", "S", "V")


def test_a_folder_that_is_no_run_of_a_network_is_refused(run: Path, tmp_path: Path):
    with pytest.raises(DataError, match="finished run"):
        of_run(tmp_path)
    for name in ("metrics.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "recipe.toml").write_text(to_toml(load_recipe("waves")))
    with pytest.raises(UsageError, match="task waves"):
        of_run(tmp_path)


def test_a_shipped_graph_answers_in_torch_as_in_onnx_runtime(windows: Any):
    model = BundleModel(load_model("arrhythminet-v2"))
    inputs = {"window": windows.window.numpy(), "side": np.zeros((300, 1, 0), np.float32)}
    assert model.module is not None
    with torch.no_grad():
        found = model.module(*(torch.from_numpy(inputs[k]) for k in ("window", "side"))).numpy()
    np.testing.assert_allclose(found, model.logits(inputs), atol=1e-5)


@pytest.mark.parametrize("record", ["101", "106", "119"])  # of the training side
def test_and_on_real_beats(mitdb: Path, record: str):
    source = open_source(mitdb / f"{record}.hea")
    peaks = source.annotations()
    assert peaks is not None
    lead = source.read(0, 200_000)[0]
    at = [s for s in peaks.samples.tolist() if 200 < s < len(lead) - 300][:200]
    cut = np.stack([lead[s - 144 : s + 216] for s in at])
    cut = (cut - cut.mean(axis=1, keepdims=True)) / cut.std(axis=1, keepdims=True)
    inputs = {
        "window": cut[:, None].astype(np.float32), "side": np.zeros((len(cut), 1, 0), np.float32)
    }  # fmt: skip
    model = BundleModel(load_model("arrhythminet-v2"))
    assert model.module is not None
    with torch.no_grad():
        found = model.module(*(torch.from_numpy(inputs[k]) for k in ("window", "side"))).numpy()
    np.testing.assert_allclose(found, model.logits(inputs), atol=1e-5)


@pytest.mark.parametrize("name", ["exgnet", "heartbeatai", "abcnn", "self-onn", "resnet1d"])
def test_graphs_of_the_catalogue_answer_alike(name: str):
    torch.manual_seed(0)
    window = torch.randn(8, 1, 360)
    net = settled(MODELS[name].build(leads=1, time=360, classes=5, side=0), window)
    data = exported(net, window)
    graph = torch_graph(read_graph(data, name), name)
    said = onnxruntime.InferenceSession(data).run(None, {"window": window.numpy()})[0]
    # The last digits of the largest logits are those of float32.
    np.testing.assert_allclose(graph(window=window).numpy(), said, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", zoo_names())
def test_files_are_read_as_the_package_reads_them(name: str):
    import onnx
    from onnx import numpy_helper

    data = load_model(name).stage_bytes(0)
    graph, wanted = read_graph(data, name), onnx.load_from_string(data).graph
    assert [n.kind for n in graph.nodes] == [n.op_type for n in wanted.node]
    assert [n.inputs for n in graph.nodes] == [tuple(n.input) for n in wanted.node]
    for tensor in wanted.initializer:
        np.testing.assert_array_equal(graph.constants[tensor.name], numpy_helper.to_array(tensor))
    for node, other in zip(graph.nodes, wanted.node, strict=True):
        for attribute in other.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if not hasattr(value, "dims"):
                assert node.attributes[attribute.name] == value


def test_what_has_no_gradient_is_told():
    trees = BundleModel(load_model("aami-live"))
    assert trees.module is None
    assert not gradients.has_gradients(trees)
    with pytest.raises(UsageError, match="made of trees"):
        torch_graph(read_graph(trees.bundle.stage_bytes(0), "aami-live"), "aami-live")
    lstm = exported(MODELS["cnn-lstm"].build(leads=1, time=360, classes=5, side=0).eval(),
                    torch.randn(2, 1, 360))  # fmt: skip
    with pytest.raises(UsageError, match="operator LSTM"):
        torch_graph(read_graph(lstm, "x"), "x")


@pytest.mark.parametrize(
    "data", [b"", b"no file at all", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 40]
)
def test_what_is_no_onnx_is_refused(data: bytes):
    with pytest.raises(DataError, match="no ONNX"):
        read_graph(data, "x")


def test_a_damaged_file_is_refused_or_read_and_nothing_else():
    data = load_model("arrhythminet-v2").stage_bytes(0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        bad = bytearray(data)
        for at in rng.integers(0, len(bad), 3):
            bad[at] = rng.integers(256)
        with contextlib.suppress(DataError):
            read_graph(bytes(bad[: rng.integers(1, len(bad))]), "x")


_CORE = """
import sys
for name in ("torch", "captum", "shap", "onnx", "sklearn", "lightning", "safetensors"):
    sys.modules[name] = None
from einthoven.bundle import load_model
from einthoven.explain._explainer import served
from einthoven.explain._model import BundleModel
for name in ("aami-live", "arrhythminet-v2"):
    print(*served(BundleModel(load_model(name))))
from einthoven.explain._open import open_model
try:
    open_model(sys.argv[1])
except Exception as fault:
    print(type(fault).__name__, fault)
"""


def test_without_torch_the_methods_of_the_core_serve(run: Path):
    said = subprocess.run(
        [sys.executable, "-c", _CORE, str(run)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    core = {"lime", "occlusion", "permutation", "shapley"}
    assert set(said[0].split()) >= core - {"occlusion"} | {"treeshap"}
    assert core <= set(said[1].split())
    assert not {"gradcam", "saliency", "deeplift", "tcav"} & set(said[1].split())
    assert said[2].startswith("UsageError")
    assert "einthoven[explain]" in said[2]
