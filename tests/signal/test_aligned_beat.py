"""The aligned median beat, and what is measured in it."""

import numpy as np
import pytest

from einthoven.record.leads import STANDARD
from einthoven.signal.aligned_beat import AFTER, BEFORE, RATE, aligned_beat, band_limited
from einthoven.signal.measurements12 import measure, names

LIMBS = {"I": (1, 0), "II": (0, 1), "III": (-1, 1), "aVR": (-0.5, -0.5), "aVL": (1, -0.5),
         "aVF": (-0.5, 1)}  # fmt: skip


def heartbeat(time, qrs=0.02, high=1.0):
    """P, Q, R, S and T as bells (seconds from R)."""
    waves = ((-0.17, 0.02, 0.1), (-2 * qrs, qrs / 2, -0.1), (0, qrs, 1.0),
             (2.2 * qrs, qrs / 2, -0.2), (0.28, 0.04, 0.25))  # fmt: skip
    return high * sum(h * np.exp(-((time - at) ** 2) / (2 * w**2)) for at, w, h in waves)


def strip(rate=100.0, seconds=10.0, peaks=None, noise=0.0, seed=0, qrs=0.02):
    """Twelve leads of a regular rhythm: (lead, time) mV and the R peaks in seconds."""
    time = np.arange(round(seconds * rate)) / rate
    peaks = np.arange(0.513, seconds - 0.2, 0.837) if peaks is None else peaks
    one = sum(heartbeat(time - p, qrs) for p in peaks)
    two = sum(heartbeat(time - p - 0.01, qrs, 0.7) for p in peaks)
    chest = [sum(heartbeat(time - p - 0.002 * k, qrs, -0.8 + 0.4 * k) for p in peaks)
             for k in range(6)]  # fmt: skip
    limbs = [a * one + b * two for a, b in LIMBS.values()]
    signal = np.array([*limbs, *chest])
    signal += noise * np.random.default_rng(seed).standard_normal(signal.shape)
    return signal.astype(np.float32), peaks


def test_band_limited_keeps_what_is_in_the_band_and_its_moment():
    time = np.arange(1000) / 100
    inside = np.sin(2 * np.pi * 7 * time)
    made = band_limited((inside + 3.0)[None].astype(np.float32), 100.0, 400)
    exact = np.sin(2 * np.pi * 7 * np.arange(4000) / 400)
    assert made.shape == (1, 4000)
    assert np.abs(made[0, 400:3600] - exact[400:3600]).max() < 0.02


@pytest.mark.parametrize("rate", [100.0, 250.0, 257.0, 360.0, 500.0, 1000.0])
def test_the_beat_hardly_depends_on_the_rate(rate):
    found = []
    for each in (rate, 500.0):
        signal, peaks = strip(each)
        found.append(aligned_beat(band_limited(signal, each, RATE), peaks).signal)
    assert np.abs(found[0] - found[1]).max() < 0.03


def test_marks_of_r_that_are_off_by_two_hundredths_do_no_harm():
    signal, peaks = strip()
    wide = band_limited(signal, 100.0, RATE)
    off = peaks + np.random.default_rng(1).uniform(-0.02, 0.02, len(peaks))
    straight, mended = aligned_beat(wide, peaks), aligned_beat(wide, off)
    shape = [b.signal / np.abs(b.signal).max() for b in (straight, mended)]
    best = min(
        np.abs(shape[0][:, 20:-20] - np.roll(shape[1], k, axis=1)[:, 20:-20]).max()
        for k in range(-10, 11)
    )
    assert best < 0.05


def test_an_odd_beat_is_left_out():
    signal, peaks = strip()
    k = 4
    first, last = round((peaks[k] - 0.3) * 100), round((peaks[k] + 0.4) * 100)
    signal[:, first:last] *= -1.5
    found = aligned_beat(band_limited(signal, 100.0, RATE), peaks)
    assert not found.kept[np.abs(found.at / RATE - peaks[k]).argmin()]
    assert found.kept.sum() == len(found.kept) - 1


def test_no_whole_beat_gives_none():
    signal, _ = strip()
    wide = band_limited(signal, 100.0, RATE)
    assert aligned_beat(wide, np.array([0.1, 9.9])) is None
    assert aligned_beat(wide, np.zeros(0)) is None


def test_measurements_have_names_and_are_numbers():
    signal, peaks = strip(noise=0.02)
    values = measure(aligned_beat(band_limited(signal, 100.0, RATE), peaks), np.diff(peaks))
    assert values.shape == (len(names()),)
    assert len(set(names())) == len(names())
    assert np.isfinite(values).all()
    assert names()[0] == f"{STANDARD[0]} r"
    by = dict(zip(names(), values.tolist(), strict=True))
    assert by["rate"] == pytest.approx(60 / 0.837, rel=0.01)
    assert by["I r"] == pytest.approx(1.0, abs=0.15)
    assert max(by["V1 q"], by["V1 s"]) > 0.5 > by["V1 r"]
    assert by["odd_beats"] == 0
    # Of I 1.0 and aVF 0.7 - 0.5: the axis lies a little below the horizontal.
    assert 0 < by["qrs_axis"] < 40


def test_a_wider_qrs_is_measured_wider():
    widths = []
    for qrs in (0.015, 0.03):
        signal, peaks = strip(qrs=qrs)
        beat = aligned_beat(band_limited(signal, 100.0, RATE), peaks)
        widths.append(measure(beat, np.diff(peaks))[names().index("qrs")])
    assert widths[1] > 1.4 * widths[0]


def test_silence_is_measured_without_a_fault():
    beat = aligned_beat(np.zeros((12, 10 * RATE), np.float32), np.arange(0.6, 9, 0.8))
    assert np.isfinite(measure(beat, np.zeros(0))).all()
    assert beat.signal.shape == (12, BEFORE + AFTER)
