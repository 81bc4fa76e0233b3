"""The area under a ROC curve, and its intervals over beats and over patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from einthoven.evaluation import bootstrap
from einthoven.evaluation.calibration import auroc, softmax
from einthoven.evaluation.predictions import Predictions
from einthoven.suites import _judge
from einthoven.suites._curves import area, curves, levels, over_patients, pulls, roc

CLASSES = ("N", "S", "V")


def asked(seed: int, sets: int | None = None, n: int = 240) -> Predictions:
    """Answers for beats of 6 patients in 7 records; S in two patients only, a few beats unknown.

    `sets` : of how many the logits are, so that scores tie; all differ where it is not given.
    """
    rng = np.random.default_rng(seed)
    record = rng.choice(list("abcdefg"), n)
    label = rng.choice(3, n, p=[0.6, 0.2, 0.2])
    label[(label == 1) & ~np.isin(record, ["a", "b"])] = 0
    logits = rng.normal(0, 1, (n, 3))
    logits[np.arange(n), label] += 1
    if sets is not None:
        logits = logits[:sets][rng.integers(0, sets, n)]
    label[rng.random(n) < 0.05] = -1
    return Predictions(
        classes=CLASSES, part=np.full(n, "test"), record=record,
        sample=np.arange(n), label=label, logits=logits.astype(np.float32),
    )  # fmt: skip


def person(record: str) -> str:
    """One person has two records."""
    return "z" if record in "fg" else record


def naive(part: Predictions, name: str) -> npt.NDArray[np.float64]:
    """(draw,) areas of beats written down as often as their patient is drawn."""
    who = np.array([person(str(r)) for r in part.record])
    people = sorted(set(who.tolist()))
    times = bootstrap.times_of_groups(len(people), _judge.DRAWS, 0)
    score = softmax(part.scaled)[:, CLASSES.index(name)]
    found = []
    for draw in times:
        rows = np.concatenate(
            [np.tile(np.flatnonzero(who == p), n) for p, n in zip(people, draw, strict=True)]
        ).astype(np.int64)
        rows = rows[part.label[rows] >= 0]
        found.append(auroc(score[rows], part.label[rows] == CLASSES.index(name)))
    return np.array(found)


def test_the_worked_example() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.7, 0.1])
    positive = np.array([True, False, True, False, False])
    assert area(*roc(score, positive)) == pytest.approx(0.75)
    cells = levels(score, positive, np.array([0, 0, 1, 1, 1]), 2)
    # .9, .8 and .1 are of one kind each; at .7 both stand.
    np.testing.assert_array_equal(cells.sum(axis=1), [[1, 1, 1, 0], [0, 1, 0, 1]])
    # Each patient once; the first alone, whose .9 is above .8; the second alone, whose .7 is
    # above .1 and ties.
    times = np.array([[1, 1], [2, 0], [0, 2]], np.float64)
    np.testing.assert_allclose(over_patients(cells, times), [0.75, 1, 0.75])


@pytest.mark.parametrize("sets", [None, 9, 1])
def test_an_interval_is_that_of_patients_resampled_one_by_one(sets: int | None) -> None:
    parts = [asked(0, sets), asked(1, sets)]
    found = curves(parts, ("N", "S"), person)
    drawn = {c: np.mean([naive(part, c) for part in parts], axis=0) for c in CLASSES}
    for name, each in drawn.items():
        entry = found["classes"][name]
        ends = np.nanquantile(each, (0.025, 0.975))
        np.testing.assert_allclose(entry["over_patients"], ends, rtol=1e-12)
        assert entry.get("left_out_patients", 0) == np.isnan(each).sum()
    # In some draws neither patient with S is: they tell nothing of S, nor of the macro mean.
    left_out = found["classes"]["S"]["left_out_patients"]
    assert 0 < left_out < _judge.DRAWS
    assert found["left_out_patients"] == left_out
    macro = np.mean([drawn["N"], drawn["S"]], axis=0)
    ends = np.nanquantile(macro, (0.025, 0.975))
    np.testing.assert_allclose(found["over_patients"], ends, rtol=1e-12)


@pytest.mark.parametrize("sets", [None, 9, 1])
def test_where_each_patient_is_drawn_once_the_area_is_the_curves(sets: int | None) -> None:
    part = asked(2, sets)
    score, group = softmax(part.scaled)[:, 2], _judge.patients(part, person)[1]
    cells = levels(score, part.label == 2, group, 6)
    np.testing.assert_allclose(
        over_patients(cells, np.ones((1, 6))), area(*roc(score, part.label == 2)), rtol=1e-12
    )


def test_a_class_that_no_beat_or_every_beat_has_is_not_there() -> None:
    part = asked(0)
    part = part.where(part.label == 0)
    assert curves([part], ("N", "V"), person) == {"macro": None, "classes": {}}


def test_what_beats_pull_at_is_the_variance_of_delong() -> None:
    rng = np.random.default_rng(0)
    score = rng.integers(0, 6, 40) / 6.0
    positive = rng.random(40) < 0.4
    above = score[positive][:, None] - score[~positive][None]
    won = (above > 0) + 0.5 * (above == 0)
    # S10 / m + S01 / n of the paper, whose S divide by m - 1 and n - 1.
    parts = [w.var(ddof=1) / len(w) for w in (won.mean(axis=1), won.mean(axis=0))]
    assert np.sum(pulls(score, positive) ** 2) == pytest.approx(sum(parts), rel=1e-12)
    assert np.isnan(pulls(score, np.arange(40) == 3)[3])


def test_one_beat_of_a_class_has_no_interval_over_beats() -> None:
    part = asked(1)
    label = np.where(part.label == 2, 0, part.label)
    label[np.flatnonzero(label == 0)[0]] = 2
    found = curves([replace(part, label=label)], CLASSES, person)
    assert found["classes"]["V"]["over_beats"] == [None, None] == found["over_beats"]
    assert found["classes"]["S"]["over_beats"][0] > 0


@pytest.mark.parametrize("shared", [1.0, 0.5])
def test_the_interval_over_beats_is_that_of_drawing_them(shared: float) -> None:
    first, n = asked(3, n=600), 600
    second = asked(4, n=600)
    # Of the beats that both answer for, the second says nearly what the first says.
    same = np.arange(n) < shared * n
    logits = np.where(same[:, None], first.logits + 0.3 * second.logits, second.logits)
    sample = np.where(same, first.sample, n + np.arange(n))
    second = replace(first, logits=logits.astype(np.float32), sample=sample)
    found = curves([first, second], CLASSES, person)
    rng = np.random.default_rng(5)
    areas = []
    for _ in range(1500):
        drawn = rng.integers(0, n, n)
        other = np.where(same[drawn], drawn, rng.integers(n // 2, n, n))
        means = [
            [
                auroc(softmax(part.scaled)[rows, k], part.label[rows] == k)
                for part, rows in ((first, drawn), (second, other))
            ]
            for k in range(3)
        ]
        areas.append(np.mean(means))
    low, high = found["over_beats"]
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(areas), rel=0.1)
    assert (low + high) / 2 == pytest.approx(found["macro"])
