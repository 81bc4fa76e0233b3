"""Rhythm and diagnoses: judged span by span, the same whatever the chunks were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import einthoven
from einthoven.bundle import Bundle, Card, Stage
from einthoven.engine import Engine
from einthoven.engine._whole import DiagnosisStage, RhythmStage, _joined, _told
from einthoven.engine.events import DiagnosisEvent, QualityEvent, RhythmEvent
from einthoven.inputs.rhythm_span import LONGEST
from einthoven.live.replay import replay
from einthoven.record import InputSpec, Record
from einthoven.record.leads import STANDARD
from einthoven.record.source import RecordSource
from einthoven.signal.simulate import Episode, simulate

SPECS = {
    "rhythm": InputSpec(kind="rhythm", rate=100.0, window=(0.0, 30.0)),
    "diagnosis": InputSpec(
        kind="strip", rate=100.0, window=(0.0, 10.0), leads=STANDARD, band=(0.5, 40.0)
    ),
}
CLASSES = {"rhythm": ("N", "A", "O", "~"), "diagnosis": ("NORM", "MI")}
SHAPES = {"rhythm": (2, 3000), "diagnosis": (12, 1000)}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bundle]:
    """Return models made by hand: logits are sums over the window, another stretch for each."""

    def bundle(task: str) -> Bundle:
        folder = tmp_path_factory.mktemp(task)
        lead, time = SHAPES[task]
        classes = CLASSES[task]
        rng = np.random.default_rng(1)
        weights = rng.normal(0, 0.05, (lead * time, len(classes))).astype(np.float32)
        nodes = [
            helper.make_node("Reshape", ["window", "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ]
        given_ = [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", lead, time])]
        out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)])]
        shape = helper.make_tensor("shape", TensorProto.INT64, [2], [-1, lead * time])
        array = onnx.numpy_helper.from_array(weights, "weights")
        graph = helper.make_graph(nodes, "made", given_, out, [shape, array])
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
        ).SerializeToString()
        (folder / "model.onnx").write_bytes(model)
        stage = Stage(
            file="model.onnx", sha256=hashlib.sha256(model).hexdigest(), input=SPECS[task]
        )
        card = Card(
            name=f"made-{task}", version="0", task=task, title="made by hand", stages=(stage,),
            classes=classes, profiles=("review", "live"), threshold=0.6,
        )  # fmt: skip
        (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
        return Bundle(folder)

    return bundle


@pytest.fixture(scope="session")
def models(made: Callable[[str], Bundle]) -> dict[str, Bundle]:
    return {task: made(task) for task in SPECS}


@pytest.fixture
def shipped(models: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine find them."""
    import importlib

    module = importlib.import_module("einthoven.engine.engine")
    real = module.default_model
    monkeypatch.setattr(
        module, "default_model", lambda task, profile: models.get(task) or real(task, profile)
    )


def recording(seconds: float, rate: float = 200.0, seed: int = 3) -> Record:
    return simulate(
        rate=rate, leads=STANDARD, seed=seed, episodes=(Episode(rhythm="sinus", seconds=seconds),)
    ).record


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("profile", ["review", "live"])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seconds=st.floats(4, 95), rate=st.sampled_from([128.0, 257.0, 360.0]),
    cuts=st.lists(st.floats(0, 1), max_size=12), noise=st.sampled_from([0.0, 5.0]),
    hurt=st.floats(0, 1),
)  # fmt: skip
def test_rhythm_and_diagnoses_do_not_depend_on_the_chunks(
    profile: str, seconds: float, rate: float, cuts: list[float], noise: float, hurt: float
) -> None:
    record = recording(seconds, rate)
    # From there on all is noise, or lead II is dead.
    signal, start = record.signal.copy(), round(hurt * record.samples)
    rng = np.random.default_rng(0)
    signal[:, start:] += noise * rng.normal(size=signal[:, start:].shape)
    signal[1, start:] *= noise
    record = replace(record, signal=signal)
    edges = sorted(round(c * record.samples) for c in cuts)

    def events(edges: list[int]) -> list[RhythmEvent | DiagnosisEvent]:
        engine = Engine(record.rate, record.leads, profile)
        out = []
        for a, b in zip([0, *edges], [*edges, record.samples], strict=True):
            out += engine.push(record.signal[:, a:b])
        out += engine.flush()
        kinds = (RhythmEvent, DiagnosisEvent)
        return sorted(
            (e for e in out if isinstance(e, kinds)), key=lambda e: (type(e).__name__, e.start)
        )

    got, whole = events(edges), events([])
    assert got == whole
    rhythm = [e for e in whole if isinstance(e, RhythmEvent)]
    if seconds >= 9:
        assert (rhythm[0].start, rhythm[-1].end) == (0, record.samples)
    if profile == "review" and 9 <= seconds <= LONGEST - 0.1:
        assert len(rhythm) == 1


@pytest.mark.usefixtures("shipped")
def test_a_stream_gives_what_analyze_live_gives() -> None:
    record = recording(75)
    streamed = [
        e.to_dict() for e in replay(RecordSource(record), speed=0) if isinstance(e, RhythmEvent)
    ]
    found = einthoven.analyze(record, profile="live").to_dict()["rhythm"]
    assert [{k: v for k, v in e.items() if k != "event"} for e in streamed] == found


@pytest.mark.usefixtures("shipped")
def test_the_document_lists_every_diagnosis_and_the_models() -> None:
    found = einthoven.analyze(recording(10)).to_dict()
    assert [d["code"] for d in found["diagnoses"]] == ["NORM", "MI"]
    assert found["diagnoses"][1]["name"] == "myocardial infarction"
    assert {m["task"] for m in found["models"]} == {"peaks", "beat", "rhythm", "diagnosis"}
    (span,) = found["rhythm"]
    assert (span["start"], span["end"]) == (0, 2000)
    assert span["class"] in "NAO~"


@pytest.mark.usefixtures("shipped")
def test_what_cannot_be_answered_is_absent_and_says_why() -> None:
    short = einthoven.analyze(recording(7)).to_dict()
    assert "rhythm" not in short
    assert any("9 s" in w for w in short["warnings"])
    record = recording(10)
    lone = einthoven.analyze(replace(record, signal=record.signal[1:2], leads=("II",))).to_dict()
    assert "diagnoses" not in lone
    assert any(
        w.startswith("diagnoses: not answered, since it takes two limb") for w in lone["warnings"]
    )
    eleven = [k for k, name in enumerate(record.leads) if name != "V4"]
    names = tuple(record.leads[k] for k in eleven)
    lost = einthoven.analyze(replace(record, signal=record.signal[eleven], leads=names)).to_dict()
    assert any(w.endswith("V1 to V6, and V4 is missing") for w in lost["warnings"])
    noise = Record(
        signal=np.random.default_rng(0).normal(0, 0.3, (1, 60 * 200)).astype(np.float32),
        rate=200.0, leads=("II",),
    )  # fmt: skip
    refused = einthoven.analyze(noise).to_dict()
    assert not refused["usable"]
    assert "rhythm" not in refused


def test_eight_leads_by_name_are_twelve(models: dict[str, Bundle]) -> None:
    record = recording(10)
    peaks = np.arange(100, 2000, 160)
    order = ["V3", "V1", "II", "V6", "I", "V2", "V5", "V4"]
    rows = [record.leads.index(name) for name in order]
    answers = []
    for signal, leads in (
        (record.signal, record.leads),
        (record.signal[rows], tuple(name.lower() for name in order)),
    ):
        stage = DiagnosisStage(models["diagnosis"], record.rate, leads, live=False)
        stage.push(signal, peaks, record.samples)
        (event,) = stage.flush(peaks[:0])
        assert isinstance(event, DiagnosisEvent)
        answers.append(event.probabilities)
    # The simulated limb leads are sums of I and II but for the rounding of their noise.
    assert answers[0] == pytest.approx(answers[1], abs=0.05)


def test_stretches_count_as_long_as_they_are(models: dict[str, Bundle]) -> None:
    parts = [
        DiagnosisEvent(start=0, end=3000, probabilities={"NORM": 0.9, "MI": 0.2}),
        DiagnosisEvent(start=3000, end=4000, probabilities={"NORM": 0.1, "MI": 0.6}),
    ]
    normal, infarct = _joined(models["diagnosis"], parts)
    assert normal.probability == pytest.approx(0.7)
    assert (normal.positive, normal.uncertain) == (True, False)
    assert infarct.probability == pytest.approx(0.3)
    assert not infarct.positive


def test_memory_of_a_stage_is_bounded(models: dict[str, Bundle]) -> None:
    stage = RhythmStage(models["rhythm"], 100.0, ("II",), live=False)
    chunk = np.zeros((1, 1000), np.float32)
    none = np.zeros(0, np.int64)
    for k in range(1, 60):
        stage.push(chunk, none, k * 1000)
        assert sum(p.shape[1] for p in stage._spans._pieces) <= 8000


def test_a_model_by_name_answers_its_task(models: dict[str, Bundle]) -> None:
    found = einthoven.analyze(recording(10), model=models["diagnosis"])
    assert found.diagnoses is not None
    assert {m["name"] for m in found.models} >= {"made-diagnosis", "aami-review"}


def test_a_path_is_a_model_too(models: dict[str, Bundle]) -> None:
    path: Path = models["rhythm"].path
    assert einthoven.analyze(recording(12), model=path).rhythm is not None


@pytest.mark.usefixtures("shipped")
def test_no_rhythm_is_told_where_the_leads_say_nothing() -> None:
    record = recording(90)
    for value in (np.nan, 2.0):
        signal = record.signal[1:2].copy()
        signal[:, 6000:12000] = value  # the middle one of three spans
        lone = replace(record, signal=signal, leads=("II",))
        found = einthoven.analyze(lone).to_dict()
        assert [s["start"] for s in found["rhythm"]] == [0, 12000]
        assert any(w.startswith("rhythm: not told of 1 of 3 spans") for w in found["warnings"])


@pytest.mark.usefixtures("shipped")
def test_where_the_usual_lead_is_dead_another_tells_the_rhythm() -> None:
    whole = recording(90)
    rows = [whole.leads.index(name) for name in ("V1", "V5", "II")]
    record = replace(whole, signal=whole.signal[rows], leads=("V1", "V5", "II"))
    for value in (np.nan, 2.0):
        signal = record.signal.copy()
        signal[2, 6000:12000] = value
        found = einthoven.analyze(replace(record, signal=signal)).to_dict()
        assert [s["start"] for s in found["rhythm"]] == [0, 6000, 12000]
        (said,) = [w for w in found["warnings"] if w.startswith("rhythm")]
        assert said.startswith("rhythm: told by lead V5 in 1 of 3 spans, since lead II is flat or")
        signal[:, 6000:12000] = value
        found = einthoven.analyze(replace(record, signal=signal)).to_dict()
        assert [s["start"] for s in found["rhythm"]] == [0, 12000]
        assert any("not told of 1 of 3 spans, since all leads" in w for w in found["warnings"])


@pytest.mark.parametrize(
    ("bad", "threshold", "uncertain", "noise"),
    [
        ((), 0.0, False, False), ((0,), 0.0, False, False), ((0, 1), 0.0, True, False),
        ((0, 1, 2), 0.0, True, False), ((0, 1), 1.1, True, False), ((0, 1, 2), 1.1, True, True),
    ],
)  # fmt: skip
def test_quality_speaks_for_the_span(
    models: dict[str, Bundle], bad: tuple[int, ...], threshold: float, uncertain: bool, noise: bool
) -> None:
    bundle = Bundle(models["rhythm"].path)
    bundle.card = replace(bundle.card, threshold=threshold)
    stage = RhythmStage(bundle, 200.0, ("II",), live=True)
    for k in range(4):  # the last window is of the next span
        stage.hear(
            QualityEvent(start=2000 * k, end=2000 * k + 2000, good=k not in (*bad, 3), score=0.5)
        )
    signal = recording(40).signal[1:2]
    (event,) = stage.push(signal, np.arange(100, 8000, 160), 8000)
    assert isinstance(event, RhythmEvent)
    plain = RhythmStage(models["rhythm"], 200.0, ("II",), live=True)
    (usual,) = plain.push(signal, np.arange(100, 8000, 160), 8000)
    assert isinstance(usual, RhythmEvent)
    assert usual.label != "~"
    assert event.uncertain is uncertain
    assert event.label == ("~" if noise else usual.label)
    assert stage.noisy == int(uncertain and not noise and len(bad) > 1)
    warned = any("too noisy to judge" in w for w in _told(stage, "II"))
    assert warned == bool(stage.noisy)


def test_half_a_minute_of_noise_is_not_a_rhythm() -> None:
    record = recording(90, seed=7)
    signal = record.signal[1:2].copy()
    rng = np.random.default_rng(0)
    signal[:, 6000:12000] = rng.normal(0, 0.5, (1, 6000))
    found = einthoven.analyze(replace(record, signal=signal, leads=("II",))).to_dict()
    sound, noisy, _ = found["rhythm"]
    assert not sound["uncertain"]
    assert noisy["class"] == "~"


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("gain", [20, 1000])
def test_no_diagnoses_from_amplitudes_that_cannot_be(gain: float) -> None:
    record = recording(10)
    found = einthoven.analyze(replace(record, signal=record.signal * np.float32(gain))).to_dict()
    assert found["usable"]
    assert "diagnoses" not in found
    assert any(w.startswith("diagnoses: not answered, since QRS") for w in found["warnings"])


@pytest.fixture
def reader(models: dict[str, Bundle]) -> Bundle:
    """A model of diagnoses that reads sentences of heartbeats."""
    bundle = Bundle(models["diagnosis"].path)
    (stage,) = bundle.card.stages
    spec = replace(stage.input, kind="tokens")
    bundle.card = replace(bundle.card, stages=(replace(stage, input=spec),))
    return bundle


def test_a_sentence_without_a_beat_is_answered_and_uncertain(reader: Bundle) -> None:
    record = recording(20)
    spoken, silent = np.arange(100, 2000, 160), np.zeros(0, np.int64)

    def said(peaks: np.ndarray, *, live: bool) -> list[DiagnosisEvent]:
        stage = DiagnosisStage(reader, record.rate, record.leads, live=live)
        events = stage.push(record.signal, peaks, record.samples) + stage.flush(silent)
        return [e for e in events if isinstance(e, DiagnosisEvent)]

    heard, unheard = said(spoken, live=True)
    assert (heard.uncertain, unheard.uncertain) == (False, True)
    # Two windows of one stretch: the one with beats speaks for it.
    (together,) = said(spoken, live=False)
    assert not together.uncertain
    assert together.probabilities == heard.probabilities
    joined = _joined(reader, [heard, unheard])
    assert [d.probability for d in joined] == list(heard.probabilities.values())
    assert all(d.uncertain for d in _joined(reader, [unheard]))
    (alone,) = said(silent, live=False)
    assert alone.to_dict()["uncertain"]


@pytest.mark.parametrize("profile", ["review", "live"])
def test_a_model_of_sentences_answers(reader: Bundle, profile: str) -> None:
    found = einthoven.analyze(recording(25), model=reader, profile=profile)
    assert [d.code for d in found.diagnoses or ()] == ["NORM", "MI"]


def test_a_recording_without_a_beat_is_answered_and_uncertain(reader: Bundle) -> None:
    record = recording(20)
    at = np.arange(record.samples) / record.rate
    slow = np.tile(0.3 * np.sin(0.2 * np.pi * at), (len(record.leads), 1)).astype(np.float32)
    found = einthoven.analyze(replace(record, signal=slow), model=reader)
    assert not len(found.beats)
    assert not found.usable
    assert found.diagnoses
    assert all(d.uncertain for d in found.diagnoses)
    assert "diagnoses: uncertain, since no heartbeats were found" in found.warnings
