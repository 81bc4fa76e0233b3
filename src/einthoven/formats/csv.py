"""Tables in text: one row a sample, one column a lead; parted by commas, semicolons, tabs, blanks.

A header row names the columns, with units as in ``II (mV)`` or in a second row. A column named
``time`` (in seconds unless its unit says ms or us, or as a clock) gives the rate; OpenSignals and
BioSPPy say it in a comment. What the file does not say, ``--rate``, ``--leads`` and ``--unit``
must. Empty cells and ``nan`` are missing samples.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.formats._bounds import HEAD_BYTES
from einthoven.formats._channels import Track, TrackSource, agreed_rate, with_unit
from einthoven.formats._format import FORMATS, Format
from einthoven.formats._replace import writing
from einthoven.formats._table import Table, cells, clock, head, number, rows_at, starts, table_of
from einthoven.record.errors import FormatError, UsageError
from einthoven.record.leads import canonical, with_chest
from einthoven.record.record import Signal
from einthoven.record.source import Source

_TIME = re.compile(r"^(?:elapsed[ _]?)?(?:time|t|sec|secs|seconds|timestamp|time[ _]?stamp)$", re.I)
_TIMED = re.compile(r"^(?:time|t|timestamp)[ _](ms|s|us|sec|seconds|msec)$", re.I)
_COUNT = re.compile(r"^(?:sample(?:[ _]?(?:#|no|number|interval|index))?|index|n|#|)$", re.I)
_PER_SECOND = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", ""), 1.0),
    **dict.fromkeys(("ms", "msec", "milliseconds"), 1e3),
    **dict.fromkeys(("us", "µs", "usec", "microseconds"), 1e6),
}
_PIECE = 65_536


class CsvSource(TrackSource):
    """An open table; its rows are found by an index of every 4096th row."""

    def __init__(
        self, path: Path, rate: float | None, leads: Sequence[str] | None, unit: str | None
    ) -> None:
        self._file = path
        self._table = table = table_of(path)
        self._marks, rows = starts(path, table)
        while rows and not rows_at(path, self._marks, rows - 1, rows)[0].strip():
            rows -= 1
        names, at, wanted = _columns(path, table, leads)
        self._columns = tuple(c for c in range(table.width) if c not in at)
        own = self._stated_rate(path, at, rows, rate)
        hertz = agreed_rate(path, own, rate)
        tracks = [
            Track(name=names[c], rate=hertz, unit=table.units[c], samples=rows)
            for c in self._columns
        ]
        super().__init__(
            path=path, name=path.stem, tracks=with_unit(path, tracks, unit), leads=wanted
        )

    def _stated_rate(
        self, path: Path, at: dict[int, float], rows: int, flag: float | None
    ) -> float | None:
        for key, value in self._table.facts.items():
            if key.startswith(("sampling rate", "sampling frequency", "rate", "fs")) and (
                found := re.match(r"(\d{1,9}(?:\.\d{1,12})?)(?:\s|$)", value)
            ):
                return float(found[1]) or None
        timed = [(c, per) for c, per in at.items() if per]
        if not timed:
            return None
        column, per = timed[0]
        few = min(rows, 1000)
        early, late = (self._times(column, *span) / per for span in ((0, few), (rows - few, rows)))
        try:
            return _rate_of(path, early, late, rows, self._table.first[column], per)
        except FormatError:
            if flag is None:
                raise
            return None  # the column says nothing; --rate says that the rows are evenly spaced

    def _times(self, column: int, start: int, stop: int) -> npt.NDArray[np.float64]:
        out = []
        for line in rows_at(self._file, self._marks, start, stop):
            row = cells(line, self._table.delimiter)
            cell = row[column] if column < len(row) else ""
            value = number(cell, self._table.comma)
            seconds = clock(cell) if value is None else value
            out.append(np.nan if seconds is None else seconds)
        return np.array(out)

    def _fill(self, out: Signal, tracks: Sequence[int], start: int) -> None:
        columns = [self._columns[i] for i in tracks]
        for at in range(0, out.shape[1], _PIECE):
            upto = min(at + _PIECE, out.shape[1])
            lines = rows_at(self._file, self._marks, start + at, start + upto)
            with np.errstate(over="ignore"):  # no voltage is beyond float32; inf is a gap
                out[:, at:upto] = self._values(lines, columns, start + at).T

    def _values(self, lines: list[str], columns: list[int], row: int) -> npt.NDArray[np.float64]:
        """Return (row, column) numbers."""
        table = self._table
        if not table.comma:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    fast = np.loadtxt(
                        lines, np.float64, delimiter=table.delimiter, usecols=columns, ndmin=2,
                        comments=None,
                    )  # fmt: skip
                if len(fast) == len(lines):
                    return fast
            except (ValueError, UserWarning):
                pass  # an empty cell, a quotation mark, or no number at all: look closer
        out = np.empty((len(lines), len(columns)))
        for k, line in enumerate(lines):
            found = cells(line, table.delimiter)
            for j, column in enumerate(columns):
                value = number(found[column], table.comma) if column < len(found) else None
                if value is None:
                    where = table.line + row + k
                    raise FormatError(
                        self.path, f"has no number in column {column + 1} of line {where}",
                        "Correct the line; leave a missing sample empty",
                    )  # fmt: skip
                out[k, j] = value
        return out


def _columns(
    path: Path, table: Table, leads: Sequence[str] | None
) -> tuple[list[str], dict[int, float], Sequence[str] | None]:
    """Return the names, the columns that are no signal, and the choice left to make.

    A column that is no signal goes with how many of its units make a second, 0 for a count.
    """
    if table.names:
        at: dict[int, float] = {}
        for c, name in enumerate(table.names):
            tail = _TIMED.match(name)
            unit = tail[1].lower() if tail else table.units[c].lower()
            if tail or _TIME.match(name):
                at[c] = _PER_SECOND.get(unit, 1.0)
            elif c == 0 and _COUNT.match(name):
                at[c] = 0.0
        if len(at) == table.width:
            raise FormatError(path, "has no column besides the time", "Give one column a lead")
        return list(table.names), at, leads
    clocked = {0: 1.0} if table.width > 1 and number(table.first[0], table.comma) is None else {}
    if leads is not None and len(leads) == table.width - len(clocked):
        return [*([""] * len(clocked)), *(canonical(n) for n in with_chest(leads))], clocked, None
    if leads is None and table.width - len(clocked) == 1:
        return [*([""] * len(clocked)), "ECG"], clocked, None
    count = table.width - len(clocked)
    fault = f"has {count} column{'s' * (count != 1)} without names"
    if leads is None:
        raise FormatError(path, fault, "Name them, e.g. --leads II,V1")
    raise UsageError(path, f"{fault}, --leads has {len(leads)}", "Name one lead a column")


def _rate_of(
    path: Path, early: npt.NDArray[np.float64], late: npt.NDArray[np.float64],
    rows: int, cell: str, per: float,
) -> float:  # fmt: skip
    """Return the rate that a time column means; evenly spaced rows only."""
    span = late[-1] - early[0] if rows > 1 else np.nan
    steps = np.concatenate([np.diff(early), np.diff(late)])
    mend = "Give --rate HZ if the rows are evenly spaced"
    if not np.isfinite(span) or span <= 0 or np.any(~(steps >= 0)):
        raise FormatError(path, "has a time column that is no rising count of seconds", mend)
    rate = float((rows - 1) / span)
    # Times are rounded when printed: 0.003, 0.006, 0.008 are 360 Hz.
    digits = len(cell.split(".")[1]) if "." in cell else 0
    longest = max(digits, *(len(f"{t * per:.9f}".rstrip("0").split(".")[1]) for t in early[:50]))
    print_step = 10.0**-longest / per
    # Where all steps are alike, nothing was lost in print.
    exact = bool(np.ptp(steps) < 1e-6 * steps.mean())
    slack = 0.0 if exact else print_step / span * rate
    if slack > 0.5:
        raise FormatError(path, "has a time column too coarse to tell the rate", mend)
    local = float((len(early) - 1) / (early[-1] - early[0])) if early[-1] > early[0] else rate
    uneven = steps.max() > 1.5 / rate + 2 * print_step
    if uneven or abs(local / rate - 1) > 0.01 + 2 * print_step / max(early[-1] - early[0], 1e-9):
        raise FormatError(path, "has gaps in its time column", mend)
    return float(round(rate)) if abs(round(rate) - rate) <= max(slack, 1e-6 * rate) else rate


def open_csv(
    path: Path, *, rate: float | None, leads: Sequence[str] | None, unit: str | None
) -> Source:
    """Open a table of numbers."""
    return CsvSource(path, rate, leads, unit)


def write_csv(source: Source, path: Path) -> tuple[Path, ...]:
    """Write a table: ``time (s)``, then each lead in mV; missing samples are empty cells.

    Commas part the cells, in a ``.tsv`` tabs.

    Channels that are no leads and annotations are not written.

    Raises
    ------
    UsageError : where there is no lead, or the file cannot be written.
    """
    if not source.leads:
        raise UsageError(source.path, "holds no ECG lead to write", "Name one with --leads")
    part = "\t" if path.suffix.lower() == ".tsv" else ","
    with writing(path) as file:
        file.write(f"# Rate: {source.rate!r}\n".encode())
        names = (f"{name.replace(part, ' ')} (mV)" for name in source.leads)
        file.write(part.join(["time (s)", *names]).encode() + b"\n")
        at = 0
        for chunk in source.chunks(30.0):
            lines = []
            for k, row in enumerate(chunk.T):
                values = ("" if v != v else f"{v:.7g}" for v in row.tolist())
                lines.append(f"{(at + k) / source.rate:.6f}{part}{part.join(values)}\n")
            file.write("".join(lines).encode())
            at += chunk.shape[1]
    return (path,)


def _sniff(path: Path, data: bytes) -> bool:
    del path
    return head(data, len(data) < HEAD_BYTES) is not None


FORMATS.add(
    "csv",
    Format(
        name="csv", summary="tables in text (.csv, .tsv, .txt)", suffixes=(".csv", ".tsv", ".txt"),
        sniff=_sniff, open=open_csv, write=write_csv, loose=True,
    ),
)  # fmt: skip
