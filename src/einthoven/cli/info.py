"""What recordings hold: leads, rate, length, start, other channels, annotations."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from einthoven.cli._paths import expand
from einthoven.cli._reading import add_reading_arguments, reading
from einthoven.formats import format_of, open_source
from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.source import Source

_COLUMNS = ("record", "format", "leads", "rate", "length", "start", "annotations", "other channels")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="recordings, or folders of them")
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    parser.add_argument("--identity", action="store_true", help="tell names and birth dates too")
    add_reading_arguments(parser)


def describe(path: str, flags: dict[str, Any], *, identity: bool) -> dict[str, Any]:
    """Return what the recording at `path` holds, as JSON can hold it.

    Raises
    ------
    FormatError : the file is damaged, unknown, or does not state what is needed.
    """
    source = open_source(path, **flags)
    marks = source.annotations()
    return {
        "source": path, "record": source.name, "format": format_of(Path(path))[1].name,
        "rate": source.rate, "leads": list(source.leads), "samples": source.samples,
        "seconds": max((c.samples / c.rate for c in source.channels), default=0.0),
        "start": source.start.isoformat() if source.start else None,
        "channels": [
            {"name": c.name, "rate": c.rate, "unit": c.unit, "samples": c.samples, "lead": c.lead}
            for c in source.channels
        ],
        "annotations": None if marks is None else len(marks),
        "patient": _patient(source, identity=identity),
        "notes": list(source.notes),
    }  # fmt: skip


def _patient(source: Source, *, identity: bool) -> dict[str, Any]:
    known = source.patient
    if known is None:
        return {}
    told: dict[str, Any] = {"age": known.age, "sex": known.sex}
    if identity:
        told |= {"id": known.id, "name": known.name, "birth_date": known.birth_date}
    return {key: value for key, value in told.items() if value is not None}


def _length(seconds: float) -> str:
    whole = round(seconds)  # as in the summary of analyze
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    other = [
        f"{c['name']} ({c['unit'] or 'no unit'}, {c['rate']:g} Hz)"
        for c in found["channels"]
        if not c["lead"]
    ]
    count = found["annotations"]
    return (
        found["record"], found["format"], " ".join(found["leads"]) or "none",
        f"{found['rate']:g} Hz", _length(found["seconds"]),
        (found["start"] or "").replace("T", " "), "" if count is None else str(count),
        _some(other),
    )  # fmt: skip


def _table(rows: list[tuple[str, ...]]) -> str:
    shown = [_COLUMNS, *rows]
    # A column that is empty in all rows is left out.
    keep = [i for i in range(len(_COLUMNS)) if any(row[i] for row in rows)]
    wide = {i: max(len(row[i]) for row in shown) for i in keep}
    # Names come from the file: nothing in them may steer the terminal.
    shown = [tuple("".join(c if c.isprintable() else "?" for c in t) for t in r) for r in shown]
    return "\n".join("  ".join(row[i].ljust(wide[i]) for i in keep).rstrip() for row in shown)


def run(args: argparse.Namespace) -> int:
    """Print a table, or a line of JSON for each recording; 1 if some could not be read."""
    paths, left = expand(args.paths)
    faults = [one.why for one in left if one.failed]
    rows, wrong = [], False
    for path, _ in paths:
        try:
            found = describe(path, reading(args), identity=args.identity)
        except EinthovenError as fault:
            if args.traceback:
                raise
            wrong |= isinstance(fault, UsageError)
            faults.append(str(fault))
            continue
        if args.json:
            print(json.dumps(found, ensure_ascii=False), flush=True)
        rows.append(found)
    if rows and not args.json:
        print(_table([_row(found) for found in rows]))
        for found in rows:
            told = [f"{key} {value}" for key, value in found["patient"].items()]
            for line in ([", ".join(told)] if told and args.identity else []) + found["notes"]:
                print(f"{found['record']}: {line}")
    for one in left:
        if not one.failed:
            print(f"einthoven: left out: {one.why}", file=sys.stderr)
    for line in faults:
        print(f"einthoven: {line}", file=sys.stderr)
    if not faults:
        return 0
    return 2 if wrong and not rows else 1
