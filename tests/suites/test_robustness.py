"""Score against severity: who may be judged, what a cell is, what is told of made-up answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einthoven.corpora import open_corpus
from einthoven.corpora.mitdb import Mitdb
from einthoven.corpora.nstdb import Nstdb
from einthoven.corpora.ptbxl import Ptbxl
from einthoven.protocols.robustness import LADDER, Rung, rungs
from einthoven.record import DataError, InputSpec
from einthoven.record.diagnosis import SUPERCLASSES
from einthoven.report import _robustness
from einthoven.suites import _robust_beats, _robust_records, _robust_systems, robustness
from einthoven.suites import _robust_tables as tables
from einthoven.suites._looks import read as looks
from einthoven.suites._robust_records import Shelf, filled, said
from einthoven.suites._robust_systems import PLACES, System
from einthoven.training._recipe import load_recipe, to_toml

STRIP = load_recipe("resnet1d-wang").input
TOKENS = load_recipe("beat-net").input
FEW = tuple(
    r for r in rungs("records")
    if not r.kind or r.name in ("em 0 dB", "jitter 20 ms", "lost 6 of 12", "smaller 0.25 times")
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    Ptbxl(folder).miniature(folder, 5, records=70)
    Nstdb(folder).miniature(folder, 5, seconds=12)
    Mitdb(folder).miniature(folder, 5, records=("101", "114"), seconds=30)
    return folder


def _by_size(window: Any, side: Any) -> Any:
    """Say of every class how tall lead V2 is."""
    del side
    tall = np.ptp(window[:, 7], axis=1, keepdims=True)
    return np.repeat(tall, len(SUPERCLASSES), axis=1).astype(np.float32)


def _system(name: str, spec: InputSpec, load: Callable[[], Any], **changed: Any) -> System:
    values: dict[str, Any] = {
        "name": name, "source": "x", "spec": spec, "labels": "ptbxl-superdiagnostic",
        "classes": SUPERCLASSES, "learnt": 100, "mark": "0" * 12, "network": True, "load": load,
    }  # fmt: skip
    return System(**values | changed)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three systems that judge by size and a short ladder; return who had to be loaded."""
    loaded: list[str] = []

    def found(runs: Path, judged: Any, *, shipped: bool) -> tuple[list[System], list[str]]:
        del runs, judged, shipped

        def load(name: str) -> Any:
            loaded.append(name)
            return _by_size

        return [
            _system(robustness.OURS, TOKENS, lambda: load(robustness.OURS)),
            _system(robustness.ALIKE, TOKENS, lambda: load(robustness.ALIKE)),
            _system("resnet1d-wang", STRIP, lambda: load("resnet1d-wang")),
        ], []

    monkeypatch.setattr(_robust_systems, "found", found)
    monkeypatch.setattr(
        robustness, "rungs",
        lambda asks: FEW if asks == "records" else (Rung(), Rung(kind="em", severity=0.0)),
    )  # fmt: skip
    monkeypatch.setattr(tables, "DRAWS", 50)
    return loaded


def test_fold_8_is_told_and_test_sides_stay_shut(
    root: Path, tmp_path: Path, asked: list[str]
) -> None:
    out, runs = tmp_path / "results", tmp_path / "runs"
    results = robustness.run(out, runs=runs, root=root)
    assert sorted(asked) == [robustness.OURS, "resnet1d-wang", robustness.ALIKE]
    assert set(results["records"]) == {"fold 8"}
    assert results["beats"] == {}
    assert not (out / "looks.json").exists()
    cells = results["records"]["fold 8"]["cells"]
    assert list(cells[robustness.OURS]) == [r.name for r in FEW]
    mine = cells["resnet1d-wang"]
    assert mine["as recorded"]["less"]["value"] == 0
    # A strip needs no R peaks; and who judges by order of size is not moved by a gain.
    for rung in ("jitter 20 ms", "smaller 0.25 times"):
        assert mine[rung]["macro_auroc"] == mine["as recorded"]["macro_auroc"]
    assert mine["em 0 dB"]["macro_auroc"] != mine["as recorded"]["macro_auroc"]
    for table in results["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    held, alike = results["held_to"]
    assert held["rival"] == "resnet1d-wang"
    assert alike["rival"] == robustness.ALIKE
    assert alike["ours"]["fold 8"]["value"] == 0  # it judges by size, too
    assert held["ours"]["fold 8"]["value"] == pytest.approx(
        cells[robustness.OURS]["em 0 dB"]["macro_auroc"]["value"]
        - mine["em 0 dB"]["macro_auroc"]["value"], abs=2e-5,
    )  # fmt: skip
    # Nothing is made twice; a cell that is lost is made again, and is the same.
    asked.clear()
    assert robustness.run(out, runs=runs, root=root) == results
    assert asked == []
    (cell,) = (runs / "robustness" / "resnet1d-wang").rglob("em-0-db.npy")
    cell.unlink()
    assert robustness.run(out, runs=runs, root=root) == results
    assert asked == ["resnet1d-wang"]


def test_test_sides_are_opened_when_asked_and_counted_once(
    root: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_robust_beats, "BUNDLES", ("aami-live",))
    monkeypatch.setattr(robustness, "DS2", ("101", "114"))
    out, runs = tmp_path / "results", tmp_path / "runs"
    for _ in range(2):
        results = robustness.run(out, runs=runs, root=root, test=True)
    assert set(results["records"]) == {"fold 8", "fold 9"}
    told = results["beats"]["DS2"]
    assert told["records"] == 2
    assert told["cells"]["aami-live"]["as recorded"]["beats"] > 50
    sides = [look["side"] for look in looks(out)]
    assert set(sides) == {"ptbxl fold 9", "mitdb DS2"}
    # Rungs that change no answer are no look of their own.
    assert sides.count("mitdb DS2") == 2
    assert 4 <= sides.count("ptbxl fold 9") <= 3 * len(FEW)
    assert {t["title"] for t in results["tables"]} >= {
        "Macro AUROC, fold 9",
        "Macro F1 of beats, DS2",
    }


def _write(folder: Path, name: str, training: list[str], validation: list[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(to_toml(load_recipe(name)), encoding="utf-8")
    sides = {"training": {"ptbxl": training}, "validation": {"ptbxl": validation}, "test": {}}
    (folder / "split.json").write_text(json.dumps({"sides": sides}), encoding="utf-8")
    (folder / "answers.npz").write_bytes(b"")
    trees = name.startswith("twelve")
    (folder / ("trees.onnx" if trees else "weights.safetensors")).write_bytes(b"x")


def test_nobody_is_judged_on_records_that_its_weights_have_seen(tmp_path: Path) -> None:
    full, nine, apart = PLACES
    judged = ["8a", "8b"]
    _write(tmp_path / full.format("beat-net"), "beat-net", ["1"], judged)
    _write(tmp_path / nine.format("beat-net"), "beat-net", ["1"], judged)
    # Grown anew on the validation side in the end: only the run that never had it may answer.
    _write(tmp_path / nine.format("twelve"), "twelve", ["1"], judged)
    _write(tmp_path / apart.format("twelve"), "twelve", ["1"], ["2"])
    _write(tmp_path / nine.format("xresnet1d101"), "xresnet1d101", ["1", "8a"], [])
    _write(tmp_path / apart.format("heartbeatai-erm"), "heartbeatai", ["1"], ["2"])
    (tmp_path / nine.format("s4")).mkdir(parents=True)  # not finished
    _write(tmp_path / "mine", "heartbeatai", ["1"], judged)
    _write(tmp_path / "theirs", "cnn", ["1"], judged)  # of beats
    systems, notes = _robust_systems.found(tmp_path, judged, shipped=False)
    assert {s.name: s.source for s in systems} == {
        "beat-net": full.format("beat-net"), "twelve": apart.format("twelve"), "mine": "mine",
    }  # fmt: skip
    assert [s.network for s in systems] == [True, False, True]
    assert any(n.startswith("xresnet1d101: no run that has not seen") for n in notes)
    # On a fold that only tests, the full one answers; and the shipped bundle, too.
    systems, _ = _robust_systems.found(tmp_path, ["9a"], shipped=True)
    assert {s.name: s.source for s in systems}["twelve"] == nine.format("twelve")
    assert systems[-1].name == "twelve (shipped)"
    assert systems[-1].classes == SUPERCLASSES


def test_a_refused_record_counts_as_the_middle_of_what_is_said() -> None:
    usual = np.array([[0.0], [1.0], [5.0]], np.float32)
    found = filled(np.array([[3.0], [np.nan], [-1.0]], np.float32), usual)
    assert found.tolist() == [[3.0], [1.0], [-1.0]]
    system = _system("x", STRIP, lambda: _by_size)
    window = np.ones((2, 12, 10), np.float32)
    window[1, 7, 0] = 3  # of two windows the mean counts
    told = said(system, [None, (window, np.zeros((2, 0), np.float32)), None])
    assert np.isnan(told[[0, 2]]).all()
    assert told[1].tolist() == [1.0] * 5
    assert np.isnan(said(system, [None])).all()


def test_a_flat_chest_lead_is_refused_and_a_flat_limb_lead_is_not(root: Path) -> None:
    corpus = open_corpus("ptbxl", root)
    (record, *_), _ = _robust_records.load(corpus, corpus.present[:3])
    for name, refused in (("V3", True), ("II", False)):
        signal = record.signal.copy()
        signal[record.leads.index(name)] = 0
        flat = type(record)(
            signal=signal, rate=record.rate, leads=record.leads, annotations=record.annotations
        )
        noises = robustness.Noises({}, 360.0)
        made = _robust_records.windows(Rung(), flat, [STRIP, TOKENS], noises)
        assert [m is None for m in made] == [refused, refused]


def test_a_record_without_a_beat_is_left_out_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus("ptbxl", root)
    names = corpus.present[:2]
    real = _robust_records.find_peaks

    class _None:
        samples = np.zeros(0, np.int64)

    answers = iter([_None(), real])
    monkeypatch.setattr(
        _robust_records, "find_peaks",
        lambda *given: (lambda a: a(*given) if callable(a) else a)(next(answers)),
    )  # fmt: skip
    kept, without = _robust_records.load(corpus, names)
    assert without == [names[0]]
    assert [r.name for r in kept] == [names[1]]


def test_cells_of_other_weights_or_records_are_not_taken(tmp_path: Path) -> None:
    rung, cell = Rung(kind="em", severity=-6.0), np.zeros((2, 5), np.float32)
    shelf = Shelf(tmp_path, "a b", "m1", "fold 8", ["1", "2"], (5,))
    assert shelf.get(rung) is None
    shelf.put(rung, cell)
    found = shelf.get(rung)
    assert found is not None
    np.testing.assert_array_equal(found, cell)
    for mark, records in (("m2", ["1", "2"]), ("m1", ["1", "3"])):
        other = Shelf(tmp_path, "a b", mark, "fold 8", records, (5,))
        assert other.get(rung) is None
    Shelf(tmp_path, "a b", "m2", "fold 8", ["1", "2"], (5,)).put(Rung(), cell)
    assert shelf.get(rung) is None


def test_the_area_is_that_of_the_definition_and_pairs_share_their_people() -> None:
    table = _answers()
    systems = [_system(n, STRIP, lambda: _by_size) for n in ("beat-net", "heartbeatai")]
    good = np.where(table.label == 1, 1.0, 0.0).astype(np.float32)
    cells = {
        (s.name, rung.name): good if not rung.kind else good * 0
        for s in systems for rung in FEW
    }  # fmt: skip
    areas = tables.drawn(systems, {s.name: table for s in systems}, cells, FEW, draws=20)
    assert areas["beat-net", "as recorded"].tolist() == [1.0] * 21
    assert areas["beat-net", "em 0 dB"].tolist() == [0.5] * 21  # all are equal
    found = tables.pairs(systems[0], systems[1:], FEW, areas)
    assert found["heartbeatai"]["em 0 dB"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def _answers() -> Any:
    from einthoven.evaluation.answers import Answers

    n = 40
    label = np.tile(np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]], np.float32), (n // 2, 1))
    return Answers(
        classes=SUPERCLASSES, part=np.full(n, "test"), corpus=np.full(n, "ptbxl"),
        record=np.array([str(i) for i in range(n)]), subject=np.array([f"p{i}" for i in range(n)]),
        domain=np.full(n, ""), fold=np.full(n, 8), label=label, logits=label,
    )  # fmt: skip


def test_without_noise_or_runs_it_says_what_to_do(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data get nstdb"):
        robustness.run(tmp_path, runs=tmp_path, root=tmp_path)
    with pytest.raises(DataError, match="no run of twelve leads"):
        robustness.run(tmp_path, runs=tmp_path, root=root)


def test_the_picture_has_a_panel_a_trouble_and_a_line_a_system() -> None:
    one = {"macro_auroc": {"value": 0.9, "low": 0.8, "high": 1.0}}
    cells = {s: {r.name: one for r in rungs("records")} for s in ("one & only", "two")}
    svg = _robustness.chart(cells, "macro_auroc", "records", "A < title")
    kinds = [k for k, t in LADDER.items() if "records" in t.asks]
    # Exchanges are side by side, not one after the other: points, no line.
    assert svg.count("<polyline") == 2 * (len(kinds) - 1)
    assert svg.count("<circle") == 2 * (len(rungs("records")) - 1 + len(kinds))
    assert all(LADDER[k].title in svg for k in kinds)
    assert "one &amp; only" in svg
    assert "A &lt; title" in svg
