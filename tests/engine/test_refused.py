"""Recordings that cannot be judged: every question is told why, and nothing is warned of."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven import Record, analyze
from einthoven.corpora import demo_record

DEMO = demo_record()
MINUTE = DEMO.signal[:, : round(60 * DEMO.rate)]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Record(signal=MINUTE[:, ::8], rate=DEMO.rate / 8, leads=DEMO.leads), "45 samples"),
        (Record(signal=np.zeros((0, 900)), rate=100.0, leads=()), "no channel is an ECG lead"),
        (Record(signal=np.zeros((1, 0)), rate=100.0, leads=("II",)), "too short"),
    ],
)
def test_every_question_without_an_answer_has_its_reason(record: Record, why: str) -> None:
    document = analyze(record, waves=True).to_dict()
    assert document["usable"] is False
    assert why in document["reason"]
    assert document["beats"] == []
    for key in ("rhythm", "diagnoses", "intervals", "waves"):
        assert not document.get(key), key
        assert any(w.startswith(f"{key}: ") for w in document["warnings"]), key


def test_a_sample_beyond_all_measure_hides_nothing_but_itself() -> None:
    odd = MINUTE.copy()
    at = round(30 * DEMO.rate)
    odd[:, at] = (3e37, -3e37)
    gone = MINUTE.copy()
    gone[:, at] = np.nan
    made = [
        analyze(Record(signal=s, rate=DEMO.rate, leads=DEMO.leads)).to_dict() for s in (odd, gone)
    ]
    assert made[0] == made[1]
    assert len(made[0]["beats"]) > 50


def test_a_recording_of_nothing_but_such_samples_is_not_usable() -> None:
    found = analyze(Record(signal=MINUTE * np.float32(1e36), rate=DEMO.rate, leads=DEMO.leads))
    assert not found.usable
    assert found.reason
