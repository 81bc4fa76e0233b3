"""Simulated electrocardiograms: what is said of them is true, and others believe them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record import Record, UsageError
from einthoven.record.vocabulary import is_beat
from einthoven.signal.peaks import find_peaks
from einthoven.signal.simulate import QUIET, Episode, Heart, Noise, Simulation, simulate


def _beats(record: Record, symbols: str = "NLRAVF/") -> np.ndarray:
    marks = record.annotations
    assert marks is not None
    return marks.samples[np.isin(marks.symbols, list(symbols))]


def _sinus(seconds: float = 60, **more: object) -> Simulation:
    values: dict[str, object] = {
        "rate": 360.0, "leads": ("II", "V5", "V1"), "seed": 4,
        "episodes": (Episode(rhythm="sinus", seconds=seconds, atrial=0.08, ventricular=0.08),),
    }  # fmt: skip
    return simulate(**(values | more))  # type: ignore[arg-type]


def test_the_same_arguments_give_the_same_bits_and_another_seed_others() -> None:
    one, two, other = _sinus(), _sinus(), _sinus(seed=5)
    assert one.record.signal.tobytes() == two.record.signal.tobytes()
    assert one.record.signal.tobytes() != other.record.signal.tobytes()


def test_amplitudes_are_those_of_people() -> None:
    made = _sinus(disturbances=(), episodes=(Episode(rhythm="sinus", seconds=60),))
    lead, waves = made.clean[0], made.waves
    sizes = {k: np.median(lead[waves.peaks[waves.kinds == k]]) for k in ("P", "QRS", "T")}
    assert 0.08 < sizes["P"] < 0.25
    assert 0.7 < sizes["QRS"] < 1.6
    assert 0.15 < sizes["T"] < 0.5
    # V1 sees the heart from the right: its QRS points down.
    assert made.clean[2, waves.peaks[waves.kinds == "QRS"]].mean() < -0.5


def test_a_beat_is_marked_at_the_peak_of_the_first_lead() -> None:
    made = _sinus(disturbances=())
    half = 9  # 25 ms
    for at in _beats(made.record):
        if half <= at < made.record.samples - half:
            around = np.abs(made.clean[0, at - half : at + half + 1])
            assert abs(int(np.argmax(around)) - half) <= 1


def test_waves_are_in_order_and_their_widths_those_of_people() -> None:
    waves = _sinus(episodes=(Episode(rhythm="sinus", seconds=60),)).waves
    assert np.all(waves.onsets < waves.peaks)
    assert np.all(waves.peaks < waves.offsets)
    assert np.all(np.diff(waves.peaks) > 0)
    assert waves.kinds.tolist()[:3] == ["P", "QRS", "T"]
    width = (waves.offsets - waves.onsets) / 0.360  # ms
    for kind, low, high in (("P", 80, 130), ("QRS", 70, 110), ("T", 120, 260)):
        assert np.all((width[waves.kinds == kind] > low) & (width[waves.kinds == kind] < high))
    t_end, p_start = waves.offsets[waves.kinds == "T"], waves.onsets[waves.kinds == "P"]
    after = np.searchsorted(p_start, waves.peaks[waves.kinds == "T"])
    following = p_start[after[after < len(p_start)]]
    assert np.all(t_end[: len(following)] < following)


def test_the_qt_interval_shortens_with_the_rate() -> None:
    def qt(heart_rate: float) -> float:
        waves = _sinus(episodes=(Episode(rhythm="sinus", seconds=30, heart_rate=heart_rate),)).waves
        on = {
            b: o
            for k, o, b in zip(waves.kinds, waves.onsets, waves.beats, strict=True)
            if k == "QRS"
        }
        gaps = [
            (off - on[b]) / 0.360
            for k, off, b in zip(waves.kinds, waves.offsets, waves.beats, strict=True)
            if k == "T" and b in on
        ]
        return float(np.median(gaps))

    slow, fast = qt(55), qt(110)
    assert 360 < slow < 450
    assert 250 < fast < slow - 60


def test_ventricular_beats_are_early_wide_without_p_and_pay_back() -> None:
    made = _sinus(
        300, episodes=(Episode(rhythm="sinus", seconds=300, ventricular=0.1),),
        heart=Heart(variability=0.002),
    )  # fmt: skip
    marks, waves = made.record.annotations, made.waves
    assert marks is not None
    beats = marks.where(is_beat(marks.symbols))
    ectopic = np.flatnonzero(beats.symbols == "V")[1:-1]
    assert len(ectopic) > 10
    normal = np.flatnonzero((waves.kinds == "QRS") & (beats.symbols[waves.beats] == "N"))
    wide = np.flatnonzero((waves.kinds == "QRS") & (beats.symbols[waves.beats] == "V"))
    width = waves.offsets - waves.onsets
    assert width[wide].min() > 1.3 * width[normal].max()
    assert not np.isin(waves.beats[waves.kinds == "P"], np.flatnonzero(beats.symbols == "V")).any()
    rr = np.diff(beats.samples)
    both = rr[ectopic - 1] + rr[ectopic]
    assert np.all(rr[ectopic - 1] < 0.85 * np.median(rr))
    np.testing.assert_allclose(both, 2 * np.median(rr), rtol=0.05)


def test_fibrillation_has_no_p_waves_and_no_order() -> None:
    made = _sinus(
        episodes=(Episode(rhythm="sinus", seconds=60), Episode(rhythm="afib", seconds=120))
    )
    start = 60 * 360
    assert not (made.waves.peaks[made.waves.kinds == "P"] > start).any()
    beats = _beats(made.record)
    regular, irregular = np.diff(beats[beats < start]), np.diff(beats[beats > start])
    assert np.std(irregular) / np.mean(irregular) > 0.15 > np.std(regular) / np.mean(regular)
    assert abs(np.corrcoef(irregular[1:], irregular[:-1])[0, 1]) < 0.3
    marks = made.record.annotations
    assert marks is not None
    assert [t for t in marks.texts if t] == ["(N", "(AFIB"]
    assert marks.samples[list(marks.texts).index("(AFIB")] == start


def test_bigeminy_alternates_and_a_run_is_all_ventricular() -> None:
    made = _sinus(
        episodes=(Episode(rhythm="bigeminy", seconds=20), Episode(rhythm="vt", seconds=5))
    )
    marks = made.record.annotations
    assert marks is not None
    beats = "".join(marks.symbols[is_beat(marks.symbols)].tolist())
    assert beats.startswith("NVNVNVNV")
    assert beats.endswith("VVVVVVVV")


@pytest.mark.parametrize(
    ("conduction", "symbol"), [("normal", "N"), ("lbbb", "L"), ("rbbb", "R"), ("paced", "/")]
)
def test_own_beats_carry_the_symbol_of_their_conduction(conduction: str, symbol: str) -> None:
    made = _sinus(heart=Heart.drawn(3, conduction), episodes=(Episode(rhythm="sinus", seconds=20),))
    marks = made.record.annotations
    assert marks is not None
    assert set(marks.symbols[is_beat(marks.symbols)].tolist()) == {symbol}
    assert ("(P" in marks.texts) == (conduction == "paced")
    width = (made.waves.offsets - made.waves.onsets)[made.waves.kinds == "QRS"] / 0.360
    assert (width.mean() > 115) == (conduction != "normal")


def test_limb_leads_obey_einthovens_law() -> None:
    made = _sinus(leads=("I", "II", "III", "aVR", "aVL", "aVF"), disturbances=())
    one, two, three, right, left, foot = made.clean.astype(np.float64)
    np.testing.assert_allclose(one + three, two, atol=1e-6)
    np.testing.assert_allclose(right + left + foot, 0, atol=1e-6)


def test_added_noise_is_marked_and_stays_in_its_span() -> None:
    made = _sinus(
        disturbances=(Noise(kind="electrode", mv=0.5, start=20, stop=30),),
    )
    added = made.record.signal - made.clean
    assert not added[:, : 20 * 360].any()
    assert not added[:, 30 * 360 :].any()
    assert 0.2 < float(np.std(added[:, 20 * 360 : 30 * 360])) < 1.5
    marks = made.record.annotations
    assert marks is not None
    noisy = marks.where(marks.symbols == "~")
    assert noisy.samples.tolist() == [20 * 360, 30 * 360]
    assert noisy.subtypes.tolist() == [7, 0]


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("wander", 0.0, 0.6), ("muscle", 19, 125), ("mains", 49, 51)]
)
def test_noise_has_the_spectrum_of_its_kind_and_the_size_asked_for(
    kind: str, low: float, high: float
) -> None:
    made = _sinus(leads=("II",), disturbances=(Noise(kind=kind, mv=0.1),))
    added = (made.record.signal - made.clean)[0].astype(np.float64)
    power = np.abs(np.fft.rfft(added)) ** 2
    hertz = np.fft.rfftfreq(len(added), 1 / 360)
    assert power[(hertz >= low) & (hertz <= high)].sum() > 0.9 * power.sum()
    assert 0.05 < np.std(added) < 0.2


def test_another_detector_finds_its_beats() -> None:
    sleepecg = pytest.importorskip("sleepecg")
    made = _sinus(120, disturbances=QUIET)
    found = np.asarray(sleepecg.detect_heartbeats(made.record.signal[0].astype(float), 360))
    beats = _beats(made.record)
    away = np.abs(found[:, None] - beats).min(axis=0)
    assert (away < 0.15 * 360).mean() > 0.98
    assert len(found) < 1.02 * len(beats) + 1


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([100.0, 125.0, 250.0, 360.0, 500.0, 1000.0]),
    seed=st.integers(0, 2**31),
    rhythm=st.sampled_from(["sinus", "afib", "bigeminy", "trigeminy", "vt"]),
    conduction=st.sampled_from(["normal", "lbbb", "rbbb", "paced"]),
    seconds=st.floats(0.5, 12),
)
def test_whatever_is_asked_for_is_finite_and_within_its_length(
    rate: float, seed: int, rhythm: str, conduction: str, seconds: float
) -> None:
    made = simulate(
        rate=rate, leads=("II", "V1"), seed=seed, heart=Heart.drawn(seed, conduction),
        episodes=(Episode(rhythm=rhythm, seconds=seconds),),
    )  # fmt: skip
    assert made.record.samples == round(seconds * rate)
    assert np.isfinite(made.record.signal).all()
    assert np.abs(made.clean).max() < 6
    marks = made.record.annotations
    assert marks is not None
    assert np.all((marks.samples >= 0) & (marks.samples < made.record.samples))
    assert np.all(np.diff(marks.samples) >= 0)
    assert np.all(np.diff(_beats(made.record)) > 0.25 * rate)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("rate is 50", {"rate": 50.0}),
        ("lead 'IV'", {"leads": ("IV",)}),
        ("no episode", {"episodes": ()}),
        ("no episode or no lead", {"leads": ()}),
    ],
)
def test_what_cannot_be_simulated_is_refused(fault: str, change: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=fault):
        _sinus(**change)


def test_misspelt_parts_name_the_nearest_known_one() -> None:
    with pytest.raises(UsageError, match="Did you mean afib"):
        Episode(rhythm="afb", seconds=1)
    with pytest.raises(UsageError, match="Did you mean muscle"):
        Noise(kind="muscles", mv=1)
    with pytest.raises(UsageError, match="Did you mean lbbb"):
        Heart(conduction="lbb")
    with pytest.raises(UsageError, match="more than 1"):
        Episode(rhythm="sinus", seconds=1, atrial=0.7, ventricular=0.7)
    with pytest.raises(UsageError, match="20 to 220"):
        Heart(heart_rate=5)


def test_our_own_detector_finds_its_beats() -> None:
    made = _sinus(
        120,
        episodes=(
            Episode(rhythm="sinus", seconds=50, atrial=0.08, ventricular=0.08),
            Episode(rhythm="bigeminy", seconds=20),
            Episode(rhythm="afib", seconds=50),
        ),
    )
    record = made.record
    found = find_peaks(record.signal, record.rate, record.leads).samples
    beats = _beats(record)
    away = np.abs(found[:, None] - beats)
    assert (away.min(axis=0) < 0.05 * 360).mean() > 0.98
    assert (away.min(axis=1) < 0.05 * 360).mean() > 0.98
