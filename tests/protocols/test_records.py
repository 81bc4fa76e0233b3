"""Splits of whole records: nobody on two sides, and what cannot be known is said."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einthoven.corpora import CORPORA
from einthoven.protocols import RECORD_PROTOCOLS, Examples, RecordSplit
from einthoven.protocols._shared import shared_table
from einthoven.record import LeakError, UsageError

CLASSES = ("MI", "HYP")


def examples(
    subjects: Sequence[str],
    *,
    domains: Sequence[str] | None = None,
    folds: Sequence[int] | None = None,
    corpus: Sequence[str] | None = None,
    records: Sequence[str] | None = None,
    label: object = None,
) -> Examples:
    n = len(subjects)
    return Examples(
        classes=CLASSES,
        corpus=np.array(corpus or ["ptbxl"] * n),
        record=np.array(records or [str(i) for i in range(n)]),
        subject=np.array(subjects),
        domain=np.array(domains or ["here"] * n),
        fold=np.array(folds or [-1] * n),
        label=np.ones((n, 2), np.float32) if label is None else np.asarray(label, np.float32),
    )


def folded(each: int = 3) -> Examples:
    folds = [f for f in range(1, 10) for _ in range(each)]
    return examples([f"ptbxl:{i}" for i in range(len(folds))], folds=folds)


@st.composite
def crowds(draw: st.DrawFn) -> Examples:
    """Several domains; some people in more than one, of some nothing is known."""
    n = draw(st.integers(40, 90))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    people = rng.integers(0, n, n)
    return examples(
        [f"p{i}" if i % 7 else "" for i in people],
        domains=[f"d{i}" for i in rng.integers(0, 4, n)],
        folds=(people % 9 + 1).tolist(),
        label=rng.choice([0, 1, np.nan], (n, 2)),
    )


def people(split: RecordSplit) -> list[set[str]]:
    return [set(split.examples.person[rows].tolist()) for rows in split.sides.values()]


@settings(max_examples=25, deadline=None)
@given(crowd=crowds(), seed=st.integers(0, 9))
def test_no_protocol_puts_anybody_on_two_sides(crowd: Examples, seed: int) -> None:
    asked = [
        ("intra-source", {}), ("intra-source", {"pooled": True}),
        ("intra-source", {"pooled": True, "out_of_fold": True}), ("leave-one-domain-out", {}),
        ("label-fraction", {"base": "leave-one-domain-out"}),
    ]  # fmt: skip
    for name, options in asked:
        for split in RECORD_PROTOCOLS[name].split(crowd, seed=seed, **options):
            one, two, three = people(split)
            assert not one & two
            assert not one & three
            assert not two & three
            assert not np.isnan(crowd.label[split.test]).all(axis=1).any()


def test_folds_of_ptbxl_train_choose_and_test_where_fold_ten_is_absent() -> None:
    data = folded()
    (split,) = RECORD_PROTOCOLS["ptbxl-folds"].split(data)
    assert [sorted(set(data.fold[rows].tolist())) for rows in split.sides.values()] == [
        [1, 2, 3, 4, 5, 6, 7], [8], [9],
    ]  # fmt: skip
    with pytest.raises(UsageError, match="fold 10"):
        RECORD_PROTOCOLS["ptbxl-folds"].split(data, published=True)


def test_published_folds_are_used_when_asked_for() -> None:
    data = examples([f"p{i}" for i in range(10)], folds=list(range(1, 11)))
    (split,) = RECORD_PROTOCOLS["ptbxl-folds"].split(data, published=True)
    assert (len(split.training), split.validation.tolist(), split.test.tolist()) == (8, [8], [9])


def test_each_of_folds_one_to_eight_is_held_out_once_and_nine_never_seen() -> None:
    data = folded()
    splits = RECORD_PROTOCOLS["ptbxl-folds"].split(data, out_of_fold=True)
    tested = np.concatenate([s.test for s in splits])
    assert sorted(tested.tolist()) == np.flatnonzero(data.fold <= 8).tolist()
    for split in splits:
        used = np.concatenate(list(split.sides.values()))
        assert sorted(used.tolist()) == np.flatnonzero(data.fold <= 8).tolist()
        assert len(set(data.fold[split.validation].tolist())) == 1


def test_a_record_of_no_class_is_left_out_of_the_folds_and_counted() -> None:
    data = folded()
    label = data.label.copy()
    label[0] = 0
    (split,) = RECORD_PROTOCOLS["ptbxl-folds"].split(replace(data, label=label))
    assert 0 not in split.training
    assert split.left_out["of no class"] == 1


def test_the_whole_left_out_domain_is_tested_and_its_people_train_nowhere() -> None:
    data = examples(
        ["a", "b", "c", "d", "e", "f", "a"], domains=["x", "x", "x", "y", "y", "y", "y"]
    )
    splits = {s.part: s for s in RECORD_PROTOCOLS["leave-one-domain-out"].split(data)}
    assert splits["x"].test.tolist() == [0, 1, 2]
    assert splits["x"].left_out["of people of the test domain"] == 1
    assert 6 not in np.concatenate([splits["x"].training, splits["x"].validation])
    (only,) = RECORD_PROTOCOLS["leave-one-domain-out"].split(data, domains=["y"])
    assert only.test.tolist() == splits["y"].test.tolist()


def test_shares_within_a_source_are_of_patients() -> None:
    data = examples([f"p{i // 2}" for i in range(200)])
    (split,) = RECORD_PROTOCOLS["intra-source"].split(data, seed=3)
    assert [len(rows) for rows in split.sides.values()] == [140, 20, 40]
    (again,) = RECORD_PROTOCOLS["intra-source"].split(data, seed=3)
    (other,) = RECORD_PROTOCOLS["intra-source"].split(data, seed=4)
    assert again.test.tolist() == split.test.tolist() != other.test.tolist()


def test_pooled_sources_test_the_same_records_as_each_source_alone() -> None:
    data = examples([f"p{i}" for i in range(60)], domains=["x", "y", "z"] * 20)
    alone = RECORD_PROTOCOLS["intra-source"].split(data)
    (pooled,) = RECORD_PROTOCOLS["intra-source"].split(data, pooled=True)
    assert sorted(np.concatenate([s.test for s in alone]).tolist()) == pooled.test.tolist()


def test_fifths_test_everybody_once_whatever_the_seed() -> None:
    data = examples([f"p{i}" for i in range(63)], domains=["x", "y", "z"] * 20 + ["few"] * 3)
    asked = {"pooled": True, "out_of_fold": True}
    splits = RECORD_PROTOCOLS["intra-source"].split(data, seed=1, **asked)
    assert [s.part for s in splits] == [f"fifth {k}" for k in range(1, 6)]
    assert sorted(np.concatenate([s.test for s in splits]).tolist()) == list(range(63))
    assert all(len(s.training) > len(s.test) > len(s.validation) for s in splits)
    # Seeds that are averaged answer the same records.
    again = RECORD_PROTOCOLS["intra-source"].split(data, seed=2, **asked)
    assert [s.test.tolist() for s in again] == [s.test.tolist() for s in splits]
    alone = RECORD_PROTOCOLS["intra-source"].split(data, domains=("x",), out_of_fold=True)
    assert [s.part for s in alone] == [f"x, fifth {k}" for k in range(1, 6)]


def test_a_domain_too_small_to_divide_is_named() -> None:
    data = examples([f"p{i}" for i in range(12)], domains=["big"] * 10 + ["tiny"] * 2)
    (split,) = RECORD_PROTOCOLS["intra-source"].split(data)
    assert any("tiny" in note for note in split.notes)
    with pytest.raises(UsageError, match="three people"):
        RECORD_PROTOCOLS["intra-source"].split(data, domains=("tiny",))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 50))
def test_shares_of_the_labels_are_nested_and_leave_the_other_sides_alone(seed: int) -> None:
    data = examples([f"p{i // 2}" for i in range(360)], folds=[i // 40 + 1 for i in range(360)])
    splits = RECORD_PROTOCOLS["label-fraction"].split(data, seed=seed)
    assert [len(people(s)[0]) for s in splits] == [2, 7, 14, 28, 42, 49, 70, 140]
    for small, large in pairwise(splits):
        assert set(small.training.tolist()) < set(large.training.tolist())
        assert small.test.tolist() == large.test.tolist()
        assert small.validation.tolist() == large.validation.tolist()
    for split in splits:  # whoever has no label is one of those who would train
        both = np.sort(np.concatenate([split.training, split.unlabelled]))
        assert both.tolist() == splits[-1].training.tolist()


def made(data: Examples, *sides: Sequence[int], hidden: Sequence[int] = ()) -> RecordSplit:
    rows = [np.array(side, np.int64) for side in sides]
    return RecordSplit(
        protocol="mine", examples=data, training=rows[0], validation=rows[1], test=rows[2],
        unlabelled=np.array(hidden, np.int64),
    )  # fmt: skip


def test_a_record_or_a_subject_on_two_sides_is_refused() -> None:
    data = examples(["a", "b", "c", "a"])
    assert made(data, [0, 3], [1], [2]).training.tolist() == [0, 3]
    with pytest.raises(LeakError, match="record ptbxl 1 is in training and test"):
        made(data, [0, 1], [2], [1])
    with pytest.raises(LeakError, match="subject a is in training and test"):
        made(data, [0], [1], [2, 3])
    with pytest.raises(UsageError, match="validation has no record"):
        made(data, [0], [], [1])
    with pytest.raises(LeakError, match="record ptbxl 2 is in test and unlabelled"):
        made(data, [0], [1], [2], hidden=[2])
    with pytest.raises(LeakError, match="subject a is in training and unlabelled"):
        made(data, [0], [1], [2], hidden=[3])


def test_records_of_unknown_people_count_as_different_people_and_are_named() -> None:
    split = made(examples(["", "", "c"]), [0], [1], [2])
    assert any("subjects of ptbxl are not published" in note for note in split.notes)
    assert not any(
        "not published" in n for n in made(examples(["a", "b", "c"]), [0], [1], [2]).notes
    )


def test_a_record_that_its_corpus_says_is_nobody_s_is_named_too() -> None:
    own = examples([f"x:record:{i}" for i in range(3)], corpus=["x"] * 3)
    assert any("subjects of x are not published" in note for note in made(own, [0], [1], [2]).notes)


def test_the_table_of_shared_recordings_gives_a_source_in_each_row_and_no_unknown_corpus() -> None:
    for row in shared_table():
        assert row.source.startswith("https://")
        assert row.other in CORPORA.names() or row.corpus in CORPORA.names() or row.pattern
        assert bool(row.pattern) == bool(row.other_pattern)


def test_a_recording_under_two_names_is_refused() -> None:
    corpus, records = ["qtdb", "mitdb", "mitdb"], ["sel100", "101", "100"]
    data = examples(["", "", ""], corpus=corpus, records=records)
    with pytest.raises(LeakError, match="qtdb sel100 of training is the recording mitdb 100"):
        made(data, [0], [1], [2])
    apart = examples(["", "", ""], corpus=corpus, records=["sel102", "101", "100"])
    assert any("QTDB holds" in note for note in made(apart, [0], [1], [2]).notes)
    both = examples(
        ["", "", ""], corpus=["cinc2021-ptbxl", "x", "ptbxl"], records=["HR00017", "1", "17"]
    )
    with pytest.raises(LeakError, match="HR00017"):
        made(both, [0], [1], [2])


def test_a_class_without_a_positive_is_named_and_crashes_nothing() -> None:
    split = made(examples(["a", "b", "c"], label=[[1, 0], [1, 1], [1, np.nan]]), [0], [1], [2])
    assert "training has no positive of HYP" in split.notes
    assert "test has no positive of HYP" in split.notes
    assert split.to_dict()["positives"]["test"] == {"MI": 1, "HYP": 0}


def test_an_option_of_another_protocol_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"protocol\.out_of_folds.*out_of_fold"):
        RECORD_PROTOCOLS["ptbxl-folds"].split(folded(), out_of_folds=True)
    with pytest.raises(UsageError, match=r"protocol\.out_of_fold: is 'yes'\. Give true or false"):
        RECORD_PROTOCOLS["ptbxl-folds"].split(folded(), out_of_fold="yes")
    with pytest.raises(UsageError, match=r"protocol\.percents: is 10\. Give a list"):
        RECORD_PROTOCOLS["label-fraction"].split(folded(), percents=10)
