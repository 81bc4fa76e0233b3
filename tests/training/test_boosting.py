"""Learning from rows: nobody outweighs the others, and what is chosen is chosen out of fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.record import LeakError, UsageError
from einthoven.training import _learners, boosting
from einthoven.training._premature import Making, Rows, rows
from einthoven.training._recipe import load_recipe

CLASSES = ("N", "S", "V", "F")


def table(seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    n = 6000
    label = rng.choice(5, n, p=[0.8, 0.05, 0.1, 0.03, 0.02]) - 0
    label[label == 4] = -1
    kind = rng.choice(["real", "runs", "fusion"], n, p=[0.5, 0.4, 0.1])
    return Rows(
        side=rng.standard_normal((n, 3)).astype(np.float32), label=label,
        record=rng.choice(["a", "b", "c"], n, p=[0.8, 0.1, 0.1]), kind=kind,
        sample=np.arange(n), made=(kind != "real") & (rng.random(n) < 0.5),
    )  # fmt: skip


def test_only_known_beats_and_useful_made_ones_are_learnt_from() -> None:
    rows = table()
    weighing = _learners.Weighing(keep={"N": 0.3}, keep_made={"N": 0.5, "S": 1.0, "F": 1.0})
    pick, weight = _learners.draw(rows, CLASSES, weighing, np.random.default_rng(77))
    assert (rows.label[pick] >= 0).all()
    assert (weight[pick] > 0).all()
    assert (weight[~pick] == 0).all()
    real = rows.kind == "real"
    assert pick[real & (rows.label == 2)].all()
    assert not pick[~real & (rows.label == 2)].any()
    assert set(rows.label[pick & (rows.kind == "fusion")].tolist()) <= {3}
    share = pick[real & (rows.label == 0)].mean()
    assert 0.25 < share < 0.35


def test_a_class_weighs_the_root_of_its_beats_and_so_does_a_record_in_it() -> None:
    rows = table(1)
    pick, weight = _learners.draw(rows, CLASSES, _learners.Weighing(), np.random.default_rng(77))
    real = rows.kind == "real"
    totals = np.array([weight[real & (rows.label == c)].sum() for c in range(4)])
    counts = np.array([(real & (rows.label == c)).sum() for c in range(4)])
    np.testing.assert_allclose(totals / totals[0], np.sqrt(counts / counts[0]))
    of = [real & (rows.label == 0) & (rows.record == r) for r in "ab"]
    ratio = weight[of[0]].sum() / weight[of[1]].sum()
    np.testing.assert_allclose(ratio, np.sqrt(of[0].sum() / of[1].sum()))
    assert pick.sum() > 0


def test_offsets_mend_a_model_that_says_s_too_often() -> None:
    rng = np.random.default_rng(2)
    label = rng.choice(3, 4000, p=[0.9, 0.05, 0.05])
    logits = rng.standard_normal((4000, 4)).astype(np.float32)
    logits[np.arange(4000), label] += 4
    logits[:, 1] += 3
    logits[:, 3] -= 9
    record = rng.choice(["a", "b", "c", "d"], 4000)
    offsets = boosting.choose_offsets(logits, label, record, CLASSES)
    assert offsets[0] == 0
    assert -5 <= offsets[1] <= -2


def test_the_recipes_are_valid_and_name_each_training_record_once() -> None:
    for name in ("aami-review", "aami-live", "beat-sequence", "boosting"):
        recipe = load_recipe(name)
        boosting.Keys.of(recipe)  # every key is known
        folds = [r for fold in recipe.model.arguments["folds"] for r in fold]
        assert len(folds) == len(set(folds)) == 22


def test_the_strict_variant_trains_without_the_shared_subject() -> None:
    from einthoven.corpora import open_corpus

    recipe = load_recipe("aami-review", ["protocol.strict=true"])
    train, test = boosting.sides(recipe, open_corpus("mitdb"))
    assert "201" not in train
    assert "202" in test
    assert len(train) == 21


def test_a_record_on_both_sides_is_refused() -> None:
    from einthoven.corpora import open_corpus

    recipe = load_recipe("aami-review", ['protocol.train=["101", "100"]'])
    with pytest.raises(LeakError):
        boosting.sides(recipe, open_corpus("mitdb"))


def test_made_beats_are_of_one_lead() -> None:
    recipe = load_recipe("boosting")
    two = replace(recipe.input, leads=("one", "other"), waveform=True, window=(0.2, 0.4))
    corpus = open_corpus("simulated")
    with pytest.raises(UsageError, match=r"^augment: makes beats of one lead, .*draws = 0"):
        rows(corpus, corpus.records[:1], two, "aami", ("N", "S"), making=Making())


def test_unknown_keys_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="isolated"):
        Making(kinds=("isolate",))


def test_a_record_in_two_folds_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model\.folds: name 101 twice"):
        boosting.Keys.of(load_recipe("boosting", ['model.folds=[["101", "106"], ["101"]]']))


def test_neighbours_that_do_not_fit_the_share_of_the_network_are_refused() -> None:
    for change in ("model.share=0.0", "input.neighbours=[3, 3]"):
        with pytest.raises(UsageError, match="neighbours"):
            boosting.Keys.of(load_recipe("aami-review", [change]))


def test_a_network_over_the_wave_that_the_recipe_does_not_feed_or_know_is_refused() -> None:
    wrong = {
        "input.waveform=false": "input.waveform", "model.waveform.share=1.0": "share",
        'model.waveform.name="arrythminet"': "arrhythminet", "model.waveform.droput=1": "dropout",
        "model.waveform.share=true": "share",
    }  # fmt: skip
    for change, word in wrong.items():
        with pytest.raises(UsageError, match=word):
            boosting.Keys.of(load_recipe("aami-review", [change]))
    with pytest.raises(UsageError, match="only then"):
        boosting.Keys.of(
            load_recipe("boosting", ["input.waveform=true", "input.window=[0.4, 0.6]"])
        )
