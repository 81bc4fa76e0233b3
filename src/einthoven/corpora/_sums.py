"""The publisher's checksums."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SUMS = "SHA256SUMS.txt"


def read_sums(text: str) -> dict[str, str]:
    """Return file name -> SHA-256 (hexadecimal) from the text of a SHA256SUMS.txt."""
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
