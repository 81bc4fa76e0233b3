"""What a format is, the catalogue of all of them, and opening a file by what it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from einthoven.formats._bounds import HEAD_BYTES, read_span
from einthoven.record.errors import FormatError, UsageError
from einthoven.record.record import Record
from einthoven.record.registry import Registry
from einthoven.record.source import RecordSource, Source


class Opener(Protocol):
    """Opens a file of one format."""

    def __call__(
        self, path: Path, *, rate: float | None, leads: Sequence[str] | None, unit: str | None
    ) -> Source:
        """Return the open recording; the flags are for what the file does not say itself."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format on disk.

    Attributes
    ----------
    name, summary : for the catalogue.
    suffixes : usual endings; they choose the format to write, never the one to read.
    sniff : (path, first bytes of the file) -> whether the content is of this format.
    open : opens it.
    write : (source, path) -> the files written, or None where the format is only read.
    loose : whether files of other formats may look like it, so that it is asked last.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    open: Opener
    write: Callable[[Source, Path], tuple[Path, ...]] | None = None
    loose: bool = False


FORMATS: Registry[Format] = Registry("format", "einthoven.formats")


def recognise(path: Path) -> Format | None:
    """Return the format whose content the file has; None where no format knows it.

    Raises
    ------
    FormatError : where the file is not there or cannot be read.
    """
    head = read_span(path, 0, HEAD_BYTES)
    if not head:
        return None
    found = sorted((FORMATS[name] for name in FORMATS.names()), key=lambda kind: kind.loose)
    return next((kind for kind in found if kind.sniff(path, head)), None)


def format_of(path: Path) -> tuple[Path, Format]:
    """Return the file that `path` means, and its format by content.

    ``100`` means ``100.hea`` where there is no file ``100``.

    Raises
    ------
    FormatError : where there is no such file, or no format knows it.
    """
    try:
        if not path.exists() or path.is_dir():
            header = path.with_name(path.name + ".hea") if path.name else path
            if header.is_file():
                path = header
    except (OSError, ValueError) as fault:
        raise FormatError(path, "is no name of a file", "Give the path of a recording") from fault
    kind = recognise(path)
    if kind is not None:
        return path, kind
    if path.stat().st_size == 0:
        raise FormatError(path, "is empty", "Fetch it again")
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise FormatError(path, "is text in UTF-16", "Save it as UTF-8")
    mend = f"Give one of: {', '.join(FORMATS[n].summary for n in FORMATS.names())}"
    if path.suffix.lower() in (".dat", ".mat", ".atr", ".qrs"):
        mend = "If it is part of a WFDB record, put the header (.hea) beside it and give that"
    raise FormatError(path, "holds none of the formats that can be read", mend)


def open_source(
    path: str | Path,
    *,
    rate: float | None = None,
    leads: Sequence[str] | None = None,
    unit: str | None = None,
) -> Source:
    """Open a recording of any known format, recognised by its content.

    Parameters
    ----------
    path : the file; of a WFDB record also its bare name, its ``.hea`` or its ``.dat``.
    rate : Hz, for a file that does not state it.
    leads : which channels are leads, or their names in a file that gives none.
    unit : ``mV``, ``uV``, ``V`` or ``adc:GAIN`` (digital units per mV), for a file that does not
        state it.

    Raises
    ------
    FormatError : the file is damaged, unknown, or does not state what is needed.
    UsageError : an argument contradicts the file.
    """
    if rate is not None and not 0 < rate <= 100_000:
        raise UsageError("--rate", f"{rate:g} Hz cannot be", "Give samples a second, e.g. 360")
    if isinstance(leads, str):
        leads = tuple(word.strip() for word in leads.split(","))
    where, kind = format_of(Path(path))
    return kind.open(where, rate=rate, leads=leads, unit=unit)


def read(
    path: str | Path,
    *,
    rate: float | None = None,
    leads: Sequence[str] | None = None,
    unit: str | None = None,
) -> Record:
    """Read a whole recording into memory; arguments as of `open_source`.

    Raises
    ------
    FormatError : the file is damaged, unknown, holds no ECG lead, or does not state what is needed.
    """
    source = open_source(path, rate=rate, leads=leads, unit=unit)
    if not source.leads:
        names = ", ".join(c.name for c in source.channels) or "none"
        raise FormatError(
            source.path, f"holds no ECG lead (channels: {names})", "Name one with --leads"
        )
    return source.record()


def writable() -> dict[str, Format]:
    """Return the format for each ending that can be written."""
    found = (FORMATS[name] for name in FORMATS.names())
    return {suffix: f for f in found if f.write is not None for suffix in f.suffixes}


def write(recording: Source | Record, path: str | Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write a recording in the format that the ending of `path` names; return the files written.

    Files are written beside and renamed, so that a killed run leaves no half file.

    Raises
    ------
    UsageError : where the ending is unknown, or a file is there and `force` is false.
    """
    target = Path(path)
    kinds = writable()
    kind = kinds.get(target.suffix.lower())
    if kind is None or kind.write is None:
        raise UsageError(
            target, f"ending {target.suffix!r} is not one that can be written",
            f"Use one of: {', '.join(sorted(kinds))}",
        )  # fmt: skip
    source = RecordSource(recording) if isinstance(recording, Record) else recording
    if not force:
        for suffix in (target.suffix, *((*kind.suffixes, ".atr") if kind.name == "wfdb" else ())):
            if target.with_suffix(suffix).exists():
                raise UsageError(
                    target.with_suffix(suffix), "is there already", "Give --force to replace it"
                )
    return kind.write(source, target)
