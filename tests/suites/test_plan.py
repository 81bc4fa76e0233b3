"""What the suite mitdb plans to train, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from einthoven.suites import _plan
from einthoven.suites._plan import plan
from einthoven.training import _synthetic
from einthoven.training._generator import Making
from einthoven.training._recipe import Recipe


def test_the_plan_has_each_system_under_both_protocols_and_finds_old_runs(tmp_path: Path) -> None:
    items, left = plan(tmp_path)
    folders = {i.folder.relative_to(tmp_path).as_posix() for i in items}
    assert len(folders) == len(items), "two runs share a folder"
    assert {
        "arrhythminet-v1-nlrav-intra/seed-0", "arrhythminet-v2-nlrav-inter/seed-2",
        "cnn-aami-inter/seed-0", "cnn-lstm-aami-intra/seed-1", "cnn-aami-inter-plain/seed-0",
        "resnet1d-aami-inter-gan/seed-0", "aami-review/seed-0",
    } <= folders  # fmt: skip
    told = {i.system for i in items} | {note.split(":")[0] for note in left}
    assert set(_plan.SYSTEMS) <= told


def test_each_recipe_of_the_plan_is_of_its_folder(tmp_path: Path) -> None:
    for item in plan(tmp_path)[0]:
        recipe = item.recipe
        assert recipe.seeds == (item.seed,)
        assert recipe.protocol.name == _plan.PROTOCOL[item.side]
        assert recipe.corpus.labels == item.labels
        assert recipe.corpus.classes == _plan.CLASSES[item.labels, item.side]
        assert recipe.augment.get("premature", False) == (
            item.variant == "plain" or (not item.variant and "premature" in recipe.augment)
        )


def test_a_first_look_at_everything_comes_first_and_the_generator_before_its_beats(
    tmp_path: Path,
) -> None:
    items, _ = plan(tmp_path)
    keys = [(list(_plan.VARIANTS).index(i.variant), i.seed) for i in items if i.system != "wgan"]
    assert keys == sorted(keys)
    generators = {i.folder.as_posix(): k for k, i in enumerate(items) if i.system == "wgan"}
    eaten: dict[str, list[int]] = {}
    for k, item in enumerate(items):
        if item.system != "wgan" and item.recipe.augment.get("synthetic"):
            eaten.setdefault(str(item.recipe.augment["synthetic"]), []).append(k)
    assert set(eaten) == set(generators)
    assert all(generators[path] < min(eaters) for path, eaters in eaten.items())


def test_within_patients_each_seed_has_a_generator_of_its_own_split(tmp_path: Path) -> None:
    items = {(i.recipe.name, i.seed): i for i in plan(tmp_path)[0]}
    for seed in _plan.SEEDS:
        generator = items["wgan-aami-intra", seed]
        for system in _plan.FOUR:
            eater = items[f"{system}-aami-intra-{_plan.METHOD}", seed]
            assert eater.recipe.augment["synthetic"] == generator.folder.as_posix()
            assert eater.recipe.objective.name == "focal"
            assert eater.recipe.protocol == generator.recipe.protocol
            assert eater.recipe.corpus == generator.recipe.corpus


def test_who_eats_generated_beats_eats_windows_of_their_length(tmp_path: Path) -> None:
    items, left = plan(tmp_path)
    made = {i.folder.as_posix(): i.recipe.input.windows for i in items if i.system == "wgan"}
    eaters = [i.recipe for i in items if i.variant in ("gan", _plan.METHOD)]
    assert all(made[str(r.augment["synthetic"])] == r.input.windows for r in eaters)
    assert {Path(folder).parent.name for folder in made} == {
        "wgan-aami-inter", "wgan-aami-intra", "wgan-self-onn-aami-inter",
    }  # fmt: skip
    assert not [n for n in left if "makes other windows" in n]


def test_windows_that_no_generator_makes_are_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _plan.load_recipe

    def slower(name: str, changes: Sequence[str] = ()) -> Recipe:
        return read(name, ["input.rate=180", *changes] if name == "cnn" else changes)

    monkeypatch.setattr(_plan, "load_recipe", slower)
    items, left = plan(tmp_path, ["cnn"])
    assert "gan" not in {i.variant for i in items}
    assert "cnn-aami-inter-gan: the generator makes other windows than this system eats" in left


def test_the_planned_generator_makes_the_classes_of_premature_beats_and_no_other(
    tmp_path: Path,
) -> None:
    generators = [i.recipe for i in plan(tmp_path)[0] if i.system == "wgan"]
    assert {frozenset(Making.of(g).rare) for g in generators} == {
        frozenset(_synthetic._NAMES["aami"])
    }


def test_a_system_without_a_recipe_is_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tuple(n for n in _plan.names() if n != "cnn-lstm")
    monkeypatch.setattr(_plan, "names", lambda: known)
    items, left = plan(tmp_path)
    assert "cnn-lstm" not in {i.system for i in items}
    assert any(note.startswith("cnn-lstm:") for note in left)


def test_each_system_is_asked_within_patients_and_rows_without_made_beats(tmp_path: Path) -> None:
    items, left = plan(tmp_path)
    within = {i.system for i in items if i.side == "intra"}
    assert within - {_plan.GENERATOR} == set(_plan.SYSTEMS)
    assert any("within patients none, for these would be made from tested" in n for n in left)
    for item in items:
        if item.side == "intra" and item.recipe.model.library == _plan.ROWS:
            assert item.recipe.augment["kinds"] == []
            assert item.folder.parent.name == f"{item.system}-aami-intra"
    within = {(i.system, i.variant) for i in items if i.variant and i.side == "intra"}
    of_four = {(s, variant) for s in _plan.FOUR for variant in (_plan.METHOD, _plan.LEADS)}
    assert within == of_four | {("cnn-lstm", "gan"), ("cnn-lstm", "focal")}
    for item in items:
        two = item.recipe.input.leads == ("one", "other")
        assert two == (item.variant == _plan.LEADS)
    assert any(n.startswith("plain augmentation and generated beats: inter-patient") for n in left)


def test_what_is_added_between_patients_is_asked_of_every_system_once(tmp_path: Path) -> None:
    items, left = plan(tmp_path)
    whole = {i.system for i in items if not i.variant} - {_plan.GENERATOR, _plan.DEFAULT}
    of_rows = {"boosting", "beat-sequence"}
    for variant in _plan.ONCE:
        asked = [i for i in items if (i.side, i.variant) == ("inter", variant)]
        seeds = {i.seed for i in asked if i.system == _plan.DEFAULT}
        assert seeds == ({0, 1, 2, 3, 4} if variant == "strict" else set())
        others = [(i.system, i.seed) for i in asked if i.system != _plan.DEFAULT]
        unfit = {n.split(f"-aami-inter-{variant}:")[0] for n in left if f"-{variant}:" in n}
        unfit |= set() if variant == "strict" else of_rows
        assert sorted(others) == sorted((system, 0) for system in whole - unfit)
        assert all(i.recipe.protocol.strict == (variant == "strict") for i in asked)
        assert len({i.folder for i in asked}) == len(asked)
    for variant in ("gan", "focal", _plan.METHOD, _plan.LEADS):
        seeds = {i.seed for i in items if (i.side, i.variant) == ("intra", variant)}
        assert seeds == set(_plan.SEEDS)


def test_whoever_is_told_the_patient_is_told_another_one_too(tmp_path: Path) -> None:
    items, _ = plan(tmp_path)
    told = {i.system for i in items if "patient" in i.recipe.input.side}
    exchanged = [i for i in items if "patient-exchanged" in i.recipe.input.side]
    assert told == {i.system for i in exchanged} == {_plan.TOLD}
    assert {i.seed for i in exchanged} == set(_plan.SEEDS)
    plain = {i.seed: i for i in items if i.recipe.name == f"{_plan.TOLD}-aami-inter"}
    for item in exchanged:
        assert item.variant == "exchanged"
        side = plain[item.seed].recipe.input.side
        other = tuple("patient-exchanged" if name == "patient" else name for name in side)
        assert item.recipe.input.side == other
