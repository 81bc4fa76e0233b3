"""A strip and a sheet of ECG paper: a stretch of a recording, its beats named above it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.record.record import Signal
from einthoven.signal import _paper_waves
from einthoven.signal._paper_waves import Band
from einthoven.signal.paper import (
    FOOT,
    HEAD,
    PER_SECOND,
    PULSE,
    SHADE,
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


def svg_strip(
    signal: Signal,
    rate: float,
    leads: Sequence[str],
    *,
    marks: Sequence[Mark] = (),
    waves: Sequence[Band] = (),
    shade: tuple[int, int] | None = None,
    seconds: float | None = None,
    begin: float = 0.0,
    title: str = "ECG strip",
    description: str = "",
) -> str:
    """Return a strip of ECG paper as one self-contained SVG element.

    Parameters
    ----------
    signal : (lead, time) mV; NaN where missing. Each lead is drawn around its own median.
    rate : Hz.
    leads : a name for each row.
    marks : ``(sample, label, colour)`` of the beats, samples counted from the strip's first.
    waves : ``(row, kind, onset, offset)`` of P, QRS and T, samples likewise; in a group of class
        ``waves``, so that a page can hide them.
    shade : first and last sample of a stretch to be laid in pale yellow.
    seconds : width of the paper; that of the signal if not said.
    begin : seconds from the start of the recording to the strip's first sample.
    title, description : read out in place of the picture.

    Raises
    ------
    UsageError : names and rows do not match, or the rate is none.
    """
    signal = checked(signal, rate, leads)
    width_s = signal.shape[1] / rate if seconds is None else seconds
    width = PULSE + max(50, int(np.ceil(width_s * 5 - 1e-9)) * 50)
    signal = signal[:, : int(np.ceil((width - PULSE) / PER_SECOND * rate)) + 1]
    lanes, bottom = lay_lanes(signal, HEAD)

    def place(sample: float) -> int:
        return PULSE + round(sample / rate * PER_SECOND)

    out = [
        svg_open(width, bottom + FOOT, title, description),
        f'<rect width="{width}" height="{bottom - HEAD}" y="{HEAD}" fill="#fffdfc"/>',
    ]
    if shade is not None:
        left, right = max(place(shade[0]), PULSE), min(place(shade[1]), width)
        out.append(
            f'<rect class="shade" x="{left}" y="{HEAD}" width="{max(right - left, 1)}" '
            f'height="{bottom - HEAD}" fill="{SHADE}"/>'
        )
    out.append(grid(width, HEAD, bottom))
    end = round((width - PULSE) / PER_SECOND * rate)
    out.append(_paper_waves.draw(
        (kind, place(a), place(b), lane.top, lane.height)
        for row, lane in enumerate(lanes)
        for _, kind, a, b in _paper_waves.inside(waves, row, 0, end)
    ))  # fmt: skip
    out.append(
        f'<path class="pulse" d="{"".join(pulse(lane.zero) for lane in lanes)}" fill="none" '
        f'stroke="{TRACE}" stroke-width="3.2"/>'
    )
    for row, lane, name in zip(signal, lanes, leads, strict=True):
        out.append(draw_lead(row, rate, PULSE, lane, name))
    out.append(_beats(marks, rate, width))
    out.append(time_axis(width, bottom, begin))
    return "".join(out) + "</svg>"


def svg_sheet(
    signal: Signal,
    rate: float,
    leads: Sequence[str],
    *,
    rhythm: int,
    begin: float = 0.0,
    marks: Sequence[Mark] = (),
    waves: Sequence[Band] = (),
    columns: int = 2,
    seconds: float = 3.5,
    title: str = "ECG sheet",
    description: str = "",
) -> str:
    """Return many leads on one sheet: `columns` side by side in time, a rhythm strip below.

    Each column shows the `seconds` that follow those of the column before, as on the printout of
    an electrocardiograph, so that beats stand in line from top to bottom.

    Parameters
    ----------
    signal, rate, leads, marks, waves, begin, title, description : as for `svg_strip`.
    rhythm : row of the lead drawn through below the others.
    columns, seconds : how many columns, and how much of the recording each shows.
    """
    signal = checked(signal, rate, leads)
    per = int(np.ceil(len(leads) / columns))
    step = round(seconds * PER_SECOND)
    width = PULSE + columns * step
    size = round(seconds * rate)
    out: list[str] = []
    top, pulses = HEAD, ""
    for line in range(per):
        rows = list(range(line, len(leads), per))
        cut = [signal[r, c * size : (c + 1) * size + 1] for c, r in enumerate(rows)]
        good = [p - np.nanmedian(p) if np.isfinite(p).any() else p * 0 for p in cut]
        wide = max(len(g) for g in good)
        padded = np.full((1, wide * len(good)), np.nan, np.float32)
        for c, g in enumerate(good):
            padded[0, c * wide : c * wide + len(g)] = g
        (lane,), bottom = lay_lanes(padded, top)
        for c, (r, piece) in enumerate(zip(rows, cut, strict=True)):
            level = float(np.nanmedian(piece)) if np.isfinite(piece).any() else 0.0
            own = Lane(lane.top, lane.height, lane.zero, level)
            x = PULSE + c * step
            bands = _paper_waves.inside(waves, r, c * size, (c + 1) * size)
            out.append(_paper_waves.draw((
                (kind, x + round((a - c * size) / rate * PER_SECOND),
                 x + round((b - c * size) / rate * PER_SECOND), own.top, own.height)
                for _, kind, a, b in bands
            ), letters=False))  # fmt: skip
            out.append(draw_lead(piece, rate, x, own, leads[r]))
            if c:
                out.append(f'<path d="M{x} {lane.zero - 40}v80" stroke="{TRACE}" '
                           f'stroke-width="2"/>')  # fmt: skip
        pulses += pulse(lane.zero)
        top = bottom
    (lane,), bottom = lay_lanes(signal[rhythm : rhythm + 1, : columns * size], top)
    bands = _paper_waves.inside(waves, rhythm, 0, columns * size)
    out.append(_paper_waves.draw(
        (kind, PULSE + round(a / rate * PER_SECOND), PULSE + round(b / rate * PER_SECOND),
         lane.top, lane.height) for _, kind, a, b in bands
    ))  # fmt: skip
    out.append(draw_lead(signal[rhythm, : columns * size + 1], rate, PULSE, lane, leads[rhythm]))
    pulses += pulse(lane.zero)
    head = [
        svg_open(width, bottom + FOOT, title, description),
        f'<rect width="{width}" height="{bottom - HEAD}" y="{HEAD}" fill="#fffdfc"/>',
        grid(width, HEAD, bottom),
        f'<path class="pulse" d="{pulses}" fill="none" stroke="{TRACE}" stroke-width="3.2"/>',
    ]
    out.append(_beats(marks, rate, width))
    return "".join([*head, *out, time_axis(width, bottom, begin)]) + "</svg>"


def _beats(marks: Sequence[Mark], rate: float, width: int) -> str:
    """Return the labels of the beats above the paper, each with a tick at its sample."""
    out = []
    for sample, label, colour in marks:
        x = PULSE + round(sample / rate * PER_SECOND)
        if PULSE <= x <= width - 14:
            out.append(
                f'<path d="M{x} {HEAD - 12}v12" stroke="{colour}" stroke-width="3"/>'
                + svg_text(x, HEAD - 18, label, kind="beat", size=34, anchor="middle",
                           colour=colour, weight="700")
            )  # fmt: skip
    return "".join(out)
