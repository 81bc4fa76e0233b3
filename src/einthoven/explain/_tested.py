"""What the explanations' tests found of each method with each model.

``tested.json`` is made by ``einthoven evaluate --suite explanations``; nobody edits it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FILE = "tested.json"
# What a model nobody tested is explained with first: it asks the model itself, and its
# contributions sum to what is explained.
UNTESTED = "shapley"
_NOT_TESTED = (
    "Not tested for this model: nobody has checked that what {method} says depends on what the "
    "model learnt."
)


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What was found of one method with one model.

    Attributes
    ----------
    passed : the test of randomised weights; None where the model has none to randomise.
    doubt : why the method should not be believed, in one sentence; "" where nothing speaks
        against it.
    figures : of the tests, by name.
    """

    passed: bool | None
    doubt: str
    figures: Mapping[str, float]


@cache
def _table() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(
        files("einthoven.explain").joinpath(FILE).read_text(encoding="utf-8")
    )
    return found


def tested(method: str, model: str) -> Tested | None:
    """Return what was found of a method with a model; None where that was not tested."""
    entry = _table().get(model, {}).get("methods", {}).get(method)
    return None if entry is None else Tested(**entry)


def doubt(method: str, model: str) -> str:
    """Return why a method should not be believed of a model, in one sentence; "" for no reason.

    Parameters
    ----------
    method : its name in the catalogue of explainers.
    model : its name, as `Model.name`.
    """
    found = tested(method, model)
    return _NOT_TESTED.format(method=method) if found is None else found.doubt


def default(model: str) -> str:
    """Return the name of the method that a model is explained with where none is asked for.

    The most faithful of those that passed every test with the model, or `UNTESTED` where the model
    was not tested.
    """
    return str(_table().get(model, {}).get("default", UNTESTED))
