"""The listing is the catalogue: its entries stand alone, and no file outgrows its idea."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "einthoven"
CATALOGUES = ("formats", "corpora", "models")
FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_entries_of_a_catalogue_import_only_its_machinery(catalogue: str) -> None:
    for path in (PACKAGE / catalogue).glob("[!_]*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            head, _, rest = node.module.partition(f"einthoven.{catalogue}.")
            assert head or rest.startswith("_"), f"{path.name} imports {node.module}"


def test_no_file_is_over_400_lines() -> None:
    long = {
        p.name: n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_the_code_names_no_place_of_the_machine_it_was_written_on() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text, path
        assert "/tmp/" not in text, path
