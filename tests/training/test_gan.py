"""The generator of beats: trained on the training side alone, resumed, judged; and who uses it."""

import json
import math
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from einthoven.evaluation.predictions import Predictions
from einthoven.models.wgan import Critic, Generator, penalty
from einthoven.record import DataError, LeakError, UsageError
from einthoven.training import _generator, gan, load_recipe, train
from einthoven.training._batches import Windows
from einthoven.training._likeness import judged, nearest
from einthoven.training._synthetic import training_side
from einthoven.training.nets import Sides, prepare

SIDES = [
    'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
    'protocol.test=["s004"]',
]  # fmt: skip
CORPUS = ["corpus.name=simulated", 'corpus.classes=["N", "S", "V"]']
SMALL = [
    *CORPUS, *SIDES, "optimiser.epochs=1", "optimiser.beats=192", "optimiser.batch=32",
    "model.width=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("gan") / "whole"
    train(load_recipe("wgan", SMALL), run)
    return run


@pytest.mark.parametrize("time_, leads", [(360, 1), (250, 2), (17, 1)])
def test_noise_and_a_class_become_a_standard_window(time_: int, leads: int) -> None:
    net = Generator(leads=leads, time=time_, classes=3, latent=8, width=2, cut=0.1, standard=True)
    window = net(torch.randn(5, 8), torch.tensor([0, 1, 2, 1, 0]))
    assert window.shape == (5, leads, time_)
    assert window.mean(dim=2).abs().max() < 1e-4
    if time_ > 100:
        power = torch.fft.rfft(window * torch.hann_window(time_), dim=2).abs() ** 2
        above = int(0.2 * time_)
        assert power[:, :, above:].sum() < 1e-3 * power.sum(), "filtered, as real windows are"
    critic = Critic(leads=leads, time=time_, classes=3, width=2)
    assert critic(window, torch.tensor([0, 1, 2, 1, 0])).shape == (5,)


def test_the_penalty_is_nil_where_the_critic_climbs_by_one_and_four_where_by_three() -> None:
    class Plane(torch.nn.Module):
        def __init__(self, slope: float) -> None:
            super().__init__()
            self.slope = slope

        def forward(self, window: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            return self.slope * window[:, 0, 0]

    real, made, label = torch.randn(6, 1, 9), torch.randn(6, 1, 9), torch.zeros(6).long()
    for slope, expected in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
        found = penalty(Plane(slope), real, made, label)  # type: ignore[arg-type]
        assert float(found) == pytest.approx(expected, abs=1e-5)


def test_a_run_holds_what_is_needed_to_use_and_to_judge_it(finished: Path) -> None:
    names = {p.name for p in finished.iterdir()}
    assert names == {
        "recipe.toml", "split.json", "versions.json", "log.csv", "checkpoints", "metrics.json",
        "grid.svg", "weights.safetensors",
    }  # fmt: skip
    found = json.loads((finished / "metrics.json").read_text(encoding="utf-8"))
    assert set(found["learnt"]) == {"S", "V"}, "N is not rare"
    assert set(found["f1"]) == {"real", "synthetic", "both"}
    assert 0 <= found["f1"]["synthetic"]["macro"]["mean"] <= 1
    assert found["nearest"]["S"]["copies"] <= 1
    assert gan.judge(finished) == found
    picture = ET.fromstring((finished / "grid.svg").read_text(encoding="utf-8"))
    assert len(picture.findall(".//{*}polyline")) == 2 * 2 * 8


def test_a_run_broken_off_and_resumed_has_the_weights_of_one_never_broken_off(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, steps, step = tmp_path / "broken", [], gan._Game.make_step

    def breaks(game: gan._Game, label: torch.Tensor) -> None:
        steps.append(1)
        if len(steps) == 4:  # two an epoch: this is in the middle of the second
            raise KeyboardInterrupt
        step(game, label)

    three = [*SMALL, "optimiser.epochs=3"]
    with monkeypatch.context() as patched:
        patched.setattr(gan._Game, "make_step", breaks)
        with pytest.raises(KeyboardInterrupt):
            train(load_recipe("wgan", three), run)
    assert not (run / "weights.safetensors").is_file()
    assert len((run / "log.csv").read_text(encoding="utf-8").splitlines()) == 2
    train(load_recipe("wgan", three), run, resume=True)
    train(load_recipe("wgan", three), tmp_path / "whole")
    for name in ("weights.safetensors", "log.csv", "metrics.json", "grid.svg"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    with pytest.raises(UsageError, match="holds a run"):
        train(load_recipe("wgan", SMALL), finished)


def test_nothing_of_validation_or_test_reaches_the_generator(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are the same, to the bit, where those two sides hold other numbers."""

    def spoilt(recipe: object, seed: int, *, sides: tuple[str, ...]) -> object:
        data = prepare(recipe, seed)  # type: ignore[arg-type]
        window = np.array(data.store.window)
        for side in sides:
            rows = data.split.sides[side].rows
            window[rows] = np.random.default_rng(0).standard_normal(window[rows].shape)
        return replace(data, store=replace(data.store, window=window))

    for name, sides in (("both", ("validation", "test")), ("test", ("test",))):
        monkeypatch.setattr(gan, "prepare", lambda r, s, sides=sides: spoilt(r, s, sides=sides))
        train(load_recipe("wgan", SMALL), tmp_path / name)
        weights = (tmp_path / name / "weights.safetensors").read_bytes()
        assert weights == (finished / "weights.safetensors").read_bytes()
    judged_too = (tmp_path / "test" / "metrics.json").read_bytes()
    assert judged_too == (finished / "metrics.json").read_bytes(), "the judge saw the test side"
    monkeypatch.setattr(gan, "prepare", lambda r, s: spoilt(r, s, sides=("training", "validation")))
    train(load_recipe("wgan", SMALL), tmp_path / "trained")
    spoiled = (tmp_path / "trained" / "weights.safetensors").read_bytes()
    assert spoiled != (finished / "weights.safetensors").read_bytes(), "the test can fail"


_COPY = 0.02  # root mean square, in SD of a window, below which a beat is another's copy


def _chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _nearest(held: torch.Tensor, made: torch.Tensor) -> float:
    """Return the least root mean square distance between two sets of windows."""
    a, b = held.flatten(1), made.flatten(1)
    # By products of matrices, equal windows are not at distance 0.
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return float(distance.min()) / math.sqrt(a.shape[1])


def test_no_synthetic_beat_and_no_beat_it_learnt_from_reaches_validation_or_test(
    finished: Path,
) -> None:
    recipe = load_recipe("demo", [*SIDES, f"augment.synthetic={finished}", "augment.ratio=2"])
    data = prepare(recipe, 0)
    beats, split = data.split.beats, data.split
    sides = Sides(data, recipe, 0)
    real = len(split.training)
    made = sides._training.window[real:]
    assert len(made) > 0
    for side in (split.validation, split.test):
        held = torch.from_numpy(data.windows(side.rows).window.numpy())
        assert _nearest(held, made) > _COPY
        # The same question finds a held-out beat that got among them, even with some noise on it.
        leak = held[7:8] + 0.5 * _COPY * torch.randn(held[7:8].shape, generator=_chance())
        assert _nearest(held, torch.cat([made, leak])) < _COPY
    assert torch.equal(sides._validation.window, data.windows(split.validation.rows).window)
    learnt = _generator.learnt_rows(load_recipe("wgan", SMALL), split)
    for side in (split.validation, split.test):
        assert not len(np.intersect1d(learnt, side.rows))
        assert not set(beats.subject[learnt]) & set(beats.subject[side.rows])


def test_a_network_trained_with_synthetic_beats_answers_for_real_ones_alone(
    finished: Path, tmp_path: Path
) -> None:
    small = ["optimiser.epochs=1", "optimiser.beats=256", f"augment.synthetic={finished}"]
    recipe = load_recipe("demo", [*SIDES, *small])
    train(recipe, tmp_path / "run")
    said = Predictions.load(tmp_path / "run" / "predictions.npz")
    split = prepare(recipe, 0).split
    for part in ("validation", "test"):
        rows = split.sides[part].rows
        assert said.of(part).sample.tolist() == split.beats.sample[rows].tolist()
        assert said.of(part).record.tolist() == split.beats.record[rows].tolist()


def test_synthetic_beats_stand_in_the_ratio_asked_for_with_side_numbers_of_their_class(
    finished: Path,
) -> None:
    sets = ['input.side=["rr4"]', "input.hop=30", "input.back=120", "input.ahead=30"]
    recipe = load_recipe(
        "demo", [*SIDES, *sets, f"augment.synthetic={finished}", "augment.ratio=1.5"]
    )
    data = prepare(recipe, 0)
    real = data.windows(data.split.training.rows)
    more = training_side(recipe, 0, data.split, real)
    own = torch.bincount(real.label, minlength=3)
    added = torch.bincount(more.label[len(real) :], minlength=3)
    assert added.tolist() == [0, round(1.5 * int(own[1])), round(1.5 * int(own[2]))]
    for index in (1, 2):
        known = {tuple(s) for s in real.side[real.label == index].tolist()}
        new = more.side[len(real) :][more.label[len(real) :] == index].tolist()
        assert {tuple(s) for s in new} <= known
    again = training_side(recipe, 0, data.split, real)
    assert torch.equal(more.window, again.window)
    assert torch.equal(more.side, again.side)


@pytest.mark.parametrize(
    "change, fault, text",
    [
        (['protocol.train=["s000", "s001", "s003"]'], LeakError, "another training side"),
        (['protocol.validation=["s002"]'], LeakError, r"learnt from beat \d+ of record s002, here"),
        (['protocol.test=["s005"]'], LeakError, "another test side"),
        (["protocol.name=intra-patient", "protocol.train=[]", "protocol.validation=[]",
          "protocol.test=[]"], LeakError, "same .protocol. and seed"),
        (["input.rate=180"], UsageError, "other windows than this recipe's"),
        (['corpus.classes=["N", "V"]'], UsageError, "corpus.classes"),
        (["augment.premature=true"], UsageError, "Give one of the two"),
    ],
)  # fmt: skip
def test_a_generator_of_another_split_or_input_is_refused(
    finished: Path, change: list[str], fault: type[Exception], text: str
) -> None:
    recipe = load_recipe("demo", [*SIDES, f"augment.synthetic={finished}", *change])
    data = prepare(recipe, 0)
    with pytest.raises(fault, match=text):
        Sides(data, recipe, 0)


def test_a_folder_without_a_generator_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no trained generator"):
        _generator.load(tmp_path)
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "split.json").write_text("{}", encoding="utf-8")
    recipe = load_recipe("demo", [*SIDES, f"augment.synthetic={copy}"])
    with pytest.raises(DataError, match="Train the generator again"):
        Sides(prepare(recipe, 0), recipe, 0)


@pytest.mark.parametrize(
    "assignment, text",
    [
        ("model.widht=3", "Did you mean width"),
        ("model.width=0", "Give a whole number from 1 on"),
        ('model.rare=["Q"]', "'Q' is not known"),
        ("augment.noise=0.1", "augment: key 'noise' is not known"),
    ],
)
def test_what_a_generator_cannot_follow_is_refused(
    assignment: str, text: str, tmp_path: Path
) -> None:
    recipe = load_recipe("wgan", [*SMALL, assignment])
    with pytest.raises(UsageError, match=text):
        train(recipe, tmp_path / "r")


def test_a_class_with_too_few_beats_to_learn_from_is_refused_and_left_out_unasked() -> None:
    label = np.array([0, 0, 0, 0, 1, 1, 2])
    split: Any = SimpleNamespace(
        training=SimpleNamespace(rows=np.arange(7)), beats=SimpleNamespace(label=label)
    )
    assert _generator.learnt_rows(load_recipe("wgan", SMALL), split).tolist() == [4, 5]
    recipe = load_recipe("wgan", [*SMALL, 'model.rare=["V"]'])
    with pytest.raises(UsageError, match="'V' has 1 beats in training"):
        _generator.learnt_rows(recipe, split)


def test_beats_are_drawn_by_their_seed(finished: Path) -> None:
    _, generator = _generator.load(finished)
    label = np.array([1, 2] * 700)
    one, two, other = (_generator.draw(generator, label, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_copies_are_told_from_beats_as_far_from_real_ones_as_those_from_each_other() -> None:
    rng = np.random.default_rng(0)

    def windows(beats: int) -> Windows:
        label = rng.integers(0, 2, beats)
        shape = (beats, 1, 40)
        window = rng.standard_normal(shape) + 3 * label[:, None, None]
        return Windows(window.astype(np.float32), np.zeros((beats, 0), np.float32), label)

    real, held, fresh = windows(600), windows(200), windows(200)
    ones = real.window.numpy()[real.label.numpy() == 1][:100]
    label = np.ones(len(ones), np.int64)
    copied = judged(real, held, ones + 1e-3, label, ("N", "V"), seed=0, most=100)
    assert copied["nearest"]["V"]["copies"] == 1.0
    new = fresh.window.numpy()[fresh.label.numpy() == 1]
    honest = judged(real, held, new, np.ones(len(new), np.int64), ("N", "V"), seed=0, most=100)
    assert honest["nearest"]["V"]["copies"] < 0.1
    assert honest["f1"]["synthetic"]["V"]["mean"] > 0.9
    zeros = judged(real, held, 0 * new - 9, np.ones(len(new), np.int64), ("N", "V"), seed=0, most=9)
    assert zeros["f1"]["synthetic"]["V"]["mean"] < 0.5 < zeros["f1"]["real"]["V"]["mean"]


def test_the_distance_to_the_nearest_is_that_of_a_worked_example() -> None:
    one, other = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [30.0, 40.0]])
    assert nearest(one, other).tolist() == pytest.approx([5 / np.sqrt(2)])
    both = np.array([[0.0], [1.0], [5.0]])
    assert nearest(both, both, same=True).tolist() == pytest.approx([1.0, 1.0, 4.0])
