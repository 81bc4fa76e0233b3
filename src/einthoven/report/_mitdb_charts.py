"""ROC curves, confusion matrices and accuracy against size of ``mitdb.json``, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Row = Mapping[str, Any]

_INK, _MUTED, _GREY = "#222222", "#666666", "#cccccc"
# Told apart by most eyes; a second round of them is dashed.
_COLOURS = (
    "#1f5fa8", "#b5651d", "#2a7f4f", "#8e3a8a", "#c0392b", "#5a5a5a", "#0f8b8d", "#a88400",
)  # fmt: skip
_DASH = ("", "6 3")


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
        for share in (0.001, 0.01, 0.1, 0.5, 1.0):
            x = x0 + side * share ** (1 / 3)
            parts.append(_line(x, y0, x, y0 + side))
            parts.append(_text(x, y0 + side + 14, f"{share:g}", anchor="middle", size=10))
        for share in (0.0, 0.5, 1.0):
            y = y0 + side * (1 - share)
            parts.append(_line(x0, y, x0 + side, y))
            parts.append(_text(x0 - 4, y + 4, f"{share:g}", anchor="end", size=10))
        parts.append(
            _text(x0 + side / 2, y0 + side + 30, "false positive rate", anchor="middle", size=10)
        )
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
    parts = [_text(12, 20, title, size=14)]
    for index, system in enumerate(systems):
        x0, y0 = 40 + (index % across) * wide, 64 + (index // across) * tall
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
    return _svg(40 + across * wide, 64 + lines * tall, title, parts)


def size_svg(systems: Sequence[Row], figure: str, title: str) -> str:
    """Return a figure (mean of the seeds, bar: over patients) against bytes of the ONNX, in logs.

    Parameters
    ----------
    systems : rows of a table with ``cost``.
    figure : of ``figures``, e.g. ``macro_f1``.
    title : what is said above.
    """
    chosen = [s for s in systems if s.get("cost") and s["figures"][figure]["mean"] is not None]
    left, right, top, bottom = 56, 620, 40, 360
    sizes = [s["cost"]["bytes"] for s in chosen] or [1000]
    low, high = math.log10(min(sizes)) - 0.15, math.log10(max(sizes)) + 0.45
    ends = [e for s in chosen for e in s["figures"][figure]["over_patients"] if e is not None]
    floor = math.floor(10 * min([0.9, *ends, *(s["figures"][figure]["mean"] for s in chosen)])) / 10

    def place(size: float, value: float) -> tuple[float, float]:
        x = left + (right - left) * (math.log10(size) - low) / (high - low)
        return x, bottom - (bottom - top) * (value - floor) / (1 - floor)

    parts = [_text(left, 20, title, size=14)]
    for tenth in range(round(10 * floor), 11):
        _, y = place(10**low, tenth / 10)
        parts += [
            _line(left, y, right, y),
            _text(left - 6, y + 4, f"{tenth / 10:.1f}", anchor="end", size=10),
        ]
    for power in range(math.floor(low), math.ceil(high) + 1):
        for digit in (1, 2, 5):
            size = digit * 10.0**power
            if low <= math.log10(size) <= high:
                x, _ = place(size, 1)
                parts += [
                    _line(x, top, x, bottom),
                    _text(x, bottom + 16, f"{size / 1000:g} kB", anchor="middle", size=10),
                ]
    taken: list[tuple[float, float, float]] = []
    for index, system in enumerate(chosen):
        entry = system["figures"][figure]
        x, y = place(system["cost"]["bytes"], entry["mean"])
        colour = _COLOURS[index % len(_COLOURS)]
        if None not in entry["over_patients"]:
            _, y1 = place(1, entry["over_patients"][0])
            _, y2 = place(1, entry["over_patients"][1])
            parts.append(_line(x, y1, x, y2, colour))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        # A name makes way, up or down, for those that stand in its place already.
        start, stop = x + 7, x + 11 + 6 * len(system["name"])
        at = next(
            y + 4 + lift
            for lift in sorted(range(-400, 401), key=abs)
            if not any(start < b and a < stop and abs(y + 4 + lift - c) < 12 for a, b, c in taken)
        )
        taken.append((start, stop, at))
        parts.append(_text(start, at, system["name"], fill=colour, size=11))
    return _svg(720, bottom + 30, title, parts)
