"""SPH and CODE-15%: twelve leads in HDF5, labels in a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora.code15 import Code15
from einthoven.corpora.sph import Sph
from einthoven.record import DataError, EinthovenError, FormatError
from einthoven.record.diagnosis import Statement
from einthoven.record.leads import STANDARD

h5py = pytest.importorskip("h5py")


@pytest.fixture
def sph(tmp_path: Path) -> Sph:
    return Sph(Sph(tmp_path).miniature(tmp_path, 1, records=8))


@pytest.fixture
def code15(tmp_path: Path) -> Code15:
    return Code15(Code15(tmp_path).miniature(tmp_path, 1, records=10))


def test_sph_has_statements_with_modifiers_and_people(sph: Sph) -> None:
    assert sph.present == sph.records == tuple(f"A0000{n}" for n in range(1, 9))
    assert sph.statements("A00006") == (Statement(system="AHA", code="50+346"),)
    assert [s.code for s in sph.statements("A00007")] == ["22", "60"]
    assert sph.subject("A00001") == "sph:S00001"
    assert set(sph.metadata("A00001")) == {"age", "sex", "recording_date"}


def test_sph_records_last_10_s_and_more_in_millivolts(sph: Sph) -> None:
    lengths = []
    for record in sph.records[:3]:
        source = sph.open(record)
        assert (source.rate, source.leads) == (500.0, STANDARD)
        signal = source.read(0, source.samples)
        assert 0.5 < np.ptp(signal[1]) < 6
        assert np.corrcoef(signal[0] + signal[2], signal[1])[0, 1] > 0.7  # each lead has own noise
        lengths.append(source.samples)
    assert lengths == [7500, 10000, 5000]


def test_sph_without_its_table_or_a_file_says_where_to_load_it(sph: Sph, tmp_path: Path) -> None:
    assert Sph(tmp_path / "none").records == ()
    with pytest.raises(DataError, match="einthoven data get sph"):
        Sph(tmp_path / "none").statements("A00001")
    path = sph.folder / "records" / "A00002.h5"
    for content, fault in ((b"no", "no sound HDF5"), (None, "einthoven data get sph")):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(EinthovenError, match=fault):
            sph.open("A00002")
    assert "A00002" not in sph.present


@pytest.mark.parametrize(
    ("shape", "fault"),
    [((11, 5000), "no 12 leads"), ((12, 70_000), "70000 samples"), ((5000,), "no 12 leads")],
)
def test_sph_refuses_what_is_no_record(sph: Sph, shape: tuple[int, ...], fault: str) -> None:
    with h5py.File(sph.folder / "records" / "A00001.h5", "w") as file:
        file.create_dataset("ecg", data=np.zeros(shape, np.float16))
    with pytest.raises(FormatError, match=fault):
        sph.open("A00001")


def test_a_small_file_that_would_fill_the_memory_is_refused(sph: Sph) -> None:
    with h5py.File(sph.folder / "records" / "A00001.h5", "w") as file:
        file.create_dataset("ecg", shape=(12, 1 << 32), dtype="f2", chunks=True, compression="gzip")
    with pytest.raises(FormatError, match="bytes of ecg"):
        sph.open("A00001")
    with h5py.File(sph.folder / "records" / "A00001.h5", "w") as file:
        file.create_group("ecg")
    with pytest.raises(FormatError, match="no dataset 'ecg'"):
        sph.open("A00001")


def test_code15_exams_are_found_in_the_file_that_holds_them(code15: Code15) -> None:
    assert len(code15.present) == 10
    assert "0" not in code15.records  # the rows of zeros at the end of each file
    source = code15.open(code15.records[1])
    assert (source.rate, source.leads) == (400.0, STANDARD)
    assert any("unit" in note for note in source.notes)
    (code15.folder / "exams_part1.hdf5").unlink()
    left = Code15(code15.root)
    assert left.present == code15.records[1::2]
    with pytest.raises(DataError, match=r"exams_part1\.hdf5: is not there. Load it with"):
        left.open(code15.records[0])


def test_code15_is_read_without_the_zeros_around_it(code15: Code15) -> None:
    lengths = {record: code15.open(record).samples for record in code15.records}
    assert {n for n in lengths.values() if n < 3000} == {2800}
    assert {n for n in lengths.values() if n > 3000} == {4000}
    source = code15.open(code15.records[0])
    signal = source.read(0, 4000)
    assert np.corrcoef(signal[0] + signal[2], signal[1])[0, 1] > 0.7  # each lead has own noise


def test_code15_classes_are_columns_that_are_true(code15: Code15) -> None:
    said = [tuple(s.code for s in code15.statements(r)) for r in code15.records]
    assert said[:4] == [("normal_ecg",), ("1dAVb",), ("RBBB",), ("LBBB",)]
    assert said[7] == ()  # something else than the six
    assert code15.subject(code15.records[0]) == "code15:7001"
    assert set(code15.metadata(code15.records[0])) == {"age", "sex"}


def test_code15_without_its_table_says_where_to_load_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven data get code15"):
        Code15(tmp_path).subject("1")
