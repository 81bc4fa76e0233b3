"""replay: a recording played into the engine as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator

from einthoven.bundle import Bundle
from einthoven.engine import Engine, Event
from einthoven.engine.analyze import LOWEST_RATE
from einthoven.record.errors import FormatError
from einthoven.record.source import Source


def replay(
    source: Source, *, model: Bundle | None = None, speed: float = 1.0, chunk_seconds: float = 0.25
) -> Iterator[Event]:
    """Give the events of the `live` profile as they become certain.

    Parameters
    ----------
    source : the recording to play.
    speed : times real time; 0 is as fast as it goes.
    chunk_seconds : how much signal arrives at once; the events do not depend on it.

    Raises
    ------
    FormatError : the recording has no ECG lead, or too few samples a second.
    """
    if not source.leads:
        raise FormatError(source.path, "no channel is an ECG lead", "Name them with --leads")
    if source.rate < LOWEST_RATE:
        fault = f"has {source.rate:g} samples a second"
        raise FormatError(source.path, fault, f"Give {LOWEST_RATE:g} or more")
    engine = Engine(source.rate, source.leads, "live", model, where=source.path)
    began, seconds = time.monotonic(), 0.0
    for chunk in source.chunks(chunk_seconds):
        seconds += chunk.shape[1] / source.rate
        if speed > 0:
            time.sleep(max(0.0, seconds / speed - (time.monotonic() - began)))
        yield from engine.push(chunk)
    yield from engine.flush()
