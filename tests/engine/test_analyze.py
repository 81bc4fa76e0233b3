"""What analyze says of good records, of odd ones, and of what is no ECG."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import einthoven
from einthoven.corpora import demo_record
from einthoven.engine import Findings, analyze
from einthoven.formats.wfdb import read_annotations
from einthoven.record import Record
from einthoven.record.leads import STANDARD
from einthoven.record.vocabulary import is_beat
from einthoven.signal.simulate import Episode, simulate

RATE = 250
N = 60 * RATE
T = np.arange(N) / RATE
RNG = np.random.default_rng(0)

NO_ECG = {
    "white noise": RNG.normal(0, 0.3, N),
    "flat line": np.zeros(N),
    "flat line off zero": np.full(N, 1.7),
    "50 Hz": 0.5 * np.sin(2 * np.pi * 50 * T),
    "ramp": T / 10,
    "square wave": np.sign(np.sin(2 * np.pi * 1.1 * T)),
    "sparse spikes": (np.arange(N) % 997 == 0).astype(float),
    "all missing": np.full(N, np.nan),
}


def _record(x: np.ndarray, rate: float = RATE, lead: str = "II") -> Record:
    return Record(signal=np.asarray(x, float)[None], rate=rate, leads=(lead,))


@pytest.mark.parametrize("name", NO_ECG)
@pytest.mark.parametrize("profile", ["review", "live"])
def test_what_is_no_ecg_gets_no_heart_rate(name: str, profile: str) -> None:
    findings = analyze(_record(NO_ECG[name]), profile=profile)
    assert not findings.usable
    assert findings.reason
    assert "heart_rate_bpm" not in findings.intervals
    assert findings.marks.uncertain.all()


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_a_recording_too_short_is_an_answer(n: int) -> None:
    findings = analyze(_record(np.zeros(n)))
    assert not findings.usable
    assert findings.reason is not None
    assert "too short" in findings.reason


def test_one_missing_sample_changes_little() -> None:
    demo = demo_record()
    clean = analyze(demo).marks.samples
    signal = demo.signal.copy()
    signal[:, 5000] = np.nan
    holed = analyze(Record(signal=signal, rate=demo.rate, leads=demo.leads)).marks.samples
    assert abs(len(clean) - len(holed)) <= 1


def test_the_good_half_of_a_record_is_answered(mitdb: Path) -> None:
    record = einthoven.read(mitdb / "100")
    half = record.samples // 2
    signal = record.signal.copy()
    signal[:, half:] = np.nan
    findings = analyze(Record(signal=signal, rate=record.rate, leads=record.leads))
    assert findings.usable
    truth = read_annotations(mitdb / "100.atr")
    expected = int((is_beat(truth.symbols) & (truth.samples < half)).sum())
    assert len(findings.marks) == pytest.approx(expected, abs=2)
    assert findings.marks.samples.max() < half


def test_a_lead_the_model_was_not_made_for_keeps_its_r_peaks(mitdb: Path) -> None:
    record = einthoven.read(mitdb / "100")
    odd = Record(signal=record.signal[:1, : 60 * 360], rate=360, leads=("aVR",))
    findings = analyze(odd)
    assert len(findings.marks) > 60
    assert set(findings.marks.classes.tolist()) == {"Q"}
    assert findings.marks.uncertain.all()
    assert any("not made for lead aVR" in w for w in findings.warnings)


def test_the_document_has_the_keys_others_rely_on(mitdb: Path) -> None:
    document = json.loads(analyze(mitdb / "100").to_json())
    assert {
        "einthoven", "source", "record", "rate", "leads", "samples", "start", "usable", "reason",
        "models", "beats", "quality", "warnings", "intervals",
    } <= set(document)  # fmt: skip
    assert document["record"] == "100"
    assert document["leads"] == ["MLII", "V5"]
    assert document["samples"] == 650000
    assert [m["task"] for m in document["models"]] == ["peaks", "beat", "rhythm"]
    assert [s["start"] for s in document["rhythm"]] == list(range(0, 650000 - 3240, 10800))
    assert document["rhythm"][-1]["end"] == 650000
    assert set(document["beats"][0]) == {"sample", "class", "probability", "uncertain"}
    assert set(document["quality"][0]) == {"start", "end", "good", "score"}
    samples = [b["sample"] for b in document["beats"]]
    assert samples == sorted(samples)
    assert document["intervals"]["heart_rate_bpm"] == pytest.approx(75.5, abs=0.5)
    assert "waves" not in document
    assert "diagnoses" not in document
    assert any(w.startswith("diagnoses: not answered") for w in document["warnings"])


def test_a_flat_lead_is_called_flat_and_its_unit_is_not_doubted() -> None:
    demo = demo_record()
    signal = demo.signal[:, : 30 * int(demo.rate)].copy()
    for dead in (0, 1):
        one = signal.copy()
        one[dead] = 0
        said = analyze(Record(signal=one, rate=demo.rate, leads=demo.leads)).warnings
        assert f"leads: {demo.leads[dead]} is flat; no QRS is seen in it" in said
        assert not any(w.startswith("unit") for w in said)
    for factor in (1000, 0.001):
        said = analyze(Record(signal=signal * factor, rate=demo.rate, leads=demo.leads)).warnings
        assert any(w.startswith("unit") for w in said) or factor < 1
        assert not any("flat" in w for w in said)


def test_a_further_question_leaves_a_warning() -> None:
    findings = analyze(demo_record(), uncertainty=True)
    assert any(w.startswith("uncertainty: not answered") for w in findings.warnings)


def test_beats_are_a_table_and_annotations(tmp_path: Path) -> None:
    findings: Findings = analyze(demo_record())
    table = findings.beats
    assert list(table.columns) == ["sample", "seconds", "class", "probability", "uncertain"]
    marks = read_annotations(findings.to_wfdb(tmp_path / "demo.atr"))
    assert marks.samples.tolist() == findings.marks.samples.tolist()
    assert marks.symbols.tolist() == findings.marks.classes.tolist()
    assert (marks.subtypes == findings.marks.uncertain).all()


def test_names_stay_out_unless_asked_for(tmp_path: Path) -> None:
    from einthoven.record import Patient, RecordSource

    source = RecordSource(demo_record())
    source.patient = Patient(name="Jane Doe", birth_date="1950-01-01")
    findings = analyze(source)
    assert "Jane" not in findings.to_json()
    assert "Jane" not in findings.to_html()
    assert "Jane" in findings.to_json(identity=True)


def test_exchanged_arm_electrodes_are_warned_of() -> None:
    made = simulate(
        rate=250.0, leads=STANDARD, seed=4, episodes=[Episode(rhythm="sinus", seconds=10)]
    ).record
    assert not any("mirror" in w for w in analyze(made).warnings)
    rows = {name: made.signal[k] for k, name in enumerate(made.leads)}
    rows |= {"I": -rows["I"], "II": rows["III"], "III": rows["II"],
             "aVR": rows["aVL"], "aVL": rows["aVR"]}  # fmt: skip
    swapped = Record(signal=np.stack([rows[n] for n in made.leads]), rate=250.0, leads=made.leads)
    assert any("mirror" in w for w in analyze(swapped).warnings)
    assert not any("inverted" in w for w in analyze(made).warnings)
    turned = Record(signal=-made.signal, rate=250.0, leads=made.leads)
    assert any("all leads are inverted" in w for w in analyze(turned).warnings)


def test_diagnoses_of_limb_leads_that_do_not_add_up_are_uncertain() -> None:
    made = simulate(
        rate=250.0, leads=STANDARD, seed=4, episodes=[Episode(rhythm="sinus", seconds=10)]
    ).record
    right = analyze(made)
    assert not any("add up" in w for w in right.warnings)
    assert not all(d.uncertain for d in right.diagnoses or ())
    names = ("I", "III", "II", *made.leads[3:])
    wrong = analyze(Record(signal=made.signal, rate=250.0, leads=names))
    assert any("do not add up" in w for w in wrong.warnings)
    assert wrong.diagnoses
    assert all(d.uncertain for d in wrong.diagnoses)


def test_a_recording_has_one_heart_rate() -> None:
    demo = demo_record()
    signal = demo.signal[:, : 60 * int(demo.rate)].copy()
    noise = np.random.default_rng(1).normal(0, 0.35, signal.shape)
    noise[:, : signal.shape[1] // 2] *= 0.3
    record = Record(signal=signal + noise, rate=demo.rate, leads=demo.leads)
    findings = analyze(record, waves=True)
    assert findings.measurements is not None
    value = findings.measurements.values["heart_rate_bpm"].value
    assert value == findings.intervals["heart_rate_bpm"]
    assert f"{value:.0f}/min" in findings.to_html()
