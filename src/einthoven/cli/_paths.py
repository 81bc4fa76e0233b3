"""Which recordings the paths of a command line name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from einthoven.formats import FORMATS, format_of
from einthoven.record.errors import FormatError

# Annotations beside a record are none.
_MARKS = {".atr", ".qrs"}
_HEADER_BYTES = 65536
SUMMARY = "summary.csv"
_SUMMARY_BEGIN = b"record,source,usable,reason,"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file or folder that holds no recording.

    Attributes
    ----------
    path, why : which, and what is wrong with it, in one sentence.
    failed : whether it was meant to hold one: it was named, or its ending says so.
    """

    path: str
    why: str
    failed: bool


def expand(paths: list[str]) -> tuple[list[tuple[str, str]], list[LeftOut]]:
    """Return the recordings as (path, name to write under), and what was left out.

    A folder gives every file of a known format in it, named by its path inside the folder; a file
    is named by its stem. Names that would collide keep their ending.
    """
    found: list[tuple[Path, Path]] = []
    left: list[LeftOut] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside, others = _records(path)
            left += others
            if not inside:
                why = str(FormatError(path, "holds no recording", "Give another folder"))
                left.append(LeftOut(path=text, why=why, failed=True))
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
    return [(str(path), name) for (path, _), name in zip(found, names, strict=True)], left


def _records(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    """Return the recordings in a folder, and its files that are none."""
    files = [
        p for p in sorted(folder.rglob("*"))
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    ]  # fmt: skip
    parts = set().union(*(_parts(p) for p in files if p.suffix == ".hea"), set[Path]())
    records: list[Path] = []
    others: list[LeftOut] = []
    # Prose has the ending of a table in text.
    endings = {end for name in FORMATS.names() for end in FORMATS[name].suffixes} - {".txt"}
    for path in files:
        if path in parts or path.suffix in _MARKS or _ours(path):
            continue
        try:
            kind = format_of(path)[1]
        except FormatError as fault:
            # A folder may hold other things, which are no failure; an ending can promise more.
            failed = path.suffix.lower() in endings
            others.append(LeftOut(path=str(path), why=str(fault), failed=failed))
            continue
        # A list of record numbers could pass for a table: in a folder the ending decides.
        if kind.loose and path.suffix.lower() not in kind.suffixes:
            why = str(FormatError(path, f"has not the ending of {kind.summary}", "Name the file"))
            others.append(LeftOut(path=str(path), why=why, failed=False))
            continue
        records.append(path)
    return records, others


def _ours(path: Path) -> bool:
    """Return whether an earlier run of analyze wrote this file: OUT may lie in the folder."""
    if path.suffix in (".json", ".html"):
        return path.with_name(f".{path.stem}.state").is_file()
    if path.name != SUMMARY:
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_SUMMARY_BEGIN)) == _SUMMARY_BEGIN
    except OSError:
        return False


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
