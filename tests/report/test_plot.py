"""`plot` draws a record on ECG paper at true size."""

from __future__ import annotations

import io

import numpy as np
import pytest

from einthoven.record import Record, RecordSource, UsageError
from einthoven.report.plot import plot

pytest.importorskip("matplotlib")


def _record() -> Record:
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.2, (2, 2500))
    signal[0, 300:600] = np.nan
    return Record(signal=signal, rate=250.0, leads=("II", "V1"), name="$odd$ name")


def test_ten_seconds_and_the_pulse_are_260_mm_wide() -> None:
    figure = plot(_record(), seconds=10)
    (axes,) = figure.axes
    box = axes.get_position()
    wide, tall = figure.get_size_inches() * 25.4
    assert box.width * wide == pytest.approx(260)
    assert box.height * tall == pytest.approx(60)
    low, high = axes.get_ylim()
    assert box.height * tall / (high - low) == pytest.approx(10)
    figure.savefig(io.BytesIO())


def test_leads_are_taken_by_name_and_a_source_will_do() -> None:
    figure = plot(RecordSource(_record()), start=2, seconds=3, leads=["V1"])
    assert figure.axes[0].lines[0].get_xdata()[0] == 2.0


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no lead 'V9'"):
        plot(_record(), leads=["V9"])
    with pytest.raises(UsageError, match="nothing to draw"):
        plot(_record(), start=99)
