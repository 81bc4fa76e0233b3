"""What was known of the test side when the beat classifiers were made.

A figure on DS2 stands here beside the first one, of a model made before DS2 had been scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.bundle import load_model
from einthoven.report._beats import with_interval
from einthoven.report._markdown import table
from einthoven.suites._looks import system_of
from einthoven.suites._mitdb_said import f1

Row = Mapping[str, Any]

NOT_BLIND = "not blind"
_SIDE, TABLE = "mitdb DS2", "aami inter-patient"
_READ = (
    "\n\nAfter the first score its errors were read by record, and the beats that training makes "
    "were changed: where premature beats are the majority they now come in runs of every length, "
    "with fewer normal beats between them, as in record 232. What was changed later was chosen in "
    "DS1. What of the difference is of which change was not measured.\n\n"
)
_STEERED = (
    "\nThe first score is not wholly blind either: that S is the majority in 232 was known when "
    "recordings of that kind were first made, and when quantiles of RR above the median were put "
    "beside it. These quantiles are among the numbers that every system of AAMI classes eats here. "
    "**F1 of S with 232 is therefore a blind figure of no row; the one without 232 is moved by it "
    "less, and is the headline.**\n"
)


def not_blind(inputs: Sequence[Row]) -> list[tuple[str, str]]:
    """Return name and variant of each system that learns from beats made with 232 in mind."""
    return [(r["system"], r["variant"]) for r in inputs if r["dominant"]]


def marked(words: str, system: tuple[str, str], known: Sequence[tuple[str, str]]) -> str:
    """Return `words` with a mark where a system, name and variant, is one of the `known`."""
    return f"{words} ({NOT_BLIND})" if system in known else words


def lost(rows: Sequence[Row], known: Sequence[tuple[str, str]]) -> str:
    """Return in which records S is lost by whom: by what learns from made premature beats or not.

    Parameters
    ----------
    rows : systems of the inter-patient table, with ``by_record``.
    known : of `not_blind`.
    """
    parts = {True: [], False: []}  # type: dict[bool, list[Row]]
    for row in rows:
        if row.get("by_record"):
            parts[(row["name"], "") in known].append(row)
    if not all(parts.values()):
        return ""
    told = []
    for record in ("232", "222", "202"):
        words = []
        for made, which in parts.items():
            of = [row["by_record"]["S"].get(record) for row in which]
            hits = sorted(round(hit) for hit, _, _ in filter(None, of))
            false = sorted(round(wrong) for _, _, wrong in filter(None, of))
            if hits:
                who = "those that learn from made premature beats" if made else "the others"
                words.append(
                    f"{who} {hits[0]:,} to {hits[-1]:,} (false: {false[0]:,} to {false[-1]:,})"
                )
        if words:
            hit, miss, _ = next(filter(None, (r["by_record"]["S"].get(record) for r in rows)))
            told.append(f"{record}, {round(hit + miss):,} S: {'; '.join(words)}")
    return (
        "Where S is found depends on what was learnt from. Found in "
        + ". In ".join(told)
        + ". In 232 premature beats are the rule; 202 and 222 fibrillate or flutter at times.\n"
    )


def eaten(inputs: Sequence[Row]) -> str:
    """Return what the systems eat beside the wave, or instead of it."""
    rows = [r for r in inputs if r["numbers"] and not r["variant"]]
    if not rows:
        return ""
    told = {}
    for key in ("numbers", "ahead"):
        (usual, _), *_ = Counter(r[key] for r in rows).most_common(1)
        others = [f"`{r['system']}` {_said(key, r[key])}" for r in rows if r[key] != usual]
        told[key] = _said(key, usual) + (f" ({', '.join(others)})" if others else "")
    alone = ", ".join(f"`{r['system']}`" for r in rows if not r["window"])
    return (
        f"**Each system of AAMI classes eats {told['numbers']} numbers beside the wave, which look "
        f"{told['ahead']} ahead**: how the RR intervals and the shape of a beat stand to those of "
        "the same patient's other beats, as made for the trees. So no figure is of a network on "
        "the wave alone, and parameters and MACs count the layers that take the numbers in."
        + (f" Numbers without the wave: {alone}." if alone else "")
        + "\n\n"
    )


def _said(key: str, value: float) -> str:
    if key == "numbers":
        return f"{value:,}"
    return f"{value / 60:g} min" if value >= 60 else f"{value:g} s"


def seen(
    results: Row, looks: Sequence[Mapping[str, str]], first: Row | None, inputs: Sequence[Row]
) -> str:
    """Return what the default model's makers had seen of the test side, and how it was chosen.

    Parameters
    ----------
    results : ``mitdb.json``.
    looks : the book of looks.
    first : ``aami-review-first.json``, the first score.
    inputs : of `suites._mitdb_said.eaten`.
    """
    default = results.get("default")
    if not default:
        return ""
    name, tables = default["name"], results["tables"]
    mine = sum(system_of(k["system"]) == name and k["side"] == _SIDE for k in looks)
    judged = {(s["name"], s["variant"]) for t in tables.values() for s in t["systems"]}
    judged |= {(name, "") for name, _ in judged}
    others = [
        f"`{system}` ({variant})" if variant else f"`{system}`"
        for system, variant in not_blind(inputs)
        if system != name and (system, variant) in judged
    ]
    text = (
        f"## What was seen of DS2\n\n**DS2 is not blind for the default model**, `{name}`: it has "
        f"been scored there {mine} times, seeds and conditions of recording counted one by one. "
        "Every look is counted and printed: "
        "[looks at public test sides](results.md#looks-at-public-test-sides)."
    )
    if others:
        text += (
            " Nor is it for the others that learn from the same made premature beats: "
            f"{', '.join(others)}."
        )
    own = next((s for s in plain(tables.get(TABLE)) if s["name"] == name), None)
    if first and own:
        text += f"{_READ}{_beside(first, own)}{_STEERED}"
    else:
        text += "\n"
    return (
        f"{text}\nThe model's card says of its figures, on DS1 by leave-records-out and on DS2:\n\n"
        f"> {load_model(name).card.figures['note']}\n{_choice(tables, name)}"
    )


def plain(content: Row | None) -> list[Row]:
    """Return the systems of a table as they are, without augmentation, ensembles and controls."""
    if content is None:
        return []
    kinds = ("network", "boosting")
    return [s for s in content["systems"] if s["kind"] in kinds and not s["variant"]]


def first_row(first: Row) -> Row:
    row: Row = first["systems"][0]
    return row


def _beside(first: Row, own: Row) -> str:
    """Return the first score and today's."""
    body = []
    for words, row in (("first score, boosting alone", first_row(first)), ("today", own)):
        hit, missed, _ = row["by_record"]["S"]["232"]
        body.append(
            [
                words, len(row["runs"]), with_interval(f1(row, "V")), with_interval(f1(row, "S")),
                f"{hit:,.0f} of {hit + missed:,.0f}", with_interval(f1(row, "S", "232")),
            ]
        )  # fmt: skip
    columns = ["", "seeds", "F1 of V", "F1 of S", "S found in 232", "F1 of S without 232"]
    return table(columns, body)


def _choice(found: Mapping[str, Any], name: str) -> str:
    """Return how the default was chosen, where others beside it have a larger macro F1."""
    rows = {s["name"]: s for s in plain(found.get(TABLE))}
    if name not in rows:
        return ""

    def macro(row: Row) -> float:
        return float(row["figures"]["macro_f1"]["mean"])

    own = rows[name]
    above = [s for s in rows.values() if macro(s) > macro(own)]
    text = (
        f"\n`{name}` is `boosting` with two networks beside it, of the beat sequence and of the "
        "wave. What each is worth was decided by leave-records-out in DS1, by F1 of S and V, for "
        "the wave as the mean over seven conditions (as recorded, noise em and ma at 12 and 6 dB, "
        "R peaks 10 ms off, the other lead); its recipe holds the figures."
    )
    f = f1(own, "F")
    if above and f:
        told = ", ".join(f"{macro(s):.4f} of `{s['name']}`" for s in above)
        theirs = ", ".join(f"{(f1(s, 'F') or f)['mean']:.4f}" for s in above)
        text += (
            f" Its macro F1 on DS2, {macro(own):.4f}, is lower than {told}: macro F1 counts F, "
            f"which is one patient's figure, and F1 of F is {f['mean']:.4f} (theirs: {theirs})."
        )
    return f"{text}\n"
