"""The plan of twelve leads, and what is said of made-up answers; fold 9 opens only when asked."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from einthoven.cli import main
from einthoven.corpora import open_corpus
from einthoven.evaluation.answers import Answers
from einthoven.record import DataError
from einthoven.suites import (
    _planned,
    _twelve_control,
    _twelve_judge,
    _twelve_plan,
    _twelve_tables,
    run_suite,
    twelve,
)
from einthoven.suites._looks import read as looks
from einthoven.suites._twelve_plan import (
    DEVICES,
    FLAGSHIP,
    FOLDS,
    RIVAL,
    TREES,
    VARIANTS,
    Item,
    plan,
)
from einthoven.training import load_recipe
from einthoven.training._recipe import to_toml

CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")

# --- the plan ------------------------------------------------------------------------------------


def test_the_plan_has_a_folder_a_run_and_one_budget_for_all_networks(tmp_path: Path) -> None:
    items = plan(tmp_path)
    assert len({i.folder for i in items}) == len(items)
    nets = [i.recipe for i in items if i.recipe.model.library == "torch"]
    budgets = {(r.optimiser.epochs, r.optimiser.batch) for r in nets}
    assert len(budgets) == 1, budgets
    # A step sees 2.5 s of each record, as a crop or as three of its beats.
    seen = {(r.input.kind, r.crop.seconds, r.model.arguments.get("beats")) for r in nets}
    assert seen == {("strip", 2.5, None), ("tokens", 0.0, 3)}
    taught = [i for i in items if i.recipe.objective.teacher]
    assert {i.system for i in taught} == {_twelve_plan.LEARNER, _twelve_plan.HARDENED}
    for item in taught:  # by trees that saw the same split
        assert item.recipe.objective.teacher.split("/")[-2:] == [*item.folder.parts[-2:]]
    assert {r.optimiser.keep for r in nets} == {"last"}
    for item in items:
        assert item.recipe.seeds == (item.seed,)
        assert item.recipe.protocol.part == item.part
        assert "fold" not in item.recipe.protocol.name or item.trial in ("out-of-fold", "fold-9")
        domains = {"device": "device", "site": "site", "source": "corpus", "source-nine": "corpus"}
        if item.trial in domains:
            assert item.recipe.corpus.domain == domains[item.trial], item.title
        assert (item.recipe.corpus.labels == "nine") == item.trial.endswith("-nine")


def test_what_is_out_of_fold_comes_before_fold_9_and_seed_0_before_all_others(
    tmp_path: Path,
) -> None:
    items = plan(tmp_path)
    first = [i for i in items if i.seed == 0]
    ninth = next(k for k, i in enumerate(first) if i.trial == "fold-9")
    assert all(i.trial != "out-of-fold" for i in first[ninth:])
    assert [i.seed for i in items[: len(first)]] == [0] * len(first)


def test_each_variant_takes_out_its_own_part_and_no_other(tmp_path: Path) -> None:
    items = plan(tmp_path, seeds=(0,))
    whole = next(i.recipe for i in items if i.system == FLAGSHIP and not i.variant)
    for variant in VARIANTS:
        without = next(i.recipe for i in items if i.variant == variant)
        a, b = whole.to_dict(), without.to_dict()
        changed = {
            f"{s}.{k}"
            for s in ("model", "objective", "augment", "optimiser", "crop")
            for k in a[s] if a[s][k] != b[s][k]
        }  # fmt: skip
        assert changed == {c.split("=")[0] for c in VARIANTS[variant]}


# --- made-up runs --------------------------------------------------------------------------------


def _write(item: Item, skill: float) -> None:
    """Write a finished run whose logits are `skill` SDs apart; a person has two records."""
    item.folder.mkdir(parents=True)
    parts = []
    for part, count in (("validation", 40), ("test", 60)):
        # Of one part all systems and seeds answer the same records.
        rng = np.random.default_rng(zlib.crc32(f"{item.trial}{item.part}{part}".encode()))
        label = (rng.random((count, 5)) < 0.4).astype(np.float32)
        noise = np.random.default_rng(item.seed + int(100 * skill)).normal(0, 1, label.shape)
        names = np.array([f"{item.trial}{item.part}{part}{n}" for n in range(count)])
        if item.trial == "out-of-fold":
            names = np.array([f"{item.part}{part}{n}" for n in range(count)])
        parts.append((part, names, label, skill * label + noise))
    name = np.concatenate([p[1] for p in parts])
    Answers(
        classes=CLASSES, part=np.repeat(["validation", "test"], [40, 60]),
        corpus=np.full(100, "ptbxl"), record=name,
        subject=np.array([f"{item.trial}{item.part}{n // 2}" for n in range(100)]),
        domain=np.full(100, item.part or "x"),
        fold=np.full(100, 9 if item.trial == "fold-9" else 1),
        label=np.concatenate([p[2] for p in parts]),
        logits=np.concatenate([p[3] for p in parts]).astype(np.float32),
    ).save(item.folder / "answers.npz")  # fmt: skip
    (item.folder / "recipe.toml").write_text(to_toml(item.recipe), encoding="utf-8")
    bars = {"thresholds": dict.fromkeys(CLASSES[:4], 0.6), "parameters": 1000}
    (item.folder / "metrics.json").write_text(json.dumps(bars), encoding="utf-8")
    (item.folder / "weights.safetensors").write_bytes(b"")


def _skill(item: Item) -> float:
    if item.system in (RIVAL, TREES):
        return 3.0
    return 1.0 if item.variant == "no-se" else 1.5


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for item in plan(tmp_path / "runs", seeds=(0,)):
        few = item.system in (FLAGSHIP, RIVAL) and item.trial in ("out-of-fold", "fold-9", "device")
        few = few or (item.system == TREES and item.trial == "device")
        if few and item.variant in ("", "no-se"):
            _write(item, _skill(item))
    return tmp_path


def test_fold_9_is_scored_when_asked_and_then_counted(made: Path) -> None:
    out = made / "results"
    closed = run_suite("twelve", out, made / "runs", train=False)
    assert not any("fold-9" in row for row in closed["systems"])
    assert not (out / "looks.json").exists()
    opened = run_suite("twelve", out, made / "runs", train=False, test=True)
    row = next(r for r in opened["systems"] if r["name"] == FLAGSHIP)
    assert row["fold-9"]["records"] == 60
    seen = {(look["system"], look["side"]) for look in looks(out)}
    assert seen == {(FLAGSHIP, "ptbxl fold 9"), (RIVAL, "ptbxl fold 9")}
    run_suite("twelve", out, made / "runs", train=False, test=True)
    assert len(looks(out)) == 2, "the same answers are the same look"


def test_systems_are_compared_on_the_same_records_and_ties_are_called_so(made: Path) -> None:
    results = run_suite("twelve", made / "results", made / "runs", train=False)
    rows = {r["name"]: r for r in results["systems"]}
    told = rows[FLAGSHIP]["out-of-fold"]
    assert told["records"] == 60 * len(FOLDS)
    gap = rows[FLAGSHIP][f"out-of-fold less {RIVAL}"]["macro"]
    assert gap["value"] < 0
    assert not gap["tie"]
    theirs = rows[RIVAL]["out-of-fold"]["macro"]["auroc"]["value"]
    assert gap["value"] == pytest.approx(told["macro"]["auroc"]["value"] - theirs, abs=2e-5)
    assert rows["majority"]["out-of-fold"]["macro"]["auroc"]["value"] == 0.5
    no_se = next(r for r in results["ablation"] if r["variant"] == "no-se")
    assert no_se["out-of-fold brings"]["macro"]["value"] > 0
    held = {(h["which"], h["trial"]): h for h in results["held_to"]}
    assert held["one model", "fold-9"]["ours"] is None
    best, unopened, *_ = next(t for t in results["tables"] if t["title"] == "Held to")["rows"]
    assert best[4:] == [0.935, "yes", 0.94, "yes"]
    assert unopened[3:] == ["", 0.92, "no", "", ""]
    assert len(results["missing"]) > 100
    for table in results["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"]), table["title"]
    device = next(r for r in results["domains"] if r["left_out"] == "device")
    assert set(device["domains"]) == set(DEVICES)
    assert device["less trees"]["macro"]["value"] < 0, "the best baseline stands beside it"


def test_a_trial_of_which_a_part_is_missing_is_not_judged(made: Path) -> None:
    gone = next(
        i for i in plan(made / "runs", seeds=(0,))
        if i.system == RIVAL and i.trial == "out-of-fold"
    )  # fmt: skip
    (gone.folder / "weights.safetensors").unlink()
    results = run_suite("twelve", made / "results", made / "runs", train=False)
    assert not any(r["name"] == RIVAL for r in results["systems"])


def test_what_was_judged_where_other_runs_lay_is_kept(made: Path) -> None:
    out = made / "results"
    first = run_suite("twelve", out, made / "runs", train=False, test=True)
    shutil.rmtree(made / "runs" / "twelve" / RIVAL)
    again = run_suite("twelve", out, made / "runs", train=False)
    rows = {r["name"]: r for r in again["systems"]}
    assert rows[RIVAL] == {**next(r for r in first["systems"] if r["name"] == RIVAL), "kept": True}
    # It would tell less now: neither fold 9 nor the difference to the rival.
    assert rows[FLAGSHIP]["kept"]
    assert again["missing"] == first["missing"]
    assert RIVAL in again["notes"][-1]
    assert again["tables"] == first["tables"]
    whole = run_suite("twelve", made / "others", made / "runs", train=False)
    assert len(whole["missing"]) == len(first["missing"]) + 10


def test_the_command_judges_what_is_there(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--suite", "twelve", "--no-train", "--runs", str(made / "runs")]
    assert main([*words, "--out", str(made / "results")]) == 0
    assert "not trained" in capsys.readouterr().err


def test_without_runs_there_is_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Train first"):
        twelve.run(tmp_path, runs=tmp_path / "none", train=False)


# --- figures -------------------------------------------------------------------------------------


def test_the_tables_tell_the_gap_first_and_of_how_many_records_it_is(made: Path) -> None:
    results = run_suite("twelve", made / "results", made / "runs", train=False)
    # No record of these devices is out of fold, too; any difference is as good for the table.
    domain = results["domains"][0]
    domain["gap"] = domain["less rival"] | {"records": 11}
    told = _twelve_tables.tables(results["systems"], [domain], [], [])
    gap, systems, others = told[:3]
    assert gap["title"].startswith("Intra-source less")
    row = dict(zip(gap["columns"], gap["rows"][0], strict=True))
    assert (row["seeds"], row["records"], row["records of the gap"]) == (1, 300, 11)
    assert systems["title"] == "All systems at one budget"
    assert {"AUPRC", "F2", "G2", "Brier"} <= set(others["columns"])


def test_rare_classes_of_the_sources_are_named_with_their_counts(made: Path) -> None:
    domain = run_suite("twelve", made / "results", made / "runs", train=False)["domains"][0]
    domain |= {"left_out": _twelve_plan.NINE, "gap": domain["less rival"]}
    domain["strange"]["classes"]["HYP"]["positives"] = 19
    nine, *_, each, _ = _twelve_tables.tables([], [domain], [], [])
    assert [row[0] for row in nine["rows"]] == [*CLASSES[:-1], "HYP (rare)", "macro"]
    assert nine["rows"][-2][1] == 19
    assert nine["note"].endswith(f"Trained models: {domain['system']} 1.")
    auroc = domain["strange"]["classes"]["HYP"]["auroc"]["value"]
    assert nine["rows"][-2][2].startswith(f"{auroc:.3f} [")
    gap = domain["gap"]["classes"]["HYP"]["value"]
    assert nine["rows"][-2][3].startswith(f"{gap:+.3f} [")
    assert each["rows"][0][0] == _twelve_plan.NINE


def test_what_a_part_brings_is_of_the_seeds_that_both_have(made: Path) -> None:
    for item in plan(made / "runs", seeds=(1,)):
        if item.system == FLAGSHIP and not item.variant and item.trial in ("out-of-fold", "device"):
            _write(item, 4.0)  # a seed that the variant lacks
    results = run_suite("twelve", made / "results", made / "runs", train=False)
    rows = {r["variant"]: r for r in results["ablation"]}
    assert rows["whole"]["seeds"] == 2
    assert rows["no-se"]["seeds"] == 1
    (table,) = [t for t in results["tables"] if t["title"].startswith("What the parts")]
    (row,) = table["rows"]
    brings = rows["no-se"]["out-of-fold brings"]["macro"]["value"]
    assert float(row[2]) - float(row[3].split()[0]) == pytest.approx(brings, abs=0.0011)
    assert rows["whole"]["out-of-fold"]["value"] > float(row[2]) + 0.01


def test_the_note_says_who_else_looks_at_fold_9() -> None:
    items = plan(Path("none"), seeds=(0,))
    looks = [
        {"side": side, "system": system, "why": why}
        for side, system, why in (
            ("ptbxl fold 9", "a", "trained model, a seed"),
            ("ptbxl fold 9", "a", "robustness: bw 6 dB"),
            ("ptbxl fold 9", "b", "robustness: bw 6 dB"),
            ("mitdb DS2", "c", "trained model, a seed"),
        )
    ]
    text = _twelve_tables.note(items, True, looks)
    assert "--suite robustness --test-side" in text
    assert "3 looks at fold 9, 1 of them by this suite, and up to 2 of one system" in text
    assert "not opened" in _twelve_tables.note(items, False)


def _told(logits: np.ndarray, label: np.ndarray, names: list[str]) -> _twelve_judge.Told:
    n = len(names)
    table = Answers(
        classes=CLASSES[: label.shape[1]], part=np.full(n, "test"), corpus=np.full(n, "ptbxl"),
        record=np.array(names), subject=np.array(names), domain=np.full(n, "x"),
        fold=np.full(n, 1), label=label.astype(np.float32), logits=logits.astype(np.float32),
    )  # fmt: skip
    return _twelve_judge.Told(answers=table, sure=table, raw=table)


def test_figures_are_means_over_seeds_of_the_same_records_in_any_order() -> None:
    label = np.array([[1], [0], [1], [0]])
    names = ["a", "b", "c", "d"]
    right = _told(np.array([[2.0], [-1], [1], [-2]]), label, names)
    wrong = _told(np.array([[-2.0], [1], [-1], [2]]), label, names)
    turned = right.where(np.array([True] * 4))
    order = np.array([2, 0, 3, 1])
    rows = right.answers.rows(order)
    turned = _twelve_judge.Told(answers=rows, sure=rows, raw=rows)
    found = _twelve_judge.figures([turned, wrong], draws=20)
    assert found["macro"]["auroc"]["seeds"] == [1.0, 0.0]
    assert found["macro"]["auroc"]["value"] == 0.5
    gap = _twelve_judge.difference([right], [wrong], draws=20)
    assert gap is not None
    assert gap["macro"]["value"] == 1.0
    assert _twelve_judge.difference([right], [_told(np.zeros((1, 1)), label[:1], ["z"])]) is None


def test_the_order_of_several_runs_together_is_that_of_the_models_and_not_of_their_calibration(
    tmp_path: Path,
) -> None:
    """Two runs that agree, one of them calibrated by a handful of records."""
    logits, label = np.array([[1.0], [-1.0]]), np.array([[1], [0]])
    parts = []
    for k, shift in enumerate((0.0, -5.0)):
        table = _told(logits, label, [f"{k}a", f"{k}b"]).answers
        run = tmp_path / str(k)
        run.mkdir()
        replace(table, offsets=np.array([shift])).save(run / "answers.npz")
        (run / "metrics.json").write_text(json.dumps({"thresholds": {CLASSES[0]: 0.5}}))
        parts.append(_twelve_judge.read(run))
    whole = _twelve_judge.together(parts)
    found = _twelve_judge.figures([whole], draws=0)["macro"]
    assert found["auroc"]["value"] == 1
    assert found["f1"]["value"] == pytest.approx(2 / 3)  # a threshold sees the calibration


def test_the_fingerprint_is_of_the_answers_and_not_of_their_order() -> None:
    label = np.array([[1], [0]])
    table = _told(np.array([[2.0], [1.0]]), label, ["a", "b"]).answers
    assert _twelve_judge.fingerprint(table) == _twelve_judge.fingerprint(
        table.rows(np.array([1, 0]))
    )
    other = _told(np.array([[2.0], [1.5]]), label, ["a", "b"]).answers
    assert _twelve_judge.fingerprint(table) != _twelve_judge.fingerprint(other)


def test_the_probe_separates_what_a_line_separates() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (300, 4))
    label = np.stack([x[:, 0] > 0, x[:, 1] - x[:, 2] > 0], axis=1).astype(float)
    label[:50, 1] = np.nan
    w = _twelve_control.fit_linear(x, label)
    said = _twelve_control.with_one(x) @ w > 0
    known = ~np.isnan(label)
    assert (said[known] == (label[known] == 1)).mean() > 0.95


def test_a_network_of_chance_is_probed_without_being_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EINTHOVEN_STORE", str(tmp_path / "store"))
    corpus = open_corpus("ptbxl", tmp_path / "data")
    corpus.miniature(tmp_path / "data", 5, records=60)  # type: ignore[call-arg]
    recipe = load_recipe(
        "heartbeatai",
        ["model.width=4", "model.depth=1", "seeds=[0]", 'corpus.classes=["NORM", "STTC", "CD"]'],
    )
    _twelve_control.probe(recipe, tmp_path / "run")
    told = _twelve_judge.read(tmp_path / "run")
    assert set(told.answers.fold.tolist()) == {9}
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    assert np.unique(told.answers.logits, axis=0).shape[0] == len(told.answers)


def test_training_goes_on_where_a_run_is_refused(tmp_path: Path) -> None:
    items = plan(tmp_path, seeds=(0,))[:3]
    asked: list[Path] = []

    def fit(item: Item) -> None:
        asked.append(item.folder)
        if len(asked) == 1:
            raise DataError("x", "is not there", "Load it")

    notes = _planned.train_missing(items, fit)
    assert asked == [i.folder for i in items]
    assert len(notes) == 1


def test_an_unfinished_run_of_another_recipe_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = plan(tmp_path, seeds=(0,))[0]
    item.folder.mkdir(parents=True)
    text = to_toml(item.recipe).replace("epochs = ", "epochs = 1")
    (item.folder / "recipe.toml").write_text(text, encoding="utf-8")
    never: Callable[..., None] = lambda *_, **__: pytest.fail("was trained")  # noqa: E731
    monkeypatch.setattr("einthoven.training.train", never)
    with pytest.raises(ValueError, match="another recipe"):
        _twelve_plan.train(item)
