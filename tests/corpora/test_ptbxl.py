"""PTB-XL: folds, people, statements and what its table says."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.ptbxl import Ptbxl
from einthoven.record import DataError, UsageError
from einthoven.record.diagnosis import Statement
from einthoven.record.leads import STANDARD

_ROW = {
    "ecg_id": "7", "patient_id": "15709.0", "age": "300.0", "sex": "1", "device": "CS-12   E",
    "site": "0.0", "report": " sinusrhythmus ", "scp_codes": "{'NORM': 80.0, 'SR': 0.0}",
    "strat_fold": "9", "filename_lr": "records100/00000/00007_lr",
    "filename_hr": "records500/00000/00007_hr", "nurse": "",
}  # fmt: skip


def _corpus(root: Path, **cells: str) -> Ptbxl:
    row = _ROW | cells
    table = root / "ptbxl" / "ptbxl_database.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in row.values())
    table.write_text(",".join(row) + "\n" + quoted + "\n", encoding="utf-8")
    return Ptbxl(root)


def test_a_row_of_the_table_becomes_person_fold_statements_and_metadata(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    assert (corpus.records, corpus.present) == (("7",), ())
    assert (corpus.subject("7"), corpus.fold("7")) == ("ptbxl:15709", 9)
    assert corpus.statements("7") == (
        Statement(system="SCP", code="NORM", likelihood=0.8),
        Statement(system="SCP", code="SR", likelihood=0.0),
    )
    # 300 is how the publisher hides an age above 89; what is empty is absent.
    assert corpus.metadata("7") == {
        "report": "sinusrhythmus", "site": "0", "age": ">89", "sex": "female", "device": "CS-12 E",
    }  # fmt: skip


def test_what_is_wrong_with_the_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven data get ptbxl"):
        Ptbxl(tmp_path).fold("7")
    assert Ptbxl(tmp_path).records == ()
    with pytest.raises(DataError, match="statements of 7 cannot be read"):
        _corpus(tmp_path, scp_codes="__import__('os')").statements("7")
    with pytest.raises(DataError, match="the fold '11'"):
        _corpus(tmp_path, strat_fold="11").fold("7")
    with pytest.raises(DataError, match="names a file outside it"):
        _corpus(tmp_path, filename_lr="../../etc/x").open("7")
    table = tmp_path / "ptbxl" / "ptbxl_database.csv"
    head = "ecg_id,patient_id,scp_codes,strat_fold,filename_lr,filename_hr\n"
    for text, fault in (
        ("ecg_id,patient_id\n1,2\n", "no column 'scp_codes'"),
        (head + "1,1,,1,,\n" * 2, "'1' twice"),
        (head + "1,1\n", "line 2 has 2 of 6 cells"),
        (head + '1,"1\n', "is no table"),
    ):
        table.write_text(text)
        with pytest.raises(DataError, match=fault):
            Ptbxl(tmp_path).fold("1")


def test_the_same_record_opens_at_both_rates(tmp_path: Path) -> None:
    Ptbxl(tmp_path).miniature(tmp_path, 3, records=6)
    low, high = Ptbxl(tmp_path).open("2"), Ptbxl(tmp_path, rate=500).open("2")
    assert (low.rate, low.samples, low.leads) == (100.0, 1000, STANDARD)
    assert (high.rate, high.samples, high.leads) == (500.0, 5000, STANDARD)
    means = high.read(0, 5000).reshape(12, 1000, 5).mean(axis=2)
    np.testing.assert_allclose(low.read(0, 1000), means, atol=0.0011)
    (tmp_path / "ptbxl/records100/00000/00002_lr.dat").unlink()
    assert "2" not in Ptbxl(tmp_path).present
    assert "2" in Ptbxl(tmp_path, rate=500).present
    with pytest.raises(UsageError, match="250 Hz"):
        Ptbxl(tmp_path, rate=250)


def test_a_miniature_has_every_fold_and_repeated_people(tmp_path: Path) -> None:
    corpus = Ptbxl(Ptbxl(tmp_path).miniature(tmp_path, 1, records=40))
    folds = defaultdict(set)
    for record in corpus.records:
        folds[corpus.subject(record)].add(corpus.fold(record))
    assert len(folds) < 40
    assert {len(found) for found in folds.values()} == {1}
    assert set().union(*folds.values()) == set(range(1, 11))


def test_files_are_those_of_the_rate_that_the_list_of_checksums_names(tmp_path: Path) -> None:
    assert Ptbxl(tmp_path).files() == ("ptbxl_database.csv", "scp_statements.csv")
    Ptbxl(tmp_path).miniature(tmp_path, 1, records=2)
    found = Ptbxl(tmp_path).files()
    assert len(found) == 2 + 4
    assert {name.partition("/")[0] for name in found[2:]} == {"records100"}


def test_records_that_are_not_the_publishers_bytes_are_counted(tmp_path: Path) -> None:
    Ptbxl(tmp_path).miniature(tmp_path, 1, records=3)
    corpus = Ptbxl(tmp_path)
    assert corpus.notes() == ()
    (corpus.folder / "publisher_100hz.csv").write_text("ecg_id\n1\n")
    assert corpus.notes()[0].startswith("2 of 3 records were resampled")


def test_the_publishers_records_open(data_root: Path) -> None:
    corpus = open_corpus("ptbxl", data_root)
    assert isinstance(corpus, Ptbxl)
    here = corpus.present
    if not here:
        pytest.skip(f"no ptbxl under {data_root}")
    folds: dict[str, set[int]] = defaultdict(set)
    for record in corpus.records:
        folds[corpus.subject(record)].add(corpus.fold(record))
    assert {len(found) for found in folds.values()} == {1}  # no person in two folds
    source = corpus.open("1")
    assert (source.rate, source.samples, source.leads) == (100.0, 1000, STANDARD)
    signal = source.read(0, 1000)
    np.testing.assert_allclose(signal[0] + signal[2], signal[1], atol=0.003)
    assert corpus.statements("1")[0] == Statement(system="SCP", code="NORM", likelihood=1.0)
    assert corpus.metadata("1")["age"] == "56"
