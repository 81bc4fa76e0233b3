"""Shares of the labels: the plan, and what is said of made-up answers."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from einthoven.evaluation.answers import Answers
from einthoven.protocols.label_fraction import PERCENTS
from einthoven.record import DataError
from einthoven.suites import fractions, run_suite
from einthoven.suites._looks import read as looks
from einthoven.suites._twelve_plan import Item
from einthoven.suites.fractions import LEARNER, SYSTEMS, TREES, enough, plan
from einthoven.training._recipe import to_toml

CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def _write(item: Item, skill: float) -> None:
    """Write a finished run on the same 60 records a side as all others."""
    item.folder.mkdir(parents=True)
    tables = []
    for side in ("validation", "test"):
        rng = np.random.default_rng(zlib.crc32(side.encode()))
        label = (rng.random((60, 5)) < 0.4).astype(np.float32)
        noise = rng.normal(0, 1, label.shape)  # the same for all: skill alone makes a difference
        tables.append((label, skill * label + noise))
    label, logits = (np.concatenate(column) for column in zip(*tables, strict=True))
    Answers(
        classes=CLASSES, part=np.repeat(["validation", "test"], 60),
        corpus=np.full(120, "ptbxl"), record=np.array([f"{n}" for n in range(120)]),
        subject=np.array([f"{n // 2}" for n in range(120)]), domain=np.full(120, "x"),
        fold=np.repeat([8, 9], 60), label=label, logits=logits.astype(np.float32),
    ).save(item.folder / "answers.npz")  # fmt: skip
    (item.folder / "recipe.toml").write_text(to_toml(item.recipe), encoding="utf-8")
    (item.folder / "metrics.json").write_text(json.dumps({}), encoding="utf-8")
    (item.folder / "weights.safetensors").write_bytes(b"")


TRAINED = (1, 30, 35, 100)  # of one system alone: intervals take their time


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for item in plan(tmp_path / "runs"):
        percent = int(item.part.split()[0])
        if item.system != LEARNER or percent not in TRAINED:
            continue
        _write(item, 3.0 if percent >= 30 else 0.1 * percent)
    return tmp_path


def test_every_run_of_the_plan_has_its_own_folder_and_the_same_budget(tmp_path: Path) -> None:
    items = plan(tmp_path)
    assert len({i.folder for i in items}) == len(items) == len(PERCENTS) * len(SYSTEMS) * 3
    nets = [i.recipe.optimiser for i in items if i.recipe.model.library == "torch"]
    budgets = {(o.epochs, o.beats) for o in nets}
    assert len(budgets) == 1
    for item in items:
        assert item.recipe.protocol.name == "label-fraction"
        assert item.recipe.seeds == (item.seed,)
    assert [i.seed for i in items] == sorted(i.seed for i in items)
    assert {i.part for i in items[: len(SYSTEMS)]} == {"100 %"}
    # Who teaches comes before who is taught, and has the same labels.
    for n, item in enumerate(items):
        if "taught" in item.system:
            teacher = next(i for i in items[:n] if str(i.folder) == item.recipe.objective.teacher)
            assert (teacher.system, teacher.part, teacher.seed) == (TREES, item.part, item.seed)
        else:
            assert not item.recipe.objective.teacher


def test_the_share_that_is_enough_is_told_and_fold_9_stays_shut(made: Path) -> None:
    results = run_suite("fractions", made / "results", made / "runs", train=False)
    assert results["percent_for_99"] == {"fold 8": {LEARNER: 30}}
    (held,) = results["held_to"]
    assert (held["system"], held["percent"], held["reached"]) == (LEARNER, 35, True)
    assert not (made / "results" / "looks.json").exists()
    rows = results["curves"]["fold 8"][LEARNER]
    assert [r["percent"] for r in rows] == list(TRAINED)
    assert {r["draws"] for r in rows} == {3}
    by = {r["percent"]: r for r in rows}
    assert len(results["missing"]) == 3 * (len(PERCENTS) * len(SYSTEMS) - len(TRAINED))
    assert by[100]["kept"] == 1
    assert by[30]["less"]["tie"]
    assert by[1]["less"]["value"] < -0.2
    for table in results["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_what_is_kept_is_of_draws_that_have_both_shares(made: Path) -> None:
    for item in plan(made / "runs"):
        if item.system == TREES and (item.part, item.seed) != ("100 %", 2):
            # The draw without a whole score would spoil the mean.
            _write(item, 0.1 if item.seed == 2 else 3.0)
    results = run_suite("fractions", made / "results", made / "runs", train=False)
    rows = results["curves"]["fold 8"][TREES]
    assert {r["draws"] for r in rows[:-1]} == {3}
    assert [r["kept"] for r in rows] == [1.0] * len(rows)


def test_trees_that_learnt_fold_8_in_the_end_are_not_asked_of_fold_9(made: Path) -> None:
    for item in plan(made / "runs"):
        if item.system == TREES and item.part == "100 %":
            _write(item, 3.0)
    told = run_suite("fractions", made / "results", made / "runs", train=False, test=True)
    assert TREES in told["curves"]["fold 8"]
    assert TREES not in told["curves"]["fold 9"]


def test_another_system_at_the_same_share_stands_beside(made: Path) -> None:
    for item in plan(made / "runs"):
        if item.system == TREES and item.part in ("1 %", "100 %"):
            _write(item, 0.1 if item.part == "100 %" else 3.0)
    tables = run_suite("fractions", made / "results", made / "runs", train=False)["tables"]
    beside = next(t for t in tables if "beside" in t["title"])
    assert [(row[0], row[1], row[3]) for row in beside["rows"]] == [
        (1, TREES, "worse"),
        (100, TREES, "better"),
    ]


def test_fold_9_is_opened_when_asked_and_counted_once(made: Path) -> None:
    for _ in range(2):
        results = run_suite("fractions", made / "results", made / "runs", train=False, test=True)
    assert set(results["curves"]) == {"fold 8", "fold 9"}
    assert {look["side"] for look in looks(made / "results")} == {"ptbxl fold 9"}
    # All three draws gave the same answers: one look a system and share.
    assert len(looks(made / "results")) == len(TRAINED)


def test_a_share_that_falls_back_is_not_enough() -> None:
    rows = [{"percent": p, "kept": k} for p, k in ((5, 0.995), (20, 0.98), (50, 0.992), (100, 1))]
    assert enough(rows) == 50
    assert enough([{"percent": 5}]) is None


def test_without_runs_there_is_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Train first"):
        fractions.run(tmp_path, runs=tmp_path / "none", train=False)
