"""The median beat and whose wave is whose: on beats drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.signal._beat_waves import QRS, P, T, beat_waves, common
from einthoven.signal._value import quantile
from einthoven.signal.median_beat import median_beats
from einthoven.signal.waves import Waves

RATE = 500.0
# Samples from R of a beat at 500 Hz: P -80..-40, QRS -20..24, T 80..170.
P_ROW, QRS_ROW, T_ROW = ("P", -80, -60, -40), ("QRS", -20, 0, 24), ("T", 80, 130, 170)


def waves_at(
    peaks: list[int] | np.ndarray, leads: int = 1,
    rows: tuple[tuple[str, int, int, int], ...] = (P_ROW, QRS_ROW, T_ROW),
) -> Waves:  # fmt: skip
    return Waves.of([
        (lead, kind, r + on, r + peak, r + off, 1.0, 1.0)
        for lead in range(leads) for r in map(int, peaks) for kind, on, peak, off in rows
    ])  # fmt: skip


def test_quantiles_pass_over_nan() -> None:
    nan = np.nan
    x = np.array([[1.0, nan, nan], [3.0, 5.0, nan], [2.0, nan, nan], [nan, 7.0, nan]])
    assert quantile(x, 0.5).tolist()[:2] == [2.0, 6.0]
    assert np.isnan(quantile(x, 0.5)[2])
    assert quantile(x, 0.25).tolist()[:2] == [1.5, 5.5]
    assert np.isnan(quantile(np.zeros((0, 2)), 0.5)).all()


def test_waves_go_to_their_beat() -> None:
    each = beat_waves(waves_at([500, 900]), np.array([502, 900]), RATE, 2)
    assert each[QRS, :, 0].T.tolist() == [[-22, -2, 22], [-20, 0, 24]]
    assert each[P, :, 0, 1].tolist() == [-80, -60, -40]
    assert each[T, :, 0, 1].tolist() == [80, 130, 170]
    assert np.isnan(each[:, :, 1]).all()


def test_in_two_to_one_block_the_p_before_the_qrs_is_its_own() -> None:
    dropped = ("P", -380, -360, -340)
    waves = waves_at([1000, 1600, 2200], rows=(P_ROW, QRS_ROW, T_ROW, dropped))
    each = beat_waves(waves, np.array([1000, 1600, 2200]), RATE, 1)
    assert each[P, 0, 0].tolist() == [-80] * 3


def test_a_beat_without_p_does_not_take_its_neighbours() -> None:
    first, second = waves_at([500]), waves_at([700], rows=(QRS_ROW,))
    each = beat_waves(Waves.joined([first, second]), np.array([500, 700]), RATE, 1)
    assert np.isnan(each[P, :, 0, 1]).all()
    assert np.isnan(each[T, :, 0, 1]).all()
    assert each[T, 0, 0, 0] == 80


def test_an_end_that_cannot_be_told_is_no_number() -> None:
    waves = Waves.of([(0, "T", -1, 630, 670, 0.0, 1.0), (0, "QRS", 480, 500, 524, 1.0, 1.0)])
    each = beat_waves(waves, np.array([500]), RATE, 1)
    assert np.isnan(each[T, 0, 0, 0])
    assert each[T, 1:, 0, 0].tolist() == [130, 170]


def test_common_boundaries_are_quartiles_of_the_leads_that_live() -> None:
    rows = [(k, "QRS", 480 - k, 500, 520 + 2 * k, 1.0, 1.0) for k in range(5)]
    rows += [(0, "P", 420, 440, 460, 1.0, 1.0)]
    each = beat_waves(Waves.of(rows), np.array([500]), RATE, 12)
    together = common(each)[:, :, 0]
    assert together[QRS].tolist() == [-23, 26]  # of -20..-24 and 20, 22 .. 28
    # One lead of five shows a P: less than a quarter; five of five leads live, seven are flat.
    assert np.isnan(together[P]).all()


def drawn(peaks: np.ndarray, leads: int = 1, size: int = 5000) -> np.ndarray:
    signal = np.zeros((leads, size), np.float32)
    for r in peaks:
        signal[:, r - 10 : r + 11] += 1 - np.abs(np.arange(-10, 11)) / 10
        signal[:, r + 80 : r + 171] += 0.2
    return signal


def test_the_median_beat_leaves_noise_wander_and_odd_beats_out() -> None:
    rng = np.random.default_rng(1)
    peaks = np.arange(400, 9600, 400)
    clean = drawn(peaks, 2, 10000)
    noisy = clean + rng.normal(0, 0.05, clean.shape) + np.linspace(0, 3, 10000)
    noisy[:, 4000 - 20 : 4000 + 20] -= 2  # one odd beat
    waves = waves_at(peaks, 2)
    each = beat_waves(waves, peaks, RATE, 2)
    beats = median_beats(lambda a, b: noisy[:, a:b], peaks, each, common(each), RATE)
    assert beats is not None
    assert beats.marks[T, :, 1].tolist() == [80, 130, 170]
    assert beats.common[P].tolist() == [-80, -40]
    assert beats.signal[0, beats.at] == pytest.approx(1.0, abs=0.05)
    assert beats.signal[1, beats.at + 130] == pytest.approx(0.2, abs=0.07)  # the wander's slope
    assert np.abs(beats.signal[:, beats.at - 70 : beats.at - 30]).max() < 0.08


def test_missing_signal_and_the_edges_of_a_recording_are_borne() -> None:
    peaks = np.array([30, 430, 830, 1230])
    signal = drawn(peaks, 2, 1250)
    signal[1] = np.nan
    signal[0, 850:870] = np.nan
    each = beat_waves(waves_at(peaks, 2), peaks, RATE, 2)
    beats = median_beats(lambda a, b: signal[:, a:b], peaks, each, common(each), RATE)
    assert beats is not None
    assert np.isfinite(beats.signal[0]).all()
    assert np.isnan(beats.signal[1]).all()
    assert beats.signal[0, beats.at] == pytest.approx(1.0)
    assert median_beats(lambda a, b: signal[:, a:b], peaks[:2], each[..., :2],
                        common(each)[..., :2], RATE) is None  # fmt: skip


def test_few_beats_of_a_long_recording_are_read() -> None:
    peaks = np.arange(400, 400_000, 400)
    each = beat_waves(waves_at(peaks[:2]), peaks, RATE, 1)
    reads: list[int] = []

    def read(a: int, b: int) -> np.ndarray:
        reads.append(b - a)
        return np.zeros((1, b - a), np.float32)

    assert median_beats(read, peaks, each, common(each), RATE) is not None
    assert len(reads) <= 120
    assert max(reads) <= 1.4 * RATE + 1
