"""Measurements in the report: what is shown is what was measured, and it can be switched off."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from einthoven.engine._measure import measured
from einthoven.engine.findings import Beats, Findings, Quality
from einthoven.record import Record, RecordSource
from einthoven.report._measurements import RANGES, measurements_html
from einthoven.report._strips import bands
from einthoven.report.html import to_html
from einthoven.signal.intervals import KEYS
from einthoven.signal.simulate import Episode, Heart, Noise, simulate
from einthoven.signal.waves import Waves


def simulated(
    leads: tuple[str, ...] = ("I", "II", "aVF", "V1"), seconds: float = 12.0, *,
    bad: bool = False, heart: Heart | None = None,
) -> Findings:  # fmt: skip
    """Findings on a simulated heart whose waves are those that were put in."""
    made = simulate(rate=500, leads=leads, episodes=[Episode(rhythm="sinus", seconds=seconds)],
                    seed=5, heart=heart or Heart(heart_rate=70),
                    disturbances=(Noise(kind="muscle", mv=0.005),))  # fmt: skip
    w = made.waves
    waves = Waves.of([
        (lead, str(kind), int(a), int(p), int(b), 1.0, 1.0)
        for lead in range(len(leads))
        for kind, a, p, b in zip(w.kinds, w.onsets, w.peaks, w.offsets, strict=True)
    ])  # fmt: skip
    peaks = w.peaks[w.kinds == "QRS"].astype(np.int64)
    count = len(peaks)
    beats = Beats(
        samples=peaks, classes=np.full(count, "N"),
        probabilities=np.ones(count, np.float32), uncertain=np.zeros(count, np.bool_),
    )  # fmt: skip
    size = made.record.samples
    quality = Quality(starts=np.array([0]), ends=np.array([size]), good=np.array([not bad]),
                      scores=np.ones(1, np.float32))  # fmt: skip
    source = RecordSource(Record(signal=made.record.signal, rate=500, leads=leads))
    return Findings(
        record="made", path="made", rate=500.0, leads=leads, samples=size, start=None, usable=True,
        reason=None, models=(), marks=beats, quality=quality, intervals={}, warnings=(),
        profile="review", source=source, wave_marks=waves,
        measurements=measured(source, beats, quality, waves),
    )  # fmt: skip


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_table_gives_what_was_measured_with_its_range() -> None:
    findings = simulated()
    assert findings.measurements is not None
    page = to_html(findings)
    text = words(page)
    values = findings.measurements.to_dict()
    assert set(values) == set(KEYS)
    assert f"PR interval {values['pr_ms']} ms" in text
    assert f"QRS duration {values['qrs_ms']} ms" in text
    assert "120 to 200" in text
    assert "no diagnosis" in text
    for key, normal in RANGES.items():
        assert normal.source, key
        assert normal.source.split(":")[0][:20] in text
    assert page.index("<h2>The recording") < page.index("<h2>Measurements")


@pytest.mark.parametrize(("pr", "verdict"), [(0.10, "below"), (0.16, None), (0.24, "above")])
def test_a_value_is_set_against_its_range_in_words(pr: float, verdict: str | None) -> None:
    findings = simulated(heart=Heart(heart_rate=60, pr_interval=pr))
    assert findings.measurements is not None
    row = re.search(r"<tr><th[^>]*>PR interval.*?</tr>", measurements_html(findings.measurements))
    assert row is not None
    assert {word for word in ("below", "above") if word in row[0]} == {verdict} - {None}


def test_what_was_not_measured_is_absent() -> None:
    findings = dataclasses.replace(simulated(), wave_marks=None, measurements=None)
    page = to_html(findings)
    assert "<h2>Measurements" not in page
    assert "checkbox" not in page
    assert 'class="waves"' not in page


def test_what_cannot_be_said_says_why_on_the_page() -> None:
    findings = simulated(("V1",))
    text = words(to_html(findings))
    assert "P axis, QRS axis, T axis: it takes signal in leads I and aVF" in text
    assert "intervals between normal beats; it takes 30" in text
    noisy = simulated(bad=True)
    assert "0 sound beats of one kind; it takes 3" in words(to_html(noisy))


def test_variability_is_shown_where_there_is_enough() -> None:
    text = words(to_html(simulated(("II",), 150.0)))
    assert "SDNN" in text
    assert "HF, 0.15 to 0.40 Hz" in text
    assert "SDANN: fewer than two segments of 5 minutes" in text


def test_the_marks_on_the_strips_can_be_switched_off_without_a_script() -> None:
    page = to_html(simulated())
    assert page.count('id="show-waves"') == 1
    assert "input.switch:not(:checked)~figure .waves{display:none}" in page
    switch, strip = page.index('id="show-waves"'), page.index('<g class="waves">')
    assert switch < strip
    # The rule reaches siblings only: the switch and every marked figure are children of main.
    inner = page[page.index("<main>") + 6 : page.index("</main>")]
    marked = [m.start() for m in re.finditer(r'<g class="waves">', inner)]
    assert marked
    for at in marked:
        opened = len(re.findall(r"<(?:div|section|dl)\b", inner[:at]))
        closed = len(re.findall(r"</(?:div|section|dl)>", inner[:at]))
        assert opened == closed


def test_bands_stand_where_the_waves_are() -> None:
    findings = simulated()
    assert findings.wave_marks is not None
    table = findings.wave_marks
    first = 1000
    said = bands(findings, [1, 3], first, first + 1500)
    assert {row for row, *_ in said} == {0, 1}
    own = table.where((table.lead == 3) & (table.peak >= 1000) & (table.peak < 2500))
    assert [(a + first, b + first) for row, _, a, b in said if row == 1] == list(
        zip(own.onset.tolist(), own.offset.tolist(), strict=True)
    )
    cut = dataclasses.replace(table, onset=np.full(len(table), -1))
    half = bands(dataclasses.replace(findings, wave_marks=cut), [0], first, first + 1500)
    assert half
    assert all(b >= a for _, _, a, b in half)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_the_median_beats_are_a_whole_picture_true_to_scale(count: int) -> None:
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")[:count]
    findings = simulated(names)
    assert findings.measurements is not None
    page = measurements_html(findings.measurements)
    found = re.search(r"<svg.*?</svg>", page, re.S)
    assert found is not None
    svg = ET.fromstring(found[0])
    width = float((svg.get("width") or "").removesuffix("mm"))
    assert width <= 185
    assert float((svg.get("viewBox") or "").split()[2]) == width * 10
    shown = [t.text for t in svg.iter("{http://www.w3.org/2000/svg}text") if t.get("class") ==
             "lead"]  # fmt: skip
    assert shown == list(names)
    groups = [g for g in svg.iter("{http://www.w3.org/2000/svg}g") if g.get("class") == "bounds"]
    assert len(groups) == count
    assert {t.text for t in groups[0].iter("{http://www.w3.org/2000/svg}text")} == {"P", "QRS", "T"}


def test_a_lead_without_signal_is_named_and_drawn_empty() -> None:
    findings = simulated()
    source = findings.source
    assert source is not None
    signal = source.read(0, findings.samples).copy()
    signal[3] = np.nan
    table = findings.wave_marks
    assert table is not None
    table = table.where(table.lead != 3)
    gone = RecordSource(Record(signal=signal, rate=500, leads=findings.leads))
    said = measured(gone, findings.marks, findings.quality, table)
    page = measurements_html(said)
    assert "V1: no signal" in page
    assert "Amplitudes of V1 are not given: a QRS is found in 0 of" in words(page)


def test_the_document_of_analyze_carries_the_measurements() -> None:
    document = simulated().to_dict()
    assert document["amplitudes"]["II"]["r_mv"] > 0.5
    assert document["hrv"] == {}


def test_waves_in_noise_have_a_question_mark() -> None:
    for bad in (False, True):
        findings = simulated(bad=bad)
        drawn = bands(findings, (0,), 0, findings.samples)
        assert {kind.endswith("?") for _, kind, _, _ in drawn} == {bad}
        assert (">T?</text>" in to_html(findings)) == bad


@pytest.mark.parametrize(("rate", "doubtful"), [(36, True), (70, False)])
def test_a_qtc_at_an_unusual_rate_says_so(rate: int, doubtful: bool) -> None:
    findings = simulated(heart=Heart(heart_rate=rate, variability=0.01), seconds=20)
    assert findings.measurements is not None
    rows = re.findall(r"<tr>.*?</tr>", measurements_html(findings.measurements), re.S)
    said = [row for row in rows if "QTc, " in row]
    assert len(said) == 4
    assert all(("unreliable" in row) == doubtful for row in said)
