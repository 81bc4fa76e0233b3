"""Runs that are mixed on the command line: the same figures as by hand, or one sentence."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.classification import confusion, f1
from einthoven.evaluation.ensemble import KINDS
from einthoven.suites import _looks
from einthoven.suites._runs import read_run

Capture = pytest.CaptureFixture[str]
INPUT = '[input]\nkind = "beat"\nrate = 360.0\nwindow = [0.25, 0.45]\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are counted in the folder that is typed in: here, not in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def members(make_run: Any) -> list[str]:
    """Return two runs of one input that are wrong in different beats."""
    folders = [make_run("one", right=0.8), make_run("two", right=0.7)]
    for folder in folders:
        _with_input(folder, INPUT)
    return [str(f) for f in folders]


def _with_input(folder: Path, text: str) -> None:
    with (folder / "recipe.toml").open("a") as file:
        file.write(text)


def test_runs_are_mixed_and_stand_beside_each_other(members: list[str], capsys: Capture) -> None:
    assert main(["evaluate", *members, "--ensemble", "mean", "--json", "--out", "found"]) == 0
    table = json.loads(capsys.readouterr().out)
    mixed, first, second = table["systems"]
    sides = [read_run(Path(m)).predictions.of("test") for m in members]
    p = np.mean([softmax(side.scaled) for side in sides], axis=0)
    expected = f1(confusion(sides[0].label, p.argmax(axis=1), len(sides[0].classes)))
    for index, name in enumerate(sides[0].classes):
        got = mixed["figures"]["classes"][name]["f1"]["mean"]
        assert got == pytest.approx(expected[index], abs=1e-4)
    assert (first["title"], second["title"]) == ("A title (seed 0)",) * 2
    assert mixed["weights"] == [{"runs/one-0": 0.5, "runs/two-0": 0.5}]
    assert mixed["command"] == "einthoven evaluate runs/one-0 runs/two-0 --ensemble mean"
    assert json.loads(Path("found/ensemble-mean.json").read_text()) == {"suite": "one", **table}
    looks = _looks.read(Path("found"))
    assert {(look["system"], look["why"]) for look in looks} == {
        ("ensemble mean", "of runs/one-0 (0.500), runs/two-0 (0.500)"),
        ("one", "trained model, a seed"), ("two", "trained model, a seed"),
    }  # fmt: skip
    assert str(Path.cwd()) not in json.dumps([table, looks])


def test_the_terminal_shows_whose_weight_is_what(members: list[str], capsys: Capture) -> None:
    assert main(["evaluate", *members, "--ensemble", "top2-weighted"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("Ensemble top2-weighted (of runs/one-0 (0.") < shown.index(
        "A title (seed 0)"
    )
    assert "2 mixed" in shown
    assert "LEAKY" not in shown


def test_runs_of_one_name_in_two_places_are_told_apart(
    members: list[str], tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(tmp_path / "runs", tmp_path / "other" / "runs")
    other = tmp_path / "other" / "runs" / "two-0"
    # Two runs of one folder name and one place: the shortest ends that differ are their names.
    assert main(["evaluate", members[1], str(other), "--ensemble", "mean", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["systems"][0]
    assert row["members"][1] == "other/runs/two-0"
    assert row["command"] == f"einthoven evaluate {' '.join(row['members'])} --ensemble mean"


def test_runs_without_201_are_mixed_among_themselves(make_run: Any, capsys: Capture) -> None:
    first, second, plain = (
        make_run("a", strict=True), make_run("b", right=0.7, strict=True), make_run("c"),
    )  # fmt: skip
    for folder in (first, second, plain):
        _with_input(folder, INPUT)
    assert main(["evaluate", str(first), str(second), "--ensemble", "mean"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("strict: trained without 201") == 3
    assert "rows marked strict train without 201" in shown
    assert main(["evaluate", str(first), str(plain), "--ensemble", "mean"]) == 2
    assert "(as its recipe is; strict: trained without 201)" in capsys.readouterr().err


def test_the_help_names_each_kind(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    shown = re.sub(r"-\n\s+", "-", capsys.readouterr().out)
    words = set(re.split(r"[\s,;:]+", shown))
    assert set(KINDS) <= words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{one}", "{two}"], "Give --ensemble KIND"),
        (["{one}", "--ensemble", "mean"], "two runs or more"),
        (["{one}", "{one}", "--ensemble", "mean"], "stands there twice"),
        (["{one}", "{two}", "--ensemble", "best"], "'best' is not known"),
        (["{one}", "{two}", "--ensemble", "mean", "--protocol", "inter-patient"], "their own"),
        (["--suite", "beats", "--ensemble", "mean"], "Leave it out"),
        (["{one}", "aami-review", "--ensemble", "mean"], "is no finished run"),
        (["{one}", "{nlrav}", "--ensemble", "mean"], r"Train both with the same corpus.labels"),
        (["{one}", "{within}", "--ensemble", "mean"], r"Train both with the same corpus.classes"),
        (["{one}", "{wide}", "--ensemble", "mean"], r"Train both with the same input.window"),
        (["{one}", "{bare}", "--ensemble", "mean"], "has no [input]"),
        (["{one}", "{one}/../two-0/../one-0", "--ensemble", "mean"], "stands there twice"),
        (["{one}", "{strange}", "--ensemble", "mean"], "strange-0/recipe.toml: has no [input]"),
        (["{one}", "{two}", "--ensemble", "mean", "--no-train"], "is for suites"),
        (["{one}", "--ensemble", ""], "two runs or more"),
    ],
)
def test_what_cannot_be_mixed_is_told_in_a_sentence(
    words: list[str], told: str, members: list[str], make_run: Any, capsys: Capture
) -> None:
    others = {
        "nlrav": make_run("nlrav", labels="nlrav", classes=("N", "L", "R", "A", "V")),
        "within": make_run("within", classes=("N", "S", "V", "F", "Q")),
        "wide": make_run("wide"),
        "bare": make_run("bare"),
        "strange": make_run("strange"),
    }
    for name, folder in others.items():
        wide, strange = INPUT.replace("0.45", "0.6"), INPUT.replace("rate", "rat")
        _with_input(folder, {"wide": wide, "bare": "", "strange": strange}.get(name, INPUT))
    names = dict(zip(("one", "two"), members, strict=True)) | others
    assert main(["evaluate", *(w.format(**names) for w in words)]) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert shown.err.count("\n") == 1


def test_runs_of_whole_records_are_not_mixed(members: list[str], capsys: Capture) -> None:
    recipe = Path(members[1], "recipe.toml")
    recipe.write_text('task = "diagnosis"\n' + recipe.read_text())
    assert main(["evaluate", *members, "--ensemble", "mean"]) == 2
    assert "is a run of the task diagnosis" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["recipe.toml", "metrics.json"])
def test_a_damaged_file_of_a_run_is_named(name: str, members: list[str], capsys: Capture) -> None:
    Path(members[1], name).write_bytes(b"{\xff")
    assert main(["evaluate", *members, "--ensemble", "mean"]) == 1
    assert f"two-0/{name}: is" in capsys.readouterr().err
