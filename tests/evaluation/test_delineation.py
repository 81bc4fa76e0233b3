"""Boundaries one to one: worked by hand, and what the edges of the marks do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.evaluation.delineation import (
    BOUNDARIES,
    Lead,
    Tally,
    impossible,
    interval,
    lengths,
    match,
    mean_f1,
    score,
    total,
)
from einthoven.record import UsageError


def lead(*waves: tuple[str, int, int]) -> Lead:
    kinds, onsets, offsets = zip(*waves, strict=True) if waves else ((), (), ())
    return Lead(
        kind=np.array(kinds, "<U3"), onset=np.array(onsets, np.int64),
        peak=np.array([(a + b) // 2 for a, b in zip(onsets, offsets, strict=True)], np.int64),
        offset=np.array(offsets, np.int64),
    )  # fmt: skip


def test_the_worked_example_of_three_marks_and_four_found() -> None:
    # 500 Hz, 150 ms = 75 samples: 104-100 and 590-600 pair, 700 and 1190 are spare, 1100 missed.
    left, right = match(np.array([100, 600, 1100]), np.array([104, 590, 700, 1190]), 75)
    assert (left.tolist(), right.tolist()) == ([0, 1], [0, 1])
    reference = lead(("QRS", 100, 110), ("QRS", 600, 610), ("QRS", 1100, 1195))
    found = lead(("QRS", 104, 110), ("QRS", 590, 610), ("QRS", 700, 710), ("QRS", 1190, 1195))
    tally = score(reference, found, 500)["QRS onset"]
    assert (tally.hits, tally.missed, tally.extra) == (2, 1, 2)
    assert tally.errors == pytest.approx((0.008, -0.020))
    assert tally.mean == pytest.approx(-0.006)
    assert tally.deviation == pytest.approx(0.014)
    assert tally.f1() == pytest.approx(4 / 7)
    assert (tally.sensitivity, tally.predictivity) == pytest.approx((2 / 3, 1 / 2))


def test_a_found_boundary_serves_one_mark_and_the_nearest() -> None:
    left, right = match(np.array([100, 150]), np.array([140]), 75)
    assert (left.tolist(), right.tolist()) == ([1], [0])
    left, right = match(np.array([100]), np.array([30, 104, 174]), 75)
    assert (left.tolist(), right.tolist()) == ([0], [1])


def test_what_lies_outside_the_marks_is_told_apart() -> None:
    reference = lead(("QRS", 1000, 1040), ("T", 1150, 1250), ("QRS", 1500, 1540))
    found = lead(
        ("P", 600, 650), ("P", 900, 950), ("QRS", 1000, 1040), ("T", 1150, 1250),
        ("QRS", 1300, 1340), ("QRS", 1500, 1540), ("T", 1600, 1720),
    )  # fmt: skip
    tallies = score(reference, found, 500)
    # 900 lies 100 samples before the first mark (over 75); 950 lies 50 before, and so beside.
    assert (tallies["P onset"].beside, tallies["P onset"].outside) == (0, 2)
    assert (tallies["P offset"].beside, tallies["P offset"].outside) == (1, 1)
    assert (tallies["T onset"].beside, tallies["T offset"].outside) == (1, 1)
    assert tallies["QRS onset"].extra == 1
    assert tallies["T onset"].f1() == 1
    assert tallies["T onset"].f1(margin=True) == pytest.approx(2 / 3)
    assert math.isnan(tallies["P onset"].f1())
    assert mean_f1(tallies) == pytest.approx((0.8 + 0.8 + 1 + 1) / 4)


def test_a_missing_bracket_is_no_reference_and_no_fault() -> None:
    reference = lead(("QRS", 100, 140), ("T", 200, 300), ("QRS", 500, 540))
    reference.onset[1] = -1  # the peak of the T stands at 250
    tallies = score(reference, lead(("QRS", 100, 140), ("T", 190, 300), ("QRS", 500, 540)), 500)
    onset = tallies["T onset"]
    assert (onset.hits, onset.missed, onset.extra) == (0, 0, 0)
    assert (tallies["T offset"].hits, tallies["T offset"].missed) == (1, 0)


def test_where_nothing_is_marked_all_found_lies_outside() -> None:
    tallies = score(lead(), lead(("P", 10, 30)), 500)
    assert (tallies["P onset"].extra, tallies["P onset"].outside) == (0, 1)
    tallies = score(lead(("P", 10, 30)), lead(), 500)
    assert (tallies["P onset"].missed, tallies["P onset"].f1()) == (1, 0)


@given(
    st.lists(st.integers(0, 400), max_size=12), st.lists(st.integers(0, 400), max_size=12),
    st.integers(0, 60),
)  # fmt: skip
def test_no_mark_is_used_twice_and_none_that_could_pair_is_left(
    reference: list[int], found: list[int], tolerance: int
) -> None:
    a, b = np.array(reference, np.int64), np.array(found, np.int64)
    left, right = match(a, b, tolerance)
    assert len(set(left.tolist())) == len(set(right.tolist())) == len(left)
    assert (np.abs(a[left] - b[right]) <= tolerance).all()
    rest_a, rest_b = np.delete(a, left), np.delete(b, right)
    assert (np.abs(rest_a[:, None] - rest_b[None]) > tolerance).all()


def test_sums_and_the_interval_over_records() -> None:
    good = score(lead(("QRS", 100, 140)), lead(("QRS", 100, 140)), 500)
    bad = score(lead(("QRS", 100, 140)), lead(), 500)
    both = total([good, bad])
    assert both["QRS onset"] == Tally(hits=1, missed=1, errors=(0.0,))
    assert mean_f1(both) == pytest.approx(2 / 3)
    assert set(both) == set(BOUNDARIES)
    assert interval([good, good, good]) == (1, 1)
    low, high = interval([good, bad, good, bad, good, bad, good, bad], seed=1)
    assert 0 <= low < 2 / 3 < high <= 1


def test_intervals_of_beats_take_their_own_p_and_t() -> None:
    waves = lead(("P", 100, 150), ("QRS", 180, 220), ("T", 300, 400), ("QRS", 580, 630))
    found = lengths(waves, 500, 0, 1000)
    assert found["PR"].tolist() == [0.16]
    assert found["QRS"].tolist() == [0.08, 0.1]
    assert found["QT"].tolist() == [0.44]
    assert len(lengths(waves, 500, 500, 1000)["PR"]) == 0


def test_impossible_waves_are_counted() -> None:
    fine = lead(("P", 100, 150), ("QRS", 180, 220), ("T", 300, 400))
    assert impossible(fine, 500) == 0
    assert impossible(lead(("P", 100, 190), ("QRS", 180, 220)), 500) == 1
    assert impossible(lead(("QRS", 100, 400)), 500) == 1
    assert impossible(lead(("QRS", 100, 90)), 500) == 1


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(UsageError, match="unequal length"):
        Lead(kind=np.array(["P"]), onset=np.zeros(2, np.int64), peak=np.zeros(1, np.int64),
             offset=np.zeros(1, np.int64))  # fmt: skip
