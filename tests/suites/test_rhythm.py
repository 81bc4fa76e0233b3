"""The suite of rhythm: figures of made answers, spans of annotations, shares chosen elsewhere."""

import numpy as np
import pytest

from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.predictions import Predictions
from einthoven.record import Annotations
from einthoven.suites import rhythm


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 400)
    fold = np.arange(400) % 4
    true = np.eye(4)[label]
    network = np.log(softmax(2 * true + rng.standard_normal((400, 4))))
    trees = 2 * true + rng.standard_normal((400, 4))
    said = Predictions(
        classes=("N", "A", "O", "~"), part=np.full(400, "validation"),
        record=np.arange(400).astype(str), sample=np.zeros(400, np.int64), label=label,
        logits=rhythm.mixed(network, trees, 0.5).astype(np.float32),
    )  # fmt: skip
    return said, {
        "network": network, "trees": trees, "fold": fold, "seconds": rng.uniform(9, 61, 400),
    }  # fmt: skip


def test_two_opinions_are_better_than_one(made):
    tables, figures = rhythm.out_of_fold(*made)
    rows = {row[0].split(",")[0]: float(row[5]) for row in tables[0]["rows"]}
    assert rows["network and trees"] > max(rows["network alone"], rows["trees alone"])
    one = figures["out of fold"]
    assert one["interval_95"][0] < one["mean_f1"] < one["interval_95"][1]
    by_title = {table["title"]: table["rows"] for table in tables}
    assert sum(sum(row[1:]) for row in by_title["Which is called which"]) == 400
    assert sum(row[1] for row in by_title["What the probability is worth"]) == 400
    assert sum(sum(row[1:5]) for row in by_title["By the length of the record"]) == 400


def test_a_fold_has_no_say_in_its_own_share(made):
    said, parts = made
    network, trees, fold = parts["network"], parts["trees"].copy(), parts["fold"]
    _, shares = rhythm.crossed(said.label, network, trees, fold)
    trees[fold == 2] = 0
    _, again = rhythm.crossed(said.label, network, trees, fold)
    assert again[2] == shares[2]


def test_rhythms_last_until_the_next():
    marks = Annotations(
        samples=np.array([5, 9, 40, 70]), symbols=np.array(["+", "N", "+", "+"]),
        texts=("(N", "", "(AFIB\x00", "(N"),
    )  # fmt: skip
    spans = rhythm.annotated(marks, 100)
    assert spans == {"(N": [(5, 40), (70, 100)], "(AFIB": [(40, 70)]}
