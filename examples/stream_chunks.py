"""Feed the engine as a wearable would, a quarter of a second at a time.

    python examples/stream_chunks.py [SECONDS]

The beats do not depend on how the signal is cut: the second half of this script shows it.
"""

from __future__ import annotations

import sys

import numpy as np

from einthoven.corpora import demo_record
from einthoven.engine import Engine
from einthoven.engine.events import BeatEvent, Event
from einthoven.record import Record

SHOWN = 10


def beats(record: Record, size: int) -> list[BeatEvent]:
    """Return the beats of the `live` profile for pieces of `size` samples."""
    engine = Engine(record.rate, record.leads, "live")
    events: list[Event] = []
    for start in range(0, record.samples, size):
        now = min(start + size, record.samples)
        fresh = engine.push(record.signal[:, start:now])
        events += fresh
        for event in fresh:
            if isinstance(event, BeatEvent) and event.sample < SHOWN * record.rate:
                at, late = event.sample / record.rate, (now - event.sample) / record.rate
                print(f"{at:7.2f} s  {event.label}  known {late:.1f} s later")
    events += engine.flush()
    return [e for e in events if isinstance(e, BeatEvent)]


def main(seconds: str = "30") -> None:
    whole = demo_record()
    size = round(float(seconds) * whole.rate)
    record = Record(signal=whole.signal[:, :size], rate=whole.rate, leads=whole.leads)
    print(f"pieces of a quarter of a second; the beats of the first {SHOWN} s:")
    small = beats(record, round(record.rate / 4))
    print("pieces of a third of the recording:")
    large = beats(record, int(np.ceil(record.samples / 3)))
    print(f"{len(small)} beats, the same in large pieces: {small == large}")


if __name__ == "__main__":
    main(*sys.argv[1:])
