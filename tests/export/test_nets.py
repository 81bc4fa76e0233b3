"""Export of networks: ONNX and torch agree on beats; what cannot be made is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.bundle import Bundle
from einthoven.cli import main
from einthoven.corpora import open_corpus
from einthoven.evaluation.predictions import Predictions
from einthoven.export import nets
from einthoven.export.onnx import export
from einthoven.inputs import InputStream
from einthoven.inputs._patient import GROUPS
from einthoven.record import DataError, UsageError
from einthoven.record.vocabulary import is_beat
from einthoven.training import load_recipe, train
from einthoven.training._recipe import to_toml
from einthoven.training.nets import load, logits, prepare

SMALL = [
    "optimiser.epochs=1", "optimiser.beats=512", "optimiser.batch=64",
    'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
    'protocol.test=["s004"]',
]  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[[], ['input.side=["rr4"]', "input.hop=30.0", "input.back=60.0", "input.ahead=20.0"]],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "demo"
    train(load_recipe("demo", [*SMALL, *request.param]), folder)
    return folder


def test_onnx_and_torch_agree_on_beats(run: Path, tmp_path: Path) -> None:
    bundle = Bundle(export(str(run), "onnx", tmp_path / "b"))
    recipe = load_recipe(str(run / "recipe.toml"))
    data = prepare(recipe, 0)
    windows = data.windows(data.split.test.rows)
    said = bundle.run({"window": windows.window.numpy(), "side": windows.side.numpy()})
    np.testing.assert_allclose(said, logits(load(recipe, run), windows), atol=1e-4)
    card = bundle.card
    assert card.classes == ("N", "S", "V")
    assert 0 < card.threshold < 1
    assert card.temperature > 0
    assert card.stages[0].input == recipe.input
    assert card.data["records"]["validation"] == ["s003"]
    assert "s004" not in str(card.data)
    assert card.figures["test side, reference beats"]["beats"] == len(windows)


def test_a_net_of_two_leads_is_asked_about_records_that_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained, exported, analysed: what the engine says of a beat is what the run said of it."""
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("demo", [*SMALL, 'input.leads=["one", "other"]'])
    train(recipe, tmp_path / "run")
    made = export(str(tmp_path / "run"), "onnx", tmp_path / "b")
    data = prepare(recipe, 0)
    rows = data.split.test.rows
    assert data.windows(rows).window.shape[1] == 2
    assert not np.allclose(*np.moveaxis(data.store.window[rows], 1, 0))
    card = Bundle(made).card
    source = open_corpus("simulated").open("s004")
    stream = InputStream(card.stages[0].input, source.rate, source.leads)
    signal, at = source.read(0, source.samples), data.split.beats.sample[rows]
    marks = source.annotations()
    assert marks is not None
    peaks = marks.samples[is_beat(marks.symbols)]
    given = stream.push(signal, peaks, source.samples) + stream.flush()
    found = np.concatenate([g.samples for g in given])
    window = np.concatenate([g.window for g in given])[np.isin(found, at)]
    np.testing.assert_array_equal(window, data.store.window[rows])

    np.savetxt(tmp_path / "two.csv", signal[:2].T, fmt="%.4f", delimiter=",")
    np.savetxt(tmp_path / "one.csv", signal[:1].T, fmt="%.4f", delimiter=",")
    said = ["--rate", str(source.rate), "--unit", "mV"]
    two = ["two.csv", "--leads", "II,V1", *said]
    assert main(["analyze", *two, "--json", "--model", str(made)]) == 0
    beats = {b["sample"]: b["class"] for b in json.loads(capsys.readouterr().out)["beats"]}
    said_of = Predictions.load(tmp_path / "run" / "predictions.npz").of("test")
    both = [
        (beats[s], said_of.classes[c])
        for s, c in zip(said_of.sample, said_of.choice, strict=True)
        if s in beats
    ]
    assert len(both) > 50
    assert np.mean([a == b for a, b in both]) > 0.95
    assert main(["analyze", "one.csv", "--leads", "II", *said, "--model", str(made)]) != 0
    told = "one.csv: has no lead but II, and the model eats a second lead, too"
    assert told in capsys.readouterr().err
    assert "Eats a second lead" in " ".join(card.limits)
    assert main(["explain", str(made), *two]) != 0
    assert "eats 2 leads, and beats are explained in one" in capsys.readouterr().err


def test_a_bundle_that_disagrees_is_not_left_behind(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nets, "disagreement", lambda *_: 1e-3)
    with pytest.raises(DataError, match=r"differ by 0\.001"):
        export(str(run), "onnx", tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize("group", GROUPS)
def test_a_net_that_is_told_the_patient_is_refused_before_a_bundle_is_made(
    run: Path, tmp_path: Path, group: str
) -> None:
    """The bundle was made, listed and then refused by whoever used it."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    recipe = load_recipe(str(copy / "recipe.toml"), [f'input.side=["{group}"]', "input.hop=30.0"])
    (copy / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    with pytest.raises(UsageError, match="asks for patient data, which serve experiments"):
        export(str(copy), "onnx", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_nothing_is_overwritten_without_force_and_a_bundle_is_copied(
    run: Path, tmp_path: Path
) -> None:
    made = export(str(run), "onnx", tmp_path / "b")
    with pytest.raises(UsageError, match="--force"):
        export(str(run), "onnx", made)
    copy = export(str(made), "onnx", tmp_path / "c")
    assert (copy / "card.json").read_bytes() == (made / "card.json").read_bytes()
    assert Bundle(copy).stage_bytes(0) == Bundle(made).stage_bytes(0)


@pytest.mark.parametrize("to, text", [("c99", "cannot be made yet"), ("tflite", "is not known")])
def test_other_formats_are_refused_in_one_sentence(
    to: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "anything", "--to", to]) == 2
    assert text in capsys.readouterr().err


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path), "--to", "onnx"]) == 1
    assert "is no run and no model" in capsys.readouterr().err
