"""What is changed of a system's training, beside it as its recipe is: a table a protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from einthoven.report._beats import with_interval
from einthoven.report._markdown import table
from einthoven.report._mitdb_seen import marked
from einthoven.suites._mitdb_said import WORDS, difference, f1
from einthoven.suites._plan import LEADS, METHOD

Row = Mapping[str, Any]

# Of each variant of the plan, said where there is a row of it.
_MEANT = {
    "plain": "Plain augmentation: noise, shift, scale, time warp and premature beats made by "
    "shifting, up to one for each real one of S and F.",
    "gan": "Generated beats: of a class-conditional WGAN-GP, up to one for each real one of S and "
    "F; windows are as the recipe has them.",
    "strict": "Strict: nothing is learnt from 201 of DS1, who is 202 of DS2. It is one of two "
    "records of DS1 that fibrillate and holds 128 of its 944 S, so what is lost is not the shared "
    "person alone: that can show in 202 only.",
    METHOD: "The method of Song et al. is generated beats and focal loss. Generated beats: of S "
    "and F, of a WGAN-GP that learnt from the training side of the same seed, up to one for each "
    "real one. Focal loss: gamma 2, alpha by the root of the counts, without label smoothing and "
    "balanced draws. The numbers beside the wave are ours here, too.",
    LEADS: "Two leads: the window of the record's other lead beside that of the one lead, the "
    "rest as the recipe is; those who labelled the beats saw both, and which lead the other is "
    "differs from patient to patient.",
    "exchanged": "Another's age and sex: a network that is told them was told those of someone "
    "else from the beginning.",
}
_VARIED = {
    "inter-patient": ("What each change is worth, inter-patient", ("232",)),
    "intra-patient": ("What each change is worth, intra-patient (leaky)", ()),
}
# What each is trained by and whether it is blind, accuracy, macro F1, F1 of three classes.
_COLUMNS = ("system", "training", "seeds", "accuracy", "macro F1", "S", "V", "F")


def by_method(found: Mapping[str, Any]) -> bool:
    """Return whether there is a row of the method of Song et al."""
    systems = found.get("aami intra-patient", {"systems": []})["systems"]
    return any(s["kind"] == "network" and s["variant"] == WORDS[METHOD] for s in systems)


def augmented(found: Mapping[str, Any], known: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Give a part a protocol.

    Parameters
    ----------
    found : the tables of ``mitdb.json``.
    known : name and variant of the systems that are not blind to DS2.
    """
    for protocol, (title, left_out) in _VARIED.items():
        content = found.get(f"aami {protocol}", {"systems": []})
        rows = [s for s in content["systems"] if s["kind"] in ("network", "boosting")]
        varied = {s["name"] for s in rows if s["variant"]}
        # Of a system that was judged at several times the rows stand apart in the results.
        order = list(dict.fromkeys(s["name"] for s in rows))
        rows.sort(key=lambda s: order.index(s["name"]))
        seen = known if protocol == "inter-patient" else ()
        body = [
            [
                s["name"],
                marked(s["variant"] or "as the recipe is", (s["name"], s["variant"]), seen),
                len(s["runs"]),
                *(with_interval(s["figures"][f]) for f in ("accuracy", "macro_f1")),
                *(with_interval(f1(s, c)) for c in "SVF"),
                *(with_interval(f1(s, "S", record)) for record in left_out),
            ]
            for s in rows if s["name"] in varied
        ]  # fmt: skip
        if body:
            more = [f"S without {record}" for record in left_out]
            told = _worth(rows, left_out) + _shared(rows)
            there = {s["variant"] for s in rows}
            # Within patients the method's own words say what generated beats are.
            meant = {k: t for k, t in _MEANT.items() if WORDS[k] in there}
            if METHOD in meant:
                meant.pop("gan", None)
            words = " ".join(meant.values())
            yield f"## {title}\n\n{words}\n\n" + table([*_COLUMNS, *more], body) + told


def _worth(rows: Sequence[Row], left_out: Sequence[str]) -> str:
    """Return what each variant changes, mean over the systems that are there as they are, too."""
    known = {(s["name"], s["variant"]): s for s in rows}
    body = []
    for variant in dict.fromkeys(s["variant"] for s in rows if s["variant"]):
        pairs = [
            (s, known[s["name"], ""]) for s in rows
            if s["variant"] == variant and (s["name"], "") in known
        ]  # fmt: skip
        cells: list[Any] = [variant, len(pairs)]
        for name in ("macro_f1", "S", "V", "F", *(f"S without {record}" for record in left_out)):
            apart = [d for d in (difference(a, b, name) for a, b in pairs) if d is not None]
            larger = sum(d > 0 for d in apart)
            cells.append(f"{np.mean(apart):+.3f} ({larger} of {len(apart)})" if apart else None)
        body.append(cells)
    columns = ["changed", "systems", "macro F1", "S", "V", "F"]
    return (
        "\nThe difference to the same system as its recipe is, of the seeds that both have, mean "
        "over systems, and in how many it is above 0. One system's is of few seeds and hardly more "
        "than chance; all are asked about the same patients.\n\n"
        + table([*columns, *(f"S without {r}" for r in left_out)], body)
    )


def _shared(rows: Sequence[Row]) -> str:
    """Return what is found in 202 where 201, the same person, is learnt from and where not."""
    known = {(s["name"], s["variant"]): s.get("by_record", {}).get("S", {}) for s in rows}
    body = []
    for name, variant in known:
        pair = [known[name, v].get("202") for v in ("", variant) if (name, v) in known]
        if variant == WORDS["strict"] and len(pair) == 2 and all(pair):
            told = (
                f"{hit:.0f} of {hit + miss:.0f}, {false:.0f} false" for hit, miss, false in pair
            )
            body.append([name, *told])
    if not body:
        return ""
    columns = ["system", "201 learnt from", "not learnt from"]
    return "\nS found in 202, who is 201, and beats falsely called S there:\n\n" + table(
        columns, body
    )
