"""The plan of the whole comparison, what is trained of it, and what is said of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.cli import main
from einthoven.corpora.mitdb import DS1, DS2, Mitdb
from einthoven.evaluation.predictions import Predictions
from einthoven.record import DataError, UsageError
from einthoven.report import _mitdb
from einthoven.suites import _cost, _judge, _plan, _planned, beats, mitdb, run_suite
from einthoven.suites._looks import read
from einthoven.suites._plan import Item, plan
from einthoven.suites._runs import Run, read_run
from einthoven.training import load_recipe
from einthoven.training._recipe import to_toml

WITHIN = (_plan.METHOD, _plan.LEADS)  # variants of which ensembles are made, too

# --- training what is missing --------------------------------------------------------------------


def _small(runs: Path) -> list[Item]:
    items, _ = plan(runs, systems=("cnn", "cnn-lstm", "resnet1d", "aami-review"), seeds=(0, 1))
    return [i for i in items if i.labels == "aami" and i.variant in ("", "plain", *WITHIN)]


@pytest.fixture
def fake(answers: Callable[..., Predictions]) -> Callable[[Item], None]:
    """Write what a training would, with made-up answers; better ones for cnn-lstm."""

    def fit(item: Item) -> None:
        item.folder.mkdir(parents=True)
        classes = item.recipe.corpus.classes
        right = {"cnn": 0.8, "cnn-lstm": 0.95, "resnet1d": 0.7}.get(item.system, 0.9)
        (item.folder / "recipe.toml").write_text(to_toml(item.recipe))
        (item.folder / "metrics.json").write_text(json.dumps({"parameters": 1000}))
        for name in ("weights.safetensors", "model.onnx"):
            (item.folder / name).write_bytes(b"")
        parts = [
            answers(DS1[:4], "validation", classes, right, item.seed + 100),
            answers(DS2, "test", classes, right, item.seed),
        ]
        # All systems are asked about the same beats.
        label = np.concatenate([_labels(p, len(classes)) for p in parts])
        columns = {
            c: np.concatenate([getattr(p, c) for p in parts])
            for c in ("part", "record", "sample", "logits")
        }
        Predictions(classes=classes, label=label, **columns).save(item.folder / "predictions.npz")

    return fit


def _labels(part: Predictions, classes: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Mostly what was said, else by place in the table: the same for each system."""
    true = (np.arange(len(part)) * 7919 % 1000 % classes).astype(np.int64)
    part.logits[np.arange(len(part)), true] += 3
    return true


@pytest.fixture
def suite(
    fake: Callable[[Item], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Make the plan small and training fast; return the names of what was trained."""
    trained: list[str] = []

    def fit(item: Item) -> None:
        trained.append(f"{item.recipe.name}/{item.seed}")
        fake(item)

    # One recording: enough to begin, too few for the conditions, which have tests of their own.
    Mitdb(tmp_path / "data").miniature(tmp_path / "data", 1, records=("101",), seconds=2)
    (tmp_path / "data" / "mitdb" / "RECORDS").unlink()
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(_plan, "plan", lambda runs: (_small(runs), ["abc: there is no recipe"]))
    monkeypatch.setattr(
        mitdb, "cost", lambda _run: {"macs": 5000, "bytes": 7000, "milliseconds": 0.01}
    )
    monkeypatch.setattr(_judge, "DRAWS", 40)
    monkeypatch.setattr(_planned.train_missing, "__defaults__", (fit,))
    return trained


def test_what_is_finished_is_not_trained_again(suite: list[str], tmp_path: Path) -> None:
    out, runs = tmp_path / "results", tmp_path / "runs"
    first = mitdb.run(out, runs=runs)
    count = len(_small(runs))
    assert len(suite) == count
    (runs / "cnn-aami-inter" / "seed-1" / "weights.safetensors").unlink()
    for path in (runs / "cnn-aami-inter" / "seed-1").iterdir():
        path.unlink()
    (runs / "cnn-aami-inter" / "seed-1").rmdir()
    again = run_suite("mitdb", out, runs)
    assert suite[count:] == ["cnn-aami-inter/1"]
    assert again == first
    assert json.loads((out / "mitdb.json").read_text()) == first
    assert first["missing"] == []
    assert first["notes"] == ["abc: there is no recipe"]


def test_without_training_what_is_there_is_judged(
    suite: list[str], fake: Callable[[Item], None], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(DataError, match="Train first: einthoven evaluate --suite mitdb"):
        run_suite("mitdb", tmp_path / "results", runs, train=False)
    wanted = _small(runs)
    fake(wanted[0])
    found = run_suite("mitdb", tmp_path / "results", runs, train=False)
    assert suite == []
    assert len(found["missing"]) == len(wanted) - 1
    assert list(found["tables"]) == ["aami inter-patient"]


def test_what_was_judged_where_other_runs_lay_is_kept(suite: list[str], tmp_path: Path) -> None:
    out, runs = tmp_path / "results", tmp_path / "runs"
    first = mitdb.run(out, runs=runs)
    shutil.rmtree(runs / "cnn-aami-inter")
    shutil.rmtree(runs / "cnn-aami-intra", ignore_errors=True)
    again = run_suite("mitdb", out, runs, train=False)
    kept = [r for r in again["tables"]["aami inter-patient"]["systems"] if "kept" in r]
    assert "cnn" in {r["name"] for r in kept}
    assert [r["name"] for r in again["tables"]["aami inter-patient"]["systems"]] == [
        r["name"] for r in first["tables"]["aami inter-patient"]["systems"]
    ]
    assert again["missing"] == []
    assert again["held_to"] == first["held_to"]
    one, other = (beats.gaps(of["tables"]) for of in (again, first))
    assert [g["model"] for g in one] == [g["model"] for g in other]
    assert "As judged before" in again["notes"][-1]


def test_without_recordings_nothing_is_begun(
    suite: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="einthoven data get mitdb"):
        mitdb.run(tmp_path / "results", runs=tmp_path / "runs")
    assert suite == []
    assert not (tmp_path / "runs").exists()


def test_the_command_line_judges_what_is_there(
    suite: list[str], fake: Callable[[Item], None], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = ["evaluate", "--suite", "mitdb", "--no-train", "--runs", str(tmp_path / "runs")]
    words += ["--out", str(tmp_path / "results")]
    assert main(words) != 0
    assert "Train first" in capsys.readouterr().err
    fake(_small(tmp_path / "runs")[0])
    assert main(words) == 0
    said = capsys.readouterr()
    assert "macro F1 over N S V F" in said.out
    assert "abc: there is no recipe" in said.err
    assert f"not trained: {len(_small(tmp_path / 'runs')) - 1} runs" in said.err
    assert suite == []


def test_a_refused_run_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    items = _small(tmp_path)
    done = []

    def fit(item: Item) -> None:
        if item is items[1]:
            raise UsageError("corpus.classes", "class Q has no beat", "Leave it out")
        done.append(item)

    notes = _planned.train_missing(items, fit)
    assert len(done) == len(items) - 1
    (note,) = notes
    assert note.startswith(f"{items[1].recipe.name} seed {items[1].seed}: ")
    assert note.endswith("class Q has no beat. Leave it out.")


def test_a_package_that_is_not_there_is_told_once_and_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows were made for minutes, then the fault was called ours (found as a newcomer)."""
    items = [i for i in plan(tmp_path)[0] if i.recipe.model.library == "sklearn"]
    assert len(items) > 1
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UsageError, match=r"needs sklearn\. Run: pip install 'einthoven\[train\]'"):
        _planned.train_missing(items)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_recipe_is_told_and_an_unfinished_one_refused(
    fake: Callable[[Item], None], tmp_path: Path
) -> None:
    item = _small(tmp_path)[0]
    fake(item)
    assert item.finished
    assert not item.altered
    other = replace(item, recipe=load_recipe("cnn", ["optimiser.epochs=99", "seeds=[0]"]))
    assert other.altered
    (item.folder / "weights.safetensors").unlink()
    assert not other.finished
    with pytest.raises(UsageError, match="Delete the folder"):
        _planned.train(other)


# --- what is said of it --------------------------------------------------------------------------


@pytest.fixture
def results(suite: list[str], tmp_path: Path) -> dict[str, Any]:
    del suite
    return mitdb.run(tmp_path / "results", runs=tmp_path / "runs")


def _row(results: dict[str, Any], table: str, name: str, variant: str = "") -> dict[str, Any]:
    (row,) = (
        r for r in results["tables"][table]["systems"]
        if r["name"] == name and r["variant"] == variant
    )  # fmt: skip
    return dict(row)


def test_macro_f1_is_over_five_classes_within_patients_and_four_between(
    results: dict[str, Any],
) -> None:
    assert results["tables"]["aami intra-patient"]["macro_over"] == list("NSVFQ")
    assert results["tables"]["aami inter-patient"]["macro_over"] == list("NSVF")
    row = _row(results, "aami intra-patient", "cnn")
    each = [row["figures"]["classes"][c]["f1"]["mean"] for c in "NSVFQ"]
    assert row["figures"]["macro_f1"]["mean"] == pytest.approx(np.mean(each), abs=1e-4)
    se = [row["figures"]["classes"][c]["sensitivity"]["mean"] for c in "NSVFQ"]
    assert row["macro_sensitivity"]["mean"] == pytest.approx(np.mean(se), abs=1e-4)


def test_each_system_has_its_curves_and_its_cost(results: dict[str, Any]) -> None:
    row = _row(results, "aami inter-patient", "cnn-lstm")
    assert row["cost"] == {"macs": 5000, "bytes": 7000, "milliseconds": 0.01}
    curve = row["roc"]["classes"]["S"]
    assert curve["false"][0] == 0
    assert curve["true"][-1] == 1
    assert curve["auc"] == pytest.approx(np.mean(curve["seeds"]), abs=1e-5)
    plain = _row(results, "aami inter-patient", "cnn", "plain augmentation")
    assert set(plain["roc"]["classes"]["S"]) == {
        "auc", "seeds", "over_beats", "over_patients",
    }  # fmt: skip
    for ends in ("over_beats", "over_patients"):
        low, high = curve[ends]
        assert low <= curve["auc"] <= high
        assert len(row["roc"][ends]) == 2


def test_the_ensemble_that_validation_names_is_held_to(results: dict[str, Any]) -> None:
    rows = [
        r for r in results["tables"]["aami intra-patient"]["systems"] if r["kind"] == "ensemble"
    ]
    assert {r["name"] for r in rows} >= {"ensemble mean", "ensemble top2-weighted"}
    assert all(r["members"] == ["cnn", "cnn-lstm", "resnet1d"] for r in rows)
    # Those trained by the method of Song et al., or with two leads, are mixed by themselves.
    assert {r["variant"] for r in rows} == {
        "four architectures", "four architectures, generated beats and focal loss",
        "four architectures, two leads",
    }  # fmt: skip
    assert all(sorted(w) == r["members"] for r in rows for w in r["weights"])
    assert {len(r["weights"]) for r in rows} == {2}, "a seed each"
    best = max(rows, key=lambda r: r["validation_macro_f1"])
    (held,) = (
        h for h in results["held_to"]
        if h["table"] == "aami intra-patient" and h["figure"] == "macro_f1"
    )  # fmt: skip
    assert held["ours"] == best["figures"]["macro_f1"]["mean"]
    assert held["reached"] == (held["ours"] >= 0.965)
    without = next(h for h in results["held_to"] if h["figure"] == "S without 232")
    boosting = _row(results, "aami inter-patient", "aami-review")
    assert without["ours"] == boosting["without"]["232"]["classes"]["S"]["f1"]["mean"]


def test_every_answer_on_ds2_is_a_look(results: dict[str, Any], tmp_path: Path) -> None:
    book = read(tmp_path / "results")
    told = {look["answers"] for look in book}
    for row in results["tables"]["aami inter-patient"]["systems"]:
        assert all(one["answers"] in told for one in row["runs"] if "answers" in one)
    assert {look["side"] for look in book} == {"mitdb DS2"}


def test_the_page_has_both_protocols_side_by_side_and_every_picture(
    results: dict[str, Any],
) -> None:
    text, pictures = _mitdb.page(results), _mitdb.pictures(results)
    (line,) = (
        row for row in text.splitlines() if row.startswith("| cnn-lstm | 2 |") and "0.01" in row
    )
    for table in ("aami intra-patient", "aami inter-patient"):
        mean = _row(results, table, "cnn-lstm")["figures"]["macro_f1"]["mean"]
        assert f"{mean:.4f} [" in line
    ours, theirs = (
        _row(results, t, "cnn-lstm")["figures"]["classes"]["S"]["f1"]["mean"]
        for t in ("aami intra-patient", "aami inter-patient")
    )
    assert f"{ours - theirs:.4f}" in line
    assert "intra-patient (leaky)" in text
    assert "| cnn | plain augmentation |" in text
    method = text.split("## What each change is worth, intra-patient (leaky)")[1].split("\n## ")[0]
    for name in ("cnn", "cnn-lstm", "resnet1d"):
        for words in ("as the recipe is", "generated beats and focal loss", "two leads"):
            assert f"| {name} | {words} | 2 |" in method
    drawn_here = {f"assets/{name}" for name in pictures} | {"assets/gap.svg"}
    assert drawn_here == set(re.findall(r"\((assets/[^)]*)\)", text))
    drawn = ElementTree.fromstring(pictures["mitdb-roc-aami-inter-patient.svg"])
    lines = list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))
    systems = [
        s for s in results["tables"]["aami inter-patient"]["systems"]
        if s["kind"] in ("network", "boosting") and not s["variant"]
    ]  # fmt: skip
    assert len(lines) == 4 * len(systems)


def test_without_results_the_page_says_how_to_make_them() -> None:
    assert "einthoven evaluate --suite mitdb" in _mitdb.page(None)


def test_the_control_on_a_networks_windows_stands_in_its_table(
    suite: list[str], fake: Callable[[Item], None], tmp_path: Path
) -> None:
    del suite
    runs = tmp_path / "runs"
    items = _small(runs)
    fake(items[0])
    (items[0].folder / "split.json").write_text("{}")

    def names() -> list[str]:
        found = mitdb.run(tmp_path / "results", runs=runs, train=False)
        return [s["name"] for s in found["tables"]["aami inter-patient"]["systems"]]

    # What is not there is not fitted where nothing may be trained.
    assert names() == ["cnn", "majority"]
    text = to_toml(items[0].recipe).replace('name = "cnn"', 'name = "boosting-windows"')
    control = runs / "control-aami-inter-patient"
    shutil.copytree(items[0].folder, control)
    (control / "recipe.toml").write_text(text)
    assert names() == ["cnn", "boosting on windows", "majority"]


def test_the_control_is_fitted_on_the_numbers_that_all_networks_have(
    suite: list[str], fake: Callable[[Item], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have been told age and sex where the network that is stands first."""
    del suite
    asked = []

    def fit_control(run: Run, *_: Any) -> Run:
        asked.append(run.name)
        return run

    monkeypatch.setattr(mitdb._control, "fit_control", fit_control)
    items, _ = plan(tmp_path / "runs", systems=("recognition", "ekgnet"), seeds=(0,))
    plain = {}
    for item in (i for i in items if (i.labels, i.side, i.variant) == ("aami", "inter", "")):
        if item.system != _plan.GENERATOR:
            fake(item)
            (item.folder / "split.json").write_text("{}")
            plain[item.system] = [read_run(item.folder)]
    assert list(plain) == ["recognition", "ekgnet"]
    mitdb._control_row(plain, Mitdb(tmp_path / "data"), tmp_path / "runs", train=True)
    assert asked == ["ekgnet-aami-inter"]


def test_an_ensemble_that_is_refused_leaves_a_note(
    suite: list[str], fake: Callable[[Item], None], tmp_path: Path
) -> None:
    del suite
    for item in _small(tmp_path / "runs"):
        fake(item)
    path = tmp_path / "runs" / "resnet1d-aami-inter" / "seed-0" / "predictions.npz"
    table = Predictions.load(path)
    table.where(np.arange(len(table)) > 0).save(path)
    found = mitdb.run(tmp_path / "results", runs=tmp_path / "runs", train=False)
    assert any("top2-weighted" in note and "resnet1d" in note for note in found["notes"])
    kinds = {
        key: {s["kind"] for s in content["systems"]} for key, content in found["tables"].items()
    }
    assert "ensemble" in kinds["aami intra-patient"]
    assert "ensemble" not in kinds["aami inter-patient"]


def test_costs_are_measured_anew_when_the_folder_holds_another_training(
    fake: Callable[[Item], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = _small(tmp_path)[0]
    fake(item)
    model = _cost.graph(nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), (torch.zeros(1, 1, 12),))
    asked = []
    monkeypatch.setattr(_cost, "model_of", lambda run: (asked.append(run) or model, 48))
    run = read_run(item.folder)
    first = _cost.cost(run)
    assert (first["macs"], first["bytes"]) == (48, len(model))
    assert _cost.cost(run) == first
    assert len(asked) == 1
    _cost.cost(replace(run, predictions=run.predictions.where(run.predictions.label > 0)))
    assert len(asked) == 2


def test_neither_a_shipped_model_nor_a_variant_speaks_for_its_system(
    results: dict[str, Any],
) -> None:
    """A shipped one has no validation side of its own to be named by (found on the real runs)."""
    table = "aami inter-patient"
    shipped = dict(_row(results, table, "aami-review").items())
    strict = shipped | {"variant": beats.WITHOUT_201, "figures": {}, "validation_macro_f1": 1.0}
    del shipped["validation_macro_f1"]
    shipped |= {"kind": "shipped", "variant": "on reference beats", "runs": [{}]}
    tables = results["tables"] | {
        table: results["tables"][table]
        | {"systems": [strict, *results["tables"][table]["systems"], shipped]}
    }
    assert mitdb.held_to(tables, {}) == mitdb.held_to(results["tables"], {})


def test_an_ensemble_gives_way_when_a_members_recipe_changes(results: dict[str, Any]) -> None:
    rows = results["tables"]["aami intra-patient"]["systems"]
    known = {(r["name"], r["variant"]): r["recipe"] for r in rows if r["kind"] == "network"}
    mixed = [r for r in rows if r["kind"] == "ensemble"]
    assert mixed
    for row in mixed:
        variant = row["variant"].removeprefix("four architectures").removeprefix(", ")
        assert set(row["recipe"].split()) == {known[name, variant] for name in row["members"]}
