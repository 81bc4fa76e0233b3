import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.evaluation.selection import choose_threshold, risk_coverage
from einthoven.record.errors import UsageError

CONFIDENCE = np.array([0.95, 0.85, 0.75, 0.65, 0.55, 0.90, 0.35, 0.80])
CORRECT = np.array([1, 1, 0, 1, 0, 1, 0, 1])

answers = st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.9]), st.booleans()), min_size=1)


def test_the_worked_example() -> None:
    curve = risk_coverage(CONFIDENCE, CORRECT)
    assert curve.risk == pytest.approx([0, 0, 0, 0, 0.2, 0.166667, 0.285714, 0.375], abs=1e-6)
    assert curve.coverage[-1] == 1
    assert curve.aurc == pytest.approx(0.128423, abs=1e-6)
    assert curve.best_aurc == pytest.approx(0.103423, abs=1e-6)
    assert curve.e_aurc == pytest.approx(0.025, abs=1e-6)
    assert curve.augrc == pytest.approx(0.109375, abs=1e-6)


def test_the_threshold_is_the_smallest_that_keeps_the_promise() -> None:
    assert choose_threshold(CONFIDENCE, CORRECT, risk=0.0) == 0.80
    assert choose_threshold(CONFIDENCE, CORRECT, risk=0.17) == 0.65
    assert choose_threshold(CONFIDENCE, CORRECT, risk=0.4) == 0.0
    assert choose_threshold(np.array([0.9]), np.array([0]), risk=0.1) > 0.9


def test_the_order_within_a_tie_does_not_matter() -> None:
    first = risk_coverage(np.array([0.5, 0.5]), np.array([0, 1]))
    second = risk_coverage(np.array([0.5, 0.5]), np.array([1, 0]))
    np.testing.assert_array_equal(first.risk, second.risk)


@given(answers, st.floats(0, 0.9))
def test_what_passes_the_threshold_keeps_the_promise(
    rows: list[tuple[float, bool]], risk: float
) -> None:
    p, right = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    kept = p >= choose_threshold(p, right, risk=risk)
    assert not kept.any() or (~right[kept]).mean() <= risk + 1e-9


def test_misuse_is_told() -> None:
    with pytest.raises(UsageError, match="no beat"):
        risk_coverage(np.zeros(0), np.zeros(0))
    with pytest.raises(UsageError, match="share"):
        choose_threshold(CONFIDENCE, CORRECT, risk=5)
