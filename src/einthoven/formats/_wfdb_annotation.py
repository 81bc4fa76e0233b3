"""WFDB annotation files, clause by clause of annot(5) (the MIT format): bytes to marks and back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import read_bytes
from einthoven.record.annotation import Annotations
from einthoven.record.errors import FormatError, UsageError

# Codes of ecgcodes.h; what stands for itself elsewhere is written [code].
SYMBOLS: dict[int, str] = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j",
    12: "/", 13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=",
    24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]",
    34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(", 40: ")", 41: "r",
}  # fmt: skip
_CODES = {symbol: code for code, symbol in SYMBOLS.items()}
_NOTE, _SKIP, _NUM, _SUB, _CHN, _AUX = 22, 59, 60, 61, 62, 63
_BYTES = 512 << 20
_RESOLUTION = re.compile(r"^## time resolution: (\d+(?:\.\d+)?)")
_DEFINITION = re.compile(r"^(\d{1,3}) (\S+)(?: .*)?$")


def _payloads(words: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the (first, last + 1) words that are text or long intervals, not marks."""
    spans, free = [], 0
    for at in np.flatnonzero((kinds == _AUX) | (kinds == _SKIP)).tolist():
        if at < free:
            continue
        size = 2 if kinds[at] == _SKIP else (int(words[at]) & 0xFF) + 1 >> 1
        free = at + 1 + size
        spans.append((at + 1, free))
    return spans


def decode(data: bytes, where: object) -> tuple[Annotations, float | None]:
    """Return the marks of an annotation file, and its time resolution in Hz if it states one.

    Raises
    ------
    FormatError : where the bytes are no annotation file.
    """
    words = np.frombuffer(data, "<u2", len(data) // 2)
    kinds = (words >> 10).astype(np.uint8)
    spans = _payloads(words, kinds)
    plain = np.ones(len(words) + 1, bool)
    for first, last in spans:
        plain[first:last] = False
    plain = plain[:-1] if len(plain) > len(words) else plain
    ends = np.flatnonzero(plain & (words == 0))
    length = int(ends[0]) if len(ends) else len(words)
    at = np.flatnonzero(plain[:length])
    code, value = kinds[at], (words[at] & 0x3FF).astype(np.int64)
    if np.any((code >= 50) & (code < _SKIP)):
        raise FormatError(where, "is no WFDB annotation file", "Give one, e.g. 100.atr")

    step = np.where(code < 50, value, 0)
    for k in np.flatnonzero(code == _SKIP).tolist():
        first = int(at[k]) + 1
        if first + 2 > len(words):
            raise FormatError(where, "ends in the middle of a mark", "Fetch it again")
        step[k] = np.int32(np.uint32(int(words[first]) << 16 | int(words[first + 1])))
    samples = np.cumsum(step)

    mark = np.flatnonzero(code < 50)
    owner = np.cumsum(code < 50) - 1  # the mark that a modifier belongs to
    if np.any(owner[code > _SKIP] < 0):
        raise FormatError(where, "begins with half a mark", "Fetch it again")
    n = len(mark)
    # SUB holds for its own mark; NUM and CHN hold until the next (annot(5)).
    subtypes = np.zeros(n, np.int64)
    subtypes[owner[code == _SUB]] = value[code == _SUB].astype(np.uint8).view(np.int8)
    numbers = _held(n, owner[code == _NUM], value[code == _NUM].astype(np.uint8).view(np.int8))
    channels = _held(n, owner[code == _CHN], value[code == _CHN].astype(np.uint8))
    texts = [""] * n
    for k in np.flatnonzero(code == _AUX).tolist():
        first, size = 2 * int(at[k]) + 2, int(value[k]) & 0xFF
        if first + size > len(data):
            raise FormatError(where, "ends in the middle of a text", "Fetch it again")
        texts[int(owner[k])] = _text(data[first : first + size])
    table, drop, resolution = _definitions(samples[mark], code[mark], texts)
    symbols = np.array([table.get(c, f"[{c}]") for c in range(64)])[code[mark]]
    marks = Annotations(
        samples=samples[mark], symbols=symbols, subtypes=subtypes, channels=channels,
        numbers=numbers, texts=tuple(texts),
    )  # fmt: skip
    keep = (code[mark] != 0) & ~drop
    return (marks if keep.all() else marks.where(keep)), resolution


def _held(
    n: int, owners: npt.NDArray[np.int64], values: npt.NDArray[np.int8] | npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    out = np.zeros(n, np.int64)
    if len(owners):
        last = np.full(n, -1)
        last[owners] = np.arange(len(owners))
        last = np.maximum.accumulate(last)
        out = np.where(last >= 0, values.astype(np.int64)[last], 0)
    return out


def _text(data: bytes) -> str:
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _definitions(
    samples: npt.NDArray[np.int64], codes: npt.NDArray[np.uint8], texts: list[str]
) -> tuple[dict[int, str], npt.NDArray[np.bool_], float | None]:
    """Return the symbols, which marks are notes about the file itself, and its resolution."""
    table, resolution, inside = dict(SYMBOLS), None, False
    drop = np.zeros(len(samples), bool)
    for k in range(len(samples)):
        if samples[k] != 0 or codes[k] != _NOTE:
            break
        text = texts[k]
        found = _DEFINITION.match(text) if inside else None
        if found and int(found[1]) < 50:
            table[int(found[1])] = found[2]
        elif text.startswith("## "):
            if time := _RESOLUTION.match(text):
                resolution = float(time[1]) or None
            inside = text.startswith("## annotation type definitions")
        else:
            break
        drop[k] = True
    return table, drop, resolution


def load(path: Path) -> tuple[Annotations, float | None]:
    """Return the marks of the file at `path`, and its time resolution if it states one."""
    return decode(read_bytes(path, _BYTES), path)


def encode(marks: Annotations, where: object, rate: float | None = None) -> bytes:
    """Return the bytes of an annotation file that holds `marks`, in time order.

    Parameters
    ----------
    rate : Hz of the sample numbers, stated in the file where it is not the record's own frame rate.

    Raises
    ------
    UsageError : where a mark cannot be stored (symbol unknown, number or text too long).
    """
    order = np.argsort(marks.samples, kind="stable")
    out, now, number, channel = bytearray(), 0, 0, 0

    def word(kind: int, value: int) -> None:
        out.extend((kind << 10 | value & 0x3FF).to_bytes(2, "little"))

    def text(value: str) -> None:
        data = value.encode()
        word(_AUX, len(data))
        out.extend(data + b"\0" * (len(data) & 1))

    if rate is not None:
        word(_NOTE, 0)
        text(f"## time resolution: {rate:.12g}")
    for k in order.tolist():
        symbol, sample = str(marks.symbols[k]), int(marks.samples[k])
        code = _CODES.get(symbol)
        if code is None and (found := re.fullmatch(r"\[(\d{1,2})\]", symbol)):
            code = int(found[1]) if 0 < int(found[1]) < 50 else None
        note = marks.texts[k]
        fields = int(marks.subtypes[k]), int(marks.numbers[k]), int(marks.channels[k])
        if code is None:
            raise UsageError(where, f"symbol {symbol!r} is none of WFDB's", "Use e.g. N or V")
        if len(note.encode()) > 255 or "\0" in note or not 0 <= sample < 2**31:
            raise UsageError(where, f"mark {k} is too long to store", "Shorten its text")
        if not (-128 <= fields[0] < 128 and -128 <= fields[1] < 128 and 0 <= fields[2] < 256):
            raise UsageError(where, f"mark {k} holds {fields}", "Keep to one byte each")
        step, now = sample - now, sample
        if step > 0x3FF:
            word(_SKIP, 0)
            out.extend((step >> 16).to_bytes(2, "little") + (step & 0xFFFF).to_bytes(2, "little"))
            step = 0
        word(code, step)
        if fields[0]:
            word(_SUB, fields[0] & 0xFF)
        if fields[2] != channel:
            channel = fields[2]
            word(_CHN, channel)
        if fields[1] != number:
            number = fields[1]
            word(_NUM, number & 0xFF)
        if note:
            text(note)
    return bytes(out) + b"\0\0"
