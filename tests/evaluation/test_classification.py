import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from einthoven.evaluation import classification as c
from einthoven.record.errors import UsageError

AAMI = ("N", "S", "V", "F")
# Published by the inter-patient study that the recipes start from: DS2, its first look.
LOOK = np.array([[43846, 355, 55, 3], [332, 1469, 36, 0], [51, 3, 3068, 99], [271, 1, 14, 102]])

matrices = st.integers(2, 5).flatmap(
    lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 10_000))
)


def test_a_published_matrix_gives_its_published_figures() -> None:
    found = c.scores(LOOK, AAMI, AAMI)
    assert found.sensitivity[1:3] == pytest.approx([0.800, 0.952], abs=5e-4)
    assert found.predictivity[1:3] == pytest.approx([0.804, 0.967], abs=5e-4)
    assert found.f1 == pytest.approx([0.988, 0.802, 0.960, 0.345], abs=5e-4)
    assert found.n == 49705
    assert found.support.tolist() == [44259, 1837, 3221, 388]
    assert found.macro_f1 == pytest.approx(found.f1.mean())


def test_the_cinc_2017_example_has_its_f1() -> None:
    rows = np.array([[80, 5, 12, 3], [4, 30, 5, 1], [15, 6, 75, 4], [2, 1, 2, 15]])
    assert c.f1(rows) == pytest.approx([0.796020, 0.731707, 0.773196, 0.697674], abs=1e-6)
    assert float(c.macro_f1(rows, [0, 1, 2])) == pytest.approx(0.766974, abs=1e-6)
    assert float(c.macro_f1(rows, [0, 1, 2, 3])) == pytest.approx(0.749650, abs=1e-6)


def test_beats_are_counted_by_record_and_beats_without_a_class_are_not() -> None:
    truth = np.array([0, 0, 1, -1, 1])
    choice = np.array([0, 1, 1, 0, 0])
    group = np.array([0, 1, 1, 1, 1])
    found = c.confusion_by_group(truth, choice, group, 2, 2)
    assert found.tolist() == [[[1, 0], [0, 0]], [[0, 1], [1, 1]]]
    assert c.confusion(truth, choice, 2).tolist() == [[1, 1], [1, 1]]


def test_what_is_undefined_is_nan_left_out_of_the_mean_and_counted() -> None:
    matrix = np.array([[5, 0, 0], [0, 0, 0], [2, 0, 0]])
    found = c.scores(matrix, ("N", "Q", "V"), ("N", "Q", "V"))
    assert np.isnan(found.f1[1])
    assert np.isnan(found.sensitivity[1])
    assert np.isnan(found.predictivity[2])
    assert found.f1[2] == 0.0  # it occurs and is never said: wrong, not undefined
    assert found.undefined == 1
    assert found.macro_f1 == pytest.approx((10 / 12 + 0) / 2)
    assert np.isnan(found.j_kappa)  # there is no S


def test_an_empty_matrix_gives_nan_and_no_warning() -> None:
    found = c.scores(np.zeros((2, 2), np.int64), ("a", "b"), ("a",))
    assert np.isnan([found.accuracy, found.macro_f1, found.kappa]).all()


def test_kappa_and_jk_by_hand() -> None:
    matrix = np.array([[20, 5], [10, 15]])
    assert float(c.kappa(matrix)) == pytest.approx(0.4)
    perfect = np.diag([5, 3, 2, 1])
    assert float(c.j_kappa(perfect, 1, 2)) == pytest.approx(1.0)
    blind = np.array([[5, 0, 0], [3, 0, 0], [2, 0, 0]])
    assert float(c.j_kappa(blind, 1, 2)) == pytest.approx(0.0)


def test_macro_f1_must_say_its_classes() -> None:
    with pytest.raises(UsageError, match="'X' is no class"):
        c.scores(LOOK, AAMI, ("N", "X"))
    with pytest.raises(UsageError, match="for 3 classes"):
        c.scores(LOOK, ("N", "S", "V"), ("N",))


@given(matrices)
def test_transposing_swaps_sensitivity_and_predictivity_and_keeps_f1(matrix: np.ndarray) -> None:
    np.testing.assert_array_equal(c.sensitivity(matrix), c.predictivity(matrix.T))
    np.testing.assert_allclose(c.f1(matrix), c.f1(matrix.T))
    np.testing.assert_allclose(c.kappa(matrix), c.kappa(matrix.T), atol=1e-9)


@given(matrices)
def test_f1_is_the_harmonic_mean_where_both_are_defined(matrix: np.ndarray) -> None:
    se, p = c.sensitivity(matrix), c.predictivity(matrix)
    both = ~np.isnan(se) & ~np.isnan(p) & (se + np.nan_to_num(p) > 0)
    np.testing.assert_allclose(c.f1(matrix)[both], (2 * se * p)[both] / (se + p)[both])


@given(st.lists(matrices.filter(lambda m: m.shape == (3, 3)), min_size=1, max_size=3))
def test_many_matrices_at_once_are_as_one_by_one(several: list[np.ndarray]) -> None:
    stack = np.stack(several)
    for figure in (c.f1, c.accuracy, c.kappa, lambda m: c.macro_f1(m, [0, 2])):
        np.testing.assert_array_equal(figure(stack), np.array([figure(m) for m in several]))
