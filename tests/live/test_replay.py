"""A recording played as a stream keeps to the clock, and says nothing of what is no ECG."""

from __future__ import annotations

import time

import numpy as np
import pytest

from einthoven.corpora import demo_record
from einthoven.live.replay import replay
from einthoven.record import FormatError, Record, RecordSource


def test_speed_is_a_multiple_of_real_time() -> None:
    demo = demo_record()
    record = Record(signal=demo.signal[:, : int(4 * demo.rate)], rate=demo.rate, leads=demo.leads)
    began = time.monotonic()
    list(replay(RecordSource(record), speed=8.0))
    assert time.monotonic() - began >= 0.45


def test_a_recording_without_a_lead_is_refused() -> None:
    source = RecordSource(Record(signal=np.zeros((1, 10)), rate=100, leads=("II",)))
    source.leads = ()
    with pytest.raises(FormatError, match="no channel is an ECG lead"):
        next(replay(source))
