"""The model of twelve leads says when it is not to be trusted: noise, lost leads, odd ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import einthoven
from einthoven.record import Record
from einthoven.record.leads import STANDARD
from einthoven.signal.simulate import Episode, simulate

RATE = 250.0


@pytest.fixture(scope="module")
def healthy() -> Record:
    episode = Episode(rhythm="sinus", seconds=120)
    return simulate(rate=RATE, leads=STANDARD, seed=4, episodes=(episode,)).record


def changed(record: Record, seconds: int, change: Callable[[np.ndarray], None]) -> Record:
    signal = record.signal[:, : round(seconds * RATE)].copy()
    change(signal)
    return replace(record, signal=signal, annotations=None)


def said(record: Record) -> tuple[bool, list[str]]:
    """Return whether all diagnoses are uncertain, and what is warned of them and of leads."""
    found = einthoven.analyze(record)
    assert found.diagnoses
    about = [w for w in found.warnings if w.startswith(("diagnoses:", "leads:"))]
    return all(d.uncertain for d in found.diagnoses), about


def noise(row: slice | int, from_: int = 0) -> Callable[[np.ndarray], None]:
    def change(signal: np.ndarray) -> None:
        part = signal[row, from_:]
        part += np.random.default_rng(0).normal(0, 1.0, part.shape).astype(np.float32)

    return change


def test_a_clean_record_is_answered_without_a_word(healthy: Record) -> None:
    unsure, about = said(changed(healthy, 10, lambda _: None))
    assert about == []
    assert not unsure


@pytest.mark.parametrize(("row", "names"), [(7, "V2 is"), (slice(6, 12), "V1, V2, V3, V4, V5, V6")])
def test_noise_in_chest_leads_makes_diagnoses_uncertain_and_is_named(
    healthy: Record, row: slice | int, names: str
) -> None:
    unsure, about = said(changed(healthy, 10, noise(row)))
    assert unsure
    assert len(about) == 1
    assert about[0].startswith(f"diagnoses: uncertain, since {names}")


def test_noisy_stretches_do_not_count_where_there_are_others(healthy: Record) -> None:
    clean = einthoven.analyze(changed(healthy, 80, lambda _: None)).diagnoses
    found = einthoven.analyze(changed(healthy, 120, noise(7, round(80 * RATE))))
    assert clean is not None
    assert found.diagnoses is not None
    for one, other in zip(clean, found.diagnoses, strict=True):
        assert abs(one.probability - other.probability) < 0.02
    assert (
        "diagnoses: uncertain in 4 of 12 stretches, since V2 is too noisy; the others count alone"
        in found.warnings
    )


def test_stretches_without_a_lead_are_counted_aloud(healthy: Record) -> None:
    def lost(signal: np.ndarray) -> None:
        signal[7, round(50 * RATE) :] = np.nan

    _, about = said(changed(healthy, 120, lost))
    assert any("not told of 7 of 12 stretches" in w and "V2" in w for w in about)


def test_a_lead_that_is_flat_for_nine_seconds_of_ten_is_lost(healthy: Record) -> None:
    def dead(signal: np.ndarray) -> None:
        signal[7, round(RATE) :] = 0

    found = einthoven.analyze(changed(healthy, 10, dead))
    assert found.diagnoses is None
    assert any(w.startswith("diagnoses: not answered") and "V2" in w for w in found.warnings)


def test_exchanged_and_doubled_leads_leave_no_sure_diagnosis(healthy: Record) -> None:
    def arms(signal: np.ndarray) -> None:
        signal[:6] = np.stack([-signal[0], signal[2], signal[1], signal[4], signal[3], signal[5]])

    def twice(signal: np.ndarray) -> None:
        signal[10] = signal[9]

    for change, word in ((arms, "arm electrodes"), (twice, "V4 and V5 are the same")):
        unsure, about = said(changed(healthy, 10, change))
        assert unsure
        assert any(word in w for w in about)
