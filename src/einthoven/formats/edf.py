"""EDF, EDF+ (with annotations, also discontinuous) and BDF.

Read by seeking: a request touches the data records it needs. Signals keep their own rates. In a
discontinuous file (EDF+D) every data record stands at its own time and the gaps are NaN. A sample
of the lowest integer that the header excludes from its range means "missing", which is how we
write NaN, for which EDF has no value of its own.

Differs from the specification: the number of data records may be -1 in a finished file (many
recorders leave it so; it is taken from the size of the file).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import MAX_SECONDS, read_span
from einthoven.formats._channels import Track, TrackSource, agreed_rate, with_unit
from einthoven.formats._edf_header import EdfHeader, EdfSignal, looks_like, parse, tals
from einthoven.formats._edf_write import write_edf
from einthoven.formats._format import FORMATS, Format
from einthoven.record.annotation import Annotations
from einthoven.record.errors import FormatError
from einthoven.record.record import Signal
from einthoven.record.source import Source

_BLOCK = 16 << 20
_MARK = re.compile(r"^WFDB (\S+)(?: (.*))?$", re.DOTALL)


class EdfSource(TrackSource):
    """An open EDF, EDF+ or BDF file."""

    def __init__(
        self, header: EdfHeader, rate: float | None, leads: Sequence[str] | None, unit: str | None
    ) -> None:
        self._header = header
        self._noted: list[tuple[float, list[str]]] | None = None
        self._runs = [(0.0, 0, header.records)]
        start, origin = header.start, 0.0
        if header.notes and header.kind[:3] in ("EDF", "BDF") and header.records:
            stamps = self._stamps(header.records if header.kind[4:] == "D" else 1)
            origin = stamps[0]
            if start is not None and 0 <= origin < MAX_SECONDS:
                start += timedelta(seconds=origin)
            if len(stamps) > 1:
                self._runs = _runs(header, stamps)
                self._gaps = len(self._runs) > 1
        self._origin = origin
        last, first, stop = self._runs[-1]
        length = last + (stop - first) * header.seconds
        self._signals = tuple(s for s in header.signals if s.count)
        tracks = [_track(s, header, length) for s in self._signals]
        super().__init__(
            path=header.path, name=header.path.stem, tracks=with_unit(header.path, tracks, unit),
            leads=leads, start=start, patient=header.patient,
        )  # fmt: skip
        if rate is not None and self.leads:
            agreed_rate(header.path, self.rate, rate)

    def _blocks(self, first: int, stop: int) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """Give (first data record, bytes (record, byte)) in blocks of bounded memory."""
        head = self._header
        step = max(1, _BLOCK // head.record_bytes)
        for at in range(first, stop, step):
            upto = min(at + step, stop)
            data = read_span(
                head.path, head.size + at * head.record_bytes, (upto - at) * head.record_bytes
            )
            if len(data) < (upto - at) * head.record_bytes:
                raise FormatError(head.path, "ends before its header says", "Fetch it again")
            yield at, np.frombuffer(data, np.uint8).reshape(-1, head.record_bytes)

    def _bytes(self, rows: npt.NDArray[np.uint8], signal: EdfSignal) -> npt.NDArray[np.uint8]:
        width = self._header.width
        return rows[:, signal.first * width : (signal.first + signal.count) * width]

    def _stamps(self, records: int) -> list[float]:
        """Return when each data record began, seconds after the start in the header."""
        out = []
        for at, rows in self._blocks(0, records):
            for k, row in enumerate(self._bytes(rows, self._header.notes[0])):
                found = tals(row.tobytes())
                if not found:
                    raise FormatError(
                        self._header.path, f"data record {at + k} states no time", "Fetch it again"
                    )
                out.append(found[0][0])
        return out

    def _fill(self, out: Signal, tracks: Sequence[int], start: int) -> None:
        signals = [self._signals[i] for i in tracks]
        rates = self.tracks[tracks[0]].rate
        stop = start + out.shape[1]
        if len(self._runs) > 1:
            out[:] = np.nan
        # Signals of one rate have the same samples a data record.
        count = signals[0].count
        for onset, first, last in self._runs:
            origin = round(onset * rates)
            low, high = max(start, origin), min(stop, origin + (last - first) * count)
            if low >= high:
                continue
            a, b = first + (low - origin) // count, first - (origin - high) // count
            for at, rows in self._blocks(a, b):
                begin = origin + (at - first) * count
                left, right = max(low, begin), min(high, begin + len(rows) * count)
                for k, signal in enumerate(signals):
                    flat = self._digital(rows, signal)[left - begin : right - begin]
                    self._physical(flat, signal, out[k, left - start : right - start])

    def _digital(
        self, rows: npt.NDArray[np.uint8], signal: EdfSignal
    ) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
        raw = np.ascontiguousarray(self._bytes(rows, signal)).reshape(-1)
        if self._header.width == 2:
            return raw.view("<i2")
        wide = np.zeros((raw.size // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        return wide.view("<i4")[:, 0] >> 8

    def _physical(
        self, digital: npt.NDArray[np.int16] | npt.NDArray[np.int32], signal: EdfSignal, out: Signal
    ) -> None:
        out[:] = (digital - signal.zero) * (signal.step or 1.0)
        least = -(2 ** (8 * self._header.width - 1))
        if signal.least > least:
            out[digital == least] = np.nan

    def annotations(self) -> Annotations | None:
        """Return the EDF+ annotations at the leads' own rate.

        Texts that we wrote (``WFDB V``) become their symbols; any other text is a note, ``"``.
        """
        head = self._header
        if not head.notes or head.kind[:3] not in ("EDF", "BDF"):
            return None
        if self._noted is None:
            found = []
            for _, rows in self._blocks(0, head.records):
                for signal in head.notes:
                    for row in self._bytes(rows, signal):
                        found += tals(row.tobytes())
            self._noted = sorted(
                ((onset, [t for t in texts if t]) for onset, texts in found), key=lambda n: n[0]
            )
        marks = [
            (round((onset - self._origin) * self.rate), *_symbol(text))
            for onset, texts in self._noted
            if 0 <= onset - self._origin < MAX_SECONDS
            for text in texts
        ]
        if not marks:
            return None
        return Annotations(
            samples=np.array([m[0] for m in marks]), symbols=np.array([m[1] for m in marks]),
            texts=tuple(m[2] for m in marks),
        )  # fmt: skip


def _symbol(text: str) -> tuple[str, str]:
    found = _MARK.match(text)
    return (found[1], found[2] or "") if found else ('"', text)


def _runs(header: EdfHeader, stamps: list[float]) -> list[tuple[float, int, int]]:
    """Return (seconds, first data record, last + 1) of each stretch without a gap."""
    onsets = np.array(stamps) - stamps[0]
    # Stamps are rounded decimals: a hundredth of a data record is no gap.
    slack = 0.01 * header.seconds
    late = np.diff(onsets) - header.seconds
    if np.any(late < -slack) or onsets[-1] > MAX_SECONDS:
        at = int(np.argmin(late)) + 1
        raise FormatError(
            header.path, f"data record {at} begins before the one before it ends", "Fetch it again"
        )
    cuts = [0, *(np.flatnonzero(late > slack) + 1).tolist(), len(onsets)]
    return [(float(onsets[a]), a, b) for a, b in pairwise(cuts)]


def _track(signal: EdfSignal, header: EdfHeader, seconds: float) -> Track:
    rate = signal.count / header.seconds
    # A header whose limits are equal gives no scale: what is stored is then no voltage.
    unit = signal.unit if signal.step else "digital"
    return Track(
        name=signal.label or "unnamed", rate=rate, unit=unit, samples=round(seconds * rate),
        step=signal.step, zero=signal.zero,
    )  # fmt: skip


def open_edf(
    path: Path, *, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    """Open an EDF, EDF+ or BDF file."""
    return EdfSource(parse(path), rate, leads, unit)


def _sniff(path: Path, head: bytes) -> bool:
    del path
    return looks_like(head)


FORMATS.add(
    "edf",
    Format(
        name="edf", summary="EDF, EDF+ or BDF (.edf, .bdf)", suffixes=(".edf",),
        sniff=_sniff, open=open_edf, write=write_edf,
    ),
)  # fmt: skip
