"""What stands beside the figures of the comparison, and that it is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from einthoven.suites._mitdb_said import eaten, weights, without_control
from einthoven.suites._plan import Item, plan


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return plan(Path("runs"), seeds=(0,))[0]


def test_what_each_system_eats_beside_the_wave_and_which_learn_from_beats_made_after_232(
    items: list[Item],
) -> None:
    told = {(r["system"], r["variant"]): r for r in eaten(items)}
    assert told["cnn", ""]["numbers"] == 147
    assert told["recognition", ""]["numbers"] == 151
    assert (told["cnn", ""]["ahead"], told["aami-live", ""]["ahead"]) == (600.0, 1.0)
    assert told["cnn", ""]["window"]
    assert not told["boosting", ""]["window"]
    known = {key for key, r in told.items() if r["dominant"]}
    assert known >= {
        ("boosting", ""), ("beat-sequence", ""), ("aami-review", ""), ("aami-live", ""),
        ("cnn", "plain augmentation"),
    }  # fmt: skip
    assert not known & {("cnn", ""), ("cnn", "generated beats"), ("exgnet", "")}


def _row(name: str, validation: float, **more: Any) -> dict[str, Any]:
    row = {"name": name, "kind": "network", "variant": "", "runs": [{}]}
    return row | {"validation_macro_f1": validation} | more


def test_weights_of_ensembles_judged_before_are_those_of_their_members() -> None:
    members = [_row("a", 0.6), _row("b", 0.2), _row("c", 0.4)]
    mixed = _row("ensemble top2-weighted", 0.7, kind="ensemble", members=["a", "b", "c"])
    kept = mixed | {"weights": [{"a": 1.0}]}
    many = mixed | {"runs": [{}, {}]}
    table = {"systems": [*members, mixed, kept, many]}
    assert weights(mixed, table) == [pytest.approx({"a": 0.6, "b": 0.0, "c": 0.4})]
    assert weights(kept, table) == [{"a": 1.0}]
    assert weights(many, table) == [], "of several seeds the mean score tells nobody's weights"


def test_a_table_of_networks_without_the_control_is_told() -> None:
    control = _row("boosting on windows", 0.5, kind="boosting")
    found = {
        "a": {"systems": [_row("cnn", 0.5)]}, "b": {"systems": [_row("cnn", 0.5), control]},
        "c": {"systems": [_row("trees", 0.5, kind="boosting")]},
    }  # fmt: skip
    (note,) = without_control(found)
    assert "boosting on windows" in note
    assert note.endswith("not yet in a")
    assert without_control({"b": found["b"]}) == []
