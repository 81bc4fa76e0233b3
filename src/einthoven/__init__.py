"""Electrocardiograms to beats, rhythm and reasons. Research software, not a medical device.

The names below are loaded when first used, so that ``import einthoven`` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from einthoven._version import __version__

if TYPE_CHECKING:
    from einthoven.bundle import load_model
    from einthoven.engine import Findings, analyze
    from einthoven.formats import read
    from einthoven.record import Record

_HOMES = {
    "Findings": "einthoven.engine",
    "Record": "einthoven.record",
    "analyze": "einthoven.engine",
    "load_model": "einthoven.bundle",
    "read": "einthoven.formats",
}

__all__ = ["Findings", "Record", "__version__", "analyze", "load_model", "read"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'einthoven' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
