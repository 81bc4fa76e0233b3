"""Varied copies of records: what they keep, what they change, and who learns from them."""

from __future__ import annotations

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.record import UsageError
from einthoven.record.leads import LIMBS, STANDARD
from einthoven.signal import measurements12
from einthoven.signal.aligned_beat import AlignedBeat
from einthoven.store.records import open_records
from einthoven.training import load_recipe, measurements, train
from einthoven.training._record_data import prepare
from einthoven.training._varied import Variation, moved, varied

SMALL = (
    "model.rounds=3", "model.draws=1", "model.part_draws=1", "model.least=3", "model.parts=",
    "seeds=[0]", 'corpus.classes=["NORM", "STTC", "CD"]',
)  # fmt: skip
SPEC = load_recipe("twelve-measurements").input


@pytest.fixture(scope="module", autouse=True)
def _corpus(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("data")
        patch.setenv("EINTHOVEN_DATA", str(root))
        patch.setenv("EINTHOVEN_STORE", str(tmp_path_factory.mktemp("store")))
        open_corpus("ptbxl", root).miniature(root, 5, records=80)  # type: ignore[call-arg]
        yield


def test_copies_of_all_beats_are_the_record() -> None:
    corpus = open_corpus("ptbxl")
    store = open_records(corpus, SPEC)
    for name in store.record[:4].tolist():
        found = varied(corpus, name, SPEC, Variation(copies=2))
        kept = store.side[store.record == name]
        np.testing.assert_array_equal(found[:, 0], found[:, 1])
        # Limb leads are sums of two in a copy, which these made-up ones are not.
        chest = [k for k, n in enumerate(measurements12.names()) if n.endswith((" r", " s"))]
        chest = [k for k in chest if measurements12.names()[k].startswith("V")]
        np.testing.assert_allclose(found[:, 0, chest], kept[:, chest], atol=1e-5)


def test_fewer_beats_change_waves_and_no_rhythm() -> None:
    corpus = open_corpus("ptbxl")
    store = open_records(corpus, SPEC)
    name = str(store.record[0])
    of = {n: k for k, n in enumerate(measurements12.names())}
    kept = store.side[store.record == name][0]
    variation = Variation(copies=3, beats=0.65, gain=0.05, mix=0.02)
    found = varied(corpus, name, SPEC, variation)[0]
    for number in ("rate", "rr_spread", "rr_shortest"):
        np.testing.assert_array_equal(found[:, of[number]], kept[of[number]])
    r = found[:, of["V5 r"]]
    assert len(np.unique(r)) == 3
    np.testing.assert_allclose(r, kept[of["V5 r"]], rtol=0.2)  # the same heart
    np.testing.assert_array_equal(found, varied(corpus, name, SPEC, variation)[0])
    fewer = varied(corpus, name, SPEC, Variation(copies=3, beats=0.5))[0]
    assert len(np.unique(fewer[:, of["V5 r"]])) > 1


def test_limb_leads_stay_sums_of_two_and_a_gain_is_the_same_in_all() -> None:
    rng = np.random.default_rng(0)
    two, chest = rng.standard_normal((2, 360)), rng.standard_normal((6, 360))
    limbs = np.array([LIMBS[name] for name in STANDARD if name in LIMBS]) @ two
    beat = AlignedBeat(
        signal=np.concatenate([limbs, chest]).astype(np.float32),
        spread=np.zeros((12, 360), np.float32), at=np.zeros(3, np.int64),
        likeness=np.ones(3, np.float32), kept=np.ones(3, bool),
    )  # fmt: skip
    same = moved(beat, Variation(), rng).signal
    np.testing.assert_allclose(same, beat.signal, atol=1e-6)
    ratio = moved(beat, Variation(gain=0.3), rng).signal / beat.signal
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
    other = moved(beat, Variation(lead_gain=0.1, mix=0.1), rng).signal
    np.testing.assert_allclose(other[2], other[1] - other[0], atol=1e-5)  # Einthoven's law
    np.testing.assert_allclose(other[3:6].sum(axis=0), 0, atol=1e-5)  # aVR + aVL + aVF
    assert np.abs(other - beat.signal).max() > 0.05


def test_nobody_is_varied_whom_the_trees_may_not_learn(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = measurements.varied_sides

    def seen(names: list[tuple[str, str]], *rest: object) -> object:
        asked.extend(record for _, record in names)
        return real(names, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(measurements, "varied_sides", seen)
    recipe = load_recipe("twelve-measurements", (*SMALL, "augment.copies=2", "augment.beats=0.6"))
    train(recipe, tmp_path / "run")  # type: ignore[operator]
    split = prepare(recipe, 0).split
    names = split.examples.record
    learnt = np.concatenate([split.training, split.validation])  # trees are grown anew on both
    assert sorted(asked) == sorted(names[learnt].tolist())
    plain = load_recipe("twelve-measurements", SMALL)
    train(plain, tmp_path / "plain")  # type: ignore[operator]
    said = [Answers.load(tmp_path / n / "answers.npz").logits for n in ("run", "plain")]  # type: ignore[operator]
    assert np.abs(said[0] - said[1]).max() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("augment.copies=-1", "a whole number, 0 or more"),
        ("augment.copies=1.5", "a whole number"),
        ("augment.beats=2", "0 to 1"),
        ("augment.beats=nan", "a number"),
        ("augment.noise=0.1", "noise"),
    ],
)
def test_refusals(change: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Variation.of(load_recipe("twelve-measurements", (change,)))
