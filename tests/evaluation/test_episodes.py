"""Episodes against a reference: a worked example, what touches, what is set aside, nothing."""

import math

import pytest

from einthoven.evaluation.episodes import Episodes, compare, merged


def test_a_worked_example():
    said = compare([(10, 30), (50, 60)], [(20, 40), (70, 75)], 100, rate=2.0)
    assert said == Episodes(
        reference=2, found=1, test=2, right=1, reference_time=15, test_time=12.5, common_time=5
    )
    assert said.figures == {
        "episode_sensitivity": 0.5, "episode_predictivity": 0.5,
        "duration_sensitivity": pytest.approx(1 / 3), "duration_predictivity": 0.4,
    }  # fmt: skip


def test_spans_that_touch_are_one():
    assert merged([(5, 9), (0, 3), (3, 4), (8, 12), (20, 20)]) == [(0, 4), (5, 12)]
    assert compare([(0, 30)], [(0, 10), (10, 20)], 40).test == 1


def test_what_is_set_aside_is_neither_right_nor_wrong():
    said = compare([(0, 10)], [(0, 10), (20, 30)], 40, aside=[(15, 40)])
    assert said == compare([(0, 10)], [(0, 10)], 40)


def test_nothing_is_undefined_not_zero():
    figures = compare([], [(3, 5)], 10).figures
    assert math.isnan(figures["episode_sensitivity"])
    assert figures["duration_predictivity"] == 0
    assert all(math.isnan(v) for v in compare([], [], 10).figures.values())


def test_recordings_add_up():
    one, two = compare([(0, 5)], [(0, 5)], 9), compare([(0, 5)], [], 9)
    assert (one + two).figures["episode_sensitivity"] == 0.5
