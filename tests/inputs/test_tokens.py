"""The QRS tokenizer: borders, coordinates, and the way back to the signal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.inputs import cut, record_side_names, tokens
from einthoven.inputs.tokens import COORDINATES, sentence, signal_of
from einthoven.record import DataError, InputSpec, UsageError
from einthoven.record.leads import STANDARD

SPEC = InputSpec(kind="tokens", rate=100.0, leads=STANDARD, window=(0, 10))


@st.composite
def stretches(draw: Any) -> dict[str, Any]:
    """Any leads at 100 to 1000 Hz, with gaps; any beats, none among them, at 20 to 300 a minute."""
    rate = float(draw(st.integers(100, 1000)))
    leads = tuple(draw(st.lists(st.sampled_from((*STANDARD, "X", "ES")), min_size=1, unique=True)))
    samples = draw(st.integers(1, round(4 * rate)))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    signal = chance.normal(size=(len(leads), samples)).astype(np.float32)
    for _ in range(draw(st.integers(0, 3))):
        start, row = chance.integers(samples), chance.integers(len(leads))
        signal[row, start : start + chance.integers(1, samples + 1)] = np.nan
    gaps = chance.uniform(0.2, draw(st.floats(0.3, 3.0)), 20) * rate
    peaks = np.cumsum(np.maximum(1, gaps.astype(np.int64))) - 1
    peaks = peaks[peaks < samples] if draw(st.booleans()) else peaks[:0]
    return {"signal": signal, "rate": rate, "leads": leads, "peaks": peaks}


@given(stretches())
@settings(max_examples=150, deadline=None)
def test_wide_tokens_give_the_signal_back_to_the_bit(stretch: dict[str, Any]) -> None:
    said = sentence(**stretch)
    back = signal_of(said)
    if len(said):
        np.testing.assert_array_equal(back, stretch["signal"])
    else:
        assert said.tokens.shape[:2] == (0, len(stretch["leads"]))
        assert np.isnan(back).all()


@given(stretches(), st.floats(0, 1), st.floats(0.02, 1))
@settings(max_examples=100, deadline=None)
def test_narrow_tokens_lose_what_is_far_from_r_and_nothing_else(
    stretch: dict[str, Any], before: float, after: float
) -> None:
    signal, rate = stretch["signal"], stretch["rate"]
    said = sentence(**stretch, width=(before, after))
    assert said.tokens.shape[2] == round(before * rate) + round(after * rate)
    # No beat has more samples than between its borders, and each sample is in one at most.
    at = np.arange(signal.shape[1])
    owner = np.searchsorted(said.past, at, side="right")
    lost = np.ones(len(at), bool)
    if len(said):
        apart = at - said.r[np.minimum(owner, len(said) - 1)]
        lost = (apart < -round(before * rate)) | (apart >= round(after * rate))
    expected = np.where(lost, np.nan, signal)
    np.testing.assert_array_equal(signal_of(said), expected)


@given(stretches())
@settings(max_examples=100, deadline=None)
def test_borders_share_out_all_samples_midway_between_neighbours(stretch: dict[str, Any]) -> None:
    said = sentence(**stretch)
    if not len(said):
        return
    assert said.first[0] == 0
    assert said.past[-1] == said.samples
    np.testing.assert_array_equal(said.first[1:], said.past[:-1])
    assert ((said.first <= said.r) & (said.r < said.past)).all()
    twice = 2 * said.first[1:] - (said.r[1:] + said.r[:-1])
    assert set(twice.tolist()) <= {0, 1}
    np.testing.assert_array_equal(said.mask.sum(axis=1), said.past - said.first)
    known = [STANDARD.index(name) + 1 if name in STANDARD else 0 for name in stretch["leads"]]
    assert said.lead.tolist() == known


@given(stretches())
@settings(max_examples=50, deadline=None)
def test_the_strip_and_its_side_numbers_are_the_sentence(stretch: dict[str, Any]) -> None:
    samples, rate = stretch["signal"].shape[1], stretch["rate"]
    side = tokens.side_of(stretch["peaks"], samples, rate, tokens.slots(10))
    peaks, shared = tokens.peaks_of(side)
    np.testing.assert_array_equal(peaks, stretch["peaks"])
    assert shared == (samples if len(peaks) else 0)
    assert len(side) == len(tokens.side_names(10))


def test_rr_numbers_of_three_beats() -> None:
    said = sentence(np.zeros((1, 500)), 100.0, ("II",), np.array([100, 180, 300]))
    median = 1.0  # of 0.8 and 1.2 s
    expected = [[0, 0.8, 0, 0.8 / median], [0.8, 1.2, 0.8, 1.2], [1.2, 0, 1.2, 0]]
    np.testing.assert_allclose(said.rr, expected, atol=1e-6)
    np.testing.assert_allclose(said.seconds, [1, 1.8, 3])


@pytest.mark.parametrize("rate", [30, 126, 130, 180, 250, 295])
def test_no_lead_is_lost_at_any_heart_rate(rate: int) -> None:
    peaks = np.arange(20, 5000, 60 * 500 / rate).astype(np.int64)
    signal = np.random.default_rng(rate).normal(size=(12, 5000))
    made = cut(signal, 500.0, STANDARD, peaks, SPEC)
    r, samples = tokens.peaks_of(made.side[0])
    assert len(r) == len(peaks)
    said = sentence(made.window[0], 100.0, STANDARD, r)
    assert said.tokens.shape[:2] == (len(peaks), 12)
    assert samples == 1000
    np.testing.assert_array_equal(signal_of(said), made.window[0])
    assert not made.mute.any()


def test_more_than_three_hundred_beats_a_minute_are_said_to_be_too_many() -> None:
    peaks = np.arange(10, 5000, 90)
    with pytest.raises(DataError, match=r"has 56 R peaks in 10 s.*300 a minute"):
        cut(np.random.default_rng(0).normal(size=(12, 5000)), 500.0, STANDARD, peaks, SPEC)


def test_a_record_without_a_beat_is_an_empty_sentence() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 5000))
    made = cut(signal, 500.0, STANDARD, np.zeros(0, np.int64), SPEC)
    assert made.mute.tolist() == [True]
    assert made.window.shape == (1, 12, 1000)
    assert not made.side.any()


def test_a_pause_is_shared_by_its_two_beats() -> None:
    said = sentence(
        np.ones((2, 1000)), 100.0, ("I", "V1"), np.array([100, 900]), width=(0.75, 0.75)
    )
    assert said.past[0] == 500
    assert said.mask.sum(axis=1).tolist() == [150, 150]
    assert np.isnan(signal_of(said)).any(axis=0).sum() == 1000 - 300


def test_tokens_of_forty_beats_a_minute_fit_in_a_second_and_a_half() -> None:
    peaks = np.arange(75, 1000, 150)
    signal = np.random.default_rng(1).normal(size=(1, 1050)).astype(np.float32)
    said = sentence(signal, 100.0, ("II",), peaks, width=(0.75, 0.75))
    np.testing.assert_array_equal(signal_of(said), signal)


def test_a_short_record_ends_where_it_ends() -> None:
    made = cut(np.random.default_rng(0).normal(size=(12, 3000)), 500.0, STANDARD,
               np.array([500, 1000]), SPEC)  # fmt: skip
    assert tokens.peaks_of(made.side[0])[1] == 600
    assert not made.window[0, :, 600:].any()


def test_beats_are_laid_over_each_other_and_a_stranger_stays() -> None:
    shape = np.exp(-0.5 * (np.arange(-20, 21) / 2.5) ** 2)
    signal, true = np.zeros((3, 1000), np.float32), np.arange(60, 960, 90)
    for r in true:
        signal[:, r - 20 : r + 21] += np.array([[1], [-0.5], [0.3]]) * shape
    strange = true[4]
    signal[:, strange - 20 : strange + 21] = np.random.default_rng(0).normal(size=(3, 41))
    off = np.array([0, 2, -3, 0, 3, 0, 1, 0, -1, 0])
    moved = tokens.laid_over(signal, 100.0, true + off)
    assert moved[4] == strange + 3
    rest = np.delete(moved - true, 4)
    assert np.ptp(rest) == 0
    assert abs(rest[0]) <= 1


def test_names_of_side_numbers_are_those_of_the_spec() -> None:
    names = record_side_names(SPEC)
    assert names[: len(COORDINATES)] == tuple(f"beat-1-{c}" for c in COORDINATES)
    assert len(names) == 50 * len(COORDINATES)
    with pytest.raises(UsageError, match="does not go with 'tokens'"):
        record_side_names(InputSpec(kind="tokens", rate=100.0, side=("measurements",)))


@pytest.mark.parametrize("peaks", [[5, 5], [7, 3], [-1, 3], [3, 50]])
def test_peaks_that_do_not_ascend_within_the_signal_are_refused(peaks: list[int]) -> None:
    with pytest.raises(DataError, match="do not ascend within the 50 samples"):
        sentence(np.zeros((1, 50)), 100.0, ("II",), np.array(peaks))


def test_names_and_widths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="1 names for 2 leads"):
        sentence(np.zeros((2, 50)), 100.0, ("II",), np.array([5]))
    with pytest.raises(UsageError, match="width is"):
        sentence(np.zeros((1, 50)), 100.0, ("II",), np.array([5]), width=(0.1, 0.0))
