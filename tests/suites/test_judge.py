"""Figures of several trained models: the same beats are drawn for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from einthoven.evaluation.classification import confusion, f1
from einthoven.evaluation.predictions import Predictions
from einthoven.suites import _judge

CLASSES = ("N", "S", "V")


def answers(seed: int, *, shift: int = 0, n: int = 900) -> Predictions:
    """Answers for beats of six records; `shift` moves their samples, so that they are others."""
    beats, said = np.random.default_rng(0), np.random.default_rng(seed)
    label = beats.choice(3, n, p=[0.7, 0.2, 0.1])
    label[::50] = -1
    logits = said.normal(0, 1, (n, 3)) + 1.5 * np.eye(4, 3)[label]
    return Predictions(
        classes=CLASSES, part=np.full(n, "test"), record=np.sort(beats.choice(list("abcdef"), n)),
        sample=np.arange(n) + shift, label=label, logits=logits.astype(np.float32),
    )  # fmt: skip


def width(parts: list[Predictions], name: str = "S") -> float:
    found = _judge.figures([_judge.count(p, str) for p in parts], CLASSES)
    low, high = found["classes"][name]["f1"]["over_beats"]
    return float(high - low)


def test_the_same_answers_thrice_have_the_interval_of_once() -> None:
    part = answers(1)
    assert width([part] * 3) == pytest.approx(width([part]))
    assert width([part] * 20) == pytest.approx(width([part]))


def test_other_beats_make_the_interval_of_the_mean_narrower() -> None:
    many = [answers(k, shift=10_000 * k) for k in range(4)]
    assert width(many) == pytest.approx(np.mean([width([p]) for p in many]) / 2, rel=0.12)


@pytest.mark.parametrize("shared", [900, 450])
def test_the_interval_over_beats_is_that_of_drawing_beats(shared: int) -> None:
    first, second = answers(1), answers(2)
    sample = np.where(np.arange(900) < shared, second.sample, second.sample + 10_000)
    parts = [first, replace(second, sample=sample)]
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(1000):
        # Of all beats that either was asked: those of both, of the first and of the second alone.
        beats = rng.integers(0, 900 + 900 - shared, 900 + 900 - shared)
        rows = (beats[beats < 900], beats[(beats < shared) | (beats >= 900)])
        rows = (rows[0], np.where(rows[1] < 900, rows[1], rows[1] - 900 + shared))
        values = [
            f1(confusion(p.label[r], p.choice[r], 3)[None])[0, 1]
            for p, r in zip(parts, rows, strict=True)
        ]
        drawn.append(np.mean(values))
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert width(parts) == pytest.approx(high - low, rel=0.1)


def test_without_a_patient_the_others_stay_as_they_are() -> None:
    counted = _judge.count(answers(3), str)
    rest = counted.without("c")
    assert rest.subjects == ("a", "b", "d", "e", "f")
    np.testing.assert_array_equal(rest.matrices, np.delete(counted.matrices, 2, axis=0))
    assert _judge.constant(counted, "S").matrices.sum(axis=(0, 1)).tolist() == [0, 882, 0]
