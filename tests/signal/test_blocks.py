"""Blocks are the same whatever pieces the signal arrives in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from einthoven.signal.blocks import Block, BlockCutter


def _cut(signal: np.ndarray, cuts: list[int], size: int, before: int, after: int) -> list[Block]:
    cutter = BlockCutter(signal.shape[0], size, before, after)
    blocks: list[Block] = []
    for a, b in zip([0, *cuts], [*cuts, signal.shape[1]], strict=True):
        blocks += cutter.push(signal[:, a:b])
    return [*blocks, *cutter.flush()]


@given(
    n=st.integers(0, 200), size=st.integers(1, 50), before=st.integers(0, 60),
    after=st.integers(0, 60), data=st.data(),
)  # fmt: skip
def test_blocks_do_not_depend_on_the_chunks(
    n: int, size: int, before: int, after: int, data: st.DataObject
) -> None:
    signal = np.arange(2 * n, dtype=np.float32).reshape(2, n)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=8)))
    whole = _cut(signal, [], size, before, after)
    pieces = _cut(signal, cuts, size, before, after)
    assert [(b.start, b.stop) for b in whole] == [(b.start, b.stop) for b in pieces]
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


@given(
    n=st.integers(1, 200),
    size=st.integers(1, 50),
    before=st.integers(0, 60),
    after=st.integers(0, 60),
)
def test_blocks_tile_the_recording_with_nan_beyond_it(
    n: int, size: int, before: int, after: int
) -> None:
    signal = np.arange(n, dtype=np.float32)[None]
    padded = np.pad(signal, ((0, 0), (before, size + after)), constant_values=np.nan)
    blocks = _cut(signal, [], size, before, after)
    assert [b.start for b in blocks] == list(range(0, n, size))
    assert [b.stop for b in blocks] == [min(s + size, n) for s in range(0, n, size)]
    for b in blocks:
        np.testing.assert_array_equal(b.data, padded[:, b.start : b.start + before + size + after])


def test_a_block_is_given_as_soon_as_its_margin_has_arrived() -> None:
    cutter = BlockCutter(1, size=10, before=0, after=5)
    assert list(cutter.push(np.zeros((1, 14), np.float32))) == []
    assert [b.start for b in cutter.push(np.zeros((1, 1), np.float32))] == [0]
