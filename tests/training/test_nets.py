"""Learning: killed and resumed is the same as never killed; two processes; what a run holds."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from einthoven.evaluation.predictions import Predictions
from einthoven.models import MODELS
from einthoven.record import DataError, UsageError
from einthoven.training import load_recipe, names, train
from einthoven.training._batches import Draws
from einthoven.training._checkpoint import SafeCheckpointIO, read_checkpoint
from einthoven.training._nets import build
from einthoven.training._recipe import check_arguments
from einthoven.training._run import uncertain_threshold

SMALL = [
    "optimiser.epochs=3", "optimiser.beats=1024", "optimiser.batch=64",
    'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
    'protocol.test=["s004"]', "augment.noise=0.05",
]  # fmt: skip


@pytest.mark.parametrize(
    "system, wrong",
    [
        ("cnn", "dropout=2"), ("cnn", "dropout=-0.1"), ("cnn", 'dropout="a"'),
        ("abcnn", "hidden=-1"), ("resnet1d", "hidden=true"), ("exgnet", "kernels=[4]"),
        ("exgnet", "kernels=[]"), ("exgnet", "kernels=3"), ("exgnet", "halved=9"),
        ("self-onn", "powers=0"), ("ekgnet", "weight_noise=-1"), ("ekgnet", "bits=2.5"),
        ("recognition", "weight=-3"),
    ],
)  # fmt: skip
def test_what_no_network_can_be_built_with_is_refused_before_it_is(system: str, wrong: str) -> None:
    """Some ended as our mistake, in the middle of the first batch."""
    with pytest.raises(UsageError, match=rf"^model\.{wrong.partition('=')[0]}: is "):
        build(load_recipe(system, [f"model.{wrong}"]))


def test_a_network_of_one_beat_is_not_given_its_neighbours() -> None:
    """It was trained and exported, and the first recording ended as our mistake."""
    with pytest.raises(UsageError, match=r"^input\.neighbours: is \[4, 2\], and cnn eats one beat"):
        build(load_recipe("cnn", ["input.neighbours=[4, 2]"]))


@pytest.mark.parametrize("name", [n for n in names() if load_recipe(n).task != "rr"])
def test_what_the_shipped_recipes_say_of_a_network_is_not(name: str) -> None:
    recipe = load_recipe(name)
    if recipe.model.name in MODELS.names():
        check_arguments("model", MODELS[recipe.model.name].build, recipe.model.arguments)


def _command(run: Path, *more: str) -> list[str]:
    sets = [word for s in (*SMALL, *more) for word in ("--set", s)]
    return [sys.executable, "-m", "einthoven", "train", "demo", *sets, "--run", str(run)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(load_recipe("demo", SMALL), run)
    return run


def test_a_killed_run_resumed_has_the_weights_of_one_never_killed(
    finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(_command(run), stderr=subprocess.PIPE, env=environment)
    last = run / "checkpoints" / "last.safetensors"
    until = time.monotonic() + 240
    while not last.is_file() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    # An epoch is sixteen steps of some ten milliseconds: this is in the middle of the second.
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert last.is_file()
    assert not (run / "weights.safetensors").is_file(), "it was killed too late"
    assert read_checkpoint(last)["epoch"] < 2
    train(load_recipe("demo", SMALL), run, resume=True)
    for name in ("weights.safetensors", "log.csv", "metrics.json"):
        assert (run / name).read_bytes() == (finished / name).read_bytes(), name


def test_resume_without_a_checkpoint_starts_anew_and_on_a_finished_run_does_nothing(
    finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "fresh"
    recipe = load_recipe("demo", [*SMALL, "optimiser.epochs=1"])
    train(recipe, run, resume=True)
    weights = run / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    train(recipe, run, resume=True)
    assert weights.stat().st_mtime_ns == before


def test_a_run_is_not_overwritten_nor_resumed_by_another_recipe(finished: Path) -> None:
    with pytest.raises(UsageError, match=r"holds a run\. Give --resume"):
        train(load_recipe("demo", SMALL), finished)
    with pytest.raises(UsageError, match="another recipe"):
        train(load_recipe("demo", [*SMALL, "optimiser.epochs=4"]), finished, resume=True)


def test_a_run_holds_all_that_is_needed_to_judge_it_and_no_pickle(finished: Path) -> None:
    names = {p.name for p in finished.iterdir()}
    assert names >= {
        "recipe.toml", "split.json", "weights.safetensors", "predictions.npz", "metrics.json",
        "log.csv", "versions.json", "tensorboard", "checkpoints",
    }  # fmt: skip
    said = Predictions.load(finished / "predictions.npz")
    assert said.classes == ("N", "S", "V")
    assert set(said.record[said.part == "test"].tolist()) == {"s004"}
    split = json.loads((finished / "split.json").read_text(encoding="utf-8"))
    assert list(split["sides"]["validation"]) == ["s003"]
    assert len((finished / "log.csv").read_text(encoding="utf-8").splitlines()) == 4
    for file in finished.rglob("*"):
        if file.is_file():
            assert b"ctorch" not in file.read_bytes()[:200], f"{file} is a pickle"
    weights = (finished / "weights.safetensors").read_bytes()
    assert str(finished).encode() not in weights


def test_training_stops_early_where_held_out_people_gain_nothing(tmp_path: Path) -> None:
    more = ["optimiser.epochs=15", "optimiser.patience=1", "optimiser.learning_rate=1e-9"]
    train(load_recipe("demo", [*SMALL, *more, "optimiser.beats=128"]), tmp_path / "r")
    assert len((tmp_path / "r" / "log.csv").read_text(encoding="utf-8").splitlines()) < 16


def test_training_without_its_extra_is_refused_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.delitem(sys.modules, "einthoven.training.nets", raising=False)
    with pytest.raises(UsageError, match=r"needs lightning.*pip install 'einthoven\[train\]'"):
        train(load_recipe("demo"), tmp_path / "r")


def test_an_unknown_argument_of_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean dropout"):
        train(load_recipe("demo", ["model.drop_out=0.1"]), tmp_path / "r")
    with pytest.raises(UsageError, match="Did you mean noise"):
        train(load_recipe("demo", ["augment.noize=0.1"]), tmp_path / "r")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_two_processes_train_together(tmp_path: Path) -> None:
    run = tmp_path / "two"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        _command(run, "optimiser.devices=2", "optimiser.epochs=1"), capture_output=True,
        text=True, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run)
    steps = read_checkpoint(run / "checkpoints" / "last.safetensors")["global_step"]
    assert steps == 1024 // (64 * 2)
    assert (run / "weights.safetensors").is_file()


def test_processes_share_an_epoch_without_overlap_and_epochs_differ() -> None:
    label = np.zeros(100, np.int64)
    drawn = []
    for rank in (0, 1):
        draws = Draws(label, balance=0, beats=0, batch=10, seed=1, rank=rank, world=2)
        drawn.append(torch.cat(list(draws)).tolist())
        draws.set_epoch(1)
        assert torch.cat(list(draws)).tolist() != drawn[-1]
    assert sorted(drawn[0] + drawn[1]) == list(range(100))


def test_balance_draws_rare_classes_as_often() -> None:
    label = np.array([0] * 900 + [1] * 100)
    draws = Draws(label, balance=1.0, beats=10_000, batch=100, seed=0)
    rows = torch.cat(list(draws)).numpy()
    assert 0.47 < label[rows].mean() < 0.53


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "epoch": 3, "x": {0: torch.arange(3), "a": (1, [2.5, None, True])}, "path": "p",
        "same": torch.ones(2, 2),
    }  # fmt: skip
    file = tmp_path / "c.safetensors"
    SafeCheckpointIO().save_checkpoint(state, file)
    back = SafeCheckpointIO().load_checkpoint(file)
    assert torch.equal(back["x"].pop(0), torch.arange(3))
    assert torch.equal(back.pop("same"), torch.ones(2, 2))
    assert back == {"epoch": 3, "x": {"a": (1, [2.5, None, True])}, "path": "p"}
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="is no checkpoint"):
        read_checkpoint(file)


def test_the_threshold_declines_half_the_errors_but_no_more_than_a_tenth() -> None:
    n = 1000
    label = np.zeros(n, np.int64)
    logits = np.stack([np.linspace(0.1, 8, n), np.zeros(n)], axis=1).astype(np.float32)
    label[[3, 5, 500]] = 1
    said = Predictions(
        classes=("N", "V"), part=np.full(n, "validation"), record=np.full(n, "1"),
        sample=np.arange(n), label=label, logits=logits,
    )  # fmt: skip
    p = 1 / (1 + np.exp(-logits[:, 0].astype(float)))
    assert uncertain_threshold(said) == pytest.approx(p[5])
    label[600:700] = 1
    assert (p < uncertain_threshold(said)).mean() == pytest.approx(0.1, abs=0.01)
