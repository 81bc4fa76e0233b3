"""Names of models on a command line."""

from __future__ import annotations

from pathlib import Path

from einthoven.bundle import zoo_names
from einthoven.record.errors import UsageError, nearest


def shipped_or_path(name: str) -> str:
    """Return the name where it is that of a shipped model, or of something on disk.

    Raises
    ------
    UsageError : it is neither.
    """
    if not name or not (name in zoo_names() or Path(name).exists()):
        mend = nearest(name, zoo_names())
        raise UsageError(f"model {name!r}", "is neither shipped nor a folder", mend)
    return name
