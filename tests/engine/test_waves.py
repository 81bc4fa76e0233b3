"""Waves in the engine, asked of a small net made by hand, in a bundle like the shipped one."""

from __future__ import annotations

import hashlib
import importlib
import json

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from einthoven.bundle import Bundle, Card, Stage, load_model
from einthoven.engine import BeatEvent, Engine, Event, Findings, WaveEvent, _waves, analyze
from einthoven.record import Record, UsageError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.simulate import Episode, Simulation, simulate
from einthoven.signal.waves import WaveNet, Waves


def _graph() -> onnx.ModelProto:
    """Return a net that calls steep stretches QRS and the high ones after them T."""
    steps = [
        ("Conv", ["window", "slope"], "d", {"pads": [1, 0]}),
        ("Abs", ["d"], "a", {}),
        ("AveragePool", ["a"], "e", {"kernel_shape": [15], "pads": [7, 7], "strides": [1]}),
        ("Conv", ["e", "w_e", "b_e"], "z_e", {}),
        ("Conv", ["window", "w_x"], "z_x", {}),
        ("Add", ["z_e", "z_x"], "logits", {}),
    ]
    constants = {
        "slope": np.array([[[-1, 1]]]), "w_e": np.array([0, 0, 60, -120]).reshape(4, 1, 1),
        "b_e": np.array([0, -9, -6, 2]), "w_x": np.array([0, 0, 0, 6]).reshape(4, 1, 1),
    }  # fmt: skip
    dims = ["item", 1, "time"], ["item", 4, "time"]
    graph = helper.make_graph(
        [helper.make_node(op, put, [out], **more) for op, put, out, more in steps],  # type: ignore[arg-type]
        "waves",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, dims[0])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, dims[1])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> WaveNet:
    folder = tmp_path_factory.mktemp("waves")
    data = _graph().SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    spec = InputSpec(kind="waves", rate=250)
    stage = Stage(file="model.onnx", sha256=hashlib.sha256(data).hexdigest(), input=spec)
    card = Card(
        name="waves-by-hand", version="0", task="waves", title="", stages=(stage,),
        classes=("none", "P", "QRS", "T"), profiles=("review", "live"), temperature=1.0,
    )  # fmt: skip
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    return WaveNet(Bundle(folder))


@pytest.fixture
def shipped(net: WaveNet, monkeypatch: pytest.MonkeyPatch) -> WaveNet:
    """Let `analyze` find the net made by hand."""
    module = importlib.import_module("einthoven.engine.analyze")
    monkeypatch.setattr(module, "shipped", lambda profile: net)
    return net


def _made(
    rate: float, seconds: float, leads: tuple[str, ...] = ("II", "V5"), rhythm: str = "sinus"
) -> Simulation:
    return simulate(
        rate=rate, leads=leads, episodes=[Episode(rhythm=rhythm, seconds=seconds)], seed=5
    )


def _columns(waves: Waves) -> tuple[list[object], ...]:
    names = ("lead", "kind", "onset", "peak", "offset", "onset_p", "offset_p")
    return tuple(getattr(waves, name).tolist() for name in names)


def _asked(record: Record, profile: str, net: WaveNet, cuts: list[int]) -> list[Event]:
    engine = Engine(record.rate, record.leads, profile, waves=net)
    events: list[Event] = []
    for a, b in zip([0, *cuts], [*cuts, record.samples], strict=True):
        events += engine.push(record.signal[:, a:b])
    return events + engine.flush()


@pytest.mark.parametrize("profile", ["review", "live"])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rate=st.sampled_from([128.0, 250.0, 257.0, 360.0, 500.0, 1000.0]),
    seed=st.integers(0, 2**16), pieces=st.integers(1, 30), gaps=st.integers(0, 2),
)  # fmt: skip
def test_waves_do_not_depend_on_the_chunks(
    profile: str, rate: float, seed: int, pieces: int, gaps: int, net: WaveNet
) -> None:
    made = _made(rate, 20).record
    rng = np.random.default_rng(seed)
    signal = made.signal.copy()
    for _ in range(gaps):
        start = int(rng.integers(0, made.samples))
        signal[rng.integers(0, 2) :, start : start + int(rng.integers(1, 2 * rate))] = np.nan
    record = Record(signal=signal, rate=rate, leads=made.leads)
    cuts = sorted(int(c) for c in rng.integers(0, record.samples, pieces))
    got, whole = (
        [_columns(e.waves) for e in _asked(record, profile, net, c) if isinstance(e, WaveEvent)]
        for c in (cuts, [])
    )
    assert whole
    assert got == whole


def test_asking_for_waves_leaves_the_beats_as_they_are(net: WaveNet) -> None:
    record = _made(360.0, 30).record
    with_waves = [e for e in _asked(record, "review", net, []) if isinstance(e, BeatEvent)]
    engine = Engine(record.rate, record.leads, "review")
    plain = engine.push(record.signal) + engine.flush()
    assert with_waves == [e for e in plain if isinstance(e, BeatEvent)]


@pytest.mark.parametrize("rate", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_a_live_beat_has_its_waves_within_three_seconds(rate: float, net: WaveNet) -> None:
    made = _made(rate, 25)
    beats = made.waves.peaks[made.waves.kinds == "QRS"]
    engine = Engine(rate, made.record.leads, "live", waves=net)
    step = round(rate / 10)
    late: list[float] = []
    for start in range(0, made.record.samples, step):
        events = engine.push(made.record.signal[:, start : start + step])
        now = start + step
        for event in events:
            if isinstance(event, WaveEvent):
                waves = event.waves.where(event.waves.peak > beats[0])
                of = np.searchsorted(beats, waves.peak + round(0.05 * rate)) - 1
                late += ((now - beats[of]) / rate).tolist()
    assert len(late) > 50
    assert max(late) <= 3.0


def test_the_document_has_the_waves(shipped: WaveNet) -> None:
    made = _made(500.0, 12)
    findings = analyze(made.record, waves=True)
    document = json.loads(findings.to_json())
    assert document["models"][-1] == {
        "name": "waves-by-hand", "sha256": shipped.bundle.sha256, "task": "waves"
    }  # fmt: skip
    first = document["waves"][1]
    assert set(first) == {
        "lead", "wave", "onset", "peak", "offset", "onset_probability", "offset_probability",
        "uncertain",
    }  # fmt: skip
    assert {w["lead"] for w in document["waves"]} == {"II", "V5"}
    for wave in document["waves"]:
        assert wave["wave"] in ("P", "QRS", "T")
        assert wave["onset"] is None or 0 <= wave["onset"] <= wave["peak"]
        assert wave["offset"] is None or wave["peak"] <= wave["offset"] < 6000
        assert (wave["onset"] is None) == (wave["onset_probability"] is None)
    assert not any(w.startswith("waves") for w in document["warnings"])
    table = findings.waves
    assert len(table) == len(document["waves"])
    for side in ("onset", "offset"):
        unknown = [w[side] is None for w in document["waves"]]
        assert any(unknown)
        assert table[side].isna().tolist() == unknown
        assert table[f"{side}_probability"].isna().tolist() == unknown
    qrs = table[(table["lead"] == "II") & (table["wave"] == "QRS")]["peak"].to_numpy(np.int64)
    marks = findings.marks.samples
    assert np.abs(marks[:, None] - qrs[None]).min(axis=1).max() <= 0.02 * 500


def _warning(findings: Findings) -> str:
    (said,) = (w for w in findings.warnings if w.startswith("waves"))
    return said


@pytest.mark.usefixtures("shipped")
def test_where_there_is_nothing_to_find_the_list_is_empty_and_says_why() -> None:
    two = simulate(
        rate=360, leads=("II",), seed=1, episodes=[Episode(rhythm="sinus", seconds=2.1,
                                                           heart_rate=50)],
    )  # fmt: skip
    short = analyze(two.record, waves=True)
    flat = analyze(Record(signal=np.zeros((1, 9000)), rate=300, leads=("II",)), waves=True)
    rng = np.random.default_rng(0)
    noise = Record(signal=rng.standard_normal((1, 9000)), rate=300, leads=("II",))
    noisy = analyze(noise, waves=True)
    for findings in (short, flat, noisy):
        assert json.loads(findings.to_json())["waves"] == []
        assert len(findings.waves) == 0
        assert "none are given" in _warning(findings)
    assert "fewer than 3" in _warning(short)


@pytest.mark.usefixtures("shipped")
def test_a_flat_lead_is_named() -> None:
    record = _made(500.0, 12, ("II", "V1", "V5")).record
    signal = record.signal.copy()
    signal[1] = 0
    findings = analyze(Record(signal=signal, rate=500, leads=record.leads), waves=True)
    assert "V1" in _warning(findings)
    assert set(findings.waves["lead"]) == {"II", "V5"}


def test_without_a_model_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("einthoven.engine.analyze")
    monkeypatch.setattr(module, "shipped", lambda profile: None)
    findings = analyze(_made(360.0, 10).record, waves=True)
    assert _warning(findings) == "waves: not answered, since no waves model is shipped"
    assert "waves" not in findings.to_dict()
    assert len(findings.waves) == 0


def test_waves_are_not_looked_for_unless_asked(shipped: WaveNet) -> None:
    findings = analyze(_made(360.0, 10).record)
    assert findings.wave_marks is None
    assert "waves" not in findings.to_dict()
    assert shipped.bundle.card.name not in {m["name"] for m in findings.models}


def test_in_fibrillation_there_is_no_p_wave() -> None:
    rows = [(0, "P", 10, 12, 15, 1.0, 1.0), (0, "QRS", 20, 22, 25, 1.0, 1.0),
            (0, "P", 110, 112, 115, 1.0, 1.0)]  # fmt: skip
    events: list[Event] = [WaveEvent(leads=("II",), waves=Waves.of(rows))]
    waves, said = _waves.answer(events, ("II",), None, 5, fibrillation=[(0, 100)])
    assert waves.kind.tolist() == ["QRS", "P"]
    assert waves.peak.tolist() == [22, 112]
    assert said == []
    assert len(_waves.answer(events, ("II",), None, 5)[0]) == 3


def test_a_model_of_another_task_is_refused() -> None:
    with pytest.raises(UsageError, match="does not find waves"):
        WaveNet(load_model("rpeaks"))
