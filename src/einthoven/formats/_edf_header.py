"""Headers and annotation lists of EDF, EDF+ and BDF.

Sources: Kemp, Värri, Rosa, Nielsen, Gade 1992 (10.1016/0013-4694(92)90009-7) for EDF; Kemp and
Olivan 2003 (10.1016/S1388-2457(03)00123-8) for EDF+; BioSemi's page for BDF (24 bits a sample).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from einthoven.formats._bounds import MAX_CHANNELS, MAX_RATE, read_span, regular
from einthoven.record.errors import FormatError
from einthoven.record.record import Patient

FIXED = 256
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_AGAIN = "Fetch it again"
# (width, what) of the fields of each signal, in the order of the header.
_FIELDS = (
    (16, "label"), (80, "transducer"), (8, "unit"), (8, "low"), (8, "high"), (8, "first"),
    (8, "last"), (80, "filter"), (8, "count"), (32, "reserved"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class EdfSignal:
    """One signal: its label and unit, samples a data record, and where they stand in it.

    Attributes
    ----------
    step, zero : value of one digital unit, digital value of 0; step 0 where the header's limits
        say nothing.
    first : its first sample in a data record, counted in samples of all signals.
    least : the lowest digital value allowed.
    """

    label: str
    unit: str
    count: int
    first: int
    step: float
    zero: float
    least: int


@dataclass(frozen=True, kw_only=True)
class EdfHeader:
    """What an EDF or BDF header says; `seconds` a data record, `width` bytes a sample."""

    path: Path
    width: int
    records: int
    seconds: float
    size: int
    record_bytes: int
    kind: str
    signals: tuple[EdfSignal, ...]
    notes: tuple[EdfSignal, ...]
    start: datetime | None
    patient: Patient | None


def looks_like(head: bytes) -> bool:
    """Return whether the first bytes are those of an EDF or BDF header."""
    if len(head) < FIXED or not (head[:8] == b"0       " or head[:8] == b"\xffBIOSEMI"):
        return False
    try:
        return int(head[184:192]) == FIXED * (1 + int(head[252:256]))
    except ValueError:
        return False


def _number(path: Path, text: str, what: str) -> float:
    try:
        value = float(text.strip().rstrip("\0").replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e12:
        raise FormatError(path, f"states {text.strip()[:20]!r} as {what}", _AGAIN)
    return value


def parse(path: Path) -> EdfHeader:
    """Return what the header says, held against the size of the file.

    Raises
    ------
    FormatError : where it is no such header, or the file is shorter than it says.
    """
    size = regular(path)
    fixed = read_span(path, 0, FIXED)
    if not looks_like(fixed):
        raise FormatError(path, "has no EDF header", _AGAIN)
    width = 3 if fixed[:1] == b"\xff" else 2
    text = fixed.decode("latin-1")
    total = int(text[252:256])
    if not 0 < total <= MAX_CHANNELS:
        raise FormatError(path, f"claims {total} signals", _AGAIN)
    seconds = _number(path, text[244:252], "the length of a data record")
    stored = int(_number(path, text[236:244], "the number of data records"))
    per_signal = read_span(path, FIXED, FIXED * total).decode("latin-1")
    if len(per_signal) < FIXED * total:
        raise FormatError(path, "ends inside its header", _AGAIN)
    columns: dict[str, list[str]] = {}
    at = 0
    for wide, what in _FIELDS:
        columns[what] = [per_signal[at + i * wide : at + (i + 1) * wide] for i in range(total)]
        at += wide * total
    signals: list[EdfSignal] = []
    notes: list[EdfSignal] = []
    first = 0
    for i in range(total):
        made = _signal(path, {k: v[i] for k, v in columns.items()}, first)
        first += made.count
        is_note = made.label in ("EDF Annotations", "BDF Annotations")
        (notes if is_note else signals).append(made)
    record_bytes = first * width
    if not signals:
        raise FormatError(path, "holds annotations alone, no signal", "Give the recording itself")
    if seconds <= 0 or any(s.count / seconds > MAX_RATE for s in signals):
        raise FormatError(path, f"states data records of {seconds:g} s", _AGAIN)
    present = max(0, size - FIXED * (total + 1)) // max(1, record_bytes)
    if stored > present:
        raise FormatError(path, f"holds {present} of the {stored} data records it states", _AGAIN)
    return EdfHeader(
        path=path, width=width, seconds=seconds, size=FIXED * (total + 1), kind=text[192:197],
        records=present if stored < 0 else stored, record_bytes=record_bytes,
        signals=tuple(signals), notes=tuple(notes), start=_start(text), patient=_patient(text),
    )  # fmt: skip


def _signal(path: Path, field: dict[str, str], first: int) -> EdfSignal:
    label = " ".join(field["label"].split())
    count = int(_number(path, field["count"], f"the samples of {label}"))
    if not 0 <= count <= 2**24 or first > 2**26:
        raise FormatError(path, f"states {count} samples a data record", _AGAIN)
    if label.endswith(" Annotations"):
        low = high = first_value = last = 0.0
    else:
        low, high, first_value, last = (
            _number(path, field[k], f"a limit of {label}") for k in ("low", "high", "first", "last")
        )
    unit = field["unit"].strip()
    step = (high - low) / (last - first_value) if last != first_value else 0.0
    zero = first_value - low / step if step else 0.0
    return EdfSignal(
        label=label, unit=unit, count=count, first=first, step=step, zero=zero,
        least=int(min(first_value, last)),
    )  # fmt: skip


def _edf_date(text: str) -> date | None:
    found = re.fullmatch(r"(\d{1,2})-([A-Z]{3})-(\d{4})", text.upper())
    if not found or found[2] not in MONTHS:
        return None
    try:
        return date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))
    except ValueError:
        return None


def _start(text: str) -> datetime | None:
    plus = text[88:168].split()
    day: date | None = None
    found = re.match(r"(\d\d).(\d\d).(\d\d)$", text[168:176])
    if found:
        # Two digits of a year: 85-99 are 1985-1999, 00-84 are 2000-2084 (the EDF clause on Y2K).
        year = int(found[3]) + (1900 if int(found[3]) >= 85 else 2000)
        try:
            day = date(year, int(found[2]), int(found[1]))
        except ValueError:
            day = None
    if plus[:1] == ["Startdate"] and len(plus) > 1:
        day = None if plus[1] == "X" else _edf_date(plus[1]) or day
    clock = re.match(r"(\d\d).(\d\d).(\d\d)$", text[176:184])
    if day is None or clock is None:
        return None
    hour, minute, second = (int(c) for c in clock.groups())
    if hour > 23 or minute > 59 or second > 59:
        return None
    return datetime.combine(day, time(hour, minute, second))


def _patient(text: str) -> Patient | None:
    """Return who was recorded: EDF+ has code, sex, birth date, name; EDF a free text."""
    words = text[8:88].split()
    if not words or set(words) <= {"X"}:
        return None
    if not text[192:197].strip() or len(words) < 4 or words[1] not in ("M", "F", "X"):
        # A free text may hold anybody's name, so all of it counts as one.
        return Patient(name=" ".join(words))
    code, sex, born, name = ("" if w == "X" else w for w in words[:4])
    birth, start = _edf_date(born), _start(text)
    age = None
    if birth is not None and start is not None and start.date() >= birth:
        age = float(int((start.date() - birth) / timedelta(days=365.2425)))
    return Patient(
        id=code or None, sex=sex or None, age=age, name=name.replace("_", " ") or None,
        birth_date=birth.isoformat() if birth else None,
    )  # fmt: skip


_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15(\d{1,12}(?:\.\d{0,12})?))?\x14([^\0]*)\0")


def tals(data: bytes) -> list[tuple[float, list[str]]]:
    """Return (onset in seconds, texts) of the time-stamped annotation lists of one data record."""
    out = []
    for onset, _, texts in _TAL.findall(data):
        words = texts.removesuffix(b"\x14").split(b"\x14")
        out.append((float(onset), [w.decode("utf-8", "replace") for w in words]))
    return out
