"""Annotation files: as the wfdb package reads them, and there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from einthoven.formats._wfdb_annotation import decode, encode
from einthoven.formats.wfdb import read_annotations, write_annotations
from einthoven.record import Annotations
from einthoven.record.errors import FormatError, UsageError

from ._made import marks

FILES = ("mitdb/*.atr", "afdb/0*.qrs", "afdb/0*.atr", "nsrdb/16*.atr", "ludb/data/1.*")
SAMPLES = (
    "100.atr", "100.qrs", "1003.atr", "12726.anI", "12726.wabp", "12726.wqrs", "03700181.gqrsl",
    "03700181.sqrs", "huge.qrs",
)  # fmt: skip


def _same(path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    theirs = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    ours = read_annotations(path)
    # The wfdb package drops every note at sample 0; we drop those about the file itself (##).
    ours = ours.where((ours.samples != 0) | (ours.symbols != '"'))
    assert np.array_equal(ours.samples, theirs.sample), path
    # For a code that neither the library nor the file defines, the wfdb package gives no symbol.
    for our, their in zip(ours.symbols.tolist(), theirs.symbol, strict=True):
        assert our == their if isinstance(their, str) else our.startswith("["), path
    assert np.array_equal(ours.subtypes, theirs.subtype), path
    assert np.array_equal(ours.channels, theirs.chan), path
    assert np.array_equal(ours.numbers, theirs.num), path
    assert [t.rstrip("\0") for t in theirs.aux_note] == list(ours.texts), path


def test_annotations_read_as_wfdb_reads_them(data_root: Path) -> None:
    count = 0
    for pattern in FILES:
        for path in sorted(data_root.glob(pattern))[:8]:
            if path.suffix not in (".dat", ".hea"):
                _same(path)
                count += 1
    assert count > 5


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_annotations_read_as_wfdb_reads_them(wfdb_samples: Path, name: str) -> None:
    _same(wfdb_samples / name)


@given(marks())
def test_annotations_survive_the_way_there_and_back(given_marks: Annotations) -> None:
    back, resolution = decode(encode(given_marks, "here", 250.0), "here")
    assert resolution == 250.0
    for name in ("samples", "symbols", "subtypes", "channels", "numbers"):
        assert np.array_equal(getattr(back, name), getattr(given_marks, name)), name
    assert back.texts == given_marks.texts


def test_wfdb_reads_what_we_write(tmp_path: Path, mitdb: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    ours = read_annotations(mitdb / "207.atr")
    write_annotations(tmp_path / "x.atr", ours)
    theirs = wfdb.rdann(str(tmp_path / "x"), "atr")
    assert np.array_equal(theirs.sample, ours.samples)
    assert theirs.symbol == ours.symbols.tolist()
    assert np.array_equal(theirs.subtype, ours.subtypes)
    assert [t.rstrip("\0") for t in theirs.aux_note] == list(ours.texts)
    with pytest.raises(UsageError, match="--force"):
        write_annotations(tmp_path / "x.atr", ours)


def test_a_mark_that_cannot_be_stored_is_refused() -> None:
    for symbols, text in (("%", ""), ("N", "x" * 300)):
        with pytest.raises(UsageError):
            encode(
                Annotations(samples=np.array([1]), symbols=np.array([symbols]), texts=(text,)), "x"
            )


def test_annotations_are_scaled_to_the_rate_of_the_leads(tmp_path: Path) -> None:
    from einthoven.formats import open_source

    (tmp_path / "x.hea").write_text("x 1 100 50\nx.dat 16x5 200/mV 16 0 0 0 0 II\n")
    (tmp_path / "x.dat").write_bytes(bytes(500))
    one = Annotations(samples=np.array([10]), symbols=np.array(["N"]))
    for rate, sample in ((None, 50), (500.0, 10), (1000.0, 5)):
        write_annotations(tmp_path / "x.atr", one, rate=rate, force=True)
        found = open_source(tmp_path / "x").annotations()
        assert found is not None
        assert found.samples.tolist() == [sample]


def test_what_is_no_annotation_file_is_refused() -> None:
    with pytest.raises(FormatError, match="no WFDB annotation file"):
        decode(bytes(range(200, 256)), "x")
