"""An explanation as a picture: the recording on ECG paper, tinted, and the numbers as bars.

One look for every method. What speaks for the class is vermilion, what speaks against it blue; the
strongest contribution of a picture has the strongest colour, so colours of two pictures are not to
be compared, the numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
import numpy.typing as npt

from einthoven.explain._raster import ready, to_png
from einthoven.explain._words import spoken
from einthoven.record.attribution import Attribution, Stretch
from einthoven.record.files import beside, write_text
from einthoven.record.leads import STANDARD, one_lead
from einthoven.record.record import Record
from einthoven.record.source import RecordSource, Source
from einthoven.signal.paper import MUTED, TRACE, Mark, svg_open, svg_text
from einthoven.signal.tinted_paper import AGAINST, FOR, LINE_SECONDS, signed, svg_tinted

SHORTEST = 3.0  # seconds of paper
_SOFT = 0.04  # seconds: a millimetre of paper
BEAT_SECONDS = 1.6  # the same of many leads
COLUMN_SECONDS = 2.4  # that many leads side by side can show of the same time
MOST = 10  # bars
SHEET_SECONDS = 10.0
_MANY = 6  # leads that stand on a sheet
_ROW, _NAME, _BAR = 46, 250, 360  # units of the bars
_GAP, _EDGE = 60, 30
_NEAR, _WIDE = 1100, 1850  # units: half a page and a whole one

UNIT_WORDS = {
    "logit": "log odds", "probability": "probability", "share": "share of the whole",
}  # fmt: skip


def svg(
    recording: Source | Record, found: Attribution, *, words: str = "",
    marks: Sequence[Mark] = (), layout: str | None = None,
) -> str:  # fmt: skip
    """Return a head, trace and bars in one self-contained SVG, as `trace` and `bars` draw them.

    Parameters
    ----------
    words : the explanation in a sentence, which then stands below the head.
    """
    left = trace(recording, found, marks=marks, layout=layout)
    right = bars(found)
    (a, b), (c, d) = _size(left), _size(right) if right else (0, 0)
    beside_it = a + c <= _WIDE
    x, y = (a + _GAP, 0) if beside_it else (0, b + 20)
    width, height = (x + c, max(b, d)) if beside_it and right else (max(a, c), y + d)
    head, top = _head(found, words, width)
    parts = f'<g transform="translate(0 {top})">{_inner(left)}</g>'
    if right:
        parts += f'<g transform="translate({x} {y + top})">{_inner(right)}</g>'
    width, height = width + 2 * _EDGE, height + top + 2 * _EDGE
    return (
        svg_open(width, height, _title(found), _said(found))
        + f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        + f'<g transform="translate({_EDGE} {_EDGE})">{head}{parts}</g></svg>'
    )


def stacked(pictures: Sequence[str]) -> str:
    """Return pictures of `svg`, one below the other, as one self-contained SVG."""
    sizes = [_size(p) for p in pictures]
    tops = np.cumsum([0, *(height for _, height in sizes)]).tolist()
    parts = "".join(
        f'<g transform="translate(0 {top})">{_inner(p)}</g>'
        for p, top in zip(pictures, tops, strict=False)
    )
    width = max(width for width, _ in sizes)
    white = f'<rect width="{width}" height="{tops[-1]}" fill="#ffffff"/>'
    title = "Explanations of one answer by several methods"
    return svg_open(width, tops[-1], title, "") + white + parts + "</svg>"


def _head(found: Attribution, words: str, width: int) -> tuple[str, int]:
    """Return what is explained, the sentence and the doubt as SVG text, and the units they take."""
    lines = [
        (f"{found.record}, {found.what}: {found.target} at {spoken(found.probability)}", 40, "700"),
        (f"{found.method} on {found.model}", 28, "400"), (words, 30, "400"),
    ]  # fmt: skip
    out, y = [], 0
    for text, size, weight in lines:
        for line in wrap(text, max(20, int(width / (0.6 * size)))):
            y += round(size * 1.35)
            out.append(svg_text(0, y, line, kind="said", size=size, weight=weight))
    return "".join(out), y + 24


def trace(
    recording: Source | Record,
    found: Attribution,
    *,
    marks: Sequence[Mark] = (),
    layout: str | None = None,
) -> str:
    """Return the signal that is explained on ECG paper, true to scale, as one SVG element.

    Parameters
    ----------
    recording : whose signal it is; read from it now.
    found : maps are drawn lead by lead, named parts where they stand.
    marks : ``(sample, label, colour)`` of the beats, samples of the recording.
    layout : of `signal.tinted_paper.LAYOUTS`; by leads and length if not given.

    Raises
    ------
    UsageError : the layout is not known.
    """
    source = RecordSource(recording) if isinstance(recording, Record) else recording
    names = _leads(source, found)
    begin, end = _explained(found)
    many, long = len(names) >= _MANY, end - begin > COLUMN_SECONDS
    least = (SHEET_SECONDS if long else BEAT_SECONDS) if many else SHORTEST
    first, last = _span(source, begin, end, least)
    rows = [source.leads.index(name) for name in names]
    if layout is None:
        wide = "lines" if (last - first) / source.rate > LINE_SECONDS + 0.5 else "rows"
        layout = ("sheet" if long else "columns") if many else wide
    named = [s for s in found.stretches if s.lead is None or len(names) == 1]
    labels = [
        (s.onset * source.rate - first, s.offset * source.rate - first, s.name,
         found.numbers[s.name])
        for s in _largest(named) if s.name in found.numbers
    ]  # fmt: skip
    here = [(s - first, label, colour) for s, label, colour in marks if first <= s < last]
    drawn = svg_tinted(
        source.read(first, last)[rows], source.rate, names,
        tint(found, names, source.rate, first, last), layout=layout, labels=labels, marks=here,
        soft=0.0 if found.values is None else _SOFT,
        begin=first / source.rate, title=_title(found), description=_said(found),
    )  # fmt: skip
    # Pages enlarge the letters of wide paper on narrow screens; here there is no need.
    return drawn.replace('class="ecg"', 'class="near"', 1) if _size(drawn)[0] <= _NEAR else drawn


def tint(
    found: Attribution, leads: Sequence[str], rate: float, first: int, last: int
) -> npt.NDArray[np.float64]:
    """Return (lead, time) contributions to samples [first, last), the strongest being 1 or -1.

    A map where there is one, else each named part on its own stretches.
    """
    made = np.zeros((len(leads), last - first))
    if found.values is not None and found.values.shape[1]:
        begin = found.start * rate - first
        at = (np.arange(last - first) - begin) * found.rate / rate
        inside = (at > -0.5) & (at < found.values.shape[1] - 0.5)
        column = np.clip(np.round(at[inside]), 0, found.values.shape[1] - 1).astype(np.int64)
        top = float(np.nanmax(np.abs(found.values), initial=0)) or 1.0
        for row, name in enumerate(leads):
            if name in found.leads:
                source = found.values[found.leads.index(name)]
                made[row, inside] = source[column] / top
        return made
    top = max((abs(v) for v in found.numbers.values()), default=0.0) or 1.0
    for s in found.stretches:
        if s.name not in found.numbers:
            continue
        a, b = (round(t * rate) - first for t in (s.onset, s.offset))
        row_of = slice(None) if s.lead is None else [k for k, n in enumerate(leads) if n == s.lead]
        made[row_of, max(a, 0) : max(b, 0)] = found.numbers[s.name] / top
    return made


def bars(found: Attribution) -> str:
    """Return the numbers as bars with sign, the largest first, as one SVG element; "" for none."""
    shown = ranked(found.numbers)
    if not shown:
        return ""
    low, high = min(0.0, *(v for _, v in shown)), max(0.0, *(v for _, v in shown))
    negative = low < 0
    # Each side has as much of the width as its largest number needs.
    scale = _BAR / ((high - low) or 1.0)
    room = 100 if negative else 0
    zero = _NAME + room + round(-low * scale)
    width, head = _NAME + room + _BAR + 130, 104
    out = []
    words = UNIT_WORDS[found.unit]
    out.append(svg_text(0, 34, f"What speaks for {found.target}", kind="head", size=32,
                        weight="700"))  # fmt: skip
    out.append(svg_text(0, 72, f"{words}; right: for, left: against" if negative else words,
                        kind="unit", size=26, colour=MUTED))  # fmt: skip
    for k, (name, value) in enumerate(shown):
        y = head + k * _ROW
        long = round(abs(value) * scale)
        left = zero if value >= 0 else zero - long
        colour = FOR if value > 0 else AGAINST if value < 0 else MUTED
        out.append(svg_text(_NAME - 20, y + 24, name if len(name) < 21 else f"{name[:19]}\u2026",
                            kind="name", size=28, anchor="end"))  # fmt: skip
        out.append(f'<rect x="{left}" y="{y}" width="{max(long, 1)}" height="{_ROW - 14}" '
                   f'fill="{colour}"/>')  # fmt: skip
        out.append(svg_text(zero + long + 10 if value >= 0 else zero - long - 10, y + 24,
                            signed(value), kind="number", size=28,
                            anchor="start" if value >= 0 else "end", colour=colour))  # fmt: skip
    bottom = head + len(shown) * _ROW
    out.append(f'<path d="M{zero} {head - 8}V{bottom}" fill="none" stroke="{TRACE}" '
               f'stroke-width="2"/>')  # fmt: skip
    said = "; ".join(f"{name} {signed(value)}" for name, value in shown)
    opened = svg_open(width, bottom + 10, f"What speaks for {found.target}", said)
    return opened.replace('class="ecg"', 'class="bars"', 1) + "".join(out) + "</svg>"


def ranked(numbers: Mapping[str, float], most: int = MOST) -> list[tuple[str, float]]:
    """Return the largest numbers, sign kept; what is left out is added up in the last row."""
    order = sorted(numbers.items(), key=lambda item: -abs(item[1]))
    if len(order) <= most:
        return order
    rest = order[most - 1 :]
    return [*order[: most - 1], (f"{len(rest)} others", sum(v for _, v in rest))]


def save(path: Path, picture: str) -> Path:
    """Write a picture as SVG or, by the ending, as PNG at 200 dots an inch.

    Raises
    ------
    UsageError : matplotlib is not installed, which PNG needs.
    OSError : it cannot be written.
    """
    if path.suffix == ".svg":
        return write_text(path, picture)
    ready(path)
    with beside(path) as temporary:
        to_png(picture, temporary)
    return path


def _leads(source: Source, found: Attribution) -> tuple[str, ...]:
    """Return the leads to be drawn: those of the map, else of the stretches, else the speaker."""
    asked = set(found.leads) or {s.lead for s in found.stretches if s.lead}
    there = [name for name in source.leads if name in asked]
    if len(there) >= _MANY:
        order = [name for name in STANDARD if name in source.leads]
        return tuple(order if len(order) >= _MANY else there)
    return tuple(there or [source.leads[one_lead(source.leads)]])


def _explained(found: Attribution) -> tuple[float, float]:
    """Return seconds of the begin and end of all that is explained."""
    times = [t for s in found.stretches for t in (s.onset, s.offset)]
    if found.values is not None and found.values.shape[1]:
        times += [found.start, found.start + found.values.shape[1] / found.rate]
    return (min(times), max(times)) if times else (0.0, SHEET_SECONDS)


def _span(source: Source, begin: float, end: float, least: float) -> tuple[int, int]:
    """Return the samples [first, last) to be drawn: all that is explained, `least` s at least."""
    if end - begin < least:
        middle = (begin + end) / 2
        begin, end = middle - least / 2, middle + least / 2
    # Whole fifths of a second, so that the paper ends with a strong line.
    size = min(round(np.ceil((end - begin) * 5 - 1e-6) / 5 * source.rate), source.samples)
    first = max(0, min(round(begin * source.rate), source.samples - size))
    return first, first + size


def _largest(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the longest stretch of each name; none where the names come again and again."""
    longest: dict[str, Stretch] = {}
    for s in stretches:
        other = longest.get(s.name)
        if other is None or s.offset - s.onset > other.offset - other.onset:
            longest[s.name] = s
    return list(longest.values()) if len(stretches) <= 2 * len(longest) else []


def _title(found: Attribution) -> str:
    return f"{found.record}, {found.what}: what speaks for {found.target}"


def _said(found: Attribution) -> str:
    numbers = "; ".join(f"{k} {signed(v)}" for k, v in ranked(found.numbers))
    return f"{found.method} on {found.model}. {numbers}".strip()


def _size(picture: str) -> tuple[int, int]:
    width, height = picture.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split()
    return int(width), int(height)


def _inner(picture: str) -> str:
    return picture.split(">", 1)[1].rsplit("</svg>", 1)[0]
