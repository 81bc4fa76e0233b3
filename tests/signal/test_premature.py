"""Made premature beats are where they are said to be, and everything else is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.signal.premature import MODES, fusion, premature, regular

RATE = 360.0


def sinus(beats: int = 300, ventricular: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A lead (time,) of P, QRS and T, its R peaks, and their classes, some V."""
    rng = np.random.default_rng(5)
    peaks = 200 + np.cumsum(np.round(300 + 6 * rng.standard_normal(beats))).astype(np.int64)
    labels = np.full(beats, "N", "<U1")
    labels[::ventricular] = "V"
    time = np.arange(peaks[-1] + 300)
    signal = 0.005 * rng.standard_normal(len(time))
    for peak, label in zip(peaks, labels, strict=True):
        near = slice(max(0, peak - 200), peak + 250)
        t = time[near] - peak
        signal[near] += np.exp(-0.5 * (t / (4 if label == "N" else 18)) ** 2)
        signal[near] += 0.25 * np.exp(-0.5 * ((t - 100) / 14) ** 2)
        if label == "N":
            signal[near] += 0.12 * np.exp(-0.5 * ((t + 58) / 7) ** 2)
    return signal.astype(np.float32), peaks, labels


@pytest.mark.parametrize("mode", MODES)
def test_peaks_stand_where_they_are_said_to(mode: str) -> None:
    signal, peaks, labels = sinus()
    made = premature(signal, RATE, peaks, labels, mode=mode, rng=np.random.default_rng(1))
    assert len(made.samples) == len(peaks)
    assert (np.diff(made.samples) > 0).all()
    normal = made.labels != "V"
    for peak in made.samples[normal][1:-1]:
        local = made.signal[peak - 12 : peak + 13]
        assert abs(int(local.argmax()) - 12) <= 3
    assert np.isfinite(made.signal).all()
    assert np.abs(made.signal).max() < 2.5


@pytest.mark.parametrize("mode", ["isolated", "runs", "dominant"])
def test_premature_beats_come_early_and_ventricular_ones_stay(mode: str) -> None:
    # A run stops where a real ectopic beat stands, so runs in the majority need few of those.
    signal, peaks, labels = sinus(ventricular=25 if mode != "dominant" else 290)
    made = premature(signal, RATE, peaks, labels, mode=mode, rng=np.random.default_rng(2))
    early = made.labels == "S"
    assert early.sum() > 3
    np.testing.assert_array_equal(made.labels == "V", labels == "V")
    before = np.diff(made.samples, prepend=made.samples[0] - 300)
    assert before[early].max() < 0.95 * 300
    assert made.made[early].all()
    if mode == "dominant":
        assert early.sum() > (made.labels == "N").sum()
    # The rest keeps its interval, or follows a pause.
    rest = (made.labels == "N") & ~made.made
    np.testing.assert_allclose(before[rest][1:], np.diff(peaks, prepend=0)[rest][1:], atol=1)


def test_fibrillation_is_irregular_without_p_waves_and_stays_normal() -> None:
    signal, peaks, labels = sinus()
    made = premature(signal, RATE, peaks, labels, mode="fibrillation", rng=np.random.default_rng(3))
    np.testing.assert_array_equal(made.labels, labels)
    assert regular(peaks)
    assert not regular(made.samples)


def test_fusion_beats_lie_between_both_shapes() -> None:
    signal, peaks, labels = sinus()
    made = fusion(signal, RATE, peaks, labels, share=0.1, rng=np.random.default_rng(4))
    fused = np.flatnonzero(made.labels == "F")
    assert len(fused) > 5
    np.testing.assert_array_equal(made.samples, peaks)
    width = [int((made.signal[p - 60 : p + 60] > 0.5).sum()) for p in made.samples]
    normal = np.median([width[i] for i in np.flatnonzero(made.labels == "N")])
    ventricular = np.median([width[i] for i in np.flatnonzero(made.labels == "V")])
    assert normal <= np.median([width[i] for i in fused]) < ventricular
    few = labels.copy()
    few[labels == "V"] = "N"
    untouched = fusion(signal, RATE, peaks, few, share=0.5, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(untouched.signal, signal)


def test_two_makings_of_one_seed_agree() -> None:
    signal, peaks, labels = sinus(100)
    one, two = (
        premature(signal, RATE, peaks, labels, mode="runs", rng=np.random.default_rng(9))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.signal, two.signal)
    np.testing.assert_array_equal(one.samples, two.samples)
