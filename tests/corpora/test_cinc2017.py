"""CinC 2017: one class a record, nobody named, two ways the files lie."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.cinc2017 import ONE_SOURCE, Cinc2017
from einthoven.record import DataError
from einthoven.record.diagnosis import Statement


def test_each_record_has_one_class_and_is_a_subject_of_its_own(tmp_path: Path) -> None:
    corpus = Cinc2017(Cinc2017(tmp_path).miniature(tmp_path, 1, records=6))
    assert corpus.present == corpus.records == tuple(f"A0000{n}" for n in range(1, 7))
    said = [corpus.statements(r) for r in corpus.records]
    assert [s[0].code for s in said] == ["N", "A", "O", "~", "N", "A"]
    assert said[0] == (Statement(system="CinC 2017", code="N"),)
    assert corpus.subject("A00001") == "cinc2017:record:A00001"
    assert not corpus.facts.subjects_known


def test_the_archive_of_the_challenge_lies_otherwise_and_opens_too(tmp_path: Path) -> None:
    corpus = Cinc2017(Cinc2017(tmp_path).miniature(tmp_path, 1, records=2))
    before = corpus.open("A00002").read(0, 300)
    shutil.move(corpus.folder / "training" / "A00", corpus.folder / "training2017")
    shutil.rmtree(corpus.folder / "training")
    assert corpus.present == ("A00001", "A00002")
    np.testing.assert_array_equal(corpus.open("A00002").read(0, 300), before)
    (corpus.folder / "training2017" / "A00002.mat").unlink()
    assert corpus.present == ("A00001",)


def test_what_is_missing_or_wrong_is_said(tmp_path: Path) -> None:
    corpus = Cinc2017(tmp_path)
    assert len(corpus.records) == 8528
    with pytest.raises(DataError, match="einthoven data get cinc2017"):
        corpus.open("A00001")
    with pytest.raises(DataError, match="einthoven data get cinc2017"):
        corpus.statements("A00001")
    corpus.folder.mkdir()
    (corpus.folder / "REFERENCE-v3.csv").write_text("A00001,N\nA00002,AF\n")
    with pytest.raises(DataError, match="class 'AF'"):
        Cinc2017(tmp_path).statements("A00002")


def test_classes_of_the_publisher_add_up() -> None:
    assert sum(Cinc2017.facts.statements.values()) == Cinc2017.facts.records


def test_the_publishers_records_open(data_root: Path) -> None:
    corpus = open_corpus("cinc2017", data_root)
    here = corpus.present
    if not here:
        pytest.skip(f"no cinc2017 under {data_root}")
    source = corpus.open(here[0])
    assert (source.rate, len(source.leads)) == (300.0, 1)
    codes = Counter(corpus.statements(r)[0].code for r in here)
    published = corpus.facts.statements
    assert all(codes[code] <= published[code] for code in published)


def test_records_of_what_looks_like_one_source_are_one_subject(tmp_path: Path) -> None:
    corpus = Cinc2017(tmp_path)
    subjects = [corpus.subject(record) for record in corpus.records]
    assert len(set(subjects)) == len(corpus.records) - len(ONE_SOURCE) + 1 == corpus.facts.subjects
    assert {corpus.subject(record) for record in ONE_SOURCE} == {"cinc2017:record:A00227"}


def test_that_source_plays_the_same_beats_over_and_over(data_root: Path) -> None:
    corpus = open_corpus("cinc2017", data_root)
    here = [record for record in ONE_SOURCE if record in corpus.present]
    if len(here) < 2:
        pytest.skip(f"no cinc2017 under {data_root}")
    leads = [corpus.open(record).read(0, 9000)[0].astype(np.float64) for record in here]
    piece = leads[0][3000:4500] - leads[0][3000:4500].mean()
    for lead in leads[1:]:
        windows = np.lib.stride_tricks.sliding_window_view(lead, len(piece))
        like = windows @ piece / (windows.std(axis=1) * piece.std() * len(piece))
        assert like.max() > 0.9
