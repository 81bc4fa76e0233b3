"""Resampling: exact instants, whatever the ratio; sines as mathematics says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record import UsageError
from einthoven.signal.resample import Resampler, exact, resample

RATIOS = [(360, 90), (360, 250), (250, 360), (100, 500), (1000, 125), (257.3, 90), (128, 360)]


def _sine(hertz, rate, seconds, phase=0.4):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate + phase)


@pytest.mark.parametrize(("rate", "target"), RATIOS)
@pytest.mark.parametrize("hertz", [0.5, 3.0, 11.0])
def test_a_sine_is_the_sine_of_the_other_grid(rate, target, hertz):
    signal = _sine(hertz, rate, 20)[None].astype(np.float32)
    got = resample(signal, rate, target)
    wanted = _sine(hertz, target, 21)[: got.shape[1]]
    inner = slice(int(target), -int(target))
    assert np.abs(got[0] - wanted)[inner].max() < 0.01


@pytest.mark.parametrize(("rate", "target"), RATIOS)
def test_a_pulse_stays_at_its_instant_an_hour_on(rate, target):
    n = int(3600 * rate)
    signal = np.zeros((1, n), np.float32)
    at = [int(60 * rate), n // 2, n - int(60 * rate)]
    signal[0, at] = 1
    got = resample(signal, rate, target)[0]
    for sample in at:
        near = round(sample / rate * target)
        piece = np.abs(got[near - 20 : near + 21]).astype(np.float64)
        centre = near - 20 + np.average(np.arange(41), weights=piece**2)
        assert abs(centre / target - sample / rate) < 0.6 / min(rate, target)


def test_what_the_new_rate_cannot_hold_is_gone():
    assert np.abs(resample(_sine(80, 360, 10)[None], 360, 90)[0, 90:-90]).max() < 0.01


@settings(max_examples=40, deadline=None)
@given(st.floats(-5, 5, width=32), st.sampled_from(RATIOS), st.integers(1, 3000))
def test_a_constant_stays_and_the_length_is_the_time(level, ratio, n):
    rate, target = ratio
    got = resample(np.full((2, n), level, np.float32), rate, target)
    assert got.dtype == np.float32
    assert got.shape == (2, -(-n * exact(target) // exact(rate)))
    np.testing.assert_allclose(got, level, atol=1e-4)


def test_what_is_missing_stays_missing_and_nothing_else():
    signal = _sine(2, 360, 10)[None].astype(np.float32)
    signal[0, 720:1080] = np.nan
    got = resample(signal, 360, 250)
    time = np.arange(got.shape[1]) / 250
    inside = (time > 2.01) & (time < 2.99)
    assert np.isnan(got[0, inside]).all()
    assert np.isfinite(got[0, (time < 1.99) | (time > 3.01)]).all()


def test_both_ways_of_computing_agree():
    tool = Resampler(360, 90, cutoff=32, seconds=0.1)
    x = np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32)
    rows = tool.rows(x, 20)
    one_by_one = tool.at(x, -tool.half, 0, rows.shape[1])
    np.testing.assert_allclose(rows, one_by_one, atol=1e-5)


def test_a_rate_is_the_fraction_it_was_meant_to_be():
    assert exact(257.3) == Fraction(2573, 10)
    with pytest.raises(UsageError, match="positive"):
        resample(np.zeros((1, 9), np.float32), 0, 90)
