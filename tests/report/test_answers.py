"""What the report says of rhythm and diagnoses."""

from dataclasses import replace
from pathlib import Path

import pytest

import einthoven
from einthoven.engine.events import RhythmEvent
from einthoven.engine.findings import Diagnosis
from einthoven.record.leads import STANDARD
from einthoven.report._answers import merged
from einthoven.report.html import to_html
from einthoven.report.table import summary, summary_row, table
from einthoven.signal.simulate import Episode, simulate


def span(start, end, label, p=0.9, uncertain=False):
    return RhythmEvent(start=start, end=end, label=label, probability=p, uncertain=uncertain)


@pytest.fixture(scope="module")
def findings():
    made = simulate(
        rate=250.0, leads=STANDARD, seed=1, episodes=(Episode(rhythm="sinus", seconds=12),)
    )
    return einthoven.analyze(made.record)


def test_neighbouring_spans_of_one_class_are_one_run():
    spans = (
        span(0, 10, "A", 0.6, True),
        span(10, 20, "A", 0.8),
        span(20, 30, "N"),
        span(40, 50, "N"),
    )
    runs = merged(spans)
    assert [(r.start, r.end, r.label, r.probability) for r in runs] == [
        (0, 20, "A", 0.8), (20, 30, "N", 0.9), (40, 50, "N", 0.9),
    ]  # fmt: skip
    assert not runs[0].uncertain


def test_one_span_is_a_sentence_and_many_are_a_table(findings):
    n = findings.samples
    one = to_html(replace(findings, rhythm=(span(0, n, "A", 0.93),)))
    assert "Atrial fibrillation, probability 0.93." in one
    assert "Rhythm over time" not in one
    many = to_html(replace(findings, rhythm=(span(0, n // 2, "N"), span(n // 2, n, "A"))))
    assert "Rhythm over time" in many
    # Words in a chart that is drawn small run into each other: the legend stands beside it.
    chart, _, beside = many[many.index("<figure", many.index(">Rhythm<")) :].partition("</svg>")
    assert "A  atrial fibrillation" not in chart
    assert "</b>A atrial fibrillation" in beside.split("</p>")[0]
    assert "1 episodes" not in many
    assert "50 %" in many


def test_a_diagnosis_that_was_not_found_is_listed_and_names_are_escaped(findings):
    found = (
        Diagnosis(code="CD", system="S", name="ST/T <b>change", probability=0.7, positive=True,
                  uncertain=False),
        Diagnosis(code="MI", system="S", name="infarction", probability=0.2, positive=False,
                  uncertain=True),
    )  # fmt: skip
    text = to_html(replace(findings, diagnoses=found))
    assert "ST/T &lt;b&gt;change" in text
    assert "not found, uncertain" in text
    assert text.index("ST/T &lt;b&gt;") < text.index("Infarction")
    keys = replace(findings, diagnoses=found).to_dict()["diagnoses"][0]
    assert keys == {
        "code": "CD", "system": "S", "name": "ST/T <b>change", "probability": 0.7,
        "positive": True, "uncertain": False,
    }  # fmt: skip


def test_twelve_leads_stand_in_four_columns_with_a_rhythm_strip(findings, tmp_path: Path):
    text = to_html(findings)
    assert 'class="sheet"' in text
    sheet = text[text.index("All leads") :]
    assert all(sheet.count(f">{name}</text>") >= 1 for name in STANDARD)
    short = to_html(
        einthoven.analyze(replace(findings.source.record(), signal=findings.source.read(0, 1500)))
    )
    assert 'class="sheet"' not in short


def test_the_terminal_and_the_table_say_rhythm_and_diagnoses(findings):
    n = findings.samples
    found = Diagnosis(
        code="MI", system="S", name="infarction", probability=0.71, positive=True, uncertain=False
    )
    told = replace(
        findings, diagnoses=(found,), rhythm=(span(0, n // 4, "A"), span(n // 4, n, "N"))
    )
    text = summary(told)
    assert "normal rhythm 75 %, atrial fibrillation 25 %" in text
    assert "infarction (0.71)" in text
    row = summary_row(told.to_dict())
    assert (row["rhythm"], row["fibrillation_share"], row["diagnoses"]) == ("N", 0.25, "MI")
    assert (row["diagnoses_uncertain"], row["probability_MI"]) == ("", 0.71)
    untold = summary_row(replace(findings, rhythm=None, diagnoses=None).to_dict())
    assert (untold["rhythm"], untold["fibrillation_share"], untold["diagnoses"]) == ("", "", "")


def test_a_row_of_the_table_keeps_the_doubt_and_the_words_of_the_warnings(findings):
    def said(code: str, probability: float, uncertain: bool) -> Diagnosis:
        return Diagnosis(code=code, system="S", name=code, probability=probability,
                         positive=probability > 0.4, uncertain=uncertain)  # fmt: skip

    told = (said("MI", 0.97, False), said("STTC", 0.49, True), said("CD", 0.31, True))
    doubtful = replace(span(0, findings.samples, "A"), uncertain=True)
    found = replace(
        findings, diagnoses=told, rhythm=(doubtful,), warnings=("V6 is missing", "50 Hz hum")
    )
    row = summary_row(found.to_dict())
    assert row["diagnoses"] == "MI STTC"
    assert row["diagnoses_uncertain"] == "STTC CD"
    assert [row[f"probability_{c}"] for c in ("MI", "STTC", "CD")] == [0.97, 0.49, 0.31]
    assert row["rhythm_uncertain_share"] == 1
    assert (row["warnings"], row["warnings_text"]) == (2, "V6 is missing | 50 Hz hum")
    assert "MI STTC?" in table([row])
