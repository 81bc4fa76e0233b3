import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.evaluation import calibration as cal
from einthoven.record.errors import UsageError

CONFIDENCE = np.array([0.95, 0.85, 0.75, 0.65, 0.55, 0.90, 0.35, 0.80])
CORRECT = np.array([1, 1, 0, 1, 0, 1, 0, 1])


def test_the_worked_example_of_ece() -> None:
    found = cal.reliability(CONFIDENCE, CORRECT, bins=5)
    assert found.count.tolist() == [0, 1, 1, 3, 3]
    assert found.accuracy[3:] == pytest.approx([2 / 3, 1.0])
    assert found.confidence[3:] == pytest.approx([0.7333, 0.9], abs=1e-4)
    assert found.ece == pytest.approx(0.175)
    assert cal.ece(CONFIDENCE, CORRECT, bins=5) == found.ece
    assert found.mce == pytest.approx(0.55)


def test_the_brier_score_of_all_classes() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    expected = (0.09 + 0.04 + 0.01 + 0.01 + 0.81 + 0.64) / 2
    assert cal.brier(p, np.array([0, 1])) == pytest.approx(expected)


def test_the_temperature_that_made_the_logits_is_found_again() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (20000, 4))
    label = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from the softmax
    for temperature in (0.5, 1.0, 3.0):
        assert cal.fit_temperature(logits * temperature, label) == pytest.approx(
            temperature, rel=0.05
        )


def test_no_other_temperature_has_a_smaller_nll() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(300, 3))
    label = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    logits *= 5
    best = cal.fit_temperature(logits, label)
    at_best = cal.nll(logits / best, label)
    for t in np.geomspace(0.05, 20, 200):
        assert cal.nll(logits / t, label) >= at_best - 1e-9


def test_nll_is_that_of_the_softmax_and_survives_huge_logits() -> None:
    logits = np.array([[2.0, 1.0, 0.5], [1e4, 0.0, 0.0]])
    p = cal.softmax(logits)
    assert p[0] == pytest.approx([0.6285, 0.2312, 0.1402], abs=1e-4)
    assert cal.nll(logits, np.array([1, 0])) == pytest.approx(-np.log(p[0, 1]) / 2)


@given(st.integers(0, 1000), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
@settings(max_examples=30)
def test_a_temperature_changes_no_choice_and_between_two_classes_no_auroc(
    seed: int, temperature: float
) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.integers(-9, 9, (60, 2)) / 4
    label = rng.integers(0, 2, 60) == 1
    before, after = cal.softmax(logits)[:, 1], cal.softmax(logits / temperature)[:, 1]
    np.testing.assert_array_equal(before > 0.5, after > 0.5)
    # Rounded, for ties in the margin are only ties up to the last bit in the softmax.
    assert cal.auroc(before.round(9), label) == cal.auroc(after.round(9), label)


def test_auroc_with_ties_and_with_one_class_only() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.7, 0.1])
    assert cal.auroc(score, np.array([1, 0, 1, 0, 0], bool)) == 0.75
    assert np.isnan(cal.auroc(score, np.ones(5, bool)))


def test_nothing_to_fit_on_is_told() -> None:
    with pytest.raises(UsageError, match="no beat"):
        cal.fit_temperature(np.zeros((0, 2)), np.zeros(0, np.int64))
    with pytest.raises(UsageError, match="no beat"):
        cal.reliability(np.zeros(0), np.zeros(0))
