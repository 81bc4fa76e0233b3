"""The parts of the CinC Challenge 2021: where their files lie, odd headers, two editions."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from einthoven.cli import main
from einthoven.corpora import check, open_corpus
from einthoven.corpora.chapman import Chapman
from einthoven.corpora.cpsc2018 import CLASSES, Cpsc2018
from einthoven.corpora.georgia import Georgia
from einthoven.corpora.ningbo import Ningbo
from einthoven.record import DataError, FormatError, UsageError
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.leads import STANDARD

PARTS = ("chapman", "cpsc-extra", "cpsc2018", "georgia", "ningbo", "ptb")
HERE = {"chapman": 9, "cpsc-extra": 8, "cpsc2018": 76, "georgia": 34, "ningbo": 32, "ptb": 3}


def codes(corpus: Cpsc2018 | Chapman | Georgia, record: str) -> list[str]:
    return [said.code for said in corpus.statements(record)]


@pytest.fixture(scope="module")
def georgia(tmp_path_factory: pytest.TempPathFactory) -> Georgia:
    folder = tmp_path_factory.mktemp("georgia")
    return Georgia(Georgia(folder).miniature(folder, 3, records=5))


def test_records_are_found_where_the_publisher_or_the_challenge_has_them(
    georgia: Georgia, tmp_path: Path
) -> None:
    files = georgia.folder / "training" / "georgia" / "g1"
    for place in (
        "georgia/training/georgia/g1", "georgia", "cinc2021/georgia", "cinc2021/georgia/g7",
        "cinc2021/training/georgia/g1",
    ):  # fmt: skip
        root = tmp_path / place.replace("/", "-")
        shutil.copytree(files, root / place)
        found = Georgia(root)
        assert found.records == georgia.records
        assert found.open("E00001").read(0, 5000).shape == (12, 5000)


def test_a_header_may_name_its_record_with_mat_and_spell_mv_small(georgia: Georgia) -> None:
    header = georgia.folder / "training/georgia/g1/E00003.hea"
    text = header.read_text()
    assert text.startswith("E00003.mat 12 500 5000\n")
    assert "1000/mv" in text
    source = georgia.open("E00003")
    assert source.leads == STANDARD
    signal = source.read(0, 5000)
    assert 0.5 < float(np.median(np.ptp(signal, axis=1))) < 5
    assert georgia.metadata("E00003") == {"age": "41", "sex": "female"}
    assert codes(georgia, "E00003") == ["59118001"]


def test_empty_codes_and_unknown_ages_are_not_there(georgia: Georgia, tmp_path: Path) -> None:
    shutil.copytree(georgia.folder, tmp_path / "georgia")
    header = tmp_path / "georgia/training/georgia/g1/E00001.hea"
    text = header.read_text()
    said = "Dx: 284470004,89792004,,284470004"
    header.write_text(text.replace("Dx: 426783006", said).replace("Age: 27", "Age: NaN"))
    corpus = Georgia(tmp_path)
    assert codes(corpus, "E00001") == ["284470004", "89792004"]
    assert corpus.metadata("E00001") == {"sex": "female"}
    header.write_text(text.replace("Dx: 426783006", "Dx: Unknown").replace("Sex: Female", ""))
    assert Georgia(tmp_path).statements("E00001") == ()
    assert np.isnan(label_row((), "super", corpus="georgia")).all()


def test_nobody_is_named_and_what_is_not_here_is_said(georgia: Georgia) -> None:
    assert georgia.subject("E00002") == "georgia:record:E00002"
    assert not georgia.facts.subjects_known
    with pytest.raises(DataError, match="einthoven data get georgia"):
        georgia.open("E09999")


@pytest.mark.parametrize("name", PARTS)
def test_published_sizes_and_counts(name: str) -> None:
    facts = open_corpus(name, Path("nowhere")).facts
    assert max(facts.statements.values()) <= facts.records
    assert (facts.licence, facts.rate) == ("CC BY 4.0", 1000.0 if name == "ptb" else 500.0)
    assert facts.size < 40e9


def test_a_part_cut_short_is_found_by_the_checksums(tmp_path: Path) -> None:
    corpus = open_corpus("ptb", open_corpus("ptb", tmp_path).miniature(tmp_path, 1))
    name = "training/ptb/g1/S0001.mat"
    path = corpus.folder / name
    path.write_bytes(path.read_bytes()[:-100])
    assert check(corpus).corrupt == (name,)


@pytest.mark.parametrize("name", ["georgia", "cpsc2018", "ptb", "ludb"])
def test_without_checksums_headers_and_labels_are_read_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    corpus = open_corpus(name, open_corpus(name, tmp_path).miniature(tmp_path, 1))
    (corpus.folder / "SHA256SUMS.txt").unlink()
    here = len(corpus.present)
    words = ["data", "check", name, "--root", str(tmp_path)]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "no file can be called sound" in out
    assert f"read: headers of {here} records, labels of {here}" in out
    header = min(corpus.folder.rglob("*.hea"))
    header.write_text("no header\n")
    assert main(words) == 1
    out = capsys.readouterr().out
    assert f"read: headers of {here - 1} records, labels of {here - 1}" in out
    assert f"wrong: {header}" in out


def test_ningbo_goes_on_where_chapman_ends(tmp_path: Path) -> None:
    corpus = open_corpus("ningbo", open_corpus("ningbo", tmp_path).miniature(tmp_path, 1))
    assert corpus.records[0] == "JS10647"


def test_a_header_that_lost_its_first_letter_belongs_to_its_signal(tmp_path: Path) -> None:
    """S23074.hea of the challenge names JS23074.mat."""
    folder = Ningbo(tmp_path).miniature(tmp_path, 1, records=2) / "ningbo/training/ningbo/g1"
    header = (folder / "JS10648.hea").rename(folder / "S10648.hea")
    header.write_text(header.read_text().replace("JS10648 12", "S10648 12"))
    corpus = Ningbo(tmp_path)
    assert corpus.records == ("JS10647", "JS10648")
    assert corpus.open("JS10648").read(0, 5000).shape == (12, 5000)
    assert corpus.statements("JS10648")


@pytest.mark.parametrize("name", ["chapman", "ningbo"])
def test_ecg_arrhythmia_is_read_and_checked_as_its_publisher_has_it(
    tmp_path: Path, name: str
) -> None:
    kind = {"chapman": Chapman, "ningbo": Ningbo}[name]
    kind(tmp_path, edition="ecg-arrhythmia").miniature(tmp_path, 1, records=4)
    corpus = open_corpus(name, tmp_path)
    first = {"chapman": "01/010/JS00001", "ningbo": "11/116/JS10647"}[name]
    assert (corpus.folder / "WFDBRecords" / f"{first}.mat").is_file()
    assert corpus.present[0] == first[-7:]
    assert len(corpus.present) == 4
    assert corpus.facts.doi == "10.13026/wgex-er52"
    assert corpus.facts.base_url.endswith("/ecg-arrhythmia/1.0.0/")
    assert corpus.subject(first[-7:]) == f"{name}:record:{first[-7:]}"
    assert {said.system for r in corpus.records for said in corpus.statements(r)} == {"SNOMED CT"}
    assert set(corpus.metadata("JS00002" if name == "chapman" else "JS10648")) == {"age", "sex"}
    found = check(corpus)
    assert (len(found.sound), found.headers, found.labelled) == (8, 4, 4)
    assert found.ok
    # The challenge's edition goes before.
    kind(tmp_path, edition="cinc2021").miniature(tmp_path, 1, records=5)
    assert len(open_corpus(name, tmp_path).records) == 5


def test_one_folder_of_ecg_arrhythmia_serves_both_corpora(tmp_path: Path) -> None:
    shared = tmp_path / "ecg-arrhythmia"
    for kind in (Chapman, Ningbo):
        made = tmp_path / kind.part
        kind(made, edition="ecg-arrhythmia").miniature(made, 1, records=2)
        shutil.copytree(made / kind.facts.name, shared, dirs_exist_ok=True)
    assert Chapman(tmp_path).present == ("JS00001", "JS00002")
    assert Ningbo(tmp_path).present == ("JS10647", "JS10648")
    assert Ningbo(tmp_path).folder == shared
    assert len(check(Ningbo(tmp_path)).sound) == 4  # of its own records alone


def test_a_header_whose_line_break_is_lost_is_left_out_and_named(tmp_path: Path) -> None:
    """JS01052 of ecg-arrhythmia 1.0.0, as it is published."""
    Chapman(tmp_path, edition="ecg-arrhythmia").miniature(tmp_path, 1, records=2)
    folder = tmp_path / "chapman/WFDBRecords/01/010"
    for end in ("hea", "mat"):
        path = (folder / f"JS00002.{end}").rename(folder / f"JS01052.{end}")
    header = path.with_suffix(".hea")
    lines = header.read_text().splitlines()
    broken = "JS01052 12 500 500000/mV 16 0 15 31255 0 I"
    header.write_text("\n".join([broken, *lines[2:]]) + "\n")
    corpus = Chapman(tmp_path)
    assert corpus.present == ("JS00001",)
    assert "JS01052: left out" in corpus.notes()[0]
    header.unlink()
    assert Chapman(tmp_path).notes() == ()


@pytest.fixture
def cpsc(tmp_path: Path) -> Path:
    """Write two records in the publisher's own layout; return the data root."""
    folder = tmp_path / "cpsc2018" / "TrainingSet1"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, sex, age in (("A0001", "Male", 74.0), ("A0002", "Female", np.nan)):
        data = rng.normal(0, 0.2, (12, 4000))
        ecg = {"sex": sex, "age": np.array([[age]]), "data": data}
        savemat(folder / f"{name}.mat", {"ECG": ecg}, do_compression=True)
        np.save(tmp_path / f"{name}.npy", data)
    (tmp_path / "cpsc2018" / "REFERENCE.csv").write_text(
        "Recording,First_label,Second_label,Third_label\nA0001,5,,\nA0002,2,8,\n"
    )
    return tmp_path


def test_the_publishers_structures_are_read(cpsc: Path) -> None:
    corpus = Cpsc2018(cpsc)
    assert corpus.original
    assert corpus.records == ("A0001", "A0002")
    source = corpus.open("A0002")
    assert (source.rate, source.leads, source.samples) == (500.0, STANDARD, 4000)
    np.testing.assert_allclose(source.read(0, 4000), np.load(cpsc / "A0002.npy"), rtol=1e-6)
    assert corpus.metadata("A0001") == {"age": "74", "sex": "male"}
    assert corpus.metadata("A0002") == {"sex": "female"}
    assert codes(corpus, "A0001") == ["RBBB"]
    assert codes(corpus, "A0002") == ["AF", "STD"]
    assert corpus.subject("A0001") == "cpsc2018:record:A0001"


def test_a_reference_with_a_tenth_class_is_refused(cpsc: Path) -> None:
    table = cpsc / "cpsc2018" / "REFERENCE.csv"
    table.write_text(table.read_text().replace("A0001,5", "A0001,10"))
    with pytest.raises(DataError, match="class '10'"):
        Cpsc2018(cpsc).statements("A0001")
    table.unlink()
    with pytest.raises(DataError, match=r"REFERENCE.csv: is not there"):
        Cpsc2018(cpsc).statements("A0001")


def test_both_spellings_of_the_challenge_are_the_nine_classes(tmp_path: Path) -> None:
    corpus = Cpsc2018(Cpsc2018(tmp_path).miniature(tmp_path, 2))
    folder = corpus.folder / "training/cpsc_2018/g1"
    raw = [(folder / f"{r}.hea").read_text() for r in corpus.records]
    assert any("426783006" in text or "Normal" in text for text in raw)
    assert any("59118001" in text or "164909002" in text for text in raw)
    said = [codes(corpus, r) for r in corpus.records]
    assert {code for row in said for code in row} < set(CLASSES)
    assert said[0] == said[6] == ["Normal"]
    assert not corpus.original


def test_an_edition_is_asked_for_by_name(cpsc: Path) -> None:
    assert Cpsc2018(cpsc, edition="cinc2021").records == ()
    with pytest.raises(UsageError, match="cinc2021, original"):
        Cpsc2018(cpsc, edition="orginal")


def workbook(path: Path, rows: list[list[str]], head: str = "") -> None:
    """Write a workbook of shared strings and one sheet."""
    texts = sorted({cell for row in rows for cell in row})
    name = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    lines = []
    for y, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{chr(65 + x)}{y}" t="s"><v>{texts.index(cell)}</v></c>'
            for x, cell in enumerate(row)
            if cell
        )
        lines.append(f'<row r="{y}">{cells}</row>')
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"{head}<sst {name}>{shared}</sst>")
        sheet = f"<worksheet {name}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        archive.writestr("xl/worksheets/sheet1.xml", sheet)


HEAD = ["FileName", "Rhythm", "Beat", "PatientAge", "Gender", "VentricularRate"]
ROWS = [
    HEAD,
    ["MUSE_1", "AFIB", "RBBB TWC", "85", "MALE", "117"],
    ["MUSE_2", "AF", "NONE", "59", "FEMALE", "52"],
    ["MUSE_3", "SR", "NONE", "20", "FEMALE", "82"],
]


@pytest.fixture
def chapman(tmp_path: Path) -> Path:
    """Write a first edition of three records, two of which are here; return the data root."""
    folder = tmp_path / "chapman"
    (folder / "ECGDataDenoised").mkdir(parents=True)
    workbook(folder / "Diagnostics.xlsx", ROWS)
    data = np.round(np.random.default_rng(1).normal(0, 200, (5000, 12)), 2)
    np.savetxt(folder / "ECGDataDenoised/MUSE_1.csv", data, delimiter=",", fmt="%.2f")
    savemat(folder / "ECGDataDenoised/MUSE_2.mat", {"val": data})
    np.save(tmp_path / "data.npy", data)
    return tmp_path


def test_the_first_edition_is_read_from_its_workbook(chapman: Path) -> None:
    corpus = Chapman(chapman)
    assert corpus.original
    assert corpus.records == ("MUSE_1", "MUSE_2", "MUSE_3")
    assert sorted(corpus.present) == ["MUSE_1", "MUSE_2"]
    for record in corpus.present:
        source = corpus.open(record)
        want = np.load(chapman / "data.npy").T / 1000
        np.testing.assert_allclose(source.read(0, 5000), want, atol=1e-5)
        assert "denoised" in source.notes[0]
    assert codes(corpus, "MUSE_1") == ["AFIB", "RBBB", "TWC"]
    assert codes(corpus, "MUSE_3") == ["SR"]
    assert corpus.metadata("MUSE_2") == {"age": "59", "sex": "female"}
    # The challenge numbers its records by the rows of this table.
    assert corpus.subject("MUSE_2") == "chapman:record:JS00002"
    with pytest.raises(DataError, match="is not there"):
        corpus.open("MUSE_3")
    with pytest.raises(DataError, match="no record 'x9'"):
        corpus.statements("x9")


def test_in_the_first_edition_af_is_flutter(chapman: Path) -> None:
    corpus = Chapman(chapman)
    at = {name: k for k, name in enumerate(LABELS["cinc2021"])}
    first, second = (
        label_row(corpus.statements(r), "cinc2021", corpus="chapman") for r in ("MUSE_1", "MUSE_2")
    )
    assert (first[at["AF"]], first[at["AFL"]], first[at["CRBBB|RBBB"]]) == (1, 0, 1)
    assert (second[at["AF"]], second[at["AFL"]]) == (0, 1)


def test_a_workbook_that_is_none_is_refused_in_one_sentence(chapman: Path) -> None:
    path = chapman / "chapman" / "Diagnostics.xlsx"
    workbook(path, ROWS, head='<!DOCTYPE x [<!ENTITY a "b">]>')
    with pytest.raises(FormatError, match="document type"):
        _ = Chapman(chapman, edition="original").records
    for data in (b"", b"PK", path.read_bytes()[:300]):
        path.write_bytes(data)
        with pytest.raises(FormatError, match="no workbook"):
            _ = Chapman(chapman, edition="original").records
    workbook(path, [[*HEAD[:2], "Heart", *HEAD[3:]], *ROWS[1:]])
    with pytest.raises(DataError, match="no column 'Beat'"):
        _ = Chapman(chapman, edition="original").records


@pytest.mark.parametrize("name", PARTS)
def test_the_real_records_open_and_their_codes_are_known(name: str, data_root: Path) -> None:
    corpus = open_corpus(name, data_root)
    if len(corpus.present) < HERE[name]:
        pytest.skip(f"no {name} under {data_root}")
    sizes = []
    for record in corpus.present:
        source = corpus.open(record)
        assert (source.leads, source.rate) == (STANDARD, corpus.facts.rate)
        signal = source.read(0, min(source.samples, 5000))
        assert np.isfinite(signal).all()
        sizes.append(np.median(np.ptp(signal, axis=1)))
        assert set(corpus.metadata(record)) <= {"age", "sex"}
        row = label_row(corpus.statements(record), "cinc2021", corpus=name)
        assert not np.isnan(row).all()
    assert 0.5 < float(np.median(sizes)) < 5  # mV, from peak to peak


def test_the_real_first_editions(data_root: Path) -> None:
    cpsc = Cpsc2018(data_root, edition="original")
    chapman = Chapman(data_root, edition="original")
    if "A1981" not in cpsc.records or not chapman.present:
        pytest.skip(f"no first editions under {data_root}")
    assert cpsc.open("A1981").samples == 7950
    assert cpsc.metadata("A1981") == {"age": "48", "sex": "female"}
    assert len(chapman.records) == 10646
    for record in chapman.present:
        signal = chapman.open(record).read(0, 5000)
        assert 0.3 < float(np.median(np.ptp(signal, axis=1))) < 3
    newer = Chapman(data_root)
    rows = {chapman.subject(r): r for r in chapman.records}
    same = 0
    for record in newer.records:
        old = rows[newer.subject(record)]
        assert chapman.metadata(old) == newer.metadata(record)
        first, second = (
            label_row(c.statements(r), "cinc2021") for c, r in ((newer, record), (chapman, old))
        )
        same += np.array_equal(first == 1, second == 1)
    assert same >= 0.85 * len(newer.records)  # the challenge's edition has one label more
