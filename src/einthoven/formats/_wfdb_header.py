"""The header of a WFDB record, clause by clause of header(5) of the WFDB Applications Guide."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from einthoven.formats._bounds import MAX_CHANNELS, MAX_RATE, MAX_SEGMENTS, read_bytes
from einthoven.record.errors import FormatError
from einthoven.record.record import Patient

DEFAULT_GAIN = 200.0

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SIGNAL = re.compile(
    rf"^(?P<file>\S+)\s+(?P<fmt>\d+)(?:x(?P<spf>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?"
    rf"(?:\s+(?P<gain>{_NUMBER})?(?:\((?P<baseline>{_NUMBER})\))?(?:/(?P<unit>\S+))?"
    rf"(?:\s+(?P<bits>-?\d+)(?:\s+(?P<zero>-?\d+)(?:\s+(?P<first>-?\d+)"
    rf"(?:\s+(?P<sum>-?\d+)(?:\s+(?P<block>-?\d+)(?:\s+(?P<name>.*))?)?)?)?)?)?)?\s*$"
)
_SEGMENT = re.compile(r"^(?P<name>\S+)\s+(?P<samples>\d{1,18})\s*$")
_RECORD = re.compile(
    rf"^(?P<name>[^\s/]+)(?:/(?P<segments>\d{{1,9}}))?\s+(?P<signals>\d{{1,6}})"
    rf"(?:\s+(?P<rate>{_NUMBER})(?:/(?P<counter>{_NUMBER})(?:\((?P<base>{_NUMBER})\))?)?"
    rf"(?:\s+(?P<samples>\d{{1,18}})(?:\s+(?P<when>.*))?)?)?\s*$"
)
_MEND = "Fetch it again, or correct the line"


@dataclass(frozen=True, kw_only=True)
class SignalLine:
    """One signal of a header.

    Attributes
    ----------
    file, fmt : where it is stored, and how; ``~`` for a signal of a layout.
    per_frame, skew, offset : samples a frame, frames, bytes.
    gain, zero : digital units a physical unit, and the digital value of 0.
    unit : of the physical values; mV where the header names none (header(5)).
    first : the value of sample 0 (used by format 8 alone).
    name : the description; ``signal N`` where there is none.
    stated : whether the header gives a gain.
    """

    file: str
    fmt: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    zero: float
    unit: str
    first: int
    name: str
    stated: bool


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a header file says; `samples` counts frames, None where unstated, `rate` likewise."""

    path: Path
    name: str
    rate: float | None
    samples: int | None
    signals: tuple[SignalLine, ...] = ()
    segments: tuple[tuple[str, int], ...] = ()
    start: datetime | None = None
    comments: tuple[str, ...] = field(default=())


def _lines(data: bytes) -> tuple[list[str], list[str]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [line.strip() for line in text.splitlines()]
    comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    return [line for line in lines if line and not line.startswith("#")], comments


def looks_like(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a WFDB header.

    A table of numbers parted by blanks could pass for one, so the file that the second line names
    must not be a number.
    """
    if b"\0" in head:
        return False
    lines, _ = _lines(head)
    found = _RECORD.match(lines[0]) if lines else None
    if not found or len(lines) < 2:
        return bool(found) and len(lines) == 1 and int(found["signals"]) == 0 if found else False
    if found["segments"]:
        return bool(_SEGMENT.match(lines[1]))
    line = re.match(r"(\S+)\s+\d+(?:x\d+)?(?::\d+)?(?:\+\d+)?(?:\s|$)", lines[1])
    return bool(line) and not re.fullmatch(_NUMBER, line[1]) if line else False


def parse(path: Path, data: bytes | None = None) -> Header:
    """Return what the header file at `path` says.

    Raises
    ------
    FormatError : where a line is not what header(5) allows, or a number cannot be.
    """
    lines, comments = _lines(read_bytes(path) if data is None else data)
    found = _RECORD.match(lines[0]) if lines else None
    if not found:
        raise FormatError(path, "does not begin with a WFDB record line", _MEND)
    rate = None if found["rate"] is None else _finite(path, found["rate"])
    if rate is not None and not 0 < rate <= MAX_RATE:
        raise FormatError(path, f"states a rate of {found['rate']} Hz", _MEND)
    signals, segments = int(found["signals"]), int(found["segments"] or 0)
    if signals > MAX_CHANNELS or segments > MAX_SEGMENTS:
        raise FormatError(path, f"claims {max(signals, segments):,} parts", _MEND)
    count = segments or signals
    if len(lines) - 1 < count:
        raise FormatError(path, f"has {len(lines) - 1} of the {count} lines it announces", _MEND)
    samples = int(found["samples"] or 0) or None
    start = _start(found["when"] or "")
    body = lines[1 : 1 + count]
    return Header(
        path=path, name=found["name"], rate=rate, samples=samples, start=start,
        comments=tuple(comments),
        segments=tuple(_segment(path, line) for line in body) if segments else (),
        signals=() if segments else tuple(_signal(path, s, i) for i, s in enumerate(body)),
    )  # fmt: skip


def _finite(path: Path, text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FormatError(path, f"holds the number {text[:20]}, which cannot be", _MEND)
    return value


def _segment(path: Path, line: str) -> tuple[str, int]:
    found = _SEGMENT.match(line)
    if not found:
        raise FormatError(path, f"line {line[:60]!r} is no WFDB segment line", _MEND)
    return found["name"], int(found["samples"])


def _signal(path: Path, line: str, index: int) -> SignalLine:
    found = _SIGNAL.match(line)
    if not found:
        raise FormatError(path, f"line {line[:60]!r} is no WFDB signal line", _MEND)
    small = {k: found[k] or "0" for k in ("fmt", "spf", "skew", "offset", "zero", "first")}
    if any(len(v) > 12 for v in small.values()):
        raise FormatError(path, f"line {line[:60]!r} holds a number that cannot be", _MEND)
    number = {k: int(v) for k, v in small.items()}
    gain = _finite(path, found["gain"] or "0")
    zero = number["zero"] if found["baseline"] is None else _finite(path, found["baseline"])
    if number["spf"] > 1_000_000 or number["skew"] > 100_000_000 or abs(zero) > 2**40:
        raise FormatError(path, f"line {line[:60]!r} holds a number that cannot be", _MEND)
    return SignalLine(
        file=found["file"], fmt=number["fmt"], per_frame=max(1, number["spf"]),
        skew=number["skew"], offset=number["offset"], gain=gain or DEFAULT_GAIN, zero=zero,
        unit=found["unit"] or "mV", first=number["first"],
        name=(found["name"] or "").strip() or f"signal {index}", stated=gain != 0,
    )  # fmt: skip


_TIME = re.compile(r"^(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?$")
_DATES = ("%d/%m/%Y", "%d-%b-%Y", "%Y-%m-%d")


def _start(text: str) -> datetime | None:
    """Return when sample 0 was taken, if time and date are both there (in either order)."""
    clock: time | None = None
    day: date | None = None
    for word in text.split():
        found = _TIME.match(word)
        if found and clock is None:
            h, m, s, f = found.groups()
            parts = (int(h or 0), int(m), int(s), int((f or "0").ljust(6, "0")))
            if parts[0] < 24 and parts[1] < 60 and parts[2] < 60:
                clock = time(*parts)
        elif day is None:
            day = next(filter(None, (_date(word, form) for form in _DATES)), None)
    return datetime.combine(day, clock) if day and clock is not None else None


def _date(word: str, form: str) -> date | None:
    try:
        return datetime.strptime(word, form).date()  # noqa: DTZ007 - the file knows no zone
    except ValueError:
        return None


_PAIR = re.compile(r"<?\s*([A-Za-z][A-Za-z _-]*?)\s*>?\s*:\s*([^<]*)")
_MITDB = re.compile(r"^(-?\d{1,3})\s+([MF])\s+\d+\s+\d+\s+\S+")
_AGE = re.compile(r"^\s*(\d{1,3}(?:\.\d+)?)\s*(?:y|yrs?|years?)?\s*$", re.IGNORECASE)


def patient(comments: tuple[str, ...]) -> Patient | None:
    """Return who was recorded, as far as the comments say in one of the publishers' ways."""
    known: dict[str, str] = {}
    for comment in comments:
        if found := _MITDB.match(comment):
            known.setdefault("age", found[1])
            known.setdefault("sex", found[2])
        for key, value in _PAIR.findall(comment):
            known.setdefault(key.strip().lower(), value.strip())
    aged = _AGE.match(known.get("age", ""))
    age = float(aged[1]) if aged else None
    letter = known.get("sex", known.get("gender", ""))[:1].upper()
    sex = letter if letter in ("M", "F") else None
    name = known.get("name") or known.get("patient name") or known.get("patient") or None
    born = known.get("birth date") or known.get("date of birth") or known.get("dob") or None
    if age is None and sex is None and name is None and born is None:
        return None
    return Patient(age=age, sex=sex, name=name, birth_date=born)
