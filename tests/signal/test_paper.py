"""ECG paper is true to scale, loses no peak, and survives every signal."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.record import UsageError
from einthoven.signal.paper import clock, trace_path
from einthoven.signal.strip_paper import svg_sheet, svg_strip

SVG = "{http://www.w3.org/2000/svg}"


def _of_kind(root: ET.Element, kind: str) -> list[ET.Element]:
    return [e for e in root.iter() if kind in e.get("class", "").split()]


def _points(path: str) -> list[tuple[int, int]]:
    """Walk the relative path data back to absolute points."""
    out: list[tuple[int, int]] = []
    for piece in filter(None, path.split("M")):
        numbers = [int(n) for n in re.findall(r"-?\d+", piece.split("h")[0])]
        x, y = numbers[:2]
        out.append((x, y))
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + dx, y + dy
            out.append((x, y))
    return out


def test_a_second_is_25_mm_wide_and_a_millivolt_10_mm_high() -> None:
    signal = np.zeros((1, 1001), np.float32)
    signal[0, 500] = 1.0
    root = ET.fromstring(svg_strip(signal, 250.0, ["II"], seconds=4))
    assert root.get("width") == "110mm"  # 10 mm for the pulse, 4 * 25
    assert root.get("viewBox", "").startswith("0 0 1100 ")
    points = _points(_of_kind(root, "trace")[0].get("d", ""))
    top = min(points, key=lambda p: p[1])
    assert top[0] == 100 + 2 * 250
    assert points[0][1] - top[1] == 100


def test_the_calibration_pulse_is_one_millivolt_for_a_fifth_of_a_second() -> None:
    root = ET.fromstring(svg_strip(np.zeros((2, 100)), 100.0, ["I", "II"]))
    pulse = _of_kind(root, "pulse")[0].get("d", "")
    assert pulse.count("v-100h50v100") == 2


def test_no_peak_is_lost_when_many_samples_share_a_column() -> None:
    signal = np.zeros(100_000)
    signal[71_234], signal[33_333] = 1.2, -0.7
    path, clipped = trace_path(signal, 10_000.0, 0, 1000, 0.0, 0, 2000)
    ys = [y for _, y in _points(path)]
    assert (min(ys), max(ys)) == (1000 - 120, 1000 + 70)
    assert not clipped
    assert len(path) < 200


def test_what_leaves_the_paper_is_cut_and_said() -> None:
    signal = np.zeros((1, 500))
    signal[0, 100:120] = 30.0
    svg = svg_strip(signal, 250.0, ["V1"])
    assert "V1 (cut off at the edge of the paper)" in svg
    heights = [float(t) for t in re.findall(r'height="([\d.]+)mm"', svg)]
    assert max(heights) < 70


def test_missing_samples_break_the_line_and_are_named() -> None:
    signal = np.sin(np.arange(2000) / 20)[None].astype(np.float32)
    signal[0, 500:1200] = np.nan
    root = ET.fromstring(svg_strip(signal, 250.0, ["II"]))
    assert _of_kind(root, "trace")[0].get("d", "").count("M") == 2
    assert "no signal" in [t.text for t in root.iter(f"{SVG}text")]


def test_beats_are_named_where_they_are() -> None:
    svg = svg_strip(np.zeros((1, 1000)), 250.0, ["II"], marks=[(250, "V?", "#b34700")])
    root = ET.fromstring(svg)
    (beat,) = _of_kind(root, "beat")
    assert (beat.get("x"), beat.text) == ("350", "V?")


def test_hostile_names_stay_text() -> None:
    svg = svg_strip(
        np.zeros((1, 100)), 100.0, ["<script>"], marks=[(5, "<b>", "#000")],
        title='"><script>alert(1)</script>', description="<&\"'>",
    )  # fmt: skip
    root = ET.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert not list(root.iter("script"))


def test_twelve_leads_stand_in_two_columns_with_a_rhythm_strip() -> None:
    leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    rng = np.random.default_rng(0)
    svg = svg_sheet(rng.normal(0, 0.2, (12, 3500)), 500.0, leads, rhythm=1)
    root = ET.fromstring(svg)
    assert len(_of_kind(root, "trace")) == 13
    assert root.get("width") == "185mm"


def test_names_and_rows_must_match() -> None:
    with pytest.raises(UsageError, match="3 lead names"):
        svg_strip(np.zeros((2, 10)), 100.0, ["I", "II", "III"])
    with pytest.raises(UsageError, match="rate is 0"):
        svg_strip(np.zeros((1, 10)), 0.0, ["I"])


def test_times_are_read_as_hours_minutes_seconds() -> None:
    assert clock(3723.0) == "1:02:03"
    assert clock(59.96, tenths=True) == "0:01:00.0"
    assert clock(90_000) == "25:00:00"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.sampled_from([1.0, 50.0, 128.0, 360.0, 1000.0]),
    st.lists(
        st.sampled_from([0.0, 1.0, -3.0, 1e30, -1e30, np.inf, np.nan]), min_size=1, max_size=9
    ),
)
def test_every_signal_gives_well_formed_paper(size: int, rate: float, values: list[float]) -> None:
    signal = np.resize(np.array(values, np.float32), (2, size))
    root = ET.fromstring(svg_strip(signal, rate, ["I", "II"], seconds=2.0))
    assert root.tag == f"{SVG}svg"
    assert "nan" not in " ".join(e.get("d", "") for e in root.iter())
