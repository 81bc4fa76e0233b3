"""The publisher's checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

SUMS = "SHA256SUMS.txt"


def read_sums(folder: Path) -> dict[str, str]:
    """Return file name -> SHA-256 (hexadecimal) of the list in a folder; nothing where none is."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = (line.split(maxsplit=1) for line in text.splitlines())
    return {
        row[1].strip().removeprefix("*").removeprefix("./"): row[0].lower()
        for row in rows
        if len(row) == 2 and re.fullmatch("[0-9a-fA-F]{64}", row[0])
    }


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path, files: Iterable[Path]) -> None:
    """Write the list of `files`, which lie in the folder, as the publisher does."""
    rows = [f"{sha256(path)} {path.relative_to(folder).as_posix()}" for path in sorted(files)]
    (folder / SUMS).write_text("\n".join(rows) + "\n", encoding="ascii")
