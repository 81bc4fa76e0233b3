"""Windows of intervals: their shape, what is left out, and measures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.inputs.rr_window import MEASURES, TIME, Track
from einthoven.record.errors import UsageError


def test_a_window_is_the_interval_at_four_a_second() -> None:
    track = Track.of(np.arange(0, 700, 0.75))
    assert track.starts(300.0).tolist() == [0, 1200]
    assert track.starts(60.0).tolist() == [240 * k for k in range(7)]
    window = track.window(1200)
    assert window.shape == (1, TIME)
    assert window == pytest.approx(np.full((1, TIME), 0.75))


def test_windows_that_are_mostly_silence_are_left_out() -> None:
    # From 200 s to 390 s there is no beat: a third of the first window, a third of the second.
    beats = np.arange(0, 910, 0.8)
    track = Track.of(beats[(beats < 200) | (beats > 390)])
    assert track.starts(300.0).tolist() == [2400]
    assert track.starts(100.0).tolist() == [1600, 2000, 2400]  # from 400 s on


def test_measures_of_two_lengths_in_turn_are_known() -> None:
    # 0.7 0.9 0.7 0.9 ..: mean 800, SD 100, each step 200, all steps over 50 ms.
    beats = np.concatenate([[0.0], np.cumsum(np.tile([0.7, 0.9], 200))])
    said = dict(zip(MEASURES, Track.of(beats).measures(0).tolist(), strict=True))
    assert said["mean_nn_ms"] == pytest.approx(800, rel=1e-3)
    assert said["sdnn_ms"] == pytest.approx(100, rel=0.01)
    assert said["rmssd_ms"] == pytest.approx(200, rel=1e-4)
    assert said["pnn50"] == 1
    assert said["rmssd_part"] == pytest.approx(0.25, rel=1e-3)
    assert said["sd1_sd2"] > 10


def test_a_window_of_few_beats_has_no_measures() -> None:
    assert np.isnan(
        Track.of(np.append(np.arange(20) * 0.8, np.arange(20, 400, 20.0))).measures(0)
    ).all()


def test_beats_marked_twice_count_once_and_one_is_none() -> None:
    twice = np.repeat(np.arange(0, 400, 0.8), 2)
    assert len(Track.of(twice).beats.seconds) == len(twice) // 2
    with pytest.raises(UsageError, match="are 1"):
        Track.of(np.array([1.0]))
