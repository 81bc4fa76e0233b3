"""The layout of LUDB: an annotation file a lead, brackets that may be missing, a split by hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.ludb import LEADS, TEST, TRAIN, VALIDATION, Ludb, marked
from einthoven.record import Annotations, DataError
from einthoven.record.diagnosis import label_row
from einthoven.record.leads import STANDARD


@pytest.fixture
def small(tmp_path: Path) -> Ludb:
    return Ludb(Ludb(tmp_path).miniature(tmp_path, 3, records=("1", "8")))


def test_the_parts_are_in_order_of_the_hash_of_the_name() -> None:
    names = (*TRAIN, *VALIDATION, *TEST)
    assert [len(part) for part in (TRAIN, VALIDATION, TEST)] == [100, 20, 30]
    assert len(set(names)) == 150
    digests = [hashlib.sha1(name.encode()).hexdigest() for name in names]
    assert digests == sorted(digests)
    assert not {"6", "7", "193"} & set(names)  # of the fifty that no choice saw


def test_a_wave_is_a_peak_with_the_brackets_beside_it() -> None:
    marks = Annotations(
        samples=np.array([10, 20, 30, 40, 60, 80, 90]),
        symbols=np.array(["(", "p", ")", "N", ")", "(", "t"]),
    )
    found = marked(marks)
    assert found.kinds.tolist() == ["P", "QRS", "T"]
    assert found.onsets.tolist() == [10, -1, 80]
    assert found.peaks.tolist() == [20, 40, 90]
    assert found.offsets.tolist() == [30, 60, -1]
    assert len(marked(marks.where(np.zeros(7, bool))).kinds) == 0


def test_each_lead_has_its_marks_in_the_middle_of_the_record(small: Ludb) -> None:
    source = small.open("1")
    assert (source.rate, source.leads, source.samples) == (500.0, STANDARD, 5000)
    leads = small.marks("1")
    assert len(leads) == len(LEADS) == 12
    waves = leads[1]
    assert (waves.onsets < waves.peaks).all()
    assert (waves.peaks < waves.offsets).all()
    assert (waves.kinds[0], waves.kinds[-1]) == ("QRS", "QRS")
    assert waves.peaks[0] > 300
    assert Counter(waves.kinds.tolist())["QRS"] > 9
    qrs = waves.kinds == "QRS"
    signal = source.read(0, 5000)[1]
    steep = np.abs(np.diff(signal))
    inside = np.concatenate([steep[a:b] for a, b in zip(waves.onsets[qrs], waves.offsets[qrs],
                                                       strict=True)])  # fmt: skip
    assert inside.mean() > 3 * np.median(steep)
    marks = source.annotations()
    assert marks is not None
    assert marks.samples[marks.symbols == "N"].tolist() == waves.peaks[qrs].tolist()


def test_each_record_is_a_person_and_what_is_missing_is_said(small: Ludb, tmp_path: Path) -> None:
    assert small.subject("8") == "ludb:8"
    assert small.records == small.present == ("1", "8")
    (small.folder / "data" / "8.v6").unlink()
    with pytest.raises(DataError, match=r"8\.v6.*einthoven data get ludb"):
        small.marks("8")
    (small.folder / "data" / "8.dat").unlink()
    assert small.present == ("1",)
    with pytest.raises(DataError, match="einthoven data get ludb"):
        Ludb(tmp_path / "none").open("1")


def test_the_publishers_records_open(data_root: Path) -> None:
    corpus = open_corpus("ludb", data_root)
    assert isinstance(corpus, Ludb)
    if "1" not in corpus.present:
        pytest.skip(f"no ludb under {data_root}")
    waves = corpus.marks("1")[1]
    assert (waves.onsets[0], waves.peaks[0], waves.offsets[0]) == (644, 662, 682)
    assert np.ptp(corpus.open("1").read(0, 5000)[1]) > 0.5


def test_the_words_of_the_table_of_people_are_the_statements(tmp_path: Path) -> None:
    corpus = Ludb(tmp_path)
    corpus.miniature(tmp_path, 1, records=("1", "2"))
    said = [statement.code for statement in corpus.statements("2")]
    assert said == ["Sinus rhythm", "Electric axis of the heart: normal"]
    assert corpus.metadata("2") == {"age": "60", "sex": "female"}
    table = corpus.folder / "ludb.csv"
    # As the publisher writes: cells of several lines, and a line end behind sex and age.
    lines = 'ID,Sex,Age,Rhythms,Hypertrophies\n1,"M\n",">89\n",Sinus rhythm,"Left ventricular '
    table.write_text(lines + 'overload\nLeft ventricular hypertrophy"\n')
    corpus = Ludb(tmp_path)
    said = [statement.code for statement in corpus.statements("1")]
    assert said == ["Sinus rhythm", "Left ventricular overload", "Left ventricular hypertrophy"]
    assert corpus.metadata("1") == {"age": ">89", "sex": "male"}
    assert corpus.metadata("2") == {}
    with pytest.raises(DataError, match="does not name 2"):
        corpus.statements("2")


def test_every_word_of_the_real_table_is_known(data_root: Path) -> None:
    corpus = Ludb(data_root)
    if len(corpus.present) < 150:
        pytest.skip(f"no ludb under {data_root}")
    rows = [label_row(corpus.statements(r), "super", corpus="ludb") for r in corpus.present]
    # A word that the table did not know would leave all superclasses open.
    assert not np.isnan(np.array(rows)[:, -1]).any()
    assert np.nansum(rows, axis=0).tolist() == [20, 16, 54, 49, 103]
