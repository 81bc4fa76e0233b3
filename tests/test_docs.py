"""The pages say what the program does: no argument missing, no link broken, nothing fetched."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from einthoven.cli import commands

ROOT = Path(__file__).parent.parent
NOUNS = (
    "source", "record", "annotations", "vocabulary", "inputspec", "corpus", "store", "protocol",
    "model", "recipe", "run", "bundle", "findings",
)  # fmt: skip


@pytest.fixture(scope="module")
def flags() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_flags", ROOT / "docs" / "_flags.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", commands())
def test_every_command_has_a_page_with_all_its_arguments(flags: ModuleType, name: str) -> None:
    text = (ROOT / "docs" / "verbs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"$ einthoven {name}" in text
    assert text == flags.page(name), "run: python docs/_flags.py"
    for words, says in flags.arguments(name):
        assert says, f"{name}: {words} is not explained"


@pytest.mark.parametrize("name", NOUNS)
def test_every_noun_has_a_page(name: str) -> None:
    assert len((ROOT / "docs" / "nouns" / f"{name}.md").read_text(encoding="utf-8")) > 200


def test_the_pages_build_without_a_warning_and_fetch_nothing(tmp_path: Path) -> None:
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=\"?(https?:[^\"\s>]+)", text)
        assert not loaded, f"{page.name} loads {loaded}"
    assert "R peak" in (tmp_path / "answers.html").read_text(encoding="utf-8")


def test_figures_of_composed_traces_stand_in_the_results() -> None:
    text = (ROOT / "docs" / "composed.md").read_text(encoding="utf-8")
    said = re.findall(
        r"\d\d\.\d\d", text.partition("## What they are worth")[2].partition("## ")[0]
    )
    tables = json.loads((ROOT / "results" / "waves.json").read_text(encoding="utf-8"))["tables"]
    there = {str(cell) for table in tables for row in table["rows"] for cell in row}
    assert len(said) > 10
    assert set(said) <= there
