"""Rows of beats within patients: what is learnt is the training side, and nothing is made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from einthoven.evaluation.predictions import Predictions
from einthoven.protocols import PROTOCOLS, Beats
from einthoven.record.errors import UsageError
from einthoven.training import _rows_within, boosting, load_recipe
from einthoven.training._premature import Rows

NOTHING_MADE = (
    "protocol.name=intra-patient", "augment.kinds=[]", "model.keep={}", "model.rounds=8",
)  # fmt: skip


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Rows:
    """Return 900 beats of three records whose first number is their class."""
    rng = np.random.default_rng(0)
    label = rng.choice(4, 900, p=[0.7, 0.1, 0.1, 0.1])
    label[rng.random(900) < 0.02] = -1
    side = rng.normal(0, 0.1, (900, 3)).astype(np.float32)
    side[:, 0] += label
    beats = Rows(
        side=side, label=label, record=np.repeat(["a", "b", "c"], 300),
        kind=np.full(900, "real"), sample=np.tile(np.arange(300) * 250, 3),
        made=np.zeros(900, bool), window=np.zeros((900, 1, 0), np.float32),
    )  # fmt: skip
    monkeypatch.setattr(_rows_within, "rows", lambda *_, **__: beats)
    return beats


def _within(*changes: str) -> _rows_within.Answered:
    recipe = load_recipe("boosting", [*NOTHING_MADE, *changes])
    keys = boosting.Keys.of(recipe)
    corpus: Any = SimpleNamespace(records=("a", "b", "c"), subject=str)
    return _rows_within.within(
        recipe, keys.weighing, keys.trees, keys.making, corpus, lambda _: None
    )


def test_the_sides_are_those_of_every_network_of_the_seed(table: Rows) -> None:
    beats = Beats(record=table.record, subject=table.record, sample=table.sample, label=table.label)
    split = PROTOCOLS["intra-patient"].split(beats, seed=2)
    found = _within("seeds=[2]")
    assert found.split == split.to_dict()
    np.testing.assert_array_equal(np.flatnonzero(found.tested), np.sort(split.test.rows))
    assert len(found.held) == len(split.validation.rows)
    assert found.learnt == len(split.training.rows)


def test_no_label_of_another_side_is_learnt(table: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Rows] = []
    learn = _rows_within.learn

    def spy(given: Rows, *rest: Any) -> Any:
        seen.append(given)
        return learn(given, *rest)

    monkeypatch.setattr(_rows_within, "learn", spy)
    found = _within()
    training = found.split["sides"]["training"]
    known = np.array(
        [s in training[r] for r, s in zip(table.record, table.sample.tolist(), strict=True)]
    )
    (given,) = seen
    np.testing.assert_array_equal(given.label, np.where(known, table.label, -1))
    assert not known[found.tested].any()
    assert (found.answers.argmax(axis=1) == table.label)[found.tested].mean() > 0.95
    assert found.offsets == (0.0, 0.0, 0.0, 0.0)


def test_a_run_within_patients_has_the_sides_of_its_protocol(
    table: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    corpus = SimpleNamespace(records=("a", "b", "c"), subject=str)
    monkeypatch.setattr(boosting, "open_corpus", lambda _: corpus)
    boosting.fit(load_recipe("boosting", NOTHING_MADE), tmp_path, resume=False)
    split = json.loads((tmp_path / "split.json").read_text())
    assert split["leaky"]
    answers = Predictions.load(tmp_path / "predictions.npz", classes=("N", "S", "V", "F"))
    for part in ("validation", "test"):
        side = answers.of(part)
        stands: dict[str, list[int]] = {}
        for record, sample in zip(side.record.tolist(), side.sample.tolist(), strict=True):
            stands.setdefault(record, []).append(sample)
        assert {r: sorted(s) for r, s in stands.items()} == split["sides"][part]
        assert (side.choice == side.label).mean() > 0.95
    told = json.loads((tmp_path / "metrics.json").read_text())
    assert told["rows"] == split["beats"]["training"]
    assert told["offsets"] == [0.0] * 4


def test_made_beats_and_too_few_beats_are_refused(
    table: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"Give augment\.kinds=\[\], and model\.keep=\{\}"):
        _within('augment.kinds=["runs"]')
    few = np.flatnonzero(table.label == 3)[9:]
    poor = replace(table, label=np.where(np.isin(np.arange(900), few), -1, table.label))
    monkeypatch.setattr(_rows_within, "rows", lambda *_, **__: poor)
    with pytest.raises(UsageError, match="class F has 9 beats, fewer than the 10 parts"):
        _within()
