"""Damaged and hostile files: only our own faults come out, quickly, and little memory is taken."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.formats import open_source, write
from einthoven.formats.wfdb import read_annotations
from einthoven.record.errors import EinthovenError

from ._made import a_record

MORE = int(os.environ.get("FUZZ", "1"))  # FUZZ=20 HYPOTHESIS=search looks longer
FLAGS = ({}, {"rate": 250.0, "unit": "mV", "leads": ("II", "V1")})
ENDINGS = (".hea", ".dat", ".atr", ".edf", ".csv", ".npz")


def _made() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for ending in (".hea", ".edf", ".csv", ".npz"):
            write(a_record(samples=300), Path(folder) / f"x{ending}")
        return {p.suffix: p.read_bytes() for p in Path(folder).iterdir()}


GOOD = _made()


def _try(folder: Path, name: str) -> None:
    """Open and read a file; any fault must be one of ours, in one sentence."""
    for flags in FLAGS:
        try:
            source = open_source(folder / name, **flags)
            source.read(0, min(source.samples, 5000))
            source.read(max(0, source.samples - 50), source.samples)
            for channel in source.channels[:20]:
                source.read_channel(channel.name, 0, min(channel.samples, 100))
            source.annotations()
        except EinthovenError as fault:
            _one_sentence(fault)


def _one_sentence(fault: EinthovenError) -> None:
    assert "\n" not in str(fault)
    assert len(str(fault)) < 1000


def _damaged(ending: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for other, content in GOOD.items():
            if other in (".hea", ".dat", ".atr") and ending in (".hea", ".dat", ".atr"):
                (folder / f"x{other}").write_bytes(content)
        (folder / f"x{ending}").write_bytes(data)
        _try(folder, f"x{ending}")
        if ending == ".atr":
            try:
                read_annotations(folder / "x.atr")
            except EinthovenError as fault:
                _one_sentence(fault)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=60 * MORE, deadline=5000)
@given(data=st.data())
def test_truncated_files(ending: str, data: st.DataObject) -> None:
    good = GOOD[ending]
    _damaged(ending, good[: data.draw(st.integers(0, len(good)))])


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=120 * MORE, deadline=5000)
@given(data=st.data())
def test_bytes_changed_in_any_place(ending: str, data: st.DataObject) -> None:
    good = bytearray(GOOD[ending])
    # Most of a file is samples; what matters stands in its head and its end.
    places = st.one_of(st.integers(0, min(len(good), 900) - 1), st.integers(0, len(good) - 1))
    for at, value in data.draw(
        st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)
    ):
        good[at] = value
    _damaged(ending, bytes(good))


NUMBERS = st.sampled_from(
    ["0", "-1", "1", "2", "16", "250", "999999", "1e308", "1e-308", "nan", "inf", "9" * 30,
     "9" * 18, "4294967296", "0.0001", "", "x"]
)  # fmt: skip
FILES = st.sampled_from(
    ["x.dat", "../x.dat", "/dev/zero", "/etc/passwd", "~", "-", "x", ".", "..", "x.hea",
     "http://x/x.dat", "a" * 300, "\u00e9\u0000"]
)  # fmt: skip
LINES = st.builds(
    lambda f, fmt, x, skew, plus, gain, base, unit, rest: (
        f"{f} {fmt}{x}{skew}{plus} {gain}({base})/{unit} {rest}"
    ),
    FILES, st.sampled_from(["8", "16", "24", "32", "80", "212", "310", "311", "516", "77"]),
    st.sampled_from(["", "x2", "x0", "x999999", "x99999999999"]),
    st.sampled_from(["", ":3", ":99999999", ":999999999999"]),
    st.sampled_from(["", "+4", "+99999999999"]), NUMBERS, NUMBERS,
    st.sampled_from(["mV", "uV", "V", "mmHg", "\u00b5V"]),
    st.sampled_from(["", "12", "12 0 0 0 0 II", "12 0 99999999999999999999 0 0 II"]),
)  # fmt: skip
TOPS = st.builds(
    lambda s, n, rate, count: f"x{s} {n} {rate} {count} 99:99:99 99/99/9999",
    st.sampled_from(["", "/1", "/3", "/999999999"]), NUMBERS, NUMBERS, NUMBERS,
)  # fmt: skip
SEGMENTS = st.builds(lambda f, n: f"{f} {n}", FILES, NUMBERS)


@settings(max_examples=250 * MORE, deadline=5000)
@given(top=TOPS, lines=st.lists(LINES | SEGMENTS, max_size=4))
def test_absurd_wfdb_headers(top: str, lines: list[str]) -> None:
    _damaged(".hea", "\n".join([top, *lines]).encode())


@settings(max_examples=150 * MORE, deadline=5000)
@given(data=st.data())
def test_absurd_edf_headers(data: st.DataObject) -> None:
    good = bytearray(GOOD[".edf"])
    fields = [236, 244, 252, *range(256 + 3 * 96, 256 + 3 * 216, 8)]
    for at in data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=4)):
        width = 4 if at == 252 else 8
        good[at : at + width] = data.draw(NUMBERS)[:width].ljust(width).encode()
    _damaged(".edf", bytes(good))


@settings(max_examples=150 * MORE, deadline=5000)
@given(text=st.text(st.sampled_from("0123456789.,;\t -+eE\nNaIVt:#\"'m()"), max_size=300))
def test_odd_tables(text: str) -> None:
    _damaged(".csv", text.encode())


@settings(max_examples=150 * MORE, deadline=5000)
@given(data=st.binary(max_size=400), head=st.sampled_from([b"", b"\x93NUMPY\x01\0", b"0       "]))
def test_any_bytes(data: bytes, head: bytes) -> None:
    _damaged(".csv", head + data)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 'x', 'shape': ()}",
        "(" * 5000,
        "[]",
    ],
)
def test_absurd_numpy_headers(tmp_path: Path, header: str) -> None:
    text = header.encode()
    (tmp_path / "x").write_bytes(
        b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + bytes(40)
    )
    _try(tmp_path, "x")


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    import zipfile

    np.savez_compressed(tmp_path / "x.npz", signal=np.zeros((1, 100)), rate=250.0, unit="mV")
    data = (tmp_path / "x.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        size = archive.getinfo("signal.npy").file_size
    bomb = data.replace(size.to_bytes(4, "little"), (0xFFFFFFF0).to_bytes(4, "little"))
    (tmp_path / "x.npz").write_bytes(bomb)
    _try(tmp_path, "x.npz")


@pytest.mark.parametrize("name", ["a" * 400, "b" * 5000])
def test_a_name_longer_than_the_system_allows_is_refused(tmp_path: Path, name: str) -> None:
    """A multi-segment header may name any segment (found by chance in CI)."""
    (tmp_path / "x.hea").write_text(f"x/1 1 360 100\n{name} 100\n")
    _try(tmp_path, "x.hea")
    (tmp_path / "y.hea").write_text(f"y 1 360 100\n{name}.dat 16 200 12 0 0 0 0 ECG\n")
    _try(tmp_path, "y.hea")
    _try(tmp_path, f"{name}.hea")
