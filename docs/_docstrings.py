"""Lets the documentation read the house's docstrings: ``name : what it is``, types in signatures.

numpydoc would take what stands behind the colon for a type; here it is moved to the line below,
where a description belongs.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTIONS = re.compile(
    r"^(Parameters|Attributes|Raises)\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.DOTALL | re.MULTILINE
)
_ENTRY = re.compile(r"^(\S[^\n]*?) : (?=\S)", re.MULTILINE)


def rewritten(text: str) -> str:
    """Return a docstring in numpydoc's own form; prose after a section's blank line stays."""

    def section(match: re.Match[str]) -> str:
        entries = _ENTRY.sub(lambda m: f"{m[1]}\n    ", match[2])
        return f"{match[1]}\n{'-' * len(match[1])}\n{entries}"

    return _SECTIONS.sub(section, text)


class HouseStyle(griffe.Extension):
    """Rewrites every docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one module, class or function."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)
