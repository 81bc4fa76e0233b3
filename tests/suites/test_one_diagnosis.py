"""One run on whole records judged by itself, from made-up run folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.corpora import open_corpus
from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.challenge import challenge_score
from einthoven.record.errors import DataError, UsageError
from einthoven.suites import (
    _looks,
    _twelve_judge,
    _twelve_plan,
    fractions,
    judge_one,
    run_suite,
)
from einthoven.training import load_recipe, train
from einthoven.training._recipe import Recipe, to_toml

Capture = pytest.CaptureFixture[str]
MakeRun = Callable[..., Path]

RIVAL = _twelve_plan.RIVAL


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write to the folder they are typed in: here, not into the checkout."""
    monkeypatch.chdir(tmp_path)


def write(folder: Path, recipe: Recipe, fold: int = 9, corpora: Sequence[str] = ("ptbxl",)) -> Path:
    """Write a finished run: 60 test records, two a person, calibrated and with thresholds.

    Validation has no positive of the last class, and of every tenth record nothing is known of it.
    """
    rng = np.random.default_rng(0)
    classes = recipe.corpus.classes
    label = (rng.random((100, len(classes))) < 0.3).astype(np.float32)
    label[:40, -1] = 0
    label[::10, -1] = np.nan
    logits = np.nan_to_num(1.5 * label) + rng.normal(0, 1, label.shape)
    Answers(
        classes=classes, part=np.repeat(["validation", "test"], [40, 60]),
        corpus=np.resize(corpora, 100), record=np.array([f"r{n}" for n in range(100)]),
        subject=np.array([f"p{n // 2}" for n in range(100)]), domain=np.full(100, "x"),
        fold=np.full(100, fold), label=label, logits=logits.astype(np.float32),
        offsets=np.full(len(classes), -0.7), temperature=np.full(len(classes), 1.3),
    ).save(folder / "answers.npz")  # fmt: skip
    (folder / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    bars = {"thresholds": dict.fromkeys(classes[:-1], 0.55), "parameters": 1000}
    (folder / "metrics.json").write_text(json.dumps(bars), encoding="utf-8")
    percent = recipe.protocol.arguments.get("percents", [100])[0]
    split = {
        "protocol": recipe.protocol.name, "part": f"{percent} % of the training patients",
        "title": f"{recipe.protocol.name} (a part)", "left_out": {"of no class": 7},
        "notes": ["subjects of nowhere are not published"],
    }  # fmt: skip
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    (folder / "weights.safetensors").write_bytes(b"")
    return folder


@pytest.fixture
def make(tmp_path: Path) -> MakeRun:
    def made(*sets: str, **about: Any) -> Path:
        folder = tmp_path / "runs" / "mine"
        folder.mkdir(parents=True, exist_ok=True)
        return write(folder, load_recipe(RIVAL, ["seeds=[0]", *sets]), **about)

    return made


def sides() -> list[tuple[str, str]]:
    return [(look["system"], look["side"]) for look in _looks.read(Path("found"))]


def test_a_run_is_judged_again_from_its_answers(make: MakeRun, capsys: Capture) -> None:
    assert main(["evaluate", str(make())]) == 0
    shown = capsys.readouterr().out
    assert "ptbxl ptbxl-superdiagnostic, ptbxl-folds (a part)" in shown
    assert "60 records of 30 people" in shown
    assert "left out: 7 of no class" in shown
    assert "macro AUROC over 5 of 5" in shown
    assert "macro F1 over 4 of 5" in shown
    assert "Subjects of nowhere are not published." in shown
    assert "CinC-2021" not in shown
    rows = [line.split() for line in shown.splitlines()]
    assert next(row for row in rows if row[:1] == ["HYP"])[2] == "54"
    assert not Path("results").exists()


def test_what_training_leaves_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Labels that no suite asks for: of these runs nobody could say how good they are."""
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path / "store"))
    corpus = open_corpus("ptbxl", tmp_path / "data")
    corpus.miniature(tmp_path / "data", 5, records=60)  # type: ignore[call-arg]
    sets = [
        "corpus.labels=cinc2021", 'corpus.classes=["NSR", "AF", "IAVB", "CLBBB|LBBB"]', "seeds=[0]",
        "model.width=4", "model.depth=1", "optimiser.epochs=1",
    ]  # fmt: skip
    train(load_recipe("heartbeatai", sets), tmp_path / "runs" / "mine")
    assert main(["evaluate", "runs/mine", "--out", "found"]) == 0
    shown = capsys.readouterr().out
    assert "ptbxl cinc2021, ptbxl-folds (train 1-7, validate 8, test 9)" in shown
    assert "score of CinC-2021 over 4 of its 26 classes" in shown
    assert sides() == [("heartbeatai", "ptbxl fold 9")]


def test_the_figures_are_those_of_the_suite(make: MakeRun) -> None:
    folder = make()
    ours = judge_one(str(folder))["systems"][0]
    theirs = _twelve_judge.figures([_twelve_judge.read(folder)], draws=0)
    assert (ours["n"], ours["subjects"]) == (theirs["records"], theirs["people"])
    for name in ("NORM", "MI", "STTC", "CD"):  # those that have a threshold
        mine, other = ours["figures"]["classes"][name], theirs["classes"][name]
        assert mine["positives"] == other["positives"]
        for figure in ("auroc", "auprc", "f1", "f2", "g2", "ece", "brier"):
            assert mine[figure]["value"] == pytest.approx(other[figure]["value"], abs=1e-5), figure
    for figure in ("auroc", "auprc", "ece", "brier"):
        value = ours["figures"]["macro"][figure]["value"]
        assert value == pytest.approx(theirs["macro"][figure]["value"], abs=1e-5)
    best = ours["figures"]["whole"]["f_max"]
    assert best["value"] == pytest.approx(theirs["macro"]["f_max"]["value"], abs=1e-5)
    assert best["low"] < best["value"] < best["high"]


def test_what_is_never_said_has_no_threshold_and_no_f1(make: MakeRun, capsys: Capture) -> None:
    assert main(["evaluate", str(make()), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["systems"][0]["figures"]
    last = figures["classes"]["HYP"]
    assert last["threshold"] is None
    assert last["f1"]["value"] is None
    assert last["auroc"]["value"] > 0.5
    assert (figures["macro"]["f1"]["classes"], figures["macro"]["auroc"]["classes"]) == (4, 5)


def test_labels_of_cinc_2021_have_its_score(make: MakeRun, capsys: Capture) -> None:
    folder = make("corpus.labels=cinc2021")
    assert main(["evaluate", str(folder), "--out", "found"]) == 0
    assert "score of CinC-2021 over 26 of its 26 classes" in capsys.readouterr().out
    told = json.loads(Path(f"found/{RIVAL}-0.json").read_text())["systems"][0]["figures"]["whole"]
    table = Answers.load(folder / "answers.npz").of("test")
    said = table.probabilities >= np.append(np.full(25, 0.55), np.nan)
    expected = challenge_score(table.classes, said, table.label, multilabel.once(60))[0]
    assert told["challenge"]["value"] == pytest.approx(expected, abs=1e-5)
    assert told["challenge"]["low"] < expected < told["challenge"]["high"]


def test_a_look_at_fold_9_is_counted_once(make: MakeRun) -> None:
    folder = make()
    for _ in range(2):
        assert main(["evaluate", str(folder), "--out", "found"]) == 0
    assert sides() == [(RIVAL, "ptbxl fold 9")]
    assert _looks.read(Path("found"))[0]["command"] == "einthoven evaluate runs/mine"


@pytest.mark.parametrize("first", ["suite", "run"])
def test_answers_that_the_suite_scores_are_the_same_look(first: str) -> None:
    items = _twelve_plan.plan(Path("runs"), seeds=(0,))
    item = next(i for i in items if i.system == RIVAL and i.trial == "fold-9")
    item.folder.mkdir(parents=True)
    write(item.folder, item.recipe)
    for _ in range(2):
        if first == "suite":
            run_suite("twelve", Path("found"), Path("runs"), train=False, test=True)
        else:
            judge_one(str(item.folder), out=Path("found"))
        first = "run" if first == "suite" else "suite"
    assert sides() == [(RIVAL, "ptbxl fold 9")]


def test_folds_that_choose_are_no_test_side(make: MakeRun, capsys: Capture) -> None:
    assert main(["evaluate", str(make(fold=3)), "--out", "found"]) == 0
    assert "test side: none" in capsys.readouterr().out
    assert sides() == []


def test_other_sources_are_test_sides_and_named(make: MakeRun) -> None:
    left_out = ("corpus.labels=super", "protocol.name=leave-one-domain-out")
    judge_one(str(make(*left_out, fold=-1, corpora=("georgia",))), out=Path("found"))
    judge_one(str(make(fold=2, corpora=("ptbxl", "ludb"))), out=Path("found"), force=True)
    wanted = [(RIVAL, "georgia, leave-one-domain-out"), (RIVAL, "small sources, pooled")]
    assert sides() == wanted


def test_a_share_of_the_labels_is_booked_as_its_suite_books_it() -> None:
    items = fractions.plan(Path("runs"), seeds=(0,))
    item = next(i for i in items if i.system == RIVAL and i.part == "10 %")
    item.folder.mkdir(parents=True)
    write(item.folder, item.recipe)
    judge_one(str(item.folder), out=Path("found"))
    told = fractions.collect([item], "test")[RIVAL, 10][0]
    (look,) = _looks.read(Path("found"))
    assert look["system"] == f"{RIVAL}, 10 % of the labels"
    assert look["answers"] == _twelve_judge.fingerprint(told.answers)


def test_a_run_is_judged_under_its_own_protocol_and_no_other(make: MakeRun) -> None:
    folder = str(make())
    assert judge_one(folder, "ptbxl-folds")["unit"] == "record"
    with pytest.raises(UsageError, match="decides whom it has seen"):
        judge_one(folder, "intra-source")
    with pytest.raises(UsageError, match="is not known"):
        judge_one(folder, "inter-patient")


@pytest.mark.parametrize("gone", ["answers.npz", "metrics.json", "split.json"])
def test_a_run_that_is_not_finished_is_told(make: MakeRun, gone: str) -> None:
    folder = make()
    (folder / gone).unlink()
    with pytest.raises(DataError, match=gone.replace(".", r"\.")):
        judge_one(str(folder))


def test_a_run_of_several_seeds_and_one_of_another_task_are_told(tmp_path: Path) -> None:
    seed = tmp_path / "many" / "seed-1"
    seed.mkdir(parents=True)
    (seed / "recipe.toml").write_text('task = "rr"')
    with pytest.raises(DataError, match="Give one of its seeds: seed-1"):
        judge_one(str(seed.parent))
    with pytest.raises(UsageError, match="is a run of the task rr"):
        judge_one(str(seed))
