"""Writes the tables of the label space into ``labels.md``, so that page and table cannot part.

Run ``python docs/_labels.py`` after a change to ``record/diagnoses.csv``; a test holds them equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from einthoven.record.diagnosis import LABELS, SUPERCLASSES, SYSTEMS, counts, diagnoses, vocabulary

PAGE = Path(__file__).resolve().parent / "labels.md"
# The system of each corpus's statements; what stands in the order of the table.
CORPORA = {
    "ptbxl": "SCP", "cpsc2018": "CPSC", "cpsc-extra": "SNOMED CT", "georgia": "SNOMED CT",
    "chapman": "SNOMED CT", "ningbo": "SNOMED CT", "ptb": "SNOMED CT", "ludb": "LUDB",
    "sph": "AHA", "code15": "CODE", "cinc2017": "CinC 2017",
}  # fmt: skip
SPELT = [system for system in SYSTEMS if system not in ("INCART", "CinC 2017")]


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def _codes(labels: str, name: str, system: str) -> str:
    found = [r for r in diagnoses().values() if r.system == system and r.asserts(labels) == name]
    return ", ".join(r.name if system == "SNOMED CT" else r.code for r in found) or "–"


def sets() -> str:
    """Return the label sets and their sizes."""
    rows = ([f"`{name}`", str(len(LABELS[name])), _few(LABELS[name])] for name in LABELS)
    return _table(["set", "classes", "which"], rows)


def _few(names: tuple[str, ...]) -> str:
    return " ".join(names) if len(names) <= 12 else f"{' '.join(names[:6])} .."


def mapping(labels: str) -> str:
    """Return, by class of a set, the codes of each system that assert it."""
    rows = ([n, *(_codes(labels, n, system) for system in SPELT)] for n in LABELS[labels])
    return _table(["class", *SPELT], rows)


def said(labels: str) -> str:
    """Return how many published records have a class, or that the corpus cannot say."""
    corpora = [name for name in counts() if CORPORA.get(name, "SCP") != "SCP"]
    names = [n for n in LABELS[labels] if n not in ("NORM", "Normal")]
    rows = []
    for name in names:
        codes = [
            row.code for row in diagnoses().values()
            if row.system == "SNOMED CT" and row.asserts(labels) == name
        ]  # fmt: skip
        cells = []
        for corpus in corpora:
            system = CORPORA[corpus]
            total = sum(counts()[corpus].get(code, 0) for code in codes)
            silent = name not in vocabulary(system, labels, corpus)
            cells.append(f"({total:,})" if silent else f"{total:,}")
        rows.append([name, *cells])
    head = ["records", *(f"{counts()[corpus]['records']:,}" for corpus in corpora)]
    return _table(["class", *corpora], [head, *rows])


def deny() -> str:
    """Return which superclasses the absence of a statement denies, by corpus."""
    rows = []
    for corpus, system in CORPORA.items():
        words = vocabulary(system, "super", corpus)
        rows.append([corpus, system, *("yes" if n in words else "–" for n in SUPERCLASSES[1:])])
    return _table(["corpus", "statements in", *SUPERCLASSES[1:]], rows)


def ours() -> str:
    """Return the superclass of each SNOMED CT code, with its reason."""
    rows = []
    for row in diagnoses().values():
        if row.system == "SNOMED CT" and row.superclass:
            reason = row.source.partition("superclass ours")[2].partition("; what is open")[0]
            rows.append(
                [row.code, row.name, row.superclass, reason.strip(" ,:").partition("; nine")[0]]
            )
    return _table(["code", "name", "superclass", "why"], sorted(rows, key=lambda r: r[2]))


def page(text: str) -> str:
    """Return the page with its tables written anew."""
    tables = {
        "sets": sets(), "cinc2021": mapping("cinc2021"), "nine": mapping("nine"),
        "super": mapping("super"), "deny": deny(), "counts": said("cinc2021"),
        "counts-super": said("super"), "ours": ours(),
    }  # fmt: skip
    for name, table in tables.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        text, found = re.subn(
            f"{begin}.*?{end}", lambda _, t=table, b=begin, e=end: f"{b}\n\n{t}\n\n{e}", text,
            flags=re.DOTALL,
        )  # fmt: skip
        assert found == 1, f"labels.md has no place for {name}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
