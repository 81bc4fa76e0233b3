"""A span as the rhythm model eats it: shapes, windows, gaps, other rates and sizes, no beats."""

import numpy as np
import pytest

from einthoven.inputs import rhythm_span
from einthoven.inputs.rhythm_span import network_lead, prepare, rhythm_inputs, windows_of
from einthoven.record import InputSpec, UsageError
from einthoven.signal.rhythm import names

SPEC = InputSpec(kind="rhythm", rate=100.0, window=(0.0, 30.0), band=(0.5, 45.0), side=("rhythm",))


def heart(seconds, rate=300.0, rr=0.8):
    """A lead of QRS, P and T at steady intervals, and its R peaks."""
    t = np.arange(round(seconds * rate)) / rate
    beats = np.arange(0.6, seconds - 0.6, rr)
    x = np.zeros(len(t))
    for shift, size, width in ((0.0, 1.0, 0.012), (-0.16, 0.12, 0.02), (0.3, 0.25, 0.05)):
        for b in beats:
            x += size * np.exp(-(((t - b - shift) / width) ** 2) / 2)
    return x.astype(np.float32), np.rint(beats * rate).astype(np.int64)


@pytest.mark.parametrize(("seconds", "windows"), [(9, 1), (30, 1), (39, 2), (50, 3), (61, 5)])
def test_windows_cover_the_span(seconds, windows):
    x, peaks = heart(seconds)
    window, side = rhythm_inputs(x, 300.0, peaks, SPEC)
    assert window.shape == (windows, 2, 3000)
    assert side.shape == (windows, len(names()))
    assert window.dtype == side.dtype == np.float32
    known = min(seconds, 30) * 100
    assert np.all(window[:, 1, :known] == 1)
    assert np.all(window[:, :, known:] == 0)
    assert np.array_equal(side[0], side[-1])


def test_the_last_window_ends_with_the_lead():
    lead = np.arange(2 * 4567, dtype=np.float32).reshape(2, 4567)
    assert np.array_equal(windows_of(lead, 100.0, 30.0)[-1], lead[:, -3000:])


def test_neither_size_nor_rate_changes_what_is_seen():
    x, peaks = heart(30)
    window, side = rhythm_inputs(x, 300.0, peaks, SPEC)
    large, same = rhythm_inputs(8 * x, 300.0, peaks, SPEC)
    assert np.allclose(window, large, atol=1e-4)
    assert np.allclose(side, same, atol=1e-3)
    x, peaks = heart(30, rate=500.0)
    fast, other = rhythm_inputs(x, 500.0, peaks, SPEC)
    assert np.corrcoef(window[0, 0], fast[0, 0])[0, 1] > 0.99
    for name in ("rr_median", "qrs_width", "p_place", "fit_qrs"):
        k = names().index(name)
        assert side[0, k] == pytest.approx(other[0, k], abs=0.02), name


def test_what_is_missing_is_marked_and_zero():
    x, _ = heart(20)
    x[1500:2400] = np.nan
    clean, known = prepare(x, 300.0)
    assert not known[1010:1590].any()
    assert known[:990].all()
    lead = network_lead(clean, known, 100.0)
    assert np.all(lead[:, 510:790] == 0)
    assert np.isfinite(lead).all()


@pytest.mark.parametrize("kind", ["nothing", "flat", "noise"])
def test_a_span_without_a_beat_is_described(kind):
    x = {
        "nothing": np.full(9000, np.nan, np.float32), "flat": np.zeros(9000, np.float32),
        "noise": np.random.default_rng(0).standard_normal(9000).astype(np.float32),
    }[kind]  # fmt: skip
    window, side = rhythm_inputs(x, 300.0, np.zeros(0, np.int64), SPEC)
    assert np.isfinite(window).all()
    assert np.isfinite(side).all()


def test_a_wrong_model_and_an_empty_span_are_refused():
    x, peaks = heart(10)
    with pytest.raises(UsageError, match="rhythm"):
        rhythm_inputs(x, 300.0, peaks, InputSpec(kind="waves", rate=250.0))
    with pytest.raises(UsageError, match="no signal"):
        rhythm_inputs(x[:0], 300.0, peaks[:0], SPEC)


@pytest.mark.parametrize("samples", [2, 50, 601, 2000])
def test_the_band_pass_is_scipys_forwards_and_backwards(samples):
    from scipy.signal import sosfiltfilt

    x = np.random.default_rng(samples).normal(size=samples)
    reach = min(600, samples - 1)
    sections = rhythm_span._band_pass()[0]
    expected = sosfiltfilt(sections, x, padlen=reach)
    np.testing.assert_array_equal(rhythm_span._without_shift(x, reach), expected)
