"""Scores with intervals, differences, and what is fitted on the validation side."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers, sigmoid
from einthoven.evaluation.label_fit import calibrated, choose_thresholds
from einthoven.evaluation.label_scores import common, difference, label_scores, weights
from einthoven.record import UsageError


def table(n: int = 400, *, seed: int = 0, noise: float = 1.0, each: int = 1) -> Answers:
    """Labels drawn from known probabilities; `each` records a person, all alike."""
    rng = np.random.default_rng(0)
    z = np.repeat(rng.normal(-1, 2, (n, 3)), each, axis=0)
    label = np.repeat(rng.random((n, 3)) < sigmoid(z[::each]), each, axis=0).astype(np.float32)
    z = z + noise * np.repeat(np.random.default_rng(seed + 1).normal(size=(n, 3)), each, axis=0)
    total = n * each
    return Answers(
        classes=("NSR", "AF", "MI"), part=np.array(["validation", "test"])[np.arange(total) % 2],
        corpus=np.full(total, "x"), record=np.arange(total).astype(str),
        subject=np.repeat(np.arange(n), each).astype(str), domain=np.full(total, "x"),
        fold=np.full(total, -1), label=label, logits=z.astype(np.float32),
    )  # fmt: skip


def test_scores_hold_every_figure_with_its_interval_and_are_json() -> None:
    answers = table()
    bars = choose_thresholds(answers.of("validation").probabilities, answers.of("validation").label)
    told = label_scores(answers.of("test"), bars, draws=200)
    for figure, by_class in told.by_class.items():
        for estimate in (*by_class, told.macro[figure]):
            assert estimate.draws == 200
            if figure != "ece":  # resampling adds to a calibration error
                assert estimate.low < estimate.value < estimate.high
    assert told.macro["auroc"].value == pytest.approx(
        np.mean([e.value for e in told.by_class["auroc"]])
    )
    assert {"f_max", "challenge"} == set(told.whole)
    written = json.loads(json.dumps(told.to_dict(), allow_nan=False))
    assert written["classes"]["AF"]["positives"] == int(answers.of("test").label[:, 1].sum())
    assert written["macro"]["auroc"]["classes"] == 3


def test_a_class_without_a_positive_is_undefined_and_left_out_of_the_mean() -> None:
    answers = table()
    label = answers.label.copy()
    label[:, 2] = 0
    label[answers.part == "validation", 1] = 0
    answers = replace(answers, label=label)
    shown = answers.of("validation")
    bars = choose_thresholds(shown.probabilities, shown.label)
    assert np.isnan(bars[1:]).all()
    told = label_scores(answers.of("test"), bars, draws=50)
    assert told.over == told.over | {"auroc": 2, "auprc": 2, "f1": 1, "brier": 3}
    assert np.isnan(told.by_class["auroc"][2].value)
    assert np.isnan(told.by_class["f1"][1].value)
    json.dumps(told.to_dict(), allow_nan=False)
    nothing = replace(answers, label=np.full_like(label, np.nan))
    assert np.isnan(label_scores(nothing, bars, draws=20).macro["auroc"].value)


def test_intervals_are_over_people_not_records() -> None:
    one = label_scores(table(150), np.full(3, 0.5), draws=300).macro["auroc"]
    many = label_scores(table(150, each=8), np.full(3, 0.5), draws=300).macro["auroc"]
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.25)


def test_each_draw_takes_whole_people() -> None:
    person = np.array(["a", "b", "a", "c", "b"])
    times = weights(person, 50, seed=1)
    np.testing.assert_array_equal(times[:, 0], times[:, 2])
    np.testing.assert_array_equal(times[:, 1], times[:, 4])
    np.testing.assert_array_equal(times[:, 0] + times[:, 1] + times[:, 3], 3)


def test_a_table_ties_with_itself_and_loses_to_a_better_one() -> None:
    good, poor = table(noise=0.3), table(noise=4.0)
    same = difference(good, good, draws=100)["macro"]
    assert (same.value, same.low, same.high, same.tie) == (0, 0, 0, True)
    gap = difference(good, poor, draws=200)
    assert gap["macro"].low > 0
    assert gap["AF"].positives == int(good.label[:, 1].sum())
    assert not gap["macro"].tie
    back = difference(poor, good, draws=200)
    assert back["AF"].value == pytest.approx(-gap["AF"].value)
    assert difference(table(seed=5), table(seed=6), draws=200)["macro"].tie


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    one, two = table(seed=1, noise=0.5), table(seed=2, noise=0.5)
    paired = difference(one, two, draws=300)["macro"]
    alone = label_scores(one, np.full(3, 0.5), draws=300).macro["auroc"]
    assert paired.high - paired.low < alone.high - alone.low


def test_only_records_in_both_tables_are_compared_whatever_their_order() -> None:
    one = table(100)
    two = one.rows(np.random.default_rng(0).permutation(100)[:60])
    a, b = common(one, two)
    assert a.record.tolist() == b.record.tolist()
    np.testing.assert_array_equal(a.logits, b.logits)
    assert difference(one, two, draws=20)["macro"].records == 60
    with pytest.raises(UsageError, match="no record is in both"):
        common(one.of("test"), one.of("validation"))
    with pytest.raises(UsageError, match="labels disagree"):
        common(one, replace(one, label=1 - one.label))
    with pytest.raises(UsageError, match="twice"):
        common(one.rows(np.array([0, 0])), one)


def test_a_figure_that_needs_thresholds_says_so() -> None:
    answers = table(100)
    with pytest.raises(UsageError, match="needs thresholds"):
        difference(answers, answers, figure="f1")
    with pytest.raises(UsageError, match="auroc"):
        difference(answers, answers, figure="auroch")
    bars = np.full(3, 0.5)
    for figure in ("f1", "challenge", "f_max"):
        told = difference(answers, answers, figure=figure, thresholds=(bars, bars), draws=20)
        assert told["macro"].value == 0


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 999), beta=st.sampled_from([1.0, 2.0]))
def test_no_threshold_does_better_than_the_chosen_one(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    p = np.round(rng.random((30, 2)), 1)
    y = (rng.random((30, 2)) < 0.3).astype(float)
    y[0] = 1
    y[1:4, 0] = np.nan
    chosen = choose_thresholds(p, y, beta=beta)

    def f(bars: np.ndarray) -> np.ndarray:
        tp, fp, fn, _ = multilabel.counts(multilabel.decided(p, bars), y, multilabel.once(30))
        square = beta**2
        return ((1 + square) * tp / np.maximum((1 + square) * tp + fp + square * fn, 1e-9))[0]

    best = np.max([f(np.full(2, t)) for t in np.linspace(0, 1, 201)], axis=0)
    np.testing.assert_allclose(f(chosen), best)


def test_calibration_finds_the_sigmoid_that_the_logits_were_bent_by() -> None:
    answers = table(20_000, noise=0.0)
    bent = replace(answers, logits=(answers.logits * 3 + np.array([2, -1, 0.5])).astype(np.float32))
    again, left = calibrated(bent)
    assert left == ()
    np.testing.assert_allclose(again.temperature, 3, rtol=0.07)
    np.testing.assert_allclose(again.offsets, [-2, 1, -0.5], atol=0.2)
    ones = multilabel.once(len(answers.of("test")))
    for before, after in ((bent, again), (bent, calibrated(bent, by="temperature")[0])):
        told = [
            multilabel.auroc(t.of("test").scaled, t.of("test").label, ones) for t in (before, after)
        ]
        np.testing.assert_allclose(told[0], told[1], atol=1e-9)
    gap = multilabel.ece(again.of("test").probabilities, again.of("test").label, ones)
    assert gap.max() < 0.02


def test_calibration_learns_nothing_from_the_test_side() -> None:
    answers = table(300)
    label = answers.label.copy()
    label[answers.part == "test"] = 1 - label[answers.part == "test"]
    one, two = calibrated(answers)[0], calibrated(replace(answers, label=label))[0]
    np.testing.assert_array_equal(one.temperature, two.temperature)
    np.testing.assert_array_equal(one.offsets, two.offsets)


def test_a_class_that_validation_cannot_calibrate_is_left_and_named() -> None:
    answers = table(100)
    label = answers.label.copy()
    label[:, 1] = 0
    told, left = calibrated(replace(answers, label=label))
    assert left == ("AF",)
    assert (told.temperature[1], told.offsets[1]) == (1, 0)
    turned = replace(answers, logits=-answers.logits)  # a ranking that is upside down
    assert (calibrated(turned)[0].temperature <= 20).all()
    apart = replace(answers, logits=(100 * (answers.label - 0.5)).astype(np.float32))
    assert np.isfinite(calibrated(apart)[0].scaled).all()
    with pytest.raises(UsageError, match="isotonic"):
        calibrated(answers, by="isotonic")
