"""Methods of the nouns that need a higher floor, by name; loaded when first called.

`Record.plot` draws with the report floor, which a `Record` may not import: the noun looks its
method up here instead.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

_HOMES = {
    "Findings.explain": "einthoven.explain._findings:explain",
    "Findings.to_html": "einthoven.report.html:to_html",
    "Record.plot": "einthoven.report.plot:plot",
}


def method(owner: object, name: str) -> Callable[..., Any]:
    """Return the bound method `name` of `owner`.

    Raises
    ------
    AttributeError : the noun has no such method.
    """
    kind = type(owner).__name__
    home = _HOMES.get(f"{kind}.{name}")
    if home is None:
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")
    module, function = home.split(":")
    bound: Callable[..., Any] = getattr(import_module(module), function).__get__(owner)
    return bound
