"""HRV: worked by hand, against a spectrum that is known, and against NeuroKit2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record.errors import UsageError
from einthoven.signal.hrv import (
    KEYS,
    bands,
    hrv,
    poincare,
    sample_entropy,
    spectrum,
    time_domain,
)
from einthoven.signal.nn_intervals import Intervals, nn_intervals

SIX = [800.0, 810, 790, 860, 800, 780]


def unbroken(ms: list[float]) -> Intervals:
    return Intervals(ms=np.array(ms), ends=np.cumsum(ms) / 1000,
                     follows=np.arange(len(ms)) > 0, replaced=0.0)  # fmt: skip


def beating(seconds: float = 300.0) -> np.ndarray:
    """R times (s) of NN(t) = 1000 + 50 sin(2π·0.1 t) + 30 sin(2π·0.25 t) ms: LF 1250, HF 450."""
    at = [0.0]
    while at[-1] < seconds:
        t = at[-1]
        nn = 1 + 0.05 * np.sin(2 * np.pi * 0.1 * t) + 0.03 * np.sin(2 * np.pi * 0.25 * t)
        at.append(t + float(nn))
    return np.array(at)


def plain(peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks as samples of 1 kHz, all normal, all sound."""
    samples = np.round(peaks * 1000).astype(np.int64)
    return samples, np.full(len(peaks), "N"), np.ones(len(peaks), np.bool_)


def test_six_intervals_worked_by_hand() -> None:
    said = time_domain(unbroken(SIX))
    assert said["mean_nn_ms"] == pytest.approx(806.667, abs=5e-4)
    assert 60000 / said["mean_nn_ms"] == pytest.approx(74.3802, abs=5e-5)
    assert said["sdnn_ms"] == pytest.approx(28.0476, abs=5e-5)
    assert said["rmssd_ms"] == pytest.approx(43.3590, abs=5e-5)
    assert (said["nn50"], said["pnn50"]) == (2, 0.4)
    shape = poincare(unbroken(SIX))
    assert shape["sd1_ms"] == pytest.approx(34.1321, abs=5e-5)
    assert shape["sd2_ms"] == pytest.approx(20.2073, abs=5e-5)


def test_segment_means_and_the_triangle_worked_by_hand() -> None:
    # Five minutes of 1000 ms, five of 900 ms: means 1000 and 900, SD 100/sqrt(2).
    ms = np.array([1000.0] * 299 + [900.0] * 330)
    nn = Intervals(ms=ms, ends=np.concatenate([np.arange(1.0, 300), 300 + 0.9 * np.arange(330)]),
                   follows=np.arange(len(ms)) > 0, replaced=0.0)  # fmt: skip
    said = time_domain(nn)
    assert said["sdann_ms"] == pytest.approx(70.7107, abs=1e-4)
    # Bins of 7.8125 ms: 330 of 629 intervals share the fullest.
    assert said["triangular_index"] == pytest.approx(629 / 330)


def test_the_spectrum_gives_the_power_that_was_put_in() -> None:
    at = beating()
    said = bands(*spectrum(np.diff(at) * 1000, at[1:]))
    assert said["lf_ms2"] == pytest.approx(1250, rel=0.05)
    assert said["hf_ms2"] == pytest.approx(450, rel=0.05)
    assert said["lf_hf"] == pytest.approx(1250 / 450, rel=0.06)
    assert said["lf_nu"] == pytest.approx(100 * 1250 / 1700, rel=0.02)
    assert said["vlf_ms2"] < 10
    # What a straight line between the points would have given: a third of HF is gone.
    grid = np.arange(at[1], at[-1], 0.25)
    straight = np.interp(grid, at[1:], np.diff(at) * 1000)
    assert bands(*spectrum(straight, grid))["hf_ms2"] < 0.75 * 450


def test_the_whole_is_what_its_parts_are() -> None:
    said = hrv(*plain(beating(1500.0)), 1000.0)
    assert tuple(said) == KEYS
    assert all(v.reason is None for v in said.values()), said
    assert said["lf_ms2"].value == pytest.approx(1250, rel=0.05)
    assert said["mean_nn_ms"].count == len(beating(1500.0)) - 1


def test_an_ectopic_beat_takes_both_its_intervals_along() -> None:
    peaks = np.arange(10, dtype=np.int64) * 800
    classes = np.array(list("NNNNVNNNNN"))
    nn = nn_intervals(peaks, classes, np.ones(10, np.bool_), 1000.0)
    assert nn.ends.tolist() == [0.8, 1.6, 2.4, 4.8, 5.6, 6.4, 7.2]
    assert nn.follows.tolist() == [False, True, True, False, True, True, True]
    assert nn.replaced == pytest.approx(2 / 9)
    # No difference reaches across it.
    late = peaks + np.where(np.arange(10) > 4, 200, 0)
    assert time_domain(nn_intervals(late, classes, np.ones(10, np.bool_), 1000.0))["rmssd_ms"] == 0


def test_noise_and_missed_beats_leave_out_intervals() -> None:
    peaks = np.array([0, 800, 1600, 2400, 6000, 6800], np.int64)
    sound = np.array([True, False, True, True, True, True])
    nn = nn_intervals(peaks, np.full(6, "N"), sound, 1000.0)
    assert nn.ends.tolist() == [2.4, 6.8]


@pytest.mark.parametrize(
    ("seconds", "odd", "rhythm", "key", "reason"),
    [
        (20.0, 0, None, "sdnn_ms", "it takes 30"),
        (100.0, 0, None, "lf_ms2", "2 minutes"),
        (300.0, 8, None, "hf_ms2", "25 % of the intervals"),
        (300.0, 0, "AF", "rmssd_ms", "fibrillation"),
        (240.0, 0, None, "sdann_ms", "two segments"),
        (600.0, 0, None, "triangular_index", "10 minutes; it takes 20"),
    ],
)
def test_what_cannot_be_said_says_why(
    seconds: float, odd: int, rhythm: str | None, key: str, reason: str
) -> None:
    samples, classes, sound = plain(beating(seconds))
    if odd:
        classes[::odd] = "V"
    value = hrv(samples, classes, sound, 1000.0, rhythm)[key]
    assert value.value is None
    assert reason in (value.reason or "")


def test_a_long_hole_is_not_bridged_by_a_spline() -> None:
    at = beating(600.0)
    at[len(at) // 2 :] += 600
    said = hrv(*plain(at), 1000.0)
    assert said["lf_ms2"].value == pytest.approx(1250, rel=0.05)
    assert said["hf_ms2"].value == pytest.approx(450, rel=0.06)


def test_a_clock_has_no_spectrum_and_says_so() -> None:
    said = hrv(*plain(np.arange(400) * 0.8), 1000.0)
    assert (said["sdnn_ms"].value, said["rmssd_ms"].value) == (0, 0)
    assert said["lf_hf"].value is None
    assert said["lf_hf"].reason


def test_sample_entropy_by_hand() -> None:
    # 1 2 1 2 1 2 1: patterns of 2 with a value after them: 12 21 12 21 12; alike 3 + 1 = 4 pairs,
    # and each pair stays alike.
    assert sample_entropy(np.array([1.0, 2, 1, 2, 1, 2, 1])) == 0
    assert not np.signbit(sample_entropy(np.array([1.0, 2, 1, 2, 1, 2, 1])))
    # 1 2 1 2 1 2 5: of the last pattern's pairs (12 with 12 twice) none stays alike.
    assert sample_entropy(np.array([1.0, 2, 1, 2, 1, 2, 5]), tolerance=0.1) == pytest.approx(
        -np.log(2 / 4)
    )
    assert np.isnan(sample_entropy(np.arange(10.0), tolerance=0.01))


def test_it_agrees_with_neurokit() -> None:
    nk = pytest.importorskip("neurokit2")
    rng = np.random.default_rng(4)
    wave = np.sin(np.arange(400) / 3)
    ms = 850 + 40 * wave + rng.normal(0, 25, 400)
    samples = np.concatenate(([500], 500 + np.cumsum(np.round(ms)))).astype(np.int64)
    ours = hrv(samples, np.full(401, "N"), np.ones(401, np.bool_), 1000.0)
    theirs = nk.hrv_time(samples, sampling_rate=1000).iloc[0]
    for key, name, scale in (
        ("mean_nn_ms", "HRV_MeanNN", 1), ("sdnn_ms", "HRV_SDNN", 1), ("rmssd_ms", "HRV_RMSSD", 1),
    ):  # fmt: skip
        assert ours[key].value == pytest.approx(theirs[name] * scale, rel=1e-6), key
    # NeuroKit divides by the number of intervals, one more than there are differences.
    assert 100 * (ours["pnn50"].value or 0) == pytest.approx(theirs["HRV_pNN50"], rel=0.005)
    step = np.diff(np.diff(samples))
    assert ours["sd1_ms"].value == pytest.approx(np.sqrt(0.5) * step.std(ddof=1))
    entropy, _ = nk.entropy_sample(np.diff(samples).astype(float), dimension=2, delay=1,
                                   tolerance=0.2 * np.diff(samples).std(ddof=1))  # fmt: skip
    assert ours["sample_entropy"].value == pytest.approx(entropy, rel=1e-6)
    power = nk.hrv_frequency(samples, sampling_rate=1000, psd_method="welch", normalize=False,
                             interpolation_rate=4).iloc[0]  # fmt: skip
    # Its interpolation and Welch window differ; the ratio is the same within a few percent.
    assert ours["lf_nu"].value == pytest.approx(
        100 * power["HRV_LF"] / (power["HRV_LF"] + power["HRV_HF"]), rel=0.08
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(300, 2400), min_size=2, max_size=60), st.integers(0, 2**31))
def test_any_intervals_give_figures_or_reasons(ms: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    peaks = np.cumsum(np.array(ms, np.int64))
    said = hrv(peaks, rng.choice(list("NNNSV"), len(ms)), rng.random(len(ms)) < 0.9, 1000.0)
    for value in said.values():
        assert (value.value is None) == (value.reason is not None)
        assert value.value is None or np.isfinite(value.value)


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(UsageError, match="one of each a beat"):
        nn_intervals(np.arange(3), np.array(["N"]), np.ones(3, np.bool_), 250.0)
