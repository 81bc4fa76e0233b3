"""Files written beside their place and renamed, so that a killed run leaves no half file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from einthoven.record.errors import UsageError
from einthoven.record.files import beside


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes `target` if all goes well, and leaves nothing otherwise.

    Raises
    ------
    UsageError : where the folder cannot be written to, or the disk is full.
    """
    try:
        with beside(target) as part, part.open("wb") as file:
            yield file
    except OSError as fault:
        why = fault.strerror or "writing failed"
        raise UsageError(target, f"cannot be written ({why})", "Choose another folder") from fault
