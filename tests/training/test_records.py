"""Networks of whole records: what a run holds, resuming, crops, domains, teachers."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.protocols._records import SIDES
from einthoven.record import DataError, LeakError, UsageError
from einthoven.training import load_recipe, records, train
from einthoven.training._lightning import Mean
from einthoven.training._recipe import Recipe
from einthoven.training._record_augment import RecordAugmentation
from einthoven.training._record_data import WindowDraws, by_record, prepare, taught
from einthoven.training._record_net import RecordNet
from einthoven.training._record_run import TEACHER
from einthoven.training._sections import Crops

SMALL = (
    "model.width=4", "model.depth=1", "optimiser.epochs=2", "optimiser.batch=16", "seeds=[0]",
    'corpus.classes=["NORM", "STTC", "CD"]',
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _corpus(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A generated PTB-XL in place of the real one, and stores of its own."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("data")
        patch.setenv("EINTHOVEN_DATA", str(root))
        patch.setenv("EINTHOVEN_STORE", str(tmp_path_factory.mktemp("store")))
        open_corpus("ptbxl", root).miniature(root, 5, records=70)  # type: ignore[call-arg]
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(load_recipe("heartbeatai", SMALL), run)
    return run


def test_a_run_holds_answers_and_judges_validation_alone(finished: Path) -> None:
    said = Answers.load(finished / "answers.npz")
    assert said.classes == ("NORM", "STTC", "CD")
    assert set(said.of("test").fold.tolist()) == {9}
    assert set(said.of("validation").fold.tolist()) == {8}
    assert set(said.domain.tolist()) <= {"CS-12 E", "CS100 3", "AT-6 C 5.5"}
    metrics = json.loads((finished / "metrics.json").read_text(encoding="utf-8"))
    # Fold 9 is a suite's to look at: no figure of it is written down by training.
    assert "test" not in {k for k in metrics if k != "records"}
    assert "test" not in metrics["validation"]
    assert metrics["records"]["test"] == len(said.of("test"))


def test_a_trained_net_gives_the_answers_again(finished: Path) -> None:
    recipe = load_recipe(str(finished / "recipe.toml"))
    net, data = records.load(recipe, finished), prepare(recipe, 0)
    again = records.logits(net, data, data.split.test)
    said = Answers.load(finished / "answers.npz").of("test").logits
    np.testing.assert_allclose(again, said, atol=1e-5)


def test_a_run_stopped_after_an_epoch_and_resumed_is_the_same(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, step = tmp_path / "r", Mean.on_train_batch_end
    steps = []

    def dies(self: Mean, *given: object) -> None:
        step(self, *given)  # type: ignore[arg-type]
        steps.append(1)
        if len(steps) == 4:  # three a epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(Mean, "on_train_batch_end", dies)
    with pytest.raises(BaseException):  # noqa: B017, PT011 - Lightning may turn it into an exit
        train(load_recipe("heartbeatai", SMALL), run)
    monkeypatch.undo()
    assert (run / "checkpoints" / "last.safetensors").is_file()
    assert not (run / "weights.safetensors").is_file()
    train(load_recipe("heartbeatai", SMALL), run, resume=True)
    for name in ("weights.safetensors", "metrics.json", "log.csv"):
        assert (run / name).read_bytes() == (finished / name).read_bytes(), name


def test_a_protocol_of_several_splits_needs_the_name_of_one(tmp_path: Path) -> None:
    recipe = load_recipe("heartbeatai", [*SMALL, "protocol.out_of_fold=true"])
    with pytest.raises(UsageError, match=r"protocol\.part.*folds 1\+2 held out"):
        train(recipe, tmp_path / "r")
    with pytest.raises(UsageError, match="published"):
        train(load_recipe("heartbeatai", [*SMALL, "protocol.out_of_folds=true"]), tmp_path / "s")


@pytest.fixture
def georgia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root of PTB-XL and Georgia."""
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    open_corpus("ptbxl", tmp_path).miniature(tmp_path, 5, records=70)  # type: ignore[call-arg]
    open_corpus("georgia", tmp_path).miniature(tmp_path, 6, records=30)  # type: ignore[call-arg]
    return tmp_path


FURTHER = (SMALL[-1], 'corpus.others=["georgia"]', "corpus.labels=super", "corpus.domain=corpus")
POOLED = (*FURTHER, "protocol.name=intra-source", "protocol.pooled=true")


def test_a_further_corpus_that_is_on_no_side_is_refused(georgia: Path) -> None:
    """It has no folds, and went silently to no side."""
    with pytest.raises(UsageError, match=r"corpus\.others: georgia is on no side of ptbxl-folds"):
        prepare(load_recipe("heartbeatai-full", FURTHER), 0)
    # Of PTB-XL's own labels it has none.
    own = [s for s in POOLED if s != "corpus.labels=super"]
    with pytest.raises(UsageError, match="georgia is on no side of intra-source"):
        prepare(load_recipe("heartbeatai-full", own), 0)
    alone = (SMALL[-1], "corpus.name=georgia")
    with pytest.raises(DataError, match=r"label of ptbxl-superdiagnostic.*corpus\.labels=super"):
        prepare(load_recipe("heartbeatai-full", alone), 0)


def test_a_run_on_several_corpora_tells_what_is_on_two_sides_or_refuses_it(
    georgia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("heartbeatai", [*SMALL[:-1], *POOLED, "optimiser.epochs=1"])
    train(recipe, tmp_path / "run")
    told = json.loads((tmp_path / "run" / "split.json").read_text(encoding="utf-8"))
    assert told["duplicates"] == {"pairs": 0, "first": []}
    # A record of PTB-XL that Georgia has taken, on another side.
    e = (split := prepare(recipe, 0).split).examples
    ours, theirs = (
        next(r for r in rows.tolist() if e.corpus[r] == c)
        for rows, c in ((split.training, "ptbxl"), (split.test, "georgia"))
    )
    opened = open_corpus("ptbxl")
    taken = opened.open(str(e.record[ours]))
    georgias = type(open_corpus("georgia"))
    own = georgias.open
    monkeypatch.setattr(
        georgias, "open",
        lambda self, r: taken if (self.name, r) == ("georgia", e.record[theirs]) else own(self, r),
    )  # fmt: skip
    trees = load_recipe("twelve-measurements", [*POOLED, SMALL[4]])
    for each in (recipe, trees):
        with pytest.raises(LeakError, match=f"ptbxl {e.record[ours]} of training is the record"):
            train(each, tmp_path / each.name)
        assert not (tmp_path / each.name / "answers.npz").exists()


def test_what_the_full_recipe_says_of_further_corpora_brings_them_to_the_sides(
    georgia: Path,
) -> None:
    open_corpus("chapman", georgia).miniature(georgia, 7, records=20)  # type: ignore[call-arg]
    text = files("einthoven.recipes").joinpath("heartbeatai-full.toml").read_text(encoding="utf-8")
    said = [word.strip("'") for word in re.findall(r"--set ('[^']+'|\S+)", text)]
    further, pooled, left_out = said[:3], said[3:5], said[5:7]
    for sets, named in ((pooled, SIDES), (left_out, ("test",))):
        split = prepare(load_recipe("heartbeatai-full", [*further, *sets, SMALL[-1]]), 0).split
        corpus = split.examples.corpus
        assert all("georgia" in corpus[split.sides[side]] for side in named)
        assert {"chapman", "ptbxl"} <= set(corpus[split.training].tolist())


def test_the_full_recipe_trains_and_answers(tmp_path: Path) -> None:
    """Its own network and whole ten seconds; an epoch on a processor, in small batches."""
    sets = ("optimiser.device=cpu", "optimiser.compile=false", *SMALL[2:])
    recipe = load_recipe("heartbeatai-full", [*sets, "optimiser.epochs=1"])
    assert (recipe.model.arguments["width"], recipe.crop.seconds) == (64, 0)
    train(recipe, tmp_path / "run")
    said = Answers.load(tmp_path / "run" / "answers.npz")
    assert set(said.part.tolist()) == {"validation", "test"}
    assert np.isfinite(said.logits).all()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["parameters"] > 1_000_000


def test_a_domain_left_out_trains_nobody_and_folds_kept_back_are_on_no_side() -> None:
    recipe = load_recipe(
        "heartbeatai",
        [*SMALL, "protocol.name=leave-one-domain-out", 'protocol.part="CS100 3"'],
    )
    split = prepare(recipe, 0).split
    e = split.examples
    assert set(e.domain[split.test].tolist()) == {"CS100 3"}
    assert "CS100 3" not in set(e.domain[split.training]) | set(e.domain[split.validation])
    assert not np.isin(e.fold, (9, 10)).any()


def test_each_record_drawn_gives_one_of_its_own_windows() -> None:
    data = prepare(load_recipe("heartbeatai", SMALL), 0)
    long = replace(
        data, window=np.repeat(data.window, 3, axis=0), side=np.repeat(data.side, 3, axis=0),
        owner=np.repeat(data.owner, 3),
    )  # fmt: skip
    draws = WindowDraws(long, load_recipe("heartbeatai", [*SMALL, "objective.balance=0"]), 0, 0, 1)
    drawn = torch.cat(list(draws)).numpy()
    owners = long.owner[drawn]
    assert len(set(owners.tolist())) == len(owners)
    assert set(owners.tolist()) <= set(data.split.training.tolist())
    assert len(set((drawn % 3).tolist())) == 3
    draws.set_epoch(1)
    assert torch.cat(list(draws)).tolist() != drawn.tolist()


def test_windows_of_a_record_speak_with_one_voice() -> None:
    said = by_record(np.array([4, 4, 7]), np.array([[1.0], [3.0], [5.0]], np.float32))
    assert {k: float(v[0]) for k, v in said.items()} == {4: 2.0, 7: 5.0}


# --- a teacher -----------------------------------------------------------------------------------


def _teacher(run: Path, folder: Path, side: str) -> Path:
    """Write the answers of a made-up teacher to one side of the run's split."""
    recipe = load_recipe(str(run / "recipe.toml"))
    split = prepare(recipe, 0).split
    rows = split.sides[side]
    e = split.examples
    folder.mkdir()
    shutil.copy(run / "split.json", folder / "split.json")
    Answers(
        classes=e.classes, part=np.full(len(rows), "validation"), corpus=e.corpus[rows],
        record=e.record[rows], subject=e.subject[rows], domain=e.domain[rows], fold=e.fold[rows],
        label=e.label[rows], logits=np.zeros((len(rows), len(e.classes)), np.float32),
    ).save(folder / TEACHER)  # fmt: skip
    return folder


def _taught_by(run: Path, tmp_path: Path) -> tuple[Path, Recipe]:
    """Return a made-up teacher and a recipe to which it says six tenths."""
    folder = _teacher(run, tmp_path / "teacher", "training")
    sets = [f'objective.teacher="{folder.as_posix()}"', "objective.teacher_weight=0.6"]
    return folder, load_recipe("heartbeatai", [*SMALL, *sets])


def test_a_teacher_is_mixed_into_the_labels_of_the_training_side_alone(
    finished: Path, tmp_path: Path
) -> None:
    _, recipe = _taught_by(finished, tmp_path)
    split = prepare(recipe, 0).split
    target, label = taught(recipe, split), split.examples.label
    np.testing.assert_allclose(target[split.training], 0.4 * label[split.training] + 0.3, atol=1e-6)
    for side in (split.validation, split.test):
        np.testing.assert_array_equal(target[side], label[side])


def test_records_without_a_label_have_what_the_teacher_says_and_are_drawn(
    finished: Path, tmp_path: Path
) -> None:
    folder, recipe = _taught_by(finished, tmp_path)
    data = prepare(recipe, 0)
    half = len(data.split.training) // 2
    split = replace(
        data.split, training=data.split.training[:half], unlabelled=data.split.training[half:]
    )
    sides = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    sides["sides"] = split.to_dict()["sides"]
    (folder / "split.json").write_text(json.dumps(sides), encoding="utf-8")
    target, label = taught(recipe, split), split.examples.label
    assert (target[split.unlabelled] == 0.5).all()  # its logits are 0
    np.testing.assert_allclose(target[split.training], 0.4 * label[split.training] + 0.3, atol=1e-6)
    drawn = {
        int(data.owner[w]) for batch in WindowDraws(replace(data, split=split), recipe, 0, 0, 1)
        for w in batch.tolist()
    }  # fmt: skip
    assert drawn & set(split.unlabelled.tolist())
    alone = replace(recipe, objective=replace(recipe.objective, teacher=""))
    drawn = {
        int(data.owner[w]) for batch in WindowDraws(replace(data, split=split), alone, 0, 0, 1)
        for w in batch.tolist()
    }  # fmt: skip
    assert drawn <= set(split.training.tolist())


def test_a_run_says_which_answers_taught_it(finished: Path, tmp_path: Path) -> None:
    folder, recipe = _taught_by(finished, tmp_path)
    train(replace(recipe, optimiser=replace(recipe.optimiser, epochs=1)), tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["teacher"] == folder.as_posix()
    digest = sha256((folder / TEACHER).read_bytes()).hexdigest()
    assert metrics["teacher_sha256"] == digest[:12]
    plain = json.loads((finished / "metrics.json").read_text(encoding="utf-8"))
    assert (plain["teacher"], plain["teacher_sha256"]) == ("", "")


@pytest.mark.parametrize("side", ["validation", "test"])
def test_a_teacher_of_other_records_is_a_leak(finished: Path, tmp_path: Path, side: str) -> None:
    folder = _teacher(finished, tmp_path / "teacher", side)
    recipe = load_recipe("heartbeatai", [*SMALL, f'objective.teacher="{folder.as_posix()}"'])
    with pytest.raises(LeakError, match="was not taught on this training side"):
        taught(recipe, prepare(recipe, 0).split)


def test_a_teacher_that_saw_a_test_record_is_a_leak(finished: Path, tmp_path: Path) -> None:
    folder = _teacher(finished, tmp_path / "teacher", "training")
    split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    split["sides"]["training"]["ptbxl"].append(split["sides"]["test"]["ptbxl"].pop())
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    recipe = load_recipe("heartbeatai", [*SMALL, f'objective.teacher="{folder.as_posix()}"'])
    with pytest.raises(LeakError):
        taught(recipe, prepare(recipe, 0).split)


# --- what stands around the network --------------------------------------------------------------


class _First(nn.Module):
    """Says the mean of each crop, as two classes."""

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        mean = window.mean(dim=(1, 2))
        return torch.stack([mean, -mean], dim=1)


@pytest.mark.parametrize(("join", "expected"), [("mean", [0.625, -0.625]), ("max", [1.0, 0.0])])
def test_crops_cover_the_window_and_are_joined(join: str, expected: list[float]) -> None:
    crops = Crops(seconds=1, hop=0.5, join=join)
    net = RecordNet(_First(), leads=1, side=0, time=10, crop=4, crops=crops)
    assert net.starts == (0, 2, 4, 6)
    window = torch.zeros(3, 1, 10)
    window[1, :, 4:] = 1  # crops of mean 0, .5 by parts, 1, 1
    said = net(window)
    assert said[0].tolist() == [0, 0]
    assert said[1].tolist() == pytest.approx(expected)
    assert net(window[:, :, :4]).shape == (3, 2)


def test_leads_are_scaled_by_the_training_side_and_unknown_numbers_are_its_mean() -> None:
    class Both(nn.Module):
        def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
            return torch.cat([window[:, :, 0], side], dim=1)

    rng = np.random.default_rng(0)
    window = rng.normal(0, [[2.0], [0.5]], (50, 2, 40)).astype(np.float32)
    side = rng.normal(7, 3, (50, 2)).astype(np.float32)
    side[3, 1] = np.nan
    net = RecordNet(Both(), leads=2, side=2, time=40, crop=40, crops=Crops())
    net.fit(window, side)
    said = net(torch.tensor([[[2.0], [0.5]]]).repeat(1, 1, 40), torch.tensor([[10.0, np.nan]]))
    assert said[0].tolist() == pytest.approx([1, 1, 1, 0], abs=0.5)


@pytest.mark.parametrize(
    "key", ["gain", "lead_gain", "mix", "noise", "wander", "lead_dropout", "mask", "shift"]
)
def test_each_augmentation_changes_windows_and_nothing_changes_none(key: str) -> None:
    torch.manual_seed(0)
    window = torch.randn(6, 12, 250)
    assert torch.equal(RecordAugmentation()(window, 100.0), window)
    made = RecordAugmentation(**{key: 20 if key == "shift" else 0.5})(window, 100.0)
    assert made.shape == window.shape
    assert torch.isfinite(made).all()
    assert not torch.equal(made, window)
    if key in ("mask", "lead_dropout"):
        changed = made != window
        assert (made[changed] == 0).all()


@pytest.mark.parametrize(
    ("assignment", "text"),
    [
        ("augment.gane=0.1", "Did you mean gain"),
        ("augment.mask=2", "augment.mask: is 2. Give a number, 0 to 1"),
        ("crop.seconds=11", "crop.seconds: is 11, and a window has 10 s"),
        ("model.widht=3", "Did you mean width"),
        ("objective.name=cross-entropy", "Give binary-cross-entropy"),
        ("optimiser.device=cuda", "there is no such device here"),
    ],
)
def test_what_does_not_fit_is_refused(assignment: str, text: str, tmp_path: Path) -> None:
    if "cuda" in assignment and torch.cuda.is_available():
        pytest.skip("there is such a device")
    sets = [s for s in SMALL if s.split("=")[0] != assignment.split("=")[0]]
    with pytest.raises(UsageError, match=text.replace("(", r"\(")):
        train(load_recipe("heartbeatai", [*sets, assignment]), tmp_path / "r")
