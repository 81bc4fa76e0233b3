"""Tables in text: delimiters, headers, time columns, and what must be given by flag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.formats import open_source, read
from einthoven.record.errors import FormatError, UsageError


def _file(folder: Path, text: str) -> Path:
    path = folder / "table.data"  # the ending says nothing
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " ", ", "])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [("II", "V1"), ("0.1", "-2"), ("0.2", "3e-1"), ("-.5", "4")]
    path = _file(tmp_path, "\n".join(delimiter.join(r) for r in rows))
    found = read(path, rate=250, unit="mV")
    assert found.leads == ("II", "V1")
    assert np.allclose(found.signal, [[0.1, 0.2, -0.5], [-2, 0.3, 4]])


def test_decimal_commas_are_read_where_semicolons_part_the_cells(tmp_path: Path) -> None:
    path = _file(tmp_path, "Zeit;II (mV)\n0,0;1,5\n0,004;-2,5\n".replace("Zeit", "time (s)"))
    found = read(path)
    assert found.rate == 250.0
    assert found.signal.tolist() == [[1.5, -2.5]]


def test_a_time_column_gives_the_rate_though_it_is_rounded(tmp_path: Path) -> None:
    rows = "".join(f"{k / 360:.3f},{k % 7}\n" for k in range(400))
    assert open_source(_file(tmp_path, "time,ECG (uV)\n" + rows)).rate == 360.0
    rows = "".join(f"{k * 4},{k % 7}\n" for k in range(400))
    assert open_source(_file(tmp_path, "Time (ms),ECG (uV)\n" + rows)).rate == 250.0


def test_what_rdsamp_prints_is_read(tmp_path: Path) -> None:
    head = "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n"
    rows = "".join(f"'{k // 60000}:{k / 1000 % 60:06.3f}',-0.145,{k}\n" for k in range(0, 400, 8))
    found = read(_file(tmp_path, head + rows))
    assert (found.leads, found.rate) == (("MLII", "V5"), 125.0)
    assert found.signal[1, 3] == 24


def test_gaps_in_the_time_column_need_the_rate_to_be_given(tmp_path: Path) -> None:
    rows = "".join(f"{k / 250 + (k > 200)},{k % 7}\n" for k in range(400))
    path = _file(tmp_path, "time,ECG (mV)\n" + rows)
    with pytest.raises(FormatError, match=r"gaps in its time column.*--rate"):
        open_source(path)
    assert open_source(path, rate=250).samples == 400


def test_empty_cells_are_missing_samples(tmp_path: Path) -> None:
    path = _file(tmp_path, "II (mV),V1 (mV)\n1,2\n,3\nnan,4\n5,\n")
    signal = read(path, rate=250).signal
    assert np.array_equal(signal, [[1, np.nan, np.nan, 5], [2, 3, 4, np.nan]], equal_nan=True)


def test_a_word_among_the_numbers_is_told_with_its_line(tmp_path: Path) -> None:
    path = _file(tmp_path, "II (mV)\n1\n2\noops\n4\n")
    with pytest.raises(FormatError, match="no number in column 1 of line 4"):
        read(path, rate=250)


def test_nothing_is_guessed(tmp_path: Path) -> None:
    path = _file(tmp_path, "1,2\n3,4\n5,6\n")
    with pytest.raises(FormatError, match=r"2 columns without names.*--leads"):
        open_source(path)
    with pytest.raises(FormatError, match="--rate"):
        open_source(path, leads=["I", "II"])
    with pytest.raises(FormatError, match=r"unit of I.*--unit"):
        open_source(path, leads=["I", "II"], rate=250)
    found = read(path, leads=["I", "II"], rate=250, unit="adc:2")
    assert found.signal.tolist() == [[0.5, 1.5, 2.5], [1, 2, 3]]
    with pytest.raises(UsageError, match="adc:GAIN"):
        read(path, leads=["I", "II"], rate=250, unit="adc:x")


def test_columns_that_are_no_leads_keep_their_unit(tmp_path: Path) -> None:
    path = _file(tmp_path, "index,II (mV),ABP (mmHg),HR\n0,1,80,60\n1,2,81,61\n")
    source = open_source(path, rate=250)
    assert source.leads == ("II",)
    assert [(c.name, c.unit, c.lead) for c in source.channels[1:]] == [
        ("ABP", "mmHg", False), ("HR", "", False),
    ]  # fmt: skip
    assert source.read_channel("ABP", 0, 2).tolist() == [80, 81]


def test_a_chunk_reads_as_the_same_stretch_of_the_whole(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=20_011).round(4)
    path = _file(tmp_path, "# a remark\nII (mV)\n" + "\r\n".join(map(str, values)) + "\n\n")
    source = open_source(path, rate=500)
    assert source.samples == 20_011
    whole = source.read(0, 20_011)
    assert np.allclose(whole[0], values, atol=1e-6)
    for start, stop in ((0, 1), (4095, 4097), (4096, 8192), (8190, 20_011), (20_010, 20_011)):
        assert np.array_equal(source.read(start, stop), whole[:, start:stop])


def test_real_tables_are_read(data_root: Path) -> None:
    folder = data_root / "formats" / "text_csv"
    if not folder.is_dir():
        pytest.skip("no tables")
    signals = open_source(folder / "biosppy_ecg_opensignals.txt", unit="adc:200")
    assert (signals.leads, signals.rate, signals.samples) == (("ECG",), 1000.0, 15_000)
    plain = open_source(folder / "heartpy_e0103.csv", rate=250, unit="mV")
    assert plain.leads == ("ECG",)


def test_a_rate_that_contradicts_the_time_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "timed.csv"
    rows = "\n".join(f"{k / 250:.3f},{0.1 * (k % 7):.2f}" for k in range(1000))
    path.write_text(f"time_s,II\n{rows}\n")
    assert open_source(path, unit="mV").rate == pytest.approx(250)
    with pytest.raises((FormatError, UsageError), match="250"):
        open_source(path, unit="mV", rate=100)


def test_a_number_beyond_any_voltage_is_no_crash(tmp_path: Path) -> None:
    """1e308 does not fit the numbers of a record (found by chance)."""
    path = tmp_path / "x.csv"
    path.write_text("II\n" + "0.1\n" * 50 + "1e308\n" + "0.1\n" * 50)
    found = open_source(path, rate=250.0, unit="mV").read(0, 101)
    assert np.flatnonzero(~np.isfinite(found[0])).tolist() == [50]


def test_utf_16_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("II\n0.1\n0.2\n", encoding="utf-16")
    with pytest.raises(FormatError, match="UTF-16"):
        open_source(path)


@pytest.mark.parametrize("gap", [1, 2, 9])
def test_a_gap_at_the_beginning_is_part_of_the_recording(tmp_path: Path, gap: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("II,V1\n" + "nan,NaN\n" * gap + "0.5,1\n" * 20)
    record = read(path, rate=100, unit="mV")
    assert record.leads == ("II", "V1")
    assert np.isnan(record.signal[:, :gap]).all()
    assert record.signal[:, gap:].tolist() == [[0.5] * 20, [1.0] * 20]


def test_names_that_do_not_fit_the_columns_are_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("\n".join(f"{k}.5" for k in range(50)))
    with pytest.raises(UsageError, match="has 1 column without names, --leads has 2"):
        read(path, rate=250.0, unit="mV", leads=("II", "V1"))
