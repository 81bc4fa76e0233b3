"""Faithfulness: worked examples by hand, and what must hold whatever the model."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.evaluation import faithfulness as f
from einthoven.record.errors import UsageError

# p = sigmoid(4 m1 + 3 m2 + 2 m3 + m4 - 5): sets without part 1, then 1 and 2, ... fall as
# .9933 .7311 .1192 .0180 .0067.
WEIGHTS = np.array([4.0, 3.0, 2.0, 1.0])


def sigmoid(keep: f.Mask) -> f.Floats:
    return np.asarray(1 / (1 + np.exp(5 - keep @ WEIGHTS)))


def linear(keep: f.Mask) -> f.Floats:
    return np.asarray(keep @ WEIGHTS)


def test_deletion_and_insertion_of_the_worked_example() -> None:
    curve = f.deletion(sigmoid, WEIGHTS)
    assert curve.output == pytest.approx([0.9933, 0.7311, 0.1192, 0.0180, 0.0067], abs=1e-4)
    assert curve.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve.area == pytest.approx(0.342062, abs=1e-6)
    assert f.insertion(sigmoid, WEIGHTS).area == pytest.approx(0.657938, abs=1e-6)


def test_reversed_order_is_the_worst() -> None:
    assert f.deletion(sigmoid, -WEIGHTS).area == pytest.approx(0.657938, abs=1e-6)


def test_comprehensiveness_and_sufficiency_of_the_worked_example() -> None:
    assert f.comprehensiveness(sigmoid, WEIGHTS, 2) == pytest.approx(0.8741, abs=1e-4)
    assert f.sufficiency(sigmoid, WEIGHTS, 2) == pytest.approx(0.1125, abs=1e-4)


def test_random_order_lies_between_best_and_worst_and_is_the_same_for_a_seed() -> None:
    gone, back = f.random_order(sigmoid, 4, draws=200)
    assert 0.342062 < gone < 0.657938
    # Of a logistic curve about its middle, the two are one another's mirror.
    assert gone == pytest.approx(0.5, abs=0.02)
    assert back == pytest.approx(0.5, abs=0.02)
    assert (gone, back) == f.random_order(sigmoid, 4, draws=200)
    with pytest.raises(UsageError, match="draws"):
        f.random_order(sigmoid, 4, draws=0)


def test_sensitivity_n_is_one_for_what_is_true_and_minus_one_for_its_opposite() -> None:
    for n in (1, 2, 3):
        assert f.sensitivity_n(linear, WEIGHTS, n) == pytest.approx(1)
        assert f.sensitivity_n(linear, -WEIGHTS, n) == pytest.approx(-1)
    # All parts taken away is one set: nothing can go with anything.
    assert np.isnan(f.sensitivity_n(linear, WEIGHTS, 4))
    assert np.isnan(f.sensitivity_n(linear, np.ones(4), 2))


def test_sensitivity_n_by_hand() -> None:
    # Losses 4 3 2 1 against importances 1 0 0 0: deviations 1.5 .5 -.5 -1.5 and .75 -.25 -.25 -.25.
    expected = 1.5 / np.sqrt(5 * 0.75)
    assert f.sensitivity_n(linear, np.array([1.0, 0, 0, 0]), 1) == pytest.approx(expected)


def test_sensitivity_n_draws_sets_of_n_where_there_are_many() -> None:
    seen: list[f.Mask] = []

    def watched(keep: f.Mask) -> f.Floats:
        seen.append(keep)
        return np.asarray(keep.sum(axis=1) + keep[:, 0] * 1.0)

    f.sensitivity_n(watched, np.arange(20.0), 5, draws=50)
    assert seen[0].shape == (51, 20)
    assert seen[0][0].all()
    assert (seen[0][1:].sum(axis=1) == 15).all()


def test_spearman_with_ties_and_signs() -> None:
    assert f.spearman(np.array([1, 2, 3]), np.array([10, 20, 21])) == pytest.approx(1)
    # Ranks 1 2.5 2.5 4 and 1 2 3 4: 4.5 / sqrt(4.5 * 5).
    assert f.spearman(np.array([0, 1, 1, 2]), np.array([1, 2, 3, 4])) == pytest.approx(
        4.5 / np.sqrt(22.5)
    )
    assert np.isnan(f.spearman(np.zeros(3), np.array([1, 2, 3])))
    opposite = f.likeness(np.array([-3.0, 1, 2]), np.array([3.0, -1, -2]))
    assert opposite.signed == pytest.approx(-1)
    assert opposite.rectified == pytest.approx(1)
    with pytest.raises(UsageError, match="equal shapes"):
        f.spearman(np.zeros(3), np.zeros(4))


def test_stability_is_one_for_the_same_and_about_nothing_for_noise() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=(2, 300))
    assert f.stability([one, one, one]) == f.Likeness(pytest.approx(1), pytest.approx(1))
    noise = f.stability([generator.normal(size=(2, 300)) for _ in range(4)])
    assert abs(noise.signed) < 0.1
    assert abs(noise.rectified) < 0.1
    assert np.isnan(f.stability([one]).signed)


def test_pointing_game() -> None:
    names = ("P", "QRS", "T")
    assert f.pointed(np.array([0.1, 2.0, 0.3]), names, {"QRS"})
    assert not f.pointed(np.array([0.1, 2.0, 0.3]), names, {"P", "T"})
    assert not f.pointed(np.array([-1.0, -0.5, -2.0]), names, {"QRS"})


def test_mass_is_of_what_speaks_for_the_class() -> None:
    where = np.array([[[1, 1, 0, 0]], [[0, 0, 1, 1]]], bool)
    values = np.array([[3.0, -9.0, 1.0, 0.0]])
    assert f.mass(values, where).tolist() == [0.75, 0.25]
    assert f.onto(values, where).tolist() == [-6.0, 1.0]
    assert np.isnan(f.mass(-np.abs(values), where)).all()


@pytest.mark.parametrize("k", [0, 5])
def test_more_parts_than_there_are(k: int) -> None:
    with pytest.raises(UsageError, match="4 parts"):
        f.comprehensiveness(sigmoid, WEIGHTS, k)
