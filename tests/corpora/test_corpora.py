"""The contract of every corpus in the catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from einthoven.corpora import CORPORA, Corpus, check, data_root, demo_record, open_corpus, survey
from einthoven.corpora.demo import NOISE_SECONDS
from einthoven.corpora.nstdb import NOISES
from einthoven.corpora.simulated import TEST, TRAIN, VALIDATION, Simulated
from einthoven.record import DataError, UsageError
from einthoven.record.diagnosis import SYSTEMS
from einthoven.record.vocabulary import is_beat


@pytest.fixture(scope="module", params=CORPORA.names())
def miniature(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp(request.param)
    root = open_corpus(request.param, folder).miniature(folder, 7)
    return open_corpus(request.param, root)


def test_each_states_where_it_is_from_and_on_what_terms(miniature: Corpus) -> None:
    facts = miniature.facts
    assert facts.title
    assert facts.licence
    assert facts.citation
    assert miniature.name in CORPORA.names()
    # Where only the publisher's table names the records, none is known without it.
    assert len(open_corpus(miniature.name, Path("nowhere")).records) in (facts.records, 0)
    assert (facts.size > 0) == bool(facts.base_url)
    if facts.base_url:
        assert facts.base_url.startswith("https://")
        assert facts.base_url.endswith("/")
        assert facts.doi


def test_each_miniature_opens_with_labels_and_subjects(miniature: Corpus) -> None:
    for record in miniature.records[:4]:
        source = miniature.open(record)
        marks = source.annotations()
        assert source.rate == miniature.facts.rate
        if not source.leads:  # a record of marks alone
            assert marks is not None
            assert is_beat(marks.symbols).sum() > 10
            continue
        signal = source.read(0, source.samples)
        assert np.isfinite(signal).all()
        corpus, _, person = miniature.subject(record).partition(":")
        assert corpus in CORPORA.names()
        assert person
        assert person.startswith("record:") == (not miniature.facts.subjects_known)
        said = miniature.statements(record)
        assert {statement.system for statement in said} <= set(SYSTEMS)
        assert all(statement.code and 0 <= statement.likelihood <= 1 for statement in said)
        assert all(miniature.metadata(record).values())
        if marks is None:
            assert said
            assert np.ptp(signal, axis=1).max() > 0.4
            continue
        assert is_beat(marks.symbols).sum() > 10
        beats = marks.samples[is_beat(marks.symbols)]
        beats = beats[(beats > 20) & (beats < source.samples - 20)]
        near = signal[:, beats[:, None] + np.arange(-20, 21)]
        assert np.median(np.ptp(near, axis=2), axis=1).max() > 0.4  # a QRS stands at the marks


def test_each_refuses_a_record_it_does_not_have(miniature: Corpus) -> None:
    verbs = (miniature.open, miniature.subject, miniature.statements, miniature.metadata)
    for verb in verbs:
        with pytest.raises(DataError, match="no record 'x9'"):
            verb("x9")


def test_each_miniature_is_the_same_for_the_same_seed(miniature: Corpus, tmp_path: Path) -> None:
    open_corpus(miniature.name, tmp_path).miniature(tmp_path, 7)

    def content(folder: Path) -> dict[Path, bytes]:
        files = (p for p in folder.rglob("*") if p.is_file())
        return {p.relative_to(folder): p.read_bytes() for p in files}

    assert content(miniature.folder) == content(tmp_path / miniature.name)


def test_each_miniature_passes_its_own_checksums(miniature: Corpus) -> None:
    found = check(miniature)
    assert (found.corrupt, found.missing, found.faults) == ((), (), ())
    assert found.listed
    made = not miniature.files() and not miniature.facts.by_hand
    here = 0 if made else len(miniature.present)
    assert (found.headers, found.labelled) == (here, here)
    # Generated labels are not the publisher's, and the check says so.
    assert found.labels_counted or not miniature.facts.symbols
    assert found.ok == (not found.labels)
    assert found.ok == (not miniature.facts.symbols)


def test_the_survey_counts_what_is_there(miniature: Corpus) -> None:
    rows = survey(miniature)
    assert [r.record for r in rows] == list(miniature.present)
    for row in rows:
        assert sum(row.classes.values()) == sum(row.symbols.values())


def test_an_empty_folder_has_nothing_to_survey_or_check(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="einthoven data get mitdb"):
        survey(open_corpus("mitdb", tmp_path))
    with pytest.raises(DataError, match="einthoven data get nstdb"):
        check(open_corpus("nstdb", tmp_path))


def test_an_unknown_corpus_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean mitdb"):
        open_corpus("mit-db")


def test_the_data_root_is_the_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    assert data_root() == tmp_path
    assert open_corpus("mitdb").folder == tmp_path / "mitdb"
    monkeypatch.delenv("EINTHOVEN_DATA")
    assert data_root() == Path.home() / ".cache/einthoven/data"


def test_a_folder_with_fewer_records_says_which(tmp_path: Path) -> None:
    corpus = open_corpus("mitdb", tmp_path)
    corpus.miniature(tmp_path, 1, records=("100", "202"), seconds=10)  # type: ignore[call-arg]
    assert corpus.records == corpus.present == ("100", "202")
    (corpus.folder / "100.dat").unlink()
    assert corpus.present == ("202",)


def test_the_noises_open_and_belong_to_nobody(tmp_path: Path) -> None:
    corpus = open_corpus("nstdb", tmp_path)
    corpus.miniature(tmp_path, 1)
    for noise in NOISES:
        source = corpus.open(noise)
        assert source.leads == ("noise1", "noise2")
        assert 0.05 < float(np.std(source.read(0, source.samples))) < 1
        with pytest.raises(DataError, match="unnamed volunteers"):
            corpus.subject(noise)
    assert corpus.subject("118e_6") == open_corpus("mitdb", tmp_path).subject("118")


def test_the_publishers_noise_stress_records_open(data_root: Path) -> None:
    corpus = open_corpus("nstdb", data_root)
    if "118e06" not in corpus.present:
        pytest.skip(f"no nstdb under {data_root}")
    assert corpus.open("118e06").leads == ("MLII", "V1")
    assert [corpus.open(n).samples for n in NOISES] == [650_000] * 3


def test_simulated_people_are_the_same_each_time_and_unlike_each_other() -> None:
    corpus = Simulated(Path("nowhere"), subjects=6, seconds=20)
    one, two = (corpus.open("s001").read(0, 7200) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    other = Simulated(Path("nowhere"), subjects=6, seconds=20, seed=1)
    assert other.open("s001").read(0, 7200).tobytes() != one.tobytes()
    assert len({corpus.open(r).read(0, 7200).tobytes() for r in corpus.records}) == 6


def test_each_side_of_the_simulated_people_has_every_class() -> None:
    corpus = open_corpus("simulated")
    assert set(VALIDATION) < set(TRAIN)
    assert set(TRAIN) | set(TEST) == set(corpus.records)
    assert not set(TRAIN) & set(TEST)
    rows = {r.record: r for r in survey(corpus)}
    for side in (set(TRAIN) - set(VALIDATION), VALIDATION, TEST):
        counts = {c: sum(rows[r].classes[c] for r in side) for c in "NSVF"}
        assert min(counts.values()) >= 5
        symbols = {s for r in side for s in rows[r].symbols}
        assert symbols == set("NLRAVF")


def test_the_demo_record_holds_what_it_promises() -> None:
    record = demo_record()
    assert record.leads == ("II", "V5")
    assert (record.rate, record.seconds) == (360.0, 300.0)
    assert "simulated" in record.name
    marks = record.annotations
    assert marks is not None
    counts = {s: int((marks.symbols == s).sum()) for s in "NAV+~"}
    assert counts["A"] >= 6
    assert counts["V"] >= 20
    assert [t for t in marks.texts if t] == ["(N", "(B", "(N", "(AFIB", "(N"]
    noisy = marks.samples[marks.symbols == "~"] / record.rate
    assert noisy.tolist() == list(NOISE_SECONDS)
    assert record.signal.tobytes() == demo_record().signal.tobytes()
