"""Patient data: the same for all beats of a person, never in use, and checked for leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from einthoven.corpora.simulated import Simulated
from einthoven.inputs import InputStream, side_names
from einthoven.inputs._patient import NAMES, exchanged, numbers
from einthoven.record import InputSpec, Source, UsageError
from einthoven.record.record import Patient
from einthoven.store import open_store
from einthoven.training import _nets, load_recipe, train
from einthoven.training._batches import Windows
from einthoven.training._recipe import to_toml
from einthoven.training.patients import LeakCheck, check_run, leak_check

AGES = {"s000": (30.0, "F"), "s001": (40.0, "M"), "s002": (None, None), "s003": (81.0, "F")}


class People(Simulated):
    """Four simulated people with an age and a sex, one of whom nothing is known."""

    def open(self, record: str) -> Source:
        source = super().open(record)
        age, sex = AGES[record]
        if age is not None:
            source.patient = Patient(age=age, sex=sex, name="Secret")
        return source


def spec(*side: str) -> InputSpec:
    return InputSpec(
        kind="beat", rate=90.0, window=(0.3, 0.5), side=side, hop=10.0, back=20.0, ahead=12.0
    )


def told(folder: Path, *side: str) -> tuple[np.ndarray, np.ndarray]:
    """Subjects, and the patient numbers that go with each."""
    store = open_store(People(folder, subjects=4, seconds=20.0), spec(*side), root=folder)
    column = side_names(spec(*side)).index(NAMES[0])
    people, first = np.unique(store.subject, return_index=True)
    rows = np.asarray(store.side)[:, column : column + 4]
    for name, row in zip(people, rows[first], strict=True):
        assert (rows[store.subject == name] == row).all()
    return people, rows[first]


def test_age_is_in_centuries_and_what_is_not_known_is_zero() -> None:
    assert numbers(Patient(age=69.0, sex="M")).tolist() == [0.69, -1.0, 1.0, 1.0]
    assert numbers(Patient(age=0.0, sex="F")).tolist() == [0.0, 1.0, 1.0, 1.0]
    assert numbers(Patient(sex="F")).tolist() == [0.0, 1.0, 0.0, 1.0]
    assert numbers(Patient()).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_every_beat_carries_its_patient(tmp_path: Path) -> None:
    _, rows = told(tmp_path, "rr4", "patient")
    expected = [[0.3, 1, 1, 1], [0.4, -1, 1, 1], [0, 0, 0, 0], [0.81, 1, 1, 1]]
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_the_control_tells_every_beat_of_a_person_of_one_and_the_same_other(tmp_path: Path) -> None:
    _, own = told(tmp_path, "patient")
    _, other = told(tmp_path, "patient-exchanged")
    assert (own != other).any(axis=1).all()
    assert sorted(own.tolist()) == sorted(other.tolist())


def test_another_patient_in_the_header_has_another_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(tmp_path, subjects=4, seconds=20.0)
    plain, with_patient = (open_store(people, spec(s), root=tmp_path).path
                           for s in ("rr4", "patient"))  # fmt: skip
    monkeypatch.setitem(AGES, "s001", (41.0, "M"))
    assert open_store(people, spec("rr4"), root=tmp_path).path == plain
    assert open_store(people, spec("patient"), root=tmp_path).path != with_patient


@pytest.mark.parametrize("group", ["patient", "patient-exchanged"])
def test_nothing_in_use_eats_patient_data(group: str) -> None:
    with pytest.raises(UsageError, match="in training alone"):
        InputStream(spec(group), 360.0, ("II",))


def test_an_exchange_leaves_nobody_with_himself() -> None:
    names = [f"p{n}" for n in range(9)]
    for seed in range(50):
        found = exchanged(names, seed)
        assert sorted(found) == sorted(found.values()) == names
        assert all(one != other for one, other in found.items())
    assert exchanged(names, 3) == exchanged(names[::-1], 3)
    assert exchanged(["p"], 0) == {"p": "p"}


class Reader(nn.Module):
    """Answers by side numbers alone, or by the window alone."""

    def __init__(self, *, by_patient: bool) -> None:
        super().__init__()
        self._by_patient = by_patient
        self.layers = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))

    def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(side if self._by_patient else window[:, 0, :4])
        return answer


def crowd(count: int, seed: int) -> tuple[Windows, np.ndarray]:
    """Beats of eight people: the window tells the class, and so does whose beat it is."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 8, count)
    label = (rng.random(count) < np.where(who < 4, 0.95, 0.05)).astype(np.int64)
    people = np.stack([numbers(Patient(age=20 + 9.0 * n, sex="FM"[n // 4])) for n in range(8)])
    window = rng.standard_normal((count, 1, 4)) + 2 * label[:, None, None]
    side = people[who].astype(np.float32)
    return Windows(window.astype(np.float32), side, label), np.array([f"p{n}" for n in who])


def checked(*, by_patient: bool) -> LeakCheck:
    torch.manual_seed(0)
    net, (windows, _) = Reader(by_patient=by_patient), crowd(600, 0)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(400):
        optimiser.zero_grad()
        functional.cross_entropy(net(windows.window, windows.side), windows.label).backward()
        optimiser.step()
    others, subject = crowd(600, 1)
    return leak_check(net, others, subject, range(4))


def test_a_net_that_answers_by_whose_beat_it_is_is_caught() -> None:
    found = checked(by_patient=True)
    assert found.told > 0.85
    assert found.leaks
    assert np.mean(found.exchanged) < found.told - 0.2


def test_a_net_that_answers_by_the_beat_is_not() -> None:
    found = checked(by_patient=False)
    assert found.told > 0.85
    assert set(found.exchanged) == {found.told}
    assert found.withheld == found.told
    assert found.chance == 1.0
    assert not found.leaks


def test_the_chance_counts_the_truth_as_one() -> None:
    def found(*exchanged: float) -> LeakCheck:
        return LeakCheck(people=9, told=0.9, exchanged=exchanged, withheld=0.5)

    assert found(*(0.5,) * 39).chance == 1 / 40
    assert found(*(0.5,) * 38, 0.9).chance == 2 / 40
    assert found(*(0.5,) * 38, 0.9).leaks is False
    assert found(*(0.5,) * 20).leaks is True
    assert found(*(0.5,) * 19).leaks is None


def test_of_four_people_nothing_can_be_told_however_often_they_are_exchanged() -> None:
    class BySex(nn.Module):
        def forward(self, window: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
            return torch.stack([side[:, 1], -side[:, 1]], dim=1)

    who = np.arange(40) % 4
    people = np.stack([numbers(Patient(age=20 + 9.0 * n, sex="FFMM"[n])) for n in range(4)])
    windows = Windows(np.zeros((40, 1, 4), np.float32), people[who].astype(np.float32), who // 2)
    subject = np.array([f"p{n}" for n in who])
    found = leak_check(BySex(), windows, subject, range(4), times=1000)
    assert (found.people, len(found.exchanged)) == (4, 6)
    assert max(found.exchanged) < found.told == 1.0
    assert found.leaks is None


def test_a_check_that_could_say_nothing_is_refused() -> None:
    windows, subject = crowd(20, 0)
    net = Reader(by_patient=True)
    with pytest.raises(UsageError, match="one subject only"):
        leak_check(net, windows, np.full(20, "p"), range(4))
    with pytest.raises(UsageError, match="Give 20 or more"):
        leak_check(net, windows, subject, range(4), times=5)


def test_a_trained_run_is_checked_on_the_side_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path))
    monkeypatch.setitem(AGES, "s004", (50.0, "M"))
    people = People(tmp_path, subjects=5, seconds=30.0)
    monkeypatch.setattr(_nets, "open_corpus", lambda name: people)
    small = [
        "optimiser.epochs=1", "optimiser.beats=64", "optimiser.batch=32", "input.hop=30.0",
        "input.back=60.0", "input.ahead=20.0", 'protocol.train=["s000", "s001", "s002", "s003"]',
        'protocol.validation=["s002", "s003"]', 'protocol.test=["s004"]',
    ]  # fmt: skip
    fused = 'model={name="recognition", patient=4}'
    train(load_recipe("demo", [*small, 'input.side=["rr4", "patient"]', fused]), tmp_path / "a")
    found = check_run(tmp_path / "a", times=20)
    assert (found.people, len(found.exchanged)) == (2, 1)
    assert found.told > 0
    # The test side has one subject, which nobody can be exchanged with.
    with pytest.raises(UsageError, match="one subject only"):
        check_run(tmp_path / "a", part="test")
    with pytest.raises(UsageError, match="Use validation or test"):
        check_run(tmp_path / "a", part="training")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "recipe.toml").write_text(to_toml(load_recipe("demo", small)))
    with pytest.raises(UsageError, match='Train with "patient"'):
        check_run(tmp_path / "b")
