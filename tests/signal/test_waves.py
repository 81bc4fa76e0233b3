"""Waves on hand-made probabilities and nets: what is joined, dropped, ordered, cut and when."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einthoven.record import UsageError
from einthoven.signal import _waves_decode as decode
from einthoven.signal._waves_clarity import clarity
from einthoven.signal._waves_front import GRID, despiked, front, level
from einthoven.signal.simulate import Episode, Simulation, simulate
from einthoven.signal.waves import Waves, WaveStream

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NO_PEAKS = np.zeros(0, np.int64)


# --- the front ---------------------------------------------------------------------------------


def test_the_baseline_goes_and_the_beat_stays() -> None:
    t = np.arange(20 * GRID) / GRID
    inner = slice(2 * GRID, -2 * GRID)
    for hertz, least, most in ((0.1, 0.0, 0.03), (0.5, 0.45, 0.55), (1.0, 0.98, 1.02)):
        wave = np.sin(2 * np.pi * hertz * t)[None].astype(np.float32)
        assert least <= np.abs(level(wave)[0, inner]).max() <= most


@pytest.mark.parametrize("rate", [100.0, 257.0, 360.0, 500.0, 1000.0])
def test_size_polarity_and_offset_of_a_lead_do_not_matter(rate: float) -> None:
    signal = _heart(rate, 10).record.signal
    plain = front(signal, rate)
    assert plain.shape == (1, 2500)
    assert np.abs(plain).max() <= 4
    assert np.percentile(np.abs(plain), 98) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(front(-3 * signal + 5, rate), -plain, atol=0.01)


def test_missing_signal_is_zero_and_changes_little_around_it() -> None:
    signal = _heart(500.0, 10).record.signal
    broken = signal.copy()
    broken[0, 2000:2500] = np.nan
    got, plain = front(broken, 500.0), front(signal, 500.0)
    assert (got[0, 1001:1249] == 0).all()
    assert np.isfinite(got).all()
    away = np.r_[0:700, 1550:2500]
    np.testing.assert_allclose(got[0, away], plain[0, away], atol=0.2)
    assert not front(np.full((2, 5000), 3.0, np.float32), 500.0).any(), "a flat lead"
    assert not front(np.full((1, 5000), np.nan, np.float32), 500.0).any()


@pytest.mark.parametrize(("rate", "width"), [(500.0, 1), (1000.0, 2), (2000.0, 4)])
def test_a_spike_of_2_ms_is_taken_out(rate: float, width: int) -> None:
    signal = np.zeros((1, 1000), np.float32)
    signal[0, 500 : 500 + width] = 5
    assert not despiked(signal, rate).any()


# --- the rules ---------------------------------------------------------------------------------


def _stretch(*runs: tuple[int, int, int], time: int = 1000, leads: int = 1,
             sure: float = 0.9) -> decode.Stretch:  # fmt: skip
    """Return probabilities where each run is (kind, start, stop), the same in all leads."""
    p = np.full((leads, 4, time), (1 - sure) / 3, np.float32)
    label = np.zeros(time, np.int64)
    for kind, start, stop in runs:
        label[start:stop] = kind
    p[:, label, np.arange(time)] = sure
    return decode.Stretch(
        p=p, atrial=p[:, 1].mean(axis=0) if leads > 1 else None,
        y=np.zeros((leads, time), np.float32), there=np.ones((leads, time), np.bool_),
    )  # fmt: skip


def _decoded(stretch: decode.Stretch) -> list[tuple[int, int, int]]:
    found = decode.Decoder(len(stretch.y), 200).push(stretch, last=True)
    return [(w.kind, w.start, w.stop) for w in found if w.lead == 0]


BEAT = ((1, 100, 125), (2, 140, 165), (3, 210, 260))


def test_runs_close_by_are_one_and_short_ones_none() -> None:
    broken = ((1, 100, 110), (1, 114, 125), (2, 140, 150), (2, 153, 165), (3, 210, 230),
              (3, 239, 260))  # fmt: skip
    crumbs = ((1, 300, 305), (2, 320, 327), (3, 340, 353))
    assert _decoded(_stretch(*broken, *crumbs)) == list(BEAT)
    apart = _decoded(_stretch(*BEAT, (1, 400, 410), (1, 420, 430), (2, 450, 470)))
    assert apart[3:] == [(1, 400, 410), (1, 420, 430), (2, 450, 470)]


def test_between_two_qrs_stands_the_largest_t_and_no_p_before_it() -> None:
    second = (2, 440, 465)
    got = _decoded(_stretch(*BEAT, (3, 290, 320), (1, 180, 190), (1, 400, 420), second))
    assert got == [*BEAT, (1, 400, 420), second]
    got = _decoded(_stretch(*BEAT, (1, 300, 320), (1, 400, 420), second))
    assert got == [*BEAT, (1, 300, 320), (1, 400, 420), second], "one that was not conducted"


def test_a_p_that_leads_to_no_qrs_is_as_high_as_those_that_do() -> None:
    ps = [(1, 400, 425), (1, 700, 725), (1, 960, 985)]
    stretch = _stretch(*BEAT, *ps, (2, 740, 765))
    for (_, a, b), height in zip((BEAT[0], *ps), (0.1, 0.03, 0.1, 0.09), strict=True):
        stretch.y[0, a:b] = height * np.hanning(b - a)
    assert _decoded(stretch) == [*BEAT, ps[1], (2, 740, 765), ps[2]]
    stretch.y[0, 400:425] *= 3  # blocked, but as high as a P
    assert _decoded(stretch) == [*BEAT, *ps[:2], (2, 740, 765), ps[2]]


def test_a_run_of_more_than_a_second_is_no_wave() -> None:
    assert _decoded(_stretch(*BEAT, (2, 400, 700), (2, 800, 825))) == [*BEAT, (2, 800, 825)]


def test_a_p_wave_needs_the_leads_to_agree() -> None:
    stretch = _stretch(*BEAT, leads=4)
    assert len(_decoded(stretch)) == 3
    assert stretch.atrial is not None
    stretch.atrial[100:125] = 0.4
    assert _decoded(stretch) == list(BEAT[1:])


def test_a_wave_cut_by_the_end_or_by_missing_signal_has_no_boundary_there() -> None:
    stretch = _stretch((3, 0, 30), *BEAT, (1, 400, 430), (2, 980, 1000))
    stretch.there[:, 425:600] = False
    found = decode.Decoder(1, 200).push(stretch, last=True)
    assert [w.cut for w in found] == [
        (True, False), (False, False), (False, False), (False, False), (False, True), (False, True)
    ]  # fmt: skip


def test_confidence_follows_the_probabilities() -> None:
    (sure,) = decode.Decoder(1, 200).push(_stretch(BEAT[1], sure=0.97), last=True)
    (vague,) = decode.Decoder(1, 200).push(_stretch(BEAT[1], sure=0.6), last=True)
    assert 0.9 < sure.confidence[0] <= 1
    assert 0.3 < vague.confidence[0] < 0.6


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**16), leads=st.sampled_from([1, 3]), size=st.sampled_from([50, 250]))
def test_waves_are_decided_once_in_order_and_whole(seed: int, leads: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    time = 4000
    p = np.repeat(rng.dirichlet(np.full(4, 0.3), (leads, time // 10)), 10, axis=1)
    p = np.ascontiguousarray(p.transpose(0, 2, 1), np.float32)
    there = np.ones((leads, time), np.bool_)
    for _ in range(3):
        start = int(rng.integers(time))
        there[rng.integers(leads), start : start + 200] = False
    stretch = decode.Stretch(
        p=p, atrial=p[:, 1].mean(axis=0) if leads > 1 else None,
        y=rng.standard_normal((leads, time)).astype(np.float32), there=there,
    )  # fmt: skip
    decoder = decode.Decoder(leads, 200)
    found: list[decode.Found] = []
    for a in range(0, time, size):
        part = decode.Stretch(
            p=p[:, :, a : a + size], y=stretch.y[:, a : a + size], there=there[:, a : a + size],
            atrial=None if stretch.atrial is None else stretch.atrial[a : a + size],
        )  # fmt: skip
        new = decoder.push(part, last=a + size >= time)
        if a + size < time:
            assert all(w.stop <= a + size - 200 for w in new)
        found += new
    for lead in range(leads):
        mine = [w for w in found if w.lead == lead]
        assert all(first.stop <= second.start for first, second in pairwise(mine))
        assert all(there[lead, w.start : w.stop].mean() > 0.8 for w in mine)
        assert all(w.start <= w.peak <= w.stop - 1 for w in mine)
        kinds = [w.kind for w in mine]
        assert all(k != (3, 3) or _gap_or_qrs(there[lead], first, second)
                   for (first, second), k in zip(pairwise(mine), pairwise(kinds),
                                                 strict=True))  # fmt: skip


def _gap_or_qrs(there: npt.NDArray[np.bool_], first: decode.Found, second: decode.Found) -> bool:
    return not there[first.stop : second.start].all()


def test_the_peak_is_the_extremum_of_either_sign_between_the_samples() -> None:
    t = np.arange(40)
    bump = np.exp(-0.5 * ((t - 17.3) / 5) ** 2).astype(np.float32)
    slope = (0.01 * t).astype(np.float32)
    for sign in (1, -1):
        assert decode.extremum(sign * bump + slope) == pytest.approx(17.3, abs=0.1)


# --- the stream --------------------------------------------------------------------------------


def _heart(rate: float, seconds: float, leads: tuple[str, ...] = ("II",)) -> Simulation:
    return simulate(
        rate=rate, leads=leads, episodes=[Episode(rhythm="sinus", seconds=seconds)], seed=3
    )


def net(window: Floats) -> Floats:
    """Call steep stretches QRS, other high ones T: enough to test all that stands around a net."""
    x = window[:, 0]
    steep = np.abs(np.diff(x, axis=1, prepend=x[:, :1]))
    steep = np.stack([np.convolve(row, np.full(15, 1 / 15), "same") for row in steep])
    z = np.stack([0 * x, 0 * x - 9, 60 * steep - 6, 8 * x - 2 - 99 * (steep > 0.1)], axis=1)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True), np.float32)


def _columns(waves: Waves) -> list[list[object]]:
    return [
        getattr(waves, name).tolist()
        for name in ("lead", "kind", "onset", "peak", "offset", "onset_p", "offset_p")
    ]


def _found(
    signal: Floats, rate: float, peaks: Ints, cuts: list[int], block: float = 10.0
) -> list[list[list[object]]]:
    stream = WaveStream(rate, ("II", "V1", "V5")[: len(signal)], block, net)
    out, until = [], 0
    for a, b in zip([0, *cuts], [*cuts, signal.shape[1]], strict=True):
        known = max(until, (b - round(rate)) // 64 * 64)
        fresh = peaks[(peaks >= until) & (peaks < known)]
        out += stream.push(signal[:, a:b], fresh, known)
        until = known
    return [_columns(w) for w in out + stream.flush(peaks[peaks >= until])]


@pytest.mark.parametrize("block", [0.2, 10.0])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rate=st.sampled_from([100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0]),
    seed=st.integers(0, 2**16), pieces=st.integers(1, 30), gaps=st.integers(0, 3),
)  # fmt: skip
def test_waves_do_not_depend_on_the_chunks(
    block: float, rate: float, seed: int, pieces: int, gaps: int
) -> None:
    made = _heart(rate, 24, ("II", "V5"))
    signal = made.record.signal.copy()
    peaks = made.waves.peaks[made.waves.kinds == "QRS"]
    rng = np.random.default_rng(seed)
    for _ in range(gaps):
        start = int(rng.integers(0, signal.shape[1]))
        signal[rng.integers(0, 2) :, start : start + int(rng.integers(1, 3 * rate))] = np.nan
    cuts = sorted(int(c) for c in rng.integers(0, signal.shape[1], pieces))
    whole = _found(signal, rate, peaks, [], block)
    assert _found(signal, rate, peaks, cuts, block) == whole


@pytest.mark.parametrize("rate", [100.0, 128.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("block", [0.2, 10.0])
def test_every_qrs_is_found_once_at_its_peak(rate: float, block: float) -> None:
    made = _heart(rate, 33)
    true = made.waves.peaks[made.waves.kinds == "QRS"]
    stream = WaveStream(rate, ("II",), block, net)
    found = Waves.joined(
        stream.push(made.record.signal, true, made.record.samples) + stream.flush(NO_PEAKS)
    )
    qrs = found.where(found.kind == "QRS")
    inside = qrs.where((qrs.onset >= 0) & (qrs.offset >= 0))
    assert len(true) - 1 <= len(inside) <= len(true) + 1
    away = np.abs(inside.peak[:, None] - true[None]).min(axis=1)
    assert away.max() <= max(1, 0.008 * rate)
    assert (inside.onset < inside.peak).all()
    assert (inside.peak < inside.offset).all()
    alone = WaveStream(rate, ("II",), block, net)
    untied = Waves.joined(alone.push(made.record.signal, NO_PEAKS, made.record.samples)
                          + alone.flush(NO_PEAKS))  # fmt: skip
    np.testing.assert_array_equal(untied.peak, found.peak)
    mine = found.kind == "QRS"
    np.testing.assert_allclose(untied.onset_p[mine], found.onset_p[mine] / 2, rtol=1e-6)
    np.testing.assert_array_equal(untied.onset_p[~mine], found.onset_p[~mine])


def test_a_flat_or_missing_lead_has_no_waves_and_does_not_hide_those_of_others() -> None:
    made = _heart(500.0, 12, ("II", "V1", "V5"))
    signal = made.record.signal.copy()
    plain = _found(signal[[0]], 500.0, NO_PEAKS, [])
    signal[1], signal[2] = 1.5, np.nan
    got = _found(signal, 500.0, NO_PEAKS, [])
    assert {lead for table in got for lead in table[0]} == {0}
    assert [t[3] for t in got] == [t[3] for t in plain]
    assert _found(np.full((2, 4000), np.nan, np.float32), 500.0, NO_PEAKS, []) == []
    assert _found(np.zeros((2, 0), np.float32), 500.0, NO_PEAKS, []) == []


@pytest.mark.parametrize("block", [0.2, 10.0])
def test_memory_does_not_grow_with_the_length(block: float) -> None:
    made = _heart(250.0, 12, ("II", "V5"))

    def peak(times: int) -> int:
        stream = WaveStream(250.0, made.record.leads, block, net)
        tracemalloc.start()
        for k in range(times):
            stream.push(made.record.signal, NO_PEAKS, k * made.record.samples)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(8) < 1.1 * peak(4)


def test_a_lead_that_hides_its_beats_weighs_less() -> None:
    p = np.concatenate([_stretch(*BEAT, sure=sure).p for sure in (0.9, 0.8, 0.3, 0.9)])
    there = np.ones((4, 1000), np.bool_)
    there[3] = False
    weight = clarity(p, there)
    np.testing.assert_allclose(weight[:2], 1)
    assert weight[2] < 0.1
    np.testing.assert_allclose(clarity(_stretch().p, there[:1]), 1)


def test_a_boundary_that_the_net_hardly_sees_is_not_told() -> None:
    signal = np.random.default_rng(0).standard_normal((1, 2500)).astype(np.float32)

    def vague(window: Floats) -> Floats:
        """See a QRS, and a T that may as well begin earlier but surely ends."""
        p = np.tile(np.array([1, 0, 0, 0], np.float32)[:, None], (len(window), 1, window.shape[2]))
        p[:, :, 440:465] = np.array([0, 0, 1, 0])[:, None]
        p[:, :, 480:520] = np.array([0.55, 0, 0, 0.45])[:, None]
        p[:, :, 520:560] = np.array([0.45, 0, 0, 0.55])[:, None]
        return p

    stream = WaveStream(250.0, ("II",), 10.0, vague)
    found = Waves.joined([*stream.push(signal, NO_PEAKS, 2500), *stream.flush(NO_PEAKS)])
    assert found.kind.tolist() == ["QRS", "T"]
    assert found.onset.tolist() == [440, -1]
    assert found.onset_p[1] == 0
    assert (found.offset >= 0).all()
    assert found.to_dicts(("II",))[1]["onset"] is None


def test_no_lead_or_a_rate_too_low_is_refused() -> None:
    with pytest.raises(UsageError, match="no lead"):
        WaveStream(500.0, (), 10.0, net)
    with pytest.raises(UsageError, match="rate"):
        WaveStream(50.0, ("II",), 10.0, net)


def test_tables_that_follow_each_other_are_sorted_by_lead_then_time() -> None:
    first = Waves.of([(1, "P", 5, 8, 11, 0.5, 0.6), (0, "QRS", -1, 3, 9, 0.0, 1.0)])
    second = Waves.of([(0, "T", 20, 25, -1, 0.7, 0.0)])
    table = Waves.joined([first, second])
    assert table.lead.tolist() == [0, 0, 1]
    assert table.kind.tolist() == ["QRS", "T", "P"]
    assert table.to_dicts(("I", "II"))[1] == {
        "lead": "I", "wave": "T", "onset": 20, "peak": 25, "offset": None,
        "onset_probability": 0.7, "offset_probability": None,
    }  # fmt: skip
    assert len(Waves.joined([])) == 0
