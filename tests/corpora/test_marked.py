"""Corpora whose marks are read without their signals: afdb and nsrdb."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus, survey
from einthoven.corpora.afdb import CORRECTED, UNSEEN, Afdb
from einthoven.corpora.nsrdb import Nsrdb
from einthoven.record import DataError
from einthoven.record.vocabulary import is_beat


@pytest.fixture(scope="module")
def afdb(tmp_path_factory: pytest.TempPathFactory) -> Afdb:
    folder = tmp_path_factory.mktemp("afdb")
    return Afdb(Afdb(folder).miniature(folder, 3, records=("00735", "04015", "05091"), seconds=40))


def test_marks_without_a_signal_are_opened(afdb: Afdb) -> None:
    source = afdb.open("00735")
    marks = source.annotations()
    assert marks is not None
    assert (source.leads, source.rate) == ((), 250.0)
    assert source.samples == marks.samples[-1] + 1
    assert is_beat(marks.symbols).sum() > 20
    with pytest.raises(DataError, match="Only the marks of this record"):
        source.read(0, 10)
    assert "00735" in afdb.present


def test_beats_and_rhythm_of_two_files_are_one_table_in_time_order(afdb: Afdb) -> None:
    marks = afdb.marks("04015")
    assert (np.diff(marks.samples) >= 0).all()
    rhythm = [t for t, s in zip(marks.texts, marks.symbols, strict=True) if s == "+"]
    assert rhythm == ["(N", "(AFIB", "(N"]
    assert set(marks.symbols) == {"N", "+"}
    assert afdb.open("04015").leads == ("ECG1", "ECG2")


def test_corrected_beats_are_preferred(afdb: Afdb, tmp_path: Path) -> None:
    full = afdb.marks("05091")
    (tmp_path / "afdb").mkdir()
    for path in afdb.folder.glob("05091.*"):
        (tmp_path / "afdb" / path.name).write_bytes(path.read_bytes())
    thin = Afdb(tmp_path)
    raw = thin.folder / "05091.qrs"
    raw.write_bytes(b"\0\0")
    assert len(thin.marks("05091")) == len(full)
    (thin.folder / "05091.qrsc").unlink()
    assert not is_beat(thin.marks("05091").symbols).any()
    raw.unlink()
    assert thin.present == ()
    with pytest.raises(DataError, match=r"05091.qrs: is not there\. .*data get afdb"):
        thin.marks("05091")


def test_nobody_is_guessed(afdb: Afdb) -> None:
    assert afdb.subject("04015") == "afdb:record:04015"
    assert not afdb.facts.subjects_known
    assert open_corpus("nsrdb").subject("16265") == "nsrdb:16265"


def test_the_files_of_afdb_are_those_that_there_are() -> None:
    files = open_corpus("afdb").files()
    assert len(files) == 1 + 3 * 25 + 2 + 23
    assert not {f"{name}.dat" for name in UNSEEN} & set(files)
    assert {f"{name}.qrsc" for name in CORRECTED} <= set(files)


def test_age_and_sex_stand_in_the_header(tmp_path: Path) -> None:
    root = Nsrdb(tmp_path).miniature(tmp_path, 1, records=("16265",), seconds=12)
    assert Nsrdb(root).metadata("16265") == {"age": "40", "sex": "female"}


@pytest.mark.parametrize("name", ["afdb", "nsrdb"])
def test_the_publishers_marks_are_counted_as_the_facts_say(data_root: Path, name: str) -> None:
    corpus = open_corpus(name, data_root)
    if len(corpus.present) < corpus.facts.records:
        pytest.skip(f"no {name} under {data_root}")
    rows = survey(corpus)
    for symbol, count in corpus.facts.symbols.items():
        if is_beat(np.array([symbol]))[0]:
            assert sum(row.symbols.get(symbol, 0) for row in rows) == count
    for label, count in corpus.facts.classes.items():
        assert sum(row.classes[label] for row in rows) == count
    if name == "afdb":
        assert {t for row in rows for t in row.rhythms} == {"(N", "(AFIB", "(AFL", "(J"}
