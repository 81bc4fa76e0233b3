"""A results file is committed and run folders are not: what was judged elsewhere is not lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from einthoven.suites import _kept
from einthoven.suites._twelve_plan import Item, plan
from einthoven.training._recipe import load_recipe


def _row(name: str, seeds: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "runs": [0] * seeds} | more


def _rows(now: list[Any], before: list[Any]) -> list[Any]:
    return _kept.rows(now, before, key=lambda r: r["name"], seeds=lambda r: len(r["runs"]))


def test_a_row_without_runs_stays_where_it_stood_and_is_marked() -> None:
    found = _rows([_row("a", 1), _row("c", 1)], [_row("a", 1), _row("b", 2), _row("d", 1)])
    assert [r["name"] for r in found] == ["a", "b", "d", "c"]
    assert [r.get("kept") for r in found] == [None, True, True, None]


@pytest.mark.parametrize(
    ("now", "before", "replaced"),
    [
        (_row("a", 2), _row("a", 1), True),
        (_row("a", 1), _row("a", 1), True),
        (_row("a", 1), _row("a", 3), False),
        (_row("a", 3), _row("a", 1, gap=0.1), False),
        (_row("a", 3), _row("a", 1, gap=None), True),
        (_row("a", 3, gap=0.2), _row("a", 1, gap=0.1, kept=True), True),
        (_row("a", 1, recipe="new"), _row("a", 3, gap=0.1, recipe="old"), True),
        (_row("a", 1, recipe="known"), _row("a", 3), False),
        (_row("a", 1, recipe="same"), _row("a", 3, recipe="same"), False),
    ],
)
def test_what_tells_less_of_the_same_recipe_replaces_nothing(
    now: dict[str, Any], before: dict[str, Any], replaced: bool
) -> None:
    (row,) = _rows([now], [before])
    assert row == (now if replaced else before | {"kept": True})


def test_a_row_that_was_kept_is_marked_no_more_once_its_runs_are_here() -> None:
    kept = _rows([], [_row("a", 1)])
    assert _rows([_row("a", 1)], kept) == [_row("a", 1)]


def test_a_recipe_has_one_digest_for_all_its_seeds_and_places(tmp_path: Path) -> None:
    def name(item: Item) -> str:
        return item.recipe.name

    here = _kept.digests(plan(tmp_path / "a"), tmp_path / "a", name)
    there = _kept.digests(plan(tmp_path / "b", seeds=(2, 1)), tmp_path / "b", name)
    # What is taught names its teacher's seed.
    assert {n for n in here if here[n] != there[n]} == {"beat-net-taught", "beat-net-taught-noise"}
    assert here == _kept.digests(plan(tmp_path / "b"), tmp_path / "b", name)
    assert here["heartbeatai"] != here["heartbeatai-erm"]


def test_another_title_makes_no_other_recipe_and_another_rate_does(tmp_path: Path) -> None:
    item = plan(tmp_path)[0]
    first, titled, quicker = (
        _kept.digests([replace(item, recipe=load_recipe("cnn", sets))], tmp_path, type)
        for sets in ((), ("title=other",), ("optimiser.learning_rate=0.5",))
    )
    assert first == titled != quicker


def test_the_note_names_each_once_and_says_nothing_of_nothing() -> None:
    assert _kept.note([]) == []
    (note,) = _kept.note(["b", "a", "b"])
    assert note.endswith(": b, a")
