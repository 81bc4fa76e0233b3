"""Every shipped model: small, complete, as its card says, and usable without torch."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest

from einthoven.bundle import default_model, load_model, zoo_names
from einthoven.inputs import side_names
from einthoven.record import UsageError
from einthoven.record.inputspec import PROFILES, InputSpec

ZOO = Path(str(files("einthoven"))) / "zoo"


def test_models_are_small() -> None:
    sizes = {p: p.stat().st_size for p in ZOO.rglob("*") if p.is_file()}
    of = {name: sum(s for p, s in sizes.items() if p.parent.name == name) for name in zoo_names()}
    waves, twelve, rhythm = of.pop("waves"), of.pop("twelve"), of.pop("rhythm")
    assert sum(of.values()) < 1_000_000
    assert waves < 1_000_000
    assert rhythm < 200_000
    assert twelve < 5_000_000


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("task", ["peaks", "beat", "waves"])
def test_each_profile_has_its_default(task: str, profile: str) -> None:
    model = default_model(task, profile)
    assert model is not None
    assert profile in model.card.profiles


def test_there_is_one_default_a_task_and_profile() -> None:
    pairs = [
        (card.task, profile)
        for card in (load_model(name).card for name in zoo_names())
        if card.default
        for profile in card.profiles
    ]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("name", zoo_names())
def test_a_card_says_what_it_is_made_of_and_good_for(name: str) -> None:
    bundle = load_model(name)
    card = bundle.card
    assert card.name == name
    assert card.title
    assert card.recipe
    assert card.protocol
    assert card.figures
    assert card.data
    assert card.licence
    assert any("medical" in limit.lower() for limit in card.limits)
    for index in range(len(card.stages)):
        assert bundle.stage_bytes(index)


# Of peaks the card inside is that of training, for a net with a state.
@pytest.mark.parametrize("name", [n for n in zoo_names() if load_model(n).card.task != "peaks"])
def test_the_card_inside_a_model_file_says_what_the_card_beside_it_says(name: str) -> None:
    bundle = load_model(name)
    props = onnx.load_from_string(bundle.stage_bytes(0)).metadata_props
    inside = json.loads(next(p.value for p in props if p.key == "einthoven.card"))
    beside = json.loads((bundle.path / "card.json").read_text())
    for card in (inside, beside):
        for stage in card["stages"]:
            del stage["sha256"]  # the digest of a file cannot stand in it
    # A second stage, and figures of later tests, come to the card beside it.
    beside["stages"] = beside["stages"][: len(inside["stages"])]
    inside["figures"] = {**beside["figures"], **inside["figures"]}
    if name == "rhythm":
        beside.pop("usual")
    assert inside == beside


@pytest.mark.parametrize("name", [n for n in zoo_names() if load_model(n).card.task == "beat"])
def test_a_beat_model_answers_with_probabilities(name: str) -> None:
    bundle = load_model(name)
    spec = bundle.card.stages[0].input
    time = round(sum(spec.window) * spec.rate)
    rng = np.random.default_rng(0)
    p = bundle.predict(
        {
            "window": rng.normal(size=(7, 1, time)).astype(np.float32),
            "side": _numbers(7 + sum(spec.neighbours), spec),
        }
    )
    assert p.shape == (7, len(bundle.card.classes))
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (p >= 0).all()


def _numbers(rows: int, spec: InputSpec) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(rows, len(side_names(spec)))).astype(np.float32)


def test_trees_answer_for_one_beat_as_for_many() -> None:
    bundle = load_model("aami-live")
    side = _numbers(64, bundle.card.stages[0].input)
    together = bundle.predict({"side": side})
    alone = np.concatenate([bundle.predict({"side": row[None]}) for row in side])
    np.testing.assert_array_equal(together, alone)


def test_a_beat_depends_on_the_neighbours_its_spec_names_and_on_no_other() -> None:
    bundle = load_model("aami-review")
    spec = bundle.card.stages[0].input
    before, after = spec.neighbours
    side = _numbers(before + 64 + after, spec)
    time = round(sum(spec.window) * spec.rate)
    window = np.random.default_rng(2).normal(size=(64, 1, time)).astype(np.float32)
    together = bundle.predict({"side": side, "window": window})
    assert together.shape == (64, len(bundle.card.classes))
    for beat in (0, 20, 63):
        alone = bundle.predict(
            {"side": side[beat : beat + before + 1 + after], "window": window[beat : beat + 1]}
        )
        np.testing.assert_allclose(alone[0], together[beat], atol=1e-5)
    several = np.stack([side[b : b + before + 1 + after] for b in (3, 20, 63)])
    apart = bundle.predict({"side": several, "window": window[[3, 20, 63]]})
    np.testing.assert_allclose(apart, together[[3, 20, 63]], atol=1e-5)
    changed = side.copy()
    changed[40] += 3
    change = bundle.predict({"side": changed, "window": window}) - together
    moved = np.flatnonzero(np.abs(change).max(axis=1) > 1e-6)
    assert 40 - before in moved
    assert moved.min() >= 40 - before - after
    assert moved.max() <= 40


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("arrhythminet-v2", np.zeros((2, 1, 300), np.float32), r"\(2, 1, 300\).*\(item, 1, 360\)"),
        ("arrhythminet-v2", np.zeros((360,), np.float32), r"\(360\).*\(item, 1, 360\)"),
        ("rhythm", np.zeros((1, 2, 3000), np.float32), "lacks the input 'side'"),
    ],
)
def test_another_shape_is_refused_in_words(name: str, array: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_model(name).predict(array)
