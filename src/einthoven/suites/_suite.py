"""Which suites there are, and how their results are written."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import einthoven.suites
from einthoven.record.errors import UsageError, nearest
from einthoven.record.files import write_text


class Suite(Protocol):
    """What a module of this package offers."""

    def run(self, out: Path) -> Mapping[str, Any]:
        """Judge, write ``out/NAME.json``, and return what was written."""


def suite_names() -> tuple[str, ...]:
    """Return the names of all suites: the plain-named modules of this package."""
    modules = pkgutil.iter_modules(einthoven.suites.__path__)
    return tuple(sorted(m.name for m in modules if not m.name.startswith("_")))


def load_suite(name: str) -> Suite:
    """Return the suite of that name.

    Raises
    ------
    UsageError : there is none.
    """
    if name not in suite_names():
        raise UsageError("suite", f"{name!r} is not known", nearest(name, suite_names()))
    return cast(Suite, importlib.import_module(f"einthoven.suites.{name}"))


def run_suite(
    name: str, out: Path, runs: Path, *, train: bool = True, test: bool = False
) -> Mapping[str, Any]:
    """Run the suite of that name.

    Parameters
    ----------
    name : as `suite_names` lists it.
    out : the results folder.
    runs : where the run folders lie, for a suite that judges runs.
    train : whether a suite that trains may train; it judges what is there otherwise.
    test : whether a suite that keeps its test side back may score it.

    Raises
    ------
    UsageError : there is no such suite, or `test` is asked of one that keeps nothing back.
    """
    suite = load_suite(name)
    known = inspect.signature(suite.run).parameters
    if test and "test" not in known:
        raise UsageError("--test-side", f"suite {name} keeps no test side back", "Leave it out")
    given = {"runs": runs, "train": train, "test": test}
    return suite.run(out, **{k: v for k, v in given.items() if k in known})


def plain(value: Any, digits: int = 5) -> Any:
    """Return nested values as JSON holds them: rounded, and null for what is undefined."""
    if isinstance(value, Mapping):
        return {str(k): plain(v, digits) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, digits) for v in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist(), digits)
    number = float(value)
    return round(number, digits) if math.isfinite(number) else None


def write_results(path: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Write a results file, and return it as it can be read again."""
    ready: dict[str, Any] = plain(results)
    text = json.dumps(ready, indent=1, ensure_ascii=False, allow_nan=False)
    # A matrix or an interval reads better on one line.
    write_text(path, _short_lists(text) + "\n")
    return ready


def _short_lists(text: str) -> str:
    def joined(match: re.Match[str]) -> str:
        return "[" + ", ".join(part.strip() for part in match[1].split(",")) + "]"

    return re.sub(r"\[\s*((?:-?[\d.eE+-]+|null)(?:,\s*(?:-?[\d.eE+-]+|null))*)\s*\]", joined, text)
