import numpy as np
import pytest

from einthoven.evaluation.permutation import difference, holm, permuted
from einthoven.record.errors import UsageError


def test_the_permutation_test_is_exact_on_a_case_that_can_be_counted() -> None:
    share = np.array([1.0, 2.0, 3.0, 4.0])
    has = np.array([False, False, True, True])
    gap, p = difference(share, has, permuted(4, 6000, 0))
    assert gap == 2.0
    assert p == pytest.approx(1 / 6, abs=0.02)  # one of the six pairs has as much
    gap, p = difference(share, ~has, permuted(4, 500, 0))
    assert (gap, p) == (-2.0, 1.0)
    # Where nothing is told apart, every order is as good.
    assert difference(np.ones(4), has, permuted(4, 100, 0)) == (0.0, 1.0)


def test_chance_alone_is_called_significant_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(1)
    orders = permuted(40, 400, 2)
    p = [difference(rng.normal(size=40), rng.random(40) < 0.3, orders)[1] for _ in range(400)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


def test_holm_is_that_of_the_worked_example() -> None:
    # .01 * 4, .02 * 3, then no smaller than the one before.
    assert holm([0.04, 0.01, 0.02, 0.03]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_where_nobody_or_everybody_has_it_nothing_is_compared() -> None:
    for has in (np.zeros(4, bool), np.ones(4, bool)):
        with pytest.raises(UsageError, match="of 4 have it: there is nothing to compare"):
            difference(np.arange(4.0), has, permuted(4, 10, 0))
