"""The losses on masks worked by hand, what is painted, and a training that learns and resumes."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from einthoven.corpora.ludb import Ludb, Marked
from einthoven.record import UsageError
from einthoven.training import Recipe, load_recipe, waves
from einthoven.training import _waves_data as data
from einthoven.training import _waves_loss as losses


def masks(*rows: list[float]) -> torch.Tensor:
    """Return (1, 3, time): the rows are P, QRS and T."""
    return torch.tensor([rows])


def ones(time: int) -> torch.Tensor:
    return torch.ones(1, time)


def test_dice_by_hand() -> None:
    truth = masks([0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0])
    p = masks([0, 1, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0.5])
    # P: 1 - (2 + 1) / (3 + 1); QRS: nothing on either side; T: 1 - (1 + 1) / (2 + 1).
    assert float(losses.dice(p, truth, ones(4))) == pytest.approx((1 / 4 + 0 + 1 / 3) / 3)
    assert float(losses.dice(truth, truth, ones(4))) == 0
    known = torch.tensor([[1.0, 1, 0, 0]])
    assert float(losses.dice(p, truth, known)) == pytest.approx((0 + 0 + 1 - 2 / 2.5) / 3)


def test_edges_are_where_a_mask_changes() -> None:
    mask = masks([0, 0, 0, 1, 1, 1, 1, 0, 0, 0])[:, :1]
    assert losses.edges(mask, 1)[0, 0].tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]
    assert losses.edges(mask, 2)[0, 0].tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert float(losses.edges(torch.ones(1, 3, 40)).sum()) == 0


def test_boundary_dice_by_hand() -> None:
    still = [0.0] * 40
    truth, late = list(still), list(still)
    truth[10:20] = [1.0] * 10
    late[12:22] = [1.0] * 10
    a, b = masks(truth, still, still), masks(late, still, still)
    # Edges reach 5 samples to either side: 5..24 of the one, 7..26 of the other, 18 in common.
    expected = (1 - (2 * 18 + 1) / (20 + 20 + 1)) / 3
    assert float(losses.boundary(b, a, ones(40))) == pytest.approx(expected)
    assert float(losses.boundary(a, a, ones(40))) == 0


def test_f1_instance_by_hand() -> None:
    two, three = [0.0] * 30, [0.0] * 30
    for at in (5, 15):
        two[at : at + 4] = three[at : at + 4] = [1.0] * 4
    three[24:27] = [1.0] * 3
    none = [0.0] * 30
    a, b = masks(two, none, none), masks(three, none, none)
    assert losses.instances(a, ones(30)).tolist() == [[2, 0, 0]]
    assert losses.instances(b, ones(30)).tolist() == [[3, 0, 0]]
    # Three claimed, two there: TP 2, FP 1, FN 0.
    assert float(losses.instance(b, a, ones(30))) == pytest.approx((1 - 5 / 6) / 3)
    assert float(losses.instance(a, b, ones(30))) == pytest.approx((1 - 5 / 6) / 3)
    assert float(losses.instance(a, a, ones(30))) == 0


def test_the_sum_weighs_its_terms_and_ramps_the_last_two() -> None:
    torch.manual_seed(0)
    logits, mask = torch.randn(2, 4, 60), torch.randint(0, 4, (2, 60))
    known = torch.ones(2, 60)
    p = logits.softmax(1)[:, 1:]
    truth = torch.nn.functional.one_hot(mask, 4).movedim(2, 1)[:, 1:].float()
    one = losses.Weights(cross_entropy=0, dice=2, boundary=1, instance=0.5)
    expected = 2 * losses.dice(p, truth, known) + 0.5 * (
        losses.boundary(p, truth, known) + 0.5 * losses.instance(p, truth, known)
    )
    torch.testing.assert_close(losses.loss(logits, mask, known, one, 0.5), expected)
    entropy = torch.nn.functional.cross_entropy(logits[:, :, :20], mask[:, :20])
    known[:, 20:] = 0
    plain = losses.Weights(dice=0)
    torch.testing.assert_close(losses.loss(logits, mask, known, plain, 1), entropy)
    with pytest.raises(UsageError, match="all 0"):
        losses.Weights(cross_entropy=0, dice=0)


def test_what_is_marked_is_painted_and_a_missing_bracket_is_not_known() -> None:
    marks = Marked(
        kinds=np.array(["QRS", "T", "P"]), onsets=np.array([100, -1, 300]),
        peaks=np.array([110, 200, 310]), offsets=np.array([120, 240, 330]),
    )  # fmt: skip
    mask, known = data.painted(marks, 0.5, 250)
    assert np.flatnonzero(mask == 2).tolist() == list(range(50, 61))
    assert np.flatnonzero(mask == 1).tolist() == list(range(150, 166))
    assert not (mask == 3).any()
    assert np.flatnonzero(known).tolist() == [*range(45, 60), *range(121, 171)]


def test_windows_stay_on_the_marks_and_keep_signal_and_mask_together() -> None:
    signal = np.zeros((1, 2500), np.float32)
    mask, known = np.zeros((1, 2500), np.uint8), np.zeros((1, 2500), np.uint8)
    known[0, 500:2000] = 1
    for at in range(510, 1990, 90):
        signal[0, at : at + 30], mask[0, at : at + 30] = 1, 2
    leads = data.Leads(signal=signal, mask=mask, known=known, record=np.array(["x"]))
    still = data.Augment(stretch=0.2, gain=0, flip=0, white=0, wander=0, mains=0, rough=0)
    rng = np.random.default_rng(0)
    x, said, seen = data.windows(leads, 64, still, rng, None)
    assert x.shape == said.shape == seen.shape == (64, data.WINDOW)
    assert seen.mean() > 0.7
    assert ((x > 0.5) == (said == 2)).mean() > 0.98
    loud, _, _ = data.windows(leads, 64, data.Augment(), rng, None)
    assert np.isfinite(loud).all()
    assert (loud.mean(axis=1) < 0).any()
    _, truth, _ = data.windows(
        leads, 64, data.Augment(composed=0.5), rng,
        lambda _: (np.full(2500, 3, np.float32), np.full(2500, 3, np.uint8)),
    )  # fmt: skip
    share = (truth == 3).all(axis=1).mean()
    assert 0.3 < share < 0.7


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    return Ludb(folder).miniature(folder, 5, records=("1", "2", "3", "4", "5"))


def small(*more: str) -> Recipe:
    changes = (
        'protocol.train=["1", "2", "3"]', 'protocol.validation=["4"]', 'protocol.test=["5"]',
        "model.widths=[4, 6, 8]", "optimiser.beats=144", "optimiser.epochs=2", "model.edges=0",
    )  # fmt: skip
    return load_recipe("waves", [*changes, *more])


def rows(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open(encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_a_run_learns_resumes_to_the_same_bits_and_opens_no_test_record(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(root))
    opened: list[str] = []
    plain = Ludb.open

    def noted(self: Ludb, record: str) -> Any:
        opened.append(record)
        return plain(self, record)

    monkeypatch.setattr(Ludb, "open", noted)
    recipe, run = small("optimiser.epochs=3"), tmp_path / "run"
    waves.fit(recipe, run)
    assert set(opened) == {"1", "2", "3", "4"}
    log = rows(run)
    assert log[-1]["validation_loss"] < log[0]["validation_loss"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["epoch"] == int(np.argmax([row["macro_f1"] for row in log]))
    again = tmp_path / "again"
    write_log, calls = waves._write_log, []

    def dies(path: Path, found: list[dict[str, float]]) -> None:
        write_log(path, found)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(waves, "_write_log", dies)
    with pytest.raises(KeyboardInterrupt):
        waves.fit(recipe, again)
    assert not (again / "weights.safetensors").exists()
    waves.fit(recipe, again, resume=True)
    assert len(calls) == 3
    for name in ("weights.safetensors", "log.csv", "metrics.json"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name
    waves.fit(recipe, again, resume=True)
    assert len(calls) == 3
    assert waves.load(run)[1](torch.zeros(1, 1, 64)).shape == (1, 4, 64)


def test_composed_traces_and_other_losses_and_the_w_train(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(root))
    monkeypatch.setattr(data, "_COMPOSED", 20)
    recipe = small(
        "augment.composed=0.5", "optimiser.epochs=1", "optimiser.beats=48", "model.name=wnet",
        "model.losses={cross_entropy=0.0, dice=1.0, boundary=1.0, instance=0.5, ramp=0.0}",
    )  # fmt: skip
    waves.fit(recipe, tmp_path / "run")
    assert math.isfinite(rows(tmp_path / "run")[0]["loss"])


@pytest.mark.parametrize(
    "change, text",
    [
        ("model.name=unett", "Did you mean unet"),
        ("model.widthz=[4, 8]", "Did you mean widths"),
        ("model.losses={dicee=1.0}", "Did you mean dice"),
        ("augment.flipp=0.5", "Did you mean flip"),
        ("augment.composed=1.5", "share is over 1"),
        ('protocol.test=["1"]', "two sides"),
        ("corpus.name=mitdb", "no marked waves"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    change: str, text: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(root))
    with pytest.raises(UsageError, match=text):
        waves.fit(small(change), tmp_path / "run")


def test_the_learning_rate_goes_up_and_down_once() -> None:
    plan = [waves.rate(step, 100, 1.0) for step in range(101)]
    top = int(np.argmax(plan))
    assert top == 20
    assert plan[top] == pytest.approx(1)
    assert (np.diff(plan[: top + 1]) > 0).all()
    assert (np.diff(plan[top:]) < 0).all()
    assert plan[-1] < 1e-3
