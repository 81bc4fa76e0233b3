"""What other programs rely on: exit codes, stdout that is JSON alone, faults in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.corpora import demo_record
from einthoven.formats import write
from einthoven.record import Record

Printed = pytest.CaptureFixture[str]
DEMO = demo_record()


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Two recordings of 12 s, one of them in a folder of its own."""
    place = tmp_path / "ward"
    (place / "sub dir").mkdir(parents=True)
    piece = DEMO.signal[:1, : round(12 * DEMO.rate)]
    for name in ("a.edf", "sub dir/ünï ♥.edf"):
        write(Record(signal=piece, rate=DEMO.rate, leads=("II",)), place / name)
    return place


@pytest.fixture
def strip(ward: Path) -> str:
    return str(ward / "a.edf")


def test_what_was_finished_before_is_printed_as_json_again(
    ward: Path, tmp_path: Path, capsys: Printed
) -> None:
    words = ["analyze", str(ward), "--json", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    first = capsys.readouterr()
    assert main(words) == 0
    again = capsys.readouterr()
    assert "finished before" in again.err
    assert again.out == first.out
    assert [json.loads(line)["record"] for line in again.out.splitlines()] == ["a", "ünï ♥"]


def test_answers_inside_the_folder_given_are_no_recordings(
    ward: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ward)
    for _ in range(2):
        assert main(["analyze", ".", "--html", "--jobs", "1"]) == 0
        assert "holds none" not in capsys.readouterr().err
    assert main(["info", ".", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [json.loads(line)["record"] for line in said.out.splitlines()] == ["a", "ünï ♥"]


def test_a_table_of_ones_own_called_summary_is_a_recording(tmp_path: Path) -> None:
    table = "\n".join(["II (mV)", *(f"{v:.4f}" for v in DEMO.signal[0, :4000])])
    (tmp_path / "summary.csv").write_text(table)
    out = tmp_path / "out"
    words = ["analyze", str(tmp_path), "--rate", "360", "--jobs", "1", "--out", str(out)]
    assert main(words) == 0
    assert (out / "summary.json").is_file()


def test_out_that_is_a_file_is_said_once(strip: str, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["analyze", strip, "--json", "--out", str(out)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
        assert "cannot be a folder" in said.err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ["analyze", "STRIP", "--model", "aami-revew"],
        ["stream", "STRIP", "--speed", "0", "--model", "aami-revew"],
        ["explain", "aami-revew", "STRIP"],
        ["models", "show", "aami-revew"],
        ["export", "aami-revew", "--to", "onnx"],
        ["evaluate", "aami-revew"],
    ],
)
def test_a_model_that_nobody_knows_is_wrong_usage_and_the_nearest_is_named(
    words: list[str], strip: str, capsys: Printed
) -> None:
    if words[0] in ("export", "evaluate"):
        pytest.importorskip("torch")
    assert main([strip if w == "STRIP" else w for w in words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Did you mean aami-review?" in said.err
    assert len([line for line in said.err.splitlines() if "einthoven:" in line]) == 1


def test_a_model_of_another_profile_is_refused_once_for_all_files(
    ward: Path, capsys: Printed
) -> None:
    assert main(["analyze", str(ward), "--json", "--model", "aami-live"]) == 2
    said = capsys.readouterr()
    assert "--profile live" in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["models", "show"], "names no model. Name one of: aami-live"),
        (["recipes", "show"], "names no recipe. Name one of: aami-live"),
        (["analyze", "STRIP", "--leads", " , "], "--leads: names none"),
        (["stream", "STRIP", "--speed", "-1"], "--speed: is -1"),
        (["stream", "STRIP", "--speed", "nan"], "--speed: is nan"),
        (["stream", "STRIP", "--model", "aami-review"], "made for streams. Use one that was: aami"),
    ],
)
def test_wrong_usage_in_one_sentence(
    words: list[str], told: str, strip: str, capsys: Printed
) -> None:
    assert main([strip if w == "STRIP" else w for w in words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err


def test_a_traceback_is_shown_where_it_is_asked_for_and_only_there(capsys: Printed) -> None:
    for words in (["analyze", "nosuch", "--json"], ["stream", "nosuch"]):
        assert main(words) == 1
        quiet = capsys.readouterr().err
        assert main([*words, "--traceback"]) == 1
        loud = capsys.readouterr().err
        assert "Traceback" not in quiet
        assert "Traceback" in loud
        assert loud.endswith(quiet)


def test_our_own_mistakes_are_told_without_a_traceback(
    strip: str, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in here")

    monkeypatch.setattr("einthoven.cli.convert.open_source", broken)
    assert main(["convert", strip, "x.csv"]) == 1
    said = capsys.readouterr().err
    assert "our mistake (ZeroDivisionError: in here)" in said
    assert len(said.splitlines()) == 1


def test_a_stream_names_the_file_that_has_too_few_samples(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "slow.edf"
    write(Record(signal=np.zeros((1, 500), np.float32), rate=50.0, leads=("II",)), path)
    assert main(["stream", str(path), "--speed", "0"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{path}: has 50 samples a second" in said.err
    assert "60 or more" in said.err


def test_info_and_analyze_tell_one_length(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "long.edf"
    signal = np.zeros((1, round(90.7 * 100)), np.float32)
    write(Record(signal=signal, rate=100.0, leads=("II",)), path)
    for verb in ("info", "analyze"):
        assert main([verb, str(path)]) == 0
        assert "0:01:31" in capsys.readouterr().out


def test_the_manual_shows_the_keys_that_a_stream_prints(tmp_path: Path, capsys: Printed) -> None:
    page = Path(__file__).parents[2] / "docs" / "verbs" / "stream.md"
    shown = [json.loads(x) for x in page.read_text("utf-8").splitlines() if x.startswith("{")]
    path = tmp_path / "a.edf"
    piece = DEMO.signal[:, : round(31 * DEMO.rate)]
    write(Record(signal=piece, rate=DEMO.rate, leads=DEMO.leads), path)
    assert main(["stream", str(path), "--speed", "0"]) == 0
    printed = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
    keys = {event["event"]: list(event) for event in printed}
    assert {event["event"] for event in shown} == {"beat", "quality", "rhythm"}
    for event in shown:
        assert list(event) == keys[event["event"]]
    assert [e["event"] for e in printed[:1]] == [e["event"] for e in shown[:1]]
