"""einthoven convert: the ending chooses, nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.formats import open_source


def _table(folder: Path) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(f"{k % 9},{k % 7}" for k in range(2000)))
    return path


FLAGS = ["--rate", "250", "--leads", "II,V1", "--unit", "adc:100"]


@pytest.mark.parametrize("ending", [".hea", ".dat", ".edf", ".csv", ".npz"])
def test_a_table_becomes_any_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    out = tmp_path / f"out{ending}"
    assert main(["convert", str(_table(tmp_path)), str(out), *FLAGS]) == 0
    assert str(out) in capsys.readouterr().out
    source = open_source(out)
    assert (source.leads, source.rate, source.samples) == (("II", "V1"), 250.0, 2000)
    assert np.allclose(source.read(0, 9)[0], np.arange(9) / 100, atol=1e-4)


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.edf"
    command = ["convert", str(_table(tmp_path)), str(out), *FLAGS]
    assert main(command) == 0
    assert main(command) == 2
    assert "Give --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0


def test_what_the_file_does_not_say_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(_table(tmp_path)), str(tmp_path / "x.hea"), "--rate", "250"]) == 1
    assert "--leads II,V1" in capsys.readouterr().err
    assert main(["convert", str(_table(tmp_path)), str(tmp_path / "x.xyz"), *FLAGS]) == 2


def test_channels_left_behind_are_told(
    wfdb_samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(wfdb_samples / "03700181"), str(tmp_path / "x.npz")]) == 0
    assert "leads alone: ABP, RESP" in capsys.readouterr().err
