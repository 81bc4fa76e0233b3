"""Answers: what is judged of whole records survives the file, and nonsense is refused."""

from pathlib import Path

import numpy as np
import pytest

from einthoven.evaluation.answers import Answers, joined
from einthoven.record import DataError, UsageError


def answers(n: int = 6, **changed: object) -> Answers:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, (n, 3)).astype(np.float32)
    label[0, 1] = np.nan
    columns = {
        "classes": ("A", "B", "C"),
        "part": np.array(["validation", "test"] * (n // 2)),
        "corpus": np.array(["ptbxl"] * n),
        "record": np.array([str(i) for i in range(n)]),
        "subject": np.array([f"p{i // 2}" for i in range(n)]),
        "domain": np.array(["x"] * n),
        "fold": np.arange(n),
        "label": label,
        "logits": rng.normal(size=(n, 3)).astype(np.float32),
    }
    return Answers(**{**columns, **changed})  # type: ignore[arg-type]


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    table = answers(offsets=np.array([1.0, 0, -1]), temperature=np.array([1.0, 2, 3]))
    table.save(tmp_path / "answers.npz")
    again = Answers.load(tmp_path / "answers.npz")
    for name in ("part", "corpus", "record", "subject", "domain", "fold", "label", "logits"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    np.testing.assert_array_equal(again.probabilities, table.probabilities)


def test_offsets_and_temperatures_are_of_each_class_and_neutral_by_default() -> None:
    table = answers()
    np.testing.assert_allclose(table.probabilities, 1 / (1 + np.exp(-table.logits.astype(float))))
    bent = answers(offsets=np.array([1.0, 0, 0]), temperature=np.array([1.0, 2, 1]))
    expected = (table.logits.astype(float) + np.array([1, 0, 0])) / np.array([1, 2, 1])
    np.testing.assert_allclose(bent.probabilities, 1 / (1 + np.exp(-expected)))


def test_parts_and_rows_are_chosen_with_all_their_columns() -> None:
    table = answers()
    assert table.of("test").record.tolist() == ["1", "3", "5"]
    assert table.where(table.fold > 3).fold.tolist() == [4, 5]
    with pytest.raises(UsageError, match="training"):
        table.of("training")


def test_a_record_of_an_unknown_person_stands_for_itself() -> None:
    table = answers(subject=np.array(["", "", "p", "p", "q", "q"]))
    assert table.person.tolist() == ["ptbxl/0", "ptbxl/1", "p", "p", "q", "q"]


def test_tables_of_held_out_folds_are_joined_with_their_own_calibration() -> None:
    one = answers(temperature=np.full(3, 2.0))
    two = answers(record=np.array(list("abcdef")))
    both = joined([one, two])
    np.testing.assert_allclose(both.probabilities[:6], one.probabilities, rtol=1e-6)
    np.testing.assert_allclose(both.probabilities[6:], two.probabilities, rtol=1e-6)
    with pytest.raises(UsageError, match="twice"):
        joined([one, one])
    with pytest.raises(UsageError, match="same classes"):
        joined([one, answers(classes=("A", "B", "D"))])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"classes": ("A", "B")}, "classes"),
        ({"fold": np.arange(2)}, "unequal"),
        ({"label": np.full((6, 3), 2, np.float32)}, "neither 0 nor 1"),
        ({"logits": np.full((6, 3), np.nan, np.float32)}, "not a number"),
        ({"part": np.array(["training"] * 6)}, "part"),
        ({"temperature": np.array([1.0, 0, 1])}, "temperatures"),
        ({"offsets": np.zeros(2)}, "offsets"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        answers(**changed)


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Answers.load(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(DataError, match="lacks"):
        Answers.load(tmp_path / "other.npz")
    np.savez(tmp_path / "pickled.npz", classes=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        Answers.load(tmp_path / "pickled.npz")
