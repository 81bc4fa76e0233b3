"""Splits: nobody on two sides, and a leak is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einthoven.corpora.mitdb import DS1, DS2, PACED
from einthoven.protocols import (
    PROTOCOLS,
    Beats,
    Split,
    TestSide,
    TrainingSide,
    ValidationSide,
)
from einthoven.protocols.inter_patient import VALIDATION
from einthoven.record import LeakError, UsageError


def beats(records: list[str], labels: list[int], subjects: dict[str, str] | None = None) -> Beats:
    record = np.array(records)
    subject = np.array([(subjects or {}).get(r, f"subject {r}") for r in records])
    return Beats(
        record=record, subject=subject, sample=np.arange(len(records)), label=np.array(labels)
    )


def mitdb_like(each: int = 12) -> Beats:
    records = [r for r in (*DS1, *DS2, *PACED) for _ in range(each)]
    return beats(records, [i % 5 for i in range(len(records))], {"201": "x", "202": "x"})


@given(seed=st.integers(0, 99), strict=st.booleans(), each=st.integers(1, 20))
def test_inter_patient_has_no_subject_on_two_sides(seed: int, strict: bool, each: int) -> None:
    split = PROTOCOLS["inter-patient"].split(mitdb_like(each), seed=seed, strict=strict)
    sides = [set(split.beats.subject[s.rows].tolist()) for s in split.sides.values()]
    shared = (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    assert shared == (set() if strict else {"x"})
    assert split.exceptions == (() if strict else ("x",))
    records = {n: set(split.beats.record[s.rows].tolist()) for n, s in split.sides.items()}
    assert records["validation"] == set(VALIDATION)
    assert records["test"] == set(DS2)
    assert records["training"] == set(DS1) - set(VALIDATION) - ({"201"} if strict else set())


@given(labels=st.lists(st.integers(-1, 4), min_size=200, max_size=400), seed=st.integers(0, 99))
def test_intra_patient_is_stratified_and_gives_each_beat_to_one_side(
    labels: list[int], seed: int
) -> None:
    divided = beats([str(i % 7) for i in range(len(labels))], labels)
    split = PROTOCOLS["intra-patient"].split(divided, seed=seed)
    rows = np.concatenate([s.rows for s in split.sides.values()])
    assert sorted(rows.tolist()) == np.flatnonzero(np.array(labels) >= 0).tolist()
    for label in range(5):
        n = labels.count(label)
        in_test = int((divided.label[split.test.rows] == label).sum())
        assert abs(in_test - 0.1 * n) <= 1


def test_the_same_seed_draws_the_same_beats() -> None:
    draw = PROTOCOLS["intra-patient"].split
    one, same, other = (draw(mitdb_like(), seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.test.rows, same.test.rows)
    assert not np.array_equal(one.test.rows, other.test.rows)


def test_the_leaky_protocol_says_so_and_the_other_names_its_exception() -> None:
    assert "leaky" in PROTOCOLS["intra-patient"].split(mitdb_like(), seed=0).title
    assert "x on two sides" in PROTOCOLS["inter-patient"].split(mitdb_like(), seed=0).title


def test_a_leaking_split_is_refused() -> None:
    divided = beats(["a", "b", "c", "d"], [0, 0, 0, 0], {"a": "one", "d": "one"})
    with pytest.raises(LeakError, match="subject one is in training and test"):
        PROTOCOLS["inter-patient"].split(
            divided, seed=0, train=("a", "b", "c"), validation=("b",), test=("d",)
        )


def test_a_beat_on_two_sides_is_refused_even_where_patients_may_be() -> None:
    with pytest.raises(LeakError, match="beat 1 of record b is in training and validation"):
        Split(
            protocol="intra-patient", beats=beats(["a", "b", "c"], [0, 0, 0]), leaky=True,
            training=TrainingSide(rows=np.array([0, 1])),
            validation=ValidationSide(rows=np.array([1])), test=TestSide(rows=np.array([2])),
        )  # fmt: skip


def test_a_record_that_is_not_there_is_refused_by_name() -> None:
    divided = beats(["a", "b", "c"], [0, 0, 0])
    with pytest.raises(UsageError, match="'z' has no beats"):
        PROTOCOLS["inter-patient"].split(divided, seed=0, train=("a", "b"), test=("z",))


def test_records_named_without_some_for_validation_are_refused_by_the_key() -> None:
    divided = beats(["a", "b", "c"], [0, 0, 0])
    with pytest.raises(UsageError, match=r"protocol\.validation: names no record, though train"):
        PROTOCOLS["inter-patient"].split(divided, seed=0, train=("a", "b"), test=("c",))


def test_intra_patient_takes_no_strict_variant() -> None:
    with pytest.raises(UsageError, match="strict"):
        PROTOCOLS["intra-patient"].split(mitdb_like(), seed=0, strict=True)
