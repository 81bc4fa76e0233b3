"""The trainer of rhythm on a generated miniature: a run, resumed, exported, asked."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from einthoven.bundle import Bundle
from einthoven.corpora import open_corpus
from einthoven.corpora.cinc2017 import Cinc2017
from einthoven.evaluation.predictions import Predictions
from einthoven.export import rhythm as exporting
from einthoven.inputs.rhythm_span import answer
from einthoven.record import UsageError
from einthoven.signal.peaks import find_peaks
from einthoven.training import load_recipe, rhythm
from einthoven.training._rhythm_net import Augment, draw

QUICK = (
    "optimiser.epochs=1", "optimiser.batch=8", "model.folds=2", "model.rounds=3", "model.leaves=3",
    "model.least=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rhythm")
    patch = pytest.MonkeyPatch()
    with patch.context() as there:
        there.setenv("EINTHOVEN_DATA", str(folder))
        Cinc2017(folder).miniature(folder, 3)
        rhythm.fit(load_recipe("rhythm", QUICK), folder / "run")
        # A second time nothing is done.
        rhythm.fit(load_recipe("rhythm", QUICK), folder / "run", resume=True)
        exporting.export(folder / "run", folder / "bundle")
    return folder


def test_every_record_is_answered_once_out_of_its_fold(run: Path) -> None:
    said = Predictions.load(run / "run" / "predictions.npz")
    split = json.loads((run / "run" / "split.json").read_text())
    names = [n for fold in split.values() for n in fold]
    assert sorted(names) == sorted(said.record.tolist())
    assert max(Counter(names).values()) == 1
    assert np.isfinite(said.logits).all()
    assert json.loads((run / "run" / "metrics.json").read_text())["numbers"] > 200


def test_the_bundle_answers_a_record(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(run))
    bundle = Bundle(run / "bundle")
    assert (bundle.card.task, bundle.card.classes) == ("rhythm", ("N", "A", "O", "~"))
    corpus = open_corpus("cinc2017")
    record = corpus.open(corpus.present[0]).record()
    peaks = find_peaks(record.signal, record.rate, record.leads).samples
    p = answer(bundle, record.signal[0], record.rate, peaks)
    assert p.shape == (4,)
    assert p.sum() == pytest.approx(1)


def test_folds_hold_every_class_alike_and_do_not_depend_on_the_order() -> None:
    record = np.array([f"A{k:05d}" for k in range(200)])
    label = np.arange(200) % 7 % 4
    fold = rhythm.folds(record, label, 4)
    for one in range(4):
        counts = np.bincount(fold[label == one], minlength=4)
        assert counts.max() - counts.min() <= 1
    turned = np.random.default_rng(0).permutation(200)
    assert np.array_equal(rhythm.folds(record[turned], label[turned], 4), fold[turned])


def test_windows_keep_what_is_not_known_at_zero() -> None:
    short = np.ones((2, 1200), np.float32)
    drawn = draw(
        [short, np.ones((2, 5000), np.float32)], Augment(blank=0), np.random.default_rng(0)
    )
    assert drawn.shape == (2, 2, 3000)
    assert np.all(drawn[0, 0][drawn[0, 1] == 0] == 0)
    assert 1000 < drawn[0, 1].sum() < 1400
    assert np.all(drawn[1, 1] == 1)


@pytest.mark.parametrize("key", ["model.share=1.5", "model.folds=1", "model.shares=0.5"])
def test_keys_are_checked(key: str) -> None:
    with pytest.raises(UsageError, match="model"):
        rhythm.Keys.of(load_recipe("rhythm", [key]))


def test_a_class_without_a_record_is_refused(run: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    Cinc2017(tmp_path).miniature(tmp_path, 3, records=3)
    recipe = load_recipe("rhythm", QUICK)
    with pytest.raises(UsageError, match="class"):
        rhythm.fit(replace(recipe, augment=MappingProxyType({})), tmp_path / "run")


def test_a_cropped_window_is_known_in_one_piece_of_nine_seconds_or_more() -> None:
    leads = [np.ones((2, 4000), np.float32)] * 40 + [np.ones((2, 950), np.float32)] * 5
    drawn = draw(leads, Augment(blank=0, crop=1.0), np.random.default_rng(0))
    known = drawn[:, 1].sum(axis=1)
    assert known[:40].min() >= 900
    assert len(np.unique(known[:40])) > 20
    assert known[40:].min() >= 800
    assert np.all(np.abs(np.diff(drawn[:, 1], axis=1)).sum(axis=1) <= 2)
    assert np.all(drawn[:, 0][drawn[:, 1] == 0] == 0)
