"""`einthoven data`: what a user sees."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import einthoven
from einthoven.cli import main
from einthoven.corpora import open_corpus
from einthoven.training import load_recipe
from einthoven.training._record_data import load_examples


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return open_corpus("mitdb").miniature(  # type: ignore[call-arg]
        tmp_path / "root", 3, records=("100", "102", "201"), seconds=15
    )


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    folder = open_corpus("mitdb").miniature(  # type: ignore[call-arg]
        tmp_path / "publisher", 3, seconds=5
    )

    with _served(folder / "mitdb") as address:
        yield address


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Be quiet."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_list_shows_what_is_here(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    line = next(text for text in out.splitlines() if text.startswith("mitdb"))
    assert "3/48" in line
    assert "ODC-By 1.0" in line
    assert main(["data", "list", "--root", str(root), "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mitdb"]["present"] == 3
    assert rows["nstdb"]["present"] == 0
    assert rows["mitdb"]["doi"] == "10.13026/C2F305"


def test_list_has_a_dash_for_what_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "list", "sph", "code15", "--root", str(tmp_path)]) == 0
    head, sph, code15 = (line.split() for line in capsys.readouterr().out.splitlines())
    columns = head.index("hours"), head.index("MB")
    assert [sph[k] for k in columns] == ["-", "-"]
    assert [code15[k] for k in columns] == ["960.5", "-"]


def test_get_loads_verifies_and_says_how_many(
    tmp_path: Path, mirror: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "get", "mitdb", "--root", str(tmp_path / "here"), "--mirror", mirror]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "145 of 145 files loaded, all verified" in shown.out
    assert "ODC-By" in shown.err
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loaded"] == []
    assert len(open_corpus("mitdb", tmp_path / "here").present) == 48


@pytest.mark.parametrize(("name", "records"), [("ptbxl", 3), ("cinc2017", 4)])
def test_get_finds_the_names_of_records_in_the_list_of_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, records: int
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    theirs = open_corpus(name).miniature(tmp_path / "theirs", 3, records=records)  # type: ignore[call-arg]
    with _served(theirs / name) as address:
        words = ["data", "get", name, "--root", str(tmp_path / "here"), "--mirror", address]
        assert main(words) == 0
    corpus = open_corpus(name, tmp_path / "here")
    assert len(corpus.present) == records
    assert main(["data", "check", name, "--root", str(tmp_path / "here")]) == 0


def test_get_from_nowhere_fails_with_one_sentence(
    tmp_path: Path, mirror: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "get", "mitdb", "--root", str(tmp_path / "here")]
    assert main([*words, "--mirror", mirror + "/nothing"]) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("einthoven: ")
    assert "answers 404" in message


def test_check_names_what_differs_and_what_is_missing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "mitdb" / "100.dat").write_bytes(b"other")
    assert main(["data", "check", "mitdb", "--root", str(root)]) == 1
    shown = capsys.readouterr()
    assert "1 differ, 135 missing" in shown.out
    assert "differs: 100.dat" in shown.out
    assert "more (--json lists all)" in shown.out
    assert "einthoven data get mitdb --force" in shown.err
    assert main(["data", "check", "mitdb", "--root", str(root), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["corrupt"] == ["100.dat"]
    assert len(found["missing"]) == 135


def test_check_of_the_publishers_files_counts_the_labels(
    mitdb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "mitdb", "--root", str(mitdb.parent)]) == 0
    assert "labels as published: 112198 marks" in capsys.readouterr().out


def test_report_gives_a_line_a_record(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "report", "mitdb", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert "10.13026/C2F305" in out
    assert "3 of 48 records, 3 subjects" in out
    assert [line.split()[0] for line in out.splitlines()[-4:]] == ["100", "102", "201", "all"]
    assert main(["data", "report", "mitdb", "--root", str(root), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [row["record"] for row in whole["table"]] == ["100", "102", "201"]
    assert whole["beats"]["Q"] > 0
    assert sum(whole["beats"].values()) == sum(
        sum(row["classes"].values()) for row in whole["table"]
    )


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return open_corpus("ptbxl").miniature(tmp_path / "root", 3, records=12)  # type: ignore[call-arg]


def test_report_of_labelled_records_counts_people_classes_and_quality(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "report", "ptbxl", "--root", str(whole)]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "12 of 21799 records" in out
    assert "12 of 12 windows can be judged" in out
    table = out[out.index("ptbxl-superdiagnostic") :].splitlines()
    assert table[1].split() == ["NORM", "4", "12", "33.3"]
    picture = tmp_path / "out" / "ptbxl.svg"
    svg = picture.read_text()
    assert svg.startswith("<svg")
    for word in ("records by class, ptbxl-superdiagnostic", "age, years", "HYP"):
        assert word in svg
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["here"]["labels"]["ptbxl-superdiagnostic"]["NORM"] == [4, 12]
    assert found["table"][0]["statements"][0]["code"] == "NORM"


def test_report_finds_flat_leads_exchanged_arms_and_copies(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = whole / "ptbxl" / "records100" / "00000"
    one = np.fromfile(place / "00001_lr.dat", "<i2").reshape(-1, 12)
    for number, change in (
        ("00004", lambda x: x), ("00005", _flat), ("00006", _exchange), ("00007", _half)
    ):  # fmt: skip
        change(one.copy()).tofile(place / f"{number}_lr.dat")
    assert main(["data", "report", "ptbxl", "--root", str(whole)]) == 0
    out = capsys.readouterr().out
    assert "flat leads: 1: 5 (V3)" in out
    assert "arms exchanged?: 1: 6" in out
    assert "same samples: 1: 1=4" in out
    assert "1=7" in out[out.index("same recording") :].splitlines()[0]


def test_report_leaves_out_what_cannot_be_read_and_names_it(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = whole / "ptbxl" / "records100" / "00000"
    (place / "00004_lr.hea").write_text("no header at all\n")
    assert main(["data", "report", "ptbxl", "--root", str(whole)]) == 1
    told = capsys.readouterr()
    assert "11 of 21799 records" in told.out
    assert "left out" in told.err
    assert "00004_lr.hea" in told.err


def _flat(units: np.ndarray) -> np.ndarray:
    units[:, 8] = 7
    return units


def _half(units: np.ndarray) -> np.ndarray:
    return (units // 2).astype("<i2")


def _exchange(units: np.ndarray) -> np.ndarray:
    units[:, 0] *= -1
    return units[:, [0, 2, 1, 4, 3, *range(5, 12)]]


def test_check_of_labelled_records_names_what_is_wrong(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "check", "ptbxl", "--root", str(whole)]
    assert main(words) == 0
    assert "26 files as published, 0 differ" in capsys.readouterr().out
    table = whole / "ptbxl" / "ptbxl_database.csv"
    table.write_text(table.read_text().replace("'CLBBB'", "'CLBBX'"))
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "differs: ptbxl_database.csv" in out
    record = next(r for r in table.read_text().splitlines() if "CLBBX" in r).split(",")[0]
    assert f"wrong: {record}: SCP CLBBX: is no code" in out
    (whole / "ptbxl" / "SHA256SUMS.txt").unlink()
    assert main(words) == 1
    assert "the publisher's checksums are not here" in capsys.readouterr().out


def test_what_lies_at_a_depository_is_checked_by_its_listing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("check", "report"):
        assert main(["data", verb, "code15", "--root", str(tmp_path)]) == 1
        assert "einthoven data get code15" in capsys.readouterr().err
    pytest.importorskip("h5py")
    open_corpus("sph").miniature(tmp_path, 1)
    assert main(["data", "check", "sph", "--root", str(tmp_path)]) == 0
    assert "25 files as published, 0 differ" in capsys.readouterr().out
    (tmp_path / "sph" / "MD5SUMS.txt").unlink()
    assert main(["data", "check", "sph", "--root", str(tmp_path)]) == 1
    assert "the publisher's checksums are not here" in capsys.readouterr().out


def test_report_of_what_is_not_here_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "report", "nstdb", "--root", str(tmp_path)]) == 1
    assert "einthoven data get nstdb" in capsys.readouterr().err


def test_a_verb_without_a_name_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check"]) == 2
    assert "names no data set" in capsys.readouterr().err
    assert main(["data", "report", "mitbd"]) == 2
    assert "Did you mean mitdb" in capsys.readouterr().err


_RECIPE = """
title = "windows of a test"
task = "beat"
[corpus]
name = "mitdb"
labels = "aami"
[input]
kind = "beat"
rate = 180.0
window = [0.25, 0.45]
[model]
name = "arrhythminet-v2"
[protocol]
name = "inter-patient"
"""


def test_build_cuts_the_windows_of_a_recipe_once(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path / "store"))
    recipe = tmp_path / "small.toml"
    recipe.write_text(_RECIPE)
    words = ["data", "build", "mitdb", "--root", str(root), "--recipe", str(recipe), "--json"]
    assert main(words) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["recipe"] == "small"
    assert row["windows"] > 30
    before = {p: p.stat().st_mtime_ns for p in Path(row["store"]).iterdir()}
    assert main(words) == 0
    assert {p: p.stat().st_mtime_ns for p in Path(row["store"]).iterdir()} == before
    capsys.readouterr()
    assert main(["data", "build", "nstdb", "--root", str(root), "--recipe", str(recipe)]) == 2
    assert "none of these recipes trains on it" in capsys.readouterr().err
    assert main(["data", "build", "mitdb", "--root", str(root), "--recipe", "rpeaks"]) == 2
    assert "no windows of rpeaks (candidates)" in capsys.readouterr().err


def test_build_cuts_the_whole_records_that_training_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    for name in ("ptbxl", "ludb"):
        open_corpus(name).miniature(tmp_path, 3)  # type: ignore[attr-defined]
    words = ["data", "build", "ptbxl", "--json"]
    for name in ("heartbeatai", "s4", "twelve"):
        words += ["--recipe", name]
    assert main(words) == 0
    one, same, other = json.loads(capsys.readouterr().out)
    assert one["windows"] == same["windows"] == len(open_corpus("ptbxl").present)
    assert one["store"] == same["store"] != other["store"]
    text = (Path(einthoven.__file__).parent / "recipes" / "heartbeatai.toml").read_text()
    both = tmp_path / "both.toml"
    both.write_text(text.replace('name = "ptbxl"\n', 'name = "ptbxl"\nothers = ["ludb"]\n'))
    assert main(["data", "build", "ludb", "--recipe", str(both)]) == 0
    # Training finds them there.
    before = sorted((tmp_path / "store").iterdir())
    load_examples(load_recipe(str(both)))
    assert sorted((tmp_path / "store").iterdir()) == before
