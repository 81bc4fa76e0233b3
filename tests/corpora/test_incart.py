"""The layout of INCART: who was recorded stands in the headers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.incart import Incart
from einthoven.record import DataError
from einthoven.record.diagnosis import label_row
from einthoven.record.leads import STANDARD, one_lead
from einthoven.record.vocabulary import AAMI, translate
from einthoven.suites import judge_one


def test_classes_follow_from_the_symbols() -> None:
    facts = Incart.facts
    found = dict.fromkeys(AAMI, 0)
    for symbol, count in facts.symbols.items():
        name = str(translate(np.array([symbol]), "aami")[0])
        if name:
            found[name] += count
    assert found == dict(facts.classes)
    assert sum(found.values()) == 175_907


def test_75_records_of_32_people_by_the_comments_of_the_headers(tmp_path: Path) -> None:
    Incart(tmp_path).miniature(tmp_path, 1, seconds=2)
    corpus = open_corpus("incart", tmp_path)
    people = Counter(corpus.subject(r) for r in corpus.records)
    assert (len(corpus.records), len(people)) == (75, 32)
    assert corpus.subject("I01") == "incart:1"
    header = corpus.folder / "I01.hea"
    header.write_text(header.read_text().replace("# patient 1\n", "# patient 31\n"))
    assert corpus.subject("I01") == "incart:31"


def test_a_header_without_a_patient_is_not_guessed(tmp_path: Path) -> None:
    corpus = Incart(tmp_path)
    corpus.miniature(tmp_path, 1, records=("I07",), seconds=4)
    header = corpus.folder / "I07.hea"
    header.write_text(header.read_text().replace("# patient 4\n", ""))
    with pytest.raises(DataError, match="patient N"):
        corpus.subject("I07")
    with pytest.raises(DataError, match="einthoven data get incart"):
        Incart(tmp_path / "other").subject("I07")


def test_twelve_leads_at_257_hz_and_ii_speaks_for_them(tmp_path: Path) -> None:
    corpus = Incart(tmp_path)
    corpus.miniature(tmp_path, 1, records=("I01",), seconds=10)
    source = corpus.open("I01")
    assert (source.rate, source.leads) == (257.0, STANDARD)
    assert source.leads[one_lead(source.leads)] == "II"
    signal = source.read(0, source.samples)
    np.testing.assert_allclose(signal[0] + signal[2], signal[1], atol=0.3)  # I + III = II
    assert np.isfinite(signal).all()


def test_a_shipped_model_is_judged_with_people_not_records(tmp_path: Path) -> None:
    Incart(tmp_path).miniature(tmp_path, 1, records=("I01", "I02", "I03"), seconds=40)
    table = judge_one("aami-review", "external-incart", tmp_path / "results", root=tmp_path)
    assert (table["corpus"], table["systems"][0]["records"]) == ("incart", 3)
    assert table["systems"][0]["subjects"] == 2


def test_diagnoses_of_the_person_stand_in_the_header(tmp_path: Path) -> None:
    corpus = Incart(tmp_path)
    corpus.miniature(tmp_path, 1, records=("I01",), seconds=2)
    said = [statement.code for statement in corpus.statements("I01")]
    assert said == ["coronary artery disease", "hypertension"]
    assert corpus.metadata("I01") == {"age": "60", "sex": "female"}
    # A person's illness is no finding in the record: nothing is denied by it.
    assert np.isnan(label_row(corpus.statements("I01"), "super", corpus="incart")).all()
    header = corpus.folder / "I01.hea"
    header.write_text(header.read_text().split("# <age>")[0] + "# patient 1\n")
    assert corpus.statements("I01") == ()
    assert corpus.metadata("I01") == {}
