"""Guided training: worked examples, what is refused, and that nothing of it is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from einthoven.models import MODELS
from einthoven.protocols._split import TestSide, TrainingSide
from einthoven.record import DataError, LeakError, UsageError
from einthoven.record.vocabulary import CLASSES
from einthoven.training import load_recipe, to_toml, train
from einthoven.training._guide import MASKS, PEAKS, REGIONS, Guide, masks, r_peaks
from einthoven.training._guided import Guidance, _numbers, grad_cam, guidance, ncc, taught, watched
from einthoven.training._objective import distilled
from einthoven.training.nets import Data, prepare

SMALL = [
    "optimiser.epochs=2", "optimiser.beats=256", "optimiser.batch=64",
    'protocol.train=["s000", "s001", "s002", "s003"]', 'protocol.validation=["s003"]',
    'protocol.test=["s004"]', "augment.noise=0.05", "optimiser.keep=last",
]  # fmt: skip
GUIDED = [*SMALL, "guide.weight=0.1", "guide.head=0.5", 'guide.side=["rr4"]']


def test_how_unusual_an_rr_is_goes_by_its_patient_and_not_by_its_seconds() -> None:
    seconds = np.cumsum([0.0, *[0.8] * 12, 0.64, 0.96, *[0.8] * 12])
    place, unusual = r_peaks(np.zeros(len(seconds), np.int64), seconds)
    # The thirteenth beat comes a fifth too early, 0.64 s after the one before it.
    assert place[13] == pytest.approx([-0.64, 0, 0.96])
    assert unusual[13] == pytest.approx([0, 0.8, 0.8])
    assert unusual[14] == pytest.approx([0.8, 0.8, 0])
    assert place[0].tolist() == [np.inf, 0, pytest.approx(0.8)]
    _, slower = r_peaks(np.zeros(len(seconds), np.int64), 1.5 * seconds)
    assert slower == pytest.approx(unusual)
    # Another record begins anew, and one beat alone has no neighbours.
    place, unusual = r_peaks(np.array([0, 0, 1]), np.array([1.0, 2.0, 9.0]))
    assert place[2].tolist() == [np.inf, 0, np.inf]
    assert place[1, 2] == np.inf
    assert not unusual.any()


def test_each_class_has_the_mask_of_its_waves() -> None:
    classes = ("N", "S", "V", "Q")
    place = np.array([[-0.3, 0.0, 0.5]] * 4)
    unusual = np.array([[0.0, 1.0, 0.5]] * 4)
    made = masks(
        np.arange(4), classes, place, unusual, window=(0.4, 0.6), rate=100.0
    )  # column c stands at (c - 40) / 100 s
    n, s, v, q = made
    assert np.flatnonzero(n).tolist() == [*range(20, 32), *range(35, 46)]
    assert set(n[n > 0].tolist()) == {1.0}
    assert s[20:32].tolist() == [1.0] * 12
    assert s[40] == 1
    assert s[44] == pytest.approx(np.exp(-0.5))
    assert s[90] == pytest.approx(0.5)
    assert v[32:52].tolist() == [1.0] * 20
    assert v[25] < 0.01
    assert not q.any()
    absent = masks(
        np.array([1]), classes, np.array([[np.inf, 0.0, np.inf]]), np.zeros((1, 3)),
        window=(0.4, 0.6), rate=100.0,
    )  # fmt: skip
    assert np.flatnonzero(absent[0]).tolist() == list(range(20, 32))


def test_the_rule_names_regions_that_are_there_and_classes_of_the_maps() -> None:
    assert {part for parts in MASKS.values() for part in parts} <= {*REGIONS, PEAKS}
    assert set(MASKS) | {"Q"} == {*CLASSES["aami"], *CLASSES["nlrav"]}


def test_ncc_by_hand_and_whatever_scale_and_height() -> None:
    one = torch.tensor([[0.0, 1, 2], [0, 1, 2], [5, 5, 5], [1, 0, 0]])
    other = torch.tensor([[1.0, 3, 5], [2, 1, 0], [0, 1, 2], [0, 0, 1]])
    assert ncc(one, other).tolist() == pytest.approx([1, -1, 0, -0.5], abs=1e-4)


class Line(nn.Module):
    """Maps of one convolution, their mean over time, two logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv1d(1, 3, 3, padding=1), nn.Linear(3, 2)

    def features(self, window: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(window)
        return found

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.head(self.features(window).mean(dim=2))
        return answer


def test_grad_cam_of_a_mean_and_a_line_is_the_line_over_the_positions() -> None:
    torch.manual_seed(0)
    net, window, label = Line(), torch.randn(4, 1, 8), torch.tensor([0, 1, 1, 0])
    with watched(net) as seen:
        logits = net(window)
    assert "features" not in vars(net)
    (maps,) = seen
    weight = net.head.weight[label]
    expected = torch.relu((weight[:, :, None] * maps).sum(dim=1)) / 8
    torch.testing.assert_close(grad_cam(logits, maps, label), expected)


def test_the_pull_on_the_map_has_the_slope_that_small_steps_show() -> None:
    torch.manual_seed(1)
    net = Line().double()
    window, label = torch.randn(6, 1, 12).double(), torch.tensor([0, 1, 1, 0, 1, 0])
    mask = torch.rand(6, 12).double()

    def astray() -> torch.Tensor:
        maps = net.features(window)
        cam = grad_cam(net.head(maps.mean(dim=2)), maps, label)
        a, b = (x - x.mean(dim=1, keepdim=True) for x in (cam, mask))
        return (1 - (a * b).sum(1) / ((a * a).sum(1) * (b * b).sum(1) + 1e-8).sqrt()).mean()

    # Through the weights of the last layer, too, which only the slope of a slope can tell.
    for numbers in (net.head.weight, net.body.weight):
        net.zero_grad()
        astray().backward()  # type: ignore[no-untyped-call]
        slope = float(numbers.grad.flatten()[0])  # type: ignore[union-attr]
        found = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                numbers.view(-1)[0] += step
            found.append(astray().item())
            with torch.no_grad():
                numbers.view(-1)[0] -= step
        assert slope == pytest.approx((found[0] - found[1]) / 2e-6, rel=1e-3, abs=1e-7)
        assert slope != 0


def guide_of(weight: float, mask: torch.Tensor) -> Guidance:
    none = torch.zeros(len(mask), 0)
    return Guidance(Guide(weight=weight), (mask, none, none), 3, 2)


def test_only_beats_that_are_answered_right_and_have_a_mask_are_guided() -> None:
    torch.manual_seed(0)
    maps = torch.rand(4, 3, 6, requires_grad=True)
    logits = maps.mean(dim=2) @ torch.tensor([[1.0, -1], [1, -1], [1, -1]])
    right, wrong = torch.tensor([0, 0, 0, 0]), torch.tensor([1, 1, 1, 1])
    mask = torch.rand(4, 12)
    guided, none = guide_of(0.1, mask), torch.zeros(4, 0)
    assert guided(logits, maps, wrong, (mask, none, none)).item() == 0
    whole = guided(logits, maps, right, (mask, none, none)).item()
    assert 0 < whole < 0.2
    # One beat less: the mean of the three others.
    fewer = mask.clone()
    fewer[0] = 0
    cam = grad_cam(logits, maps, right)
    each = 1 - ncc(cam, mask.view(4, 6, 2).mean(dim=2))
    assert whole == pytest.approx(0.1 * each.mean().item(), rel=1e-5)
    three = guided(logits, maps, right, (fewer, none, none)).item()
    assert three == pytest.approx(0.1 * each[1:].mean().item(), rel=1e-5)


def test_the_distance_to_a_teacher_by_hand() -> None:
    teacher = torch.tensor([[4 * np.log(3), 0.0]], dtype=torch.float32)
    # Softened by 4 the teacher says 3/4 and the network 1/2.
    by_hand = 16 * (0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert float(distilled(torch.zeros(1, 2), teacher, 4.0)) == pytest.approx(by_hand, rel=1e-5)
    assert float(distilled(teacher + 7, teacher, 4.0)) == pytest.approx(0, abs=1e-6)


def test_the_second_head_hears_numbers_of_the_first_lead() -> None:
    """A recipe of two leads was refused: numbers were asked for of both."""
    more = ['input.leads=["one", "other"]', "guide.head=0.5", 'guide.side=["rr4"]']
    recipe = load_recipe("demo", [*more, "guide.reach=60"])
    data = prepare(recipe, 0)
    heard = _numbers(recipe, recipe.guide, data.store)
    assert heard.shape == (len(data.store.sample), 4)


@pytest.mark.parametrize(
    "assignments, text",
    [
        (["guide.wait=1"], "guide: key 'wait' is not known. Did you mean weight?"),
        (["guide.weight=-1"], "guide.weight: is -1. Give 0 or more, e.g. 0.1."),
        (["guide.head=1"], 'guide.side: is empty. Give ["rr", "template"], or head = 0.'),
        (['guide.side=["rrr"]'], "guide.side: 'rrr' is not known. Did you mean rr?"),
        (["guide.reach=0"], "guide.reach: is 0. Give seconds"),
        (["guide.weight=1", "augment.shift=3"], "augment.shift: changes beats in a way that"),
        (["guide.weight=1", "model.library=sklearn"], "guide: is for networks that classify beats"),
        (["objective.name=distillation", "objective.temperature=0"], "objective.temperature: is 0"),
        (["objective.temperature=4.0"], "is not used by cross-entropy"),
    ],
)
def test_a_guide_that_cannot_be_is_refused_in_one_sentence(
    assignments: list[str], text: str
) -> None:
    with pytest.raises(UsageError) as fault:
        load_recipe("demo", assignments)
    assert text in str(fault.value)


def test_a_recipe_without_a_guide_says_nothing_of_one_and_one_with_it_comes_back() -> None:
    assert "guide" not in to_toml(load_recipe("demo"))
    assert "temperature" not in to_toml(load_recipe("demo"))
    assert '[guide]\nweight = 0.1\nhead = 0.5\nside = ["rr4"]' in to_toml(
        load_recipe("demo", GUIDED)
    )


class Deaf(Line):
    """Answers past its own maps."""

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        return window[:, 0, :2]


def test_a_network_that_has_no_maps_before_its_answer_is_refused(data: Data) -> None:
    recipe = load_recipe("demo", [*SMALL, "guide.weight=0.1"])
    with pytest.raises(UsageError, match="guide: 'arrhythminet-v2' does not answer through"):
        guidance(recipe, data, Deaf())


@pytest.fixture(scope="module")
def data() -> Data:
    return prepare(load_recipe("demo", SMALL), 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("guided")
    train(load_recipe("demo", GUIDED), home / "guided")
    train(load_recipe("demo", SMALL), home / "plain")
    return home


def test_nothing_of_the_guide_is_in_the_network_that_is_kept(finished: Path) -> None:
    guided, plain = (load_file(finished / n / "weights.safetensors") for n in ("guided", "plain"))
    assert {k: v.shape for k, v in guided.items()} == {k: v.shape for k, v in plain.items()}
    assert any((guided[k] != plain[k]).any() for k in plain)
    said = [json.loads((finished / n / "metrics.json").read_text()) for n in ("guided", "plain")]
    assert said[0]["parameters"] == said[1]["parameters"]


def test_a_guide_of_weight_nought_changes_no_bit(finished: Path, tmp_path: Path) -> None:
    off = [*GUIDED, "guide.weight=0", "guide.head=0"]
    train(load_recipe("demo", off), tmp_path / "off")
    for name in ("weights.safetensors", "log.csv"):
        assert (tmp_path / "off" / name).read_bytes() == (finished / "plain" / name).read_bytes()


def test_a_guided_run_that_was_stopped_goes_on_to_the_same_bits(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, steps = Guidance.forward, []

    def stopped(self: Guidance, *given: torch.Tensor) -> torch.Tensor:
        steps.append(1)
        if len(steps) == 6:  # in the middle of the second epoch of four steps
            raise KeyError("stop")
        return plain(self, *given)  # type: ignore[arg-type]

    recipe = load_recipe("demo", GUIDED)
    with monkeypatch.context() as patch:
        patch.setattr(Guidance, "forward", stopped)
        with pytest.raises(KeyError, match="stop"):
            train(recipe, tmp_path / "run")
    train(recipe, tmp_path / "run", resume=True)
    for name in ("weights.safetensors", "log.csv"):
        whole = (finished / "guided" / name).read_bytes()
        assert (tmp_path / "run" / name).read_bytes() == whole


def test_a_small_net_is_taught_and_with_weight_nought_it_is_not(
    finished: Path, tmp_path: Path
) -> None:
    plain = load_file(finished / "plain" / "weights.safetensors")
    teacher = ["objective.name=distillation", f"objective.teacher={finished / 'guided'}"]
    for weight in (1, 0):
        run = tmp_path / str(weight)
        train(load_recipe("demo", [*SMALL, *teacher, f"objective.teacher_weight={weight}"]), run)
        weights = load_file(run / "weights.safetensors")
        assert any((weights[k] != plain[k]).any() for k in plain) == bool(weight)


def test_a_teacher_of_another_split_or_of_other_beats_is_refused(
    finished: Path, data: Data
) -> None:
    folder = finished / "guided"
    asked = load_recipe("demo", SMALL)
    assert taught(asked, folder, data).shape == (len(data.split.training), 3)
    beats, rows = data.split.beats, data.split.training.rows
    sides = {"training": TrainingSide(rows=rows[1:]), "protocol": "x"}
    other = replace(data, split=replace(data.split, **sides))  # type: ignore[arg-type]
    with pytest.raises(LeakError, match="the teacher has another training side than this run"):
        taught(asked, folder, other)
    held = replace(data.split, training=data.split.test, test=TestSide(rows=rows), beats=beats)
    with pytest.raises(LeakError, match="the teacher learnt from beat"):
        taught(asked, folder, replace(data, split=held))
    fewer = load_recipe("demo", [*SMALL, 'corpus.classes=["N", "V"]'])
    with pytest.raises(UsageError, match=r"the teacher has corpus\.classes"):
        taught(fewer, folder, data)
    made = load_recipe("demo", [*SMALL, "augment.premature=true"])
    with pytest.raises(UsageError, match=r"augment\.premature: makes beats that the teacher"):
        taught(made, folder, data)


@pytest.mark.parametrize("folder, where", [("", "objective.teacher"), ("nowhere", "nowhere")])
def test_a_teacher_that_is_not_there_is_named(data: Data, folder: str, where: str) -> None:
    with pytest.raises(DataError) as fault:
        taught(load_recipe("demo", SMALL), Path(folder), data)
    assert str(fault.value) == f"{where}: holds no finished run. Train the teacher first."


def test_exgnet_keeps_more_positions_where_time_is_halved_less() -> None:
    window = torch.zeros(2, 1, 180)
    for halved, positions in ((2, 12), (1, 23), (0, 45)):
        net = MODELS["exgnet"].build(leads=1, time=180, classes=4, side=0, halved=halved)
        assert net.features(window).shape[2] == positions
