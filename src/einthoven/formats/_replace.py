"""Files written beside their place and renamed, so that a killed run leaves no half file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from einthoven.record.errors import UsageError


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes `target` if all goes well, and leaves nothing otherwise.

    Raises
    ------
    UsageError : where the folder is not there or cannot be written to.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = part.open("wb")
    except OSError as fault:
        why = fault.strerror or "writing failed"
        raise UsageError(target, f"cannot be written ({why})", "Choose another folder") from fault
    try:
        with file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
