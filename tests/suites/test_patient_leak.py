"""Whether patient data leak is asked of each training once, on the validation side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from einthoven.record import DataError
from einthoven.suites._patient_leak import patient_leaks
from einthoven.suites._runs import Run, read_run
from einthoven.training import patients
from einthoven.training.patients import LeakCheck


@pytest.fixture
def told(make_run: Any) -> Run:
    """A run that is told age and sex."""
    folder = make_run("recognition")
    with (folder / "recipe.toml").open("a", encoding="utf-8") as file:
        file.write('[input]\nside = ["rr", "patient"]\n')
    return read_run(folder)


def test_a_training_is_asked_once_and_on_its_validation_side(
    told: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def check(run: Path, *, part: str, times: int) -> LeakCheck:
        asked.append(f"{run.name} {part} {times}")
        return LeakCheck(people=3, told=0.5, exchanged=(0.4, 0.7), withheld=0.45)

    monkeypatch.setattr(patients, "check_run", check)
    notes: list[str] = []
    first = patient_leaks({"recognition": [told]}, notes)
    assert first["recognition"]["exchanged"] == {"mean": 0.55, "least": 0.4, "most": 0.7}
    assert (first["recognition"]["people"], first["recognition"]["times"]) == (3, 2)
    assert (first["recognition"]["chance"], first["recognition"]["leaks"]) == (2 / 3, None)
    assert patient_leaks({"recognition": [told]}, notes) == first
    assert asked == ["recognition-0 validation 20"], "the test side is not looked at"
    (told.path / "patient_leak.json").write_text('{"of": "of others", "asked": 20}')
    assert patient_leaks({"recognition": [told]}, notes) == first
    assert len(asked) == 2, "another training is never answered by what was kept"
    assert notes == []


def test_who_is_not_told_is_not_asked_and_without_recordings_a_note_is_left(
    told: Run, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: Any, **__: Any) -> LeakCheck:
        raise DataError("mitdb", "holds no record", "Load it")

    monkeypatch.setattr(patients, "check_run", check)
    folder = make_run("cnn")
    with (folder / "recipe.toml").open("a", encoding="utf-8") as file:
        file.write('[input]\nside = ["rr"]\n')
    notes: list[str] = []
    assert patient_leaks({"cnn": [read_run(folder)], "recognition": [told]}, notes) == {}
    (note,) = notes
    assert note.startswith("recognition, whether patient data leak: mitdb")
