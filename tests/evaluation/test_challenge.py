"""The score of CinC-2021: the organisers' weights, values worked by hand, their result tables."""

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


def test_three_records_by_hand() -> None:
    # Weights NSR-AF .25, NSR-STach .375, AF-STach .375. Said AF of each:
    # record 1, {AF}: 1; record 2, {NSR}: .25 / 2; record 3, {AF, STach}: (1 + .375) / 2.
    # The truth: 1 + 1 + (1 + 1 + 2 * .375) / 2. Always NSR: .25 / 2 + 1 + (.25 + .375) / 3.
    label = [[0, 1, 0], [1, 0, 0], [0, 1, 1]]
    said = [[0, 1, 0]] * 3
    ours, best, none = 1 + 0.125 + 0.6875, 3.375, 0.125 + 1 + 0.625 / 3
    assert score(THREE, said, label) == pytest.approx((ours - none) / (best - none))
    assert score(THREE, said, label) == pytest.approx(0.234694, abs=1e-6)


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


def test_means_over_classes_are_those_of_the_organisers_tables(data_root: Path) -> None:
    """Of 24 classes one never occurs: it has no area, and F 0 if it is falsely said, else none.

    Both tables are rounded to three digits; those of half the teams are of one entry.
    """
    folder = data_root / "labels" / "cinc2020_evaluation" / "Results"
    if not folder.is_dir():
        pytest.skip("no result tables of CinC-2020")
    name = "physionet_2020_{}_official_entries.csv"
    tables = []
    for kind in ("validation_metrics_by_class", "metrics_perDatabase"):
        with (folder / name.format(kind)).open() as file:
            tables.append({row[1]: row[3:] for row in list(csv.reader(file))[2:]})
    agreed = 0
    for team, row in tables[0].items():
        if not all(row):
            continue  # a team without scores
        area, precision, f = np.array([float(v) for v in row]).reshape(-1, 3).T
        published = [float(v) for v in tables[1][team][:4]]
        if abs(multilabel.macro(area[None])[0] - published[0]) > 0.001:
            continue  # the two tables are of different entries of this team
        agreed += 1
        assert multilabel.macro(np.append(area, np.nan)[None])[0] == pytest.approx(
            published[0], abs=0.001
        )
        assert multilabel.macro(precision[None])[0] == pytest.approx(published[1], abs=0.002)
        falsely, never = (multilabel.macro(np.append(f, v)[None])[0] for v in (0, np.nan))
        assert min(abs(falsely - published[3]), abs(never - published[3])) < 0.001, team
    assert agreed >= 20
