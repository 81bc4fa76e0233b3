"""Recordings and headers made for the tests of formats."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from hypothesis import strategies as st

from einthoven.record import Annotations, Patient, Record

SYMBOLS = 'NLRaVFJASEj/Q~|sT*D"=pB^t+u?![]en@xf()r'


def a_record(
    seed: int = 0, leads: tuple[str, ...] = ("II", "V1"), samples: int = 1000, rate: float = 360.0
) -> Record:
    """Return noise in whole microvolts with some missing samples and three annotations."""
    chance = np.random.default_rng(seed)
    signal = np.round(chance.normal(0, 1, (len(leads), samples)), 3).astype(np.float32)
    signal[0, samples // 3 : samples // 3 + 7] = np.nan
    return Record(
        signal=signal, rate=rate, leads=leads, name="made", start=datetime(2020, 2, 3, 4, 5, 6),  # noqa: DTZ001
        patient=Patient(age=61.0, sex="F", name="Jane Doe", birth_date="1959-01-01"),
        annotations=Annotations(
            samples=np.array([0, samples // 2, samples - 1]), symbols=np.array(["+", "V", "N"]),
            texts=("(N", "", ""),
        ),
    )  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Draw records of 1-3 leads in whole microvolts, of any length and rate."""
    leads = draw(st.sampled_from([("II",), ("MLII", "V5"), ("I", "II", "V1")]))
    samples = draw(st.integers(1, 700))
    rate = draw(st.sampled_from([100.0, 125.0, 250.0, 360.0, 500.0, 257.5, 1000.0]))
    return a_record(draw(st.integers(0, 2**31)), leads, samples, rate)


@st.composite
def marks(draw: st.DrawFn) -> Annotations:
    """Draw annotations that a WFDB file can hold, in time order."""
    n = draw(st.integers(0, 12))
    steps = draw(st.lists(st.integers(0, 200_000), min_size=n, max_size=n))
    whole = st.lists(st.integers(-128, 127), min_size=n, max_size=n)
    text = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=40)
    return Annotations(
        samples=np.cumsum(np.array(steps, np.int64)) + (1 if n else 0),
        symbols=np.array(
            draw(st.lists(st.sampled_from(SYMBOLS), min_size=n, max_size=n)), np.str_
        ),
        subtypes=np.array(draw(whole), np.int64), numbers=np.array(draw(whole), np.int64),
        channels=np.array(
            draw(st.lists(st.integers(0, 255), min_size=n, max_size=n)), np.int64
        ),
        texts=tuple(draw(st.lists(text, min_size=n, max_size=n))),
    )  # fmt: skip
