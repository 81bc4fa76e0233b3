"""ECG paper, drawn as SVG: the one place that knows how big a millivolt is.

25 mm a second and 10 mm a millivolt, thin lines every 1 mm and strong ones every 5 mm, with the
1 mV calibration pulse in front: the recommendation of the AHA, ACC and HRS for display
(Kligfield et al. 2007, 10.1161/CIRCULATIONAHA.106.180200). The user unit is a tenth of a
millimetre and `width`/`height` are in mm, so that a print at 100 % has the true scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.record.record import Signal

MM_PER_SECOND = 25.0
MM_PER_MV = 10.0
UNIT = 10  # user units a millimetre
PULSE = 100  # units: the 10 mm before the trace in which the calibration pulse stands
MINOR, MAJOR, TRACE = "#f5d9d5", "#e4aaa2", "#111111"
SHADE, MUTED = "#fff1b8", "#555555"

HEAD = 62  # units above the grid, where the beats are named
FOOT = 50  # units below it, where the time stands
_LEAST, _MOST = 20, 50  # mm of paper a lead may take
PER_SECOND = MM_PER_SECOND * UNIT
_PER_MV = MM_PER_MV * UNIT

Mark = tuple[int, str, str]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lane:
    """Where one lead stands: paper from `top`, `height` units, `level` mV on the line `zero`."""

    top: int
    height: int
    zero: int
    level: float


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Return h:mm:ss of a number of seconds, with tenths where asked."""
    total = int(np.floor(seconds * 10 + 0.5)) if tenths else int(np.floor(seconds + 0.5)) * 10
    sign, total = ("-" if total < 0 else ""), abs(total)
    text = f"{sign}{total // 36000}:{total // 600 % 60:02d}:{total // 10 % 60:02d}"
    return f"{text}.{total % 10}" if tenths else text


def trace_path(signal: Signal, rate: float, x: int, lane_zero: int, level: float,
               low: int, high: int) -> tuple[str, bool]:  # fmt: skip
    """Return the path data of one lead in whole units, and whether it left the paper.

    Parameters
    ----------
    signal : (time,) mV; NaN breaks the line.
    rate : Hz.
    x : unit at which sample 0 stands.
    lane_zero, level : the line, in units, on which `level` mV lies.
    low, high : the units between which the line must stay (low above high on paper).

    Where several samples fall on a tenth of a millimetre only the least and the largest are kept,
    in the order in which they came, so that no peak is lost however long the strip.
    """
    at = np.flatnonzero(np.isfinite(signal))
    if at.size == 0:
        return "", False
    # Absurd values must not leave the range of whole numbers; 10 V is off every paper.
    value = np.clip(signal[at].astype(np.float64) - level, -1e4, 1e4)
    column = x + np.floor(at * (PER_SECOND / rate) + 0.5).astype(np.int64)
    y = lane_zero - np.floor(value * _PER_MV + 0.5).astype(np.int64)
    clipped = bool(np.any(y < low) or np.any(y > high))
    y = np.clip(y, low, high)
    keep = _extremes(column, y)
    at, column, y = at[keep], column[keep], y[keep]
    # A hole is more than one sample wide; what was thinned out between is no hole.
    missing = np.concatenate(([0], np.cumsum(~np.isfinite(signal))))
    hole = missing[at[1:]] > missing[at[:-1]]
    pieces = np.split(np.arange(len(at)), np.flatnonzero(hole) + 1)
    return "".join(_polyline(column[p], y[p]) for p in pieces), clipped


def _extremes(column: Ints, y: Ints) -> Ints:
    """Return the indices of the least and the largest `y` in each column, in time order."""
    edges = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    if len(edges) == len(column):
        return np.arange(len(column))
    group = np.repeat(np.arange(len(edges)), np.diff(np.append(edges, len(column))))
    order = np.lexsort((y, group))
    first = order[edges]
    last = order[np.append(edges[1:], len(column)) - 1]
    return np.unique(np.concatenate((first, last)))


def _polyline(x: Ints, y: Ints) -> str:
    """Return ``M..l..`` with relative whole numbers; points on a level line are left out."""
    if len(x) > 2:
        same = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])
        keep = np.concatenate(([True], ~same, [True]))
        x, y = x[keep], y[keep]
    if len(x) == 1:
        return f"M{x[0]} {y[0]}h1"
    steps = zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True)
    return f"M{x[0]} {y[0]}l" + "".join(
        f"{'' if i == 0 else ' '}{dx}{'' if dy < 0 else ' '}{dy}" for i, (dx, dy) in
        enumerate(steps)
    )  # fmt: skip


def grid(width: int, top: int, bottom: int) -> str:
    """Return the two paths of the paper; strong lines every 5 mm from the trace's first sample."""

    def lines(step: int, skip: int) -> str:
        across = "".join(f"M{x} {top}V{bottom}" for x in range(0, width + 1, step)
                         if not skip or x % skip)  # fmt: skip
        down = "".join(f"M0 {y}H{width}" for y in range(top, bottom + 1, step)
                       if not skip or (y - top) % skip)  # fmt: skip
        return across + down

    return (
        f'<path class="minor" d="{lines(10, 50)}" fill="none" stroke="{MINOR}" stroke-width="1.2"/>'
        f'<path class="major" d="{lines(50, 0)}" fill="none" stroke="{MAJOR}" stroke-width="2"/>'
    )


def lay_lanes(signal: Signal, first: int) -> tuple[list[Lane], int]:
    """Return where each lead stands, and the unit at which the paper ends."""
    lanes, top = [], first
    for row in signal:
        good = row[np.isfinite(row)]
        level = float(np.median(good)) if good.size else 0.0
        up = float(good.max()) - level if good.size else 0.0
        down = level - float(good.min()) if good.size else 0.0
        up_mm = 5 * int(np.ceil((min(up, 1e3) * MM_PER_MV + 1.5) / 5))
        down_mm = 5 * int(np.ceil((min(down, 1e3) * MM_PER_MV + 1.5) / 5))
        up_mm, down_mm = max(up_mm, 10), max(down_mm, 5)
        while up_mm + down_mm > _MOST:
            up_mm, down_mm = (up_mm - 5, down_mm) if up_mm > down_mm else (up_mm, down_mm - 5)
        up_mm += max(0, _LEAST - up_mm - down_mm)
        height = (up_mm + down_mm) * UNIT
        lanes.append(Lane(top, height, top + up_mm * UNIT, level))
        top += height
    return lanes, top


def pulse(zero: int) -> str:
    """Return the path data of the 1 mV, 0.2 s calibration pulse."""
    return f"M20 {zero}h15v-{_PER_MV:.0f}h50v{_PER_MV:.0f}h15"


def svg_text(x: float, y: float, words: str, *, kind: str, size: int = 28, anchor: str = "start",
             colour: str = TRACE, weight: str = "400") -> str:  # fmt: skip
    """Return words as an element of class `kind`, their foot at (x, y)."""
    return (
        f'<text class="{kind}" x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
    )


def checked(signal: Signal, rate: float, leads: Sequence[str]) -> Signal:
    """Return the signal as (lead, time).

    Raises
    ------
    UsageError : names and rows do not match, or the rate is none.
    """
    signal = np.atleast_2d(np.asarray(signal, np.float32))
    if signal.ndim != 2 or signal.shape[0] != len(leads) or not len(leads):
        raise UsageError(
            "ECG paper", f"signal has shape {signal.shape} but {len(leads)} lead names",
            "Give signal as (lead, time) in mV and one name a lead",
        )  # fmt: skip
    if not (np.isfinite(rate) and rate > 0):
        raise UsageError("ECG paper", f"rate is {rate} Hz", "Give samples a second, e.g. 360")
    return signal


def svg_open(width: int, height: int, title: str, description: str) -> str:
    """Return the beginning of a picture, in units; title and description are read out."""
    label = f"{title}. {description}" if description else title
    return (
        f'<svg class="ecg" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{escape(label, quote=True)}" width="{width / UNIT:g}mm" '
        f'height="{height / UNIT:g}mm" viewBox="0 0 {width} {height}" '
        f'font-family="Helvetica, Arial, sans-serif">'
        f"<title>{escape(title)}</title>"
        + (f"<desc>{escape(description)}</desc>" if description else "")
    )


def _holes(row: Signal, rate: float, x: int, lane: Lane) -> str:
    """Return grey fields with the words "no signal" over stretches of NaN of 0.2 s and more."""
    bad = np.concatenate(([0], (~np.isfinite(row)).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(bad)).tolist()
    out = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start < 0.2 * rate:
            continue
        left, right = x + round(start / rate * PER_SECOND), x + round(stop / rate * PER_SECOND)
        out.append(
            f'<rect class="hole" x="{left}" y="{lane.top + 2}" width="{right - left}" '
            f'height="{lane.height - 4}" fill="#e6e6e6"/>'
        )
        if right - left >= 220:
            out.append(svg_text((left + right) / 2, lane.top + lane.height / 2 + 10, "no signal",
                                kind="gone", anchor="middle", colour=MUTED))  # fmt: skip
    return "".join(out)


def draw_lead(row: Signal, rate: float, x: int, lane: Lane, name: str) -> str:
    """Return one lead: its holes, its line, its name, and a word where it left the paper."""
    path, clipped = trace_path(
        row, rate, x, lane.zero, lane.level, lane.top + 2, lane.top + lane.height - 2
    )
    out = _holes(row, rate, x, lane)
    out += (
        f'<path class="trace" d="{path}" fill="none" stroke="{TRACE}" stroke-width="3.2" '
        f'stroke-linejoin="round" stroke-linecap="round"/>'
    )
    words = f"{name} (cut off at the edge of the paper)" if clipped else name
    # A pale halo keeps the name legible where the trace runs through it.
    halo = svg_text(x + 8, lane.top + 34, words, kind="lead", size=32, weight="700")
    return out + halo.replace(
        "<text ", '<text paint-order="stroke" stroke="#fff" stroke-width="7" ', 1
    )


def time_axis(width: int, bottom: int, begin: float) -> str:
    """Return a tick at every whole second of the recording, every other one with its time."""
    out = []
    first = int(np.ceil(begin - 1e-9))
    for count, second in enumerate(range(first, first + int((width - PULSE) / PER_SECOND) + 1)):
        x = PULSE + round((second - begin) * PER_SECOND)
        if x > width:
            break
        out.append(f'<path d="M{x} {bottom}v10" stroke="{MUTED}" stroke-width="2"/>')
        if x <= width - 60:
            kind = "time" if count % 2 == 0 else "time odd"
            anchor = "middle" if x >= 60 else "start"
            out.append(svg_text(x, bottom + 38, clock(second), kind=kind, size=26, anchor=anchor,
                                colour=MUTED))  # fmt: skip
    return "".join(out)
