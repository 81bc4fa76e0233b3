"""A record on ECG paper as a matplotlib figure, for notebooks and papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from einthoven.record.errors import UsageError
from einthoven.record.record import Record
from einthoven.record.source import Source
from einthoven.signal.paper import MAJOR, MINOR, MM_PER_MV, MM_PER_SECOND, TRACE

_INCH = 25.4
_MARGIN_MM = 12.0
_LANE_MM = 30.0
_PULSE = 0.4  # seconds before the trace, 10 mm: place for the pulse of 1 mV and 0.2 s


def plot(
    record: Record | Source,
    start: float = 0.0,
    seconds: float = 10.0,
    leads: Sequence[str] | None = None,
) -> Any:
    """Return a matplotlib figure of a stretch of a record at 25 mm/s and 10 mm/mV.

    Saved or printed at its own size it is true to scale. Each lead stands around its median, one
    below the other, 30 mm of paper apart; missing samples leave a hole.

    Parameters
    ----------
    record : the record, or an open source.
    start, seconds : where the stretch begins and how long it is.
    leads : names of the leads to draw; all if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UsageError : a lead is not there, or the stretch holds no sample.
    ImportError : matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patheffects import withStroke
    except ImportError as fault:  # pragma: no cover - depends on the installation
        raise ImportError(
            "record.plot needs matplotlib: pip install 'einthoven[plot]'"
        ) from fault  # fmt: skip
    names = tuple(record.leads if leads is None else leads)
    for name in names:
        if name not in record.leads:
            raise UsageError(
                "plot", f"there is no lead {name!r}", f"Leads: {', '.join(record.leads)}"
            )
    first = max(0, round(start * record.rate))
    last = min(record.samples, first + round(seconds * record.rate))
    if last <= first or not names:
        raise UsageError(
            "plot",
            f"nothing to draw from {start:g} s on for {seconds:g} s",
            f"The record has {record.samples / record.rate:g} s and {len(record.leads)} leads",
        )
    if isinstance(record, Record):
        signal = record.signal[:, first:last]
    else:
        signal = record.read(first, last)
    left = start - _PULSE  # where the paper begins
    wide, tall = (seconds + _PULSE) * MM_PER_SECOND, len(names) * _LANE_MM
    size = ((wide + 2 * _MARGIN_MM) / _INCH, (tall + 2 * _MARGIN_MM) / _INCH)
    figure = Figure(figsize=size, dpi=150)
    axes = figure.add_axes(
        (_MARGIN_MM / _INCH / size[0], _MARGIN_MM / _INCH / size[1],
         wide / _INCH / size[0], tall / _INCH / size[1])
    )  # fmt: skip
    axes.set(xlim=(left, start + seconds), ylim=(-tall / MM_PER_MV, 0))
    _paper(axes, left, seconds + _PULSE, tall / MM_PER_MV)
    time = np.arange(first, last) / record.rate
    for k, name in enumerate(names):
        row = signal[record.leads.index(name)]
        level = float(np.nanmedian(row)) if np.isfinite(row).any() else 0.0
        zero = -(k + 0.5) * _LANE_MM / MM_PER_MV
        axes.plot(time, row - level + zero, color=TRACE, linewidth=0.8, clip_on=True)
        pulse = left + np.array([0.1, 0.15, 0.15, 0.35, 0.35, _PULSE])
        axes.plot(pulse, zero + np.array([0, 0, 1, 1, 0, 0]), color=TRACE, linewidth=0.8)
        words = axes.text(start + 0.04, zero + 1.15, name, fontsize=9, fontweight="bold")
        words.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    axes.set_xlabel("seconds; 25 mm/s, 10 mm/mV", fontsize=8)
    axes.set_title(getattr(record, "name", ""), fontsize=10, loc="left", parse_math=False)
    return figure


def _paper(axes: Any, start: float, seconds: float, tall_mv: float) -> None:
    """Draw the lines of the paper, 1 mm and 5 mm, and take away what is not paper."""
    for step, colour, width in ((1, MINOR, 0.4), (5, MAJOR, 0.7)):
        across = step / MM_PER_SECOND
        down = step / MM_PER_MV
        axes.vlines(
            start + across * np.arange(round(seconds / across) + 1), -tall_mv, 0,
            colors=colour, linewidth=width, zorder=0,
        )  # fmt: skip
        axes.hlines(
            -down * np.arange(round(tall_mv / down) + 1), start, start + seconds,
            colors=colour, linewidth=width, zorder=0,
        )  # fmt: skip
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=8)
    for side in axes.spines.values():
        side.set_visible(False)
