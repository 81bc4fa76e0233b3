"""What the tests found of methods, as the product reads it."""

from __future__ import annotations

import pytest

from einthoven.explain import _tested


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
