import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.bundle import Bundle, Card, Stage
from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.corpora.svdb import Svdb
from einthoven.record import InputSpec
from einthoven.record.errors import LeakError, UsageError
from einthoven.suites import _bundles, beats


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A model that calls a beat V if the next RR is longer than the last one."""
    return make_bundle(tmp_path / "toy")


def make_bundle(folder: Path, **changes: Any) -> Bundle:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((4, 2), np.float32)
    weight[:, 1] = [1, -1, 0.5, 0]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["side", "w"], ["logits"])],
        "toy",
        [helper.make_tensor_value_info("side", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data = model.SerializeToString()
    onnx.checker.check_model(model)
    spec = InputSpec(
        kind="beat", rate=180.0, side=("rr4",), waveform=False, hop=8.0, back=300.0, ahead=60.0
    )
    stage = Stage(file="toy.onnx", sha256=hashlib.sha256(data).hexdigest(), input=spec)
    values: dict[str, Any] = {
        "name": "toy", "version": "1", "task": "beat", "title": "Toy", "stages": (stage,),
        "classes": ("N", "V"), "profiles": ("review",), "protocol": "inter-patient",
        "data": {"records": ["101"]}, **changes,
    }  # fmt: skip
    folder.mkdir()
    (folder / "toy.onnx").write_bytes(data)
    (folder / "card.json").write_text(Card(**values).to_json())
    return Bundle(folder)


def test_a_model_answers_every_reference_beat_and_only_known_classes_are_judged(
    bundle: Bundle, mitdb: Path
) -> None:
    corpus = open_corpus("mitdb", mitdb.parent)
    found = _bundles.on_reference_beats(bundle, corpus, ("100", "232"))
    assert len(found) == 2273 + 1780
    assert {str(r) for r in found.record} == {"100", "232"}
    # 33 and 1,382 S beats are no class of the toy's, and one V of record 100 is.
    assert (found.label < 0).sum() == 33 + 1382
    assert (found.label == 1).sum() == 1
    row = beats.judge([found], "aami", corpus)
    assert row["n"] == len(found) - 33 - 1382


def test_who_was_trained_on_the_test_side_is_not_judged_on_it(tmp_path: Path) -> None:
    corpus = open_corpus("mitdb", tmp_path)
    fair = make_bundle(tmp_path / "fair")
    assert len(_bundles.test_records(fair, corpus, "inter-patient")) == 22
    with pytest.raises(UsageError, match="needs the split"):
        _bundles.test_records(fair, corpus, "intra-patient")
    for number, changes in enumerate(
        (
            {"data": {"records": ["100"]}},
            {"protocol": "intra-patient (leaky)"},
            # As networks are exported: records by side.
            {"data": {"records": {"training": ["101"], "validation": ["100"]}}},
        )
    ):
        unfair = make_bundle(tmp_path / f"unfair{number}", **changes)
        with pytest.raises(LeakError, match="trained on beats of the test side"):
            _bundles.test_records(unfair, corpus, "inter-patient")


@pytest.mark.parametrize("data", [
    {"corpus": "MIT-BIH Supraventricular Arrhythmia Database", "records": ["800"]},
    {"corpus": "MIT-BIH Arrhythmia Database; MIT-BIH Supraventricular Arrhythmia Database"},
    {"corpus": "svdb"},
    {"corpus": "Of another name", "records": {"training": ["101"], "validation": ["800"]}},
])  # fmt: skip
def test_who_has_seen_a_corpus_is_no_stranger_to_it(data: dict[str, Any], tmp_path: Path) -> None:
    """Exporters write the publisher's title, not the name of the catalogue."""
    Svdb(tmp_path).miniature(tmp_path, 1, records=("800",), seconds=12)
    corpus = open_corpus("svdb", tmp_path)
    with pytest.raises(LeakError, match="was trained on svdb"):
        _bundles.test_records(make_bundle(tmp_path / "seen", data=data), corpus, "external-svdb")
    other = {"corpus": open_corpus("mitdb", tmp_path).title, "records": list(DS1)}
    stranger = make_bundle(tmp_path / "stranger", data=other)
    assert _bundles.test_records(stranger, corpus, "external-svdb") == ("800",)


def test_the_map_of_a_models_classes_is_found(tmp_path: Path) -> None:
    assert _bundles.labels_of(make_bundle(tmp_path / "a")) == "aami"
    assert _bundles.labels_of(make_bundle(tmp_path / "b", classes=("N", "L"))) == "nlrav"
    with pytest.raises(UsageError, match="no known map"):
        _bundles.labels_of(make_bundle(tmp_path / "c", classes=("N", "AF")))


def test_behind_our_own_peaks_missed_and_made_up_beats_count(bundle: Bundle, mitdb: Path) -> None:
    corpus = open_corpus("mitdb", mitdb.parent)
    found = _bundles.behind_own_peaks(bundle, corpus, ("101",), "review")
    assert found.classes == ("N", "V", "-")
    truth, said = found.label, found.choice
    # Record 101 has 1,860 N, 3 A and 2 Q, and every answer is one of the reference's beats or new.
    assert (truth == 0).sum() == 1860
    assert (truth == -1).sum() == 5
    assert (said[truth == 0] == 2).sum() < 20  # missed
    assert (truth == 2).sum() < 20  # made up
    assert not ((truth == 2) & (said == 2)).any()
    row = beats.judge([found], "aami", corpus)
    assert set(row["figures"]["classes"]) == {"N", "V"}
    assert "-" not in row["figures"]["undefined"]
