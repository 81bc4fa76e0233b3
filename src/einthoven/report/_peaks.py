"""``results/peaks.json`` to tables: the R-peak detector, its peers, strips and noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from einthoven.report._markdown import table

_COLUMNS = (
    "part", "records", "number", "beats", "missed", "extra", "Se", "+P", "F1 at 50 ms",
)  # fmt: skip


def page(results: Mapping[str, Any]) -> str:
    """Return the part of the page on R peaks.

    Parameters
    ----------
    results : ``peaks.json``.
    """
    text = f"## R peaks\n\nFrom `results/peaks.json`, made by `{results['command']}`."
    for words, key in (("Scoring", "scoring"), ("Intervals", "interval"), ("Note", "note")):
        text += f" {words}: {results[key].rstrip('.')}." if results.get(key) else ""
    seen = results.get("weights", {})
    text += f" Weights: `{seen['name']}`, from {seen['protocol']}.\n\n" if seen else "\n\n"
    body = [
        _row(title, name, entry)
        for title, part in results.items() if isinstance(part, Mapping)
        for name, entry in part.items() if isinstance(entry, Mapping) and "f1_50ms" in entry
    ]  # fmt: skip
    text += table(_COLUMNS, body)
    for title, part in results.items():
        if isinstance(part, Mapping) and part.get("recipe"):
            text += f"\n{title}: `{part['recipe']}`, made by `{part['command']}`. {part['note']}\n"
    return text + "".join(_compared(results))


def _row(title: str, name: str, entry: Mapping[str, Any]) -> list[Any]:
    figures = [
        f"{entry[key]:.4f} [{_ends(entry.get(f'{key}_95'))}]" if entry[key] is not None else None
        for key in ("se", "ppv", "f1_50ms")
    ]
    counts = [entry[key] for key in ("records", "beats", "missed", "extra")]
    return [title, name, *counts, *figures]


def _ends(ends: Any) -> str:
    return "-" if not ends else f"{ends[0]:.4f} to {ends[1]:.4f}"


def _compared(results: Mapping[str, Any]) -> Iterator[str]:
    """Give a table of detectors side by side for each part that has them by condition."""
    for title, part in results.items():
        if not isinstance(part, Mapping):
            continue
        rows = {
            condition: by for condition, by in part.items()
            if isinstance(by, Mapping) and by
            and all(isinstance(v, Mapping) and "ppv" in v for v in by.values())
        }  # fmt: skip
        if not rows:
            continue
        detectors = list(dict.fromkeys(who for by in rows.values() for who in by))
        body = [
            [condition, *(_pair(by.get(who)) for who in detectors)]
            for condition, by in rows.items()
        ]
        yield f"\n### R peaks: {title}\n\nSe / +P / F1 at 150 ms.\n\n"
        yield table(["", *detectors], body)


def _pair(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return "-"
    values = [entry.get(key) for key in ("se", "ppv", "f1")]
    return " / ".join("-" if v is None else f"{v:.4f}" for v in values)
