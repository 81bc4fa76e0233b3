"""Arm electrodes on the wrong arms: found where they are exchanged by calculation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora.ptbxl import Ptbxl
from einthoven.record.leads import STANDARD
from einthoven.signal.leads_swapped import all_inverted, arms_swapped, contradicting, twins
from einthoven.signal.peaks import find_peaks
from einthoven.signal.simulate import Episode, simulate


def _exchanged(signal: np.ndarray) -> np.ndarray:
    """Return what the twelve leads show once left and right arm are exchanged."""
    i, ii, iii, avr, avl = signal[:5]
    return np.stack([-i, iii, ii, avl, avr, *signal[5:]])


@pytest.fixture(scope="module")
def healthy() -> tuple[np.ndarray, np.ndarray]:
    made = simulate(
        rate=500.0, leads=STANDARD, seed=5, episodes=(Episode(rhythm="sinus", seconds=10),)
    ).record
    assert made.annotations is not None
    beats = made.annotations.samples[made.annotations.symbols == "N"]
    return made.signal, beats


def test_exchanged_arms_are_told_from_right_ones(healthy: tuple[np.ndarray, np.ndarray]) -> None:
    signal, beats = healthy
    assert arms_swapped(signal, 500.0, STANDARD, beats) is False
    assert arms_swapped(_exchanged(signal), 500.0, STANDARD, beats) is True
    # By name, whatever the order; and whatever the gain.
    order = list(reversed(range(12)))
    names = [STANDARD[k] for k in order]
    assert arms_swapped(3 * _exchanged(signal)[order], 500.0, names, beats) is True


def test_a_mirrored_heart_is_no_exchange(healthy: tuple[np.ndarray, np.ndarray]) -> None:
    signal, beats = healthy
    mirrored = _exchanged(signal)
    mirrored[6:] = -signal[6:]
    assert arms_swapped(mirrored, 500.0, STANDARD, beats) is False


def test_nothing_is_said_without_the_leads_or_beats(
    healthy: tuple[np.ndarray, np.ndarray],
) -> None:
    signal, beats = healthy
    assert arms_swapped(signal[1:2], 500.0, ("II",), beats) is None
    assert arms_swapped(signal, 500.0, STANDARD, beats[:0]) is None
    assert arms_swapped(signal[:, :300], 500.0, STANDARD, beats[beats < 300]) is None
    lost = signal.copy()
    lost[0] = np.nan
    assert arms_swapped(lost, 500.0, STANDARD, beats) is None
    assert arms_swapped(0 * signal, 500.0, STANDARD, beats) is False


def _real(data_root: Path, folds: int) -> Iterator[tuple[np.ndarray, float, tuple[str, ...]]]:
    """Give 120 recordings of the first folds of PTB-XL: signal, rate and leads."""
    corpus = Ptbxl(data_root)
    here = [r for r in corpus.present if corpus.fold(r) <= folds][:120]
    if not here:
        pytest.skip(f"no ptbxl under {data_root}")
    for record in here:
        source = corpus.open(record)
        yield source.read(0, source.samples), source.rate, source.leads


def test_real_records_exchanged_by_calculation_are_found(data_root: Path) -> None:
    right, wrong = [], []
    for signal, rate, leads in _real(data_root, 8):
        beats = find_peaks(signal, rate, leads).samples
        right.append(arms_swapped(signal, rate, leads, beats))
        wrong.append(arms_swapped(_exchanged(signal), rate, leads, beats))
    # 98.0 % and 0.3 % over folds 1 to 8.
    assert np.mean([w is True for w in wrong]) > 0.94
    assert np.mean([r is True for r in right]) < 0.03


def test_all_leads_upside_down_are_told(healthy: tuple[np.ndarray, np.ndarray]) -> None:
    signal, beats = healthy
    assert all_inverted(signal, 500.0, STANDARD, beats) is False
    assert all_inverted(-signal, 500.0, STANDARD, beats) is True
    assert arms_swapped(-signal, 500.0, STANDARD, beats) is False
    assert all_inverted(_exchanged(signal), 500.0, STANDARD, beats) is False
    assert all_inverted(-signal[:8], 500.0, STANDARD[:8], beats) is None
    dead = -signal
    dead[1] = 0.0
    assert all_inverted(dead, 500.0, STANDARD, beats) is None


def test_no_real_record_is_suspected_and_most_turned_ones_are(data_root: Path) -> None:
    right, wrong = [], []
    for signal, rate, leads in _real(data_root, 7):
        for turned, said in ((signal, right), (-signal, wrong)):
            beats = find_peaks(turned, rate, leads).samples
            said.append(all_inverted(turned, rate, leads, beats))
    assert True not in right
    # 67 % of 450.
    assert np.mean([w is True for w in wrong]) > 0.55


def test_leads_that_are_the_same_sample_for_sample_are_named_and_flat_ones_are_not(
    healthy: tuple[np.ndarray, np.ndarray],
) -> None:
    signal = healthy[0].copy()
    assert twins(signal, STANDARD) == []
    signal[:, 40:90] = np.nan
    signal[[6, 7]] = 0
    signal[10] = signal[9]
    assert twins(signal, STANDARD) == [("V4", "V5")]
    signal[10, 3] += 0.001
    assert twins(signal, STANDARD) == []


def test_limb_leads_under_each_others_names_contradict(
    healthy: tuple[np.ndarray, np.ndarray],
) -> None:
    signal, beats = healthy
    assert not contradicting(signal, 500.0, STANDARD, beats)
    assert not contradicting(_exchanged(signal), 500.0, STANDARD, beats)  # electrodes obey the law
    names = ("I", "III", "II", *STANDARD[3:])
    assert contradicting(signal, 500.0, names, beats)
    assert contradicting(signal / np.ptp(signal, axis=1, keepdims=True), 500.0, STANDARD, beats)
    # Two limb leads cannot, and a lead that was lost for a while, or all the time, does not.
    assert not contradicting(signal[1:], 500.0, ("III", *STANDARD[6:]), beats)
    for lost, until in ((np.nan, 1500), (0.0, 1500), (np.nan, 5000), (0.0, 5000)):
        torn = signal.copy()
        torn[0, :until] = lost
        assert not contradicting(torn, 500.0, STANDARD, beats)
        names = ("I", "aVF", "III", "aVR", "aVL", "II", *STANDARD[6:])
        assert contradicting(torn, 500.0, names, beats)
    assert not contradicting(signal, 500.0, STANDARD, beats[:0])


def test_limb_leads_of_real_records_add_up(data_root: Path) -> None:
    for signal, rate, leads in _real(data_root, 8):
        assert not contradicting(signal, rate, leads, find_peaks(signal, rate, leads).samples)
