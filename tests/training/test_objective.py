"""Objectives: worked examples, limits, and counts that come from the training side alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional

from einthoven.record import UsageError
from einthoven.training import load_recipe, nets, to_toml
from einthoven.training._objective import OBJECTIVES, Objective, effective, inverse_root, make_loss

COUNTS = np.array([900, 80, 20])
CLASSES = ("N", "V", "S")
ONE_CLASS = [name for name in OBJECTIVES if name != "binary-cross-entropy"]


def loss_of(logits: object, label: list[int], counts: object = COUNTS, **keys: object) -> float:
    objective = Objective(**keys)  # type: ignore[arg-type]
    made = make_loss(objective, np.asarray(counts), CLASSES[: len(np.asarray(counts))])
    return float(made(torch.from_numpy(np.array(logits, np.float32)), torch.tensor(label)))


def two(p: float) -> list[list[float]]:
    """Logits of one beat whose class 0 has the probability p."""
    return [[float(np.log(p)), float(np.log1p(-p))]]


@pytest.mark.parametrize("p, expected", [(0.9, 0.0010536), (0.5, 0.1732868), (0.1, 1.8650939)])
def test_the_worked_example_of_focal_loss(p: float, expected: float) -> None:
    found = loss_of(two(p), [0], [1, 1], name="focal", gamma=2.0, alpha="one")
    assert found == pytest.approx(expected, rel=1e-4)


def test_alpha_is_one_over_the_root_of_the_count_with_mean_one() -> None:
    # 1/10, 1/5, 1/2 have the mean 4/15.
    assert inverse_root(np.array([100, 25, 4])) == pytest.approx([0.375, 0.75, 1.875])
    # Class 1 of counts 100 and 25: alpha = (1/5) / (3/20) = 4/3.
    found = loss_of(two(0.5), [1], [100, 25], name="focal")
    assert found == pytest.approx(4 / 3 * 0.1732868, rel=1e-5)


def test_the_worked_example_of_effective_numbers() -> None:
    # beta 1/2 and counts 1, 2, 3: 1 - beta^n is 1/2, 3/4, 7/8, so w is as 2, 4/3, 8/7.
    scale = 3 / (2 + 4 / 3 + 8 / 7)
    expected = [2 * scale, 4 / 3 * scale, 8 / 7 * scale]
    assert effective(np.array([1, 2, 3]), 0.5) == pytest.approx(expected)
    found = loss_of([[0.0, 0.0, 0.0]], [0], [1, 2, 3], name="class-balanced", beta=0.5)
    assert found == pytest.approx(expected[0] * np.log(3))


def test_effective_numbers_end_in_one_over_the_count() -> None:
    counts = np.array([100, 25, 4])
    reciprocal = (1 / counts) / (1 / counts).mean()
    assert effective(counts, 1 - 1e-9) == pytest.approx(reciprocal, rel=1e-4)
    assert effective(counts, 0.0).tolist() == [1.0, 1.0, 1.0]


def test_the_worked_example_of_logit_adjustment() -> None:
    z = [[2.0, 1.0, 0.5]]
    assert loss_of(z, [2], name="cross-entropy") == pytest.approx(1.9644, abs=1e-4)
    assert loss_of(z, [2], [90, 8, 2], name="logit-adjustment") == pytest.approx(5.3436, abs=1e-4)


def test_smoothing_spreads_the_target() -> None:
    log_p = np.log(np.array([0.7, 0.2, 0.1]))
    by_hand = -(0.9 * log_p[0] + 0.1 * log_p.mean())
    plain = loss_of([log_p], [0], name="cross-entropy", label_smoothing=0.1)
    assert plain == pytest.approx(by_hand, rel=1e-5)
    terms = (1 - np.exp(log_p)) ** 2 * log_p
    focal = loss_of([log_p], [0], name="focal", alpha="one", label_smoothing=0.1)
    assert focal == pytest.approx(-(0.9 * terms[0] + 0.1 * terms.mean()), rel=1e-5)


LIMITS = [
    {"name": "cross-entropy"},
    {"name": "focal", "gamma": 0.0, "alpha": "one"},
    {"name": "class-balanced", "beta": 0.0},
    {"name": "logit-adjustment", "tau": 0.0},
]


@settings(deadline=None, max_examples=30)
@given(
    logits=hnp.arrays(np.float32, (5, 3), elements=st.floats(-60, 60, width=32)),
    label=st.lists(st.integers(0, 2), min_size=5, max_size=5),
    smoothing=st.sampled_from([0.0, 0.05, 1.0]),
)
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit["name"])
def test_in_its_limit_each_objective_is_cross_entropy(
    limit: dict[str, object], logits: np.ndarray, label: list[int], smoothing: float
) -> None:
    expected = functional.cross_entropy(
        torch.tensor(logits), torch.tensor(label), label_smoothing=smoothing
    )
    found = loss_of(logits, label, label_smoothing=smoothing, **limit)
    assert found == pytest.approx(float(expected), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ONE_CLASS)
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradients_stay_finite_however_sure_the_net_is(name: str, gamma: float) -> None:
    keys = {"gamma": gamma} if name == "focal" else {}
    logits = torch.tensor([[500.0, 0, 0], [-500.0, 0, 0], [0.0, 0, 0]], requires_grad=True)
    objective = Objective(name=name, label_smoothing=0.05, **keys)  # type: ignore[arg-type]
    loss = make_loss(objective, COUNTS, CLASSES)(logits, torch.tensor([0, 0, 2]))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["focal", "class-balanced"])
def test_a_rare_beat_missed_costs_more_than_a_common_one(name: str) -> None:
    even = [[0.0, 0.0, 0.0]]
    costs = [loss_of(even, [c], name=name) for c in range(3)]
    assert costs[0] < costs[1] < costs[2]


@pytest.mark.parametrize(
    "assignments, text",
    [
        (["name=focl"], "objective.name: 'focl' is not known. Did you mean focal?"),
        (["gamma=2.0"], "objective.gamma: is not used by cross-entropy. Take the key out, or"),
        (["name=focal", "beta=0.9"], "or set objective.name to class-balanced."),
        (["name=class-balanced", "tau=1.0"], "objective.tau: is not used by class-balanced."),
        (["name=focal", "gamma=-1"], "objective.gamma: is -1. Give 0 or more."),
        (["name=focal", "gamma=nan"], "objective.gamma: is nan. Give 0 or more."),
        (["name=focal", "gamma=two"], "objective.gamma: is 'two'. Give float."),
        (["name=focal", "alpha=0.25"], "objective.alpha: is 0.25. Give text, in quotes"),
        (["name=focal", "alpha=root"], "objective.alpha: 'root' is not known."),
        (["name=class-balanced", "beta=1"], "objective.beta: is 1. Give 0 to below 1"),
        (["label_smoothing=1.5"], "objective.label_smoothing: is 1.5. Give 0 to 1."),
    ],
)
def test_a_wrong_objective_is_refused_in_one_sentence(assignments: list[str], text: str) -> None:
    with pytest.raises(UsageError) as fault:
        load_recipe("demo", [f"objective.{a}" for a in assignments])
    assert text in str(fault.value)


def test_a_class_without_beats_is_refused_where_counts_matter() -> None:
    for name in ("focal", "class-balanced", "logit-adjustment"):
        with pytest.raises(UsageError, match=f"objective {name}: class V has no beat on the train"):
            loss_of([[0.0, 0.0]], [0], [5, 0], name=name)
    assert loss_of(two(0.5), [0], [5, 0], name="focal", alpha="one") > 0


@pytest.mark.parametrize("name", ONE_CLASS)
def test_a_recipe_keeps_the_keys_of_its_objective_and_no_others(name: str, tmp_path: Path) -> None:
    recipe = load_recipe("demo", [f"objective.name={name}"])
    table = recipe.to_dict()["objective"]
    assert set(table) == {"name", "label_smoothing", "balance", *OBJECTIVES[name]}
    file = tmp_path / "again.toml"
    file.write_text(to_toml(recipe), encoding="utf-8")
    assert load_recipe(str(file)) == recipe


def test_a_net_learns_with_the_counts_of_its_training_side_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def watch(objective: Objective, counts: np.ndarray, classes: tuple[str, ...]) -> object:
        asked.append((objective.name, counts, classes))
        return make_loss(objective, counts, classes)

    monkeypatch.setattr(nets, "make_loss", watch)
    recipe = load_recipe(
        "demo",
        [
            "objective.name=focal", "optimiser.epochs=1", "optimiser.beats=128",
            'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
            'protocol.test=["s004"]',
        ],
    )  # fmt: skip
    nets.fit(recipe, tmp_path / "run", False)
    ((name, counts, classes),) = asked
    split = nets.prepare(recipe, recipe.seeds[0]).split
    side = np.isin(split.beats.record, ["s000", "s001", "s002"])
    by_hand = [int((split.beats.label[side] == c).sum()) for c in range(len(classes))]
    assert (name, counts.tolist(), classes) == ("focal", by_hand, recipe.corpus.classes)
    assert (tmp_path / "run" / "weights.safetensors").is_file()


class Penalised(torch.nn.Module):
    """A net that finds fault with itself."""

    def __init__(self, fault: float) -> None:
        super().__init__()
        self.line, self.fault = torch.nn.Linear(4, 3), fault

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.line(window[:, 0])
        return answer

    def penalty(self) -> torch.Tensor:
        return torch.tensor(self.fault)


def test_a_nets_own_penalty_is_added_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("demo")
    loss = make_loss(recipe.objective, COUNTS, CLASSES)
    batch = (torch.zeros(2, 1, 4), torch.zeros(2, 0), torch.tensor([0, 1]))
    found = []
    for fault in (0.0, 1.5):
        torch.manual_seed(0)
        lesson = nets.Lesson(Penalised(fault), recipe, 0, loss)
        monkeypatch.setattr(lesson, "log", lambda *_, **__: None)
        monkeypatch.setattr(lesson, "_augment", lambda window, *_: window, raising=False)
        found.append(lesson.training_step(batch, 0).item())
    assert found[1] - found[0] == pytest.approx(1.5)


def test_binary_cross_entropy_is_worked_by_hand_and_passes_over_what_is_unknown() -> None:
    made = make_loss(Objective(name="binary-cross-entropy"), np.ones(2, np.int64), ("MI", "CD"))
    logits = torch.tensor([[0.0, np.log(3.0)], [5.0, 0.0]])
    label = torch.tensor([[1.0, 0.0], [float("nan"), 1.0]])
    # p of .5, .75 and .5: the label that is not known says nothing, and gives no gradient.
    assert float(made(logits, label)) == pytest.approx((np.log(2) + np.log(4) + np.log(2)) / 3)
    logits.requires_grad_()
    made(logits, label).backward()
    assert logits.grad is not None
    assert logits.grad[1, 0] == 0


def test_binary_smoothing_pulls_towards_even_odds() -> None:
    o = Objective(name="binary-cross-entropy", label_smoothing=0.1)
    made = make_loss(o, np.ones(1, np.int64), ("MI",))
    at = torch.linspace(1, 6, 501)
    values = [float(made(x.view(1, 1), torch.ones(1, 1))) for x in at]
    # The best answer is the target itself, .95.
    assert float(at[int(np.argmin(values))]) == pytest.approx(np.log(0.95 / 0.05), abs=0.02)


def test_a_batch_of_unknown_labels_is_no_loss() -> None:
    made = make_loss(Objective(name="binary-cross-entropy"), np.ones(1, np.int64), ("MI",))
    assert float(made(torch.ones(3, 1), torch.full((3, 1), float("nan")))) == 0
