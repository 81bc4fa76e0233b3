"""Ensembles: both readings of Top2-Weighted by hand; weights from validation alone; refusals."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.evaluation.calibration import softmax
from einthoven.evaluation.ensemble import KINDS, Member, combine, validation_f1, weights
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import UsageError
from einthoven.record.inputspec import InputSpec

CLASSES = ("N", "S", "V")
INPUT = InputSpec(kind="beat", rate=360.0, window=(0.5, 0.5))


def table(logits: np.ndarray, label: np.ndarray, validation: int, **more: object) -> Predictions:
    """A table whose first rows are the validation side."""
    n = len(label)
    return Predictions(
        classes=CLASSES,
        part=np.array(["validation"] * validation + ["test"] * (n - validation)),
        record=np.array([f"{i // 5}" for i in range(n)]),
        sample=np.arange(n, dtype=np.int64) * 300,
        label=label.astype(np.int64),
        logits=logits.astype(np.float32),
        **more,  # type: ignore[arg-type]
    )


def member(name: str, predictions: Predictions, **more: object) -> Member:
    values = {"name": name, "predictions": predictions, "labels": "aami", "input": INPUT, **more}
    return Member(**values)  # type: ignore[arg-type]


def answering(right: int, of: int, p: list[float]) -> Predictions:
    """One test beat of probabilities `p`; before it, `of` validation beats of N, some said S.

    Macro F1 over N alone is 2 right / (of + right).
    """
    said = np.zeros((of, 3))
    said[:right, 0], said[right:, 1] = 9, 9
    logits = np.concatenate([said, np.log([p])])
    return table(logits, np.zeros(of + 1), of)


# F1 of 0.951, 0.930, 0.940 are 2r / (n + r) with r = F n / (2 - F).
P = {"a": [0.6, 0.3, 0.1], "b": [0.2, 0.5, 0.3], "c": [0.4, 0.35, 0.25]}
F = {"a": 0.951, "b": 0.930, "c": 0.940}


@pytest.fixture(scope="module")
def three() -> list[Member]:
    n = 20000
    return [member(k, answering(round(F[k] * n / (2 - F[k])), n, P[k])) for k in "abc"]


def beat_of(three: list[Member], kind: str) -> np.ndarray:
    return np.asarray(softmax(combine(three, kind, ["N"]).of("test").scaled)[0])


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("top2-weighted", [0.50058, 0.32485, 0.17456]),
        ("top2-classes-weighted", [0.40246, 0.47391, 0.12363]),
        ("top2-mean", [0.5, 0.325, 0.175]),
        ("mean", [0.4, 1.15 / 3, 0.65 / 3]),
        # (2/3, 1/3, 0), (0, 5/8, 3/8), (8/15, 7/15, 0)
        ("top2-classes-mean", [1.2 / 3, (1 / 3 + 5 / 8 + 7 / 15) / 3, 0.125]),
        # Weights .5706, .465, .376 (F times the largest p), of sum 1.4116.
        ("dynamic", [0.58576 / 1.4116, 0.53528 / 1.4116, 0.29056 / 1.4116]),
    ],
)
def test_the_worked_example(three: list[Member], kind: str, expected: list[float]) -> None:
    assert beat_of(three, kind) == pytest.approx(expected, abs=2e-5)


def test_weights_go_by_validation_f1(three: list[Member]) -> None:
    total = sum(F.values())
    assert weights(three, "weighted", ["N"]) == pytest.approx(
        {k: f / total for k, f in F.items()}, abs=1e-5
    )
    assert weights(three, "top2-weighted", ["N"]) == pytest.approx(
        {"a": 0.951 / 1.891, "b": 0, "c": 0.940 / 1.891}, abs=1e-5
    )
    assert weights(three, "top2-mean", ["N"]) == {"a": 0.5, "b": 0.0, "c": 0.5}


def test_validation_f1_is_over_the_classes_that_validation_has() -> None:
    said = np.array([0, 0, 1, 1, 2, 2])
    label = np.array([0, 0, 0, 1, 1, 1])
    # Of the first four, 2 of 3 N and 1 of 1 S are right: F1 4/5 and 2/3; there is no V to find.
    answers = table(np.eye(3)[said], label, 4)
    assert validation_f1(answers, ["N", "S", "V"]) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert validation_f1(answers, ["S"]) == pytest.approx(2 / 3)
    assert validation_f1(answers, ["V"]) == 0
    assert validation_f1(table(np.eye(3)[said], label, 0), ["N", "S"]) == 0


def test_of_equal_members_the_first_by_name_is_taken() -> None:
    same = answering(8, 10, P["a"])
    found = weights([member(n, same) for n in ("z", "y", "x")], "top2-weighted", ["N"])
    assert found == {"x": 0.5, "y": 0.5, "z": 0.0}


@st.composite
def ensembles(draw: st.DrawFn) -> list[Member]:
    """One to four models of 30 beats, the first 15 of validation, some without a class."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    label = rng.integers(-1, 3, 30)
    label[:3] = [0, 1, 2]
    found = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        logits = rng.normal(0, draw(st.sampled_from([0.5, 3.0, 40.0])), (30, 3))
        logits[0] = [50, 0, 0]  # each finds one beat, so that no F1 is 0
        more = {"offsets": rng.normal(0, 0.2, 3), "temperature": float(rng.uniform(0.5, 2))}
        found.append(member(name, table(logits, label, 15, **more)))
    return found


quick = partial(settings, deadline=None, max_examples=40)


@quick()
@given(ensembles(), st.sampled_from(KINDS))
def test_probabilities_sum_to_one_and_rows_stay(members: list[Member], kind: str) -> None:
    found, first = combine(members, kind, CLASSES), members[0].predictions
    assert np.exp(found.logits.astype(float)).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(found.logits).all()
    assert (found.offsets.tolist(), found.temperature) == ([0.0, 0.0, 0.0], 1.0)
    for column in ("part", "record", "sample", "label"):
        np.testing.assert_array_equal(getattr(found, column), getattr(first, column))
    assert sum(weights(members, kind, CLASSES).values()) == pytest.approx(1.0)


@quick()
@given(ensembles(), st.sampled_from([k for k in KINDS if "classes" not in k]))
def test_an_ensemble_of_one_is_that_member(members: list[Member], kind: str) -> None:
    one = members[0].predictions
    found = combine(members[:1], kind, CLASSES)
    p = softmax(one.scaled)
    np.testing.assert_allclose(softmax(found.scaled), p, atol=1e-6)
    first, second = np.sort(p, axis=1)[:, ::-1][:, :2].T
    clear = first - second > 1e-5
    np.testing.assert_array_equal(found.choice[clear], one.choice[clear])


@quick()
@given(ensembles(), st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(
    members: list[Member], kind: str, chance: object
) -> None:
    other = list(members)
    chance.shuffle(other)  # type: ignore[attr-defined]
    a, b = combine(members, kind, CLASSES), combine(other, kind, CLASSES)
    np.testing.assert_array_equal(a.logits, b.logits)


def tampered(m: Member, part: str, seed: int) -> Member:
    """The same member with other answers and labels on one part."""
    rng, p = np.random.default_rng(seed), m.predictions
    rows = p.part == part
    logits, label = p.logits.copy(), p.label.copy()
    logits[rows] = rng.normal(0, 5, (int(rows.sum()), 3))
    label[rows] = np.random.default_rng(0).integers(-1, 3, int(rows.sum()))
    return replace(m, predictions=replace(p, logits=logits, label=label))


@quick()
@given(ensembles(), st.sampled_from(KINDS), st.integers(0, 99))
def test_test_answers_and_labels_change_no_weight(
    members: list[Member], kind: str, seed: int
) -> None:
    others = [tampered(m, "test", seed + i) for i, m in enumerate(members)]
    assert weights(others, kind, CLASSES) == weights(members, kind, CLASSES)
    before, after = combine(members, kind, CLASSES), combine(others, kind, CLASSES)
    validation = before.part == "validation"
    np.testing.assert_array_equal(after.logits[validation], before.logits[validation])


def test_a_validation_answer_does_change_the_weights() -> None:
    good, worse = answering(9, 10, P["a"]), answering(8, 10, P["a"])
    assert weights([member("a", good), member("b", good)], "weighted", ["N"])["b"] == 0.5
    assert weights([member("a", good), member("b", worse)], "weighted", ["N"])["b"] < 0.5


def test_offsets_and_temperature_of_a_member_are_applied_inside() -> None:
    plain = table(np.zeros((2, 3)), np.array([0, 0]), 1)
    moved = replace(plain, offsets=np.log([1.0, 2.0, 5.0]), temperature=1.0)
    found = combine([member("a", plain), member("b", moved)], "mean", ["N"])
    by_hand = (np.full(3, 1 / 3) + np.array([1, 2, 5]) / 8) / 2
    assert softmax(found.scaled)[1] == pytest.approx(by_hand, abs=1e-6)
    sharp = replace(moved, temperature=0.5)
    found = combine([member("a", sharp)], "mean", ["N"])
    assert softmax(found.scaled)[1] == pytest.approx(np.array([1, 4, 25]) / 30, abs=1e-6)


def a_table(**more: object) -> Predictions:
    return replace(table(np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 0]), 2), **more)


@pytest.mark.parametrize(
    "other, text",
    [
        (
            member("b", a_table(classes=("N", "V", "S"))),
            "ensemble member 'b': has other classes than 'a' (N V S, N S V). Train both with the",
        ),
        (
            member("b", a_table(), labels="nlrav"),
            "has other labels than 'a' (nlrav, aami). Train both with the same corpus.labels.",
        ),
        (
            member("b", a_table(), input=replace(INPUT, side=("rr",), rate=180.0)),
            "eats another input than 'a'. Train both with the same input.rate, input.side.",
        ),
        (
            member("b", a_table(part=np.array(["validation", "test", "test", "test"]))),
            "has other validation beats than 'a' (1, 2). Train both on the same corpus, protocol",
        ),
        (
            member("b", a_table(sample=np.array([0, 300, 600, 901]))),
            "has other test beats than 'a' (2, 2).",
        ),
        (
            member("b", a_table(record=np.array(["0", "1", "0", "0"]))),
            "has other validation beats than 'a'",
        ),
        (
            member("b", a_table(label=np.array([0, 1, 2, -1]))),
            "has other labels of the same test beats than 'a'. Train both with the same corpus.lab",
        ),
        (member("a", a_table()), "ensemble member 'a': stands there twice. Give each model once"),
    ],
)
def test_members_that_do_not_fit_are_refused(other: Member, text: str) -> None:
    for kind in KINDS:
        with pytest.raises(UsageError) as fault:
            combine([member("a", a_table()), other], kind, ["N"])
        assert text in str(fault.value)


def test_what_cannot_be_an_ensemble_is_refused() -> None:
    one = member("a", a_table())
    with pytest.raises(UsageError, match="ensemble: has no member"):
        combine([], "mean", ["N"])
    with pytest.raises(UsageError, match="'top2' is not known"):
        combine([one], "top2", ["N"])
    with pytest.raises(UsageError, match="ensemble over: 'F' is no class"):
        combine([one], "weighted", ["N", "F"])
    untold = member("a", a_table(label=np.array([-1, -1, 2, 0])))
    with pytest.raises(UsageError, match="no member has a validation macro F1 above 0"):
        combine([untold], "weighted", CLASSES)
    lost = member("a", a_table(logits=np.full((4, 3), np.nan, np.float32)))
    with pytest.raises(UsageError, match="member 'a': has answers that are no numbers"):
        combine([lost], "mean", CLASSES)
    assert len(combine([untold], "mean", CLASSES)) == 4
