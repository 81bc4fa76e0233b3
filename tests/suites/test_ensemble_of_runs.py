"""Runs that are mixed on the command line: the same figures as by hand, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.classification import confusion, f1
from einthoven.suites import _looks
from einthoven.suites._runs import read_run

Capture = pytest.CaptureFixture[str]
INPUT = '[input]\nkind = "beat"\nrate = 360.0\nwindow = [0.25, 0.45]\n'


@pytest.fixture
def members(make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return two runs of one input that are wrong in different beats."""
    monkeypatch.chdir(tmp_path)
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
    assert (first["variant"], second["variant"]) == ("seed 0", "seed 0")
    assert mixed["weights"] == [{"/".join(Path(m).parts[-2:]): 0.5 for m in members}]
    assert json.loads(Path("found/ensemble-mean.json").read_text()) == {"suite": "one", **table}
    looks = _looks.read(Path("found"))
    assert {look["system"] for look in looks} == {"ensemble mean", "one", "two"}
    assert all(str(Path.cwd()) not in look["command"] for look in looks)


def test_the_terminal_shows_whose_weight_is_what(members: list[str], capsys: Capture) -> None:
    assert main(["evaluate", *members, "--ensemble", "top2-weighted"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("Ensemble of runs/one-0 (0.") < shown.index("A title (seed 0)")
    assert "LEAKY" not in shown


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
    }
    for name, folder in others.items():
        wide = INPUT.replace("0.45", "0.6")
        _with_input(folder, {"wide": wide, "bare": ""}.get(name, INPUT))
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
