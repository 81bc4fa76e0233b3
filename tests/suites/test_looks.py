import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError
from einthoven.suites import _looks, _plan


def look(results: Path, answers: str, system: str = "a") -> int:
    return _looks.count(
        results, system=system, side="mitdb DS2", answers=answers, why="w", command="c"
    )


def test_the_same_answers_are_the_same_look(tmp_path: Path) -> None:
    assert [look(tmp_path, a) for a in ("1", "1", "2", "1")] == [1, 1, 2, 2]
    assert look(tmp_path, "1", system="b") == 1
    assert [x["answers"] for x in _looks.read(tmp_path)] == ["1", "2", "1"]


def test_a_look_is_booked_under_its_system_whatever_its_run_is_called(tmp_path: Path) -> None:
    """Two suites asked the same trained models, and the book had each under two names."""
    book = tmp_path / "looks.json"
    old = {"system": "net-nlrav-inter", "side": "mitdb DS2", "answers": "1"}
    book.write_text(json.dumps({"looks": [old]}))
    assert look(tmp_path, "1", system="net") == 1
    assert look(tmp_path, "2", system="net-nlrav-inter") == 2
    assert look(tmp_path, "2", system="net") == 2
    assert [x["system"] for x in _looks.read(tmp_path)] == ["net-nlrav-inter", "net"]


def test_every_run_of_the_plan_is_booked_as_its_system(tmp_path: Path) -> None:
    items, _ = _plan.plan(tmp_path)
    judged = [i for i in items if i.system != _plan.GENERATOR]
    assert all(_looks.system_of(i.recipe.name) == i.system for i in judged)
    assert _looks.system_of("control-nlrav-inter-patient") == _looks.CONTROL
    for name in ("aami-live", "beat-net-taught-noise", "ensemble top2-mean", "twelve (shipped)"):
        assert _looks.system_of(name) == name


def test_no_look_is_lost_when_many_look_at_once(tmp_path: Path) -> None:
    threads = [threading.Thread(target=look, args=(tmp_path, str(i))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_looks.read(tmp_path)) == 12


def test_a_fingerprint_knows_answers_not_their_order(
    answers: Callable[..., Predictions],
) -> None:
    first = answers(("100", "103"), "test", ("N", "V"), 0.9, 0)
    turned = first.where(first.label >= -1)
    turned = type(first)(
        classes=first.classes,
        **{n: getattr(first, n)[::-1] for n in ("part", "record", "sample", "label", "logits")},
    )
    assert _looks.fingerprint(first) == _looks.fingerprint(turned)
    assert _looks.fingerprint(first) != _looks.fingerprint(
        answers(("100", "103"), "test", ("N", "V"), 0.9, 1)
    )


def test_a_damaged_book_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "looks.json").write_text("{}")
    with pytest.raises(DataError, match="no book of looks"):
        look(tmp_path, "1")
    assert (tmp_path / "looks.json").read_text() == "{}"
