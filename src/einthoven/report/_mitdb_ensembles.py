"""The ensembles of a suite: who is mixed, how much each weighs, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from einthoven.report._beats import spoken, with_interval
from einthoven.report._markdown import table
from einthoven.suites._mitdb_said import weights

_MIXED = (
    "Probabilities are averaged alike (mean) or by validation macro F1 (weighted), of all members "
    "or of the two best (top2); top2-classes keeps the two likeliest classes of each member; in "
    "dynamic a member weighs more where it is surer. All of one input: every system that eats the "
    "same input.\n\n"
)


def ensembles(found: Mapping[str, Any]) -> Iterator[str]:
    """Give a section of each table that has ensembles."""
    words = _MIXED  # said once
    for content in found.values():
        rows = [s for s in content["systems"] if s["kind"] == "ensemble"]
        if not rows:
            continue
        most = max(len(s["runs"]) for s in rows)
        best = max(s["validation_macro_f1"] for s in rows if len(s["runs"]) == most)
        body = [
            [
                s["name"].removeprefix("ensemble "), s["variant"], len(s["members"]),
                _weights(weights(s, content)), len(s["runs"]), s["validation_macro_f1"],
                with_interval(s["figures"]["macro_f1"]),
                s["macro_sensitivity"]["mean"], s["macro_predictivity"]["mean"],
                "yes" if (len(s["runs"]), s["validation_macro_f1"]) == (most, best) else "",
            ]
            for s in rows
        ]  # fmt: skip
        columns = [
            "kind", "members", "how many", "weights", "seeds", "validation macro F1", "macro F1",
            "recall", "precision", "named by validation",
        ]  # fmt: skip
        title = f"{content['labels'].upper()}, {spoken(content)}"
        yield f"## Ensembles: {title}\n\n{words}" + table(columns, body)
        words = ""


def _weights(seeds: Sequence[Mapping[str, float]]) -> str:
    """Return who weighs how much: each of two members, of more the least and the most."""
    told = []
    for each in seeds:
        there = sorted(((share, name) for name, share in each.items() if share > 0), reverse=True)
        (most, one), (least, other) = there[0], there[-1]
        if len(there) > 2 and most == least:
            told.append("alike")
        elif len(there) > 2:
            told.append(f"{least:.4f} ({other}) to {most:.4f} ({one})")
        else:
            told.append(", ".join(f"{share:.4f} {name}" for share, name in there))
    return "; ".join(dict.fromkeys(told))
