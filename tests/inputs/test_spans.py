"""Spans are cut at absolute samples, whatever the pieces were."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.inputs.spans import Span, SpanStream

RATE = 10.0


def cut(total, pieces, *, lag=0, whole=61.0, shortest=9.0, rate=RATE):
    signal = np.arange(total, dtype=np.float32)[None]
    peaks = np.arange(3, total, 8)
    stream = SpanStream(rate, 1, seconds=30.0, whole=whole, shortest=shortest)
    found: list[Span] = []
    at = given_ = 0
    for size in pieces:
        chunk = signal[:, at : at + size]
        at += chunk.shape[1]
        until = max(given_, at - lag)
        found += stream.push(chunk, peaks[(peaks >= given_) & (peaks < until)], until)
        given_ = until
    found += stream.push(signal[:, at:], peaks[:0], given_)
    found += stream.flush(peaks[peaks >= given_])
    return signal, peaks, found


@given(
    total=st.integers(0, 2500), pieces=st.lists(st.integers(1, 700), max_size=12),
    lag=st.integers(0, 900), live=st.booleans(),
)  # fmt: skip
def test_the_spans_are_a_partition_and_do_not_depend_on_the_pieces(total, pieces, lag, live):
    whole = 0.0 if live else 61.0
    signal, peaks, found = cut(total, pieces, lag=lag, whole=whole)
    _, _, once = cut(total, [], whole=whole)
    assert [(s.start, s.end, s.first) for s in found] == [(s.start, s.end, s.first) for s in once]
    edges = [s.start for s in found] + [found[-1].end] if found else []
    assert edges == [] if not total else (edges[0], edges[-1]) == (0, total)
    for span, same in zip(found, once, strict=True):
        assert np.array_equal(span.signal, signal[:, span.first : span.end])
        assert np.array_equal(span.peaks, same.peaks)
        inside = peaks[(peaks >= span.first) & (peaks < span.end)]
        assert np.array_equal(span.peaks + span.first, inside)
    assert all(a.end == b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("seconds", "ends"),
    [(9, [9]), (61, [61]), (61.1, [30, 61.1]), (68, [30, 68]), (70, [30, 60, 70])],
)
def test_a_short_record_is_one_span_and_a_short_end_joins_the_last(seconds, ends):
    _, _, found = cut(round(seconds * RATE), [])
    assert [s.end / RATE for s in found] == ends
    assert all(s.first == s.start for s in found[:-1])


def test_live_a_short_end_is_judged_on_the_last_seconds():
    _, _, found = cut(650, [], whole=0.0)
    assert [(s.start, s.end, s.first) for s in found] == [
        (0, 300, 0),
        (300, 600, 300),
        (600, 650, 350),
    ]


def test_live_a_span_is_answered_when_it_ends():
    stream = SpanStream(RATE, 1, seconds=30.0, whole=0.0, shortest=9.0)
    none = np.zeros(0, np.int64)
    assert not stream.push(np.zeros((1, 300), np.float32), none, 299)
    assert len(stream.push(np.zeros((1, 1), np.float32), none, 300)) == 1


def test_memory_is_bounded():
    stream = SpanStream(RATE, 2, seconds=30.0, whole=61.0, shortest=9.0)
    none = np.zeros(0, np.int64)
    for k in range(1, 200):
        stream.push(np.zeros((2, 100), np.float32), none, k * 100)
        assert sum(p.shape[1] for p in stream._pieces) <= 1100
