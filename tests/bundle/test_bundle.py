"""A damaged or hostile bundle is refused in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.bundle import Bundle, Card, load_model
from einthoven.record import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(load_model("rpeaks").path, tmp_path / "mine"))


def _edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    card.update(changes)
    (folder / "card.json").write_text(json.dumps(card))


def test_a_bundle_opens_by_folder_or_card(folder: Path) -> None:
    by_name = load_model("rpeaks")
    for path in (folder, folder / "card.json", str(folder)):
        assert load_model(path).sha256 == by_name.sha256


def test_a_card_comes_back_from_its_json() -> None:
    card = load_model("rpeaks").card
    assert Card.from_json(card.to_json(), "here") == card


def test_a_changed_stage_is_refused(folder: Path) -> None:
    stage = next(folder.glob("*.onnx"))
    data = bytearray(stage.read_bytes())
    data[len(data) // 2] ^= 1
    stage.write_bytes(data)
    with pytest.raises(DataError, match="SHA-256 on its card"):
        Bundle(folder).run({"side": np.zeros((1, 98), np.float32)})


@pytest.mark.parametrize("name", ["../secret.onnx", "/etc/passwd", "a/b.onnx"])
def test_a_stage_outside_the_folder_is_refused(folder: Path, name: str) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["stages"][0]["file"] = name
    _edit(folder, stages=card["stages"])
    with pytest.raises(DataError, match="leaves the folder"):
        Bundle(folder).stage_bytes(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "null",
        '{"name": 3}',
        "{" * 500,
        "[" * 100_000,
        '{"name": "x", "colour": 1}',
    ],
)
def test_what_is_no_card_is_refused(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text)
    with pytest.raises(DataError):
        Bundle(folder)


def test_an_unknown_model_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="aami-review"):
        load_model("aami-revue")
    with pytest.raises(DataError, match=r"no card\.json"):
        load_model(tmp_path)
