"""Archives of a publisher, unpacked beside themselves: bounded, and nothing outside the folder."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from einthoven.record.errors import DataError
from einthoven.record.files import beside

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_RATIO = 10  # the tracings of CODE-15% are about 1.4 times their archives
_SLACK = 1 << 20


def inside(folder: Path, name: str) -> Path:
    """Return where a file goes; a name that leads out of the folder is refused."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
        raise DataError(name, f"would be written outside {folder}", "Report this")
    return path


def unpack(path: Path, *, spare: Collection[str], force: bool = False) -> None:
    """Unpack an archive into its folder; files that are there in the right size are left alone.

    Parameters
    ----------
    path : the archive; one that ends with .tar.gz may be a plain tar.
    spare : names in the folder that no member may replace.
    force : write all members anew.

    Raises
    ------
    DataError : where it is damaged, holds other than files, leads out of its folder, or unpacks to
        more than ten times its size.
    """
    left = _RATIO * path.stat().st_size + _SLACK
    kept = {(path.parent / name).resolve() for name in spare}
    try:
        for name, size, source in _members(path):
            left -= size
            if left < 0:
                fault = f"unpacks to more than {_RATIO} times its size"
                raise DataError(path, fault, "Check what it is")
            target = inside(path.parent, name)
            here = target.is_file() and target.stat().st_size == size
            if target.resolve() in kept or (here and not force):
                continue
            with beside(target) as part, part.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    except (
        OSError, RuntimeError, ValueError, EOFError, zlib.error, lzma.LZMAError,
        zipfile.BadZipFile, tarfile.TarError,
    ) as fault:  # fmt: skip
        why = f"cannot be unpacked ({fault or type(fault).__name__})"
        raise DataError(path, why, "Make room for it, then go on with data get") from fault


def _members(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Give name, size and content of each file of an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as whole:
            for info in whole.infolist():
                if not info.is_dir():
                    with whole.open(info) as source:
                        yield info.filename, info.file_size, source
        return
    with tarfile.open(path, "r:*") as tape:
        for member in tape:
            if not member.isfile() and not member.isdir():
                raise DataError(path, f"holds {member.name!r}, no plain file", "Report this")
            content = tape.extractfile(member)
            if content is not None:
                with content:
                    yield member.name, member.size, content
