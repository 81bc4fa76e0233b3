"""Which recordings the paths of a command line name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from einthoven.formats import format_of
from einthoven.record.errors import FormatError

# Annotations beside a record are none.
_MARKS = {".atr", ".qrs"}
_HEADER_BYTES = 65536


def expand(paths: list[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Return the recordings as (path, name to write under), a sentence a fault, and what is left.

    Left out are the files of a folder that hold no known format.

    A folder gives every file of a known format in it, named by its path inside the folder; a file
    is named by its stem. Names that would collide keep their ending.
    """
    found: list[tuple[Path, Path]] = []
    faults: list[str] = []
    left: list[str] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside, others = _records(path)
            left += map(str, others)
            if not inside:
                faults.append(str(FormatError(path, "holds no recording", "Give another folder")))
            found += [(p, p.relative_to(path)) for p in inside]
        else:
            found.append((path, Path(path.name)))
    stems = [str(name.with_suffix("")) for _, name in found]
    often = Counter(stems)
    seen: Counter[str] = Counter()
    names = []
    for stem, (_, full) in zip(stems, found, strict=True):
        name = stem if often[stem] == 1 else str(full)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return [(str(path), name) for (path, _), name in zip(found, names, strict=True)], faults, left


def _records(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the recordings in a folder, and its files that are none."""
    files = [
        p for p in sorted(folder.rglob("*"))
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    ]  # fmt: skip
    parts = set().union(*(_parts(p) for p in files if p.suffix == ".hea"), set[Path]())
    records: list[Path] = []
    others: list[Path] = []
    for path in files:
        if path in parts or path.suffix in _MARKS:
            continue
        try:
            kind = format_of(path)[1]
        except FormatError:
            others.append(path)  # a folder may hold other things: they are left out and counted
            continue
        # A list of record numbers could pass for a table: in a folder the ending decides.
        if kind.loose and path.suffix.lower() not in kind.suffixes:
            others.append(path)
            continue
        records.append(path)
    return records, others


def _parts(header: Path) -> set[Path]:
    """Return the signal files and segments that a WFDB header names: parts of its record."""
    try:
        with header.open("rb") as file:
            text = file.read(_HEADER_BYTES).decode("latin-1")
    except OSError:
        return set()
    lines = [line.split() for line in text.splitlines() if line.strip()[:1] not in ("", "#")]
    names = {words[0] for words in lines[1:] if words and words[0] != "~"}
    return {header.with_name(f"{name}{end}") for name in names if "/" not in name
            for end in ("", ".hea")} - {header}  # fmt: skip
