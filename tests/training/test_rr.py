"""The trainer of intervals on generated marks: labels, folds by subject, a run, resumed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora._miniature import write_listing
from einthoven.evaluation.answers import Answers
from einthoven.formats._wfdb_annotation import encode
from einthoven.inputs.rr_window import Track
from einthoven.record import Annotations
from einthoven.record.errors import UsageError
from einthoven.signal.peaks import find_peaks
from einthoven.training import load_recipe, rr
from einthoven.training._rr_data import Examples, folds, load, rhythm_at

QUICK = ["optimiser.epochs=1", "model.folds=2", "model.elsewhere=[]", "optimiser.batch=8"]
RECORDS = ("04015", "04043", "04048", "04126")


def marked(folder: Path, name: str, seed: int) -> None:
    """Write an hour of steady beats and one of fibrillation, marks alone."""
    rng = np.random.default_rng(seed)
    calm = 0.8 + 0.03 * np.sin(np.arange(4500) / 3)
    wild = 0.35 + rng.gamma(3.0, 0.13, 4900)
    at = np.round(np.cumsum(np.concatenate([calm, wild])) * 250).astype(np.int64)
    beats = Annotations(samples=at, symbols=np.full(len(at), "N"))
    rhythm = Annotations(samples=at[[0, 4500]], symbols=np.array(["+", "+"]), texts=("(N", "(AFIB"))
    (folder / f"{name}.hea").write_text(f"{name} 0 250 0\n", encoding="ascii")
    for end, marks in (("qrs", beats), ("atr", rhythm)):
        (folder / f"{name}.{end}").write_bytes(encode(marks, name))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rr")
    (root / "afdb").mkdir()
    for seed, name in enumerate(RECORDS):
        marked(root / "afdb", name, seed)
    write_listing(root / "afdb", RECORDS, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EINTHOVEN_DATA", str(root))
        recipe = load_recipe("hrv-conformer", [*QUICK, "corpus.others=[]"])
        rr.fit(recipe, root / "run")
        before = (root / "run" / "answers.npz").stat().st_mtime_ns
        rr.fit(recipe, root / "run", resume=True)
        assert (root / "run" / "answers.npz").stat().st_mtime_ns == before
    return root / "run"


def test_every_window_is_answered_by_a_fold_that_did_not_learn_its_subject(run: Path) -> None:
    said = Answers.load(run / "answers.npz")
    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    people = [set(v) for v in split.values()]
    assert not people[0] & people[1]
    assert set.union(*people) == {f"afdb:record:{name}" for name in RECORDS}
    for fold, subject in zip(said.fold.tolist(), said.subject.tolist(), strict=True):
        assert subject in split[f"fold-{fold}"]
    assert len(said) == 4 * 24
    assert set(said.domain.tolist()) == {"(N", "(AFIB"}
    assert said.label[:, 0].tolist() == [float(d == "(AFIB") for d in said.domain.tolist()]


def test_intervals_of_a_strip_fill_five_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    corpus = open_corpus("cinc2017", tmp_path)
    corpus.miniature(tmp_path, 3, records=8)  # type: ignore[call-arg]
    data = load(["cinc2017"])
    code = [corpus.statements(r)[0].code for r in data.record.tolist()]
    assert set(code) == {"N", "A", "O"}  # what is too noisy has no rhythm
    assert data.labels.tolist() == [int(c == "A") for c in code]
    window = data.windows(np.arange(len(data)))
    assert window.shape == (len(data), 1, 1200)
    k = code.index("N")
    source = corpus.open(data.record[k])
    peaks = find_peaks(source.read(0, source.samples), source.rate, source.leads).samples
    once = np.diff(peaks) / source.rate
    # A strip's steady heart stays within its own intervals, however often they are repeated.
    low, high = once.min() - 0.02, once.max() + 0.02
    assert ((window[k] > low) & (window[k] < high)).mean() > 0.99
    assert np.isfinite(data.measures()).all()


def test_networks_that_are_there_are_asked_and_what_they_cost_is_not_known(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(run.parent))
    again = tmp_path / "again"
    again.mkdir()
    for weights in run.glob("fold-*.safetensors"):
        shutil.copy(weights, again)
    rr.fit(load_recipe("hrv-conformer", [*QUICK, "corpus.others=[]"]), again)
    one, two = (Answers.load(r / "answers.npz") for r in (run, again))
    np.testing.assert_array_equal(one.logits, two.logits)
    told = [json.loads((r / "metrics.json").read_text(encoding="utf-8")) for r in (run, again)]
    assert told[0]["processor_seconds"] is not None
    assert told[1]["processor_seconds"] is None


def test_trees_on_measures_tell_a_clock_from_chance(run: Path) -> None:
    said = Answers.load(run / "trees.npz")
    assert ((said.logits > 0) == (said.label > 0)).all()


def test_the_rhythm_holds_until_the_next_mark() -> None:
    marks = Annotations(
        samples=np.array([10, 250, 500, 600]), symbols=np.array(["+", "N", "+", "+"]),
        texts=("(N", "", "(AFL", "(AFIB"),
    )  # fmt: skip
    names = ["(N", "(AFIB"]
    assert rhythm_at(marks, 250.0, 11, names).tolist() == [0] * 8 + [2, 2, 1]
    assert names == ["(N", "(AFIB", "(AFL"]
    bare = marks.where(marks.symbols == "N")
    assert rhythm_at(bare, 250.0, 3, names).tolist() == [0, 0, 0]


def test_half_of_a_window_makes_its_label() -> None:
    track = Track.of(np.arange(0, 900, 0.8))
    rhythm = np.zeros(len(track.seconds), np.int8)
    rhythm[1200:2400] = 1
    one = np.array(["a"])
    data = Examples(
        tracks=(track,), rhythms=(rhythm,), names=("(N", "(AFIB"), track=np.zeros(1, np.int64),
        start=np.array([1200]), corpus=one, record=one, subject=one,
    )  # fmt: skip
    assert [data.label(0, s) for s in (0, 599, 600, 1200, 1800, 1801)] == [0, 0, 1, 1, 1, 0]
    assert (data.labels.tolist(), data.commonest.tolist()) == ([1], ["(AFIB"])
    rng = np.random.default_rng(0)
    window, label = data.moved(np.zeros(50, np.int64), 150.0, rng)
    assert window.shape == (50, 1, 1200)
    assert label.tolist() == [1] * 50  # at most half of it is lost


def test_folds_deal_out_people_of_each_corpus_evenly() -> None:
    who = np.array([f"s{k % 9}" for k in range(90)])
    data = Examples(
        tracks=(), rhythms=(), names=(), track=np.zeros(90, np.int64),
        start=np.zeros(90, np.int64), corpus=np.full(90, "x"), record=who, subject=who,
    )  # fmt: skip
    fold = folds(data, 4)
    assert sorted(len(set(who[fold == k])) for k in range(4)) == [2, 2, 2, 3]
    assert all(len(set(fold[who == one])) == 1 for one in set(who))


@pytest.mark.parametrize(
    "assignment, text",
    [
        ("model.folds=1", "2 folds or more"),
        ("augment.shift=200", "a shift from 0 to 150"),
        ("augment.gain=1", "key 'gain' is not known"),
        ("input.rate=2", "rate = 4"),
        ("optimiser.keep=best", r"optimiser\.keep: is best, and nothing is chosen here"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path: Path, assignment: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        rr.fit(load_recipe("hrv-conformer", [assignment]), tmp_path / "run")
