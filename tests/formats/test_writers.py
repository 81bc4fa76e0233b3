"""What we write reads back, by us and by others, and is written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from einthoven.formats import FORMATS, open_source, read, writable, write
from einthoven.formats._wfdb_write import write_record
from einthoven.record import Record, RecordSource
from einthoven.record.errors import UsageError

from ._made import a_record, records


@pytest.mark.parametrize("ending", [".hea", ".dat", ".edf", ".csv", ".tsv", ".npz"])
@settings(max_examples=12, deadline=None)
@given(made=records())
def test_a_record_survives_the_way_there_and_back(ending: str, made: Record) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = write(made, Path(folder) / f"x{ending}")
        back = read(Path(folder) / f"x{ending}")
        assert set(Path(folder).iterdir()) == set(written)
    assert back.leads == made.leads
    # EDF tells the length of a data record in eight characters.
    assert back.rate == pytest.approx(made.rate, rel=1e-6)
    assert back.samples >= made.samples
    assert np.isnan(back.signal[:, made.samples :]).all()
    if ending != ".edf":
        assert back.samples == made.samples
    signal = back.signal[:, : made.samples]
    assert np.array_equal(np.isnan(signal), np.isnan(made.signal))
    assert np.allclose(signal, made.signal, atol=5.1e-4, equal_nan=True)


@pytest.mark.parametrize("ending", [".hea", ".edf"])
def test_annotations_start_and_sex_are_kept_and_identity_is_not(
    tmp_path: Path, ending: str
) -> None:
    made = a_record()
    write(made, tmp_path / f"x{ending}")
    back = read(tmp_path / f"x{ending}")
    assert back.start == made.start
    assert back.annotations is not None
    assert made.annotations is not None
    assert back.annotations.samples.tolist() == made.annotations.samples.tolist()
    assert back.annotations.symbols.tolist() == made.annotations.symbols.tolist()
    assert back.annotations.texts == made.annotations.texts
    assert back.patient is not None
    assert back.patient.sex == "F"
    for path in tmp_path.iterdir():
        assert b"Doe" not in path.read_bytes()
        assert b"1959" not in path.read_bytes()


@pytest.mark.parametrize("fmt", [16, 212])
def test_wfdb_reads_our_records(tmp_path: Path, mitdb: Path, fmt: int) -> None:
    wfdb = pytest.importorskip("wfdb")
    write_record(open_source(mitdb / "100"), tmp_path / "x.hea", fmt=fmt)
    ours, theirs = (wfdb.rdrecord(str(p)) for p in (tmp_path / "x", mitdb / "100"))
    assert np.array_equal(ours.p_signal, theirs.p_signal)
    assert (ours.sig_name, ours.fs, ours.units) == (theirs.sig_name, theirs.fs, theirs.units)
    # The initial values and checksums of the publisher's header come out again.
    assert (ours.init_value, ours.checksum) == (theirs.init_value, theirs.checksum)


def test_edfio_reads_our_files(tmp_path: Path, mitdb: Path) -> None:
    edfio = pytest.importorskip("edfio")
    source = open_source(mitdb / "100")
    write(source, tmp_path / "x.edf")
    theirs = edfio.read_edf(tmp_path / "x.edf")
    assert [s.label for s in theirs.signals] == ["ECG MLII", "ECG V5"]
    data = theirs.signals[0].data[: source.samples]
    assert np.allclose(data, source.read(0, source.samples)[0], atol=1e-4)
    assert len(theirs.annotations) == 2274


@pytest.mark.parametrize("ending", [".hea", ".edf"])
def test_channels_that_are_no_leads_keep_unit_and_rate(
    wfdb_samples: Path, tmp_path: Path, ending: str
) -> None:
    source = open_source(wfdb_samples / "03700181")
    write(source, tmp_path / f"x{ending}")
    back = open_source(tmp_path / f"x{ending}")
    assert [(c.name, c.unit, c.rate, c.lead) for c in back.channels] == [
        (c.name, c.unit, c.rate, c.lead) for c in source.channels
    ]
    for name, step in (("MCL1", 1 / 2963.77), ("ABP", 1 / 12.84)):
        ours, was = (s.read_channel(name, 0, 75_000) for s in (back, source))
        assert np.allclose(ours, was, atol=0.51 * step, equal_nan=True)


def test_nothing_is_overwritten_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("mine")
    with pytest.raises(UsageError, match=r"x.dat: is there already. Give --force"):
        write(a_record(), tmp_path / "x.hea")
    assert (tmp_path / "x.dat").read_text() == "mine"
    write(a_record(), tmp_path / "x.hea", force=True)
    assert open_source(tmp_path / "x").samples == 1000


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    class Broken(RecordSource):
        def read_channel(self, name: str, start: int, stop: int) -> np.ndarray:
            raise KeyboardInterrupt

        def read(self, start: int, stop: int) -> np.ndarray:
            raise KeyboardInterrupt

    for ending in writable():
        with pytest.raises(KeyboardInterrupt):
            write(Broken(a_record()), tmp_path / f"x{ending}")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.dat, \.edf, \.hea, \.npz, \.tsv, \.txt"):
        write(a_record(), tmp_path / "x.xyz")


def test_every_format_of_the_catalogue_says_what_it_is() -> None:
    for name in FORMATS.names():
        entry = FORMATS[name]
        assert entry.name == name
        assert entry.summary
        assert all(suffix.startswith(".") for suffix in entry.suffixes)


def test_rates_without_a_common_frame_are_refused(wfdb_samples: Path, tmp_path: Path) -> None:
    made = a_record(rate=360.0 + 1 / 7919)
    write(made, tmp_path / "x.hea")
    assert open_source(tmp_path / "x").rate == pytest.approx(made.rate)
