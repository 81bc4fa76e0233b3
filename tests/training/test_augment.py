"""Augmentation: what each key does to a window, and that nothing reaches validation or test."""

import numpy as np
import pytest
import torch

from einthoven.record import LeakError, UsageError
from einthoven.training import load_recipe, train
from einthoven.training._augment import Augmentation
from einthoven.training._synthetic import training_side
from einthoven.training.nets import Sides, prepare

TIME, PEAK = 360, 144
SMALL = [
    'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
    'protocol.test=["s004"]',
]  # fmt: skip


def bumps(batch: int = 64) -> torch.Tensor:
    """Windows (batch, lead, time) with one smooth bump, 1 high, at the R peak, over a slope."""
    t = torch.arange(TIME, dtype=torch.float32)
    bump = torch.exp(-0.5 * ((t - PEAK) / 6) ** 2)
    return (bump + 1e-4 * t).expand(batch, 2, TIME).clone()


def test_nothing_asked_for_is_the_same_window_to_the_bit() -> None:
    window = bumps()
    before = torch.get_rng_state()
    assert torch.equal(Augmentation()(window, PEAK), bumps())
    assert torch.equal(torch.get_rng_state(), before), "chance was used"


def test_noise_alone_is_the_noise_that_older_runs_were_trained_with() -> None:
    window = bumps()
    torch.manual_seed(5)
    found = Augmentation(noise=0.05)(window, PEAK)
    torch.manual_seed(5)
    assert torch.equal(found, window + 0.05 * torch.randn_like(window))


def test_shift_moves_by_whole_samples_holds_the_edges_and_changes_no_number() -> None:
    torch.manual_seed(0)
    window = torch.randn(200, 2, TIME)
    found = Augmentation(shift=3)(window, PEAK)
    steps = set()
    for old, new in zip(window, found, strict=True):
        held = {
            s: old[:, (torch.arange(TIME) + s).clamp(0, TIME - 1)] for s in range(-3, 4)
        }  # fmt: skip
        steps |= {s for s, moved in held.items() if torch.equal(moved, new)}
        assert any(torch.equal(moved, new) for moved in held.values())
    assert steps == set(range(-3, 4))


def test_scale_multiplies_a_whole_window_by_at_most_so_much() -> None:
    torch.manual_seed(0)
    window = bumps(500)
    factor = (Augmentation(scale=0.2)(window, PEAK) / window)[:, :, PEAK]
    assert torch.equal(factor[:, 0], factor[:, 1])
    assert 0.8 <= factor.min() < 0.82
    assert 1.18 < factor.max() <= 1.2
    assert torch.allclose(Augmentation(scale=0.2)(window, PEAK).std(2) > 0, torch.tensor(True))


def test_warp_leaves_the_r_peak_and_the_height_and_changes_speed_by_at_most_so_much() -> None:
    torch.manual_seed(0)
    slope = torch.arange(TIME, dtype=torch.float32).expand(300, 1, TIME)
    speed = Augmentation(warp=0.1)(slope, PEAK).diff(dim=2)[:, 0, 45:-45]
    assert speed.min() > 0.9 - 1e-3
    assert speed.max() < 1.1 + 1e-3
    assert speed.std() > 0.02
    found = Augmentation(warp=0.1)(bumps(300), PEAK)
    assert (found.argmax(dim=2) == PEAK).all()
    assert torch.allclose(found[:, :, PEAK], bumps(300)[:, :, PEAK])


def test_the_same_chance_gives_the_same_windows() -> None:
    how = Augmentation(noise=0.1, shift=5, scale=0.1, warp=0.05)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(how(bumps(), PEAK))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    "assignment, text",
    [
        ("augment.noise=-1", "augment.noise: is -1. Give a number, 0 or more."),
        ("augment.shift=1.5", "augment.shift: is 1.5. Give a whole number, 0 or more."),
        ("augment.warp=2", "augment.warp: is 2. Give a number, 0 to 1."),
        ("augment.ratio=2.5", "augment.ratio: is 2.5. Give a number, 0 to 2."),
        ("augment.premature=1", "augment.premature: is 1. Give true or false."),
        ("augment.shft=1", "augment: key 'shft' is not known. Did you mean shift?"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_written(
    assignment: str, text: str, tmp_path: object
) -> None:
    with pytest.raises(UsageError) as fault:
        train(load_recipe("demo", [assignment]), tmp_path / "r")  # type: ignore[operator]
    assert text in str(fault.value)
    assert not (tmp_path / "r").exists()  # type: ignore[operator]


def test_premature_beats_join_the_training_side_alone_in_the_ratio_asked_for() -> None:
    recipe = load_recipe("demo", [*SMALL, "augment.premature=true", "augment.ratio=0.5"])
    data = prepare(recipe, 0)
    real = data.windows(data.split.training.rows)
    more = training_side(recipe, 0, data.split, real)
    assert torch.equal(more.window[: len(real)], real.window)
    added, classes = more.label[len(real) :], recipe.corpus.classes
    counts = torch.bincount(added, minlength=len(classes)).tolist()
    wanted = round(0.5 * int((real.label == classes.index("S")).sum()))
    assert counts == [wanted if name == "S" else 0 for name in classes]
    assert torch.isfinite(more.window).all()
    sides = Sides(data, recipe, 0)
    assert len(sides._training) == len(more)
    assert len(sides._validation) == len(data.split.validation)
    again = training_side(recipe, 0, data.split, real)
    assert torch.equal(again.window, more.window)


def test_premature_beats_are_not_made_of_records_that_also_test() -> None:
    recipe = load_recipe(
        "demo", ["protocol.name=intra-patient", "augment.premature=true",
                 "protocol.train=[]", "protocol.validation=[]", "protocol.test=[]"],
    )  # fmt: skip
    data = prepare(recipe, 0)
    real = data.windows(data.split.training.rows[:10])
    with pytest.raises(LeakError, match="has beats in training and validation"):
        training_side(recipe, 0, data.split, real)


def test_premature_beats_are_made_of_the_lead_and_the_patient_that_the_recipe_names() -> None:
    sets = ['input.side=["patient"]', "input.hop=30", "input.back=120", "input.ahead=30"]
    found = []
    for lead in ("MLII", "V1"):
        more = [*SMALL, *sets, f'input.leads=["{lead}"]', "augment.premature=true"]
        recipe = load_recipe("demo", more)
        data = prepare(recipe, 0)
        real = data.windows(data.split.training.rows)
        added = training_side(recipe, 0, data.split, real)
        assert added.side.shape[1] == real.side.shape[1] == 4
        found.append(added.window[len(real) :].mean(dim=0))
    assert (found[0] - found[1]).abs().max() > 0.5


def test_made_beats_have_the_side_numbers_of_the_rhythm_they_were_made_with() -> None:
    sets = ['input.side=["rr4"]', "input.hop=30", "input.back=120", "input.ahead=30"]
    recipe = load_recipe("demo", [*SMALL, *sets, "augment.premature=true"])
    data = prepare(recipe, 0)
    real = data.windows(data.split.training.rows)
    more = training_side(recipe, 0, data.split, real)
    before = np.exp(more.side[len(real) :, 0].numpy())  # RR before against the mean of ten
    assert np.median(before) < 0.95, "a premature beat comes early"
