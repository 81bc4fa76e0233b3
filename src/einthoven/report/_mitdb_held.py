"""What the beat classifiers are held to, and whether it was reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.report._markdown import table
from einthoven.report._mitdb_seen import NOT_BLIND, TABLE, first_row
from einthoven.suites._mitdb_said import WORDS, figure_of

Row = Mapping[str, Any]

_WORDS = {
    "macro_f1": "macro F1", "macro_sensitivity": "macro recall", "S": "F1 of S", "V": "F1 of V",
    "S without 232": "F1 of S without record 232",
}  # fmt: skip


def held(rows: Sequence[Row], first: Row | None, found: Mapping[str, Any]) -> str:
    """Return what the systems are held to; on DS2 the default's first score stands beside.

    Parameters
    ----------
    rows : ``held_to`` of ``mitdb.json``.
    first : the first score of the default model.
    found : the tables, of which the largest figure of any row is told.
    """
    if not rows:
        return ""
    body = []
    for r in rows:
        # Between patients it is the default alone that is held to anything.
        seen_before = r["table"].startswith(TABLE)
        before = figure_of(first_row(first), r["figure"]) if first and r["table"] == TABLE else None
        reached = "yes" if r["reached"] else "no"
        body.append(
            [
                r["table"], r["system"], _WORDS.get(r["figure"], r["figure"]), r["least"],
                before, r["ours"], r["seeds"],
                f"{reached}, {NOT_BLIND}" if seen_before else reached,
                _strict(found.get(r["table"]), r), _largest(found.get(r["table"]), r["figure"]),
            ]
        )  # fmt: skip
    columns = [
        "table", "system", "figure", "held to", "first score", "ours", "seeds", "reached",
        "strict", "largest of any row",
    ]  # fmt: skip
    return (
        "## Held to\n\nThe least that was asked for, and whether it was reached. Of the "
        "ensembles, the one of the best validation macro F1 speaks, among those of most "
        "seeds. On DS2 no figure is blind, and F1 of S with 232 least of all: the first score is "
        "the one before its errors were read (above). Strict: the same system, where nothing "
        "was learnt from 201, who is 202 of DS2. The largest of any row is named by the test "
        "side itself and is no result; it shows which bars are reached by systems that miss the "
        "others.\n\n" + table(columns, body) + _together(rows, found.get(TABLE))
        + _near(found.get("aami intra-patient"))
    )  # fmt: skip


def _near(content: Row | None) -> str:
    """Return how near by validation the ensembles of the other pools come to the one it names."""
    best: dict[str, Row] = {}
    for s in content["systems"] if content else []:
        if s["kind"] == "ensemble":
            held_row = best.setdefault(s["variant"], s)
            if s["validation_macro_f1"] > held_row["validation_macro_f1"]:
                best[s["variant"]] = s
    order = sorted(best.values(), key=lambda s: -s["validation_macro_f1"])
    if len(order) < 2:
        return ""
    told = "; ".join(
        f"{s['variant']} {s['validation_macro_f1']:.4f}, {figure_of(s, 'macro_f1'):.4f}"
        for s in order
    )
    return (
        "\nHow near the choice among ensembles was: of each pool the best by validation, its macro "
        f"F1 there, then on the test side: {told}.\n"
    )


def _compared(content: Row | None) -> list[Row]:
    kinds = ("network", "boosting", "ensemble")
    # A network that was told of someone else is a control.
    rows = content["systems"] if content else []
    return [s for s in rows if s["kind"] in kinds and s["variant"] != WORDS["exchanged"]]


def _strict(content: Row | None, held_row: Row) -> str | None:
    rows = content["systems"] if content else []
    for s in rows:
        if (s.get("title"), s["variant"]) == (held_row["system"], WORDS["strict"]):
            value = figure_of(s, held_row["figure"])
            return None if value is None else f"{value:.4f} (seeds: {len(s['runs'])})"
    return None


def _largest(content: Row | None, figure: str) -> str | None:
    known = [(figure_of(s, figure), s) for s in _compared(content)]
    values = [(value, s) for value, s in known if value is not None]
    if not values:
        return None
    value, row = max(values, key=lambda pair: pair[0])
    variant = f", {row['variant']}" if row["variant"] else ""
    return f"{value:.4f} ({row['name']}{variant})"


def _together(rows: Sequence[Row], content: Row | None) -> str:
    """Return how many rows reach all that is held to between patients at once."""
    bars = [(r["figure"], r["least"]) for r in rows if r["table"] == TABLE]
    there = _compared(content)
    if not bars or not there:
        return ""
    count = sum(all((figure_of(s, f) or 0.0) >= least for f, least in bars) for s in there)
    words = ", ".join(_WORDS[f] for f, _ in bars)
    return f"\nOf {len(there)} rows {count or 'none'} reach all of {words} at once.\n"
