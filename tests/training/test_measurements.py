"""Trees on measurements with a network on the median beat: the run, and the bundle made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from einthoven.bundle import load_model
from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.export import diagnosis
from einthoven.export.onnx import export
from einthoven.record import DataError, UsageError
from einthoven.training import load_recipe, measurements, train
from einthoven.training._record_data import prepare
from einthoven.training._record_run import TEACHER
from einthoven.training.measurements import Mixture, folds_of, mixture, parts_of

CLASSES = ("NORM", "STTC", "CD")
SMALL = (
    "model.rounds=3", "model.draws=1", "model.part_draws=1", "model.least=3", "model.parts_least=4",
    "seeds=[0]", f"corpus.classes={list(CLASSES)}",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _corpus(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A generated PTB-XL in place of the real one, and stores of its own."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("data")
        patch.setenv("EINTHOVEN_DATA", str(root))
        patch.setenv("EINTHOVEN_STORE", str(tmp_path_factory.mktemp("store")))
        open_corpus("ptbxl", root).miniature(root, 5, records=80)  # type: ignore[call-arg]
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of trees and network."""
    own = tmp_path_factory.mktemp("recipes") / "quick.toml"
    text = (Path(__file__).parents[2] / "src/einthoven/recipes/twelve-median-beat.toml").read_text()
    own.write_text(text.replace("epochs = 30", "epochs = 1"))
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(load_recipe("twelve", (*SMALL, f"model.net={str(own)!r}")), run)
    return run


def test_records_without_a_label_are_answered_by_trees_that_never_saw_them(tmp_path: Path) -> None:
    share = ('protocol.name="label-fraction"', "protocol.percents=[50]")
    recipe = load_recipe("twelve-measurements", (*SMALL, *share))
    train(recipe, tmp_path / "half")
    said, split = Answers.load(tmp_path / "half" / TEACHER), prepare(recipe, 0).split
    assert 0 < len(split.unlabelled) < len(said)
    names = split.examples.record
    learnt = np.concatenate([split.training, split.unlabelled])
    assert sorted(said.record.tolist()) == sorted(names[learnt].tolist())
    # Their labels may be anything: the same trees, the same answers.
    hidden = np.isin(said.record, names[split.unlabelled])
    label = split.examples.label.copy()
    label[split.unlabelled] = 1 - label[split.unlabelled]
    turned = replace(split, examples=replace(split.examples, label=label))
    data = replace(prepare(recipe, 0), split=turned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measurements, "prepare", lambda *_: data)
        train(recipe, tmp_path / "turned")
    again = Answers.load(tmp_path / "turned" / TEACHER)
    np.testing.assert_array_equal(said.logits[hidden], again.logits[hidden])


def test_where_the_other_folds_lack_a_class_their_shares_are_said() -> None:
    recipe = load_recipe("twelve-measurements", SMALL)
    data = prepare(recipe, 0)
    known = data.split.training
    label = data.split.examples.label.copy()
    fold = folds_of(data.split.examples, known)
    # Of the last class all that is known lies in one fold.
    label[known, 2] = fold == fold[0]
    split = replace(data.split, examples=replace(data.split.examples, label=label))
    lesson = measurements._Lesson(
        replace(data, split=split), np.zeros((len(label), 0), np.float32),
        np.zeros(0, np.int64), 0.0, {"rounds": 2}, 0,
    )  # fmt: skip
    trees = lesson.learn(known)
    said = measurements._lessons(lesson, trees).probabilities
    lacking = fold == fold[0]
    rest = label[known[~lacking]]
    near = rest.mean(axis=0).clip(0.5 / (len(rest) + 1))
    np.testing.assert_allclose(said[lacking], np.tile(near, (lacking.sum(), 1)), atol=1e-6)
    assert len(np.unique(said[~lacking][:, 0])) > 1  # where nothing is lacking, trees speak


def test_a_run_holds_answers_and_a_teacher_out_of_fold(finished: Path) -> None:
    said = Answers.load(finished / "answers.npz")
    assert said.classes == CLASSES
    assert set(said.of("test").fold.tolist()) == {9}
    taught = Answers.load(finished / TEACHER)
    assert set(taught.fold.tolist()) == {1, 2, 3, 4, 5, 6, 7}
    metrics = json.loads((finished / "metrics.json").read_text(encoding="utf-8"))
    assert "test" not in metrics
    assert metrics["parts"] > 0
    # The network learns on the same split, and is not taught: see the recipe.
    net = load_recipe(str(finished / "net" / "recipe.toml"))
    whole = load_recipe(str(finished / "recipe.toml"))
    assert (net.corpus, net.protocol) == (whole.corpus, whole.protocol)
    assert not net.objective.teacher


def test_a_finished_run_is_left_as_it_is(finished: Path) -> None:
    before = (finished / "answers.npz").read_bytes()
    train(load_recipe(str(finished / "recipe.toml")), finished, resume=True)
    assert (finished / "answers.npz").read_bytes() == before


def test_the_bundle_gives_the_calibrated_answers(finished: Path, tmp_path: Path) -> None:
    bundle = load_model(export(str(finished), "onnx", tmp_path / "twelve"))
    card = bundle.card
    assert card.task == "diagnosis"
    assert card.classes == CLASSES
    assert set(card.thresholds) <= set(CLASSES)
    data = prepare(load_recipe(str(finished / "recipe.toml")), 0)
    rows = data.of(data.split.test)
    p = bundle.predict({"window": data.window[rows], "side": data.side[rows]})
    said = Answers.load(finished / "answers.npz").of("test")
    np.testing.assert_allclose(p, said.probabilities, atol=1e-5)
    # Several classes may be true of one record: nothing makes the probabilities sum to 1.
    assert np.abs(p.sum(axis=1) - 1).max() > 0.05
    assert f"{data.split.training.size} records" in card.limits[0]


def test_the_card_takes_the_figures_of_its_own_model_alone(finished: Path, tmp_path: Path) -> None:
    folder = export(str(finished), "onnx", tmp_path / "twelve")
    there = load_model(folder)
    results = tmp_path / "twelve.json"
    model = {"name": there.card.name, "sha256": there.sha256}
    area = {"value": 0.93123, "low": 0.91, "high": 0.95, "seeds": [0.9, 0.96]}
    text = {"model": model, "figures": {"twelve": {"fold-9": area}}}
    results.write_text(json.dumps(text))
    diagnosis.fill(folder, results)
    told = load_model(folder).card.figures["macro AUROC, fold 9, the test side"]
    assert told == {"value": 0.9312, "runs": 2, "interval_95_over_patients": [0.91, 0.95]}
    results.write_text(json.dumps(text | {"model": None}))
    with pytest.raises(DataError, match="is not of"):
        diagnosis.fill(folder, results)


def test_trees_grown_anew_answer_the_test_side_alone(tmp_path: Path) -> None:
    for name, refit in (("once", "false"), ("anew", "true")):
        own = ('model.net=""', f"model.refit={refit}")
        train(load_recipe("twelve", (*SMALL, *own)), tmp_path / name)
    once, anew = (Answers.load(tmp_path / name / "answers.npz") for name in ("once", "anew"))
    np.testing.assert_array_equal(once.of("validation").logits, anew.of("validation").logits)
    assert np.abs(once.of("test").logits - anew.of("test").logits).max() > 0
    export(str(tmp_path / "anew"), "onnx", tmp_path / "bundle")


def test_folds_keep_people_apart() -> None:
    data = prepare(load_recipe("twelve", SMALL), 0)
    rows, e = data.split.training, data.split.examples
    fold, person = folds_of(e, rows), e.person[rows]
    for name in np.unique(person):
        assert len(np.unique(fold[person == name])) == 1
    assert len(np.unique(fold)) == 4


def test_a_part_belongs_to_the_class_that_is_true_with_it() -> None:
    data = prepare(load_recipe("twelve", SMALL), 0)
    mixed = Mixture(parts="ptbxl-subdiagnostic", parts_least=4)
    label, owner = parts_of(data.split.examples, mixed, data.split.training)
    assert label.shape == (len(data.split.examples), len(owner))
    rows = data.split.training
    for column, c in zip(label[rows].T, owner.tolist(), strict=True):
        assert (data.split.examples.label[rows, c][column == 1] == 1).all()
        assert (column == 1).sum() >= 4
    assert "NORM" not in {CLASSES[c] for c in owner}  # which is its only part


def test_refusals() -> None:
    with pytest.raises(UsageError, match="Did you mean rounds"):
        mixture(load_recipe("twelve", ("model.rund=3",)))
    with pytest.raises(UsageError, match="net_share"):
        mixture(load_recipe("twelve", ("model.net_share=2",)))
    with pytest.raises(UsageError, match="no measurements"):
        mixture(load_recipe("twelve", ("input.side=[]",)))


def test_trees_and_network_are_mixed_by_their_shares(finished: Path) -> None:
    whole = Answers.load(finished / "answers.npz").of("test")
    net = Answers.load(finished / "net" / "answers.npz").of("test")
    session = onnxruntime.InferenceSession(str(finished / measurements.FILE))
    data = prepare(load_recipe(str(finished / "recipe.toml")), 0)
    trees = session.run(None, {"side": data.side[data.of(data.split.test)]})[0]
    np.testing.assert_allclose(whole.logits, 0.7 * trees + 0.3 * net.logits, atol=1e-4)
