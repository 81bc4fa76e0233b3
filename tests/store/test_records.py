"""Whole records cut once."""

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import STANDARD
from einthoven.store import open_records

BEAT = InputSpec(kind="median-beat", rate=100.0, leads=STANDARD, window=(0, 10),
                 side=("measurements",))  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    made = open_corpus("ludb", root)
    made.miniature(root, 0, records=("1", "2", "8"))
    return made


def test_a_store_is_cut_once_and_read_again(corpus, tmp_path):
    first = open_records(corpus, BEAT, root=tmp_path)
    assert first.window.shape == (3, 12, 90)
    assert first.side.shape == (3, len(first.side_names))
    assert first.record.tolist() == ["1", "2", "8"]
    assert not first.left_out
    again = open_records(corpus, BEAT, root=tmp_path)
    assert again.path == first.path
    assert np.array_equal(again.window, first.window)
    other = InputSpec(kind="strip", rate=100.0, leads=STANDARD, window=(0, 10))
    assert open_records(corpus, other, root=tmp_path).path != first.path


def test_a_record_that_does_not_fit_is_left_out_with_its_reason(corpus, tmp_path):
    long = InputSpec(kind="strip", rate=100.0, leads=STANDARD, window=(0, 10))
    store = open_records(corpus, long, root=tmp_path)
    assert len(store) == 3
    with pytest.raises(LookupError, match=r"no record that fits.*at least 25 s"):
        open_records(
            corpus, InputSpec(kind="strip", rate=100.0, leads=STANDARD, window=(0, 50)),
            root=tmp_path,
        )  # fmt: skip
