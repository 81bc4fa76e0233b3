"""Guided against plain: whom it asks, worked examples of what it asks, and who is on which side."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.corpora.mitdb import DS1, DS2
from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.report.results import _plain
from einthoven.suites import _guided_judge as asked
from einthoven.suites import guided

RATE, WINDOW = 100.0, (0.4, 0.6)


def test_each_record_of_ds1_is_held_out_once_and_ds2_is_nowhere() -> None:
    assert sorted(r for held in guided.FOLDS.values() for r in held) == sorted(DS1)
    items = guided.plan(Path("r"), (0,))
    for item in items:
        p = item.recipe.protocol
        learnt = set(p.train) - set(p.validation)
        assert set(p.test) == set(guided.FOLDS[item.fold])
        assert not (learnt | set(p.validation)) & set(p.test)
        assert not {*p.train, *p.validation, *p.test} & set(DS2)
    assert {s for family in guided.FAMILIES for s in family} == set(guided.SYSTEMS)


def test_who_teaches_is_trained_before_who_is_taught_on_the_same_fold_and_seed() -> None:
    items = guided.plan(Path("r"))
    place = {item.folder.as_posix(): k for k, item in enumerate(items)}
    taught = [i for i in items if i.system.startswith("distilled")]
    for item in taught:
        teacher = item.recipe.objective.teacher
        assert teacher is not None
        assert place[teacher] < place[item.folder.as_posix()]
        assert teacher.endswith(f"fold-{item.fold}/seed-{item.seed}")
    plain = next(i for i in items if i.system == "plain").recipe
    full = next(i for i in items if i.system == "guided").recipe
    assert plain.guide is not None
    assert (plain.guide.weight, plain.guide.head) == (0, 0)
    assert (plain.input, plain.model, plain.optimiser) == (full.input, full.model, full.optimiser)
    assert plain.input.side == ()


def test_parts_divide_the_window() -> None:
    for rate in (100.0, 180.0, 360.0):
        assert (asked.parts(WINDOW, rate).sum(axis=0) == 1).all()
    names = list(asked.PARTS)
    assert asked.parts(WINDOW, RATE)[names.index("QRS")].nonzero()[0].tolist() == [*range(32, 48)]


def test_variants_lose_what_they_should_and_nothing_else() -> None:
    where = asked.parts(WINDOW, RATE)
    window = np.random.default_rng(0).normal(size=(2, 1, 100)).astype(np.float32)
    made, keep = asked.variants(window, where), asked.subsets(len(where))
    assert made.shape == (2, 64, 1, 100)
    np.testing.assert_array_equal(made[:, -1], window)
    for row in (1, 10, 37, 62):
        kept = where[keep[row]].any(axis=0)
        np.testing.assert_array_equal(made[:, row, 0, kept], window[:, 0, kept])
    # Without the QRS a straight line runs from the sample before it to the one after.
    row = 63 - (1 << list(asked.PARTS).index("QRS"))
    line = np.linspace(window[0, 0, 31], window[0, 0, 48], 18)
    np.testing.assert_allclose(made[0, row, 0, 31:49], line, atol=1e-6)


def test_a_map_that_knows_the_model_beats_chance_and_one_reversed_loses() -> None:
    where = asked.parts(WINDOW, RATE)
    weight = np.array([0.0, 3.0, 1.0, 0.0, 0.5, 0.2])
    p = 1 / (1 + np.exp(4 - asked.subsets(6) @ (2 * weight)))[None]
    share = weight / where.sum(axis=1)  # a map whose sum over each part is its weight
    window = np.zeros((1, 1, 100), np.float32)
    window[0, 0, 40] = 1  # all energy is in the QRS, which is the second best
    mask = np.zeros((1, 100), np.float32)
    mask[0, 20:32] = 1
    cam = (share[:, None] * where).sum(axis=0)[None]
    good = asked.judge(cam, mask, window, p, where)
    bad = asked.judge(cam.max() - cam, mask, window, p, where)
    own, chance, energy = good.faithful[0]
    deletion, insertion, comprehensiveness, sufficiency = range(4)
    assert own[deletion] < energy[deletion] < chance[deletion]
    assert own[insertion] > energy[insertion] > chance[insertion]
    assert own[comprehensiveness] > chance[comprehensiveness]
    assert own[sufficiency] < chance[sufficiency]
    assert bad.faithful[0, 0, deletion] > chance[deletion]
    np.testing.assert_array_equal(good.faithful[0, 1:], bad.faithful[0, 1:])
    assert own[comprehensiveness] == pytest.approx(p[0, 63] - p[0, 63 - 2 - 4])
    assert own[sufficiency] == pytest.approx(p[0, 63] - p[0, 2 + 4])
    assert good.full[0] == p[0, 63]
    assert (good.pointed[0], bad.pointed[0]) == (1, 0)
    assert good.inside[0] == pytest.approx(3 / 4.7)
    assert good.share[0] == pytest.approx(0.12)
    assert good.alike[0] > 0.9
    assert good.falls[0, 1] == pytest.approx(p[0, 63] - p[0, 61])
    np.testing.assert_allclose(good.lies[0], weight / 4.7)
    nothing = asked.judge(np.zeros((1, 100)), mask, window, p, where)
    assert (nothing.pointed[0], nothing.alike[0]) == (0, 0)
    assert np.isnan(nothing.inside[0])


def test_a_sample_has_its_caps_and_comes_back() -> None:
    label = np.repeat([0, 1, -1], [80, 12, 8])
    record = np.array([f"r{k % 4}" for k in range(100)])
    rows = asked.sample(label, record, most=30, each=10, seed=0)
    assert np.array_equal(rows, asked.sample(label, record, most=30, each=10, seed=0))
    assert (label[rows] == 0).sum() == 30
    assert (label[rows] == 1).sum() == 12
    assert (label[rows] >= 0).all()
    few = asked.sample(label, record, most=30, each=2, seed=0)
    assert (label[few] == 0).sum() == 8


class Bright(nn.Module):
    """Lights where the window does; two logits, one for and one against."""

    def features(self, window: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool1d(window, 4)

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        level = self.features(window).mean(dim=(1, 2)).requires_grad_()
        return torch.stack([level, -level], dim=1)


def test_a_map_lies_over_the_samples_that_it_is_of() -> None:
    window = np.zeros((1, 1, 100), np.float32)
    window[0, 0, 48:52] = 1
    net = Bright()
    with pytest.MonkeyPatch.context() as patch:
        plain = Bright.features
        patch.setattr(Bright, "features", lambda self, w: plain(self, w).requires_grad_())
        cam = asked.cams(net, window, np.array([0]))
    assert cam.shape == (1, 100)
    assert cam[0].argmax() in (49, 50)
    assert cam[0, :40].max() == 0
    p = asked.answers(net, np.stack([window, 0 * window], axis=1))
    assert p.shape == (1, 2, 2)
    assert p[0, 1].tolist() == [0.5, 0.5]


def answered(record: str, right: bool) -> Predictions:
    label = np.array([0, 0, 1, 2, 3])
    choice = label if right else np.zeros(5, np.int64)
    return Predictions(
        classes=("N", "S", "V", "F"), part=np.full(5, "test"), record=np.full(5, record),
        sample=np.arange(5), label=label, logits=np.eye(4, dtype=np.float32)[choice],
    )  # fmt: skip


def test_the_tables_say_who_is_better_and_that_a_tie_is_one() -> None:
    said = {
        (s, f, 0): answered(f, s in ("guided", "small"))
        for s in guided.SYSTEMS for f in guided.FOLDS
    }  # fmt: skip
    right = {row[0]: row for row in guided.right(said, [0])["rows"]}
    assert right["guided"][1:4] == ["100.00", "100.00", "100.00 to 100.00"]
    assert right["plain"][5] == "0.00"
    gains = {row[0]: row for row in guided.gains(said, [0])["rows"]}
    assert gains["guided"][-1] == "better"
    assert gains["mask"][-1] == "tie"
    assert gains["distilled"][-1] == "worse"
    told = asked.Told(
        np.tile(np.array([[[0.2, 0.8, 0.5, 0.1]] * 3]), (3, 1, 1)), np.ones(3), np.ones(3),
        np.full(3, 0.5), np.full(3, 0.2), np.zeros(3), np.full((3, 6), 0.25), np.zeros((3, 6)),
    )  # fmt: skip
    label = np.arange(3)
    record = np.array(["x", "y", "y"])
    all_told = dict.fromkeys(said, (label, record, told))
    assert guided.faithful(all_told, [0])["rows"][0][2] == "0.200 (0.200 to 0.200)"
    assert guided.by_class(all_told, [0])["rows"][0][2:4] == [3, "0.600 (0.600 to 0.600)"]
    circular = guided.circular(all_told, [0])
    assert circular["rows"][0] == [
        "plain", "0.000 (0.000 to 0.000)", "1.000 (1.000 to 1.000)", "0.500 (0.500 to 0.500)",
        "0.200",
    ]  # fmt: skip
    assert "guided 100.0 %" in circular["note"]
    better = replace(
        told, faithful=told.faithful + np.array([-0.1, 0.1, 0, 0]), pointed=np.zeros(3)
    )
    all_told |= {("mask", fold, 0): (label, record, better) for fold in guided.FOLDS}
    brought = {row[0]: row[2:] for row in guided.brought(all_told, [0])["rows"]}
    assert brought["mask"] == [2, "+0.200", "+0.200 to +0.200", "-1.000", "-1.000 to -1.000"]
    rows = guided.stretches(all_told, [0])["rows"]
    assert rows[0] == ["N", "plain", "answer falls by", *["0.250"] * 6]
    assert brought["guided"][1:3] == ["+0.000", "+0.000 to +0.000"]


def test_without_runs_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no seed with all its runs"):
        guided.run(tmp_path, tmp_path, train=False)


def test_the_results_that_are_kept_are_of_these_folds() -> None:
    path = Path(__file__).parents[2] / "results" / "guided.json"
    if not path.is_file():
        pytest.skip("not made yet")
    kept = json.loads(path.read_text(encoding="utf-8"))
    page = (path.parents[1] / "docs" / "guided.md").read_text(encoding="utf-8")
    assert _plain("guided.json", kept) in page, "run 'make tables'"
    assert kept["folds"] == {k: list(v) for k, v in guided.FOLDS.items()}
    assert [t["title"] for t in kept["tables"]][-1] == "Stretch by stretch"
