"""The publisher's checksums: SHA-256 where it states them, else the MD5 of its depository."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

SUMS = "SHA256SUMS.txt"
MD5S = "MD5SUMS.txt"


def sums_file(folder: Path) -> Path | None:
    """Return the list of checksums in a folder, None where none is."""
    return next((path for path in (folder / SUMS, folder / MD5S) if path.is_file()), None)


def read_sums(folder: Path) -> dict[str, str]:
    """Return file name -> checksum (hexadecimal) of the list in a folder; nothing where none is."""
    path = sums_file(folder)
    if path is None:
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = (line.split(maxsplit=1) for line in text.splitlines())
    length = 64 if path.name == SUMS else 32
    return {
        row[1].strip().removeprefix("*").removeprefix("./"): row[0].lower()
        for row in rows
        if len(row) == 2 and re.fullmatch(f"[0-9a-fA-F]{{{length}}}", row[0])
    }


def has_sum(path: Path, digest: str) -> bool:
    """Return whether a file has that SHA-256 or MD5, hexadecimal."""
    return _sum(path, md5=len(digest) == 32) == digest


def write_sums(folder: Path, files: Iterable[Path], name: str = SUMS) -> None:
    """Write the list of `files`, which lie in the folder, as the publisher does."""
    rows = [
        f"{_sum(path, md5=name == MD5S)} {path.relative_to(folder).as_posix()}"
        for path in sorted(files)
    ]
    (folder / name).write_text("\n".join(rows) + "\n", encoding="ascii")


def _sum(path: Path, *, md5: bool) -> str:
    # MD5 is what depositories state; it tells damage, not malice.
    kind = partial(hashlib.md5, usedforsecurity=False) if md5 else hashlib.sha256
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
