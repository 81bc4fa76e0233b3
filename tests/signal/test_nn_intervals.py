"""NN intervals: faults of a detector, worked by hand, and what must hold for any beats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record.errors import UsageError
from einthoven.signal.hrv import time_domain
from einthoven.signal.nn_intervals import GAP, KINDS, SOUND, nn_intervals, repaired


def steady(count: int = 40, ms: float = 800.0) -> np.ndarray:
    """Beats (s) with a breath of 5 % in their intervals."""
    rr = ms * (1 + 0.05 * np.sin(2 * np.pi * np.arange(count) / 5))
    return np.concatenate([[0.0], np.cumsum(rr) / 1000])


def fibrillating(count: int, seed: int) -> np.ndarray:
    """Beats (s) of which none knows of the others: 0.3 s and more, 0.7 s in the mean, CV 0.24."""
    rr = 0.3 + np.random.default_rng(seed).gamma(5.5, 0.4 / 5.5, count)
    return np.concatenate([[0.0], np.cumsum(rr)])


def test_a_steady_rhythm_is_left_alone() -> None:
    beats = steady()
    for ectopic in (False, True):
        found = repaired(beats, ectopic=ectopic)
        assert found.seconds.tolist() == beats.tolist()
        assert (found.kind == SOUND).all()
        assert (found.removed, found.inserted, found.moved) == (0, 0, 0)


def test_a_beat_too_many_is_taken_out() -> None:
    # 800 800 [300 500] 800 800: 300 is below 0.6 of 800, and both are 800.
    beats = np.arange(20) * 0.8
    found = repaired(np.sort(np.append(beats, beats[9] + 0.3)))
    assert found.seconds.tolist() == pytest.approx(beats.tolist())
    assert (found.removed, found.inserted) == (1, 0)
    assert [KINDS[k] for k in found.kind[8:11]] == ["sound", "merged", "sound"]


def test_missed_beats_are_put_in() -> None:
    # 800 800 1600 800 2400 800: one beat is missing, later two.
    beats = np.arange(30) * 0.8
    found = repaired(np.delete(beats, [10, 20, 21]))
    assert found.seconds.tolist() == pytest.approx(beats.tolist())
    assert (found.removed, found.inserted) == (0, 3)
    assert np.flatnonzero(found.kind == KINDS.index("split")).tolist() == [9, 10, 19, 20, 21]


def test_an_early_beat_is_moved_only_if_asked() -> None:
    # 800 800 [500 1100] 800: the beat comes 300 ms early, and the pause makes up for it.
    beats = np.arange(20) * 0.8
    early = beats.copy()
    early[10] -= 0.3
    assert repaired(early).seconds.tolist() == early.tolist()
    found = repaired(early, ectopic=True)
    assert found.seconds.tolist() == pytest.approx(beats.tolist())
    assert found.moved == 1
    assert [KINDS[k] for k in found.kind[8:12]] == ["sound", "moved", "moved", "sound"]


def test_the_pause_behind_an_early_beat_is_not_a_missed_one() -> None:
    # 800 800 [550 1450] 800: 1450 is near twice 800, but the beat before it was early.
    beats = np.cumsum([0.8] * 10 + [0.55, 1.45] + [0.8] * 10)
    assert repaired(beats).inserted == 0
    assert repaired(np.cumsum([0.8] * 10 + [0.8, 1.45] + [0.8] * 10)).inserted == 1


def test_a_long_silence_is_a_gap_and_nothing_is_put_in() -> None:
    beats = np.concatenate([np.arange(20) * 0.8, 100 + np.arange(20) * 0.8])
    found = repaired(beats)
    assert (found.inserted, int((found.kind == GAP).sum())) == (0, 1)
    value, known = found.series(0.0, 400, 4.0)  # 15.2 s of 100 s are known
    assert np.flatnonzero(known).tolist() == list(range(61))
    assert value == pytest.approx(np.full(400, 800))


def test_the_series_is_the_interval_that_ends_next_drawn_by_straight_lines() -> None:
    # Beats at 0, 1, 1.5 s: 1000 ms at 1 s, 500 ms at 1.5 s, 750 ms half way.
    value, known = repaired(np.array([0.0, 1.0, 1.5])).series(0.0, 7, 4.0)
    assert value.tolist() == [1000, 1000, 1000, 1000, 1000, 750, 500]
    assert known.all()


def test_what_is_missed_or_too_many_is_no_nn_interval() -> None:
    beats = np.delete(np.round(steady(60) * 1000).astype(np.int64), 30)
    beats = np.sort(np.append(beats, beats[10] + 250))
    found = nn_intervals(beats, np.full(len(beats), "N"), np.ones(len(beats), np.bool_), 1000.0)
    # The two parts around the beat too many, and the double interval.
    assert len(found.ms) == len(beats) - 1 - 3
    assert found.replaced == pytest.approx(3 / (len(beats) - 1))
    assert time_domain(found)["rmssd_ms"] < 60


def test_an_empty_record_has_no_intervals() -> None:
    for count in (0, 1):
        found = repaired(np.arange(count, dtype=np.float64))
        assert len(found.kind) == len(found.ms) == 0
        with pytest.raises(UsageError, match="there are none"):
            found.series(0, 4, 4.0)


def test_beats_out_of_order_are_refused() -> None:
    for beats in ([0.0, 1.0, 1.0], [1.0, 0.0], [0.0, np.nan]):
        with pytest.raises(UsageError, match="strictly ascending"):
            repaired(np.array(beats))


@pytest.mark.parametrize("seed", range(5))
def test_fibrillation_stays_irregular(seed: int) -> None:
    beats = fibrillating(400, seed)
    found = repaired(beats)
    assert found.removed + found.inserted <= 4  # 1 %
    found = repaired(beats, ectopic=True)
    assert found.moved <= 20  # 5 %
    assert np.diff(found.seconds).std() > 0.95 * np.diff(beats).std()


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 50), st.floats(0.15, 0.85), st.floats(500, 1200))
def test_any_single_fault_in_a_steady_rhythm_is_mended(where: int, at: float, ms: float) -> None:
    beats = steady(60, ms)
    missed = repaired(np.delete(beats, where))
    assert len(missed.seconds) == len(beats)
    assert np.abs(missed.seconds - beats).max() < 0.1 * ms / 1000
    if 0.45 < at < 0.55:  # nearly halves: both parts are below 0.6 as well
        at = 0.45
    extra = beats[where] + at * (beats[where + 1] - beats[where])
    found = repaired(np.sort(np.append(beats, extra)))
    assert found.removed == 1
    assert np.abs(found.seconds - beats).max() < 0.5 * ms / 1000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(20, 5000), max_size=60), st.booleans())
def test_of_any_beats_the_ends_stay_and_none_are_too_close(ms: list[int], ectopic: bool) -> None:
    beats = np.concatenate([[0.0], np.cumsum(np.array(ms, np.float64)) / 1000])
    found = repaired(beats, ectopic=ectopic)
    assert len(found.kind) == len(found.seconds) - 1
    assert found.seconds[[0, -1]].tolist() == beats[[0, -1]].tolist()
    assert found.ms.sum() == pytest.approx(sum(ms))
    assert (found.ms > 0).all()
    assert len(found.seconds) == len(beats) - found.removed + found.inserted
    if len(found.seconds) > 2 and not ectopic and not found.inserted:
        assert found.ms.min() >= 240 - 1e-6
