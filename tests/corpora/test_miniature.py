"""What a miniature writes is what was simulated, to others too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.corpora import open_corpus
from einthoven.corpora._miniature import pack_212


@given(st.lists(st.integers(-2047, 2047), min_size=1, max_size=40))
def test_format_212_holds_two_samples_in_three_bytes(values: list[int]) -> None:
    data = np.frombuffer(pack_212(np.array([values])), np.uint8).astype(int)
    assert len(data) == 3 * ((len(values) + 1) // 2)
    first = data[0::3] | (data[1::3] & 0x0F) << 8
    second = data[2::3] | (data[1::3] & 0xF0) << 4
    found = np.stack([first, second], axis=1).reshape(-1)[: len(values)]
    assert (np.where(found > 2047, found - 4096, found) == values).all()


def test_the_wfdb_package_reads_a_miniature_as_we_do(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    corpus = open_corpus("mitdb", tmp_path)
    corpus.miniature(tmp_path, 2, records=("114",), seconds=20)  # type: ignore[call-arg]
    source = corpus.open("114")
    theirs = wfdb.rdrecord(str(corpus.folder / "114"))
    assert tuple(theirs.sig_name) == source.leads == ("V5", "MLII")
    np.testing.assert_allclose(theirs.p_signal.T, source.read(0, source.samples), atol=1e-6)
    digital = wfdb.rdrecord(str(corpus.folder / "114"), physical=False)
    assert [c % 65536 for c in digital.checksum] == digital.calc_checksum()
    assert digital.init_value == digital.d_signal[0].tolist()
    marks, known = wfdb.rdann(str(corpus.folder / "114"), "atr"), source.annotations()
    assert known is not None
    assert marks.sample.tolist() == known.samples.tolist()
    assert marks.symbol == known.symbols.tolist()
    assert [t.rstrip("\0") for t in marks.aux_note] == list(known.texts)
