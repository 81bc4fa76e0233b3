import json
import shutil
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from einthoven.record.errors import DataError
from einthoven.report import _systems, results
from einthoven.report._gap import gap_svg
from einthoven.report._markdown import cell, interval, table
from einthoven.suites import _judge
from einthoven.suites._suite import plain

ROOT = Path(__file__).parent.parent.parent
NLRAV = ("N", "L", "R", "A", "V")
CURVE = {"auc": 0.9, "seeds": [0.9], "points": [[0, 0], [0.1, 0.9], [1, 1]]}


def system(name: str, right: int, kind: str = "network") -> dict[str, Any]:
    matrices = np.tile(np.eye(5, dtype=np.int64) * right + 1, (4, 1, 1))
    patient, label, choice = np.repeat(np.argwhere(matrices >= 0), matrices.ravel(), axis=0).T
    counted = _judge.Counted(
        classes=NLRAV, subjects=("a", "b", "c", "d"), patient=patient, label=label, choice=choice,
        beat=np.rec.fromarrays([np.full(len(label), "100"), np.arange(len(label))]),
    )  # fmt: skip
    return {
        "name": name, "title": f"Title of {name}", "paper": "", "model": name, "kind": kind,
        "variant": "", "parameters": 40181, "n": int(matrices.sum()), "subjects": 4,
        "published": {"accuracy": 0.98}, "command": f"einthoven train {name}",
        "figures": _judge.figures([counted], NLRAV), "trust": {"ece": 0.01},
        "runs": [{"seed": 0, "confusion": matrices.sum(axis=0)}],
        "roc": {"macro": 0.9, "classes": dict.fromkeys(NLRAV, CURVE)},
    }  # fmt: skip


OTHERS = system("arrhythminet-v2", 9)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with made-up results and the README's marks."""
    intra = {
        "labels": "nlrav", "protocol": "intra-patient", "leaky": True, "note": "Leaky: a note.",
        "classes": NLRAV, "macro_over": NLRAV,
        "systems": [system("arrhythminet-v2", 99), system("majority", 0, "control")],
    }  # fmt: skip
    intra["systems"][0]["validation_macro_f1"] = 0.9
    # Behind our own R peaks the matrix has a class more than the table.
    own = system("arrhythminet-v2", 99, "shipped")
    own |= {"variant": "own R peaks, live", "classes": [*NLRAV, "-"]}
    own["runs"] = [{"seed": 0, "confusion": np.eye(6, dtype=np.int64) * 7}]
    intra["systems"].insert(1, own)
    inter = intra | {"protocol": "inter-patient", "leaky": False, "note": "", "systems": [OTHERS]}
    mitdb = {
        "tables": {"nlrav intra-patient": intra, "nlrav inter-patient": inter},
        "suite": "mitdb", "command": "einthoven evaluate --suite mitdb", "published": "Others.",
        "intervals": {"draws": 1000}, "held_to": [], "conditions": {}, "notes": [], "missing": [],
    }  # fmt: skip
    store = {
        "title": "The store", "command": "python benchmarks/store.py", "note": "A note.",
        "tables": [{"title": "All", "columns": ["who", "Se"], "rows": [["ours", 0.9993]]}],
    }  # fmt: skip
    one = {"se": 0.99934, "ppv": 0.9994, "f1": 0.99937}
    whole = one | {
        "records": 26, "beats": 48000, "missed": 30, "extra": 29, "f1_50ms": 0.9986,
        "se_95": [0.998, 0.9999], "ppv_95": [0.998, 0.9999], "f1_50ms_95": [0.99, 0.999],
    }  # fmt: skip
    peaks = {
        "command": "einthoven evaluate --suite peaks", "scoring": "EC57", "seed": 0,
        "weights": {"name": "rpeaks", "protocol": "DS1 of mitdb"},
        "one lead": {"DS2 (unseen)": whole},
        "strips": {"em 6 dB": {"einthoven": one, "xqrs": one | {"ppv": None}}},
    }  # fmt: skip
    folder = tmp_path / "results"
    folder.mkdir()
    for name, content in (("mitdb", mitdb), ("peaks", peaks), ("store", store)):
        (folder / f"{name}.json").write_text(json.dumps(plain(content)))
    (folder / "looks.json").write_text(
        json.dumps({"looks": [{"system": "x", "side": "mitdb DS2"}] * 3})
    )
    (tmp_path / "README.md").write_text(f"Top\n{results.BEGIN}\nstale row\n{results.END}\nbottom\n")
    return tmp_path


def test_every_figure_of_the_page_stands_with_its_file_and_command(checkout: Path) -> None:
    results.write_tables(checkout)
    page = (checkout / "docs" / "results.md").read_text()
    for name in ("peaks", "looks", "store"):
        assert f"`results/{name}.json`" in page
    assert "(mitdb.md)" in page
    assert "`einthoven evaluate --suite peaks`" in page
    assert "| ours | 0.9993 |" in page
    assert "| one lead | DS2 (unseen) | 26 | 48,000 | 30 | 29 | 0.9993 [0.9980 to 0.9999]" in page
    assert "| em 6 dB | 0.9993 / 0.9994 / 0.9994 | 0.9993 / - / 0.9994 |" in page
    assert "| x | mitdb DS2 | 3 |" in page
    page = (checkout / "docs" / "mitdb.md").read_text()
    assert "`results/mitdb.json`" in page
    assert "`einthoven evaluate --suite mitdb`" in page
    assert "| - | 0 | 0 | 0 | 0 | 0 | 7 |" in page
    assert "| LDA on features (de Chazal 2004) |" in page


def test_the_leaky_protocol_is_called_so_wherever_it_is_printed(checkout: Path) -> None:
    results.write_tables(checkout)
    page = (checkout / "docs" / "mitdb.md").read_text()
    assert "## Each class: NLRAV, intra-patient (leaky)" in page
    assert "intra-patient (leaky) |" in page
    readme = (checkout / "README.md").read_text()
    (row,) = (line for line in readme.splitlines() if "2505.03787" in line)
    assert "V2: accuracy 0.9" in row
    assert "(intra-patient, leaky)" in row


def test_the_gap_is_drawn_with_its_intervals(checkout: Path) -> None:
    results.write_tables(checkout)
    root = ElementTree.parse(checkout / "docs" / "assets" / "gap.svg").getroot()
    words = " ".join(t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "arrhythminet-v2" in words
    assert "leaky" in words
    macro = OTHERS["figures"]["macro_f1"]
    assert f"{macro['mean']:.3f}" in words
    page = (checkout / "docs" / "mitdb.md").read_text()
    assert f"{macro['mean']:.4f} [{interval(macro['over_patients'])}] |" in page


def test_the_readme_keeps_all_but_its_table(checkout: Path) -> None:
    results.write_tables(checkout)
    readme = (checkout / "README.md").read_text()
    assert readme.startswith("Top\n<!-- systems:begin -->\n| system |")
    assert readme.endswith("|\n<!-- systems:end -->\nbottom\n")
    assert "stale row" not in readme
    assert results.write_tables(checkout) == []


def test_there_is_one_row_a_paper_and_not_yet_where_not_yet() -> None:
    rows = _systems.rows({})
    assert [sum(r["part"] == part for r in rows) for part in _systems.PARTS] == [5, 8, 19]
    assert len({r["paper"] for r in rows}) == len(rows)
    assert {r["ours"] for r in rows} == {"not yet"}


def test_a_readme_without_marks_is_left_alone(checkout: Path) -> None:
    (checkout / "README.md").write_text("no marks")
    with pytest.raises(DataError, match="lacks the marks"):
        results.write_tables(checkout)
    assert (checkout / "README.md").read_text() == "no marks"


def test_a_damaged_results_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        results.read_results(tmp_path)
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataError, match="no JSON object"):
        results.read_results(tmp_path)


def test_the_looks_of_one_system_are_one_number_and_those_of_a_side_are_summed() -> None:
    """Runs booked before systems had one name each were printed as systems of their own."""
    names = ["arrhythminet-v1", "arrhythminet-v1-nlrav-inter", "control-aami-inter-patient", "cnn"]
    looks = [{"system": name, "side": "mitdb DS2"} for name in names]
    page = results.results_page({"looks.json": {"looks": [*looks, {"system": "x", "side": "y"}]}})
    _, _, told = page.partition("## Looks at public test sides")
    rows = [line for line in told.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| arrhythminet-v1 | mitdb DS2 | 2 |", "| boosting on windows | mitdb DS2 | 1 |",
        "| cnn | mitdb DS2 | 1 |", "| x | y | 1 |", "| **all** | mitdb DS2 | 4 |",
        "| **all** | y | 1 |",
    ]  # fmt: skip


def test_cells_and_intervals() -> None:
    values = [None, "", "a|b", 3, 1234, 1234.0, 0.98765, 12.5, True, 1.0]
    assert [cell(v) for v in values] == [
        "-", "-", "a/b", "3", "1,234", "1,234", "0.9877", "12.50", "yes", "1.0000",
    ]  # fmt: skip
    assert interval([0.1, 0.25]) == "0.100 to 0.250"
    assert interval([None, None]) == interval(None) == "-"
    assert table(["a"], []) == ""
    assert table(["a", "b"], [["x", 1]]) == "| a | b |\n| --- | --: |\n| x | 1 |\n"


def test_the_pages_of_this_checkout_are_those_its_results_give(tmp_path: Path) -> None:
    names = ["README.md", "docs/results.md", "docs/systems.md", "docs/mitdb.md"]
    assets = ROOT / "docs" / "assets"
    pictures = [
        *assets.glob("mitdb-*.svg"),
        *assets.glob("robustness-*.svg"),
        *assets.glob("fractions-*.svg"),
    ]
    names += [path.relative_to(ROOT).as_posix() for path in pictures]
    names += ["docs/assets/gap.svg"] if (ROOT / "results" / "mitdb.json").is_file() else []
    if not all((ROOT / name).is_file() for name in names):
        pytest.skip("no checkout")
    shutil.copytree(ROOT / "results", tmp_path / "results")
    (tmp_path / "docs" / "assets").mkdir(parents=True)
    for name in names:
        shutil.copy(ROOT / name, tmp_path / name)
    changed = [p.name for p in results.write_tables(tmp_path)]
    assert changed == [], "run 'make tables' and commit what it changes"


def test_rows_of_one_model_in_the_gap_are_told_apart() -> None:
    row = {
        "model": "cnn", "labels": "aami", "figure": "macro_f1", "intra": 0.9, "inter": 0.5,
        "intra_interval": [0.8, 1.0], "inter_interval": [0.4, 0.6],
    }  # fmt: skip
    drawn = gap_svg([row | {"variant": v} for v in ("", "plain augmentation", "strict, no 201")])
    names = ("cnn, AAMI", "cnn (plain augmentation), AAMI", "cnn (strict), AAMI")
    assert all(f">{name}</text>" in drawn for name in names)


def test_the_page_of_generated_beats_says_how_long_its_generator_was_trained() -> None:
    page, file = ROOT / "docs" / "generated.md", ROOT / "results" / "gan.json"
    if not (page.is_file() and file.is_file()):
        pytest.skip("no checkout")
    text, kept = page.read_text(encoding="utf-8"), json.loads(file.read_text(encoding="utf-8"))
    epochs = tomllib.loads(
        (ROOT / "src" / "einthoven" / "recipes" / "wgan.toml").read_text(encoding="utf-8")
    )["optimiser"]["epochs"]
    assert kept["recipe_epochs"] == epochs
    for one in kept["generators"]:
        assert f"Trained for {one['epochs']} epochs" in text
        assert one["epochs"] == epochs or f"The recipe trains for {epochs}: the figures are" in text
