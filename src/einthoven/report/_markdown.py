"""Rows to Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; numbers stand to the right, what is missing is a dash."""
    body = [[cell(value) for value in row] for row in rows]
    if not body:
        return ""
    numeric = [
        all(row[i][:1] in "-0123456789" for row in body if row[i]) for i in range(len(columns))
    ]
    rule = ["--:" if n else "---" for n in numeric]
    lines = [list(columns), rule, *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cell(value: Any) -> str:
    """Return one cell: a dash for what is undefined, numbers as they are read best."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and value > 1):
        return f"{int(value):,}"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) <= 1 else f"{value:.2f}"
    return str(value).replace("|", "/").replace("\n", " ")


def interval(ends: Sequence[float | None] | None) -> str:
    """Return the two ends of an interval, or a dash."""
    if not ends or ends[0] is None or ends[1] is None:
        return "-"
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
