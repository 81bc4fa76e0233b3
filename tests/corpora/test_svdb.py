"""The layout of svdb, and a shipped model judged on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.svdb import Svdb
from einthoven.record import DataError, UsageError
from einthoven.record.vocabulary import AAMI, translate
from einthoven.report.scores import scores_text
from einthoven.suites import judge_one
from einthoven.suites._looks import read


def test_the_78_records_are_the_publishers() -> None:
    corpus = open_corpus("svdb", Path("nowhere"))
    assert len(corpus.records) == len(set(corpus.records)) == 78
    assert {"800", "812", "820", "829", "840", "894"} <= set(corpus.records)
    assert not {"813", "819", "830", "839", "895"} & set(corpus.records)


def test_classes_follow_from_the_symbols() -> None:
    facts = Svdb.facts
    found = dict.fromkeys(AAMI, 0)
    for symbol, count in facts.symbols.items():
        found[str(translate(np.array([symbol]), "aami")[0])] += count
    assert found == dict(facts.classes)
    assert sum(found.values()) == 184_583


def test_each_record_is_a_subject_of_its_own() -> None:
    corpus = open_corpus("svdb", Path("nowhere"))
    assert len({corpus.subject(r) for r in corpus.records}) == 78
    with pytest.raises(DataError, match="no record '813'"):
        corpus.subject("813")


def test_a_header_without_gain_is_read_as_200_units(tmp_path: Path) -> None:
    Svdb(tmp_path).miniature(tmp_path, 1, records=("812", "820"), seconds=12)
    corpus = open_corpus("svdb", tmp_path)
    for record, gain in (("812", " 200 "), ("820", " 0 ")):
        assert f"212{gain}" in (corpus.folder / f"{record}.hea").read_text()
        source = corpus.open(record)
        assert (source.rate, source.leads) == (128.0, ("ECG1", "ECG2"))
        assert 0.5 < np.ptp(source.read(0, source.samples)[0]) < 8


def test_a_shipped_model_is_judged_on_all_that_is_here(tmp_path: Path) -> None:
    Svdb(tmp_path).miniature(tmp_path, 1, records=("800", "840"), seconds=60)
    out = tmp_path / "results"
    table = judge_one("aami-review", "external-svdb", out, root=tmp_path)
    assert (table["corpus"], table["protocol"], table["leaky"]) == ("svdb", "external-svdb", False)
    reference = table["systems"][0]
    corpus = open_corpus("svdb", tmp_path)
    beats = 0
    for record in ("800", "840"):
        marks = corpus.open(record).annotations()
        assert marks is not None
        beats += int(np.isin(translate(marks.symbols, "aami"), list("NSVF")).sum())
    assert reference["n"] == beats
    assert reference["subjects"] == 2
    assert "232" not in table["note"]
    # Two records of 78 must not look like the whole, in no row, on no screen and in no book.
    assert all(row["variant"].endswith(", 2 of 78 records") for row in table["systems"])
    text = scores_text(table)
    assert text.count("NOT the whole of svdb: 76 of its 78 records are not here.") == 2
    assert {look["side"] for look in read(out)} == {"svdb, 2 of 78 records"}


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven data get svdb"):
        judge_one("aami-review", "external-svdb", root=tmp_path)
    with pytest.raises(UsageError, match="Did you mean external-svdb"):
        judge_one("aami-review", "external-sddb", root=tmp_path)
