"""Floor 3. One file a format on disk: bytes to `Source` and `Record`, and back."""

from einthoven.formats._format import (
    FORMATS,
    Format,
    format_of,
    open_source,
    read,
    recognise,
    writable,
    write,
)

__all__ = [
    "FORMATS",
    "Format",
    "format_of",
    "open_source",
    "read",
    "recognise",
    "writable",
    "write",
]
