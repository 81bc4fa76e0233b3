"""Whole records to windows: leads by name, lengths, and what is refused."""

import numpy as np
import pytest

from einthoven.inputs import cut, record_side_names
from einthoven.record.errors import DataError, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import STANDARD

RATE = 100.0
LIMBS = ((1, 0), (0, 1), (-1, 1), (-0.5, -0.5), (1, -0.5), (-0.5, 1))
BEAT = InputSpec(kind="median-beat", rate=100.0, leads=STANDARD, window=(0, 10),
                 side=("measurements",))  # fmt: skip
STRIP = InputSpec(kind="strip", rate=100.0, leads=STANDARD, window=(0, 10))


def record(seconds=10.0):
    """Return (12, time) mV that obey the laws of the limb leads, and the R peaks."""
    time = np.arange(round(seconds * RATE)) / RATE
    peaks = np.arange(0.51, seconds - 0.1, 0.83)
    bells = [
        sum(
            h * np.exp(-((time - p - at) ** 2) / (2 * w**2))
            for p in peaks
            for at, w, h in ((0, 0.02, 1 + 0.1 * k), (0.28, 0.05, 0.2), (-0.16, 0.02, 0.1 * k))
        )
        for k in range(8)
    ]
    limbs = [a * bells[0] + b * bells[1] for a, b in LIMBS]
    return np.array([*limbs, *bells[2:]], np.float32), np.rint(peaks * RATE).astype(np.int64)


def test_shapes():
    signal, peaks = record()
    whole = cut(signal, RATE, STANDARD, peaks, BEAT)
    assert whole.window.shape == (1, 12, 90)
    assert whole.side.shape == (1, len(record_side_names(BEAT)))
    assert whole.start.tolist() == [0]
    strip = cut(signal, RATE, STANDARD, peaks, STRIP)
    assert strip.window.shape == (1, 12, 1000)
    assert strip.side.shape == (1, 0)


@pytest.mark.parametrize("spec", [BEAT, STRIP])
def test_leads_go_by_name_in_any_order_and_spelling(spec):
    signal, peaks = record()
    order = np.random.default_rng(0).permutation(12)
    names = tuple(STANDARD[k].lower() for k in order)
    one = cut(signal, RATE, STANDARD, peaks, spec)
    two = cut(signal[order], RATE, names, peaks, spec)
    assert np.array_equal(one.window, two.window)


@pytest.mark.parametrize("kept", [("I", "II"), ("II", "III"), ("aVR", "aVF"), ("I", "aVL")])
@pytest.mark.parametrize("how", ["absent", "flat", "missing"])
def test_two_limb_leads_make_the_six(kept, how):
    signal, peaks = record()
    whole = cut(signal, RATE, STANDARD, peaks, STRIP).window
    lost = [k for k in range(6) if STANDARD[k] not in kept]
    names = STANDARD
    if how == "absent":
        stay = [k for k in range(12) if k not in lost]
        signal, names = signal[stay], tuple(STANDARD[k] for k in stay)
    else:
        signal[lost] = 0.0 if how == "flat" else np.nan
    made = cut(signal, RATE, names, peaks, STRIP).window
    assert np.abs(made - whole).max() < 1e-4


def test_a_chest_lead_is_not_made_up():
    signal, peaks = record()
    signal[7] = 0
    with pytest.raises(DataError, match="no usable lead V2"):
        cut(signal, RATE, STANDARD, peaks, BEAT)
    with pytest.raises(DataError, match="V1"):
        cut(signal[:2], RATE, ("I", "II"), peaks, BEAT)


def test_three_seconds_are_refused_with_the_length_needed():
    signal, peaks = record(3)
    for spec in (BEAT, STRIP):
        with pytest.raises(DataError, match=r"3 s long.*at least 5 s"):
            cut(signal, RATE, STANDARD, peaks, spec)


def test_five_minutes_give_windows_that_are_those_of_the_parts():
    signal, peaks = record(47.0)
    whole = cut(signal, RATE, STANDARD, peaks, STRIP)
    assert whole.start.tolist() == [0, 1000, 2000, 3000, 3700]
    part = cut(signal[:, 2000:3000], RATE, STANDARD, peaks - 2000, STRIP)
    assert np.array_equal(whole.window[2], part.window[0])


def test_a_short_strip_ends_in_nothing():
    signal, peaks = record(7.0)
    made = cut(signal, RATE, STANDARD, peaks, STRIP).window
    assert made.shape == (1, 12, 1000)
    assert np.abs(made[..., 700:]).max() == 0


def test_a_window_that_lost_a_lead_is_left_out():
    signal, peaks = record(30.0)
    signal[8, 1000:2000] = np.nan
    assert cut(signal, RATE, STANDARD, peaks, BEAT).start.tolist() == [0, 2000]


def test_without_beats_there_is_no_beat():
    signal, peaks = record()
    with pytest.raises(DataError, match="no two whole heartbeats"):
        cut(signal, RATE, STANDARD, peaks[:1], BEAT)


def test_a_spec_of_beats_is_refused():
    signal, peaks = record()
    with pytest.raises(UsageError, match="not of whole records"):
        cut(signal, RATE, STANDARD, peaks, InputSpec(kind="beat", rate=100.0, waveform=False))
    with pytest.raises(UsageError, match="does not go with"):
        record_side_names(InputSpec(kind="strip", rate=100.0, side=("measurements",)))


def test_zscore():
    signal, peaks = record()
    spec = InputSpec(kind="strip", rate=100.0, leads=STANDARD, window=(0, 10), normalise="zscore")
    made = cut(signal, RATE, STANDARD, peaks, spec).window
    assert made.mean() == pytest.approx(0, abs=1e-4)
    assert made.std() == pytest.approx(1, abs=1e-3)
