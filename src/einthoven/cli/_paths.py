"""Which recordings the paths of a command line name."""

from __future__ import annotations

from pathlib import Path

from einthoven.formats import format_of
from einthoven.record.errors import FormatError

# Parts of a WFDB record that are not records by themselves.
_PARTS = {".dat", ".atr", ".mat", ".xyz", ".qrs", ".ecg"}


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
    names = [
        stem if stems.count(stem) == 1 else str(name)
        for stem, (_, name) in zip(stems, found, strict=True)
    ]
    for index, name in enumerate(names):
        if name in names[:index]:
            names[index] = f"{name}-{names[:index].count(name) + 1}"
    return [(str(path), name) for (path, _), name in zip(found, names, strict=True)], faults, left


def _records(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the recordings in a folder, and its files that are none."""
    files = [
        p for p in sorted(folder.rglob("*"))
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    ]  # fmt: skip
    headers = {p.with_suffix("") for p in files if p.suffix == ".hea"}
    records: list[Path] = []
    others: list[Path] = []
    for path in files:
        if path.suffix in _PARTS and (
            path.with_suffix("") in headers or path.suffix in {".atr", ".qrs"}
        ):
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
