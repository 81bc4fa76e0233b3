"""MATLAB 5 files: what scipy writes is read, and what is damaged is refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from einthoven.corpora import _mat5
from einthoven.record import FormatError


@pytest.mark.parametrize("packed", [False, True])
def test_arrays_words_and_structures(tmp_path: Path, packed: bool) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    told = {
        "a": array, "b": {"sex": "Male", "age": 61, "data": array[0]}, "n": np.int16([[7, -8]]),
        "few": np.array([[1.5]]), "cells": np.array([1, "x"], object),
    }  # fmt: skip
    savemat(tmp_path / "x.mat", told, do_compression=packed)
    found = _mat5.read(tmp_path / "x.mat")
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["n"], told["n"])
    np.testing.assert_array_equal(found["few"], [[1.5]])
    inner = found["b"]
    assert isinstance(inner, dict)
    assert inner["sex"] == "Male"
    assert inner["age"].item() == 61
    np.testing.assert_array_equal(inner["data"], array[0])
    assert "cells" not in found  # a kind that no corpus has


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    savemat(path, {"ECG": {"sex": "Male", "data": np.zeros((12, 50))}}, do_compression=True)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    faults = 0
    for k in range(200):
        data = bytearray(whole[: len(whole) - k % 40])
        for place in rng.integers(0, len(data), 3):
            data[place] = int(rng.integers(256))
        path.write_bytes(bytes(data))
        try:
            _mat5.read(path)
        except FormatError:
            faults += 1
    assert faults > 100
    path.write_bytes(b"no such file")
    with pytest.raises(FormatError, match="no MATLAB 5 file"):
        _mat5.read(path)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(_mat5.MOST + 1000), 9)
    top = bytes(124) + b"\x00\x01IM" + np.array([15, len(packed)], "<u4").tobytes()
    (tmp_path / "x.mat").write_bytes(top + packed)
    with pytest.raises(FormatError, match="unpacks to more than 64 MiB"):
        _mat5.read(tmp_path / "x.mat")
