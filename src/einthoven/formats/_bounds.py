"""What an untrusted file may make us do: which files it may name, how much it may ask for."""

from __future__ import annotations

import stat
from pathlib import Path

from einthoven.record.errors import FormatError

HEAD_BYTES = 65_536
HEADER_BYTES = 8 << 20
MAX_CHANNELS = 4_096
MAX_SEGMENTS = 200_000
MAX_RATE = 1_000_000.0
# A header can claim a gap of any length; nobody wears electrodes for longer than a year.
MAX_SECONDS = 366 * 86_400.0
# What one call of `read` may take: 24 hours of 12 leads at 1000 Hz are 4.1 GB.
MAX_READ_BYTES = 8 << 30
# A gap costs nothing on the disk, so a few bytes could ask for all the memory there is.
MAX_GAPPED_BYTES = 2 << 30


def regular(path: Path) -> int:
    """Return the size in bytes of a regular file; a pipe, device or folder is refused.

    Raises
    ------
    FormatError : where it is not there, cannot be read, or is no regular file.
    """
    try:
        info = path.stat()
    except (OSError, ValueError) as fault:
        raise FormatError(path, "there is no such file", "Check the path") from fault
    if stat.S_ISDIR(info.st_mode):
        raise FormatError(path, "is a folder", "Name a recording in it")
    if not stat.S_ISREG(info.st_mode):
        raise FormatError(path, "is no regular file", "Copy the recording into a file first")
    return info.st_size


def read_bytes(path: Path, limit: int = HEADER_BYTES) -> bytes:
    """Return the whole of a small file.

    Raises
    ------
    FormatError : where it cannot be read or is longer than `limit`.
    """
    if regular(path) > limit:
        raise FormatError(
            path, f"is longer than {limit >> 20} MB, which no such file is", "Fetch it again"
        )
    return read_span(path, 0, limit)


def read_span(path: Path, start: int, size: int) -> bytes:
    """Return up to `size` bytes from byte `start`.

    Raises
    ------
    FormatError : the file cannot be read.
    """
    there = regular(path)
    try:
        with path.open("rb") as file:
            file.seek(start)
            # A buffer is taken for all that is asked for, be the file ever so short.
            return file.read(max(0, min(size, there - start)))
    except OSError as fault:
        why = fault.strerror or "reading failed"
        raise FormatError(path, f"cannot be read ({why})", "Check its permissions") from fault


def beside(header: Path, name: str) -> Path:
    """Return the path of the file that `header` names, if it lies in the header's own folder.

    Raises
    ------
    FormatError : where the name leads out of that folder (``..``, an absolute path, a URL, a
        symbolic link), or the file is not there.
    """
    mend = "Trust it only if you made it, and put the file beside its header"
    bad = ("\\", "\0", "://")
    if not name or name.startswith(("/", "~", "-")) or any(b in name for b in bad):
        raise FormatError(header, f"names {name!r}, which is no file of its own folder", mend)
    folder = header.parent
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        there = path.is_file()  # raises where a name is longer than the system allows
    except (OSError, RuntimeError, ValueError) as fault:
        raise FormatError(header, f"names {name!r}, which is no file", mend) from fault
    if not inside or ".." in Path(name).parts:
        raise FormatError(header, f"names {name!r}, which lies outside its own folder", mend)
    if not there:
        raise FormatError(
            header, f"names {name!r}, which is not there", f"Put {Path(name).name} beside it"
        )
    return path


def check_read(path: str, rows: int, samples: int, *, gaps: bool) -> None:
    """Refuse to take more memory at once than any recording needs.

    Raises
    ------
    FormatError : so many samples would.
    """
    if rows * samples * 4 > (MAX_GAPPED_BYTES if gaps else MAX_READ_BYTES):
        raise FormatError(
            path, f"has {samples:,} samples, too many to read at once", "Read it in chunks"
        )
