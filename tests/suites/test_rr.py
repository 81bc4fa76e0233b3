"""The suite of intervals on made answers: what it counts, and that it knows better from worse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.evaluation.answers import Answers
from einthoven.record.errors import DataError, UsageError
from einthoven.report._markdown import table
from einthoven.suites import rr, run_suite, suite_names
from einthoven.training import load_recipe, to_toml


def answers(noise: float) -> Answers:
    """Sixteen people of afdb, four of nsrdb and two of mitdb, twelve windows each."""
    rng = np.random.default_rng(round(10 * noise))
    people = [("afdb", k) for k in range(16)] + [("nsrdb", k) for k in range(4)]
    people += [("mitdb", k) for k in range(2)]
    corpus = np.repeat([c for c, _ in people], 12)
    who = np.repeat([f"{c}:{k}" for c, k in people], 12)
    label = (np.arange(len(who)) % 3 == 0) & (corpus != "nsrdb")
    rhythm = np.where(label, "(AFIB", np.where(np.arange(len(who)) % 12 == 1, "(AFL", "(N"))
    logits = (2 * label - 1 + noise * rng.standard_normal(len(who)))[:, None]
    return Answers(
        classes=("AF",), part=np.where(corpus == "mitdb", "test", "validation"), corpus=corpus,
        record=np.array([f"{w}@{k}" for k, w in enumerate(who)]), subject=who, domain=rhythm,
        fold=np.zeros(len(who), np.int64), label=label[:, None].astype(np.float32),
        logits=logits.astype(np.float32),
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / rr.MODEL).mkdir()
    for file, noise in zip(rr.SYSTEMS.values(), (0.3, 1.5, 3.0), strict=True):
        answers(noise).save(folder / rr.MODEL / file)
    cost = {"parameters": 7, "windows": 240, "processor_seconds": 3, "seed": 0}
    text = to_toml(load_recipe("hrv-conformer"))
    (folder / rr.MODEL / "recipe.toml").write_text(text, encoding="utf-8")
    (folder / rr.MODEL / "metrics.json").write_text(json.dumps(cost), encoding="utf-8")
    return folder


def test_a_longer_training_is_judged_beside_the_first(runs: Path, tmp_path: Path) -> None:
    long = tmp_path / f"{rr.MODEL}-long"
    shutil.copytree(runs / rr.MODEL, tmp_path / rr.MODEL)
    shutil.copytree(runs / rr.MODEL, long)
    text = to_toml(load_recipe("hrv-conformer", ["optimiser.epochs=77"]))
    (long / "recipe.toml").write_text(text, encoding="utf-8")
    answers(1.0).save(long / "answers.npz")
    found = rr.run(tmp_path, tmp_path)
    name = "HRVConformer, 77 epochs"
    figures = found["figures"]
    assert f"afdb, {name}" in figures
    first, other = (figures[f"afdb, {n}"]["auroc"]["value"] for n in (rr.NETWORK, name))
    assert first > other
    assert [row[-1] for row in found["tables"][4]["rows"]] == [8, 77]
    assert {row[1] for row in found["tables"][1]["rows"]} == {rr.NETWORK, name}
    for part in found["tables"]:
        assert table(part["columns"], part["rows"])


def test_the_better_answers_are_told_from_the_worse(runs: Path, tmp_path: Path) -> None:
    found = rr.run(tmp_path, runs)
    assert "rr" in suite_names()
    figures = found["figures"]
    best, worse = (figures[f"afdb, {name}"]["auroc"]["value"] for name in (rr.NETWORK, rr.TREES))
    assert best > 0.99 > worse
    gaps = {tuple(row[:4]): row for row in found["tables"][1]["rows"]}
    assert gaps["afdb", rr.NETWORK, rr.TREES, "AUROC"][6] == "better"
    assert ("afdb", rr.NETWORK, rr.ONE, "F1") not in gaps
    assert "f1" not in figures[f"afdb, {rr.ONE}"]
    rows = {tuple(row[:2]): row for row in found["tables"][0]["rows"]}
    assert rows["afdb", rr.NETWORK][2:6] == [192, 64, 16, 16]
    assert rows["afdb and nsrdb", rr.NETWORK][2:6] == [240, 64, 20, 16]
    assert rows["mitdb DS1", rr.NETWORK][2:6] == [24, 8, 2, 2]
    for part in found["tables"]:
        assert table(part["columns"], part["rows"])


def test_what_is_called_af_is_counted_by_rhythm(runs: Path, tmp_path: Path) -> None:
    rows = rr.run(tmp_path, runs)["tables"][2]["rows"]
    counts = {tuple(row[:2]): row[2] for row in rows}
    assert sum(counts.values()) == 22 * 12
    assert counts["afdb", "AFL"] == 16
    shares = {tuple(row[:2]): float(row[3]) for row in rows}
    assert shares["afdb", "AFIB"] > 95 > 5 > shares["afdb", "N"]


def test_an_unfinished_run_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven train hrv-conformer"):
        rr.run(tmp_path, tmp_path)


def test_a_suite_that_keeps_nothing_back_has_no_test_side(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suite rr keeps no test side back"):
        run_suite("rr", tmp_path, tmp_path, test=True)
