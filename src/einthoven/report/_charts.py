"""The report's charts, as SVG: heart rate, beat classes and quality over time; RR intervals.

Charts that run over time are all of one width and share the place of time zero, so that they stand
in line below each other. Units are tenths of a millimetre, as on the ECG paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

import numpy as np
import numpy.typing as npt

from einthoven.engine.findings import Findings
from einthoven.report._classes import colour, counts, sign, spoken, where_class
from einthoven.report._intervals import Intervals, Trend, bad_spans
from einthoven.signal.paper import clock

WIDTH, LEFT, RIGHT = 1850, 130, 1836
INK, MUTED, LINE, FAINT = "#1b1b1b", "#555555", "#c9c9c9", "#ececec"
ACCENT, BAND, BAD = "#1f3a5f", "#c5d3e6", "#8a8a8a"

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
          86400, 172800, 604800)  # fmt: skip
_SPANS = 60  # noisy spans up to which each is drawn
_FEW = 120  # beats of a class up to which each gets a sign of its own


def text(x: float, y: float, words: str, *, kind: str = "", size: int = 28,
         anchor: str = "start", fill: str = INK, weight: str = "400") -> str:  # fmt: skip
    """Return an SVG text."""
    return (
        f'<text class="{kind}" x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{fill}" font-weight="{weight}">{escape(words)}</text>'
    )


def frame(kind: str, width: int, height: int, title: str, description: str, body: str) -> str:
    """Return an SVG element that says what it shows to those who cannot see it."""
    return (
        f'<svg class="{kind}" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{escape(f"{title}. {description}", quote=True)}" width="{width / 10:g}mm" '
        f'height="{height / 10:g}mm" viewBox="0 0 {width} {height}" '
        f'font-family="Helvetica, Arial, sans-serif"><title>{escape(title)}</title>'
        f"<desc>{escape(description)}</desc>{body}</svg>"
    )


def _across(seconds: float, total: float) -> float:
    return LEFT + (RIGHT - LEFT) * seconds / total if total else LEFT


def time_axis(total: float, y: int, top: int, start: datetime | None) -> str:
    """Return ticks at round times, with time since the start and the clock below."""
    step = next((s for s in _STEPS if total / s <= 7), _STEPS[-1])
    out = [f'<path d="M{LEFT} {y}H{RIGHT}" stroke="{MUTED}" stroke-width="2"/>']
    for k in range(int(total // step) + 1):
        x = _across(k * step, total)
        out.append(
            f'<path d="M{x:.0f} {top}V{y}" stroke="{FAINT}" stroke-width="2"/>'
            f'<path d="M{x:.0f} {y}v10" stroke="{MUTED}" stroke-width="2"/>'
        )
        anchor = "end" if x > RIGHT - 60 else "middle" if k else "start"
        kind = "tick" if k % 2 == 0 else "tick odd"
        out.append(text(x, y + 48, clock(k * step), kind=kind, anchor=anchor, fill=MUTED))
        if start is not None:
            at = (start + timedelta(seconds=k * step)).strftime("%H:%M:%S")
            out.append(text(x, y + 80, at, kind=f"{kind} day", size=24, anchor=anchor,
                            fill=MUTED))  # fmt: skip
    return "".join(out)


def rate_chart(findings: Findings, trend: Trend) -> str:
    """Return heart rate over time: the median of each bin, and where four fifths of it lie."""
    top, bottom = 40, 500
    height = bottom + (90 if findings.start else 62)
    there = np.isfinite(trend.middle)
    if not there.any():
        note = "No stretch of the recording allows a heart rate to be given."
        return frame("wide", WIDTH, 120, "Heart rate over time", note, text(LEFT, 70, note))
    low = max(0, 20 * int(np.nanmin(trend.low) // 20))
    high = max(low + 60, 20 * int(np.ceil(np.nanmax(trend.high) / 20 + 0.01)))
    step = next(s for s in (20, 40, 60, 100, 1000) if (high - low) / s <= 6)

    def up(rate: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
        return np.asarray(bottom - (bottom - top) * (np.asarray(rate) - low) / (high - low))

    out = [time_axis(findings.seconds, bottom, top, findings.start)]
    for rate in range(low, high + 1, step):
        y = float(up(rate))
        out.append(f'<path d="M{LEFT} {y:.0f}H{RIGHT}" stroke="{FAINT}" stroke-width="2"/>')
        out.append(text(LEFT - 14, y + 10, str(rate), kind="tick", anchor="end", fill=MUTED))
    x = np.array([_across(s, findings.seconds) for s in trend.seconds])
    edges = np.flatnonzero(np.diff(np.concatenate(([0], there.astype(np.int8), [0]))))
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        xs, mid = x[a:b], up(trend.middle[a:b])
        upper, lower = up(trend.high[a:b]), up(trend.low[a:b])
        if b - a == 1:
            out.append(
                f'<path d="M{xs[0]:.0f} {upper[0]:.0f}V{lower[0]:.0f}" stroke="{BAND}" '
                f'stroke-width="10"/><circle cx="{xs[0]:.0f}" cy="{mid[0]:.0f}" r="6" '
                f'fill="{ACCENT}"/>'
            )
            continue
        around = [*zip(xs, upper, strict=True), *zip(xs[::-1], lower[::-1], strict=True)]
        out.append(f'<path d="M{_points(around)}z" fill="{BAND}"/>')
        out.append(
            f'<path d="M{_points(list(zip(xs, mid, strict=True)))}" fill="none" '
            f'stroke="{ACCENT}" stroke-width="5" stroke-linejoin="round"/>'
        )
    out.append(text(LEFT, 26, "beats a minute", kind="unit", fill=MUTED))
    said = (
        f"Median {np.nanmedian(trend.middle):.0f} a minute; "
        f"lowest bin {np.nanmin(trend.middle):.0f}, highest {np.nanmax(trend.middle):.0f}."
    )
    return frame("wide", WIDTH, height, "Heart rate over time", said, "".join(out))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.0f} {y:.0f}" for x, y in points)


def class_chart(findings: Findings) -> str:
    """Return a lane for each class and one for quality: signs of single beats, or counts."""
    beats, total = findings.marks, findings.seconds
    doubt = beats.uncertain
    table = counts(beats)
    lane, head = 122, 58
    out, lanes = [], []
    y = 0
    for name, (count, _) in table.items():
        base = y + lane
        mine = where_class(beats, name)
        at = beats.samples[mine] / findings.rate
        out.append(
            f'<path transform="translate(18 {y + 30})" d="{sign(name)}" fill="{colour(name)}"/>'
        )
        if count <= _FEW:
            words, drawn = "", _signs(at, doubt[mine], total, base - 30, name)
        else:
            words, drawn = _bars(at, total, base, lane - head, name)
        title = f"{name}  {spoken(name)} \u00b7 {count:,}{words}"
        out += [text(40, y + 40, title, kind="lane", size=28, weight="700"), drawn]
        out.append(f'<path d="M{LEFT} {base}H{RIGHT}" stroke="{LINE}" stroke-width="2"/>')
        lanes.append(f"{name} {count}")
        y = base + 14
    starts, ends = bad_spans(findings)
    out.append(text(40, y + 40, _quality_words(len(starts)), kind="lane", weight="700"))
    out.append(_quality(findings, starts, ends, y + head + 6, 34))
    y += head + 56
    axis = time_axis(total, y, 0, findings.start)
    height = y + (90 if findings.start else 62)
    said = "Beats by class: " + (", ".join(lanes) or "none") + f". Too noisy: {len(starts)} spans."
    return frame(
        "wide", WIDTH, height, "Beat classes and quality over time", said, axis + "".join(out)
    )


def _quality_words(spans: int) -> str:
    return "Signal quality" if spans <= _SPANS else "Signal quality \u00b7 grey: share too noisy"


def _signs(at: npt.NDArray[np.float64], doubt: npt.NDArray[np.bool_], total: float, y: float,
           name: str) -> str:  # fmt: skip
    """Return a sign a beat, hollow where it is uncertain."""
    out = []
    for keep, look in ((doubt, 'fill="#fff" stroke-width="3"'), (~doubt, f'fill="{colour(name)}"')):
        marks = "".join(
            f'<path transform="translate({_across(s, total):.0f} {y:.0f})" d="{sign(name)}"/>'
            for s in at[keep].tolist()
        )
        out.append(f'<g {look} stroke="{colour(name)}">{marks}</g>' if marks else "")
    return "".join(out)


def _bars(at: npt.NDArray[np.float64], total: float, base: int, tall: int,
          name: str) -> tuple[str, str]:  # fmt: skip
    """Return words on the tallest bar, and the bars: beats a bin, tallest at full height."""
    bins = int(np.clip(total // 5, 60, 427))
    number = np.bincount(
        np.clip(at / total * bins, 0, bins - 1).astype(np.int64), minlength=bins
    )  # fmt: skip
    most = int(number.max(initial=1))
    wide = (RIGHT - LEFT) / bins
    path = []
    for k in np.flatnonzero(number).tolist():
        h = max(6, round(tall * number[k] / most))
        path.append(f"M{LEFT + k * wide:.0f} {base}v-{h}h{max(3, wide):.0f}v{h}z")
    words = f" \u00b7 at most {most} in {_span(total / bins)}"
    return words, f'<path d="{"".join(path)}" fill="{colour(name)}"/>'


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _quality(findings: Findings, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64],
             y: int, tall: int) -> str:  # fmt: skip
    """Return the quality lane: a thin line where good, a hatched block where not."""
    quality = findings.quality
    if not len(quality.starts):
        return text(LEFT, y + 28, "not judged", kind="gone", fill=MUTED)
    total = findings.samples
    first, last = int(quality.starts.min()), int(quality.ends.max())
    x0, x1 = (round(_across(s, total)) for s in (first, last))
    out = [f'<path d="M{x0} {y + tall / 2:g}H{x1}" stroke="{ACCENT}" stroke-width="7"/>']
    if len(starts) > _SPANS:
        return _noisy_share(starts, ends, total, y, tall)
    # Spans that fall on the same tenths of a millimetre are one.
    drawn: list[tuple[int, int]] = []
    right = -1
    for a, b in zip(starts.tolist(), ends.tolist(), strict=True):
        left, stop = round(_across(a, total)), max(round(_across(b, total)), right, 0)
        stop = max(stop, left + 4)
        if drawn and left <= right:
            drawn[-1] = (drawn[-1][0], stop)
        else:
            drawn.append((left, stop))
        right = stop
    for left, stop in drawn:
        out.append(
            f'<rect x="{left}" y="{y}" width="{stop - left}" height="{tall}" fill="#fff" '
            f'stroke="{BAD}" stroke-width="2"/>'
        )
        lines = "".join(f"M{x} {y + tall}l{min(12, stop - x)}-{tall}" for x in
                        range(left + 2, stop - 6, 12))  # fmt: skip
        solid = f'<rect x="{left}" y="{y}" width="{stop - left}" height="{tall}" fill="{BAD}"/>'
        out.append(
            f'<path d="{lines}" stroke="{BAD}" stroke-width="3" fill="none"/>' if lines else solid
        )
    return "".join(out)


def _noisy_share(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], total: int,
                 y: int, tall: int) -> str:  # fmt: skip
    """Return a bar a bin, as tall as the share of it that is too noisy."""
    edges = np.linspace(0, total, 285)
    # Noise before each edge: whole spans that have ended, and the part of one that has begun.
    length = np.concatenate(([0], np.cumsum(ends - starts)))
    begun = np.searchsorted(starts, edges, side="right")
    last = np.maximum(begun - 1, 0)
    past = length[begun] - np.where(begun > 0, np.maximum(ends[last] - edges, 0), 0)
    share = np.diff(past) / np.diff(edges)
    wide = (RIGHT - LEFT) / len(share)
    path = "".join(
        f"M{LEFT + k * wide:.0f} {y + tall}v-{max(1, round(tall * share[k]))}h{wide:.0f}"
        f"V{y + tall}z"
        for k in np.flatnonzero(share > 0).tolist()
    )
    return (
        f'<path d="M{LEFT} {y}H{RIGHT}" stroke="{FAINT}" stroke-width="2"/>'
        f'<path d="{path}" fill="{BAD}"/>'
        f'<path d="M{LEFT} {y + tall}H{RIGHT}" stroke="{ACCENT}" stroke-width="3"/>'
    )


def rr_histogram(rr: Intervals) -> str:
    """Return how often each RR interval occurs, in steps of 20 ms; ectopics in their own tone."""
    values = rr.seconds[rr.joined] * 1000
    title = "RR intervals"
    if values.size < 3:
        note = "Too few intervals for a histogram."
        return frame("half", 900, 120, title, note, text(20, 70, note))
    low, high = _limits(values)
    edges = np.arange(low, high + 20, 20)
    inside = np.clip(values, low, high)
    all_, _ = np.histogram(inside, edges)
    normal, _ = np.histogram(np.clip(rr.seconds[rr.normal] * 1000, low, high), edges)
    left, right, top, bottom = 96, 884, 50, 520
    most = int(all_.max())
    wide = (right - left) / len(all_)
    out = []
    step = _nice(most / 4)
    for count in range(0, most + 1, step):
        y = bottom - (bottom - top) * count / most
        out.append(f'<path d="M{left} {y:.0f}H{right}" stroke="{FAINT}" stroke-width="2"/>')
        out.append(text(left - 10, y + 10, f"{count:,}", kind="tick", anchor="end", size=26,
                        fill=MUTED))  # fmt: skip
    for number, fill in ((all_, "#b34700"), (normal, ACCENT)):
        path = "".join(
            f"M{left + k * wide:.0f} {bottom}v-{(bottom - top) * number[k] / most:.0f}"
            f"h{max(wide - 1, 2):.0f}V{bottom}z"
            for k in np.flatnonzero(number).tolist()
        )
        out.append(f'<path d="{path}" fill="{fill}"/>')
    out += _ms_axis(low, high, left, right, bottom)
    out.append(text(left, 28, "intervals", kind="unit", size=26, fill=MUTED))
    said = (
        f"{values.size:,} intervals; median {np.median(values):.0f} ms, "
        f"middle half {np.percentile(values, 25):.0f} to {np.percentile(values, 75):.0f} ms."
    )
    return frame("half", 900, 620, title, said, "".join(out))


def _limits(values: npt.NDArray[np.float64]) -> tuple[int, int]:
    low, high = np.percentile(values, (0.5, 99.5))
    low, high = 100 * int(low // 100), 100 * int(np.ceil((high + 1) / 100))
    return (low, high) if high - low >= 400 else (max(0, low - 200), high + 200)


def _nice(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, ... that is at least that."""
    power = 10 ** max(0, int(np.floor(np.log10(max(least, 1)))))
    return next(int(power * k) for k in (1, 2, 5, 10) if power * k >= least)


def _ms_axis(low: int, high: int, left: int, right: int, y: int) -> list[str]:
    out = [f'<path d="M{left} {y}H{right}" stroke="{MUTED}" stroke-width="2"/>']
    step = next(s for s in (100, 200, 400, 500, 1000, 2000) if (high - low) / s <= 6)
    for ms in range(-(-low // step) * step, high + 1, step):
        x = left + (right - left) * (ms - low) / (high - low)
        out.append(f'<path d="M{x:.0f} {y}v10" stroke="{MUTED}" stroke-width="2"/>')
        anchor = "end" if x > right - 30 else "middle"
        out.append(text(x, y + 40, str(ms), kind="tick", size=26, anchor=anchor, fill=MUTED))
    out.append(text(right, y + 78, "RR, ms", kind="unit", size=26, anchor="end", fill=MUTED))
    return out


def poincare(rr: Intervals) -> str:
    """Return each RR interval against the next, in cells of 20 ms; many a cell, darker."""
    pair = rr.joined[1:] & rr.joined[:-1]
    title = "Each RR interval against the next"
    if int(pair.sum()) < 3:
        note = "Too few intervals in a row."
        return frame("half", 900, 120, title, note, text(20, 70, note))
    ms = rr.seconds * 1000
    low, high = _limits(ms[rr.joined])
    plain = pair & rr.normal[1:] & rr.normal[:-1]
    left, right, top, bottom = 96, 884, 50, 520
    cells = (high - low) // 20
    w, h = (right - left) / cells, (bottom - top) / cells
    out = []
    for keep, fill in ((pair & ~plain, "#b34700"), (plain, ACCENT)):
        x = np.clip((ms[:-1][keep] - low) // 20, 0, cells - 1).astype(np.int64)
        y = np.clip((ms[1:][keep] - low) // 20, 0, cells - 1).astype(np.int64)
        place, number = np.unique(x * cells + y, return_counts=True)
        level = np.clip(np.log2(number).astype(np.int64), 0, 3)
        for strength, opacity in enumerate((0.4, 0.6, 0.8, 1.0)):
            path = "".join(
                f"M{left + (p // cells) * w:.0f} {bottom - (p % cells) * h:.0f}"
                f"h{max(w, 5):.0f}v-{max(h, 5):.0f}h-{max(w, 5):.0f}z"
                for p in place[level == strength].tolist()
            )
            if path:
                out.append(f'<path d="{path}" fill="{fill}" fill-opacity="{opacity}"/>')
    grid = [f'<path d="M{left} {bottom}L{right} {top}" stroke="{LINE}" stroke-width="3"/>']
    step = next(s for s in (100, 200, 400, 500, 1000, 2000) if (high - low) / s <= 6)
    for value in range(-(-low // step) * step, high + 1, step):
        y_at = bottom - (bottom - top) * (value - low) / (high - low)
        grid.append(f'<path d="M{left} {y_at:.0f}H{right}" stroke="{FAINT}" stroke-width="2"/>')
        grid.append(text(left - 10, y_at + 10, str(value), kind="tick", size=26, anchor="end",
                         fill=MUTED))  # fmt: skip
    grid += _ms_axis(low, high, left, right, bottom)
    grid.append(text(left, 28, "next RR, ms", kind="unit", size=26, fill=MUTED))
    said = f"{int(pair.sum()):,} pairs; on the line where an interval equals the next."
    return frame("half", 900, 620, title, said, "".join([*grid, *out]))
