"""The first sheet of an Excel workbook (Office Open XML) as rows of text."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from einthoven.record.errors import FormatError

MOST = 64 << 20  # bytes of one part, unpacked
_NAMES = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL = re.compile(r"([A-Z]{1,3})\d+")
_SHARED = "xl/sharedStrings.xml"
_MEND = "Fetch it again"
_COLUMNS = 1024


def rows(path: Path) -> Iterator[list[str]]:
    """Give the rows of the first sheet; a cell that is not there is empty text.

    Raises
    ------
    FormatError : where it is no workbook, is damaged, or unpacks to more than is sensible.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            texts: list[str] = []
            if _SHARED in archive.namelist():
                items = _part(path, archive, _SHARED).iter(f"{_NAMES}si")
                texts = ["".join(t.text or "" for t in item.iter(f"{_NAMES}t")) for item in items]
            sheet = _part(path, archive, "xl/worksheets/sheet1.xml")
        for row in sheet.iter(f"{_NAMES}row"):
            cells: dict[int, str] = {}
            for cell in row.iter(f"{_NAMES}c"):
                cells[_column(cell.get("r", ""))] = _text(cell, texts)
            yield [cells.get(k, "") for k in range(max(cells, default=-1) + 1)]
    except FormatError:
        raise
    except (
        OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, IndexError,
        NotImplementedError, RuntimeError, ElementTree.ParseError,
    ) as fault:  # fmt: skip
        raise FormatError(path, f"is no workbook ({fault})", _MEND) from fault


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with archive.open(name) as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise FormatError(path, f"unpacks to more than {MOST >> 20} MiB", _MEND)
    # Workbooks have no document types; with none, no entity can blow up what is parsed.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FormatError(path, "declares a document type", _MEND)
    return ElementTree.fromstring(data)  # noqa: S314 - see above


def _column(place: str) -> int:
    """Return the column of ``AB12``, counted from 0."""
    found = _CELL.fullmatch(place)
    number = 0
    for letter in found[1] if found else "":
        number = 26 * number + ord(letter) - ord("A") + 1
    if not 1 <= number <= _COLUMNS:
        raise ValueError(f"a cell at {place!r}")
    return number - 1


def _text(cell: ElementTree.Element, texts: list[str]) -> str:
    value = cell.find(f"{_NAMES}v")
    if value is None:
        return "".join(t.text or "" for t in cell.iter(f"{_NAMES}t"))
    text = value.text or ""
    return texts[int(text)] if cell.get("t") == "s" else text
