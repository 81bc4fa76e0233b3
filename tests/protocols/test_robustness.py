"""The ladder of severities: what each rung does to a recording, and that chance is its own."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.corpora.nstdb import NOISES, Nstdb
from einthoven.protocols import RECORD_PROTOCOLS, Examples, _alter
from einthoven.protocols.robustness import (
    LADDER,
    TEST_HALF,
    TRAINING_HALF,
    Noises,
    Rung,
    altered,
    noise_halves,
    rungs,
)
from einthoven.record import Annotations, DataError, Record, UsageError
from einthoven.record.leads import LIMBS, STANDARD
from einthoven.signal.noise import noise_level, nst_gain, qrs_amplitude
from einthoven.signal.simulate import Episode, simulate


@pytest.fixture(scope="module")
def record() -> Record:
    """Ten seconds of twelve leads at 100 Hz that obey Einthoven's law to the bit of a float."""
    made = simulate(
        rate=100.0, leads=STANDARD, seed=3, episodes=(Episode(rhythm="sinus", seconds=10.0),)
    ).record
    rows = dict(zip(made.leads, made.signal, strict=True))
    for name, (a, b) in LIMBS.items():
        rows[name] = np.float32(a) * rows["I"] + np.float32(b) * rows["II"]
    return replace(made, name="one", signal=np.stack([rows[n] for n in made.leads]))


@pytest.fixture(scope="module")
def noises() -> Noises:
    rng = np.random.default_rng(0)
    waves = {k: rng.normal(0, 0.2, (2, 36_000)).cumsum(axis=1) % 1.0 for k in NOISES}
    return Noises({k: w.astype(np.float32) for k, w in waves.items()}, 360.0)


def _beats(record: Record) -> Annotations:
    return _alter.beats_of(record)


@pytest.mark.parametrize("rung", rungs("records"), ids=lambda r: r.name)
def test_a_rung_is_the_same_each_time_and_keeps_the_shape(
    rung: Rung, record: Record, noises: Noises
) -> None:
    found = altered(rung, record, noises)
    again = altered(rung, record, noises)
    np.testing.assert_array_equal(found.signal, again.signal)
    np.testing.assert_array_equal(_beats(found).samples, _beats(again).samples)
    assert found.signal.shape == record.signal.shape
    assert found.rate == record.rate
    moved = not np.array_equal(found.signal, record.signal)
    late = not np.array_equal(_beats(found).samples, _beats(record).samples)
    assert (moved, late) == ((False, rung.kind == "jitter") if rung.kind in ("", "jitter")
                             else (True, False))  # fmt: skip


def test_chance_is_of_the_record_the_kind_and_the_seed(record: Record, noises: Noises) -> None:
    rung = Rung(kind="em", severity=6.0)
    here = altered(rung, record, noises).signal
    other = altered(rung, replace(record, name="two"), noises).signal
    seeded = altered(rung, record, noises, seed=1).signal
    assert not np.array_equal(here, other)
    assert not np.array_equal(here, seeded)
    # A rung lower is the same noise, 6 dB stronger.
    lower = altered(Rung(kind="em", severity=0.0), record, noises).signal
    ratio = (lower - record.signal).std() / (here - record.signal).std()
    assert ratio == pytest.approx(10 ** (6 / 20), rel=1e-3)


def test_noise_is_as_strong_as_the_stress_test_says_and_no_lead_has_another_s(
    record: Record, noises: Noises
) -> None:
    added = altered(Rung(kind="ma", severity=0.0), record, noises).signal - record.signal
    marks, wave = _beats(record), noises.at("ma", 100.0)
    for name in ("I", "II", "V1", "V6"):
        k = record.leads.index(name)
        size = qrs_amplitude(record.signal[k], 100.0, marks.samples, marks.symbols)
        column = [n for n in record.leads if n in ("I", "II") or n not in LIMBS].index(name) % 2
        wanted = nst_gain(0.0, size, noise_level(wave[column], 100.0)) * wave[column].std()
        assert added[k].std() == pytest.approx(wanted, rel=0.3)  # ten seconds of a hundred
    alike = np.corrcoef([added[record.leads.index(n)] for n in ("I", "II", "V1", "V2", "V3")])
    assert np.abs(alike - np.eye(5)).max() < 0.9


@pytest.mark.parametrize("kind", [*NOISES, "exchanged", "rate", "smaller"])
def test_the_limb_leads_stay_what_one_and_two_make_of_them(
    kind: str, record: Record, noises: Noises
) -> None:
    for severity in LADDER[kind].severities:
        found = altered(Rung(kind=kind, severity=severity), record, noises)
        one, two = found.lead("I"), found.lead("II")
        for name, (a, b) in LIMBS.items():
            np.testing.assert_allclose(found.lead(name), a * one + b * two, atol=2e-3)


def test_lost_leads_hiss_and_the_fewer_are_among_the_more(record: Record, noises: Noises) -> None:
    gone: list[set[str]] = []
    for count in LADDER["lost"].severities:
        found = altered(Rung(kind="lost", severity=count), record, noises)
        changed = (found.signal != record.signal).any(axis=1)
        assert changed.sum() == count
        assert found.signal[changed].std() == pytest.approx(_alter.HISS, rel=0.1)
        gone.append({n for n, c in zip(record.leads, changed, strict=True) if c})
    assert all(few < more for few, more in pairwise(gone))
    with pytest.raises(UsageError, match="12 of 12"):
        _alter.lost(12, record, np.random.default_rng(0))


def test_arms_exchanged_read_as_the_textbook_says(record: Record) -> None:
    rng = np.random.default_rng(0)
    found = _alter.exchanged("arms", record, rng)
    np.testing.assert_array_equal(found.lead("I"), -record.lead("I"))
    np.testing.assert_array_equal(found.lead("II"), record.lead("III"))
    np.testing.assert_array_equal(found.lead("aVR"), record.lead("aVL"))
    np.testing.assert_array_equal(found.lead("aVF"), record.lead("aVF"))
    for which in _alter.EXCHANGES:  # twice is not at all
        twice = _alter.exchanged(which, _alter.exchanged(which, record, rng), rng)
        np.testing.assert_array_equal(twice.signal, record.signal)
    few = replace(record, signal=record.signal[:2], leads=record.leads[:2])
    with pytest.raises(DataError, match="V1 or V2"):
        _alter.exchanged("V1/V2", few, rng)
    with pytest.raises(UsageError, match="is not known"):
        _alter.exchanged("V1/V3", record, rng)


def test_a_way_through_other_rates_keeps_what_the_lowest_can_hold(record: Record) -> None:
    time = np.arange(2000) / 100
    slow, fast = (np.sin(2 * np.pi * f * time)[None].astype(np.float32) for f in (5, 35))
    rng = np.random.default_rng(0)
    inside = slice(200, -200)
    for wave, left in ((slow, 1.0), (fast, 0.0)):
        given = Record(signal=wave, rate=100.0, leads=("II",))
        found = _alter.through_rates((62.5,), given, rng).signal
        assert found.shape == wave.shape
        share = (found[0, inside] @ wave[0, inside]) / (wave[0, inside] @ wave[0, inside])
        assert share == pytest.approx(left, abs=0.03)


def test_halves_of_the_noise_share_no_sample_and_no_training_names_the_one_that_judges(
    tmp_path: Path,
) -> None:
    corpus = Nstdb(tmp_path)
    root = corpus.miniature(tmp_path, 1)
    first, second = (noise_halves(which, root) for which in (TEST_HALF, TRAINING_HALF))
    for name in NOISES:
        source = corpus.open(name)
        both = np.concatenate([first[name], second[name]], axis=1)
        np.testing.assert_array_equal(both, source.read(0, source.samples))
        assert first[name].shape == second[name].shape
    with pytest.raises(UsageError, match="is no half"):
        noise_halves("third", root)
    named: list[Any] = []
    for path in resources.files("einthoven.recipes").iterdir():
        if path.name.endswith(".toml"):
            recipe = tomllib.loads(path.read_text(encoding="utf-8"))
            named += [
                part["noise"] for part in recipe.values()
                if isinstance(part, dict) and isinstance(part.get("noise"), str)
            ]  # fmt: skip
    assert named
    assert set(named) == {TRAINING_HALF}


def test_beats_have_rungs_of_their_own_and_wrong_names_are_refused(
    record: Record, noises: Noises
) -> None:
    kinds = {rung.kind for rung in rungs("beats")}
    assert "other" in kinds
    assert not {"lost", "exchanged"} & kinds
    assert len({r.name for r in rungs("records")}) == len(rungs("records"))
    with pytest.raises(UsageError, match="is not known"):
        rungs("people")
    with pytest.raises(UsageError, match="is not known"):
        altered(Rung(kind="eem", severity=6.0), record, noises)
    with pytest.raises(DataError, match="is not here"):
        altered(Rung(kind="em", severity=6.0), record, Noises({}, 360.0))


def test_the_protocol_takes_the_sides_of_another_and_says_so() -> None:
    folds = [f for f in range(1, 10) for _ in range(3)]
    n = len(folds)
    data = Examples(
        classes=("MI",), corpus=np.full(n, "ptbxl"), record=np.array([str(i) for i in range(n)]),
        subject=np.array([f"ptbxl:{i}" for i in range(n)]), domain=np.full(n, "x"),
        fold=np.array(folds), label=np.ones((n, 1), np.float32),
    )  # fmt: skip
    (split,) = RECORD_PROTOCOLS["robustness"].split(data)
    (base,) = RECORD_PROTOCOLS["ptbxl-folds"].split(data)
    assert split.protocol == "robustness"
    assert "ptbxl-folds" in split.title
    for side, rows in base.sides.items():
        assert split.sides[side].tolist() == rows.tolist()
    with pytest.raises(UsageError, match="robustness itself"):
        RECORD_PROTOCOLS["robustness"].split(data, base="robustness")
