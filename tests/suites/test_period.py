"""The suite of pretraining on made answers: better is told from worse, and a tie from both."""

import json
from pathlib import Path

import numpy as np
import pytest

from einthoven.evaluation.answers import Answers
from einthoven.record.errors import DataError
from einthoven.report._markdown import table
from einthoven.suites import period, suite_names
from einthoven.training.pretrain import PRETRAINED, SCRATCH, TREES, file_of

PERCENTS = (1, 5, 10, 30, 100)
NOISE = {PRETRAINED: 0.8, SCRATCH: 2.5, TREES: 0.8}


def answers(noise: float, seed: int) -> Answers:
    """Four hundred records, a tenth with A."""
    rng = np.random.default_rng([seed, round(10 * noise)])
    label = (np.arange(400) % 10 == 0).astype(np.float32)[:, None]
    nobody = np.full(400, "", np.str_)
    return Answers(
        classes=("AF",), part=np.full(400, "test"), corpus=np.full(400, "cinc2017"),
        record=np.array([f"A{k:05d}" for k in range(400)]), subject=nobody, domain=nobody,
        fold=np.zeros(400, np.int64), label=label,
        logits=(2 * label - 1 + noise * rng.standard_normal((400, 1))).astype(np.float32),
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        run = folder / period.MODEL / f"seed-{seed}"
        (run / "pretext").mkdir(parents=True)
        log = "epoch,alike,next,order,p_wave\n0,4,2.7,0.69,0.1\n1,1,2.5,0.5,0.05\n"
        (run / "pretext" / "log.csv").write_text(log)
        for p in PERCENTS:
            for system, noise in NOISE.items():
                # The pretrained net and the trees say the same.
                answers(noise, seed).save(run / file_of(system, p))
        seconds = {"records": 9, "pretext": 8, "pretrained-1": 3, "scratch-1": 2, "trees-1": 1}
        (run / "metrics.json").write_text(
            json.dumps({
                "seed": seed, "parameters": 5, "heads": 7, "numbers": 245,
                "records": {f"{p:g}": [4 * p, p] for p in PERCENTS}, "processor_seconds": seconds,
            })
        )  # fmt: skip
    return folder


def test_better_worse_and_tie(runs: Path, tmp_path: Path) -> None:
    found = period.run(tmp_path, runs, train=False)
    assert "period" in suite_names()
    assert json.loads((tmp_path / "period.json").read_text()) == found
    assert (found["draws"], found["missing"]) == (2, ["seed-2"])
    scores, gaps, pretext, cost = found["tables"]
    assert [len(t["rows"]) for t in (scores, gaps, pretext, cost)] == [15, 20, 4, 2]
    verdicts = {(row[1], row[5]) for row in gaps["rows"]}
    assert verdicts == {(period.NAMES[SCRATCH], "better"), (period.NAMES[TREES], "tie")}
    best = found["figures"]["1 %, network, pretrained"]["auroc"]
    worse = found["figures"]["1 %, the same from scratch"]["auroc"]
    assert best["low"] < best["value"] < best["high"]
    assert best["low"] > worse["high"]
    gap = found["figures"]["5 %, pretrained less the same from scratch, AUROC"]
    assert gap["value"] == pytest.approx(best["value"] - worse["value"], abs=2e-5)
    assert cost["rows"][0] == [0, 5, 2, 245, 8, 3, 1]
    for part in found["tables"]:
        assert table(part["columns"], part["rows"])


def test_the_mean_over_draws_is_that_of_their_figures() -> None:
    said = [answers(1.0, 0), answers(1.0, 1)]
    once = np.ones((1, 400))
    both = period.figure_of(said, "auroc", once)[0]
    assert both == pytest.approx(
        np.mean([period.figure_of([one], "auroc", once)[0] for one in said])
    )


def test_an_empty_folder_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--suite period"):
        period.run(tmp_path, tmp_path, train=False)
