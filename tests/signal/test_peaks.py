"""R peaks: found in real records, the same however the signal is cut, none without a heart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einthoven.corpora import open_corpus
from einthoven.evaluation.ec57 import compare, gross
from einthoven.formats import read
from einthoven.formats.wfdb import read_annotations
from einthoven.record import UsageError
from einthoven.signal._peaks_join import MEMORY, NAMES, gather
from einthoven.signal._peaks_mark import Candidates, Marker
from einthoven.signal._peaks_net import shipped
from einthoven.signal.peaks import PeakStream, find_peaks
from einthoven.signal.quality import usable
from einthoven.signal.resample import resample


@pytest.fixture(scope="module")
def record_100(mitdb):
    return open_corpus("mitdb").open("100").record()


@pytest.fixture(scope="module")
def minute(record_100):
    return record_100.signal[:, 110_000 : 110_000 + 60 * 360]


def _run(signal, rate, leads, seconds, sizes):
    stream = PeakStream(rate, leads, seconds)
    blocks, at, k = [], 0, 0
    while at < signal.shape[1]:
        blocks += stream.push(signal[:, at : at + sizes[k % len(sizes)]])
        at += sizes[k % len(sizes)]
        k += 1
    blocks += stream.flush()
    return blocks


def _flat(blocks):
    names = ("samples", "probabilities", "quality_starts", "quality_scores", "quality_good")
    return [np.concatenate([getattr(b, n) for b in blocks]) for n in names]


@pytest.mark.parametrize("name", ["100", "119", "208"])
def test_beats_of_real_records_are_found(mitdb, name):
    record = open_corpus("mitdb").open(name).record()
    for leads in (1, 2):
        found = find_peaks(record.signal[:leads], record.rate, record.leads[:leads])
        figures = compare(record.annotations, found.samples, record.rate).figures()
        assert figures["q_se"] > 0.99
        assert figures["q_ppv"] > 0.99


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    rate=st.sampled_from([100.0, 128.0, 250.0, 360.0, 257.3, 500.0]),
    seconds=st.sampled_from([0.1, 1.0, 16.0]),
    leads=st.integers(1, 2),
    gap=st.tuples(st.floats(0, 18), st.floats(0, 6)),
)
def test_peaks_do_not_depend_on_how_the_signal_was_cut(minute, sizes, rate, seconds, leads, gap):
    signal = resample(minute[:leads, : 20 * 360], 360.0, rate)
    a = int(gap[0] * rate)
    signal[:, a : a + int(gap[1] * rate)] = np.nan
    names = ("MLII", "V5")[:leads]
    whole = _flat(_run(signal, rate, names, seconds, [signal.shape[1]]))
    cut = _flat(_run(signal, rate, names, seconds, sizes))
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one, other)


def test_both_profiles_find_the_same_peaks(minute):
    for rate in (360.0, 250.0):
        signal = resample(minute, 360.0, rate)
        quick = _flat(_run(signal, rate, ("MLII", "V5"), 0.1, [signal.shape[1]]))
        slow = _flat(_run(signal, rate, ("MLII", "V5"), 64.0, [signal.shape[1]]))
        np.testing.assert_array_equal(quick[0], slow[0])
        np.testing.assert_allclose(quick[1], slow[1], atol=1e-3)


def test_a_live_peak_is_final_within_two_seconds_even_the_first(minute):
    stream = PeakStream(360.0, ("MLII",), 0.1)
    assert stream.latency < 1.8
    seen: dict[int, int] = {}
    for at in range(0, 20 * 360, 36):
        for block in stream.push(minute[:1, at : at + 36]):
            seen |= dict.fromkeys(block.samples.tolist(), at + 36)
    assert len(seen) > 15
    assert min(seen) < 360
    assert max((now - sample) / 360 for sample, now in seen.items()) < 1.9


@pytest.mark.parametrize("rate", [60.0, 100.0, 128.0, 250.0, 257.3, 500.0, 1000.0, 2000.0])
def test_every_rate_finds_the_same_beats(minute, rate):
    known = find_peaks(minute[:1], 360.0, ("MLII",)).samples / 360
    found = find_peaks(resample(minute[:1], 360.0, rate), rate, ("MLII",)).samples / rate
    assert len(found) == len(known)
    assert np.abs(found - known).max() < 0.04


def test_an_inverted_lead_and_another_scale_change_nothing(minute):
    known = find_peaks(minute[:1], 360.0, ("MLII",)).samples
    for factor in (-1.0, 0.2, 5.0):
        found = find_peaks(minute[:1] * np.float32(factor) + 3, 360.0, ("MLII",)).samples
        assert len(found) == len(known)
        assert np.abs(found - known).max() <= 4


def test_a_dead_lead_does_not_silence_the_other(minute):
    known = find_peaks(minute[:1], 360.0, ("MLII",)).samples
    rng = np.random.default_rng(0)
    for dead in (np.zeros(minute.shape[1]), np.full(minute.shape[1], np.nan),
                 0.01 * rng.standard_normal(minute.shape[1])):  # fmt: skip
        for order in (0, 1):
            signal = np.stack([minute[0], dead.astype(np.float32)][:: 1 - 2 * order])
            names = ("MLII", "V5") if order == 0 else ("V5", "MLII")
            found = find_peaks(signal, 360.0, names).samples
            assert abs(len(found) - len(known)) <= 1


def test_one_missing_sample_costs_nothing_and_a_gap_only_its_own_beats(minute):
    known = find_peaks(minute[:1], 360.0, ("MLII",)).samples
    holed = minute[:1].copy()
    holed[0, 5000] = np.nan
    assert len(find_peaks(holed, 360.0, ("MLII",)).samples) == len(known)
    holed[0, 7200:10800] = np.nan
    found = find_peaks(holed, 360.0, ("MLII",)).samples
    assert not ((found >= 7200) & (found < 10800)).any()
    outside = known[(known < 7150) | (known > 10900)]
    assert np.isin(outside, found).mean() > 0.95


def _no_ecg(kind, rng, n=60 * 360):
    t = np.arange(n) / 360
    spikes = np.zeros(n)
    spikes[rng.integers(0, n, 40)] = 2.0
    return {
        "white": rng.standard_normal(n), "flat": np.zeros(n), "hum": np.sin(2 * np.pi * 50 * t),
        "ramp": t / 10, "square": np.sign(np.sin(2 * np.pi * t)), "spikes": spikes,
        "missing": np.full(n, np.nan), "sine": np.sin(2 * np.pi * 1.3 * t),
        "brown": np.cumsum(rng.standard_normal(n)) / 20,
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["white", "flat", "hum", "ramp", "square", "spikes", "missing", "sine", "brown"]
)
def test_what_is_no_ecg_is_not_usable_and_says_why(kind):
    for seed in range(3):
        signal = _no_ecg(kind, np.random.default_rng(seed))[None].astype(np.float32)
        found = find_peaks(signal, 360.0, ("II",))
        able, reason = _verdict(found, 360.0)
        assert not able
        assert reason


def _verdict(found, rate):
    good = found.quality_good
    inside = [
        int(((found.samples >= a) & (found.samples < b)).sum())
        for a, b in zip(found.quality_starts, found.quality_ends, strict=True)
    ]
    seconds = float((found.quality_ends - found.quality_starts).sum()) / rate
    sound = int(np.sum(inside, where=good, initial=0))
    return usable(seconds, len(good), int(good.sum()), sum(inside), sound)


def test_half_a_good_record_gives_the_beats_of_the_good_half(minute):
    signal = minute[:1].copy()
    signal[:, 30 * 360 :] = np.random.default_rng(1).standard_normal(30 * 360) * 2
    found = find_peaks(signal, 360.0, ("MLII",))
    assert _verdict(found, 360.0) == (True, None)
    assert found.quality_good.tolist() == [True] * 3 + [False] * 3


def test_nothing_gives_empty_arrays():
    for n in (0, 1, 50):
        found = find_peaks(np.zeros((1, n), np.float32), 360.0, ("II",))
        assert len(found.samples) == 0
        assert found.samples.dtype == np.int64


def test_a_rate_too_low_is_refused():
    with pytest.raises(UsageError, match="60 Hz"):
        PeakStream(30.0, ("II",), 1.0)


def test_infinite_samples_count_as_missing(minute):
    signal = minute[:1].copy()
    signal[0, 3000] = np.inf
    assert len(find_peaks(signal, 360.0, ("MLII",)).samples) > 60


def test_ten_second_strips_with_a_cold_start_are_read(record_100):
    results = []
    for k in range(6):
        a = 110_000 + k * 3600
        found = find_peaks(record_100.signal[:1, a : a + 3600], 360.0, ("MLII",))
        marks = record_100.annotations
        inside = marks.where((marks.samples >= a) & (marks.samples < a + 3600))
        moved = type(marks)(samples=inside.samples - a, symbols=inside.symbols)
        results.append(compare(moved, found.samples, 360.0, start=0))
    assert gross(results).figures()["q_f1"] > 0.97


@pytest.fixture(scope="module")
def twelve(data_root):
    folder = data_root / "ludb" / "data"
    if not (folder / "1.dat").is_file():
        pytest.skip(f"no {folder}")
    record = read(folder / "1.hea")
    marks = read_annotations(folder / "1.ii")
    return record, marks.samples[marks.symbols == "N"]


def test_twelve_leads_find_the_beats_of_one_heart(twelve):
    record, known = twelve
    assert len(record.leads) == 12
    found = find_peaks(record.signal, record.rate, record.leads).samples
    inner = found[(found >= known[0] - 50) & (found <= known[-1] + 50)]
    assert len(inner) == len(known)
    assert np.abs(inner - known).max() < 0.05 * record.rate


def test_dead_leads_among_twelve_and_their_order_cost_nothing(twelve):
    record, _ = twelve

    def beats(signal, leads):
        found = find_peaks(signal, record.rate, leads).samples
        return found[found > 0.3 * record.rate]  # the first beat is cut in two by the beginning

    known = beats(record.signal, record.leads)
    for dead in ([0], [1], [3, 7, 11]):
        signal = record.signal.copy()
        signal[dead] = 0
        found = beats(signal, record.leads)
        assert len(found) == len(known)
        assert np.abs(found - known).max() < 0.06 * record.rate
    found = beats(record.signal[::-1], record.leads[::-1])
    assert len(found) == len(known)


@pytest.mark.parametrize("name", ["111", "116"])  # of LUDB's training and validation records
def test_a_beat_that_leads_see_at_different_moments_makes_no_window_bad(data_root, name):
    path = data_root / "ludb" / "data" / f"{name}.hea"
    if not path.is_file():
        pytest.skip(f"no {path}")
    record = read(path)
    found = find_peaks(record.signal, record.rate, record.leads)
    assert found.quality_good.all()
    for row in (1, 7):  # each alone is good, too
        alone = find_peaks(record.signal[row : row + 1], record.rate, record.leads[row : row + 1])
        assert alone.quality_good.all()


def test_before_a_beat_was_seen_no_lead_is_blamed_for_having_missed_one():
    logits = np.full((MEMORY + 1, 2), np.nan, np.float32)
    logits[-1] = -2
    unseen = [NAMES.index("best.unseen"), NAMES.index("rest.unseen")]
    assert (gather(logits)[0, unseen] == 0).all()
    logits[:-1, 0] = 6  # beats that the second lead has missed
    assert gather(logits)[0, NAMES.index("rest.unseen")] == pytest.approx(-2)


def test_a_cold_start_on_twelve_leads_makes_no_beat_of_a_t_wave(data_root):
    path = data_root / "ludb" / "data" / "157.hea"
    if not path.is_file():
        pytest.skip(f"no {path}")
    record = read(path)
    found = find_peaks(record.signal, record.rate, record.leads).samples
    alone = find_peaks(record.signal[1:2], record.rate, record.leads[1:2]).samples
    assert len(found) == len(alone) == 9


def test_blocks_worked_on_together_are_as_if_each_were_alone(minute):
    signal = minute.copy()
    signal[0, 3000:3600] = np.nan
    signal[:, 9000:9020] = np.nan
    signal[1, 12000:14000] = 0.3
    step = round(0.1 * 360)
    together = _flat(_run(signal, 360.0, ("MLII", "V5"), 0.1, [signal.shape[1]]))
    alone = _flat(_run(signal, 360.0, ("MLII", "V5"), 0.1, [step] * (signal.shape[1] // step + 1)))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_most_short_blocks_ask_the_net_nothing(minute):
    asked = []

    class Counting:
        threshold, join = shipped().threshold, shipped().join

        def __call__(self, features):
            asked.append(len(features))
            return shipped()(features)

    stream = PeakStream(360.0, ("MLII", "V5"), 0.1, Counting())
    blocks = [*stream.push(minute), *stream.flush()]
    assert sum(len(b.samples) for b in blocks) > 60
    # Two leads a block would be asked about without a look at what it holds.
    assert len(asked) < 0.5 * 2 * len(blocks)


@pytest.mark.parametrize(("likely", "place"), [(False, 100.0), (True, 91.0)])
def test_the_mark_of_a_beat_is_not_set_on_a_p_wave_that_one_lead_likes(likely, place):
    # Of the speaking lead the P wave is likelier than the QRS; the other lead knows better.
    logits = np.array([[0.7, np.nan], [-0.4, 6.7]], np.float32)
    places = np.array([[91.0, 0.0], [100.0, 99.0]], np.float32)
    found = Candidates(np.array([90, 101]), logits, places)
    near = Marker(360.0, 0).best_near(found, np.array([likely, True]))
    assert near.places[1, 0] == place
    assert near.logits[1, 1] == np.float32(6.7)


def test_several_leads_are_held_to_the_threshold_of_one(minute):
    class Strict:
        threshold, join = 1e3, shipped().join

        def __call__(self, features):
            return shipped()(features)

    for leads in (1, 2):
        assert len(find_peaks(minute[:leads], 360.0, ("MLII", "V5")[:leads]).samples) > 60
        assert not len(find_peaks(minute[:leads], 360.0, ("MLII", "V5")[:leads], Strict()).samples)
