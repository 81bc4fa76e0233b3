"""ECG paper on which signal is tinted: what speaks for an answer, and what against it.

Sign is told three times: by colour (vermilion and blue of Okabe and Ito's palette, darkened to be
read on white), by the side of the profile's line on which it stands (above it for, below it
against), and by the number that is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal
from einthoven.signal.paper import (
    FOOT,
    HEAD,
    MUTED,
    PER_SECOND,
    PULSE,
    TRACE,
    Lane,
    Mark,
    checked,
    draw_lead,
    grid,
    lay_lanes,
    pulse,
    svg_open,
    svg_text,
    time_axis,
)

FOR, AGAINST = "#b84a00", "#00609c"
LAYOUTS = ("rows", "lines", "sheet", "columns")
LINE_SECONDS = 7.0  # 175 mm: what stands on A4 at true scale
COLUMNS = 4  # of a sheet

_STEPS = 6  # of a tint, each sign
_FAINT = 0.04  # of the strongest; what is weaker is not drawn
_PROFILE, _NARROW = 100, 50  # units of paper below a lead for its profile; of many leads
_FLAG = 84  # units below the time for names and numbers
_APART = 96  # units that a name and a number take

Label = tuple[float, float, str, float]


@dataclass(frozen=True)
class _Cell:
    """One piece of a line: a row of the signal, which of its samples, and where it stands.

    `at` is counted in samples from where the line begins.
    """

    row: int
    first: int
    last: int
    at: int = 0


def signed(value: float) -> str:
    """Return a number with its sign, in three digits at most, e.g. ``+2.10``."""
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\u2212") if float(text) else "0"


def svg_tinted(
    signal: Signal,
    rate: float,
    leads: Sequence[str],
    tint: npt.NDArray[np.floating],
    *,
    layout: str = "rows",
    soft: float = 0.0,
    labels: Sequence[Label] = (),
    marks: Sequence[Mark] = (),
    begin: float = 0.0,
    title: str = "ECG",
    description: str = "",
) -> str:
    """Return signal on ECG paper, true to scale, tinted, as one self-contained SVG element.

    Below each lead stands its profile: above the line what speaks for the answer.

    Parameters
    ----------
    signal : (lead, time) mV; NaN where missing.
    rate : Hz.
    leads : a name for each row.
    tint : (lead, time) from -1, strongest against, to 1, strongest for.
    layout : ``rows``, a lead a line; ``lines``, lines of 7 s one below the other; ``sheet``, leads
        in four columns that follow each other in time; ``columns``, leads in four columns of
        the same time.
    soft : seconds over which the colour behind the trace is a mean, where signs change from sample
        to sample; the profile is as it is.
    labels : ``(first, last, name, number)``, samples of a stretch that is named below the paper;
        not where leads stand in columns.
    marks : ``(sample, label, colour)`` of the beats, samples counted from the signal's first.
    begin : seconds from the start of the recording to the signal's first sample.
    title, description : read out in place of the picture.

    Raises
    ------
    UsageError : names and rows do not match, or the rate is none.
    """
    signal = checked(signal, rate, leads)
    strength: npt.NDArray[np.float64] = np.nan_to_num(np.asarray(tint, np.float64)).clip(-1, 1)
    blocks = list(_blocks(signal.shape, rate, layout))
    if layout == "sheet" and strength.any():
        # Of each lead a sheet shows a part: the strongest that is shown is the strongest.
        cells = [c for line in blocks[0] for c in line]
        shown = max(float(np.abs(strength[c.row, c.first : c.last]).max()) for c in cells)
        strength = (strength / (shown or 1.0)).clip(-1, 1)
    behind = _softened(strength, round(soft * rate))
    widest = max(sum(c.last - c.first for c in line) for block in blocks for line in block)
    width = PULSE + max(10, int(np.ceil(widest / rate * 5 - 1e-9))) * 50
    profile = _PROFILE if len(leads) <= 3 or layout == "lines" else _NARROW
    labels = () if layout in ("sheet", "columns") else labels
    out, top = [], 0
    for block in blocks:
        text, top = _block(
            block,
            signal,
            rate,
            leads,
            (strength, behind),
            labels,
            marks,
            begin,
            (width, top, profile),
        )
        out.append(text)
    opened = svg_open(width, top, title, description)
    return opened.replace("<svg ", f'<svg data-layout="{layout}" ', 1) + "".join(out) + "</svg>"


def _blocks(shape: tuple[int, ...], rate: float, layout: str) -> Iterator[list[list[_Cell]]]:
    """Give blocks of lines of cells; the lines of a block stand above one time axis."""
    rows, size = shape
    if layout == "sheet":
        per, step = int(np.ceil(rows / COLUMNS)), int(np.ceil(size / COLUMNS))
        yield [
            [_Cell(r, c * step, min((c + 1) * step + 1, size), c * step)
             for c, r in enumerate(range(line, rows, per))]
            for line in range(per)
        ]  # fmt: skip
    elif layout == "columns":
        per = int(np.ceil(rows / COLUMNS))
        yield [
            [_Cell(r, 0, size, c * size) for c, r in enumerate(range(line, rows, per))]
            for line in range(per)
        ]
    elif layout == "lines":
        step = round(LINE_SECONDS * rate)
        for first in range(0, size, step):
            yield [[_Cell(r, first, min(first + step, size))] for r in range(rows)]
    else:
        yield [[_Cell(r, 0, size)] for r in range(rows)]


def _block(
    block: list[list[_Cell]],
    signal: Signal,
    rate: float,
    leads: Sequence[str],
    tints: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    labels: Sequence[Label],
    marks: Sequence[Mark],
    begin: float,
    place: tuple[int, int, int],
) -> tuple[str, int]:
    """Return one block as SVG, and the unit at which it ends."""
    width, above, profile = place
    paper = top = above + HEAD
    first = block[0][0].first
    last = block[0][-1].last
    traces, pulses = [], ""
    fields: dict[int, list[str]] = {}
    for line in block:
        levels = [_level(signal[c.row, c.first : c.last]) for c in line]
        joined = [signal[c.row, c.first : c.last] - v for c, v in zip(line, levels, strict=True)]
        (lane,), bottom = lay_lanes(np.concatenate(joined)[None], top)
        for cell, level in zip(line, levels, strict=True):
            x = PULSE + round(cell.at / rate * PER_SECOND)
            own = Lane(lane.top, lane.height, lane.zero, level)
            zero = bottom + profile // 2
            own_tint, behind = (t[cell.row, cell.first : cell.last] for t in tints)
            _tinted(fields, own_tint, behind, rate, x, own, profile)
            room = round((cell.last - cell.first) / rate * PER_SECOND)
            traces.append(f'<path d="M{x} {zero}h{min(room, width - x)}" fill="none" '
                          f'stroke="{MUTED}" stroke-width="1.6"/>')  # fmt: skip
            if cell is not line[0]:
                traces.append(f'<path d="M{x} {lane.zero - 40}v80" fill="none" '
                              f'stroke="{TRACE}" stroke-width="2"/>')  # fmt: skip
            row = signal[cell.row, cell.first : cell.last]
            traces.append(draw_lead(row, rate, x, own, leads[cell.row]))
        pulses += pulse(lane.zero)
        top = bottom + profile
    out = [f'<rect width="{width}" height="{top - paper}" y="{paper}" fill="#fffdfc"/>']
    out.append(grid(width, paper, top))
    for step, path in sorted(fields.items()):
        colour = FOR if step > 0 else AGAINST
        # Steps beyond +-_STEPS are the profiles, solid.
        solid = abs(step) > _STEPS
        opacity = 0.9 if solid else 0.08 + 0.4 * abs(step) / _STEPS
        out.append(f'<path class="{"profile" if solid else "tint"}" d="{"".join(path)}" '
                   f'fill="{colour}" fill-opacity="{opacity:.2f}"/>')  # fmt: skip
    out.append(f'<path class="pulse" d="{pulses}" fill="none" stroke="{TRACE}" '
               f'stroke-width="3.2"/>')  # fmt: skip
    out += traces
    for cell in block[0]:
        here = [m for m in marks if cell.first <= m[0] < cell.last]
        out.append(_named(here, cell, rate, width, paper))
    same_time = len(block[0]) > 1 and block[0][1].first == first
    end = PULSE + round((last - first) / rate * PER_SECOND) if same_time else width
    times = time_axis(end, top, begin + first / rate)
    inside = [
        (max(a, first), min(b, last), name, number)
        for a, b, name, number in labels if a < last and b > first
    ]  # fmt: skip
    if not inside:
        return "".join([*out, times]), top + FOOT
    out.append(_flags(inside, first, rate, width, top))
    # The times stand over the lines that lead to the names.
    halo = 'paint-order="stroke" stroke="#fff" stroke-width="9" class="time'
    out.append(times.replace('class="time', halo))
    return "".join(out), top + FOOT + _FLAG


def _named(marks: Sequence[Mark], cell: _Cell, rate: float, width: int, paper: int) -> str:
    """Return the beats of one cell above the paper."""
    out = ""
    for sample, label, colour in marks:
        x = PULSE + round((sample - cell.first + cell.at) / rate * PER_SECOND)
        if x <= width - 14:
            out += (
                f'<path d="M{x} {paper - 12}v12" fill="none" stroke="{colour}" stroke-width="3"/>'
            )
            out += svg_text(x, paper - 18, label, kind="beat", size=34, anchor="middle",
                            colour=colour, weight="700")  # fmt: skip
    return out


def _level(row: Signal) -> float:
    good = row[np.isfinite(row)]
    return float(np.median(good)) if good.size else 0.0


def _softened(tint: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Return means over `width` samples of each row, the strongest as strong as before."""
    if width < 2 or width > tint.shape[1]:
        return tint
    kernel = np.ones(width) / width
    soft = np.stack([np.convolve(row, kernel, mode="same") for row in tint])
    before, after = np.abs(tint).max(), np.abs(soft).max()
    return np.asarray(soft * (before / after) if after > 0 else soft, np.float64)


def _tinted(fields: dict[int, list[str]], tint: npt.NDArray[np.float64],
            behind: npt.NDArray[np.float64], rate: float, x: int, lane: Lane,
            profile: int) -> None:  # fmt: skip
    """Add the rectangles of one cell to `fields`, by step of the tint `behind` the trace."""
    if not len(tint):
        return
    steps = np.sign(behind) * np.ceil(np.abs(behind) * _STEPS)
    steps[np.abs(behind) < _FAINT] = 0
    middle, half = lane.top + lane.height + profile // 2, profile // 2 - 4
    # Profiles stand on a column of two units, a fifth of a millimetre.
    column = np.floor(np.arange(len(tint)) * (PER_SECOND / rate) / 2).astype(np.int64)
    tall = np.round(tint * half).astype(np.int64)
    strongest = np.zeros(column[-1] + 1, np.int64)
    order = np.argsort(np.abs(tall), kind="stable")
    strongest[column[order]] = tall[order]
    for a, b, tall_here in _runs(strongest):
        if tall_here:
            up, wide = int(tall_here), 2 * (b - a)
            key = (_STEPS + 1) * (1 if up > 0 else -1)
            fields.setdefault(key, []).append(
                f"M{x + 2 * a} {middle}h{wide}v{-up}h-{wide}z"
            )  # fmt: skip
    for a, b, step in _runs(steps.astype(np.int64)):
        if step:
            left, right = (x + round(s / rate * PER_SECOND) for s in (a, b))
            wide = max(right - left, 1)
            fields.setdefault(step, []).append(f"M{left} {lane.top}h{wide}v{lane.height}h-{wide}z")


def _runs(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Give ``(first, end, value)`` of runs of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate(([0], edges)).tolist()
    ends = np.concatenate((edges, [len(values)])).tolist()
    for a, b in zip(starts, ends, strict=True):
        yield a, b, int(values[a])


def _flags(labels: Sequence[Label], first: int, rate: float, width: int, top: int) -> str:
    """Return names and numbers below the paper, each with a line to the stretch it names."""
    most = max(1, (width - 10) // _APART)
    strongest = sorted(labels, key=lambda flag: -abs(flag[3]))[:most]
    chosen = sorted(strongest, key=lambda flag: flag[0] + flag[1])
    middles = [
        PULSE + ((a + b) / 2 - first) / rate * PER_SECOND for a, b, _, _ in chosen
    ]  # fmt: skip
    out = []
    for wanted, at, (_, _, name, number) in zip(
        middles, _spread(middles, _APART / 2, width - _APART / 2), chosen, strict=True
    ):
        colour = FOR if number > 0 else AGAINST if number < 0 else MUTED
        out.append(
            f'<path d="M{wanted:.0f} {top}v10L{at:.0f} {top + FOOT + 4}" fill="none" '
            f'stroke="{colour}" stroke-width="2"/>'
            + svg_text(round(at), top + FOOT + 34, name, kind="flag", size=28, anchor="middle",
                       colour=colour, weight="700")
            + svg_text(round(at), top + FOOT + 66, signed(number), kind="flag", size=28,
                       anchor="middle", colour=colour)
        )  # fmt: skip
    return f'<g class="flags">{"".join(out)}</g>'


def _spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Return places at least `_APART` from each other, as near as may be to the sorted `wanted`."""
    at = np.array(wanted, float)
    for _ in range(60):
        gap = np.diff(at) - _APART
        if not (gap < -0.01).any():
            break
        push = np.minimum(gap, 0) / 2
        at[:-1] += push
        at[1:] -= push
        at = np.clip(at, low, high)
    steps = _APART * np.arange(len(at))
    # Against an edge pushing may not settle: then from the left, then from the right.
    at = np.maximum.accumulate(at - steps) + steps
    back = high - steps[::-1]
    return np.minimum(at, back).tolist() if len(at) else []
