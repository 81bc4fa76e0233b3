"""The command line of analyze: files, folders, bad files, skipping, exit codes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import commands, main
from einthoven.corpora import demo_record
from einthoven.formats import write
from einthoven.formats.wfdb import read_annotations
from einthoven.record import Record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good recordings, one in a folder inside, and a damaged one."""
    demo = demo_record()
    stop = int(30 * demo.rate)
    text = "II\n" + "\n".join(f"{v:.4f}" for v in demo.signal[0, :stop])
    place = tmp_path / "in"
    (place / "ward").mkdir(parents=True)
    (place / "a.csv").write_text(text)
    (place / "ward" / "b.csv").write_text(text)
    (place / "notes.txt").write_text("nothing to see")
    write(Record(signal=demo.signal[:, :stop], rate=demo.rate, leads=demo.leads), place / "bad.edf")
    (place / "bad.edf").write_bytes((place / "bad.edf").read_bytes()[:600])
    return place


FLAGS = ["--rate", f"{demo_record().rate:g}", "--unit", "mV"]


def test_a_folder_becomes_answers_and_one_bad_file_stops_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code = main(
        ["analyze", str(folder), "--out", str(out), "--html", "--atr", "--jobs", "1", *FLAGS]
    )
    shown = capsys.readouterr()
    assert code == 1
    assert "bad.edf" in shown.err
    assert "left out: " in shown.err
    assert "notes.txt" in shown.err
    assert "Traceback" not in shown.err
    for kind in ("json", "html", "atr"):
        assert (out / f"a.{kind}").is_file()
        assert (out / "ward" / f"b.{kind}").is_file()
    rows = list(csv.DictReader((out / "summary.csv").read_text().splitlines()))
    assert [r["record"] for r in rows if not r["fault"]] == ["a", "b"]
    assert sorted(r["source"] for r in rows if r["fault"]) == [
        str(folder / "bad.edf"), str(folder / "notes.txt")
    ]  # fmt: skip
    assert not list(folder.rglob("*.json"))
    beats = json.loads((out / "a.json").read_text())["beats"]
    assert len(read_annotations(out / "a.atr")) == len(beats) > 20


def test_what_is_finished_is_skipped_unless_forced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["analyze", str(folder / "a.csv"), "--out", str(out), *FLAGS]
    assert main(words) == 0
    first = (out / "a.json").stat().st_mtime_ns
    assert main(words) == 0
    assert "finished before" in capsys.readouterr().err
    assert (out / "a.json").stat().st_mtime_ns == first
    assert main([*words, "--force"]) == 0
    assert (out / "a.json").stat().st_mtime_ns > first


def test_a_reference_annotation_is_never_written_over_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = demo_record()
    record = Record(signal=demo.signal[:, :7200], rate=demo.rate, leads=demo.leads)
    write(record, tmp_path / "100.hea")
    (tmp_path / "100.atr").write_bytes(b"\0\0")
    words = ["analyze", str(tmp_path / "100"), "--out", str(tmp_path), "--atr"]
    assert main(words) != 0
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "100.atr").read_bytes() == b"\0\0"


def test_json_is_one_document_a_line_in_the_order_of_the_paths(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(folder / "ward" / "b.csv"), str(folder / "a.csv")]
    assert main(["analyze", *paths, "--json", "--jobs", "2", *FLAGS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["record"] for line in lines] == ["b", "a"]


def test_waves_are_answered_where_they_are_asked_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(folder / "a.csv")
    assert main(["analyze", file, "--json", *FLAGS]) == 0
    assert "waves" not in json.loads(capsys.readouterr().out)
    assert main(["analyze", file, "--json", "--waves", *FLAGS]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"][-1]["task"] == "waves"
    assert {w["wave"] for w in document["waves"]} == {"P", "QRS", "T"}
    assert {w["lead"] for w in document["waves"]} == {"II"}
    qrs = [w for w in document["waves"] if w["wave"] == "QRS"]
    assert abs(len(qrs) - len(document["beats"])) <= 1
    # An answer without waves is not taken for one with them.
    out = str(tmp_path / "out")
    assert main(["analyze", file, "--out", out, *FLAGS]) == 0
    assert main(["analyze", file, "--out", out, "--waves", "--force", *FLAGS]) == 0
    assert json.loads((tmp_path / "out" / "a.json").read_text())["waves"] == document["waves"]


def test_a_unit_that_is_not_stated_must_be_given(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(folder / "a.csv"), "--rate", "360"]) in (1, 2)
    assert "--unit" in capsys.readouterr().err


def test_wrong_usage_is_2_and_a_missing_file_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["analyze"])
    assert stop.value.code == 2
    assert main(["analyze", str(tmp_path / "none.edf")]) == 1
    assert "none.edf" in capsys.readouterr().err
    assert main(["analyze", str(tmp_path), "--model", "nothing"]) == 2


def test_stream_prints_the_live_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "a.csv")
    assert main(["stream", path, "--speed", "0", *FLAGS]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["analyze", path, "--profile", "live", "--json", *FLAGS]) == 0
    document = json.loads(capsys.readouterr().out)
    beats = [{k: v for k, v in e.items() if k != "event"} for e in lines if e["event"] == "beat"]
    assert beats == document["beats"]


def test_the_demo_analyses_the_built_in_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["demo", "--out", str(tmp_path)]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "not a medical device" in shown.err
    assert (tmp_path / "demo.html").stat().st_size > 10_000
    classes = {b["class"] for b in json.loads((tmp_path / "demo.json").read_text())["beats"]}
    assert {"N", "V", "S"} <= classes
    assert main(words) == 0
    assert "kept" in capsys.readouterr().err


@pytest.mark.parametrize("name", commands())
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_models_are_listed_with_what_others_rely_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all({"name", "task", "leads", "default"} <= set(r) for r in rows)
    for row in rows:
        assert main(["models", "show", row["name"]]) == 0
    assert main(["models", "show", "nothing"]) == 2


def test_hostile_names_stay_inside_the_output_folder(tmp_path: Path) -> None:
    demo = demo_record()
    place = tmp_path / "in"
    place.mkdir()
    np.savetxt(place / "=cmd ..; x.csv", demo.signal[0, :3000], header="II", comments="")
    out = tmp_path / "out"
    main(["analyze", str(place), "--out", str(out), *FLAGS])
    shutil.rmtree(place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_no_name_is_a_formula_in_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = demo_record()
    monkeypatch.chdir(tmp_path)
    names = ["=1+1.csv", "+a.csv", "-a.csv", "@a.csv", "a=1.csv"]
    for name in names:
        np.savetxt(name, demo.signal[0, :3000], header="II", comments="")
    Path("=bad.csv").write_text("")
    for _ in range(2):  # a second run takes the rows of the first for its own
        main(["analyze", *(f"./{n}" for n in names), "--out", "out", "--force", *FLAGS])
        main(["analyze", "=bad.csv", "--out", "out", "--force", *FLAGS])
    rows = list(csv.DictReader(Path("out/summary.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert sorted(r["record"] for r in rows) == ["'+a", "'-a", "'=1+1", "'=bad", "'@a", "a=1"]
    assert not any(v.startswith(("=", "+", "-", "@")) for r in rows for v in r.values())
