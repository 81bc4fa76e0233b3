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


def beats(record: Record, size: int) -> list[Event]:
    """Return the beats of the `live` profile for pieces of `size` samples."""
    engine = Engine(record.rate, record.leads, "live")
    events: list[Event] = []
    for start in range(0, record.samples, size):
        for event in engine.push(record.signal[:, start : start + size]):
            events.append(event)
            if isinstance(event, BeatEvent) and len(events) < 12:
                late = (min(start + size, record.samples) - event.sample) / record.rate
                print(
                    f"{event.sample / record.rate:7.2f} s  {event.label}  known {late:.1f} s later"
                )
    events += engine.flush()
    return [e for e in events if isinstance(e, BeatEvent)]


def main(seconds: str = "30") -> None:
    whole = demo_record()
    size = round(float(seconds) * whole.rate)
    record = Record(signal=whole.signal[:, :size], rate=whole.rate, leads=whole.leads)
    small = beats(record, round(record.rate / 4))
    large = beats(record, int(np.ceil(record.samples / 3)))
    print(f"{len(small)} beats, the same in large pieces: {small == large}")


if __name__ == "__main__":
    main(*sys.argv[1:])
