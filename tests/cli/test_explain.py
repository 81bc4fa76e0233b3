"""The command line of explain, and analyze --explain: from outside, on simulated recordings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from einthoven import analyze, load_model
from einthoven.cli import main
from einthoven.corpora import demo_record
from einthoven.formats import write
from einthoven.record import Record
from einthoven.record.leads import STANDARD
from einthoven.signal.simulate import Episode, simulate

Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds of the demo record in which every second beat is ventricular."""
    whole = demo_record()
    first, last = (round(s * whole.rate) for s in (60, 100))
    path = tmp_path_factory.mktemp("demo") / "demo.edf"
    piece = whole.signal[:, first:last]
    write(Record(signal=piece, rate=whole.rate, leads=whole.leads, name="demo"), path)
    return path


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a simulated heart in twelve leads."""
    made = simulate(
        rate=500.0, leads=STANDARD, episodes=(Episode(rhythm="sinus", seconds=12),), seed=3,
        name="twelve",
    )  # fmt: skip
    path = tmp_path_factory.mktemp("twelve") / "twelve.edf"
    write(made.record, path)
    return path


def test_a_ventricular_beat_in_words_and_numbers(demo: Path, capsys: Printed) -> None:
    assert main(["explain", "aami-review", str(demo), "--target", "V"]) == 0
    said = capsys.readouterr()
    assert re.search(r"beat \d+ at [\d.]+ s: V at 0\.\d\d|V at 1\.00", said.out)
    assert re.search(r"(mostly|most of all) .*; (yet )?removing (it|both)", said.out)
    assert "because" not in said.out
    assert "not a medical device" in said.err


def test_json_is_alone_and_agrees_with_the_model(demo: Path, capsys: Printed) -> None:
    assert main(["explain", "aami-review", str(demo), "--beat", "5", "--json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    (found,) = document["explanations"]
    assert (found["task"], found["model"]) == ("beat", "aami-review")
    beat = analyze(demo).to_dict()["beats"][5]
    assert found["sample"] == beat["sample"]
    assert found["target"] == beat["class"]
    assert found["probability"] == pytest.approx(beat["probability"], abs=2e-4)
    # Shapley values sum to what the answer loses, in log odds.
    odds = [np.log(p / (1 - p)) for p in (found["probability"], found["without"])]
    if found["method"] == "shapley" and 1e-3 < found["probability"] < 1 - 1e-3:
        assert sum(found["numbers"].values()) == pytest.approx(odds[0] - odds[1], abs=0.02)


def test_every_ending(demo: Path, tmp_path: Path, capsys: Printed) -> None:
    pytest.importorskip("matplotlib")
    for ending in ("html", "svg", "png", "json", "npz"):
        out = tmp_path / f"why.{ending}"
        asked = ["--method", "shapley", "--method", "occlusion"]
        code = main(["explain", "aami-review", str(demo), "--beat", "5", "--out", str(out), *asked])
        assert code == 0, capsys.readouterr().err
        assert out.stat().st_size > 500
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "The methods beside each other" in page
    assert "in random order" in page
    assert "because" not in page
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    drawn = (tmp_path / "why.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(drawn)
    assert drawn.count('class="trace"') == 2  # one below the other
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((tmp_path / "why.json").read_text())["explanations"]) == 2
    with np.load(tmp_path / "why.npz") as arrays:
        assert arrays["shapley_names"].shape == arrays["shapley_numbers"].shape


def test_twelve_leads_are_all_drawn(twelve: Path, tmp_path: Path, capsys: Printed) -> None:
    out = tmp_path / "why.svg"
    assert main(["explain", "twelve", str(twelve), "--target", "MI", "--out", str(out)]) == 0
    drawn = out.read_text(encoding="utf-8")
    for lead in STANDARD:
        assert f">{lead}</text>" in drawn
    assert "MI at 0." in capsys.readouterr().out


def test_the_answer_is_told_where_another_class_is_explained(
    demo: Path, tmp_path: Path, capsys: Printed
) -> None:
    """A normal beat bore the sign V, which had been asked about (found by a critic)."""
    beats = analyze(demo).to_dict()["beats"]
    normal = next(k for k, b in enumerate(beats) if b["class"] == "N")
    out = tmp_path / "why.svg"
    flags = ["--beat", str(normal), "--target", "V", "--out", str(out)]
    assert main(["explain", "aami-review", str(demo), *flags]) == 0
    assert "the answer is N; of V: " in capsys.readouterr().out
    drawn = out.read_text(encoding="utf-8")
    assert "the answer is N; of V: " in drawn
    assert ">N</text>" in drawn
    assert ">V</text>" not in drawn
    assert main(["explain", "aami-review", str(demo), *flags[:4], "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (found["target"], found["answer"]) == ("V", ["N"])


def test_a_diagnosis_is_found_by_its_threshold(twelve: Path, capsys: Printed) -> None:
    """The most probable class passed for an answer that nobody had given (found by a critic)."""
    assert main(["explain", "twelve", str(twelve), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    wanted = {d["code"] for d in analyze(twelve).to_dict()["diagnoses"] if d["positive"]}
    assert set(found["answer"]) == wanted
    assert not wanted or found["target"] in wanted


def test_rhythm(demo: Path, capsys: Printed) -> None:
    assert main(["explain", "rhythm", str(demo), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert found["task"] == "rhythm"
    assert found["start"] < found["end"]
    assert found["target"] in load_model("rhythm").card.classes


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--beat", "99999"], r"99999 is not there: .* has \d+ beats"),
        (["--beat", "-1"], r"-1 is not there: .* has \d+ beats"),
        (["--target", "X"], r"'X' is no class of 'aami-review'.*N, S, V"),
        (["--method", "shaply"], "Did you mean shapley"),
        (["--method", "all", "--method", "nonsense"], "'nonsense' is not known"),
        (["--method", "all", "--method", "gradcam"], r"needs .*, which 'aami-review' has not"),
        (["--method", "gradcam"], r"needs .*, which 'aami-review' has not.*shapley"),
        (["--out", "why.pdf"], r"ending '\.pdf'.*\.html, \.png"),
        (["--out", "why"], "has no ending"),
    ],
)
def test_wrong_usage_is_refused_in_words(
    demo: Path, capsys: Printed, flags: list[str], words: str
) -> None:
    assert main(["explain", "aami-review", str(demo), *flags]) == 2
    said = capsys.readouterr()
    assert re.search(words, said.err), said.err
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_all_leaves_out_what_one_beat_alone_cannot_answer(tmp_path: Path, capsys: Printed) -> None:
    whole = demo_record()
    path = tmp_path / "one.edf"
    piece = whole.signal[:, : round(1.0 * whole.rate)]
    write(Record(signal=piece, rate=whole.rate, leads=whole.leads), path)
    asked = ["explain", "aami-review", str(path), "--json", "--method"]
    assert main([*asked, "permutation"]) == 2
    alone = capsys.readouterr().err
    assert main([*asked, "all"]) == 0
    said = capsys.readouterr()
    assert alone.removeprefix("einthoven: ") in said.err
    methods = {e["method"] for e in json.loads(said.out)["explanations"]}
    assert "shapley" in methods
    assert "permutation" not in methods


def test_what_is_there_is_kept(demo: Path, tmp_path: Path, capsys: Printed) -> None:
    out = tmp_path / "why.json"
    out.write_text("mine")
    asked = ["explain", "aami-review", str(demo), "--beat", "1", "--out", str(out)]
    assert main(asked) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*asked, "--force"]) == 0
    assert json.loads(out.read_text())["explanations"]


def test_models_that_judge_nothing_and_files_without_a_beat(
    demo: Path, tmp_path: Path, capsys: Printed
) -> None:
    assert main(["explain", "rpeaks", str(demo)]) == 2
    assert "judges nothing" in capsys.readouterr().err
    flat = tmp_path / "flat.edf"
    write(Record(signal=np.zeros((1, 5000), np.float32), rate=250.0, leads=("II",)), flat)
    assert main(["explain", "aami-review", str(flat)]) == 1
    assert "no heartbeat" in capsys.readouterr().err


def test_analyze_explains_what_is_abnormal(demo: Path, tmp_path: Path, capsys: Printed) -> None:
    assert main(["analyze", str(demo), "--explain", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = document["explanations"]
    beats = {b["sample"]: b for b in document["beats"]}
    explained = [e for e in found if e["task"] == "beat"]
    assert explained
    for e in explained:
        assert beats[e["sample"]]["class"] == e["target"] not in ("N", "Q")
        assert e["probability"] == pytest.approx(beats[e["sample"]]["probability"], abs=2e-4)
        assert "map" not in e
        assert e["sentence"]
    # Three of a class at most, and the surest.
    for name in {e["target"] for e in explained}:
        mine = [e["probability"] for e in explained if e["target"] == name]
        all_ = [b["probability"] for b in beats.values()
                if b["class"] == name and not b["uncertain"]]  # fmt: skip
        assert len(mine) <= 3
        if len(all_) >= 3:
            assert min(mine) >= sorted(all_)[-3] - 2e-4
    out = tmp_path / "out"
    assert main(["analyze", str(demo), "--explain", "--html", "--out", str(out)]) == 0
    page = (out / "demo.html").read_text(encoding="utf-8")
    assert "What the abnormal answers rest on" in page
    assert 'class="profile"' in page


def test_nothing_asked_nothing_said(demo: Path) -> None:
    findings = analyze(demo)
    assert findings.explanations is None
    assert "explanations" not in findings.to_dict()


def test_from_python_with_another_model_and_an_unusable_record(demo: Path) -> None:
    findings = analyze(demo, model="arrhythminet-v2", explain=True)
    assert findings.explanations is not None
    named = {e.attribution.model for e in findings.explanations if e.task == "beat"}
    assert named <= {"arrhythminet-v2"}
    flat = Record(signal=np.zeros((1, 15000), np.float32), rate=250.0, leads=("II",))
    silent = analyze(flat, explain=True)
    assert not silent.usable
    assert any(w.startswith("explain: not answered") for w in silent.warnings)


def test_without_torch_the_method_that_needs_it_says_how_to_get_it(demo: Path) -> None:
    """In a process of its own, in which neither torch nor matplotlib can be had."""
    code = (
        "import sys; sys.modules['torch'] = sys.modules['matplotlib'] = None\n"
        "from einthoven.cli import main\n"
        "asked = ['explain', 'arrhythminet-v2', sys.argv[1], '--method']\n"
        "print(main([*asked, 'gradcam']), main([*asked, 'shapley', '--out', 'why.png']),\n"
        "      main([*asked, 'all', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(demo)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "2 2 0"
    torch, matplotlib = done.stderr.splitlines()[:2]
    assert "einthoven[explain]" in torch
    assert "shapley" in torch
    assert "einthoven[plot]" in matplotlib
    methods = {e["method"] for e in json.loads(done.stdout.splitlines()[0])["explanations"]}
    assert {"shapley", "occlusion"} <= methods
