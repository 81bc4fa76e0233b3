"""Writing WFDB records: header(5), signal(5) in formats 16 and 212, annot(5)."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.formats._replace import writing
from einthoven.formats._scale import Frames, Scale, frames, pieces, scales, spans
from einthoven.formats._wfdb_annotation import encode
from einthoven.record.errors import UsageError
from einthoven.record.source import Source

_LIMITS = {16: 2**15 - 1, 212: 2**11 - 1}


def _packed(samples: npt.NDArray[np.int32], fmt: int) -> bytes:
    if fmt == 16:
        return samples.astype("<i2").tobytes()
    flat = samples.astype(np.int16).view(np.uint16) & np.uint16(0xFFF)
    odd = len(flat) % 2
    pair = np.append(flat, np.zeros(odd, np.uint16)).reshape(-1, 2)
    out = np.empty((len(pair), 3), np.uint8)
    out[:, 0] = pair[:, 0] & 0xFF
    out[:, 1] = pair[:, 0] >> 8 | (pair[:, 1] >> 8) << 4
    out[:, 2] = pair[:, 1] & 0xFF
    return out.tobytes()[: -1 if odd else None]


def write_record(source: Source, path: Path, *, fmt: int = 16) -> tuple[Path, ...]:
    """Write all channels of `source` with their own units and rates, and its annotations.

    The samples keep the integers of the file they came from where these fit into the format;
    otherwise they are rounded to a fine step. Missing samples get the format's invalid value. Of
    the patient, age and sex are written, never a name or a birth date.

    Parameters
    ----------
    path : of the header or the signal file; the others lie beside it.
    fmt : 16 or 212.

    An ``.atr`` of the same name that is there is replaced, or removed where there is none to write:
    the marks of another recording would pass for those of this one.

    Returns
    -------
    The files written: ``.dat``, ``.atr`` where there are annotations, ``.hea``.

    Raises
    ------
    UsageError : where the name cannot be a record's, or the files cannot be written.
    """
    if fmt not in _LIMITS:
        raise UsageError(path, f"format {fmt} is not written", "Use 16 or 212")
    name = path.stem
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise UsageError(path, f"{name!r} cannot be a WFDB name", "Use letters, digits, - and _")
    layout, limit = frames(source), _LIMITS[fmt]
    scale = scales(source, layout, limit)
    data, header, marks = (path.with_suffix(s) for s in (".dat", ".hea", ".atr"))
    stored = source.annotations()
    written = [data]
    with contextlib.ExitStack() as stack:
        body = stack.enter_context(writing(data))
        first, total = _body(source, layout, scale, fmt, body.write)
        if stored is not None and len(stored):
            base = float(layout.rate)
            rate = None if abs(source.rate - base) < 1e-9 * base else source.rate
            stack.enter_context(writing(marks)).write(encode(stored, marks, rate))
            written.append(marks)
        text = _header(source, layout, scale, fmt, name, first, total)
        stack.enter_context(writing(header)).write(text.encode())
    if marks not in written:
        marks.unlink(missing_ok=True)
    return (*written, header)


def _body(
    source: Source, layout: Frames, scale: list[Scale], fmt: int, write: object
) -> tuple[list[int], list[int]]:
    """Write the frames; return the first sample and the sum of each channel."""
    assert callable(write)
    n = len(layout.per_frame)
    first, total = [0] * n, [0] * n
    # An even number of frames a piece, so that no pair of format 212 is cut.
    for start, stop in spans(layout, 2):
        parts = []
        for i, row in enumerate(pieces(source, layout, start, stop)):
            digital = scale[i].digital(row, _LIMITS[fmt])
            if start == 0 and len(digital):
                first[i] = int(digital[0])
            total[i] += int(digital.sum(dtype=np.int64))
            parts.append(digital.reshape(stop - start, layout.per_frame[i]))
        write(_packed(np.concatenate(parts, axis=1).reshape(-1), fmt))
    return first, total


def _header(
    source: Source, layout: Frames, scale: list[Scale], fmt: int, name: str,
    first: list[int], total: list[int],
) -> str:  # fmt: skip
    top = f"{name} {len(source.channels)} {float(layout.rate):.12g} {layout.count}"
    if source.start is not None:
        milli = source.start.microsecond // 1000
        top += f" {source.start:%H:%M:%S}.{milli:03d} {source.start:%d/%m/}{source.start.year:04d}"
    lines = [top]
    bits = 16 if fmt == 16 else 12
    for i, channel in enumerate(source.channels):
        times = f"x{layout.per_frame[i]}" if layout.per_frame[i] > 1 else ""
        unit = re.sub(r"\s+", "_", channel.unit.strip()) or "NU"
        # The checksum is a signed 16-bit sum (header(5)).
        check = (total[i] + 2**15) % 2**16 - 2**15
        lines.append(
            f"{name}.dat {fmt}{times} {scale[i].gain:.12g}({scale[i].zero})/{unit} "
            f"{bits} 0 {first[i]} {check} 0 {' '.join(channel.name.split())}"
        )
    known = source.patient
    if known is not None and (known.age is not None or known.sex is not None):
        age = "?" if known.age is None else f"{known.age:g}"
        lines.append(f"# <age>: {age}  <sex>: {known.sex or '?'}")
    return "\n".join(lines) + "\n"
