"""Measurements: worked by hand, and against simulated hearts that are known to the last wave."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record.errors import UsageError
from einthoven.record.leads import STANDARD
from einthoven.signal._amplitudes import LEAD_KEYS, deflections
from einthoven.signal.axis import axis, disagreement
from einthoven.signal.intervals import KEYS, Measurements, measure, qtc
from einthoven.signal.simulate import Episode, Heart, simulate
from einthoven.signal.waves import Waves

RATE = 500.0
ROWS = (("P", -80, -60, -40), ("QRS", -20, 0, 24), ("T", 80, 130, 170))  # samples from R


@pytest.mark.parametrize(
    ("qt", "rr", "expected"),
    [
        (400, 1.0, (400, 400, 400, 400)),
        (400, 0.75, (461.88, 440.26, 438.50, 435.00)),
        (360, 0.6, (464.76, 426.83, 421.60, 430.00)),
        (440, 1.2, (401.66, 414.06, 409.20, 422.50)),
    ],
)
def test_qtc_worked_by_hand(qt: float, rr: float, expected: tuple[float, ...]) -> None:
    assert tuple(qtc(qt, rr).values()) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("lead_i", "avf", "degrees"),
    [
        (1, 0, 0), (0, 1, 90), (-1, 0, 180), (0, -1, -90),
        # |V| = 1 at 30, 60, 120, 150 degrees and their mirrors: I = cos, aVF = (√3/2) sin.
        (0.8660, 0.4330, 30), (0.5, 0.75, 60), (-0.5, 0.75, 120), (-0.8660, 0.4330, 150),
        (0.8660, -0.4330, -30), (0.5, -0.75, -60), (-0.5, -0.75, -120), (-0.8660, -0.4330, -150),
        (1, 1, 49.107),
    ],
)  # fmt: skip
def test_the_axis_worked_by_hand_in_all_quadrants(
    lead_i: float, avf: float, degrees: float
) -> None:
    assert axis(lead_i, avf) == pytest.approx(degrees, abs=0.01)


def waves_at(peaks: np.ndarray, leads: int = 1, kinds: str = "PQT") -> Waves:
    return Waves.of([
        (lead, kind, r + on, r + peak, r + off, 1.0, 1.0)
        for lead in range(leads) for r in peaks.tolist() for kind, on, peak, off in ROWS
        if kind[0] in kinds
    ])  # fmt: skip


def drawn(
    peaks: np.ndarray, heights: tuple[tuple[float, ...], ...], size: int | None = None
) -> np.ndarray:
    """(lead, time) mV of triangles P, QRS and T of those heights, a lead a row."""
    signal = np.zeros((len(heights), size or int(peaks[-1]) + 400), np.float32)
    for row, tall in zip(signal, heights, strict=True):
        for r in peaks.tolist():
            for (_, on, _, off), mv in zip(ROWS, tall, strict=True):
                size_of = off - on
                row[r + on : r + off + 1] += mv * (
                    1 - np.abs(2 * np.arange(size_of + 1) / size_of - 1)
                )
    return signal


def measured(
    signal: np.ndarray, waves: Waves, peaks: np.ndarray, leads: tuple[str, ...] = ("II",),
    rhythm: str | None = None, classes: np.ndarray | None = None, sound: np.ndarray | None = None,
) -> Measurements:  # fmt: skip
    good = np.ones(len(peaks), np.bool_) if sound is None else sound
    return measure(waves, peaks, good, RATE, lambda a, b: signal[:, a:b], leads, rhythm,
                   classes=classes)  # fmt: skip


PEAKS = np.arange(10) * 400 + 300  # RR 0.8 s


def test_one_lead_worked_by_hand() -> None:
    signal = drawn(PEAKS, ((0.1, 1.0, 0.3),))
    said = measured(signal, waves_at(PEAKS), PEAKS)
    # At 500 Hz a sample is 2 ms: PR (80 - 20) x 2, QRS (20 + 24) x 2, QT (20 + 170) x 2.
    expected = {"heart_rate_bpm": 75.0, "p_ms": 80, "pr_ms": 120, "qrs_ms": 88, "t_ms": 180,
                "qt_ms": 380, "qtc_bazett_ms": 425, "qtc_fridericia_ms": 409,
                "qtc_framingham_ms": 411, "qtc_hodges_ms": 406}  # fmt: skip
    assert said.to_dict() == expected
    assert said.values["pr_ms"].count == 10
    assert said.values["qtc_hodges_ms"].count == 9
    assert said.values["qt_ms"].spread == 0
    assert "I and aVF" in (said.values["axis_qrs_deg"].reason or "")
    lead = said.leads_to_dict()["II"]
    assert lead["p_mv"] == pytest.approx(0.1, abs=0.001)
    assert lead["r_mv"] == pytest.approx(1.0, abs=0.05)
    assert lead["t_mv"] == pytest.approx(0.3, abs=0.01)
    assert lead["st_j60_mv"] == 0
    assert "q_mv" not in lead
    assert said.leads["II"]["q_mv"].reason == "no such wave"
    json.dumps([said.to_dict(), said.leads_to_dict(), said.hrv_to_dict()])


def test_axes_of_triangles_in_two_leads() -> None:
    # P (I 1, aVF .866) 45 degrees; QRS (-.5, .75) 120; T (.866, -.433) -30.
    tall = ((0.2, -0.5, 0.866), (0.1732, 0.75, -0.433))
    said = measured(drawn(PEAKS, tall), waves_at(PEAKS, 2), PEAKS, ("I", "aVF")).to_dict()
    assert (said["axis_p_deg"], said["axis_qrs_deg"], said["axis_t_deg"]) == (45, 120, -30)
    # The same heart through I and II (II = aVF + I/2), and through II and III.
    one, foot = np.array(tall[0]), np.array(tall[1])
    two, three = foot + one / 2, foot - one / 2
    for names, rows in ((("I", "II"), (one, two)), (("II", "III"), (two, three)),
                        (("I", "III"), (one, three))):  # fmt: skip
        signal = drawn(PEAKS, tuple(tuple(r) for r in rows))
        again = measured(signal, waves_at(PEAKS, 2), PEAKS, names).to_dict()
        assert again["axis_qrs_deg"] == 120
        assert again["axis_t_deg"] == -30


def test_limb_leads_that_do_not_add_up_give_no_axis_and_no_amplitudes() -> None:
    one, foot = np.array([0.2, 0.9, 0.3]), np.array([0.1, 0.5, 0.2])
    rows = [one, foot + one / 2, foot - one / 2, -(foot / 2 + one * 0.75), one * 0.75 - foot / 2,
            foot, one]  # fmt: skip
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1")
    signal = drawn(PEAKS, tuple(tuple(r) for r in rows))
    assert disagreement(signal[None].astype(float), names) < 1e-6
    waves = waves_at(PEAKS, 7)
    said = measured(signal, waves, PEAKS, names)
    assert "axis_qrs_deg" in said.to_dict()
    assert said.leads_to_dict()["V1"]["r_mv"] > 0.8
    # Noise of the electrodes obeys the laws; the median of each lead alone would not.
    noise = np.random.default_rng(3).normal(0, 0.08, (3, signal.shape[1]))
    electrodes = np.array([[1, -1, 0], [0, -1, 1], [-1, 0, 1]])  # I, II, III of LA, RA, LL
    noisy = signal[:3] + (electrodes @ noise).astype(np.float32)
    assert "axis_qrs_deg" in measured(noisy, waves_at(PEAKS, 3), PEAKS, names[:3]).to_dict()
    scaled = signal / np.ptp(signal, axis=1, keepdims=True)  # as LUDB's files are
    apart = measured(scaled, waves, PEAKS, names)
    assert "do not add up" in (apart.values["axis_qrs_deg"].reason or "")
    assert apart.leads_to_dict() == {name: {} for name in names}
    assert apart.to_dict()["pr_ms"] == 120
    exchanged = measured(signal, waves, PEAKS, ("I", "III", "II", *names[3:]))
    assert "names are wrong" in (exchanged.values["axis_t_deg"].reason or "")
    flat = signal.copy()
    flat[2] = 0  # a lead that is not connected contradicts nobody
    assert "axis_qrs_deg" in measured(flat, waves, PEAKS, names).to_dict()


def test_a_flat_frontal_plane_has_no_axis() -> None:
    said = measured(drawn(PEAKS, ((0.1, 0.0, 0.3), (0.1, 0.01, 0.3))), waves_at(PEAKS, 2), PEAKS,
                    ("I", "aVF"))  # fmt: skip
    assert said.values["axis_qrs_deg"].value is None
    assert "direction" in (said.values["axis_qrs_deg"].reason or "")
    assert said.values["axis_t_deg"].value is not None


def test_q_s_and_st_are_read_from_the_level_before_the_qrs() -> None:
    signal = drawn(PEAKS, ((0.1, 0.0, 0.3), (0.1, -1.2, 0.3)))
    for r in PEAKS:
        signal[0, r - 16] -= 0.2
        signal[0, r - 3 : r + 2] += 1.5
        signal[0, r + 12] -= 0.7
        signal[0, r + 24 : r + 80] += 0.15
    signal += np.linspace(0, 2, signal.shape[1], dtype=np.float32)  # a drifting electrode
    said = measured(signal, waves_at(PEAKS, 2), PEAKS, ("V2", "V1")).leads_to_dict()
    v2 = said["V2"]
    assert [v2["q_mv"], v2["r_mv"], v2["s_mv"], v2["st_j60_mv"]] == pytest.approx(
        [-0.2, 1.5, -0.7, 0.15], abs=0.05
    )
    assert said["V1"]["q_mv"] == pytest.approx(-1.2, abs=0.06)  # a QS
    assert "r_mv" not in said["V1"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0 -1 9 -3 0", "Q-1 R9 S-3"),
        ("0 1 -8 2 0", "R1 S-8 R'2"),  # V1: a small r first, so the deep wave is no Q
        ("0 -8 0", "Q-8"),  # QS
        ("0 -8 2 0", "Q-8 R2"),
        ("0 -8 3", "Q-8"),  # what still rises at the end is ST
        ("0 5 0", "R5"),
        ("0 2 -3 7 0", "R2 S-3 R'7"),
        ("0 0 0", ""),
    ],
)
def test_deflections_have_their_usual_names(points: str, expected: str) -> None:
    corners = [float(x) / 10 for x in points.split()]
    line = np.interp(np.arange(0, len(corners) - 0.9, 0.1), np.arange(len(corners)), corners)
    at = deflections(line, 500.0)
    names = {"q_mv": "Q", "r_mv": "R", "s_mv": "S", "r2_mv": "R'"}
    assert " ".join(f"{names[k]}{10 * line[v]:.0f}" for k, v in at.items()) == expected


def test_most_beats_need_a_p_wave() -> None:
    half = Waves.joined([waves_at(PEAKS, kinds="QT"), waves_at(PEAKS[:5], kinds="P")])
    said = measured(drawn(PEAKS, ((0.1, 1.0, 0.3),)), half, PEAKS)
    for key in ("pr_ms", "p_ms"):
        assert "5 of 10" in (said.values[key].reason or "")
    assert said.to_dict()["qt_ms"] == 380
    assert any("pr_ms" in why for why in said.reasons())


def test_in_fibrillation_there_is_no_p_and_qtc_takes_ten_beats() -> None:
    rng = np.random.default_rng(2)
    for beats, given_ in ((8, False), (14, True)):
        peaks = 300 + np.cumsum(rng.integers(260, 560, beats))
        peaks[1::2] += 30
        signal = drawn(peaks, ((0.1, 1.0, 0.3), (0.1, 1.0, 0.3)))
        said = measured(signal, waves_at(peaks, 2), peaks, ("I", "aVF"), "AF")
        assert {"pr_ms", "p_ms", "axis_p_deg"}.isdisjoint(said.to_dict())
        assert "fibrillation" in (said.values["pr_ms"].reason or "")
        assert "fibrillation" in (said.values["axis_p_deg"].reason or "")
        assert (said.values["qtc_fridericia_ms"].value is not None) == given_
        assert "p_mv" not in said.leads_to_dict()["I"]
        assert said.hrv["rmssd_ms"].value is None
    assert "irregular" in said.notes[0]


def test_irregular_beats_whose_p_waves_wander_have_no_pr() -> None:
    rng = np.random.default_rng(7)
    peaks = 300 + np.cumsum(rng.integers(260, 560, 20))
    wandering = waves_at(peaks)
    shift = np.where(wandering.kind == "P", rng.integers(-30, 31, len(wandering)), 0)
    moved = Waves(lead=wandering.lead, kind=wandering.kind, onset=wandering.onset + shift,
                  peak=wandering.peak + shift, offset=wandering.offset + shift,
                  onset_p=wandering.onset_p, offset_p=wandering.offset_p)  # fmt: skip
    signal = drawn(peaks, ((0.1, 1.0, 0.3),))
    assert "may be none" in (measured(signal, moved, peaks).values["pr_ms"].reason or "")
    assert measured(signal, wandering, peaks).to_dict()["pr_ms"] == 120
    # Where RR is regular a wandering PR is a finding.
    even = 300 + 400 * np.arange(20)
    regular = Waves(lead=moved.lead, kind=moved.kind, onset=waves_at(even).onset + shift,
                    peak=waves_at(even).peak + shift, offset=waves_at(even).offset + shift,
                    onset_p=moved.onset_p, offset_p=moved.offset_p)  # fmt: skip
    assert "pr_ms" in measured(drawn(even, ((0.1, 1.0, 0.3),)), regular, even).to_dict()


@pytest.mark.parametrize(("rr", "doubtful"), [(760, True), (740, False), (255, False), (245, True)])
def test_a_qtc_at_an_unusual_rate_is_given_with_a_warning(rr: int, doubtful: bool) -> None:
    peaks = 800 + rr * np.arange(10)
    said = measured(drawn(peaks, ((0.1, 1.0, 0.3),)), waves_at(peaks), peaks)
    assert "qtc_bazett_ms" in said.to_dict()
    assert said.qtc_doubtful == doubtful
    warned = [w for w in said.reasons() if w.startswith("intervals: QTc is not")]
    assert bool(warned) == doubtful
    if doubtful:
        assert f"{said.to_dict()['heart_rate_bpm']}" in warned[0]


def test_ectopic_beats_do_not_make_the_beats_between_irregular() -> None:
    classes = np.array(list("NNNNNVNNNNVNNNN"))
    peaks = 300 + 400 * np.arange(15) - 120 * (classes == "V")
    said = measured(drawn(peaks, ((0.1, 1.0, 0.3),)), waves_at(peaks), peaks, classes=classes)
    assert said.notes == ()
    assert said.to_dict()["qtc_fridericia_ms"] == 409
    assert said.values["qtc_fridericia_ms"].count == 10


def test_an_uncertain_beat_bounds_intervals_and_is_not_measured() -> None:
    classes = np.array(list("NN?NNN?NNN"))
    said = measured(drawn(PEAKS, ((0.1, 1.0, 0.3),)), waves_at(PEAKS), PEAKS, classes=classes)
    assert said.values["heart_rate_bpm"].count == 9
    assert said.values["qrs_ms"].count == 8


def test_too_few_beats_give_reasons_only() -> None:
    for count in (0, 1, 2):
        peaks = PEAKS[:count]
        said = measured(np.zeros((1, 2000), np.float32), waves_at(peaks), peaks)
        assert said.to_dict() == {}
        assert said.beats is None
        assert set(said.values) == set(KEYS)
        for value in (*said.values.values(), *said.leads["II"].values()):
            assert value.reason
            assert "3" in value.reason


def test_only_sound_beats_of_the_commonest_class_are_measured() -> None:
    waves = waves_at(PEAKS)
    wide = waves.offset + np.where(waves.kind == "QRS", 40, 0)
    odd = np.isin(np.searchsorted(PEAKS + 175, waves.peak), (2, 5))
    mixed = Waves(lead=waves.lead, kind=waves.kind, onset=waves.onset, peak=waves.peak,
                  offset=np.where(odd, wide, waves.offset), onset_p=waves.onset_p,
                  offset_p=waves.offset_p)  # fmt: skip
    classes = np.array(list("NNVNNVNNNN"))
    signal = drawn(PEAKS, ((0.1, 1.0, 0.3),))
    said = measured(signal, mixed, PEAKS, classes=classes)
    assert said.values["qrs_ms"].count == 8
    assert said.values["qrs_ms"].spread == 0
    # QTc needs a beat of its kind before: not the first, not those after a V.
    assert said.values["qtc_bazett_ms"].count == 5
    sound = np.arange(10) < 2
    assert measured(signal, mixed, PEAKS, sound=sound).to_dict() == {}


def test_a_flat_lead_says_so_and_spoils_nothing() -> None:
    signal = np.concatenate([drawn(PEAKS, ((0.1, 1.0, 0.3),)), np.zeros((1, 4300), np.float32)])
    said = measured(signal, waves_at(PEAKS), PEAKS, ("II", "V1"))
    assert said.to_dict()["pr_ms"] == 120
    assert "flat" in (said.leads["V1"]["r_mv"].reason or "")


def true_waves(heart: Heart, seconds: float = 20.0, rate: float = RATE) -> tuple[
    Measurements, dict[str, float]
]:  # fmt: skip
    episode = Episode(rhythm="sinus", seconds=seconds)
    made = simulate(rate=rate, leads=STANDARD, episodes=[episode], seed=3, heart=heart)
    w = made.waves
    table = Waves.of([
        (lead, str(k), int(a), int(p), int(b), 1.0, 1.0)
        for lead in range(12)
        for k, a, p, b in zip(w.kinds, w.onsets, w.peaks, w.offsets, strict=True)
    ])  # fmt: skip
    notes = made.record.annotations
    assert notes is not None
    peaks = np.asarray(notes.samples)[np.isin(notes.symbols, list("NLR"))]
    signal = made.record.signal
    said = measure(table, peaks, np.ones(len(peaks), np.bool_), rate,
                   lambda a, b: signal[:, a:b], STANDARD)  # fmt: skip
    by = {k: w.kinds == k for k in ("P", "QRS", "T")}
    return said, {
        "qrs_ms": float(np.median(w.offsets[by["QRS"]] - w.onsets[by["QRS"]]) / rate * 1000),
        "pr_ms": heart.pr_interval * 1000,
    }


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
def test_a_simulated_heart_is_measured(rate: float) -> None:
    said, truth = true_waves(Heart(heart_rate=72, pr_interval=0.18), rate=rate)
    values = said.to_dict()
    assert values["heart_rate_bpm"] == pytest.approx(72, rel=0.05)
    assert values["pr_ms"] == pytest.approx(truth["pr_ms"], abs=5)
    assert values["qrs_ms"] == pytest.approx(truth["qrs_ms"], abs=4)
    assert set(values) == set(KEYS)
    leads = said.leads_to_dict()
    assert leads["II"]["r_mv"] == pytest.approx(1.1, abs=0.25)
    assert leads["II"]["p_mv"] == pytest.approx(0.14, abs=0.04)
    assert leads["aVR"]["s_mv"] < -0.5


def test_turning_the_heart_turns_the_axis() -> None:
    angles = []
    for turn in (-60, 0, 60):
        said, _ = true_waves(Heart(axis=turn), seconds=8)
        angles.append(said.to_dict()["axis_qrs_deg"])
    # Dower's leads see feet and left unequally, so a turn by 60 degrees is not seen as just 60.
    assert ((np.diff(angles) > 30) & (np.diff(angles) < 120)).all(), angles


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 12), st.integers(0, 2**31), st.integers(1, 3))
def test_any_table_of_waves_gives_values_or_reasons(beats: int, seed: int, leads: int) -> None:
    rng = np.random.default_rng(seed)
    peaks = np.sort(rng.choice(5000, beats, replace=False)).astype(np.int64)
    rows = [
        (int(rng.integers(leads)), str(rng.choice(["P", "QRS", "T"])), int(p - rng.integers(1, 90)),
         int(p), -1 if rng.random() < 0.3 else int(p + rng.integers(1, 90)), 0.5, 0.5)
        for p in rng.integers(0, 5000, 60)
    ]  # fmt: skip
    signal = rng.normal(0, 1, (leads, 5000)).astype(np.float32)
    signal[:, 1000:1500] = np.nan
    said = measured(signal, Waves.of(rows), peaks, ("I", "aVF", "V1")[:leads],
                    classes=rng.choice(list("NV"), beats),
                    sound=rng.random(beats) < 0.8)  # fmt: skip
    every = [*said.values.values(), *said.hrv.values()]
    every += [v for row in said.leads.values() for v in row.values()]
    assert set(said.leads[said.names[0]]) == set(LEAD_KEYS)
    for value in every:
        assert (value.value is None) == (value.reason is not None)
        assert value.value is None or np.isfinite(value.value)


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(UsageError, match="one of each a beat"):
        measured(np.zeros((1, 99), np.float32), Waves.none(), np.arange(3), sound=np.ones(2, bool))


def test_an_electrode_that_hangs_loose_is_not_0_mv() -> None:
    """Flat leads I and II once gave an axis of 90 degrees (found by a critic)."""
    one, foot = np.array([0.2, 0.9, 0.3]), np.array([0.1, 0.5, 0.2])
    rows = (one, foot + one / 2, foot - one / 2, foot)
    signal = drawn(PEAKS, tuple(tuple(r) for r in rows))
    names, waves = ("I", "II", "III", "aVF"), waves_at(PEAKS, 4)
    whole = measured(signal, waves, PEAKS, names).to_dict()["axis_qrs_deg"]
    loose = signal.copy()
    loose[:2] = 0
    said = measured(loose, waves, PEAKS, names).values["axis_qrs_deg"]
    assert said.value is None
    assert "signal in leads I and aVF" in (said.reason or "")
    loose = signal.copy()
    loose[0] = 0  # II and III are left
    assert measured(loose, waves, PEAKS, names).to_dict()["axis_qrs_deg"] == whole
    loose[1, 500] = np.inf
    assert measured(loose, waves, PEAKS, names).to_dict()["axis_qrs_deg"] == whole
