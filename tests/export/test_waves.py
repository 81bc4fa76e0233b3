"""The net of the waves as a bundle: it agrees with the run, for any number and length of leads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from einthoven.bundle import Bundle
from einthoven.corpora.ludb import Ludb
from einthoven.export import waves as exported
from einthoven.export.onnx import export
from einthoven.models.unet import CLASSES
from einthoven.record import DataError
from einthoven.signal._waves_edges import POINTS, SIDE
from einthoven.signal.waves import WaveNet
from einthoven.training import load_recipe, waves

RECORDS = ("1", "2", "3")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    return Ludb(folder).miniature(folder, 5, records=RECORDS)


@pytest.fixture(params=["unet", "wnet"])
def run(
    request: pytest.FixtureRequest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("EINTHOVEN_DATA", str(root))
    parts = ("train", "validation", "test")
    changes = [f'protocol.{part}=["{name}"]' for part, name in zip(parts, RECORDS, strict=True)]
    changes += ["model.widths=[4, 6, 8]", "optimiser.beats=24", "optimiser.epochs=1"]
    changes += [f"model.edges={int(request.param == 'unet')}"]
    waves.fit(load_recipe("waves", [*changes, f"model.name={request.param}"]), tmp_path / "run")
    return tmp_path / "run"


def test_bundle_and_net_agree_for_any_number_and_length(run: Path, tmp_path: Path) -> None:
    bundle = Bundle(export(str(run), "onnx", tmp_path / "b"))
    net = waves.load(run)[1]
    for leads, time in ((1, 64), (12, 640)):
        window = np.random.default_rng(time).standard_normal((leads, 1, time), np.float32)
        with torch.no_grad():
            wanted = net(torch.from_numpy(window)).numpy()
        np.testing.assert_allclose(bundle.run({"window": window}), wanted, atol=1e-4)
    second, edge = waves.load_edges(run), WaveNet(bundle).edge
    assert (second is None) == (edge is None) == (len(bundle.card.stages) == 1)
    if second is not None and edge is not None:
        rng = np.random.default_rng(0)
        given = [rng.standard_normal(s, np.float32) for s in ((7, 1, POINTS), (7, SIDE))]
        with torch.no_grad():
            shift = second(*map(torch.from_numpy, given)).numpy()
        np.testing.assert_allclose(edge(*given), shift, atol=1e-5)
    card = bundle.card
    assert (card.task, card.classes) == ("waves", CLASSES)
    assert card.data["records"] == {"train": ["1"], "validation": ["2"]}
    assert any("medical" in limit for limit in card.limits)


def test_a_bundle_that_disagrees_is_not_left_behind(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "disagreement", lambda *_: 0.1)
    with pytest.raises(DataError, match=r"differ by 0\.1"):
        export(str(run), "onnx", tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []
    (run / "weights.safetensors").unlink()
    with pytest.raises(DataError, match="holds no trained net"):
        export(str(run), "onnx", tmp_path / "b")


def test_a_card_takes_the_figures_of_its_own_model_alone(run: Path, tmp_path: Path) -> None:
    folder = export(str(run), "onnx", tmp_path / "b")
    there = Bundle(folder)
    results = tmp_path / "waves.json"
    model = {"name": there.card.name, "sha256": there.sha256}
    results.write_text(json.dumps({"model": model, "figures": {"ours": {"mean_f1": 0.5}}}))
    exported.fill(folder, results)
    filled = Bundle(folder)
    assert filled.card.figures["test side"] == {"ours": {"mean_f1": 0.5}}
    assert filled.stage_bytes(0) == there.stage_bytes(0)
    results.write_text(json.dumps({"model": model | {"sha256": "0" * 64}, "figures": {}}))
    with pytest.raises(DataError, match="is not of"):
        exported.fill(folder, results)
