"""Tables of numbers in text: what stands in their head, and where their rows begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import HEAD_BYTES, MAX_CHANNELS, read_span, regular
from einthoven.record.errors import FormatError

_DELIMITERS = ("\t", ";", ",")
_MISSING = {"", "nan", "na", "n/a", "null", "none", "-", "?"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")
_UNIT = re.compile(r"^(.*?)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\]|\s/\s(\S+))$")
_STRIDE = 4096


def cells(line: str, delimiter: str | None) -> list[str]:
    """Return the cells of a line, without blanks and quotation marks."""
    parts = line.split(delimiter) if delimiter else line.split()
    return [p.strip().strip("\"'").strip() for p in parts]


def number(cell: str, comma: bool) -> float | None:
    """Return the number in a cell, NaN where it says "missing", None where it is something else."""
    text = cell.replace(",", ".") if comma else cell
    if _NUMBER.match(text):
        return float(text)
    return float("nan") if cell.lower() in _MISSING else None


def clock(cell: str) -> float | None:
    """Return the seconds of ``[h:]mm:ss.mmm`` (also after a date); None where it is no time."""
    found = _CLOCK.search(cell.strip("[]"))
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return int((hours or "0")[-6:]) * 3600 + int(minutes) * 60 + float(seconds)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the head of a table says.

    Attributes
    ----------
    delimiter : None where blanks part the cells.
    comma : whether numbers are written with a decimal comma.
    start : byte of the first row of numbers; `line` is its number, counted from 1.
    width : cells a row.
    names, units : of the columns; empty where there is no header row.
    facts : what comment lines say, as ``key: value``.
    first : the first row's cells.
    """

    delimiter: str | None
    comma: bool
    start: int
    line: int
    width: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    facts: dict[str, str]
    first: tuple[str, ...]


def decode(data: bytes) -> str:
    """Return the text; UTF-8, else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def head(data: bytes, whole: bool) -> Table | None:
    """Return what the first bytes of a table say; None where they are none.

    Parameters
    ----------
    whole : whether `data` is the whole file; otherwise its last line may be cut.
    """
    if b"\0" in data or not data.strip():
        return None
    raw = data.splitlines(keepends=True)
    if not whole and len(raw) > 1:
        raw = raw[:-1]
    facts: dict[str, str] = {}
    heading: list[bytes] = []
    at = 0
    for line, piece in enumerate(raw, 1):
        text = decode(piece).strip("\r\n")
        if text.lstrip().startswith("#"):
            key, _, value = text.lstrip("# ").partition(":")
            facts[key.strip().lower()] = value.lstrip("= ").strip()
        elif text.strip():
            for delimiter, comma in _readings(text):
                row = cells(text, delimiter)
                if _numeric(row, comma):
                    return _table(row, delimiter, comma, at, line, heading, facts)
            heading.append(piece)
            if len(heading) > 3:
                return None
        at += len(piece)
    return None


def _readings(text: str) -> list[tuple[str | None, bool]]:
    """Return (delimiter, decimal comma) to try on a row."""
    tried: list[tuple[str | None, bool]] = []
    for delimiter in _DELIMITERS:
        if delimiter in text:
            tried.append((delimiter, False))
            if delimiter != ",":
                tried.append((delimiter, True))
    # "0,455" alone in a line could be two cells or a decimal comma; two cells it is.
    return [*tried, (None, False)]


def _numeric(row: list[str], comma: bool) -> bool:
    values = [number(c, comma) for c in row]
    timed = row and values[0] is None and clock(row[0]) is not None
    rest = values[1:] if timed else values
    if not rest or None in rest:
        return False
    # A dash or a blank may stand in a head; "nan" is a sample that is missing.
    missing = any(c.lower() == "nan" for c in row)
    return missing or any(v == v for v in rest if v is not None)


def _heading(text: str, delimiter: str | None, width: int) -> list[str]:
    """Return the cells of a header row; the blank before a unit in brackets parts none."""
    if width == 1:
        return [text.strip().strip("\"'").strip()]
    return cells(text, delimiter) if delimiter else re.split(r"\s+(?![(\[])", text.strip())


def _table(
    row: list[str], delimiter: str | None, comma: bool, start: int, line: int,
    heading: list[bytes], facts: dict[str, str],
) -> Table | None:  # fmt: skip
    rows = [_heading(decode(h).strip("\r\n"), delimiter, len(row)) for h in heading]
    if len(row) > 1 and row[-1] == "" and not any(len(r) == len(row) and r[-1] for r in rows):
        row = row[:-1]  # a delimiter at the end of each line
    if len(row) > MAX_CHANNELS:
        return None
    rows = [r[: len(row)] for r in rows if len(r) in (len(row), len(row) + 1)]
    if heading and not rows:
        return None
    names: list[str] = []
    units = [""] * len(row)
    if rows:
        parted = [_UNIT.match(name) for name in rows[0]]
        names = [p[1] if p and p[1] else n for p, n in zip(parted, rows[0], strict=True)]
        units = [next(filter(None, p.groups()[1:]), "") if p and p[1] else "" for p in parted]
        if len(rows) > 1:  # PhysioNet's rdsamp prints a row of units
            units = [u or cell.strip("()[]") for u, cell in zip(units, rows[1], strict=True)]
    elif "labels" in facts:
        found = [p.strip() for p in re.split(r"[,;\t]", facts["labels"]) if p.strip()]
        names = found if len(found) == len(row) else []
    return Table(
        delimiter=delimiter, comma=comma, start=start, line=line, width=len(row),
        names=tuple(names), units=tuple(units), facts=facts, first=tuple(row),
    )  # fmt: skip


def starts(path: Path, table: Table) -> tuple[npt.NDArray[np.int64], int]:
    """Return the byte where every `_STRIDE`-th row begins, the end last, and the number of rows."""
    size, at, rows = regular(path), table.start, 0
    found = [table.start]
    last = b"\n"
    while at < size:
        block = read_span(path, at, 8 << 20)
        if not block:
            break
        if b"\0" in block:
            raise FormatError(path, "holds bytes that are no text", "Fetch it again")
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10) + 1 + at
        # Row r begins after the r-th end of a line.
        first = -(rows + 1) % _STRIDE
        found += ends[first::_STRIDE].tolist()
        rows += len(ends)
        at += len(block)
        last = block[-1:]
    rows += last != b"\n"
    found = [f for f in found if f < size]
    return np.array([*found, size]), rows


def rows_at(path: Path, marks: npt.NDArray[np.int64], start: int, stop: int) -> list[str]:
    """Return the lines of the rows [start, stop)."""
    first = start // _STRIDE
    last = min(-(-stop // _STRIDE), len(marks) - 1)
    data = read_span(path, int(marks[first]), int(marks[last] - marks[first]))
    lines = decode(data).split("\n")
    return [line.rstrip("\r") for line in lines[start - first * _STRIDE : stop - first * _STRIDE]]


def table_of(path: Path) -> Table:
    """Return what the head of the file at `path` says.

    Raises
    ------
    FormatError : it is no table of numbers.
    """
    data = read_span(path, 0, HEAD_BYTES)
    found = head(data, len(data) < HEAD_BYTES)
    if found is None:
        raise FormatError(path, "holds no table of numbers", "Give one row a sample")
    return found
