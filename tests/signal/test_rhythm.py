"""The numbers of a span on made leads: irregularity, P waves, early and broad beats, noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from einthoven.signal import _rhythm_intervals as rr
from einthoven.signal import _rhythm_waves, _short_series
from einthoven.signal.rhythm import RATE, UNTOLD, describe, names


def lead(beats, *, p=0.12, broad=(), ripple=0.0, seconds=30.0, noise=0.01):
    """A lead of QRS, P and T waves at the beats."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    x = noise * rng.standard_normal(len(t))
    for k, b in enumerate(beats):
        wide = k in broad
        waves = [(0.0, -1.4 if wide else 1.0, 0.04 if wide else 0.012), (0.28, 0.25, 0.05)]
        if not wide:
            waves.append((-0.16, p, 0.02))
        for shift, size, width in waves:
            x += size * np.exp(-(((t - b - shift) / width) ** 2) / 2)
    return (x + ripple * np.sin(2 * np.pi * 6.3 * t)).astype(np.float32)


def said(x, beats):
    values = describe(x, np.ones(len(x), np.bool_), np.asarray(beats, np.float64))
    return dict(zip(names(), values.tolist(), strict=True))


STEADY = np.arange(0.7, 29.5, 0.8)
WILD = 0.7 + np.cumsum(np.random.default_rng(1).uniform(0.45, 1.15, 36))


def test_names_are_unique_and_all_numbers_are_told():
    assert len(set(names())) == len(names()) > 200
    found = said(lead(STEADY), STEADY)
    assert all(np.isfinite(v) for v in found.values())
    assert UNTOLD not in found.values()


def test_fibrillation_is_irregular_has_no_p_wave_and_ripples():
    sinus = said(lead(STEADY), STEADY)
    beats = WILD[WILD < 29.4]
    wild = said(lead(beats, p=0.0, ripple=0.06), beats)
    assert sinus["rr_cv"] < 0.01 < 0.15 < wild["rr_cv"]
    assert wild["cosen"] > sinus["cosen"] + 1
    assert wild["plane_occupied"] > 0.5 > sinus["plane_occupied"]
    assert sinus["p_pairs"] > 0.8 > 0.4 > wild["p_pairs"]
    assert sinus["p_most"] == pytest.approx(0.1, abs=0.04)
    assert wild["rest_fibrillation"] > 0.6
    assert wild["rest_dominant"] == pytest.approx(6.3, abs=0.4)


def test_an_early_broad_beat_is_seen_as_both():
    beats = STEADY.copy()
    odd = (8, 20, 30)
    beats[list(odd)] -= 0.28
    found = said(lead(beats, broad=odd), beats)
    share = 3 / len(beats)
    assert found["early_odd"] == pytest.approx(share, rel=0.2)
    assert found["early_same"] == 0
    assert found["early_pause"] == pytest.approx(share, rel=0.2)
    assert found["shape_second"] == pytest.approx(share, rel=0.2)
    assert said(lead(STEADY), STEADY)["early_odd"] == 0


def test_the_length_of_the_span_hardly_shows():
    half = STEADY[STEADY < 14.5]
    long = said(lead(STEADY, ripple=0.03), STEADY)
    short = said(lead(half, ripple=0.03, seconds=15.0), half)
    for name in names():
        # The extremes of noise do differ a little; nothing doubles with the time.
        assert abs(long[name] - short[name]) < 0.5 * max(1.0, abs(long[name])), name


def test_sample_entropy_of_a_known_series():
    # Alternation foretells itself: every match of one goes on, so nothing is left to tell.
    series = np.tile([0.8, 1.0], 10)
    apart = np.abs(series[:, None] - series[None, :])
    assert rr._sample_entropy(apart, 1, 0.03) == pytest.approx(0, abs=0.02)
    mixed = np.random.default_rng(0).uniform(0.4, 1.4, 400)
    apart = np.abs(mixed[:, None] - mixed[None, :])
    # Independent uniform values: -ln of the chance that two lie within 0.03.
    assert rr._sample_entropy(apart, 1, 0.03) == pytest.approx(-np.log(0.0591), abs=0.15)


def test_too_few_beats_leave_the_rest_untold():
    found = said(lead(STEADY[:3]), STEADY[:3])
    assert found["rr_cv"] == found["p_pairs"] == UNTOLD
    assert found["kurtosis_median"] != UNTOLD


@settings(max_examples=40, deadline=None)
@given(
    values=arrays(np.float64, st.integers(1, 600), elements=st.floats(-1e3, 1e3)),
    level=st.floats(0, 1),
)
def test_short_series_have_the_numbers_numpy_gives_them(values, level):
    assert _short_series.mean(values) == values.mean()
    assert _short_series.mean(values > 0) == (values > 0).mean()
    assert _short_series.deviation(values) == values.std()
    assert _short_series.median(values) == np.median(values)
    assert _short_series.quantiles(values, (level,)) == [np.quantile(values, level)]
    edges = np.linspace(-500, 500, 7)
    counts = rr._histogram(values, edges)
    assert counts.tolist() == np.histogram(values, edges)[0].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 2, 7, 12, 31])
def test_medians_over_rows_are_those_of_numpy(rows, dtype):
    values = np.random.default_rng(rows).standard_normal((rows, 3, 40)).astype(dtype)
    found = _short_series.medians(values)
    assert found.dtype == dtype
    assert np.array_equal(found, np.median(values, axis=0))
    across = values[:, 0]
    assert np.array_equal(_short_series.medians(across.T), np.median(across, axis=1))


def test_repetition_is_that_of_the_whole_inverse_transform():
    x = np.random.default_rng(0).normal(size=5000)
    spectrum = np.abs(np.fft.rfft(x, 16384)) ** 2
    hertz = np.arange(len(spectrum)) * 200 / 16384
    spectrum[(hertz < 2.5) | (hertz > 15)] = 0
    back = np.fft.irfft(spectrum)[:84]
    assert _rhythm_waves._lag("x", x)["x_repeats"] == pytest.approx(back[20:].max() / back[0])
