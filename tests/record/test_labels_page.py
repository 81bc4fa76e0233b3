"""The page of labels says what the table says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from einthoven.corpora import CORPORA, open_corpus
from einthoven.record.diagnosis import LABELS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def labels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_labels", DOCS / "_labels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_tables(labels: ModuleType) -> None:
    text = (DOCS / "labels.md").read_text(encoding="utf-8")
    assert text == labels.page(text), "run: python docs/_labels.py"
    assert all(f"`{name}`" in text for name in LABELS)


def test_the_page_names_each_corpus_with_its_system(labels: ModuleType, tmp_path: Path) -> None:
    assert set(labels.CORPORA) <= set(CORPORA.names())
    for name in ("cinc2017", "code15", "cpsc2018", "georgia", "ptb", "sph"):
        system = labels.CORPORA[name]
        corpus = open_corpus(name, open_corpus(name, tmp_path).miniature(tmp_path, 1))
        said = next(s for s in map(corpus.statements, corpus.records) if s)
        assert {statement.system for statement in said} == {system}
