import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from einthoven.cli import main
from einthoven.record.errors import DataError, UsageError
from einthoven.suites import _looks, judge_one, suite_names
from einthoven.suites._one import _spelt

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write to the folder they are typed in: here, not into the checkout."""
    monkeypatch.chdir(tmp_path)


def test_a_run_is_judged_again_from_its_answers(make_run: Any, capsys: Capture) -> None:
    folder = make_run("net", seed=2)
    assert main(["evaluate", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "mitdb aami, inter-patient" in shown
    assert "880 beats of 22 patients" in shown
    assert "S without 232" in shown
    assert "201" in shown  # what the split still leaks is said beside the score
    assert not Path("results").exists()


def test_json_is_json_alone(make_run: Any, capsys: Capture) -> None:
    assert main(["evaluate", str(make_run("net")), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["systems"][0]["figures"]["classes"]["V"]["f1"]["mean"] > 0.5


def test_the_leaky_protocol_is_called_so(make_run: Any, capsys: Capture) -> None:
    assert main(["evaluate", str(make_run("net", protocol="intra-patient"))]) == 0
    assert "LEAKY" in capsys.readouterr().out


def test_with_out_the_table_is_written_and_the_look_counted(make_run: Any, capsys: Capture) -> None:
    folder = make_run("net")
    for _ in range(2):
        assert main(["evaluate", str(folder), "--out", "found"]) == 0
    assert json.loads(Path("found/net-0.json").read_text())["systems"][0]["name"] == "net"
    assert [look["system"] for look in _looks.read(Path("found"))] == ["net"]


def test_a_look_is_booked_by_what_anyone_can_type(
    make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = make_run("net")
    deep = tmp_path / "runs" / "mine" / "runs"
    shutil.copytree(folder, deep / "net-0")
    for path in (folder, deep / "net-0"):
        assert main(["evaluate", str(path), "--out", path.parent.name + "-out"]) == 0
        monkeypatch.chdir(path)
        assert main(["evaluate", ".", "--out", "found"]) == 0
        looks = _looks.read(Path("found"))
        assert [look["command"] for look in looks] == ["einthoven evaluate runs/net-0"]
        monkeypatch.chdir(tmp_path)
    assert _spelt(Path("aami-review")) == "aami-review"


def test_other_results_are_not_written_over_unasked(make_run: Any, capsys: Capture) -> None:
    words = ["evaluate", str(make_run("net")), "--out", "found"]
    there = Path("found/net-0.json")
    there.parent.mkdir()
    there.write_text('{"mine": 1}')
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert there.read_text() == '{"mine": 1}'
    assert not (there.parent / "looks.json").exists()
    assert main([*words, "--force"]) == 0
    assert json.loads(there.read_text())["suite"] == "one"


def test_a_suite_writes_its_results(make_run: Any, capsys: Capture) -> None:
    make_run("net")
    assert "beats" in suite_names()
    assert main(["evaluate", "--suite", "beats", "--out", "r"]) == 0
    shown = capsys.readouterr()
    assert "Always N" in shown.out
    assert "r/beats.json" in shown.err
    assert Path("r/beats.json").is_file()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["x", "--suite", "beats"],
        ["no-such-model"],
        ["--suite", "beets"],
        ["{run}", "--protocol", "inter"],
        ["{run}", "--protocol", "intra-patient"],
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    words: list[str], make_run: Any, capsys: Capture
) -> None:
    folder = str(make_run("net"))
    assert main(["evaluate", *(w.replace("{run}", folder) for w in words)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("einthoven: ")


def test_a_folder_that_is_no_run_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"predictions\.npz"):
        judge_one(str(tmp_path))


def test_a_run_is_not_judged_under_a_protocol_it_was_not_trained_for(make_run: Any) -> None:
    with pytest.raises(UsageError, match="decides whom it has seen"):
        judge_one(str(make_run("net")), "intra-patient")


@pytest.mark.parametrize(
    ("model", "suite"), [("rpeaks", "peaks"), ("rhythm", "rhythm"), ("twelve", "twelve")]
)
def test_a_model_of_another_task_is_sent_to_its_suite(model: str, suite: str) -> None:
    with pytest.raises(UsageError, match=f"Judge it by --suite {suite}"):
        judge_one(model, "ptbxl-folds")
    with pytest.raises(UsageError, match=f"Judge it by --suite {suite}"):
        judge_one(model)
    assert suite in suite_names()
