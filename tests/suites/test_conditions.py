"""Recordings altered, and what a trained system says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import Mitdb
from einthoven.evaluation.predictions import Predictions
from einthoven.record import Annotations, Record
from einthoven.record.errors import DataError
from einthoven.record.inputspec import InputSpec
from einthoven.signal.noise import noise_level, nst_gain, qrs_amplitude
from einthoven.suites import _conditions
from einthoven.suites._looks import read
from einthoven.suites._runs import Run

SPEC = {"kind": "beat", "rate": 180.0, "window": [0.2, 0.3], "normalise": "none"}
CLASSES = ("N", "S", "V", "F")
RECORDS = ("101", "114")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    Mitdb(folder).miniature(folder, 5, records=RECORDS, seconds=40)
    return folder


@pytest.fixture(scope="module")
def record(root: Path) -> Record:
    return open_corpus("mitdb", root).open("101").record()


@pytest.fixture(scope="module")
def noise() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"em": rng.normal(0, 0.2, (2, 3600)).astype(np.float32)}


def _rng() -> np.random.Generator:
    return np.random.default_rng(4)


def _marks(record: Record) -> Annotations:
    return _conditions.reference_beats(record)


def test_all_conditions_of_the_table_are_there(noise: dict[str, Any]) -> None:
    every = dict.fromkeys(_conditions.NOISES, noise["em"])
    names = list(_conditions.conditions(every))
    assert names == [
        "as recorded", "the other lead", "128 Hz", "250 Hz", "gain x0.5", "gain x2",
        "em 12 dB", "em 6 dB", "em 0 dB", "ma 12 dB", "ma 6 dB", "ma 0 dB",
        "bw 12 dB", "bw 6 dB", "bw 0 dB", "R-peak jitter 10 ms", "R-peak jitter 20 ms",
        "own R peaks",
    ]  # fmt: skip
    assert not [n for n in _conditions.conditions({}) if n.endswith("dB")]


def test_the_other_lead_is_the_one_that_does_not_speak_for_the_record(root: Path) -> None:
    corpus = open_corpus("mitdb", root)
    for name, lead in (("101", "V1"), ("114", "V5")):
        whole = corpus.open(name).record()
        found = _conditions.other_lead(whole, _rng())
        assert found.leads == (lead,)
        np.testing.assert_array_equal(found.signal[0], whole.signal[whole.leads.index(lead)])
        with pytest.raises(DataError, match="one lead only"):
            _conditions.other_lead(found, _rng())


@pytest.mark.parametrize("rate", [128.0, 250.0])
def test_at_another_rate_the_beats_stay_at_their_seconds(record: Record, rate: float) -> None:
    found = _conditions.at_rate(rate, record, _rng())
    assert found.rate == rate
    assert found.seconds == pytest.approx(record.seconds, abs=2 / rate)
    before, after = _marks(record), _marks(found)
    assert after.symbols.tolist() == before.symbols.tolist()
    apart = np.abs(after.samples / rate - before.samples / record.rate)
    assert apart.max() <= 0.5 / rate + 1e-9


def test_gain_is_gain(record: Record) -> None:
    np.testing.assert_allclose(_conditions.amplified(0.5, record, _rng()).signal, record.signal / 2)


def test_noise_is_as_strong_as_the_stress_test_says(record: Record, noise: dict[str, Any]) -> None:
    found = _conditions.noisy(noise["em"], 6.0, record, _rng())
    added = (found.signal - record.signal)[0]
    marks = _marks(record)
    amplitude = qrs_amplitude(record.signal[0], record.rate, marks.samples, marks.symbols)
    wanted = nst_gain(6.0, amplitude, noise_level(noise["em"][0], record.rate))
    assert np.std(added) == pytest.approx(wanted * np.std(noise["em"][0]), rel=0.05)
    weaker = _conditions.noisy(noise["em"], 12.0, record, _rng())
    ratio = np.std(added) / np.std((weaker.signal - record.signal)[0])
    assert ratio == pytest.approx(10 ** (6 / 20), rel=1e-3)


def test_jitter_has_its_spread_and_keeps_order_and_classes(record: Record) -> None:
    n = 20_000
    marks = Annotations(samples=np.arange(n) * 300 + 500, symbols=np.full(n, "N"))
    long = Record(
        signal=np.zeros((1, 300 * n + 1000), np.float32),
        rate=360.0,
        leads=("II",),
        annotations=marks,
    )
    moved = _marks(_conditions.jittered(0.020, long, _rng()))
    assert np.std(moved.samples - marks.samples) / 360 == pytest.approx(0.020, rel=0.03)
    found = _marks(_conditions.jittered(0.5, record, _rng()))
    assert (np.diff(found.samples) > 0).all()
    assert found.samples[0] >= 0
    assert found.symbols.tolist() == _marks(record).symbols.tolist()


# --- a system that answers -----------------------------------------------------------------------


def _run(folder: Path, name: str) -> Run:
    folder.mkdir(parents=True)
    table = Predictions(
        classes=CLASSES, part=np.array(["test"]), record=np.array(["101"]),
        sample=np.array([0]), label=np.array([0]), logits=np.zeros((1, 4), np.float32),
    )  # fmt: skip
    recipe = {
        "name": name, "input": SPEC, "model": {"name": "x"}, "corpus": {"labels": "aami"},
        "protocol": {"name": "inter-patient"},
    }  # fmt: skip
    return Run(path=folder, recipe=recipe, metrics={}, predictions=table, seed=0)


def _by_size(given: _conditions.Beats) -> Any:
    """Say N of a beat that is no taller than 2 mV, V of others."""
    tall = np.ptp(given.window[:, 0], axis=1) > 2
    return np.stack([~tall, 0 * tall, tall, 0 * tall], axis=1).astype(np.float32)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer by size; return the names of the runs that had to be loaded."""
    loaded: list[str] = []

    def answering(run: Run) -> Callable[..., Any]:
        loaded.append(run.name)
        return _by_size

    monkeypatch.setattr(_conditions, "answering", answering)
    return loaded


def test_a_table_holds_every_condition_and_makes_none_twice(
    root: Path, tmp_path: Path, noise: dict[str, Any], counted: list[str]
) -> None:
    corpus, out = open_corpus("mitdb", root), tmp_path / "results"
    groups = {name: [_run(tmp_path / name, name)] for name in ("one", "two")}
    given = (groups, corpus, RECORDS, out, "a test")
    found = _conditions.table(*given, side="simulated", noises=noise)
    assert sorted(counted) == ["one", "two"]
    assert found["names"] == list(_conditions.conditions(noise))
    one = found["systems"]["one"]
    assert one == found["systems"]["two"]
    assert one["as recorded"]["confusion"] == one["R-peak jitter 10 ms"]["confusion"]
    # Said by size alone: at twice the gain there are more V.
    said = {n: np.array(f["confusion"])[:, 2].sum() for n, f in one.items()}
    assert said["gain x2"] > said["as recorded"]
    by_hand = np.array(one["gain x2"]["confusion"])
    v = 2 * by_hand[2, 2] / (by_hand[2].sum() + by_hand[:, 2].sum())
    assert one["gain x2"]["f1"]["V"] == pytest.approx(v, abs=1e-4)
    assert {look["side"] for look in read(out)} == {"simulated"}
    counted.clear()
    assert _conditions.table(*given, side="simulated", noises=noise) == found
    assert counted == []
    kept = json.loads((tmp_path / "one" / "conditions.json").read_text())
    del kept["figures"]["128 Hz"]
    (tmp_path / "one" / "conditions.json").write_text(json.dumps(kept))
    assert _conditions.table(*given, side="simulated", noises=noise) == found
    assert counted == ["one"]


def test_a_look_is_booked_under_the_systems_name_not_its_runs(
    root: Path, tmp_path: Path, counted: list[str]
) -> None:
    """Or one system's looks are two smaller numbers (its table books the other name)."""
    del counted
    groups = {"cnn": [_run(tmp_path / "one", "cnn-aami-inter")]}
    out = tmp_path / "results"
    _conditions.table(groups, open_corpus("mitdb", root), RECORDS, out, "a test", noises={})
    assert {look["system"] for look in read(out)} == {"cnn"}


def test_other_records_are_never_answered_by_what_was_kept(
    root: Path, tmp_path: Path, counted: list[str]
) -> None:
    corpus, out = open_corpus("mitdb", root), tmp_path / "results"
    groups = {"one": [_run(tmp_path / "one", "one")]}
    both = _conditions.table(groups, corpus, RECORDS, out, "a test", side="s", noises={})
    single = _conditions.table(groups, corpus, RECORDS[:1], out, "a test", side="s", noises={})
    n = [t["systems"]["one"]["as recorded"]["n"] for t in (both, single)]
    assert n[0] > n[1]
    assert counted == ["one", "one"]


def test_another_training_is_never_answered_by_what_was_kept(
    root: Path, tmp_path: Path, counted: list[str]
) -> None:
    corpus, out = open_corpus("mitdb", root), tmp_path / "results"
    run = _run(tmp_path / "one", "one")
    _conditions.table({"one": [run]}, corpus, RECORDS, out, "a test", side="s", noises={})
    again = replace(run, predictions=replace(run.predictions, logits=np.eye(4)[[2]]))
    _conditions.table({"one": [again]}, corpus, RECORDS, out, "a test", side="s", noises={})
    assert counted == ["one", "one"]


def test_missed_and_made_up_beats_stand_as_no_beat(tmp_path: Path) -> None:
    window = np.zeros((4, 1, 90), np.float32)
    window[1, 0, 0] = 9  # said V
    given = _conditions.Beats(
        window=window, side=np.zeros((4, 0), np.float32), record=np.full(4, "101"),
        sample=np.array([10, 400, 700, 900]), symbol=np.array(["N", "V", "", "/"]),
        missed=[("101", "S"), ("101", "/"), ("101", "V")],
    )  # fmt: skip
    run = _run(tmp_path / "one", "one")
    said = _conditions.answers(run, _by_size, given)
    assert said.classes == (*CLASSES, "-")
    pairs = [
        (said.classes[i] if i >= 0 else "", said.classes[j])
        for i, j in zip(said.label.tolist(), said.choice.tolist(), strict=True)
    ]
    # Of no class of the model's: neither the paced beat found nor the one missed is judged.
    assert pairs == [
        ("N", "N"), ("V", "V"), ("-", "N"), ("", "N"), ("S", "-"), ("", "-"), ("V", "-"),
    ]  # fmt: skip
    told = _conditions.figures(said, CLASSES, str)
    assert told["f1"] == {"N": 0.66667, "S": 0.0, "V": 0.66667, "F": None}
    assert told["n"] == 5


def test_a_condition_has_intervals_over_the_people_recorded() -> None:
    record = np.repeat(["101", "114", "201", "202"], 10)
    label = np.tile([0] * 6 + [2] * 4, 4)
    choice = label.copy()
    choice[20:] = 0  # nobody's V is found of 201 and 202, who are one
    said = Predictions(
        classes=CLASSES, part=np.full(40, "test"), record=record, sample=np.arange(40),
        label=label, logits=np.eye(4, dtype=np.float32)[choice],
    )  # fmt: skip
    told = _conditions.figures(said, ("N", "V"), Mitdb(Path()).subject)
    assert told["f1"]["V"] == pytest.approx(2 * 8 / (16 + 8), abs=1e-5)
    assert set(told["over_patients"]) == {"N", "V", "macro_f1"}
    low, high = told["over_patients"]["V"]
    assert low == 0  # all three drawn are the one that 201 and 202 are of
    assert high == 1


def test_a_condition_has_s_without_the_record_that_holds_most_of_it() -> None:
    record = np.repeat(["100", "232"], 10)
    label = np.tile([0] * 6 + [1] * 4, 2)
    choice = np.concatenate([np.zeros(8, np.int64), [1, 1], label[:10]])
    said = Predictions(
        classes=CLASSES, part=np.full(20, "test"), record=record, sample=np.arange(20),
        label=label, logits=np.eye(4, dtype=np.float32)[choice],
    )  # fmt: skip
    told = _conditions.figures(said, ("N", "S"), Mitdb(Path()).subject)
    assert told["f1"]["S"] == pytest.approx(12 / 14, abs=1e-5)
    assert told["f1"]["S without 232"] == pytest.approx(4 / 6, abs=1e-5)
    assert "S without 232" in told["over_patients"]
    alone = _conditions.figures(said.where(record == "232"), ("N", "S"), Mitdb(Path()).subject)
    assert "S without 232" not in alone["f1"]


def test_own_r_peaks_find_what_the_engine_finds(root: Path) -> None:
    record = open_corpus("mitdb", root).open("101").record()
    altered = _conditions.conditions({})[_conditions.OWN]
    given = _conditions.beats_of([record], InputSpec.from_dict(SPEC), _conditions.OWN, altered)
    reference = _marks(record)
    found = int((given.symbol != "").sum())
    assert found + len(given.missed) == len(reference)
    assert found > 0.9 * len(reference)


def test_jitter_leaves_every_beat_inside_the_recording(record: Record) -> None:
    """Beats at the very ends were moved beyond them, and lost (found on a real record)."""
    ends = np.r_[np.arange(5), record.samples - np.arange(5, 0, -1)].astype(np.int64)
    marked = replace(record, annotations=Annotations(samples=ends, symbols=np.full(10, "N")))
    for seed in range(20):
        moved = _marks(_conditions.jittered(0.02, marked, np.random.default_rng(seed))).samples
        assert (np.diff(moved) > 0).all()
        assert moved[0] >= 0
        assert moved[-1] < record.samples
