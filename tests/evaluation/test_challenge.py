"""The score of CinC-2021: the organisers' weights, and values worked by hand."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.evaluation import multilabel
from einthoven.evaluation.challenge import challenge_score, scored_columns, weights_2021
from einthoven.record import UsageError

THREE = ("NSR", "AF", "STach")


def score(classes: tuple[str, ...], said: object, label: object) -> float:
    y = np.asarray(label, float)
    return float(challenge_score(classes, np.asarray(said, bool), y, multilabel.once(len(y)))[0])


def test_the_weights_are_symmetric_with_one_on_the_diagonal() -> None:
    table = weights_2021()
    assert table.matrix.shape == (26, 26)
    np.testing.assert_array_equal(table.matrix, table.matrix.T)
    np.testing.assert_array_equal(np.diag(table.matrix), 1)
    at = {name: i for i, name in enumerate(table.classes)}
    published = {("NSR", "AF"): 0.25, ("NSR", "STach"): 0.375, ("AF", "AFL"): 0.5}
    for (one, two), weight in published.items():
        assert table.matrix[at[one], at[two]] == weight


@pytest.mark.parametrize("name", ["weights_abbreviations.csv", "weights.csv"])
def test_all_676_weights_are_those_of_the_organisers_file(data_root: Path, name: str) -> None:
    """By abbreviation in one file of theirs, by SNOMED CT code in the other."""
    path = data_root / "labels" / "cinc2021_evaluation" / name
    if not path.is_file():
        pytest.skip("no weights of CinC-2021")
    with path.open(newline="") as file:
        (_, *columns), *rows = list(csv.reader(file))
    table = weights_2021()
    names = table.classes if "abbreviations" in name else table.codes
    assert tuple(columns) == tuple(row[0] for row in rows) == names
    theirs = np.array([[float(v) for v in row[1:]] for row in rows])
    np.testing.assert_array_equal(table.matrix, theirs)


def test_three_records_by_hand() -> None:
    # Weights NSR-AF .25, NSR-STach .375, AF-STach .375. Said AF of each:
    # record 1, {AF}: 1; record 2, {NSR}: .25 / 2; record 3, {AF, STach}: (1 + .375) / 2.
    # The truth: 1 + 1 + (1 + 1 + 2 * .375) / 2. Always NSR: .25 / 2 + 1 + (.25 + .375) / 3.
    label = [[0, 1, 0], [1, 0, 0], [0, 1, 1]]
    said = [[0, 1, 0]] * 3
    ours, best, none = 1 + 0.125 + 0.6875, 3.375, 0.125 + 1 + 0.625 / 3
    assert score(THREE, said, label) == pytest.approx((ours - none) / (best - none))
    assert score(THREE, said, label) == pytest.approx(0.234694, abs=1e-6)


def test_five_records_by_hand_of_which_four_are_partly_right() -> None:
    # (true, said): what it adds, the truth, always NSR. A record's n classes, true or said, share
    # one count; weights IAVB-LPR .5, LBBB-BBB .475, AF-LBBB .475, AF-BBB .475, NSR-IAVB .45,
    # NSR-LBBB .275, NSR-AF .25.
    worked = {
        ("IAVB", "LPR"): (0.5 / 2, 1, 0.45 / 2),
        ("LBBB", "LBBB BBB"): ((1 + 0.475) / 2, 1, 0.275 / 2),
        ("AF LBBB", ""): (0, (1 + 1 + 2 * 0.475) / 2, (0.25 + 0.275) / 3),
        ("NSR", "NSR IAVB"): ((1 + 0.45) / 2, 1, 1),
        ("AF LBBB", "AF BBB"): (
            (1 + 0.475 + 0.475 + 0.475) / 3, (1 + 1 + 2 * 0.475) / 2, (0.25 + 0.275) / 3
        ),
    }  # fmt: skip
    classes = ("NSR", "IAVB", "LPR", "LBBB", "BBB", "AF")
    label, said = (
        np.array([[c in pair[side].split() for c in classes] for pair in worked]) for side in (0, 1)
    )
    ours, best, none = np.sum(list(worked.values()), axis=0)
    assert (ours, best, none) == pytest.approx((2.5208333, 5.95, 1.7125))
    assert score(classes, said, label) == pytest.approx((ours - none) / (best - none))
    assert score(classes, said, label) == pytest.approx(0.190757, abs=1e-6)


@given(seed=st.integers(0, 500))
def test_the_score_is_the_weighted_sum_of_the_confusions_counted_one_by_one(seed: int) -> None:
    """As the organisers write it: A[j, k] += 1 / n for each true j and said k of a record."""
    rng = np.random.default_rng(seed)
    label, said = (rng.random((5, 26)) < rng.uniform(0.02, 0.3) for _ in range(2))
    classes, matrix = weights_2021().classes, weights_2021().matrix

    def observed(outputs: np.ndarray) -> float:
        counts = np.zeros((26, 26))
        for true, told in zip(label, outputs, strict=True):
            for j in np.flatnonzero(true):
                for k in np.flatnonzero(told):
                    counts[j, k] += 1 / max((true | told).sum(), 1)
        return float((matrix * counts).sum())

    sinus = np.tile(np.array(classes) == "NSR", (5, 1))
    ours, best, none = observed(said), observed(label), observed(sinus)
    expected = (ours - none) / (best - none) if best != none else 0
    assert score(classes, said, label) == pytest.approx(expected)


def test_truth_is_one_always_sinus_is_nought_and_nonsense_is_less() -> None:
    label = [[0, 1, 0], [1, 0, 0], [0, 1, 1]]
    assert score(THREE, label, label) == pytest.approx(1)
    assert score(THREE, [[1, 0, 0]] * 3, label) == pytest.approx(0)
    assert score(THREE, [[0, 0, 0]] * 3, label) < 0
    assert score(THREE, [[1, 0, 0]], [[1, 0, 0]]) == 0  # the truth is always sinus


def test_classes_go_by_abbreviation_or_code_and_those_not_scored_do_not_count() -> None:
    label, said = [[0, 1, 0], [1, 0, 0]], [[0, 1, 0], [0, 1, 0]]
    coded = ("426783006", "164889003", "427084000")
    assert score(coded, said, label) == score(THREE, said, label)
    more = score((*THREE, "WPW"), [[*r, 1] for r in said], [[*r, 0] for r in label])
    assert more == score(THREE, said, label)
    one = score(("NSR", "LBBB", "CLBBB"), [[0, 1, 0]], [[0, 0, 1]])
    assert one == score(("NSR", "CLBBB|LBBB"), [[0, 1]], [[0, 1]]) == 1
    assert scored_columns(("AF", "PVC")) == {}
    with pytest.raises(UsageError, match="NSR"):
        score(("AF",), [[1]], [[1]])


def test_what_is_said_of_an_unknown_label_is_not_counted() -> None:
    label = [[0, 1, np.nan], [1, 0, 0]]
    assert score(THREE, [[0, 1, 1], [1, 0, 0]], label) == pytest.approx(1)


@given(seed=st.integers(0, 500))
def test_no_answer_beats_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = weights_2021().classes
    label, said = (rng.random((8, 26)) < 0.1 for _ in range(2))
    label[0] = 0
    label[0, 3] = True
    assert score(classes, said, label) < 1


def test_a_weight_of_two_is_a_record_written_twice() -> None:
    rng = np.random.default_rng(1)
    label, said = (rng.random((6, 3)) < 0.5 for _ in range(2))
    times = np.array([2, 0, 1, 3, 1, 1])
    drawn = challenge_score(THREE, said, label.astype(float), times[None].astype(float))
    written = score(THREE, np.repeat(said, times, axis=0), np.repeat(label, times, axis=0))
    assert float(drawn[0]) == pytest.approx(written)
