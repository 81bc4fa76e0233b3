"""ROC curves, confusion matrices and accuracy against size of ``mitdb.json``, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Row = Mapping[str, Any]
_Box = tuple[float, float, float, float]  # left, top, right, bottom
_Point = tuple[str, float, Row, str]  # name, place, figure, colour

_INK, _MUTED, _GREY = "#222222", "#666666", "#cccccc"
# Told apart by most eyes; a second round of them is dashed.
_COLOURS = (
    "#1f5fa8", "#b5651d", "#2a7f4f", "#8e3a8a", "#c0392b", "#5a5a5a", "#0f8b8d", "#a88400",
)  # fmt: skip
_DASH = ("", "6 3")
_WIDE = 840


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    top = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title, quote=True)}" font-family="sans-serif" font-size="12" '
        f'fill="{_INK}"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    )
    return "\n".join([top, *parts, "</svg>"]) + "\n"


def _text(
    x: float, y: float, words: str, *, fill: str = _INK, anchor: str = "start", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" '
        f'font-size="{size}">{escape(words)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = _GREY) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
        'stroke-width="0.7"/>'
    )


def _look(index: int) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    dash = _DASH[index // len(_COLOURS) % len(_DASH)]
    return f'stroke="{colour}" fill="none" stroke-width="1.6"' + (
        f' stroke-dasharray="{dash}"' if dash else ""
    )


def roc_svg(systems: Sequence[Row], classes: Sequence[str], title: str) -> str:
    """Return a panel a class with the curve of every system's first seed; the key gives its areas.

    The false positive rate is drawn on a cube-root scale, for the use is at the left end.

    Parameters
    ----------
    systems : rows of a table with ``roc``.
    classes : which panels.
    title : what is said above.
    """
    side, gap, left, top = 210, 56, 46, 44
    chosen = [s for s in systems if _curves(s)]
    width = left + len(classes) * (side + gap)
    key = top + side + 56
    parts = [_text(left, 20, title, size=14)]
    for column, name in enumerate(classes):
        x0, y0 = left + column * (side + gap), top
        parts.append(
            f'<rect x="{x0}" y="{y0}" width="{side}" height="{side}" fill="none" stroke="{_GREY}"/>'
        )
        parts.append(_text(x0 + side / 2, y0 - 6, f"class {name}", anchor="middle"))
        for share in (0.01, 0.1, 0.5, 1.0):
            x = x0 + side * share ** (1 / 3)
            parts.append(_line(x, y0, x, y0 + side))
            parts.append(_text(x, y0 + side + 14, f"{share:g}", anchor="middle", size=10))
        for share in (0.0, 0.5, 1.0):
            y = y0 + side * (1 - share)
            parts.append(_line(x0, y, x0 + side, y))
            parts.append(_text(x0 - 4, y + 4, f"{share:g}", anchor="end", size=10))
        words = "true against false positive rate"
        parts.append(_text(x0 + side / 2, y0 + side + 30, words, anchor="middle", size=10))
        for index, system in enumerate(chosen):
            curve = _curves(system).get(name)
            if curve:
                points = " ".join(
                    f"{x0 + side * f ** (1 / 3):.1f},{y0 + side * (1 - t):.1f}"
                    for f, t in zip(curve["false"], curve["true"], strict=True)
                )
                parts.append(f'<polyline points="{points}" {_look(index)}/>')
    for index, system in enumerate(chosen):
        y = key + 17 * index
        areas = ", ".join(
            f"{c} {_curves(system)[c]['seeds'][0]:.3f}" for c in classes if c in _curves(system)
        )
        parts.append(f'<path d="M{left} {y - 4}h28" {_look(index)}/>')
        parts.append(_text(left + 36, y, f"{system['name']}: area {areas}"))
    return _svg(width, key + 17 * len(chosen) + 6, title, parts)


def _curves(system: Row) -> dict[str, Any]:
    found = system.get("roc", {}).get("classes", {})
    return {c: one for c, one in found.items() if "false" in one}


def confusion_svg(systems: Sequence[Row], classes: Sequence[str], title: str) -> str:
    """Return a matrix a system: rows what a beat is, in shares of the row; columns what was said.

    Parameters
    ----------
    systems : rows of a table with ``runs``; the seeds are added up.
    classes : of the matrices.
    title : what is said above.
    """
    cell, across = 34, 4
    box = cell * len(classes)
    wide, tall = box + 66, box + 70
    lines = math.ceil(len(systems) / across)
    parts = [
        _text(12, 20, title, size=14),
        _text(12, 38, "row: what a beat is; column: what was said", fill=_MUTED),
    ]
    for index, system in enumerate(systems):
        x0, y0 = 40 + (index % across) * wide, 84 + (index // across) * tall
        matrix = [
            [sum(r["confusion"][i][j] for r in system["runs"]) for j in range(len(classes))]
            for i in range(len(classes))
        ]
        parts.append(_text(x0, y0 - 22, system["name"]))
        for i, row in enumerate(matrix):
            parts.append(_text(x0 - 6, y0 + cell * (i + 0.62), classes[i], anchor="end"))
            parts.append(_text(x0 + cell * (i + 0.5), y0 - 5, classes[i], anchor="middle"))
            total = sum(row)
            for j, count in enumerate(row):
                share = count / total if total else 0.0
                parts.append(
                    f'<rect x="{x0 + j * cell}" y="{y0 + i * cell}" width="{cell}" '
                    f'height="{cell}" stroke="{_GREY}" stroke-width="0.5" '
                    f'fill="{"#1f5fa8" if i == j else "#b5651d"}" fill-opacity="{share:.3f}"/>'
                )
                shade = "#ffffff" if share > 0.55 else _INK
                words = f"{100 * share:.1f}" if total else "-"
                parts.append(
                    _text(
                        x0 + (j + 0.5) * cell, y0 + (i + 0.62) * cell, words, anchor="middle",
                        size=10, fill=shade,
                    )
                )  # fmt: skip
    return _svg(40 + across * wide, 84 + lines * tall - 26, title, parts)


def size_svg(systems: Sequence[Row], figures: Mapping[str, str], title: str) -> str:
    """Return a panel a figure (mean of the seeds, bar: over patients) against bytes, in logs.

    Parameters
    ----------
    systems : rows of a table with ``cost``.
    figures : which of ``figures``, and in words, e.g. ``{"macro_f1": "macro F1"}``.
    title : what is said above.
    """
    left, top, tall = 56, 40, 270
    chosen = [s for s in systems if s.get("cost")]
    sizes = [s["cost"]["bytes"] for s in chosen] or [1000]
    low, high = math.log10(min(sizes)) - 0.15, math.log10(max(sizes)) + 0.15

    def across(size: float) -> float:
        return left + (_WIDE - left) * (math.log10(size) - low) / (high - low)

    parts = [_text(left, 20, title, size=14)]
    for index, (figure, words) in enumerate(figures.items()):
        y0 = top + index * (tall + 46)
        for power in range(math.floor(low), math.ceil(high) + 1):
            for size in (digit * 10.0**power for digit in (1, 2, 5)):
                x = across(size)
                if left <= x <= _WIDE:
                    parts.append(_line(x, y0 + 18, x, y0 + tall))
                    told = f"{size / 1000:g} kB"
                    parts.append(_text(x, y0 + tall + 16, told, anchor="middle", size=10))
        parts.append(_text(left, y0 + 10, words))
        points = [
            (s["name"], across(s["cost"]["bytes"]), s["figures"][figure], _COLOURS[i % 8])
            for i, s in enumerate(chosen) if s["figures"][figure]["mean"] is not None
        ]  # fmt: skip
        parts += _panel(points, (left, y0 + 18, y0 + tall))
    return _svg(_WIDE + 16, top + len(figures) * (tall + 46) - 16, title, parts)


def _panel(points: Sequence[_Point], frame: tuple[float, float, float]) -> list[str]:
    """Return one panel of `size_svg`; `frame` is its left, top and bottom."""
    left, top, bottom = frame
    ends = [e for _, _, entry, _ in points for e in (*entry["over_patients"], entry["mean"])]
    span = 1 - min([0.99, *(e for e in ends if e is not None)])
    step = next(s for s in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if span <= 6 * s)
    lines = math.ceil(span / step - 1e-9)

    def up(value: float) -> float:
        return float(top + (bottom - top) * (1 - value) / (lines * step))

    parts: list[str] = []
    names: list[str] = []  # drawn last, over the lines that lead to them
    bars: list[_Box] = []
    taken: list[_Box] = []
    for k in range(lines + 1):
        value = 1 - k * step
        parts.append(_line(left, up(value), _WIDE, up(value)))
        digits = 3 if step < 0.01 else 2
        told = f"{value:.{digits}f}"
        parts.append(_text(left - 6, up(value) + 4, told, anchor="end", size=10))
    for _, x, entry, colour in points:
        y = up(entry["mean"])
        if None not in entry["over_patients"]:
            y1, y2 = (up(e) for e in entry["over_patients"])
            bars.append((x - 1, y2, x + 1, y1))
            parts.append(_line(x, y1, x, y2, colour))
        taken.append((x - 5, y - 5, x + 5, y + 5))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    for name, x, entry, colour in points:
        y, wide = up(entry["mean"]), 6.6 * len(name)
        box = _free(x, y, wide, (left, top, _WIDE, bottom), taken, bars)
        taken.append(box)
        near = box[0] if box[0] > x else box[2]
        if math.hypot(near - x, box[3] - 4 - y) > 14:
            parts.append(_line(x, y, near, box[3] - 4, colour))
        # The width is said, so that the name fits its place in any font.
        names.append(
            f'<text x="{box[0] + 1:.1f}" y="{box[3] - 1:.1f}" fill="{colour}" font-size="11" '
            'stroke="#ffffff" stroke-width="3" paint-order="stroke" '
            f'textLength="{wide - 2:.1f}">{escape(name)}</text>'
        )
    return parts + names


def _free(
    x: float, y: float, wide: float, frame: _Box, taken: Sequence[_Box], bars: Sequence[_Box]
) -> _Box:
    """Return where a name may stand: over no dot and no name, over few bars, near its dot."""

    def cost(box: _Box) -> float:
        away = math.hypot(max(box[0] - x, x - box[2]), box[3] - 4 - y)
        return away + 14 * sum(_meet(box, bar) for bar in bars)

    found = []
    for lift in range(-240, 241, 4):
        for shift in range(8, 130, 12):
            for start in (x + shift, x - shift - wide):
                box = (start, y + lift - 8, start + wide, y + lift + 5)
                inside = frame[0] <= box[0] and box[2] <= frame[2]
                inside = inside and frame[1] <= box[1] and box[3] <= frame[3]
                if inside and not any(_meet(box, other) for other in taken):
                    found.append(box)
    return min(found, key=cost, default=(x + 8, y - 8, x + 8 + wide, y + 5))


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
