"""Writing EDF+: all channels with their own rates and units, annotations as EDF+ lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from einthoven.formats._edf_header import MONTHS
from einthoven.formats._replace import writing
from einthoven.formats._scale import Frames, Scale, frames, pieces, scales, spans
from einthoven.record.annotation import Annotations
from einthoven.record.errors import UsageError
from einthoven.record.leads import is_lead_name
from einthoven.record.source import Source

# The lowest 16-bit integer stays outside the stated range: it stands for a missing sample.
_LIMIT = 2**15 - 1


def _seconds(rate: Fraction) -> tuple[str, int]:
    """Return the length of a data record in eight characters, and how many frames it holds.

    From one second on, the first length whose decimal is exact; else about a second, rounded.
    """
    least = max(1, math.ceil(rate))
    for count in range(least, least + min(100_000, math.ceil(rate) * 100)):
        seconds = Fraction(count) / rate
        text = f"{float(seconds):.12g}"
        if len(text) <= 8 and Fraction(text) == seconds:
            return text, count
    return f"{float(least / rate):.10f}"[:8], least


def _short(value: float, path: Path) -> str:
    """Return the most exact decimal of at most eight characters."""
    for digits in range(12, 0, -1):
        text = f"{value:.{digits}g}"
        if "e" in text:
            text = np.format_float_positional(float(text), trim="-")
        if len(text) <= 8:
            return text
    raise UsageError(path, f"EDF has no room for the value {value:g}", "Write it as .hea or .npz")


def _limits(scale: Scale, path: Path) -> tuple[str, str, Scale]:
    """Return the physical limits as written, and the scale that they mean."""
    low, high = (_short((d - scale.zero) / scale.gain, path) for d in (-_LIMIT, _LIMIT))
    if float(low) == float(high):
        raise UsageError(path, "EDF has no room for so small a range", "Write it as .hea or .npz")
    gain = 2 * _LIMIT / (float(high) - float(low))
    return low, high, Scale(gain, round(-_LIMIT - float(low) * gain))


def _lists(
    marks: Annotations | None, rate: float, seconds: float, records: int, origin: float
) -> list[bytes]:
    """Return the annotation bytes of each data record: its own time, then the marks in it.

    The header tells whole seconds only, so times count from `origin`, the rest of the start.
    """
    out = [f"+{_plain(origin + i * seconds)}\x14\x14\0".encode() for i in range(records)]
    if marks is not None:
        for sample, symbol, text in zip(
            marks.samples.tolist(), marks.symbols.tolist(), marks.texts, strict=True
        ):
            onset = sample / rate
            words = f"WFDB {symbol}{' ' + text if text else ''}"
            words = words.replace("\x14", " ").replace("\x15", " ").replace("\0", " ")
            home = min(max(int(onset / seconds), 0), records - 1)
            out[home] += f"+{_plain(origin + onset)}\x14{words}\x14\0".encode()
    return out


def _plain(seconds: float) -> str:
    return np.format_float_positional(round(seconds, 6), trim="-")


def write_edf(source: Source, path: Path) -> tuple[Path, ...]:
    """Write a continuous EDF+ file.

    EDF has whole data records only, so the last one is filled up with missing samples. Of the
    patient, the sex is written, never a name or a birth date.

    Raises
    ------
    UsageError : where a rate or a value cannot be written in EDF, or the file cannot be written.
    """
    layout = frames(source)
    text, per_record = _seconds(layout.rate)
    records = max(1, -(-layout.count // per_record))
    full = Frames(layout.rate, layout.per_frame, records * per_record)
    limits = [_limits(scale, path) for scale in scales(source, layout, _LIMIT)]
    origin = source.start.microsecond / 1e6 if source.start else 0.0
    lists = _lists(source.annotations(), source.rate, float(text), records, origin)
    room = max(len(entry) for entry in lists) + 1
    room += room % 2
    with writing(path) as file:
        file.write(_header(source, full, limits, text, per_record, records, room))
        for start, stop in spans(full, per_record):
            _records(source, full, limits, (start, stop), per_record, lists, room, file.write)
    return (path,)


def _records(
    source: Source, layout: Frames, limits: list[tuple[str, str, Scale]], span: tuple[int, int],
    per_record: int, lists: list[bytes], room: int, write: Callable[[bytes], int],
) -> None:  # fmt: skip
    first, count = span[0] // per_record, (span[1] - span[0]) // per_record
    parts = [
        limits[i][2].digital(row, _LIMIT).astype("<i2").reshape(count, -1).view(np.uint8)
        for i, row in enumerate(pieces(source, layout, *span))
    ]
    notes = b"".join(entry.ljust(room, b"\0") for entry in lists[first : first + count])
    parts.append(np.frombuffer(notes, np.uint8).reshape(count, room))
    write(np.concatenate(parts, axis=1).tobytes())


def _header(
    source: Source, layout: Frames, limits: list[tuple[str, str, Scale]], seconds: str,
    per_record: int, records: int, room: int,
) -> bytes:  # fmt: skip
    channels, start = source.channels, source.start
    sex = (source.patient.sex if source.patient else None) or "X"
    day = f"{start.day:02d}-{MONTHS[start.month - 1]}-{start.year:04d}" if start else "X"
    # Years that two digits cannot tell stand in the EDF+ field alone.
    short = f"{start:%d.%m.}{start.year % 100:02d}" if start else "01.01.85"
    clock = f"{start:%H.%M.%S}" if start else "00.00.00"
    n = len(channels) + 1
    fixed = [
        ("0", 8), (f"X {sex} X X", 80), (f"Startdate {day} X X einthoven", 80), (short, 8),
        (clock, 8), (str(256 * (n + 1)), 8), ("EDF+C", 44), (str(records), 8), (seconds, 8),
        (str(n), 4),
    ]  # fmt: skip
    labels = [f"ECG {c.name}" if c.lead and is_lead_name(c.name) else c.name for c in channels]
    labels = [
        c.name if label.lower().startswith("ecg ecg") else label
        for c, label in zip(channels, labels, strict=True)
    ]
    counts = [str(per_record * p) for p in layout.per_frame]
    columns = [
        (16, [*labels, "EDF Annotations"]), (80, [""] * n),
        (8, [*(c.unit for c in channels), ""]),
        (8, [*(low for low, _, _ in limits), "-1"]), (8, [*(high for _, high, _ in limits), "1"]),
        (8, [*[str(-_LIMIT)] * (n - 1), "-32768"]), (8, [*[str(_LIMIT)] * (n - 1), "32767"]),
        (80, [""] * n), (8, [*counts, str(room // 2)]), (32, [""] * n),
    ]  # fmt: skip
    entries = fixed + [(value, width) for width, values in columns for value in values]
    return b"".join(
        value.replace("µ", "u").replace("μ", "u").encode("ascii", "replace")[:width].ljust(width)
        for value, width in entries
    )
