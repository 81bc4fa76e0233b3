import time

import numpy as np
import pytest

from einthoven.evaluation import bootstrap, classification
from einthoven.record.errors import UsageError


def two_patients() -> np.ndarray:
    return np.array([[[90, 10], [0, 0]], [[50, 0], [25, 25]]])


def test_an_interval_over_beats_is_that_of_the_binomial() -> None:
    matrix = np.array([[[900, 100], [0, 0]]])
    (found,) = bootstrap.intervals(classification.accuracy, matrix, over="beats", draws=4000)
    half = 1.96 * np.sqrt(0.9 * 0.1 / 1000)
    assert found.low == pytest.approx(0.9 - half, abs=0.003)
    assert found.high == pytest.approx(0.9 + half, abs=0.003)
    assert (found.draws, found.left_out) == (4000, 0)


def test_an_interval_over_patients_spans_what_single_patients_give() -> None:
    (found,) = bootstrap.intervals(classification.accuracy, two_patients(), over="patients")
    assert found.low == pytest.approx(0.75)
    assert found.high == pytest.approx(0.9)


def test_draws_that_lack_a_class_tell_nothing_and_are_counted() -> None:
    figure = bootstrap.needs(lambda m: classification.macro_f1(m, [0, 1]), [0, 1])
    (found,) = bootstrap.intervals(figure, two_patients(), over="patients", draws=2000)
    # Patient 0 twice, a quarter of all draws, has no beat of class 1.
    assert found.left_out == pytest.approx(500, abs=80)
    assert found.draws + found.left_out == 2000


def test_a_figure_that_no_draw_tells_is_nan() -> None:
    matrix = np.array([[[3, 0], [0, 0]]])
    found = bootstrap.intervals(classification.sensitivity, matrix, over="patients", draws=10)
    assert np.isnan(found[1].low)
    assert (found[1].draws, found[1].left_out) == (0, 10)


def test_the_seed_fixes_the_draws() -> None:
    first, again, other = (
        bootstrap.draws_over_groups(two_patients(), 50, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    beats = bootstrap.draws_over_beats(two_patients()[1], 50, 1)
    assert (beats.sum(axis=(1, 2)) == 100).all()


def test_a_thousand_draws_of_22_patients_take_no_time() -> None:
    matrices = np.random.default_rng(0).integers(0, 2000, (22, 5, 5))
    began = time.perf_counter()
    for over in ("beats", "patients"):
        bootstrap.intervals(classification.f1, matrices, over=over)
    assert time.perf_counter() - began < 1.0


def test_misuse_is_told() -> None:
    with pytest.raises(UsageError, match="Use beats or patients"):
        bootstrap.intervals(classification.f1, two_patients(), over="records")
    with pytest.raises(UsageError, match="no patient"):
        bootstrap.draws_over_groups(np.zeros((0, 2, 2), np.int64), 5, 0)
    with pytest.raises(UsageError, match="share"):
        bootstrap.percentiles(np.zeros(3), 95)
