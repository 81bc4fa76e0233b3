"""A case is what the engine fed the model, and its parts are all of it, each once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einthoven.bundle import zoo_names
from einthoven.corpora import demo_record
from einthoven.engine import analyze
from einthoven.explain._case import Case
from einthoven.explain._cases import case_of, cases
from einthoven.explain._model import probabilities
from einthoven.explain._numbers import WAVES, WHOLE, part_of
from einthoven.explain._open import open_model
from einthoven.inputs import side_names
from einthoven.record import DataError, Record, RecordSource, UsageError
from einthoven.record.leads import STANDARD
from einthoven.signal import measurements12, rhythm
from einthoven.signal.simulate import Episode, simulate

ASKED = (
    ("aami-review", "review"), ("aami-live", "live"), ("arrhythminet-v2", "review"),
    ("arrhythminet-v2", "live"),
)  # fmt: skip


@cache
def strip(seconds: float = 45.0) -> Record:
    record = demo_record()
    return replace(record, signal=record.signal[:, : round(seconds * record.rate)])


@cache
def twelve(seconds: float, seed: int = 3) -> Record:
    episodes = (Episode(rhythm="sinus", seconds=seconds),)
    return simulate(rate=250.0, leads=STANDARD, seed=seed, episodes=episodes).record


def said(name: str, case: Case) -> np.ndarray:
    model = open_model(name)
    return probabilities(model, model.logits(case.whole()))[0]


@pytest.mark.parametrize(("name", "profile"), ASKED)
def test_beats_are_those_of_analyze_and_are_judged_alike(name: str, profile: str) -> None:
    found = analyze(strip(), model=name, profile=profile).marks
    every = cases(open_model(name), RecordSource(strip()), profile=profile)
    assert len(every) == len(found)
    p = every.probabilities
    np.testing.assert_allclose(p.max(axis=1), found.probabilities, atol=1e-5)
    classes = np.array(every.model.classes)
    assert (classes[p.argmax(axis=1)] == found.classes).all()
    for number in (0, 7, len(every) - 1):
        case = every[number]
        np.testing.assert_allclose(said(name, case), p[number], atol=1e-5)
        assert case.what.startswith(f"beat {number} at {found.samples[number] / 360:.2f} s")


@pytest.mark.parametrize(
    ("profile", "seconds"), [("review", 12.0), ("review", 55.0), ("review", 80.0), ("live", 40.0)]
)
def test_spans_and_stretches_are_judged_as_in_analyze(profile: str, seconds: float) -> None:
    record = twelve(seconds)
    found = analyze(record, profile=profile)
    assert found.rhythm
    assert found.diagnoses
    every = cases(open_model("rhythm"), RecordSource(record), profile=profile)
    assert len(every) == len(found.rhythm)
    for number, span in enumerate(found.rhythm):
        p = said("rhythm", every[number])
        np.testing.assert_allclose(p, every.probabilities[number], atol=1e-5)
        assert p[every.model.classes.index(span.label)] == pytest.approx(span.probability, abs=1e-5)
    every = cases(open_model("twelve"), RecordSource(record), profile=profile)
    each = np.stack([said("twelve", every[k]) for k in range(len(every))])
    np.testing.assert_allclose(each, every.probabilities, atol=1e-5)
    if len(every) == 1 or seconds % 10 == 0:
        whole = [d.probability for d in found.diagnoses]
        np.testing.assert_allclose(each.mean(axis=0), whole, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in zoo_names() if n not in ("waves", "rpeaks")])
def test_every_sample_and_every_number_belongs_to_one_part(name: str) -> None:
    record = twelve(40.0) if name == "twelve" else strip()
    case = case_of(open_model(name), RecordSource(record), profile="review")
    assert [p.name for p in case.by("waves")][:7] == list(WAVES)
    for parts in case.parts.values():
        assert len({p.name for p in parts}) == len(parts)
        owned = sum(p.numbers.astype(int) for p in parts)
        np.testing.assert_array_equal(owned, np.ones(len(case.names)))
        covered = sum(p.where.astype(int) for p in parts)
        assert covered.max(initial=0) <= 1
        rows = [row for row, lead in enumerate(case.leads) if lead != "known"]
        assert covered[rows].all()
    assert np.isfinite(case.reference).all()
    assert case.reference.shape == (len(case.names),) == case.side.shape[1:]


def test_no_number_of_a_shipped_model_is_left_without_a_wave() -> None:
    for name in ("aami-review", "aami-live"):
        owners = {n: part_of(n, "beat") for n in side_names(open_model(name).spec)}
        assert WHOLE not in owners.values()
        assert (
            owners["pre/mean10"] == owners["early90+1"] == owners["rank_pre"] == "RR"
            if name == "aami-review"
            else owners["pre/mean10"] == "RR"
        )
        assert owners["qrs_lagged/main"] == owners["qrs_width/main"] == "QRS"
        assert owners["p_like_8"] == "P"
        assert owners["t_extent/main"] == "T"
    owners = {n: part_of(n, "rhythm") for n in rhythm.names()}
    assert owners["rr_cv"] == "RR"
    assert owners["p_snr"] == "P"
    assert owners["ripple"] == "TP"
    assert owners["qrs_width"] == "QRS"
    owners = {n: part_of(n, "diagnosis") for n in measurements12.names()}
    assert owners["V2 j60"] == owners["inferior j mean"] == owners["st_up"] == "ST"
    assert owners["V6 t_max"] == owners["qtc"] == "T"
    assert owners["pr"] == "PR"
    assert owners["rate"] == "RR"
    assert owners["V1 r"] == owners["sokolow_lyon"] == "QRS"


def test_waves_stand_where_a_heart_puts_them() -> None:
    case = case_of(open_model("aami-review"), RecordSource(strip()), beat=20)
    r = case.r_peaks[0]
    place = {s.name: s for p in case.by("waves") for s in p.stretches if s.name != "TP"}
    assert place["QRS"].onset < r < place["QRS"].offset
    assert 0.04 < place["QRS"].offset - place["QRS"].onset < 0.2
    assert r - 0.35 < place["P"].onset < place["P"].offset <= place["QRS"].onset + 1e-6
    assert place["QRS"].offset <= place["T"].onset < place["T"].offset < r + 0.6
    assert all(s.lead == case.leads[0] for s in place.values())


def test_a_beat_that_is_not_there_is_refused_with_how_many_there_are() -> None:
    model, source = open_model("arrhythminet-v2"), RecordSource(strip())
    count = len(cases(model, source))
    for number in (-1, count, 10**9):
        with pytest.raises(UsageError, match=f"has {count} beats") as fault:
            case_of(model, source, beat=number)
        assert f"Give 0 to {count - 1}" in str(fault.value)
    with pytest.raises(UsageError, match="classes are N, L, R, A, V"):
        case_of(model, source, target="X")


def test_the_most_telling_beat_is_the_surest_of_its_class() -> None:
    every = cases(open_model("arrhythminet-v2"), RecordSource(strip()))
    p, classes = every.probabilities, every.model.classes
    called, sure = p.argmax(axis=1), np.array([not why for why in every.unsure])
    for k, name in enumerate(classes):
        some = called == k if (called == k).any() else np.ones(len(p), bool)
        some = some & sure if (some & sure).any() else some
        best = every.most_telling(name)
        assert some[best]
        assert p[best, k] == p[some, k].max()
    best = every.most_telling()
    odd = sure & (called != classes.index("N"))
    assert odd[best] or not odd.any()
    assert sure[best]


@pytest.mark.parametrize("name", ["aami-review", "arrhythminet-v2"])
def test_a_record_without_beats_is_refused_in_words(name: str) -> None:
    flat = Record(signal=np.zeros((1, 3600), np.float32), rate=360.0, leads=("II",))
    with pytest.raises(DataError, match="no heartbeat"):
        cases(open_model(name), RecordSource(flat))


@pytest.mark.parametrize("name", ["rhythm", "twelve"])
def test_a_record_that_cannot_be_judged_as_a_whole_is_refused_in_words(name: str) -> None:
    flat = Record(signal=np.zeros((12, 5000), np.float32), rate=250.0, leads=STANDARD)
    short = replace(twelve(40.0), signal=twelve(40.0).signal[:, :500])
    for record in (flat, short):
        with pytest.raises(DataError, match=r"record .*: (is shorter|cannot be diagnosed)"):
            cases(open_model(name), RecordSource(record))
    if name == "twelve":
        with pytest.raises(DataError, match="V1"):
            cases(open_model(name), RecordSource(strip()))


def test_a_lead_the_model_was_not_made_for_is_refused() -> None:
    record = replace(strip(), signal=strip().signal[:1], leads=("aVR",))
    with pytest.raises(DataError, match="aVR"):
        cases(open_model("aami-review"), RecordSource(record))


def test_models_that_judge_nothing_are_not_opened() -> None:
    with pytest.raises(UsageError, match="finds waves"):
        open_model("waves")
    with pytest.raises(DataError, match="neither shipped"):
        open_model("aami-revew")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seconds=st.floats(2, 30), begin=st.floats(0, 10), rows=st.integers(1, 3),
    dead=st.sets(st.integers(1, 2)), gap=st.floats(0, 1), name=st.sampled_from(
        ["aami-review", "arrhythminet-v2", "rhythm"]),
)  # fmt: skip
def test_any_piece_of_any_record_is_explained_or_refused(
    seconds: float, begin: float, rows: int, dead: set[int], gap: float, name: str
) -> None:
    base = demo_record()
    first = round(begin * base.rate)
    lead = base.signal[0, first : first + round(seconds * base.rate)]
    signal = np.stack([lead * (1 - 0.2 * k) for k in range(rows)])
    for row in dead:
        signal[row : row + 1] = 0
    signal[:, round(gap * signal.shape[1]) : round(gap * signal.shape[1]) + 200] = np.nan
    record = Record(signal=signal, rate=base.rate, leads=("II", "V5", "V1")[:rows])
    try:
        every = cases(open_model(name), RecordSource(record))
    except DataError:
        return
    for number in {0, len(every) - 1}:
        case = every[number]
        np.testing.assert_allclose(said(name, case), every.probabilities[number], atol=1e-5)
        nothing = case.masked(case.by("waves"), np.zeros((1, len(case.by("waves"))), bool))
        assert all(np.isfinite(values).all() for values in nothing.values())
        assert {s.lead for p in case.by("waves") for s in p.stretches} <= set(record.leads)


def test_the_cards_know_what_every_number_usually_is() -> None:
    assert set(open_model("rhythm").usual) == set(rhythm.names())
    assert set(open_model("twelve").usual) == set(measurements12.names())
    usual = open_model("twelve").usual
    assert 55 < usual["rate"] < 85
    assert 60 < usual["qrs"] < 110  # by the model's own measure, shorter than by hand
    assert 0.3 < usual["V5 r"] < 2.5


@cache
def noise_between(seconds: float = 30.0) -> Record:
    """Sinus rhythm, half of it drowned in noise."""
    episodes = (Episode(rhythm="sinus", seconds=2 * seconds),)
    record = simulate(rate=250.0, leads=("II",), seed=3, episodes=episodes).record
    signal = record.signal.copy()
    half = signal.shape[1] // 2
    signal[:, half:] = np.random.default_rng(0).normal(0, 0.6, (1, signal.shape[1] - half))
    return replace(record, signal=signal)


@pytest.mark.parametrize("profile", ["review", "live"])
def test_uncertain_are_the_beats_that_analyze_calls_so(profile: str) -> None:
    """An explanation of noise looked like any other (found by a critic)."""
    model = "aami-review" if profile == "review" else "aami-live"
    found = analyze(noise_between(), model=model, profile=profile)
    every = cases(open_model(model), RecordSource(noise_between()), profile=profile)
    np.testing.assert_array_equal([bool(why) for why in every.unsure], found.marks.uncertain)
    assert any("noisy" in why for why in every.unsure)
    at = every.most_telling()
    assert not every.unsure[at], "a beat that can be trusted comes before all others"


def test_uncertain_are_the_spans_that_analyze_calls_so() -> None:
    found = analyze(noise_between())
    assert found.rhythm
    every = cases(open_model("rhythm"), RecordSource(noise_between()))
    for number, span in enumerate(found.rhythm):
        said = every.uncertain(number, span.label)
        if span.label == every.model.classes[int(every.probabilities[number].argmax())]:
            assert bool(said) == span.uncertain


def test_of_noise_alone_everything_is_uncertain() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (1, 15_000)).astype(np.float32)
    record = Record(signal=noise, rate=250.0, leads=("II",))
    assert not analyze(record).usable
    every = cases(open_model("aami-review"), RecordSource(record))
    assert all("cannot be judged" in why for why in every.unsure)


def test_how_early_alike_beats_come_is_told_of_intervals() -> None:
    """They were named after the wave by which beats are alike (found by a critic)."""
    for wave in ("qrs", "p", "both"):
        for number in ("early50", "early90", "pre", "post"):
            assert part_of(f"{wave}_{number}", "beat") == "RR"
        assert part_of(f"{wave}_share", "beat") != "RR"
