"""einthoven info: the table, the JSON, what is kept back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.formats import write
from einthoven.record import Record


def _made(folder: Path) -> Path:
    made = Record(signal=np.zeros((2, 750)), rate=250.0, leads=("II", "V1"), name="x")
    write(made, folder / "x.hea")
    header = folder / "x.hea"
    header.write_text(header.read_text() + "# <age>: 50 <sex>: F <name>: Jane Doe\n")
    return header


def test_a_table_says_what_a_record_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(_made(tmp_path))]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["record", "format", "leads", "rate", "length"]
    assert row.split() == ["x", "wfdb", "II", "V1", "250", "Hz", "3.0", "s"]


def test_names_are_told_only_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = str(_made(tmp_path))
    for flags in ([], ["--json"]):
        assert main(["info", header, *flags]) == 0
        assert "Doe" not in capsys.readouterr().out
        assert main(["info", header, "--identity", *flags]) == 0
        assert "Doe" in capsys.readouterr().out


def test_one_document_a_line_and_one_bad_file_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = str(_made(tmp_path)), tmp_path / "bad.bin"
    bad.write_bytes(b"\0\1\2")
    assert main(["info", good, str(bad), good, "--json"]) == 1
    told = capsys.readouterr()
    documents = [json.loads(line) for line in told.out.splitlines()]
    assert [d["record"] for d in documents] == ["x", "x"]
    assert documents[0]["leads"] == ["II", "V1"]
    assert documents[0]["samples"] == 750
    assert "bad.bin: holds none of the formats" in told.err


def test_names_in_a_file_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = _made(tmp_path)
    header.write_text(header.read_text().replace(" II", " II\x1b[2J"))
    main(["info", str(header)])
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err


def test_a_list_of_numbers_in_a_folder_is_no_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made(tmp_path)
    (tmp_path / "RECORDS").write_text("100\n101\n102\n")
    assert main(["info", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"einthoven: left out: {tmp_path / 'RECORDS'}: has not the ending")
    assert said.count("\n") == 1


def test_real_records(mitdb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(mitdb / "100")]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["100", "wfdb", "MLII", "V5", "360", "Hz", "0:30:06", "2274"]
