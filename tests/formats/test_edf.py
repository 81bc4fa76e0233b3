"""EDF, EDF+ and BDF read by us and by edfio; the clauses of EDF+ that files break."""

from __future__ import annotations

import warnings
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.formats import open_source, write
from einthoven.record.errors import FormatError, UsageError

from ._made import a_record

edfio = pytest.importorskip("edfio")


def _theirs(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return edfio.read_bdf(path) if path.suffix == ".bdf" else edfio.read_edf(path)


def _files(root: Path) -> list[Path]:
    formats = root / "formats"
    found = [*(formats / "edf_bdf").glob("*.?df"), *(formats / "wfdb").rglob("test_gen*.edf")]
    return sorted(f for f in found if "Hypnogram" not in f.name)


def test_every_file_reads_as_edfio_reads_it(data_root: Path) -> None:
    files = _files(data_root)
    if not files:
        pytest.skip("no EDF files")
    for path in files:
        source, theirs = open_source(path), _theirs(path)
        assert len(source.channels) == len(theirs.signals), path
        for channel, signal in zip(source.channels, theirs.signals, strict=True):
            ours = source.read_channel(channel.name, 0, channel.samples)
            step = abs(signal.physical_max - signal.physical_min) / 2**16
            near = np.abs(ours - signal.data) <= 1e-3 * step + 2e-7 * np.abs(signal.data)
            assert len(ours) == len(signal.data)
            assert np.all(near), (path, channel)
            assert channel.rate == pytest.approx(signal.sampling_frequency)
        notes = [a for a in theirs.annotations if a.text]
        found = source.annotations()
        assert (0 if found is None else len(found)) == len(notes), path
        if found is not None:
            assert sorted(found.texts) == sorted(a.text for a in notes)


def test_a_chunk_reads_as_the_same_stretch_of_the_whole(data_root: Path) -> None:
    chance = np.random.default_rng(1)
    for path in _files(data_root):
        source = open_source(path)
        for channel in source.channels:
            whole = source.read_channel(channel.name, 0, channel.samples)
            for start, stop in np.sort(chance.integers(0, channel.samples, (4, 2)), 1).tolist():
                part = source.read_channel(channel.name, start, stop)
                assert np.array_equal(part, whole[start:stop], equal_nan=True)


def test_an_eeg_in_microvolts_is_no_ecg(data_root: Path) -> None:
    path = data_root / "formats" / "edf_bdf" / "edfio_short_psg.edf"
    if not path.is_file():
        pytest.skip("no polysomnogram")
    source = open_source(path)
    assert source.leads == ()
    assert {c.name: c.unit for c in source.channels}["EEG Fpz-Cz"] == "uV"


def test_start_and_identity_come_from_the_edf_plus_header(tmp_path: Path) -> None:
    signal = edfio.EdfSignal(
        np.sin(np.arange(500) / 20), 250, label="ECG II", physical_dimension="uV"
    )
    patient = edfio.Patient(code="77", sex="F", birthdate=date(1980, 1, 2), name="A_B")
    made = edfio.Edf(
        [signal], patient=patient, starttime=time(4, 5, 6, 500_000),
        recording=edfio.Recording(startdate=date(2020, 1, 1)),
        annotations=[edfio.EdfAnnotation(1.0, None, "arrhythmia")],
    )  # fmt: skip
    made.write(tmp_path / "x.edf")
    source = open_source(tmp_path / "x.edf")
    assert source.leads == ("II",)
    assert source.start == datetime(2020, 1, 1, 4, 5, 6, 500_000)  # noqa: DTZ001
    assert source.patient is not None
    assert (source.patient.id, source.patient.sex, source.patient.age) == ("77", "F", 39.0)
    assert (source.patient.name, source.patient.birth_date) == ("A B", "1980-01-02")
    found = source.annotations()
    assert found is not None
    assert (found.samples.tolist(), found.texts) == ([250], ("arrhythmia",))
    # 1 uV is 0.001 mV.
    assert float(np.abs(source.read(0, 500)).max()) == pytest.approx(1e-3, rel=1e-3)


def _with_gap(path: Path, onset: int) -> None:
    """Write three data records of 1 s as EDF+D, the last one at `onset` seconds, not 2."""
    write(a_record(samples=750, rate=250.0, leads=("II",)), path, force=True)
    data = path.read_bytes()
    assert data.count(b"+2\x14\x14\0") == 1
    data = data.replace(b"+2\x14\x14\0", b"+%d\x14\x14\0" % onset)
    path.write_bytes(data.replace(b"EDF+C", b"EDF+D", 1))


def test_gaps_of_a_discontinuous_file_are_missing_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.edf"
    original = a_record(samples=750, rate=250.0, leads=("II",)).signal
    _with_gap(path, 7)
    source = open_source(path)
    assert source.samples == 750 + 5 * 250
    signal = source.read(0, source.samples)
    assert np.allclose(signal[:, :500], original[:, :500], atol=1e-3, equal_nan=True)
    assert np.isnan(signal[:, 500:1750]).all()
    assert np.allclose(signal[:, 1750:], original[:, 500:], atol=1e-3, equal_nan=True)
    part = source.read(400, 1800)
    assert np.array_equal(part, signal[:, 400:1800], equal_nan=True)


def test_data_records_that_go_back_in_time_are_refused(tmp_path: Path) -> None:
    _with_gap(tmp_path / "x.edf", 1)
    with pytest.raises(FormatError, match="begins before"):
        open_source(tmp_path / "x.edf")


def test_an_unfinished_count_of_records_is_taken_from_the_size(tmp_path: Path) -> None:
    path = tmp_path / "x.edf"
    write(a_record(samples=3600), path)
    data = bytearray(path.read_bytes())
    data[236:244] = b"-1      "
    path.write_bytes(data)
    assert open_source(path).samples == 3600
    data[236:244] = b"99      "
    path.write_bytes(data)
    with pytest.raises(FormatError, match="holds 10 of the 99 data records it states"):
        open_source(path)


def test_a_unit_left_out_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "x.edf"
    write(a_record(samples=3600, leads=("II",)), path)
    data = path.read_bytes()
    at = 256 + 2 * 96
    path.write_bytes(data[:at] + b" " * 8 + data[at + 8 :])
    with pytest.raises(FormatError, match=r"unit of ECG II.*--unit"):
        open_source(path)
    in_volts, in_mv = (open_source(path, unit=u).read(0, 9) for u in ("V", "mV"))
    assert np.allclose(in_volts, 1000 * in_mv)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="states mV, --unit says uV"):
        open_source(path, unit="uV")
