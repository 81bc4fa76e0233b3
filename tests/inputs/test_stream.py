"""What a network eats of a beat never depends on how the recording was cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.inputs import Inputs, InputStream, Neighbours, side_names
from einthoven.record import DataError, InputSpec, UsageError

REVIEW = InputSpec(
    kind="beat", rate=180.0, side=("rr", "template"), window=(0.2, 0.3),
    hop=15.0, back=20.0, ahead=12.0,
)  # fmt: skip
LIVE = InputSpec(
    kind="beat", rate=180.0, side=("rr", "rr4", "template"), waveform=False,
    hop=5.0, back=20.0, ahead=1.4,
)  # fmt: skip
PLAIN = InputSpec(kind="beat", rate=360.0, window=(0.3, 0.5), normalise="zscore")
SEQUENCE = replace(REVIEW, waveform=False, window=(0.0, 0.0), neighbours=(4, 2))
SPECS = {"review": REVIEW, "live": LIVE, "plain": PLAIN}


def heart(seconds: float, rate: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A lead (1, time) with R peaks on noise and wander, some beats early; and the peaks."""
    rng = np.random.default_rng(seed)
    rr = 0.8 + 0.03 * rng.standard_normal(int(seconds))
    rr[rng.random(len(rr)) < 0.1] *= 0.6
    peaks = np.cumsum(rr)
    peaks = peaks[peaks < seconds - 0.01]
    time = np.arange(int(seconds * rate)) / rate
    signal = 0.02 * rng.standard_normal(len(time)) + 0.3 * np.sin(2 * np.pi * 0.2 * time)
    for peak in peaks:
        for delay, height, width in ((-0.17, 0.12, 0.02), (0.0, 1.1, 0.012), (0.3, 0.25, 0.04)):
            signal += height * np.exp(-0.5 * ((time - peak - delay) / width) ** 2)
    return signal[None].astype(np.float32), np.round(peaks * rate).astype(np.int64)


def feed(
    spec: InputSpec, rate: float, signal: np.ndarray, peaks: np.ndarray, sizes: list[int],
    late: int = 0, leads: tuple[str, ...] = ("II",),
) -> Inputs:  # fmt: skip
    """Push pieces of `sizes` in turn; peaks become final `late` samples after they arrived."""
    stream = InputStream(spec, rate, leads)
    given: list[Inputs] = []
    at, told, turn = 0, 0, 0
    while at < signal.shape[1]:
        stop = min(at + sizes[turn % len(sizes)], signal.shape[1])
        until = max(0, stop - late) if stop < signal.shape[1] else stop
        new = peaks[(peaks >= told) & (peaks < until)]
        given += stream.push(signal[:, at:stop], new, until)
        at, told, turn = stop, max(told, until), turn + 1
    given += stream.flush()
    empty = np.zeros(0, np.int64)
    return Inputs(
        samples=np.concatenate([empty, *(g.samples for g in given)]),
        window=np.concatenate([g.window for g in given]) if given else np.zeros((0, 1, 0)),
        side=np.concatenate([g.side for g in given]) if given else np.zeros((0, 0)),
    )


@pytest.mark.parametrize("profile", sorted(SPECS))
@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from([100.0, 128.0, 250.0, 257.3, 360.0, 1000.0]),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5).filter(lambda x: sum(x) > 300),
    late=st.integers(0, 1000),
    gap=st.tuples(st.integers(0, 60), st.integers(0, 20)),
)
def test_answers_do_not_depend_on_chunks(
    profile: str, rate: float, sizes: list[int], late: int, gap: tuple[int, int]
) -> None:
    signal, peaks = heart(64.3, rate)
    signal[:, int(gap[0] * rate) : int((gap[0] + gap[1]) * rate)] = np.nan
    whole = feed(SPECS[profile], rate, signal, peaks, [signal.shape[1]])
    parts = feed(SPECS[profile], rate, signal, peaks, sizes, late)
    np.testing.assert_array_equal(whole.samples, peaks)
    np.testing.assert_array_equal(whole.samples, parts.samples)
    np.testing.assert_array_equal(whole.window, parts.window)
    np.testing.assert_array_equal(whole.side, parts.side)
    assert np.isfinite(whole.side).all()
    assert np.isfinite(whole.window).all()


@pytest.mark.parametrize("profile", sorted(SPECS))
@pytest.mark.parametrize("beats", [0, 1, 2, 3])
def test_a_recording_with_few_beats_is_described(profile: str, beats: int) -> None:
    spec = SPECS[profile]
    signal, peaks = heart(9.0, 360.0)
    given = feed(spec, 360.0, signal, peaks[:beats], [500])
    assert len(given.samples) == beats
    if beats:
        assert given.side.shape == (beats, len(side_names(spec)))
        assert np.isfinite(given.side).all()


def test_an_empty_recording_and_one_without_any_sample_that_counts() -> None:
    for signal in (np.zeros((1, 0), np.float32), np.full((1, 4000), np.nan, np.float32)):
        peaks = np.arange(0, signal.shape[1], 300)
        for spec in SPECS.values():
            given = feed(spec, 360.0, signal, peaks, [700])
            np.testing.assert_array_equal(given.samples, peaks)
            assert np.isfinite(given.side).all()


def test_live_uses_nothing_from_more_than_1_4_seconds_after_the_beat() -> None:
    rate = 360.0
    signal, peaks = heart(60.0, rate)
    whole = feed(LIVE, rate, signal, peaks, [signal.shape[1]])
    for beat in (0, 5, 30, 50):
        limit = int(peaks[beat] + 1.4 * rate)
        other, later = heart(60.0, rate, seed=9)
        changed = np.concatenate([signal[:, : limit + 1], 5 * other[:, limit + 1 :]], axis=1)
        mixed = np.concatenate([peaks[peaks < limit], later[later > limit + 1]])
        answer = feed(LIVE, rate, changed, mixed, [333])
        np.testing.assert_allclose(answer.side[beat], whole.side[beat], atol=1e-4)


def test_live_answers_within_3_seconds_of_the_beat() -> None:
    rate = 250.0
    signal, peaks = heart(40.0, rate)
    stream = InputStream(LIVE, rate, ("II",))
    step, late = 25, 250  # peaks final after one second
    for stop in range(step, signal.shape[1], step):
        until = max(0, stop - late)
        new = peaks[(peaks >= until - step) & (peaks < until)] if until else peaks[:0]
        for answer in stream.push(signal[:, stop - step : stop], new, until):
            assert (stop - answer.samples[0]) / rate <= 3.0


def test_memory_does_not_grow_with_the_recording() -> None:
    rate = 128.0
    signal, peaks = heart(60.0, rate)
    for spec in SPECS.values():
        stream, sizes = InputStream(spec, rate, ("II",)), []
        for turn in range(8):
            start = turn * signal.shape[1]
            stream.push(signal, peaks + start, start + signal.shape[1])
            sizes.append(sum(len(v) for v in vars(stream).values() if isinstance(v, np.ndarray)))
        assert max(sizes[3:]) <= 1.2 * sizes[2] + 200


def test_no_number_tells_the_size_of_a_beat() -> None:
    signal, peaks = heart(60.0, 360.0)
    for spec in (REVIEW, LIVE):
        small = feed(spec, 360.0, signal, peaks, [4000])
        large = feed(spec, 360.0, -2.5 * signal, peaks, [4000])
        # The floors that keep noise from becoming a shape are in mV, hence not exactly equal.
        near = np.abs(small.side - large.side) < 0.12
        assert near.mean() > 0.97


def test_windows_hold_the_beat_at_its_place() -> None:
    for rate in (100.0, 257.3, 360.0, 1000.0):
        signal, peaks = heart(30.0, rate)
        given = feed(PLAIN, rate, signal, peaks, [777])
        inner = given.window[1:-1, 0]
        # An early beat may stand in the window of the one before it, so only 0.1 s are searched.
        place = inner[:, 72:144].argmax(axis=1) - 36
        assert np.abs(place).max() <= np.ceil(0.5 * 360 / rate) + 1
        np.testing.assert_allclose(inner.mean(axis=1), 0, atol=1e-3)
        np.testing.assert_allclose(inner.std(axis=1), 1, atol=1e-2)


def test_mains_and_wander_are_gone_and_the_qrs_is_not() -> None:
    rate = 360.0
    signal, peaks = heart(30.0, rate)
    time = np.arange(signal.shape[1]) / rate
    dirty = signal + 0.5 * np.sin(2 * np.pi * 60 * time)[None] + 2 * np.sin(2 * np.pi * 0.05 * time)
    spec = InputSpec(kind="beat", rate=360.0, window=(0.1, 0.1))
    clean, filtered = (
        feed(spec, rate, s.astype(np.float32), peaks, [999]).window[2:-2] for s in (signal, dirty)
    )
    assert np.abs(clean - filtered).max() < 0.06
    assert np.ptp(filtered, axis=2).min() > 0.7


def test_what_cannot_be_fed_is_refused() -> None:
    with pytest.raises(UsageError, match="kind"):
        InputStream(InputSpec(kind="candidates", rate=100.0), 360.0, ("II",))
    with pytest.raises(UsageError, match="Did you mean template"):
        side_names(InputSpec(kind="beat", rate=180.0, waveform=False, side=("templates",), hop=1.0))
    with pytest.raises(UsageError, match="hop"):
        InputStream(
            InputSpec(kind="beat", rate=180.0, waveform=False, side=("rr",)), 360.0, ("II",)
        )
    with pytest.raises(UsageError, match=r"input\.back"):
        InputStream(
            InputSpec(kind="beat", rate=180.0, waveform=False, side=("rr",), hop=1.0),
            360.0,
            ("II",),
        )
    with pytest.raises(DataError, match=r"has no lead but II, and the model eats V1"):
        InputStream(
            InputSpec(kind="beat", rate=180.0, waveform=False, leads=("V1",)), 360.0, ("II",)
        )
    two = replace(PLAIN, leads=("one", "other"))
    with pytest.raises(DataError, match=r"^a\.csv: has no lead but II, .* a second lead, too"):
        InputStream(two, 360.0, ("II",), where="a.csv")
    with pytest.raises(DataError, match="has no lead, and"):
        InputStream(two, 360.0, ())
    # Alone it would be another lead than the one that is judged and explained.
    with pytest.raises(DataError, match="a second lead, too"):
        InputStream(replace(PLAIN, leads=("other",)), 360.0, ("II", "V1"))
    with pytest.raises(UsageError, match=r"input\.leads: is \['one', 3\]"):
        replace(PLAIN, leads=("one", 3))
    with pytest.raises(DataError, match="not different ones"):
        InputStream(replace(PLAIN, leads=("one", "II")), 360.0, ("II", "V1"))
    with pytest.raises(UsageError, match="no window is eaten"):
        InputStream(replace(two, window=(0, 0), waveform=False), 360.0, ("II", "V1"))


@pytest.mark.parametrize("profile", ["review", "live", "plain"])
@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5).filter(lambda x: sum(x) > 300),
    late=st.integers(0, 1000),
    around=st.sampled_from([(0, 0), (4, 2)]),
)
def test_a_further_lead_is_a_window_beside_the_first(
    profile: str, sizes: list[int], late: int, around: tuple[int, int]
) -> None:
    """As the same spec cuts each lead alone; numbers and R peaks are of the first."""
    rate, spec = 250.0, replace(SPECS[profile], waveform=True, window=(0.3, 0.5), neighbours=around)
    one, peaks = heart(70, rate)
    other, _ = heart(70, rate, seed=1)
    one[:, 5000:5400] = other[:, 9000:9100] = np.nan
    both = np.concatenate([other, one])  # V1 stands first, and II speaks for the record
    found = feed(
        replace(spec, leads=("one", "other")), rate, both, peaks, sizes, late, ("V1", "II")
    )
    whole = [both.shape[1]]
    first, second = (feed(spec, rate, lead, peaks, whole) for lead in (one, other))
    np.testing.assert_array_equal(found.samples, first.samples)
    np.testing.assert_array_equal(found.side, first.side)
    np.testing.assert_array_equal(found.window, np.concatenate([first.window, second.window], 1))


@pytest.mark.parametrize("record", ["100", "208"])
def test_a_real_half_hour_is_described_alike_in_any_pieces(mitdb: Path, record: str) -> None:
    from einthoven.formats import open_source
    from einthoven.record.vocabulary import is_beat

    source = open_source(mitdb / f"{record}.hea")
    marks = source.annotations()
    assert marks is not None
    peaks = marks.samples[is_beat(marks.symbols)]
    spec = InputSpec(
        kind="beat", rate=180.0, side=("rr", "template"), waveform=False,
        hop=150.0, back=300.0, ahead=150.0,
    )  # fmt: skip
    stream = InputStream(spec, source.rate, source.leads)
    signal = source.read(0, source.samples)
    whole = stream.push(signal, peaks, source.samples) + stream.flush()
    side = np.concatenate([g.side for g in whole])
    assert side.shape == (len(peaks), len(side_names(spec)))
    parts = feed(spec, source.rate, signal[:1], peaks, [100_000, 37])
    np.testing.assert_array_equal(side, parts.side)


def _pieces(
    spec: InputSpec, signal: np.ndarray, peaks: np.ndarray, sizes: list[int]
) -> list[Inputs]:
    stream, given, at, turn = InputStream(spec, 250.0, ("II",)), [], 0, 0
    while at < signal.shape[1]:
        stop = min(at + sizes[turn % len(sizes)], signal.shape[1])
        inside = peaks[(peaks >= at) & (peaks < stop)]
        given += stream.push(signal[:, at:stop], inside, stop)
        at, turn = stop, turn + 1
    return given + stream.flush()


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(500, 9000), min_size=1, max_size=4))
def test_neighbours_come_in_the_same_pieces_however_the_signal_was_cut(sizes: list[int]) -> None:
    """The pieces themselves are equal: sums over them are then taken in the same order."""
    signal, peaks = heart(200.0, 250.0)
    whole = _pieces(SEQUENCE, signal, peaks, [signal.shape[1]])
    parts = _pieces(SEQUENCE, signal, peaks, sizes)
    assert [len(p.samples) for p in whole] == [len(p.samples) for p in parts]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.side, other.side)


@pytest.mark.parametrize("beats", [0, 1, 2, 63, 64, 65, 150])
def test_each_beat_stands_between_its_neighbours(beats: int) -> None:
    """Row `before + i` of a piece is its beat i; at the ends a beat is repeated."""
    side = np.arange(beats, dtype=np.float32)[:, None]
    queue, given = Neighbours(4, 2), []
    for start in range(0, beats, 7):
        part = slice(start, start + 7)
        window = np.zeros((len(side[part]), 1, 0), np.float32)
        samples = np.arange(beats)[part]
        given += queue.push(Inputs(samples=samples, window=window, side=side[part]))
    given += queue.flush()
    samples = np.concatenate([np.zeros(0, np.int64), *(g.samples for g in given)])
    np.testing.assert_array_equal(samples, np.arange(beats))
    for piece in given:
        for i, sample in enumerate(piece.samples):
            wanted = np.clip(np.arange(sample - 4, sample + 3), 0, beats - 1)
            np.testing.assert_array_equal(piece.side[i : i + 7, 0], wanted)


def test_impossible_neighbours_are_refused() -> None:
    with pytest.raises(UsageError, match="neighbours"):
        replace(REVIEW, neighbours=(-1, 2))
