"""The events never depend on how the signal was cut, come in time, and memory stays flat."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from einthoven.bundle import load_model
from einthoven.corpora import demo_record
from einthoven.engine import BeatEvent, Engine, Event, analyze
from einthoven.live.replay import replay
from einthoven.record import Record, RecordSource, UsageError

PROFILES = ("review", "live")


def _events(record: Record, profile: str, cuts: list[int]) -> list[Event]:
    engine = Engine(record.rate, record.leads, profile)
    events: list[Event] = []
    for a, b in zip([0, *cuts], [*cuts, record.samples], strict=True):
        events += engine.push(record.signal[:, a:b])
    return events + engine.flush()


def _sorted(events: list[Event]) -> list[tuple[str, object]]:
    """Order within a kind is kept; how kinds interleave may depend on when they arrive."""
    return [(type(e).__name__, e) for e in sorted(events, key=lambda e: type(e).__name__)]


def _strip(rate: float, seconds: float, leads: tuple[str, ...] = ("II",)) -> Record:
    demo = demo_record()
    stop = int(seconds * demo.rate)
    lead = resample_poly(demo.signal[0, :stop], int(rate), int(demo.rate))
    signal = np.stack([lead * (1 - 0.3 * k) for k in range(len(leads))])
    return Record(signal=signal, rate=rate, leads=leads)


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rate=st.sampled_from([128.0, 250.0, 257.0, 360.0, 500.0, 1000.0]),
    seed=st.integers(0, 2**16), pieces=st.integers(1, 40), gaps=st.integers(0, 3),
)  # fmt: skip
def test_events_do_not_depend_on_the_chunks(
    profile: str, rate: float, seed: int, pieces: int, gaps: int
) -> None:
    record = _strip(rate, 40.0, ("II", "V5"))
    rng = np.random.default_rng(seed)
    signal = record.signal.copy()
    for _ in range(gaps):
        start = int(rng.integers(0, record.samples))
        signal[rng.integers(0, 2) :, start : start + int(rng.integers(1, 3 * rate))] = np.nan
    record = Record(signal=signal, rate=rate, leads=record.leads)
    cuts = sorted(int(c) for c in rng.integers(0, record.samples, pieces))
    assert _sorted(_events(record, profile, cuts)) == _sorted(_events(record, profile, []))


@pytest.mark.parametrize("rate", [128.0, 250.0, 360.0, 1000.0])
def test_a_live_beat_is_answered_within_three_seconds(rate: float) -> None:
    record = _strip(rate, 60.0)
    engine = Engine(rate, record.leads, "live")
    step = int(rate / 10)
    late: list[float] = []
    for start in range(0, record.samples, step):
        events = engine.push(record.signal[:, start : start + step])
        now = min(start + step, record.samples)
        late += [(now - e.sample) / rate for e in events if isinstance(e, BeatEvent)]
    assert len(late) > 40
    assert max(late) <= 3.0


@pytest.mark.parametrize("chunk_seconds", [0.05, 0.25, 3.0])
def test_the_stream_says_exactly_what_analyze_says_in_the_live_profile(
    chunk_seconds: float,
) -> None:
    record = _strip(250.0, 70.0)
    findings = analyze(record, profile="live")
    events = list(replay(RecordSource(record), speed=0, chunk_seconds=chunk_seconds))
    beats = [e for e in events if isinstance(e, BeatEvent)]
    assert [e.sample for e in beats] == findings.marks.samples.tolist()
    assert [e.label for e in beats] == findings.marks.classes.tolist()
    assert [e.uncertain for e in beats] == findings.marks.uncertain.tolist()
    np.testing.assert_array_equal(
        np.array([e.probability for e in beats], np.float32), findings.marks.probabilities
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_both_profiles_find_the_same_beats_of_a_real_record(profile: str, mitdb: Path) -> None:
    found = analyze(mitdb / "100", profile=profile).marks.samples
    assert len(found) == pytest.approx(2273, abs=3)


def test_memory_does_not_grow_with_the_length() -> None:
    record = _strip(360.0, 120.0)

    def peak(times: int) -> int:
        engine = Engine(360.0, record.leads, "review")
        tracemalloc.start()
        for _ in range(times):
            for start in range(0, record.samples, 3600):
                engine.push(record.signal[:, start : start + 3600])
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(6)
    # From half an hour on as much is known of the patient as ever is.
    assert peak(50) < 1.3 * peak(20)


def test_a_model_for_another_profile_or_task_is_refused() -> None:
    with pytest.raises(UsageError, match="is not known"):
        Engine(360, ("II",), "later")
    with pytest.raises(UsageError, match=r"does not classify \(task peaks\)"):
        Engine(360, ("II",), "review", load_model("rpeaks"))
    with pytest.raises(UsageError, match="was not made for the profile"):
        Engine(360, ("II",), "live", load_model("aami-review"))
