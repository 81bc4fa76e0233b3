from pathlib import Path

import numpy as np
import pytest

from einthoven.evaluation.predictions import Predictions
from einthoven.record.errors import DataError, UsageError


def table(**changes: object) -> Predictions:
    values: dict[str, object] = {
        "classes": ("N", "V"),
        "part": np.array(["validation", "test", "test"]),
        "record": np.array(["101", "100", "100"]),
        "sample": np.array([5, 6, 7]),
        "label": np.array([0, 1, -1]),
        "logits": np.array([[1, 0], [1, 0], [0, 3]], np.float32),
        **changes,
    }
    return Predictions(**values)  # type: ignore[arg-type]


def test_a_table_survives_the_file(tmp_path: Path) -> None:
    before = table(offsets=np.array([0.0, 2.0]), temperature=1.5)
    before.save(tmp_path / "predictions.npz")
    after = Predictions.load(tmp_path / "predictions.npz")
    for name in ("part", "record", "sample", "label", "logits", "offsets"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert (after.classes, after.temperature) == (("N", "V"), 1.5)
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.npz"]


def test_offsets_change_the_choice() -> None:
    assert table().choice.tolist() == [0, 0, 1]
    assert table(offsets=np.array([0.0, 2.0])).choice.tolist() == [1, 1, 1]


def test_parts_are_told_apart() -> None:
    assert table().of("test").sample.tolist() == [6, 7]
    with pytest.raises(UsageError, match="validation or test"):
        table().of("train")


def test_labels_by_name_and_classes_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    np.savez(
        path, part=["test", "test"], record=["100", "100"], sample=[1, 2], label=["V", "Q"],
        logits=np.zeros((2, 2), np.float32),
    )  # fmt: skip
    assert Predictions.load(path, classes=("N", "V")).label.tolist() == [1, -1]
    with pytest.raises(DataError, match="lacks classes"):
        Predictions.load(path)


def test_damaged_or_pickled_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="cannot be read"):
        Predictions.load(path)
    np.savez(path, part=np.array([{}], object))
    with pytest.raises(DataError, match="cannot be read"):
        Predictions.load(path)
    with pytest.raises(DataError, match="cannot be read"):
        Predictions.load(tmp_path / "absent.npz")


def test_columns_must_fit() -> None:
    for changes in (
        {"label": np.array([0, 1])},
        {"label": np.array([0, 1, 2])},
        {"classes": ("N",)},
        {"offsets": np.zeros(3)},
        {"temperature": 0.0},
    ):
        with pytest.raises(UsageError):
            table(**changes)
