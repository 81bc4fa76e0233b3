"""Filters: gains as asked for, medians and means as numpy has them, gaps bridged from nearby."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from einthoven.record import UsageError
from einthoven.signal.filters import (
    bandpass_taps,
    fill_gaps,
    median_of_three,
    moving_mean,
)

SIGNALS = arrays(
    np.float32, st.tuples(st.integers(1, 3), st.integers(5, 60)),
    elements=st.floats(-10, 10, width=32),
)  # fmt: skip


def _gain(taps, hertz, rate):
    n = np.arange(len(taps)) - len(taps) // 2
    return float(np.sum(taps * np.cos(2 * np.pi * hertz / rate * n)))


def test_a_band_pass_has_the_gain_asked_for():
    taps = bandpass_taps(360, (5, 25), 361)
    assert len(taps) == 361
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-7)
    assert _gain(taps, 15, 360) == pytest.approx(1, abs=1e-3)
    assert _gain(taps, 0, 360) == pytest.approx(0, abs=1e-5)
    for edge in (5, 25):
        assert _gain(taps, edge, 360) == pytest.approx(0.5, abs=0.03)
    assert abs(_gain(taps, 50, 360)) < 0.01


def test_a_low_pass_leaves_the_baseline_alone():
    taps = bandpass_taps(250, (0, 30), 51)
    assert _gain(taps, 0, 250) == pytest.approx(1, abs=1e-6)
    assert abs(_gain(taps, 80, 250)) < 0.02


@pytest.mark.parametrize(
    ("band", "taps"), [((5, 25), 10), ((5, 25), 1), ((25, 5), 11), ((5, 200), 11), ((-1, 5), 11)]
)
def test_a_filter_that_cannot_be_is_refused(band, taps):
    with pytest.raises(UsageError):
        bandpass_taps(360, band, taps)


@given(SIGNALS, st.integers(1, 5))
def test_a_moving_mean_is_the_mean_of_each_window(signal, width):
    view = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), width, axis=1)
    np.testing.assert_allclose(moving_mean(signal, width), view.mean(axis=2), atol=1e-5)


@given(SIGNALS)
def test_a_median_of_three_is_numpys(signal):
    view = np.lib.stride_tricks.sliding_window_view(signal, 3, axis=1)
    got = median_of_three(signal)
    np.testing.assert_array_equal(got[:, 1:-1], np.median(view, axis=2))
    np.testing.assert_array_equal(got[:, [0, -1]], signal[:, [0, -1]])


def test_a_short_gap_is_a_line_and_a_long_one_is_held_and_named():
    nan = np.nan
    signal = np.array([[1, nan, 3, 3, nan, nan, nan, nan, 7]], np.float32)
    filled, missing = fill_gaps(signal, np.array([nan], np.float32), 2)
    np.testing.assert_allclose(filled[0, :4], [1, 2, 3, 3])
    np.testing.assert_allclose(filled[0, 4:6], [3, 3])
    assert 3 < filled[0, 6] < filled[0, 7] < 7
    assert missing[0].tolist() == [False] * 4 + [True] * 4 + [False]


def test_a_gap_at_the_beginning_takes_what_was_held_or_what_comes():
    signal = np.array([[np.nan, np.nan, np.nan, 4]], np.float32)
    filled, _ = fill_gaps(signal, np.array([2], np.float32), 1)
    np.testing.assert_allclose(filled[0], [2, 2, 3, 4])
    filled, _ = fill_gaps(signal, np.array([np.nan], np.float32), 1)
    np.testing.assert_allclose(filled[0], [4, 4, 4, 4])


@given(SIGNALS, st.data())
def test_nothing_is_left_missing_and_no_sample_is_touched(signal, data):
    gone = data.draw(arrays(np.bool_, signal.shape))
    holed = np.where(gone, np.float32(np.nan), signal)
    filled, missing = fill_gaps(holed, np.full(len(signal), np.nan, np.float32), 3)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~gone], signal[~gone])
    assert not (missing & ~gone).any()
