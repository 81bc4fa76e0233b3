"""What the tests found of methods, as the product reads it."""

from __future__ import annotations

import pytest

from einthoven.bundle import load_model, zoo_names
from einthoven.explain import _tested
from einthoven.explain._explainer import served
from einthoven.explain._open import TASKS, open_model


def test_a_model_nobody_tested_is_in_doubt() -> None:
    assert "Not tested for this model" in _tested.doubt("grad-cam", "a model of somebody's")
    assert _tested.tested("grad-cam", "a model of somebody's") is None
    assert _tested.default("a model of somebody's") == _tested.UNTESTED


def test_a_table_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"randomised": 0.7}
    table = {
        "m": {
            "default": "b",
            "methods": {
                "a": {"passed": False, "doubt": "Maps stay alike.", "figures": figures},
                "b": {"passed": True, "doubt": "", "figures": {"randomised": 0.1}},
            },
        }
    }
    monkeypatch.setattr(_tested, "_table", lambda: table)
    assert _tested.doubt("a", "m") == "Maps stay alike."
    assert _tested.doubt("b", "m") == ""
    assert _tested.default("m") == "b"
    found = _tested.tested("a", "m")
    assert found is not None
    assert found.passed is False
    assert found.figures == figures


def test_every_entry_that_is_shipped_can_be_read() -> None:
    for model, entry in _tested._table().items():
        assert _tested.default(model) == entry.get("default", _tested.UNTESTED)
        for method in entry["methods"]:
            found = _tested.tested(method, model)
            assert found is not None
            # Where a test failed, the reader is told.
            assert found.passed or found.doubt


def test_every_shipped_model_was_tested_with_all_that_serves_it() -> None:
    """Rhythm had no verdict, and every default explanation of it was in doubt (by a critic)."""
    pytest.importorskip("torch")
    for name in zoo_names():
        if load_model(name).card.task not in TASKS:
            continue
        model = open_model(name)
        for method in served(model):
            assert _tested.tested(method, model.name) is not None, (name, method)
        assert _tested.doubt(_tested.default(name), name) == ""
