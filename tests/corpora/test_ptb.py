"""PTB in its publisher's own edition: people, words for labels, two signal files a record."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.corpora import check, survey
from einthoven.corpora.ptb import Ptb
from einthoven.record import DataError
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.leads import STANDARD
from einthoven.report._corpus import summarise


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ptb")
    return Ptb(folder, edition="original").miniature(folder, 2, records=8)


@pytest.fixture
def ptb(root: Path) -> Ptb:
    return Ptb(root)


def said(ptb: Ptb, record: str, words: str, more: str = "no") -> list[str]:
    """Return the codes of a record whose header says this."""
    header = next(ptb.folder.rglob(f"{record}.hea"))
    lines = header.read_text().splitlines()
    told = {"Reason for admission": words, "Additional diagnoses": more}
    for key, text in told.items():
        lines = [f"# {key}: {text}" if line.startswith(f"# {key}") else line for line in lines]
    header.write_text("\n".join(lines) + "\n")
    return [statement.code for statement in Ptb(ptb.root).statements(record)]


def test_it_is_laid_out_and_found_by_patient(ptb: Ptb, root: Path, tmp_path: Path) -> None:
    assert (root / "ptb/patient001/s0001_re.xyz").is_file()
    assert ptb.original
    assert ptb.present == ptb.records
    assert (ptb.facts.records, ptb.facts.subjects) == (549, 290)
    assert ptb.facts.subjects_known
    shutil.copytree(root / "ptb", tmp_path / "ptbdb")
    assert Ptb(tmp_path).records == ptb.records
    assert check(Ptb(tmp_path)).ok


def test_subjects_are_the_folders_so_that_two_records_of_one_person_are_seen(ptb: Ptb) -> None:
    people = [ptb.subject(record) for record in ptb.records]
    assert people[0] == "ptb:patient001"
    assert len(set(people)) < len(people)
    assert summarise("ptb", survey(ptb)).subjects == len(set(people))
    with pytest.raises(DataError, match="no record 'S0001'"):
        ptb.subject("S0001")


def test_fifteen_leads_come_from_two_files(ptb: Ptb) -> None:
    source = ptb.open("s0001_re")
    assert source.leads == (*STANDARD, "VX", "VY", "VZ")
    assert source.rate == 1000
    signal = source.read(0, source.samples)
    assert signal.shape == (15, 10_000)
    np.testing.assert_allclose(signal[12], signal[11], atol=1e-3)  # generated so
    assert 0.5 < float(np.ptp(signal[1])) < 6


def test_words_become_codes_where_the_table_has_their_name_and_nothing_else(
    root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root / "ptb", tmp_path / "ptb")
    ptb = Ptb(tmp_path)
    assert said(ptb, "s0001_re", "Myocardial infarction") == ["164865005"]
    assert said(ptb, "s0001_re", "Bundle branch block") == ["6374002"]
    assert said(ptb, "s0001_re", "Healthy control") == ["426783006"]
    assert said(ptb, "s0001_re", "Heart failure (NYHA 3)") == ["84114007"]
    both = said(ptb, "s0001_re", "Myocardial infarction", "Diabetes mellitus, Atrial fibrillation")
    assert both == ["164865005", "164889003"]
    for words in ("Myocarditis", "Unstable angina", "n/a"):
        assert said(ptb, "s0001_re", words) == []
    healthy = said(ptb, "s0001_re", "Healthy control")
    row = label_row(Ptb(tmp_path).statements("s0001_re"), "super", corpus="ptb")
    assert healthy
    assert row[LABELS["super"].index("NORM")] == 1


def test_what_has_no_label_is_counted_and_its_words_are_kept(
    ptb: Ptb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "ptb", "--root", str(ptb.root)]) == 0
    out = capsys.readouterr().out
    none = sum(not ptb.statements(record) for record in ptb.records)
    assert none
    assert f"{none} of {len(ptb.records)} records have no label" in out
    assert f"{3 * len(ptb.records)} files as published" in out
    told = ptb.metadata("s0001_re")
    assert told["reason_for_admission"] == "Myocardial infarction"
    assert told["additional_diagnoses"] == "Arterial hypertension"
    assert (told["age"], told["sex"]) == ("27", "female")


def test_a_record_without_its_second_file_is_not_here(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "ptb", tmp_path / "ptb")
    (tmp_path / "ptb/patient001/s0001_re.xyz").unlink()
    assert "s0001_re" not in Ptb(tmp_path).present
    assert check(Ptb(tmp_path)).missing == ("patient001/s0001_re.xyz",)


def test_the_challenges_edition_goes_before(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "ptb", tmp_path / "ptb")
    Ptb(tmp_path, edition="cinc2021").miniature(tmp_path, 1, records=2)
    ptb = Ptb(tmp_path)
    assert ptb.records == ("S0001", "S0002")
    assert ptb.subject("S0001") == "ptb:record:S0001"
    assert not ptb.facts.subjects_known
