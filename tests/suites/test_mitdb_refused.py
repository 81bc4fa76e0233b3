"""What the comparison on mitdb refuses or passes over, and which of several ensembles speaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einthoven.export.boosting import export
from einthoven.protocols import PROTOCOLS, Beats
from einthoven.record import DataError, UsageError
from einthoven.suites import judge_one, mitdb
from einthoven.training import load_recipe
from einthoven.training._run import check_classes


def test_a_run_is_exported_before_another_hospital_judges_it(make_run: Any) -> None:
    with pytest.raises(UsageError, match=r"einthoven export .* --to onnx"):
        judge_one(str(make_run("x")), "external-incart")


def test_rows_that_were_learnt_within_patients_are_not_shipped(make_run: Any) -> None:
    folder = make_run("x", protocol="intra-patient")
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(DataError, match="Train under inter-patient"):
        export(folder, folder.parent / "bundle")


def test_a_class_without_beats_or_with_too_few_is_refused_by_name() -> None:
    recipe = load_recipe("cnn", ['corpus.classes=["N", "S", "Q"]'])
    label = np.array([0] * 20 + [1] * 7 + [-1])
    with pytest.raises(UsageError, match=r"class Q has no beat .* Leave it out of corpus\.classes"):
        check_classes(recipe, label, 1)
    label = np.append(label, [2] * 8)
    check_classes(recipe, label, 7)
    with pytest.raises(UsageError, match="class S has 7 beats, fewer than the 8 folds"):
        check_classes(recipe, label, 8, "folds")
    with pytest.raises(UsageError, match="class Q has 1 beat, fewer than the 5 folds"):
        check_classes(recipe, label[:-7], 5, "folds")


@pytest.mark.parametrize(("paced_label", "taken"), [(1, True), (-1, False)])
def test_paced_records_take_part_where_paced_beats_have_a_class(
    paced_label: int, taken: bool
) -> None:
    record = np.repeat(np.array(["100", "102"]), 50)
    label = np.where(record == "102", paced_label, 0)
    label[-4:] = 0  # a paced record has some other beats, too
    beats = Beats(record=record, subject=record, sample=np.arange(100), label=label)
    split = PROTOCOLS["intra-patient"].split(beats, seed=0)
    assert ("102" in set(record[split.training.rows])) == taken


def test_an_ensemble_of_more_seeds_speaks_before_a_better_one_of_fewer() -> None:
    def row(name: str, seeds: int, validation: float) -> dict[str, Any]:
        return {
            "kind": "ensemble", "name": name, "title": name, "runs": [{}] * seeds,
            "validation_macro_f1": validation, "macro_sensitivity": {"mean": 0.9},
            "figures": {"macro_f1": {"mean": 0.9}},
        }  # fmt: skip

    systems = [row("lucky", 1, 0.97), row("mean", 3, 0.96), row("lower", 3, 0.95)]
    held = mitdb.held_to({"aami intra-patient": {"systems": systems}}, {})
    assert {h["system"] for h in held} == {"mean"}
