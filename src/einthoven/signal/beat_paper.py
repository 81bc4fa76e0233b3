"""The median beats of all leads on ECG paper, their boundaries marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from einthoven.signal import _paper_waves
from einthoven.signal._beat_waves import OFFSET, ONSET, QRS, P, T
from einthoven.signal.median_beat import MedianBeats
from einthoven.signal.paper import (
    FOOT,
    MUTED,
    PER_SECOND,
    PULSE,
    TRACE,
    Lane,
    draw_lead,
    grid,
    lay_lanes,
    pulse,
    svg_open,
    svg_text,
)

WIDTH = 1850  # units: 185 mm, what stands on A4 at true scale
_HEAD = 40
_WIDEST = 400  # units for one lead where there are few
_ROOM = 0.25  # mV below the lowest trace, for the letters
_KINDS = ((P, "P"), (QRS, "QRS"), (T, "T"))


def svg_beats(beats: MedianBeats, leads: Sequence[str], title: str, description: str = "") -> str:
    """Return one beat a lead, side by side, true to scale, as one self-contained SVG element.

    Bands are each lead's own P, QRS and T; the broken lines stand where the intervals of all leads
    together are read: onset of P, onset and offset of the QRS, offset of T.

    Parameters
    ----------
    beats : the median beats, a lead a row.
    leads : a name for each row.
    title, description : read out in place of the picture.
    """
    size = beats.signal.shape[1]
    cell = int(np.ceil(size / beats.rate * 5 + 0.6)) * 50
    columns = max(1, min(len(leads), (WIDTH - PULSE) // cell))
    # Rows of one length: twelve leads stand as 6 + 6 or 4 + 4 + 4, not as 5 + 5 + 2.
    columns = int(np.ceil(len(leads) / np.ceil(len(leads) / columns)))
    cell = max(cell, min((WIDTH - PULSE) // columns, _WIDEST))
    width = max(PULSE + columns * cell, WIDTH)
    top, out, pulses = _HEAD, [], ""
    for first in range(0, len(leads), columns):
        rows = range(first, min(first + columns, len(leads)))
        joined = beats.signal[list(rows)].reshape(1, -1)
        # Level 0 is the level before the QRS, not the median of the beat.
        (lane,), bottom = lay_lanes(_around_zero(joined), top)
        for column, row in enumerate(rows):
            x = PULSE + column * cell + (cell - round(size / beats.rate * PER_SECOND)) // 2
            out.append(_cell(beats, row, leads[row], x, lane))
        pulses += pulse(lane.zero)
        top = bottom
    return "".join([
        svg_open(width, top + FOOT - 30, title, description),
        f'<rect width="{width}" height="{top - _HEAD}" y="{_HEAD}" fill="#fffdfc"/>',
        grid(width, _HEAD, top),
        f'<path class="pulse" d="{pulses}" fill="none" stroke="{TRACE}" stroke-width="3.2"/>',
        *out, "</svg>",
    ])  # fmt: skip


def _around_zero(line: np.ndarray) -> np.ndarray:
    """Return a row whose median is 0 and whose extremes are those of `line` and 0, with room."""
    good = line[np.isfinite(line)]
    high, low = (float(good.max()), float(good.min())) if good.size else (0.0, 0.0)
    return np.array([[0, 0, 0, max(high, 0.0), min(low, 0.0) - _ROOM]], np.float32)


def _cell(beats: MedianBeats, row: int, name: str, x: int, lane: Lane) -> str:
    own = Lane(lane.top, lane.height, lane.zero, 0.0)
    boxes = []
    for kind, letter in _KINDS:
        onset, offset = beats.marks[kind, ONSET, row], beats.marks[kind, OFFSET, row]
        if np.isfinite(onset) and np.isfinite(offset):
            boxes.append((letter, _place(beats, onset, x), _place(beats, offset, x), lane.top,
                          lane.height))  # fmt: skip
    out = _paper_waves.draw(boxes, kind="bounds")
    for kind, edge in ((P, 0), (QRS, 0), (QRS, 1), (T, 1)):
        at = beats.common[kind, edge]
        if np.isfinite(at):
            out += (
                f'<path class="common" d="M{_place(beats, at, x)} {lane.top}v{lane.height}" '
                f'fill="none" stroke="{MUTED}" stroke-width="2" stroke-dasharray="8 7"/>'
            )
    line = beats.signal[row].astype(np.float32)
    if not np.isfinite(line).any():
        return svg_text(
            x + 8, lane.top + 34, f"{name}: no signal", kind="lead", size=32, weight="700"
        )
    return out + draw_lead(line, beats.rate, x, own, name)


def _place(beats: MedianBeats, from_r: float, x: int) -> int:
    return x + round((beats.at + float(from_r)) / beats.rate * PER_SECOND)
