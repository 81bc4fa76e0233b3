"""Figures of several classes at once: worked examples, other implementations, properties."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.evaluation import multilabel as ml

metrics = pytest.importorskip("sklearn.metrics")


def figure(made: np.ndarray) -> list[float]:
    return np.round(made[0], 6).tolist()


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n, c = draw(st.integers(2, 40)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    p = rng.random((n, c))
    if draw(st.booleans()):
        p = np.round(p, 1)  # ties
    return p, (rng.random((n, c)) < draw(st.sampled_from([0.1, 0.5]))).astype(float)


@settings(deadline=None)
@given(table=tables())
def test_areas_are_those_of_scikit_learn(table: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = table
    ours, precision = ml.auroc(p, y, ml.once(len(p)))[0], ml.auprc(p, y, ml.once(len(p)))[0]
    for c in range(y.shape[1]):
        if 0 < y[:, c].sum() < len(y):
            assert ours[c] == pytest.approx(metrics.roc_auc_score(y[:, c], p[:, c]))
        else:
            assert np.isnan(ours[c])
        if y[:, c].any():
            expected = metrics.average_precision_score(y[:, c], p[:, c])
            assert precision[c] == pytest.approx(expected)
        else:
            assert np.isnan(precision[c])


@settings(deadline=None)
@given(table=tables())
def test_f1_is_that_of_scikit_learn(table: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = table
    said = ml.decided(p, np.full(y.shape[1], 0.5))
    ours = ml.f1(said, y, ml.once(len(p)))[0]
    for c in range(y.shape[1]):
        expected = metrics.f1_score(y[:, c], said[:, c], zero_division=np.nan)
        assert ours[c] == pytest.approx(expected, nan_ok=True)


FIGURES = {
    "auroc": ml.auroc, "auprc": ml.auprc, "brier": ml.brier,
    "f1": lambda p, y, w: ml.f1(p >= 0.5, y, w), "f2": lambda p, y, w: ml.f2(p >= 0.5, y, w),
    "g2": lambda p, y, w: ml.g2(p >= 0.5, y, w), "f_max": ml.f_max,
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
@settings(deadline=None, max_examples=30)
@given(table=tables(), seed=st.integers(0, 99))
def test_a_weight_of_two_is_a_record_written_twice(
    name: str, table: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    p, y = table
    times = np.random.default_rng(seed).integers(0, 3, len(p))
    times[0] = 1
    weighted = FIGURES[name](p, y, times[None].astype(float))
    p, y = np.repeat(p, times, axis=0), np.repeat(y, times, axis=0)
    written = FIGURES[name](p, y, ml.once(len(p)))
    if name == "f_max":  # thresholds of a record that is not drawn can only do worse or as well
        assert weighted[0] == pytest.approx(written[0], nan_ok=True)
    np.testing.assert_allclose(weighted, written)


def test_an_unknown_label_is_left_out_of_its_class_only() -> None:
    p = np.array([[0.9, 0.9], [0.2, 0.3], [0.5, 0.4], [0.7, 0.1]])
    y = np.array([[1, 1], [0, 0], [np.nan, 1], [0, np.nan]], float)
    for name, made in FIGURES.items():
        if name in ("f_max", "f2", "g2"):
            continue
        told = made(p, y, ml.once(4))[0]
        for c in range(2):
            known = ~np.isnan(y[:, c])
            alone = made(p[known, c : c + 1], y[known, c : c + 1], ml.once(int(known.sum())))
            assert told[c] == pytest.approx(alone[0, 0])


def test_area_of_a_small_table_by_hand() -> None:
    p, y = np.array([[0.9, 0.8, 0.7, 0.7, 0.1]]).T, np.array([[1, 0, 1, 0, 0]]).T
    assert figure(ml.auroc(p, y, ml.once(5))) == [0.75]


def test_f_max_by_record_by_hand() -> None:
    p = np.array([[0.9, 0.2, 0.1], [0.3, 0.6, 0.4], [0.1, 0.5, 0.45]])
    y = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    assert ml.f_max(p, y, ml.once(3))[0] == pytest.approx(2 * (5 / 6) / (5 / 6 + 1))
    assert ml.f_max(p, np.zeros((3, 3)), ml.once(3))[0] != 1


def test_f2_and_g2_share_out_the_counts_of_a_record_by_hand() -> None:
    y = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    said = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    assert figure(ml.f2(said, y, ml.once(4))) == [0.882353, 0.714286, 0]
    assert figure(ml.g2(said, y, ml.once(4))) == [0.6, 0.5, 0]
    empty = ml.f2(np.ones((1, 3), bool), np.zeros((1, 3)), ml.once(1))
    assert empty.tolist() == [[0, 0, 0]]


def test_a_class_neither_true_nor_said_is_undefined_and_one_falsely_said_is_nought() -> None:
    y, said = np.array([[0, 0], [0, 0]]), np.array([[0, 1], [0, 0]], bool)
    told = ml.f1(said, y, ml.once(2))[0]
    assert np.isnan(told[0])
    assert told[1] == 0


def test_calibration_of_a_rare_class_is_seen_by_bins_of_equal_mass() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 20, (20_000, 1))
    y = (rng.random(p.shape) < p).astype(float)
    assert ml.ece(p, y, ml.once(len(p)))[0, 0] < 0.003
    doubled = ml.ece(2 * p, y, ml.once(len(p)))[0, 0]
    assert doubled == pytest.approx(p.mean(), rel=0.15)


def test_equal_probabilities_share_a_bin_and_no_label_at_all_tells_nothing() -> None:
    p, y = np.full((10, 1), 0.3), np.array([[1.0]] * 3 + [[0.0]] * 7)
    assert ml.ece(p, y, ml.once(10))[0, 0] == pytest.approx(0)
    assert np.isnan(ml.ece(p, y * np.nan, ml.once(10))).all()
    assert np.isnan(ml.auroc(p, y * np.nan, ml.once(10))).all()


def test_macro_means_of_published_class_figures_are_those_the_organisers_publish(
    data_root: Path,
) -> None:
    """`macro` alone, on the class figures of CinC-2020: their answers are not published.

    Of 24 classes one never occurs: it has no area, and F 0 if it is falsely said, else none. Both
    tables are rounded to three digits; those of half the teams are of one entry.
    """
    folder = data_root / "labels" / "cinc2020_evaluation" / "Results"
    if not folder.is_dir():
        pytest.skip("no result tables of CinC-2020")
    name = "physionet_2020_{}_official_entries.csv"
    sheets = []
    for kind in ("validation_metrics_by_class", "metrics_perDatabase"):
        with (folder / name.format(kind)).open() as file:
            sheets.append({row[1]: row[3:] for row in list(csv.reader(file))[2:]})
    agreed = 0
    for team, row in sheets[0].items():
        if not all(row):
            continue  # a team without scores
        area, precision, f = np.array([float(v) for v in row]).reshape(-1, 3).T
        published = [float(v) for v in sheets[1][team][:4]]
        if abs(ml.macro(area[None])[0] - published[0]) > 0.001:
            continue  # the two tables are of different entries of this team
        agreed += 1
        assert ml.macro(np.append(area, np.nan)[None])[0] == pytest.approx(published[0], abs=0.001)
        assert ml.macro(precision[None])[0] == pytest.approx(published[1], abs=0.002)
        falsely, never = (ml.macro(np.append(f, v)[None])[0] for v in (0, np.nan))
        assert min(abs(falsely - published[3]), abs(never - published[3])) < 0.001, team
    assert agreed >= 20
