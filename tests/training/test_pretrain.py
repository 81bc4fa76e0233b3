"""Period-aware pretraining on a generated miniature: what it may see, a run, resumed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from einthoven.corpora.cinc2017 import Cinc2017
from einthoven.corpora.mitdb import Mitdb
from einthoven.evaluation.answers import Answers
from einthoven.inputs.periods import SIZE, Periods
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.training import load_recipe, pretrain, rhythm
from einthoven.training._period_data import (
    ONE_SOURCE,
    Change,
    Examples,
    PretextStrips,
    drawn,
    kept_together,
    load,
    share,
    sides,
    stretches,
    strips_in_use,
)
from einthoven.training._recipe import Recipe

QUICK = (
    "seeds=[0]", "model.percents=[50,100]", "optimiser.epochs=2", "optimiser.beats=8",
    "optimiser.batch=4", "model.pretext={epochs=2,batch=4,beats=8}",
)  # fmt: skip


def quick(*more: str) -> Recipe:
    return load_recipe("period-aware", [*QUICK, *more])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("period")
    with pytest.MonkeyPatch.context() as there:
        there.setenv("EINTHOVEN_DATA", str(folder))
        Cinc2017(folder).miniature(folder, 3, records=32)
        Mitdb(folder).miniature(folder, 3, records=["101", "100"], seconds=130)
        pretrain.fit(quick(), folder / "run")
        yield folder


def examples(root: Path) -> Examples:
    return load(quick(), ("mitdb",), 4, root / "run" / "inputs.safetensors")


def test_each_share_is_answered_by_each_system(root: Path) -> None:
    data, split = examples(root), json.loads((root / "run" / "split.json").read_text())
    said = json.loads((root / "run" / "metrics.json").read_text())
    for percent in (50, 100):
        for system in pretrain.SYSTEMS:
            table = Answers.load(root / "run" / pretrain.file_of(system, percent))
            assert [f"cinc2017/{r}" for r in table.record.tolist()] == split["test"]
            of = dict(zip(data.record.tolist(), data.label.tolist(), strict=True))
            assert [of[r] == 1 for r in table.record.tolist()] == table.label[:, 0].tolist()
    assert said["records"]["50"][0] < said["records"]["100"][0] == len(split["training"])
    # A second time nothing is done; without leave it is refused.
    pretrain.fit(quick(), root / "run", resume=True)
    with pytest.raises(UsageError, match="holds a run"):
        pretrain.fit(quick(), root / "run")


def test_nobody_is_on_both_sides_and_what_is_too_noisy_is_learnt_without_its_label(
    root: Path,
) -> None:
    split = json.loads((root / "run" / "split.json").read_text())
    pretext, training, test = (set(split[k]) for k in ("pretext", "training", "test"))
    assert not pretext & test
    assert training < pretext
    noisy = {f"cinc2017/{r}" for r, c in zip(*_of(examples(root)), strict=True) if c == 3}
    assert pretext & noisy
    assert not (training | test) & noisy
    assert "mitdb/101" in pretext
    assert not any(name == "mitdb/100" for name in pretext | test)  # of DS2
    assert split["duplicates"] == []


def test_a_test_recording_in_a_corpus_without_labels_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = json.loads((root / "run" / "split.json").read_text())["test"][0]
    taken = Cinc2017(root).open(tested.removeprefix("cinc2017/"))
    monkeypatch.setattr(Mitdb, "open", lambda *_: taken)
    with pytest.raises(LeakError, match=f"mitdb 101 of pretext is the recording {tested[:8]} "):
        pretrain.fit(quick(), tmp_path / "run")
    assert not (tmp_path / "run" / "pretext").exists()


def _of(data: Examples) -> tuple[list[str], list[int]]:
    return data.record.tolist(), data.label.tolist()


def test_no_bit_of_the_test_fold_and_no_label_reaches_what_is_taught_without_labels(
    root: Path, tmp_path: Path
) -> None:
    data, recipe = examples(root), quick()
    rows = sides(data, 0, (0, 1, 2)).pretext
    rng = np.random.default_rng(0)
    test = set(np.flatnonzero(data.fold == 0).tolist())
    assert test
    assert not test & set(rows.tolist())
    other = [
        replace(p, period=rng.standard_normal(p.period.shape, np.float32), rr=2 * p.rr)
        if k in test else p for k, p in enumerate(data.periods)
    ]  # fmt: skip
    changed = replace(
        data, periods=other, label=rng.permutation(data.label), side=-data.side,
    )  # fmt: skip
    for number, given in enumerate((data, changed)):
        pretrain.pretrained(recipe, given, rows, tmp_path / str(number))
    same = [load_file(tmp_path / str(n) / "weights.safetensors") for n in (0, 1)]
    assert all(torch.equal(same[0][k], same[1][k]) for k in same[0])
    # The check can fail: a record that is learnt from does change it.
    own = list(data.periods)
    own[rows[0]] = replace(own[rows[0]], rr=own[rows[0]].rr * np.float32(0.8))
    pretrain.pretrained(recipe, replace(data, periods=own), rows, tmp_path / "2")
    moved = load_file(tmp_path / "2" / "weights.safetensors")
    assert any(not torch.equal(same[0][k], moved[k]) for k in moved)


def test_a_stopped_stage_goes_on_to_the_same_bits(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe = examples(root), quick()
    rows = sides(data, 0, (0, 1, 2)).pretext
    step = pretrain.PretextLesson.training_step

    def stops(self: pretrain.PretextLesson, batch: Any, index: int) -> torch.Tensor:
        if self.current_epoch == 1 and index == 1:
            raise RuntimeError("stopped")
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(pretrain.PretextLesson, "training_step", stops)
        with pytest.raises(RuntimeError, match="stopped"):
            pretrain.pretrained(recipe, data, rows, tmp_path)
    assert (tmp_path / "checkpoints" / "last.safetensors").is_file()
    assert not (tmp_path / "weights.safetensors").is_file()
    pretrain.pretrained(recipe, data, rows, tmp_path)
    again = load_file(tmp_path / "weights.safetensors")
    once = load_file(root / "run" / "pretext" / "weights.safetensors")
    assert all(torch.equal(once[k], again[k]) for k in once)


def test_shares_nest_and_hold_as_much_of_each_class() -> None:
    label = np.repeat([0, 1, 2], [200, 30, 100])
    rows = np.flatnonzero(np.arange(330) % 3 > 0)
    kept = [share(rows, label, p, 4) for p in (1, 10, 30, 100)]
    for small, large in pairwise(kept):
        assert set(small.tolist()) < set(large.tolist())
    assert kept[-1].tolist() == rows.tolist()
    assert np.bincount(label[kept[0]]).tolist() == [2, 1, 1]
    assert share(rows, label, 10, 5).tolist() != kept[1].tolist()


def test_what_looks_like_one_source_is_on_one_side() -> None:
    record = np.array(["A00001", *ONE_SOURCE, "A00009"])
    assert kept_together(record, np.arange(8) % 4).tolist() == [0, *[1] * 6, 3]
    assert kept_together(record[:1], np.array([2])).tolist() == [2]


def made(beats: int, every: float) -> Periods:
    rng = np.random.default_rng(beats)
    return Periods(
        period=rng.standard_normal((beats, SIZE), np.float32),
        second=0.5 + every * np.arange(beats), rr=np.full(beats, every, np.float32),
    )  # fmt: skip


def of(*periods: Periods) -> Examples:
    count, none = len(periods), np.zeros(len(periods), np.int64)
    names = np.array([f"r{k}" for k in range(count)])
    return Examples(
        corpus=names, record=names, label=none, fold=none, periods=periods,
        seconds=np.array([float(p.second[-1]) + 0.5 if len(p) else 9.0 for p in periods]),
        side=np.zeros((count, 1), np.float32),
    )  # fmt: skip


def test_strips_in_use_leave_out_no_beat_of_any_length() -> None:
    for beats, every in ((0, 1.0), (12, 0.8), (36, 0.8), (75, 0.8), (200, 0.3)):
        periods = made(beats, every)
        seconds = float(beats * every + 0.5)
        strips = strips_in_use(periods, seconds)
        seen = {row.tobytes() for period, _ in strips for row in period}
        assert seen == {row.tobytes() for row in periods.period}
        assert all(len(rr) * every <= 31 + every for _, rr in strips)


def test_strips_that_are_learnt_from_have_beats_enough_and_can_be_told_again() -> None:
    data = of(made(40, 0.75), made(5, 2.0), made(0, 1.0), made(400, 0.8))
    found = stretches(data, np.arange(4))
    assert [row for row, _, _ in found] == [0, *[3] * 6]
    strips = PretextStrips(data, found, np.array([r for r, _, _ in found]), Change(), 0)
    rows = torch.arange(7)
    window, side, owner, pair, masked, order, moved = strips[rows]
    count = (side[:, ::3] > 0).sum(1)
    assert (count >= 4).all()
    assert (pair < count[:, None]).all()
    assert (pair[:, 0] != pair[:, 1]).all()
    assert (masked < count).all()
    assert owner.tolist() == [0, *[3] * 6]
    own = torch.arange(window.shape[1]).expand_as(order)
    assert (order.sort(1).values == own).all()
    assert (order[moved == 0] == own[moved == 0]).all()
    assert (order[:, 0] == 0).all()
    assert all(torch.equal(a, b) for a, b in zip(strips[rows], strips[rows], strict=True))
    plain = drawn(data, found[0], Change(flip=0, gain=0, noise=0), np.random.default_rng(1))
    assert {row.tobytes() for row in plain[0]} <= {row.tobytes() for row in data.periods[0].period}


@pytest.mark.parametrize(
    "assignment, text",
    [
        ("model.folds=1", "2 folds or more"),
        ("model.held=4", "holds 4"),
        ("model.percents=[0]", "above 0"),
        ("model.pretext={epoch=1}", "Did you mean epochs"),
        ("model.depth=3", "'depth' is not known"),
        ("augment.stretch=1", "'stretch' is not known"),
        ("corpus.classes=['N','O']", "Give A"),
        ("input.kind='rhythm'", "another than periods"),
        ("input.band=[1,40]", "another than periods"),
        ("optimiser.keep='best'", "nothing is chosen"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path: Path, assignment: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        pretrain.fit(quick(assignment), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_is_no_run_of_the_rhythm_model(root: Path) -> None:
    with pytest.raises(DataError, match="period-aware"):
        rhythm.load(root / "run")
