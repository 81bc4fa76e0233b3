"""The facts of mitdb, held against the publisher's own files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import DS1, DS2, GROUPS, NLRAV_GROUPS, PACED
from einthoven.record import DataError
from einthoven.record.leads import one_lead
from einthoven.record.vocabulary import translate


def test_sides_and_paced_records_make_up_the_48() -> None:
    assert len(DS1) == len(DS2) == 22
    assert len(PACED) == 4
    assert len(set(DS1) | set(DS2) | set(PACED)) == 48
    corpus = open_corpus("mitdb", Path("nowhere"))
    assert set(corpus.records) == set(DS1) | set(DS2) | set(PACED)


def test_201_and_202_are_one_of_47_subjects() -> None:
    corpus = open_corpus("mitdb", Path("nowhere"))
    subjects = [corpus.subject(r) for r in corpus.records]
    assert len(set(subjects)) == 47
    assert corpus.subject("201") == corpus.subject("202")
    with pytest.raises(DataError, match="no record '110'"):
        corpus.subject("110")


def test_a_record_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven data get mitdb"):
        open_corpus("mitdb", tmp_path).open("100")


def test_beats_of_each_group_are_as_published(mitdb: Path) -> None:
    corpus = open_corpus("mitdb", mitdb.parent)
    symbols: Counter[str] = Counter()
    sides = {name: side for side, names in (("DS1", DS1), ("DS2", DS2)) for name in names}
    groups: dict[str, Counter[str]] = {s: Counter() for s in ("DS1", "DS2", "PACED", "all")}
    nlrav: dict[str, Counter[str]] = {s: Counter() for s in ("DS1", "DS2", "PACED", "all")}
    for record in corpus.records:
        marks = corpus.open(record).annotations()
        assert marks is not None
        assert np.all(np.diff(marks.samples) >= 0)
        symbols.update(marks.symbols.tolist())
        for table, into in (("aami", groups), ("nlrav", nlrav)):
            found = Counter(translate(marks.symbols, table).tolist())
            del found[""]
            into[sides.get(record, "PACED")].update(found)
            into["all"].update(found)
    for side, expected in GROUPS.items():
        assert {k: groups[side][k] for k in "NSVFQ"} == dict(expected)
    for side, expected in NLRAV_GROUPS.items():
        assert dict(nlrav[side]) == dict(expected)
    assert sum(groups["all"].values()) == 109_494
    published = dict(corpus.facts.symbols)
    assert {s: n for s, n in symbols.items() if s in published} == published


def test_the_lead_is_taken_by_name(mitdb: Path) -> None:
    corpus = open_corpus("mitdb", mitdb.parent)
    swapped = corpus.open("114")
    assert swapped.leads == ("V5", "MLII")
    assert swapped.leads[one_lead(swapped.leads)] == "MLII"
    for record in corpus.records:
        source = corpus.open(record)
        assert source.rate == corpus.facts.rate
        assert source.samples == 650_000
        assert ("MLII" in source.leads) == (record not in ("102", "104"))
