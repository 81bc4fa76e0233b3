"""Arrays: axes told by the number of leads, nothing unpickled, nothing guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.formats import open_source, read
from einthoven.record.errors import FormatError, UsageError

SIGNAL = np.random.default_rng(0).normal(size=(2, 900)).astype(np.float32)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i2"])
def test_the_axis_of_time_is_told_by_the_leads(tmp_path: Path, turned: bool, kind: str) -> None:
    array = (100 * SIGNAL).astype(kind)
    np.save(tmp_path / "x.npy", array.T if turned else array)
    found = read(tmp_path / "x.npy", rate=250, leads=("II", "V1"), unit="adc:100")
    assert found.signal.shape == (2, 900)
    assert np.allclose(found.signal, SIGNAL, atol=0.011)
    part = open_source(tmp_path / "x.npy", rate=250, leads=("II", "V1"), unit="adc:100")
    assert np.array_equal(part.read(100, 200), found.signal[:, 100:200])


def test_what_an_array_cannot_say_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, SIGNAL)
    with pytest.raises(FormatError, match="--rate"):
        open_source(path)
    with pytest.raises(FormatError, match=r"shape \(2, 900\).*--leads"):
        open_source(path, rate=250)
    with pytest.raises(FormatError, match="--unit"):
        open_source(path, rate=250, leads=["I", "II"])
    with pytest.raises(UsageError, match="not 3 leads"):
        open_source(path, rate=250, leads=["I", "II", "V1"], unit="mV")
    np.save(path, SIGNAL[0])
    assert read(path, rate=250, unit="mV").leads == ("ECG",)


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_says_it_itself(tmp_path: Path, packed: bool) -> None:
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "x.npz", signal=SIGNAL, rate=250.0, leads=["II", "V1"], unit="mV")
    found = read(tmp_path / "x.npz")
    assert (found.leads, found.rate) == (("II", "V1"), 250.0)
    assert np.array_equal(found.signal, SIGNAL)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match=r"no samples|damaged"):
        open_source(tmp_path / "x.npy", rate=250, unit="mV")


def test_a_shape_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", SIGNAL[0])
    data = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(data.replace(b"(900,), }     ", b"(900000000,), }", 1)[:600])
    with pytest.raises(FormatError):
        open_source(tmp_path / "x.npy", rate=250, unit="mV")


def test_names_beyond_the_last_code_point_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", signal=SIGNAL, rate=250.0, leads=["II", "V1"], unit="mV")
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(data.replace(b"V\0\0\x001\0\0\0", b"V\0\0\xff1\0\0\0"))
    with pytest.raises(FormatError, match=r"that is no text|damaged"):
        open_source(tmp_path / "x.npz")


def test_an_array_without_samples_is_a_recording_of_no_length(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    np.savez(path, signal=np.zeros((1, 0)), rate=250.0, leads=np.array(["II"]), unit="mV")
    record = read(path)
    assert (record.samples, record.leads) == (0, ("II",))
