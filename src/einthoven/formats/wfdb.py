"""WFDB: PhysioNet's records (header, signal files, annotation files).

Read by numpy alone: storage formats 8 16 24 32 61 80 160 212 310 311, and 508 516 524 (FLAC) where
soundfile is installed; several signal files, samples a frame, skews, offsets, and records of many
segments. A header is untrusted: it may name files of its own folder only.

Checksums and initial values are not compared (many published records have wrong ones); the initial
value is used by format 8 alone. A header that gives no unit means mV and a gain of 0 or none means
200 (header(5)); the latter is noted, and may be stated with ``--unit adc:GAIN``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from einthoven.formats._bounds import HEAD_BYTES, beside, read_span
from einthoven.formats._channels import Track, TrackSource
from einthoven.formats._format import FORMATS, Format
from einthoven.formats._replace import writing
from einthoven.formats._units import stated, to_mv
from einthoven.formats._wfdb_annotation import encode, load
from einthoven.formats._wfdb_header import Header, SignalLine, looks_like, parse, patient
from einthoven.formats._wfdb_signal import FlacFile, SignalFile, open_file
from einthoven.formats._wfdb_write import write_record
from einthoven.record.annotation import Annotations
from einthoven.record.errors import FormatError, UsageError
from einthoven.record.record import Signal
from einthoven.record.source import Source

_STATE_RATE = "Give it with --rate HZ"


class _Segment:
    """The signal files of one header, opened."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self._home: list[tuple[SignalFile | FlacFile, int]] = []
        # Signals that follow one another with one file name share that file's frames.
        groups: list[list[SignalLine]] = []
        for line in header.signals:
            if groups and groups[-1][0].file == line.file:
                groups[-1].append(line)
            else:
                groups.append([line])
        for lines in groups:
            path = beside(header.path, lines[0].file)
            if len({(s.fmt, s.offset) for s in lines}) > 1:
                raise FormatError(
                    header.path, f"gives two formats for {lines[0].file}", "Correct the header"
                )
            width = sum(s.per_frame for s in lines)
            first = tuple(s.first for s in lines for _ in range(s.per_frame))
            file = open_file(path, lines[0].fmt, lines[0].offset, width, first)
            column = 0
            for line in lines:
                self._home.append((file, column))
                column += line.per_frame
        here = min((file.frames for file, _ in self._home), default=0)
        self.frames = here if header.samples is None else header.samples
        for file, _ in self._home:
            if file.frames < self.frames:
                raise FormatError(
                    file.path,
                    f"holds {file.frames} of the {self.frames} samples its header promises",
                    "Fetch it again",
                )

    def fill(self, out: Signal, signals: Sequence[int], start: int) -> None:
        """Write physical values of `signals` (one number of samples a frame) into `out`."""
        lines = [self.header.signals[i] for i in signals]
        per = lines[0].per_frame
        stop = start + out.shape[1]
        first, last = start // per, -(-stop // per)
        for file in dict.fromkeys(self._home[i][0] for i in signals):
            mine = [k for k, i in enumerate(signals) if self._home[i][0] is file]
            low = first + min(lines[k].skew for k in mine)
            high = min(last + max(lines[k].skew for k in mine), file.frames)
            data = file.read(min(low, high), high)
            for k in mine:
                column, shift = self._home[signals[k]][1], first + lines[k].skew - low
                got = data[max(shift, 0) : shift + last - first, column : column + per]
                flat = got.reshape(-1)[start - first * per :][: out.shape[1]]
                physical(flat, lines[k], file.invalid, out[k, : len(flat)])
                out[k, len(flat) :] = np.nan


def physical(
    digital: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    line: SignalLine, invalid: int | None, out: Signal,
) -> None:  # fmt: skip
    """Write (digital - zero) / gain into `out`; NaN where the sample is invalid."""
    if digital.dtype.itemsize <= 2 and abs(line.zero) < 2**23:
        # float32 holds these integers exactly, so the division below rounds only once.
        np.subtract(digital, np.float32(line.zero), out=out, dtype=np.float32)
        np.divide(out, np.float32(line.gain), out=out)
    else:
        out[:] = (digital - np.float64(line.zero)) / line.gain
    if invalid is not None:
        missing = digital == invalid
        if missing.any():
            out[missing] = np.nan


def _tracks(header: Header, frames: int, rate: float, factor: float | None) -> list[Track]:
    tracks = []
    for line in header.signals:
        gain, unit = line.gain, line.unit
        if not line.stated and factor is not None:
            gain, unit = 1 / factor, "mV"
        tracks.append(
            Track(
                name=line.name, rate=rate * line.per_frame, unit=unit,
                samples=frames * line.per_frame, step=1 / gain, zero=line.zero,
            )
        )  # fmt: skip
    return tracks


class WfdbSource(TrackSource):
    """A WFDB record, of one segment or many."""

    def __init__(
        self, header: Header, rate: float | None, leads: Sequence[str] | None, unit: str | None
    ) -> None:
        factor = None if unit is None else stated(unit)[1]
        lead = header
        self._plan = [(0, header, header.samples or 0)]
        self._open: dict[Path, tuple[Header, _Segment]] = {}
        if header.segments:
            lead, self._plan = _layout(header)
            frames = sum(count for _, _, count in self._plan)
            self._gaps = any(part.name == "~" for _, part, _ in self._plan)
        elif header.signals and all(line.file == "~" for line in header.signals):
            fault = "is the layout of a record of many segments and has no samples"
            raise FormatError(header.path, fault, "Give the header of that record")
        else:
            segment = _Segment(header)
            self._open[header.path] = (header, segment)
            frames = segment.frames
            self._plan = [(0, header, frames)]
        self._factor = factor
        self._names = [line.name for line in lead.signals]
        own = header.rate if header.rate is not None else lead.rate
        if own is None and rate is None:
            raise FormatError(header.path, "does not state its rate", _STATE_RATE)
        if own is not None and rate is not None and abs(own - rate) > 1e-6 * own:
            match = {own * line.per_frame for line in lead.signals}
            if not any(abs(m - rate) <= 1e-6 * m for m in match):
                raise UsageError(
                    header.path, f"states {own:g} Hz, --rate says {rate:g}", "Leave --rate away"
                )
        self.frame_rate = float(own if own is not None else rate or 0)
        self._per_frame = [line.per_frame for line in lead.signals]
        defaults = [s.name for s in lead.signals if not s.stated]
        if unit is not None:
            _check_unit(header.path, lead, unit, factor)
        note = "no gain in the header, 200 adu/mV (the default of WFDB) taken for "
        super().__init__(
            path=header.path, name=header.path.stem,
            tracks=_tracks(lead, frames, self.frame_rate, factor), leads=leads,
            start=header.start or lead.start, patient=patient(header.comments + lead.comments),
            notes=[note + ", ".join(defaults)] if defaults and factor is None else [],
        )  # fmt: skip

    def _fill(self, out: Signal, tracks: Sequence[int], start: int) -> None:
        per = self._per_frame[tracks[0]]
        stop = start + out.shape[1]
        for first, header, count in self._plan:
            low, high = max(start, first * per), min(stop, (first + count) * per)
            if low >= high:
                continue
            part = out[:, low - start : high - start]
            if not header.signals and header.path.name == "~":
                part[:] = np.nan
                continue
            self._fill_segment(part, tracks, header, count, low - first * per)

    def _fill_segment(
        self, out: Signal, tracks: Sequence[int], header: Header, count: int, start: int
    ) -> None:
        header, segment = self._segment(header, count)
        here = {line.name: k for k, line in reversed(list(enumerate(header.signals)))}
        fixed = [line.name for line in header.signals] == self._names
        for row, index in enumerate(tracks):
            k = index if fixed else here.get(self._names[index], -1)
            if k < 0:
                out[row] = np.nan
            elif header.signals[k].per_frame != self._per_frame[index]:
                raise FormatError(
                    header.path, f"changes the rate of {self._names[index]}", "Convert it by itself"
                )
        known = [
            (row, index if fixed else here[self._names[index]])
            for row, index in enumerate(tracks)
            if fixed or self._names[index] in here
        ]
        if not known:
            return
        if len(known) == len(out):
            segment.fill(out, [k for _, k in known], start)
        else:
            part = np.empty((len(known), out.shape[1]), np.float32)
            segment.fill(part, [k for _, k in known], start)
            out[[row for row, _ in known]] = part
        self._to_unit(out, known, tracks, header)

    def _to_unit(
        self, out: Signal, known: list[tuple[int, int]], tracks: Sequence[int], header: Header
    ) -> None:
        for row, k in known:
            mine, common = header.signals[k], self.tracks[tracks[row]].unit
            if not mine.stated and self._factor is not None:
                out[row] *= np.float32(mine.gain * self._factor)
            elif mine.unit != common:
                one, other = to_mv(mine.unit), to_mv(common)
                if one is None or other is None:
                    raise FormatError(
                        header.path, f"changes the unit of {mine.name}", "Convert it by itself"
                    )
                out[row] *= np.float32(one / other)

    def _segment(self, header: Header, count: int) -> tuple[Header, _Segment]:
        """Return the opened segment; only the last one used is kept."""
        found = self._open.get(header.path)
        if found is None:
            full = header if header.signals else parse(header.path)
            if full.segments:
                raise FormatError(header.path, "is a segment of segments", "Open it by itself")
            if full.rate not in (None, self.frame_rate):
                raise FormatError(
                    header.path, "changes the rate of its record", "Open it by itself"
                )
            if full.samples is None:
                full = replace(full, samples=count)
            found = (full, _Segment(full))
            if found[1].frames < count:
                raise FormatError(
                    header.path, f"is shorter than the {count} samples its record says",
                    "Fetch it again",
                )  # fmt: skip
            self._open = {header.path: found}
        return found

    def annotations(self) -> Annotations | None:
        """Return the reference annotations (``.atr`` beside the header), at the leads' own rate."""
        path = Path(self.path).with_suffix(".atr")
        if not path.is_file():
            return None
        marks, resolution = load(path)
        ratio = self.rate / (resolution or self.frame_rate)
        if ratio == 1:
            return marks
        return replace(marks, samples=np.round(marks.samples * ratio).astype(np.int64))


def _check_unit(path: Path, header: Header, unit: str, factor: float | None) -> None:
    for line in header.signals:
        own = to_mv(line.unit)
        if line.stated and own is not None and (unit.lower().startswith("adc") or own != factor):
            raise UsageError(
                path, f"states {line.gain:g} units per {line.unit}, --unit says {unit}",
                "Leave --unit away",
            )  # fmt: skip


def _layout(header: Header) -> tuple[Header, list[tuple[int, Header, int]]]:
    """Return the header that names the signals, and (first frame, header, frames) a segment."""
    plan: list[tuple[int, Header, int]] = []
    lead: Header | None = None
    at = 0
    for name, count in header.segments:
        empty = Header(path=Path("~"), name="~", rate=header.rate, samples=count)
        if name != "~":
            path = beside(header.path, name + ".hea") if lead is None or count else header.path
            empty = replace(empty, path=path)
            if lead is None:
                lead = parse(path)
                if lead.segments:
                    raise FormatError(path, "is a segment of segments", "Open it by itself")
        if count:
            plan.append((at, empty, count))
        at += count
    if lead is None or not lead.signals:
        raise FormatError(header.path, "names no segment with signals", "Fetch it again")
    if header.samples is not None and header.samples != at:
        raise FormatError(
            header.path, f"has segments of {at} samples, states {header.samples}", "Correct it"
        )
    return lead, plan


def _header_of(path: Path, head: bytes) -> Path | None:
    """Return the header that a file of a record belongs to: itself, or the one beside it."""
    if looks_like(head):
        return path
    for header in (path.with_suffix(".hea"), path.with_name(path.name + ".hea")):
        if header != path and header.is_file():
            text = read_span(header, 0, HEAD_BYTES)
            if path.suffix == ".atr" or (looks_like(text) and path.name.encode() in text):
                return header
    return None


def _sniff(path: Path, head: bytes) -> bool:
    return _header_of(path, head) is not None


def open_record(
    path: Path, *, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    """Open the record whose header, signal or annotation file lies at `path`.

    Raises
    ------
    FormatError : it is no sound record, or one without signals.
    """
    header = parse(_header_of(path, read_span(path, 0, HEAD_BYTES)) or path)
    if not header.signals and not header.segments:
        raise FormatError(header.path, "holds no signals", "Give a record that has some")
    return WfdbSource(header, rate, leads, unit)


def read_annotations(path: str | Path) -> Annotations:
    """Read an annotation file, e.g. ``100.atr``; sample numbers are those of the file.

    Raises
    ------
    FormatError : where it is not there or no annotation file.
    """
    return load(Path(path))[0]


def write_annotations(
    path: str | Path, marks: Annotations, *, rate: float | None = None, force: bool = False
) -> Path:
    """Write an annotation file.

    Parameters
    ----------
    rate : Hz of the sample numbers, where it is not the frame rate of the record beside it.
    force : replace a file that is there.

    Raises
    ------
    UsageError : where a mark cannot be stored, or the file is there and `force` is false.
    """
    target = Path(path)
    if target.exists() and not force:
        raise UsageError(target, "is there already", "Give --force to replace it")
    data = encode(marks, target, rate)
    with writing(target) as file:
        file.write(data)
    return target


FORMATS.add(
    "wfdb",
    Format(
        name="wfdb", summary="WFDB (.hea with .dat or .mat)", suffixes=(".hea", ".dat"),
        sniff=_sniff, open=open_record, write=write_record,
    ),
)  # fmt: skip
