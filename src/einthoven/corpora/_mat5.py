"""MATLAB 5 files as far as corpora use them: real arrays, words and structures, little endian.

Source: the layout that MathWorks published (MAT-File Format, version 5). Whatever a file claims,
no more than `MOST` bytes are unpacked from it.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import FormatError

MOST = 64 << 20
_MEND = "Fetch it again"
_COMPRESSED, _MATRIX = 15, 14
_STRUCT, _WORD = 2, 4
_NUMBERS = frozenset(range(6, 16))  # classes of arrays: double, single, 8 to 64 bits
# Types of stored numbers.
_TYPES = {
    1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8",
    13: "<u8", 16: "<u1", 17: "<u2",
}  # fmt: skip

Value = npt.NDArray[Any] | str | dict[str, Any]


def read(path: Path) -> dict[str, Value]:
    """Return the variables of a file by name: an array, a word, or a structure of those.

    Raises
    ------
    FormatError : where it is no such file, is damaged, or holds more than is sensible.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError as fault:
        raise FormatError(path, f"cannot be read ({fault.strerror})", "Check the path") from fault
    if len(data) > MOST:
        raise FormatError(path, f"has more than {MOST >> 20} MiB", "Check what it is")
    if len(data) < 128 or data[124:128] != b"\x00\x01IM":
        raise FormatError(path, "is no MATLAB 5 file", _MEND)
    found: dict[str, Value] = {}
    left = MOST
    try:
        for kind, body in _elements(data[128:]):
            if kind == _COMPRESSED:
                opened = zlib.decompressobj()
                body = opened.decompress(body, max(left, 1))
                if opened.unconsumed_tail:
                    raise FormatError(path, f"unpacks to more than {MOST >> 20} MiB", _MEND)
                left -= len(body)
                kind, body = next(_elements(body))
            if kind == _MATRIX:
                name, value = _matrix(body, depth=0)
                if value is not None:
                    found[name] = value
    except FormatError:
        raise
    except (struct.error, zlib.error, ValueError, StopIteration, IndexError, KeyError) as fault:
        raise FormatError(path, f"is damaged ({fault})", _MEND) from fault
    return found


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the type and the bytes of each data element."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind >> 16:  # a small element: type and size share four bytes, four more are its data
            kind, size, begin, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            begin = at + 8
            after = begin + size + (0 if kind == _COMPRESSED else -size % 8)
        if size > len(data) - begin:
            raise ValueError("an element is cut off")
        yield kind, data[begin : begin + size]
        at = after


def _numbers(kind: int, body: bytes) -> npt.NDArray[Any]:
    return np.frombuffer(body, _TYPES[kind])


def _matrix(body: bytes, depth: int) -> tuple[str, Value | None]:
    """Return name and value of a matrix; None for a kind that is not read (cells, sparse)."""
    if depth > 4:
        raise ValueError("structures within structures within structures")
    parts = list(_elements(body))
    if len(parts) < 3:
        return "", None
    flags = int(_numbers(*parts[0])[0])
    shape = tuple(int(n) for n in _numbers(*parts[1]))
    if min(shape) < 0:
        raise ValueError("a negative size")
    name = parts[2][1].decode("latin-1")
    what, rest = flags & 0xFF, parts[3:]
    if what == _STRUCT:
        if math.prod(shape) != 1:
            return name, None
        width = int(_numbers(*rest[0])[0])
        names = rest[1][1]
        if width < 1:
            raise ValueError("names of no length")
        fields = [
            names[k : k + width].split(b"\0")[0].decode("latin-1")
            for k in range(0, len(names), width)
        ]
        values = [_matrix(part, depth + 1)[1] for _, part in rest[2 : 2 + len(fields)]]
        return name, dict(zip(fields, values, strict=True))
    if what == _WORD:
        return name, "".join(chr(code) for code in _numbers(*rest[0]).tolist()) if rest else ""
    if what not in _NUMBERS or not rest:
        return name, None
    return name, _numbers(*rest[0]).reshape(shape, order="F")
