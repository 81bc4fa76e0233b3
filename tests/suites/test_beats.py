import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.evaluation import classification
from einthoven.record.errors import DataError
from einthoven.report._beats import gaps as told_gaps
from einthoven.report.scores import scores_text
from einthoven.suites import _looks, beats
from einthoven.suites._runs import find_runs, read_run

NLRAV = ("N", "L", "R", "A", "V")


@pytest.fixture
def results(make_run: Any, tmp_path: Path) -> dict[str, Any]:
    for seed in range(3):
        make_run("net-inter", seed=seed)
        make_run("net-intra", seed=seed, protocol="intra-patient", right=0.99)
    make_run("boost-inter", model="boosting", library="sklearn", right=0.95)
    make_run("net-inter", strict=True, right=0.8)
    make_run("nlrav-intra", protocol="intra-patient", labels="nlrav", classes=NLRAV)
    return beats.run(tmp_path / "results", runs=tmp_path / "runs")


def test_there_is_a_table_a_label_set_and_protocol_with_the_control_in_each(
    results: dict[str, Any],
) -> None:
    assert set(results["tables"]) == {
        "aami inter-patient", "aami intra-patient", "nlrav intra-patient",
    }  # fmt: skip
    for table in results["tables"].values():
        kinds = [row["kind"] for row in table["systems"]]
        assert kinds[-1] == "control"
        assert table["leaky"] == (table["protocol"] == "intra-patient")
    inter = results["tables"]["aami inter-patient"]
    assert [(r["name"], r["variant"]) for r in inter["systems"]] == [
        ("boost-inter", ""), ("net-inter", ""), ("net-inter", "strict: trained without 201"),
        ("majority", ""),
    ]  # fmt: skip
    assert "201" in inter["note"]
    assert "Leaky" in results["tables"]["nlrav intra-patient"]["note"]


def test_what_is_odd_about_the_records_of_mitdb_is_said_of_no_other_corpus() -> None:
    assert "232" in beats.protocol_note("mitdb", "inter-patient", "aami")
    assert beats.protocol_note("simulated", "inter-patient", "aami") == ""
    assert "Leaky" in beats.protocol_note("simulated", "intra-patient", "aami")


def test_a_figure_is_the_mean_of_the_seeds_recomputed_from_the_matrices(
    results: dict[str, Any],
) -> None:
    (row,) = (
        r for r in results["tables"]["aami inter-patient"]["systems"]
        if r["name"] == "net-inter" and not r["variant"]
    )  # fmt: skip
    matrices = [np.array(r["confusion"]) for r in row["runs"]]
    assert [r["seed"] for r in row["runs"]] == [0, 1, 2]
    by_hand = np.mean([classification.f1(m) for m in matrices], axis=0)
    for index, name in enumerate("NSVF"):
        entry = row["figures"]["classes"][name]["f1"]
        assert entry["mean"] == pytest.approx(by_hand[index], abs=1e-5)
        for kind in ("over_beats", "over_patients"):
            low, high = entry[kind]
            assert low <= entry["mean"] <= high
    assert row["n"] == 22 * 40
    assert row["subjects"] == 22
    assert row["parameters"] == 40181
    assert row["published"] == {"accuracy": 0.99}


def test_s_stands_with_and_without_the_record_that_holds_most_of_it(
    results: dict[str, Any],
) -> None:
    row = results["tables"]["aami inter-patient"]["systems"][1]
    rest = row["without"]["232"]["classes"]["S"]
    assert rest["support"] < row["figures"]["classes"]["S"]["support"]
    found, missed, false = row["by_record"]["S"]["232"]
    assert found + missed > 0
    assert false >= 0
    nlrav = results["tables"]["nlrav intra-patient"]["systems"][0]
    assert "without" not in nlrav


def test_the_majority_control_finds_one_class_only(results: dict[str, Any]) -> None:
    row = results["tables"]["aami inter-patient"]["systems"][-1]
    assert row["title"] == "Always N"
    classes = row["figures"]["classes"]
    assert classes["N"]["sensitivity"]["mean"] == 1
    assert classes["V"]["f1"]["mean"] == 0
    assert classes["V"]["predictivity"]["mean"] is None
    assert row["figures"]["undefined"] == []


def test_the_gap_between_the_protocols_is_told(results: dict[str, Any]) -> None:
    rows = [g for g in results["gaps"] if g["figure"] == "macro_f1" and not g["variant"]]
    row, majority = rows
    assert majority["model"] == "constant"
    assert row["model"] == "arrhythminet-v2"
    assert row["gap"] == pytest.approx(row["intra"] - row["inter"], abs=2e-5)
    assert row["gap"] > 0


def test_only_a_system_that_is_the_same_under_both_protocols_has_a_gap(
    results: dict[str, Any],
) -> None:
    """Augmented beside not augmented, or ten members beside five, is no gap of protocols."""
    assert {g["variant"] for g in results["gaps"]} == {""}, "strict has no intra-patient row"
    inter, intra = (results["tables"][f"aami {p}"] for p in ("inter-patient", "intra-patient"))
    row = next(r for r in intra["systems"] if r["kind"] == "network")
    mixed = row | {"kind": "ensemble", "model": "ensemble mean", "variant": "all"}

    def told(first: dict[str, Any], second: dict[str, Any]) -> int:
        found = {
            "a": intra | {"systems": [first]}, "aami inter-patient": inter | {"systems": [second]}
        }  # fmt: skip
        return len(beats.gaps(found))

    five, ten = list("abcde"), list("abcdefghij")
    assert told(row, row) == told(row | {"variant": "plain"}, row | {"variant": "plain"}) == 2
    assert told(row, row | {"variant": "plain augmentation"}) == 0
    assert told(mixed | {"members": five}, mixed | {"members": five}) == 2
    assert told(mixed | {"members": five}, mixed | {"members": ten}) == 0


def test_a_gap_of_macro_f1_is_over_the_classes_of_both_protocols() -> None:
    """It was over five classes on one side and over four on the other."""

    def row(*f1: float) -> dict[str, Any]:
        figures = {
            "accuracy": {"mean": 0.9, "over_patients": [0.8, 1.0]},
            "macro_f1": {"mean": float(np.mean(f1)), "over_patients": [0.3, 1.0]},
            "classes": {c: {"f1": {"mean": f}} for c, f in zip("NSVFQ", f1, strict=False)},
        }
        return {"model": "cnn", "kind": "network", "variant": "", "figures": figures}

    tables = [
        beats.one_table("mitdb", "aami", protocol, classes, [one])
        for protocol, classes, one in (
            ("intra-patient", "NSVFQ", row(0.9, 0.8, 0.7, 0.6, 1.0)),
            ("inter-patient", "NSVF", row(0.9, 0.4, 0.3, 0.2)),
        )
    ]
    accuracy, macro = beats.gaps({f"aami {t['protocol']}": t for t in tables})
    assert macro["over"] == list("NSVF")
    assert macro["intra"] == pytest.approx(0.75)
    assert macro["gap"] == pytest.approx(0.3)
    assert macro["intra_interval"] == [None, None]
    assert macro["inter_interval"] == [0.3, 1.0]
    assert accuracy["intra_interval"] == [0.8, 1.0]
    assert "macro F1 over N S V F | 0.7500 | 0.4500 [0.300 to 1.000]" in told_gaps([macro])


def test_macro_f1_is_over_the_classes_that_have_beats_and_names_those(answers: Any) -> None:
    part = answers(("800", "840"), "test", tuple("NSVF"), 0.8, 0)
    part = part.where(part.label != 3)
    assert (part.choice == 3).any()  # F is said where there is none
    corpus = open_corpus("svdb", Path("nowhere"))
    row = beats.judge([part], "aami", corpus, "external-svdb")
    row |= {"title": "A title", "variant": "", "runs": [{}]}
    each = [row["figures"]["classes"][c]["f1"]["mean"] for c in "NSV"]
    assert row["figures"]["macro_f1"]["mean"] == pytest.approx(np.mean(each))
    text = scores_text(beats.one_table("svdb", "aami", "external-svdb", part.classes, [row]))
    assert f"macro F1 over N S V: {np.mean(each):.4f} " in text


def test_strict_is_explained_where_a_row_is(results: dict[str, Any]) -> None:
    strict = results["tables"]["aami inter-patient"]
    assert "rows marked strict" in strict["note"]
    rows = [r for r in strict["systems"] if not r["variant"]]
    plain = beats.one_table("mitdb", "aami", "inter-patient", "NSVF", rows)["note"]
    assert "are one subject. Record 232" in plain
    assert "strict" not in plain


def test_looks_at_ds2_are_counted_once_an_answer(
    results: dict[str, Any], make_run: Any, tmp_path: Path
) -> None:
    book = _looks.read(tmp_path / "results")
    # Three seeds and the strict variant; intra-patient runs do not look at DS2 as such.
    assert sum(look["system"] == "net-inter" for look in book) == 4
    assert {look["side"] for look in book} == {"mitdb DS2"}
    again = beats.run(tmp_path / "results", runs=tmp_path / "runs")
    assert again == results
    assert _looks.read(tmp_path / "results") == book
    make_run("net-inter", seed=7)
    beats.run(tmp_path / "results", runs=tmp_path / "runs")
    assert len(_looks.read(tmp_path / "results")) == len(book) + 1


def test_the_file_holds_what_was_returned(results: dict[str, Any], tmp_path: Path) -> None:
    assert json.loads((tmp_path / "results" / "beats.json").read_text()) == results


def test_a_run_is_read_without_training(make_run: Any) -> None:
    run = read_run(make_run("x", seed=5))
    assert (run.seed, run.labels, run.protocol, run.strict) == (5, "aami", "inter-patient", False)
    assert run.parameters == 40181


def test_a_run_that_was_told_of_someone_else_is_no_plain_one(make_run: Any) -> None:
    folder = make_run("x", strict=True)
    recipe = folder / "recipe.toml"
    assert beats.variant(read_run(folder)) == beats.WITHOUT_201
    recipe.write_text(recipe.read_text() + '[input]\nside = ["rr", "patient-exchanged"]\n')
    assert beats.variant(read_run(folder)) == f"{beats.WITHOUT_201}, {beats.EXCHANGED}"


def test_parameters_are_counted_in_the_weights_where_the_run_does_not_say(make_run: Any) -> None:
    folder = make_run("x")
    (folder / "metrics.json").write_text("{}")
    assert read_run(folder).parameters is None
    header = {
        "__metadata__": {"a": "b"},
        "conv.weight": {"dtype": "F32", "shape": [4, 1, 5], "data_offsets": [0, 80]},
        "norm.batches": {"dtype": "I64", "shape": [], "data_offsets": [80, 88]},
        "head.bias": {"dtype": "F32", "shape": [5], "data_offsets": [88, 108]},
    }
    text = json.dumps(header).encode()
    (folder / "weights.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + bytes(108)
    )
    assert read_run(folder).parameters == 25
    (folder / "weights.safetensors").write_bytes(b"\xff" * 9)
    with pytest.raises(DataError, match="is damaged"):
        _ = read_run(folder).parameters


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        read_run(tmp_path)
    with pytest.raises(DataError, match="Train first"):
        find_runs(tmp_path / "absent")
    with pytest.raises(DataError, match="Train first"):
        beats.run(tmp_path / "out", runs=tmp_path)
    (tmp_path / "recipe.toml").write_text("name = 3")
    (tmp_path / "predictions.npz").write_bytes(b"")
    with pytest.raises(DataError, match="no recipe"):
        read_run(tmp_path)
