"""Segments of a heartbeat: found or usual, they follow each other and keep off the neighbours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.explain._waves import (
    SEGMENTS,
    Delineation,
    bounds,
    labelled,
    neighbours,
    stretches,
)

NONE = Delineation({})


def seen(**waves: list[tuple[float, float]]) -> Delineation:
    return Delineation({(0, kind): np.array(found) for kind, found in waves.items()})


def test_what_was_found_is_taken_and_what_lies_between_is_named() -> None:
    found = seen(P=[(9.80, 9.90), (10.8, 10.9)], QRS=[(9.96, 10.05)], T=[(10.2, 10.35)])
    assert bounds(10.0, 9.0, 11.0, found, 0) == (9.80, 9.90, 9.96, 10.05, 10.2, 10.35)
    labels = labelled([[bounds(10.0, 9.0, 11.0, found, 0)]], 100, 9.6, 100.0)
    told = {s.name: (s.onset, s.offset) for s in stretches(labels, ("II",), 9.6, 100.0)}
    assert list(told) == ["TP", "P", "PR", "QRS", "ST", "T"]  # the second TP is the one kept
    assert told["PR"] == pytest.approx((9.90, 9.96))
    assert told["ST"] == pytest.approx((10.05, 10.2))
    assert told["TP"] == pytest.approx((10.35, 10.6))


def test_what_was_not_found_stands_where_it_usually_does() -> None:
    assert bounds(10.0, 9.0, 11.0, NONE, 0) == pytest.approx(
        (9.74, 9.94, 9.94, 10.08, 10.12, 10.42)
    )
    assert bounds(10.0, 9.0, 11.0, seen(QRS=[(20.0, 20.1)]), 0)[2:4] == pytest.approx((9.94, 10.08))


def test_a_p_wave_that_was_not_found_is_not_the_end_of_the_last_t_wave() -> None:
    found = seen(QRS=[(9.95, 10.06)], T=[(9.7, 9.88), (10.2, 10.4)])
    assert bounds(10.0, 9.5, 11.0, found, 0)[:2] == pytest.approx((9.88, 9.94))
    found = seen(QRS=[(9.95, 10.06)], T=[(9.7, 9.97)])
    p_on, p_off, qrs = bounds(10.0, 9.5, 11.0, found, 0)[:3]
    assert p_on == p_off == qrs == 9.95


@given(
    rr=st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)),
    waves=st.lists(
        st.tuples(st.sampled_from(["P", "QRS", "T"]), st.floats(9, 11), st.floats(0.01, 0.4)),
        max_size=12,
    ),
    rate=st.sampled_from([100.0, 180.0, 360.0]),
)
def test_segments_follow_each_other_whatever_was_found(
    rr: tuple[float, float], waves: list[tuple[str, float, float]], rate: float
) -> None:
    kinds = {k: sorted((a, a + w) for kind, a, w in waves if kind == k) for k in ("P", "QRS", "T")}
    found = seen(**{k: v for k, v in kinds.items() if v})
    edges = bounds(10.0, 10.0 - rr[0], 10.0 + rr[1], found, 0)
    assert np.all(np.diff(edges) >= 0)
    time = round(2 * rate)
    labels = labelled([[edges]], time, 9.0, rate)
    assert set(np.unique(labels)) <= set(range(len(SEGMENTS)))
    told = stretches(labels, ("II",), 9.0, rate)
    assert sum(s.offset - s.onset for s in told) == pytest.approx(time / rate)
    runs = [s.name for s in told]
    assert all(a != b for a, b in itertools.pairwise(runs))


def test_padding_is_no_segment_and_the_ends_have_neighbours() -> None:
    labels = np.array([[-1, 5, 5, -1]], np.int8)
    (only,) = stretches(labels, ("II",), 0.0, 1.0)
    assert (only.name, only.onset, only.offset) == ("TP", 1.0, 3.0)
    peaks = np.array([1.0, 2.5])
    assert neighbours(peaks, 0) == (0.0, 2.5)
    assert neighbours(peaks, 1) == (1.0, 3.5)
