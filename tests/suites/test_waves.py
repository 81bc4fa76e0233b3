"""The suite of waves on generated records: what it counts, and what it writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from einthoven.bundle import load_model
from einthoven.corpora.ludb import TEST, VALIDATION, Ludb
from einthoven.corpora.mitdb import Mitdb
from einthoven.evaluation.delineation import BOUNDARIES, Lead, mean_f1
from einthoven.record import DataError, Record
from einthoven.report._markdown import table
from einthoven.signal.waves import WaveNet
from einthoven.suites import _waves_elsewhere, suite_names, waves
from einthoven.suites import _waves_judge as judging
from einthoven.training import load_recipe
from einthoven.training import waves as training

NAMES = (*VALIDATION[:2], *TEST[:2])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Ludb:
    folder = tmp_path_factory.mktemp("data")
    return Ludb(Ludb(folder).miniature(folder, 2, records=NAMES))


@pytest.fixture(scope="module")
def net() -> WaveNet:
    return WaveNet(load_model("waves"))


def marked(corpus: Ludb) -> judging.Finder:
    """Return a finder that gives the marks themselves, four samples late."""

    def find(record: Record) -> list[Lead]:
        rows = [corpus.open(record.name).leads.index(lead) for lead in record.leads]
        return [
            Lead(kind=m.kinds, onset=m.onsets + 4, peak=m.peaks, offset=m.offsets + 4)
            for m in (corpus.marks(record.name)[row] for row in rows)
        ]

    return find


def test_the_marks_themselves_score_all_and_their_delay_is_the_error(corpus: Ludb) -> None:
    one = judging.judge(corpus, NAMES, marked(corpus))
    total = one.total
    assert mean_f1(total) == mean_f1(total, margin=True) == 1
    for name in BOUNDARIES:
        assert (total[name].mean, total[name].deviation) == pytest.approx((0.008, 0))
    assert all(np.abs(error).max() < 1e-9 for error in one.errors.values())
    assert (one.silent, len(one.records)) == (0, 4)
    lead = judging.judge(corpus, NAMES, marked(corpus), lead="V3").total
    assert 12 * lead["QRS onset"].hits == total["QRS onset"].hits


def test_what_is_found_at_another_rate_is_judged_at_the_records_own(corpus: Ludb) -> None:
    def find(record: Record) -> list[Lead]:
        assert record.rate == 250
        late = marked(corpus)(replace(record, rate=500.0))
        return [
            Lead(kind=w.kind, onset=w.onset // 2, peak=w.peak // 2, offset=w.offset // 2)
            for w in late
        ]

    halved = judging.judge(
        corpus, NAMES[:1], find, change=lambda r: replace(r, signal=r.signal[:, ::2], rate=250.0)
    )
    assert mean_f1(halved.total) == 1
    assert abs(halved.total["T offset"].mean - 0.007) < 0.002


def test_a_finder_of_nothing_is_silent_and_its_table_has_dashes(corpus: Ludb) -> None:
    nothing = Lead(kind=np.zeros(0, "<U3"), onset=np.zeros(0, np.int64),
                   peak=np.zeros(0, np.int64), offset=np.zeros(0, np.int64))  # fmt: skip
    one = judging.judge(corpus, NAMES, lambda record: [nothing] * len(record.leads))
    assert one.silent == 4
    assert mean_f1(one.total) == 0
    assert waves.lengths({"none": one})["rows"] == []
    assert "| -" in table(*[waves.boundaries({"none": one})[k] for k in ("columns", "rows")])


def test_the_shipped_net_finds_simulated_waves_as_a_stream_and_as_an_analysis(
    corpus: Ludb, net: WaveNet
) -> None:
    one = judging.judge(corpus, NAMES[:2], judging.analyzed)
    qrs = one.total["QRS onset"]
    assert qrs.sensitivity > 0.98
    assert qrs.predictivity > 0.95
    assert one.total["T offset"].sensitivity > 0.95
    direct = judging.judge(corpus, NAMES[:2], judging.by(net))
    assert direct.records == one.records
    # What was simulated is no proof of anything: the bounds only say that nothing is broken.
    single = judging.judge(corpus, NAMES[:1], judging.alone(judging.by(net)))
    assert single.total["QRS onset"].sensitivity > 0.95


def test_wavelets_stand_beside_or_are_silent(corpus: Ludb) -> None:
    pytest.importorskip("neurokit2")
    one = judging.judge(corpus, NAMES[:1], judging.dwt, lead="II")
    assert one.total["QRS onset"].hits > 5
    flat = Record(signal=np.zeros((1, 5000), np.float32), rate=500.0, leads=("II",))
    assert len(judging.dwt(flat)[0].kind) == 0


def test_leads_in_another_order_are_put_back(corpus: Ludb) -> None:
    given: list[Record] = []

    def find(record: Record) -> list[Lead]:
        given.append(record)
        plain = corpus.open(record.name).record().signal
        rows = [int(np.flatnonzero((plain == row).all(axis=1))[0]) for row in record.signal]
        marks = corpus.marks(record.name)
        return [
            Lead(kind=m.kinds, onset=m.onsets, peak=m.peaks, offset=m.offsets)
            for m in (marks[row] for row in rows)
        ]

    one = waves._reordered(corpus, NAMES[:1], find, np.random.default_rng(0))
    assert mean_f1(one.total) == 1
    assert not (given[0].signal == corpus.open(NAMES[0]).record().signal).all()


def test_the_file_is_written_as_it_is_printed_and_the_look_is_counted(
    corpus: Ludb, net: WaveNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(corpus.root))
    for name in ("speed", "robust"):
        monkeypatch.setattr(waves, name, lambda *_: {"rows": []})
    run = tmp_path / "runs" / "waves-ablation" / "short"
    few = [f'protocol.train=["{NAMES[2]}"]', f'protocol.validation=["{NAMES[0]}"]']
    few += [
        f'protocol.test=["{NAMES[3]}"]',
        "optimiser.epochs=1",
        "optimiser.beats=24",
        "model.edges=0",
    ]
    training.fit(load_recipe("waves", [*few, "model.widths=[4, 6]"]), run)
    for one in (waves.ablation, waves.looked_at):
        monkeypatch.setattr(one, "__defaults__", (NAMES[:1],))
    systems = {"ours": judging.judge(corpus, NAMES, marked(corpus))}
    out = tmp_path / "results"
    found = waves.write(out, corpus, "0" * 64, systems, net, tmp_path / "runs")
    assert json.loads((out / "waves.json").read_text()) == found
    assert found["figures"]["ours"]["mean_f1"]["value"] == 1
    titles = [part["title"] for part in found["tables"]]
    assert titles[:2] == ["LUDB test records", "Boundaries"]
    assert titles[-1] == "Losses and composed traces"
    for part in found["tables"]:
        assert all(len(row) == len(part["columns"]) for row in part["rows"])
    assert found["looks"] == 1
    look = json.loads((out / "looks.json").read_text())["looks"][0]
    assert (look["system"], look["side"]) == ("waves", "ludb test")


def test_it_is_a_suite_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "waves" in suite_names()
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="einthoven data get ludb"):
        waves.run(tmp_path)


def test_another_corpus_is_judged_by_its_beats_and_rhythms(
    net: WaveNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mitdb(tmp_path).miniature(tmp_path, 1, records=("101", "201"), seconds=40)
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    part = _waves_elsewhere.elsewhere({"shipped": judging.by(net)})
    assert len(part["rows"]) == 1
    name, beats, sensitivity, predictivity, *_ = part["rows"][0]
    assert name == "shipped"
    assert beats > 60
    assert min(float(sensitivity), float(predictivity)) > 85
    rows = _waves_elsewhere.strips(judging.by(net))["rows"]
    assert [row[:3] for row in rows] == [
        ["mitdb, DS1", 2, "einthoven"], ["mitdb, DS1", 2, "NeuroKit2 dwt"],
    ]  # fmt: skip
    assert rows[0][3] > 60
    assert [_waves_elsewhere._at([(0, "(N"), (90, "(AFIB")], s) for s in (-1, 5, 90)] == [
        "", "(N", "(AFIB",
    ]  # fmt: skip
