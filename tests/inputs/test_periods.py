"""Periods: cut where the beats are at any heart rate, and laid out without losing one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.inputs.periods import BEFORE, P_WAVE, RATE, SIZE, laid, periods
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.rhythm import RATE as GRID

SPEC = InputSpec(kind="periods", rate=80.0, window=(0.4, 0.4), band=(0.5, 45.0))


def beating(rate: float, bpm: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """A lead of pointed R waves, each with a small P wave 0.16 s before it."""
    at = np.arange(0.1, seconds - 0.05, 60 / bpm)
    t = np.arange(round(rate * seconds)) / rate
    lead = np.zeros_like(t)
    for beat in at:
        lead += np.exp(-(((t - beat) / 0.015) ** 2))
        lead += 0.2 * np.exp(-(((t - beat + 0.16) / 0.025) ** 2))
    return lead.astype(np.float32), np.rint(at * rate).astype(np.int64)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([100.0, 128.0, 300.0, 360.0, 500.0]), bpm=st.floats(25, 300),
    seconds=st.floats(2, 40),
)  # fmt: skip
def test_r_stands_in_the_middle_at_any_heart_rate(rate: float, bpm: float, seconds: float) -> None:
    lead, peaks = beating(rate, bpm, seconds)
    found = periods(lead, rate, peaks, SPEC)
    at = peaks / rate
    end = (round(rate * seconds) / rate) - 0.05
    inside = (at >= 0.4) & (at < end - 0.4)
    # Every beat with room for its period is there, and no interval is invented.
    assert len(found) >= inside.sum()
    assert set(np.round(found.second, 6)) <= set(np.round(at, 6))
    assert found.period.shape == (len(found), SIZE)
    assert np.isfinite(found.period).all()
    true = np.diff(at, prepend=at[0])
    where = np.searchsorted(at, found.second - 1e-9)
    np.testing.assert_allclose(found.rr, true[where], atol=1e-5)
    if len(found) and bpm < 140:
        middle = np.abs(found.period[:, BEFORE - 20 : BEFORE + 21]).argmax(axis=1) + BEFORE - 20
        assert (np.abs(middle - BEFORE) <= 1).all()


def test_the_p_wave_lies_where_it_is_taken_out_whatever_the_rate() -> None:
    places = []
    for bpm in (40, 75, 130):
        period = np.median(periods(*beating_at(bpm), SPEC).period, axis=0)
        before = period[: BEFORE - 5]
        places.append(int(np.argmax(before[8:])) + 8)
    assert max(places) - min(places) <= 1
    assert all(P_WAVE.start <= place < P_WAVE.stop for place in places)
    assert (P_WAVE.start - BEFORE) / RATE == -0.25
    assert abs((P_WAVE.stop - BEFORE) / RATE + 0.06) < 1 / RATE


def beating_at(bpm: float) -> tuple[np.ndarray, float, np.ndarray]:
    lead, peaks = beating(300.0, bpm, 20.0)
    return lead, 300.0, peaks


def test_a_period_is_the_lead_itself() -> None:
    from einthoven.inputs.rhythm_span import prepare

    rng = np.random.default_rng(0)
    lead = np.convolve(rng.standard_normal(3000), np.ones(15) / 15, "same").astype(np.float32)
    found = periods(lead, float(GRID), np.array([1500]), SPEC)
    clean, _ = prepare(lead, float(GRID))
    size = np.percentile(np.abs(clean), 97)
    assert found.period[0, BEFORE] == pytest.approx(clean[1500] / size, rel=1e-5)
    assert found.period[0, BEFORE - 8] == pytest.approx(
        clean[1500 - round(0.1 * GRID)] / size, rel=1e-5
    )


def test_no_beat_and_a_flat_lead_are_no_error() -> None:
    none = periods(np.zeros(3000, np.float32), 300.0, np.zeros(0, np.int64), SPEC)
    assert (len(none), none.period.shape) == (0, (0, SIZE))
    flat = periods(np.full(3000, np.nan, np.float32), 300.0, np.array([900, 1500]), SPEC)
    assert (flat.period == 0).all()
    window, side = laid([(none.period, none.rr), (flat.period, flat.rr)])
    assert (window.shape, side.shape) == ((2, 2, SIZE), (2, 6))
    assert side[0].tolist() == [0] * 6
    assert laid([(none.period, none.rr)])[0].shape == (1, 1, SIZE)


def test_what_is_laid_out_tells_beats_intervals_and_medians() -> None:
    period = np.arange(4 * SIZE, dtype=np.float32).reshape(4, SIZE)
    rr = np.array([0.9, 0.6, 0.8, 1.2], np.float32)
    window, side = laid([(period, rr), (period[:1], rr[:1])])
    assert (window[0] == period).all()
    # The first interval reaches out of the strip, and what lies there is not known.
    want = [[1, 0, 0], [1, 0.6, 0.75], [1, 0.8, 1], [1, 1.2, 1.5]]
    np.testing.assert_allclose(side[0].reshape(4, 3), want, rtol=1e-6)
    np.testing.assert_allclose(side[1].reshape(4, 3), [[1, 0, 0], *[[0, 0, 0]] * 3])


def test_other_cuts_and_peaks_out_of_order_are_refused() -> None:
    lead = np.zeros(3000, np.float32)
    other = InputSpec(kind="periods", rate=80.0, window=(0.3, 0.5))
    with pytest.raises(UsageError, match="window"):
        periods(lead, 300.0, np.array([900]), other)
    for peaks in ([900, 900], [1500, 900], [-1], [3000]):
        with pytest.raises(DataError, match="do not ascend"):
            periods(lead, 300.0, np.array(peaks), SPEC)
