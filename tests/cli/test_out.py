"""OUT never gives one recording another's answer, and nothing in it is lost."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from einthoven.cli import _batch, main
from einthoven.corpora import demo_record
from einthoven.formats import write
from einthoven.record import Record

DEMO = demo_record()
FLAGS = ["--rate", f"{DEMO.rate:g}", "--unit", "mV"]


def _csv(path: Path, signal: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("II\n" + "\n".join(f"{v:.4f}" for v in signal))
    return path


@pytest.fixture
def strip() -> np.ndarray:
    return DEMO.signal[0, : int(20 * DEMO.rate)]


def test_another_recording_of_the_same_name_is_not_taken_for_the_first(
    tmp_path: Path, strip: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _csv(tmp_path / "d1" / "r.csv", strip)
    second = _csv(tmp_path / "d2" / "r.csv", np.zeros_like(strip))
    out = str(tmp_path / "out")
    assert main(["analyze", str(first), "--out", out, *FLAGS]) == 0
    assert main(["analyze", str(second), "--out", out, *FLAGS]) != 0
    assert "answers another file or question" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "r.json").read_text())["usable"]


def test_another_profile_or_a_changed_file_is_not_finished(
    tmp_path: Path, strip: np.ndarray
) -> None:
    path = _csv(tmp_path / "r.csv", strip)
    words = ["analyze", str(path), "--out", str(tmp_path / "out"), *FLAGS]
    assert main(words) == 0
    assert main([*words, "--profile", "live"]) != 0
    _csv(path, np.zeros_like(strip))
    assert main(words) != 0
    assert main([*words, "--force"]) == 0
    assert not json.loads((tmp_path / "out" / "r.json").read_text())["usable"]


def test_the_summary_keeps_the_rows_of_earlier_runs(tmp_path: Path, strip: np.ndarray) -> None:
    out = tmp_path / "out"
    for name in ("a", "b", "a"):
        path = tmp_path / f"{name}.csv"
        if not path.exists():
            _csv(path, strip)
        assert main(["analyze", str(path), "--out", str(out), *FLAGS]) == 0
    rows = list(csv.DictReader((out / "summary.csv").read_text().splitlines()))
    assert sorted(r["record"] for r in rows) == ["a", "b"]


def test_the_summary_has_a_column_for_every_diagnosis_of_any_record(tmp_path: Path) -> None:
    """A single lead has none, a fault neither; an earlier run's rows get the new columns."""
    path, fixed = tmp_path / "summary.csv", {"fault": "", "diagnoses_uncertain": ""}
    _batch._write_summary(path, [{"source": "one lead", **fixed}])
    _batch._write_summary(
        path,
        [
            {"source": "twelve", **fixed, "probability_MI": 0.49},
            {"source": "other model", **fixed, "probability_AF": 0.2},
            failed := {"source": "broken", **fixed, "fault": "cut off"},
        ],
    )
    rows = list(csv.DictReader(path.read_text().splitlines()))
    names = ["source", *fixed, "probability_MI", "probability_AF"]
    assert all(list(row) == names for row in rows)
    assert [row["probability_MI"] for row in rows] == ["", "0.49", "", ""]
    assert rows[-1]["fault"] == failed["fault"]


def test_a_run_killed_between_its_files_finishes_the_next_time(
    tmp_path: Path, strip: np.ndarray
) -> None:
    out = tmp_path / "out"
    words = ["analyze", str(_csv(tmp_path / "a.csv", strip)), "--out", str(out), "--atr", *FLAGS]
    assert main(words) == 0
    (out / "a.json").unlink()
    assert main(words) == 0
    assert (out / "a.json").is_file()


@pytest.mark.parametrize(("name", "code"), [("README.md", 0), ("broken.edf", 1), ("c.csv", 1)])
def test_what_holds_no_recording_is_named_and_has_a_row(
    tmp_path: Path, strip: np.ndarray, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    place, out = tmp_path / "in", tmp_path / "out"
    _csv(place / "a.csv", strip)
    (place / name).write_text("no recording at all\n" * 9)
    for _ in range(2):
        assert main(["analyze", str(place), "--out", str(out), *FLAGS]) == code
        assert name in capsys.readouterr().err
        rows = list(csv.DictReader((out / "summary.csv").read_text().splitlines()))
        assert {r["source"]: bool(r["fault"]) for r in rows} == {
            str(place / "a.csv"): False, str(place / name): True
        }  # fmt: skip
    assert main(["info", str(place), *FLAGS]) == code
    assert name in capsys.readouterr().err


def test_what_killed_runs_left_behind_is_swept(tmp_path: Path, strip: np.ndarray) -> None:
    out = tmp_path / "out"
    out.mkdir()
    halves = ["..a.state.x1y2z3_4.state", ".a.json.abcdefgh.json", ".summary.csv.abcdefgh.csv"]
    kept = [".ab.json.abcdefgh.json", ".a.json.json", "b.json"]
    for name in (*halves, *kept):
        (out / name).write_text("half")
    path = _csv(tmp_path / "a.csv", strip)
    assert main(["analyze", str(path), "--out", str(out), *FLAGS]) == 0
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [*kept, ".a.state", "a.json", "summary.csv"]
    )


def test_a_table_of_missing_samples_is_read_and_not_usable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in" / "gone.csv"
    _csv(path, np.full(3600, np.nan))
    assert main(["analyze", str(path.parent), "--json", *FLAGS]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["samples"] == 3600
    assert document["usable"] is False
    assert document["reason"]


def test_a_name_that_is_not_utf8_stops_nothing(
    tmp_path: Path, strip: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "in"
    good = _csv(place / "good.csv", strip)
    try:
        os.link(good, os.fsencode(place) + b"/odd\xff.csv")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    out = tmp_path / "out"
    assert main(["analyze", str(place), "--out", str(out), "--html", "--jobs", "1", *FLAGS]) == 0
    assert len(list(csv.DictReader((out / "summary.csv").read_text().splitlines()))) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_parts_of_a_wfdb_record_are_no_records(tmp_path: Path, strip: np.ndarray) -> None:
    write(Record(signal=strip[None], rate=DEMO.rate, leads=("II",)), tmp_path / "in" / "r.hea")
    (tmp_path / "in" / "r.dat").rename(tmp_path / "in" / "r.d0")
    header = tmp_path / "in" / "r.hea"
    header.write_text(header.read_text().replace("r.dat", "r.d0"))
    out = tmp_path / "out"
    assert main(["analyze", str(tmp_path / "in"), "--out", str(out)]) == 0
    assert [p.name for p in out.glob("*.json")] == ["r.json"]


def test_json_stays_alone_on_stdout_with_out(
    tmp_path: Path, strip: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _csv(tmp_path / "a.csv", strip)
    assert main(["analyze", str(path), "--json", "--out", str(tmp_path / "o"), *FLAGS]) == 0
    assert json.loads(capsys.readouterr().out)["record"] == "a"


def test_an_implausible_unit_and_too_low_a_rate_are_said(
    tmp_path: Path, strip: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    big = _csv(tmp_path / "big.csv", strip * 1000)
    assert main(["analyze", str(big), "--json", *FLAGS]) == 0
    assert any(w.startswith("unit:") for w in json.loads(capsys.readouterr().out)["warnings"])
    slow = _csv(tmp_path / "slow.csv", strip)
    assert main(["analyze", str(slow), "--json", "--rate", "50", "--unit", "mV"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not document["usable"]
    assert "too few" in document["reason"]


def test_no_jobs_is_wrong_usage(tmp_path: Path) -> None:
    assert main(["analyze", str(tmp_path), "--jobs", "0"]) == 2


@pytest.mark.parametrize("task", ["peaks", "beat", "rhythm", "diagnosis", "waves"])
def test_a_new_model_of_any_task_asks_again(
    tmp_path: Path, strip: np.ndarray, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    path = _csv(tmp_path / "r.csv", strip)
    job = _batch.Job(
        path=str(path), out=tmp_path / "r", wanted=("json",), reading={}, force=False,
        identity=False, keep_json=False,
        questions={"model": None, "profile": "review", "waves": True},
    )  # fmt: skip
    before = job.fingerprint
    real = _batch.default_model
    newer = SimpleNamespace(sha256="0" * 64)
    monkeypatch.setattr(
        _batch, "default_model", lambda t, profile: newer if t == task else real(t, profile)
    )
    assert replace(job).fingerprint != before
