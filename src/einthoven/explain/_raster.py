"""Our own pictures as PNG: the SVG that the other modules draw, through matplotlib.

Only what those pictures hold is understood: groups that are moved, rectangles, text, and paths of
M, L, H, V and Z. So PNG and SVG are one picture, and neither can part from the other.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from einthoven.record.errors import UsageError
from einthoven.signal.paper import UNIT

_INCH = 25.4 * UNIT  # user units
_POINT = 72 / _INCH  # points a user unit
_DOTS = 200
_WORD = re.compile(r"[MLHVZmlhvz]|-?\d*\.?\d+")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "Z": 0}
# What XML cannot hold, in names of records and leads.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def ready(path: Path) -> None:
    """Check that a PNG can be made.

    Raises
    ------
    UsageError : matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise UsageError(
            path, "is a picture of dots, which needs matplotlib, which is not installed",
            "pip install 'einthoven[plot]', or write .svg or .html",
        )  # fmt: skip


def to_png(picture: str, path: Path) -> Path:
    """Write one of our pictures as PNG, at its own size, 200 dots an inch."""
    from matplotlib.figure import Figure

    root = ElementTree.fromstring(_UNSPEAKABLE.sub("\ufffd", picture))  # noqa: S314 - our own
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    figure = Figure(figsize=(width / _INCH, height / _INCH), dpi=_DOTS, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    _draw(axes, root, 0.0, 0.0)
    figure.savefig(path, format="png")
    return path


def _draw(axes: Any, element: ElementTree.Element, x: float, y: float) -> None:
    for child in element:
        kind = child.tag.rpartition("}")[2]
        if kind == "g":
            move = re.fullmatch(
                r"translate\((-?[\d.]+) (-?[\d.]+)\)", child.get("transform", "translate(0 0)")
            )
            dx, dy = (float(v) for v in move.groups()) if move else (0.0, 0.0)
            _draw(axes, child, x + dx, y + dy)
        elif kind == "rect":
            _rect(axes, child, x, y)
        elif kind == "path":
            _path(axes, child, x, y)
        elif kind == "text":
            _words(axes, child, x, y)


def _number(element: ElementTree.Element, name: str, otherwise: float = 0.0) -> float:
    return float(element.get(name, otherwise))


def _rect(axes: Any, element: ElementTree.Element, x: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(
        (x + _number(element, "x"), y + _number(element, "y")),
        _number(element, "width"), _number(element, "height"), linewidth=0,
        facecolor=element.get("fill", "black"), alpha=_number(element, "fill-opacity", 1.0),
    ))  # fmt: skip


def _path(axes: Any, element: ElementTree.Element, x: float, y: float) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    points, codes = _outline(element.get("d", ""))
    if not points:
        return
    fill = element.get("fill", "black")
    outline = Outline([(x + a, y + b) for a, b in points], codes)
    axes.add_patch(PathPatch(
        outline, fill=fill != "none", facecolor=fill if fill != "none" else "white",
        edgecolor=element.get("stroke", "none"), capstyle="round", joinstyle="round",
        linewidth=_number(element, "stroke-width", 0.0) * _POINT,
        alpha=_number(element, "fill-opacity", 1.0),
    ))  # fmt: skip


def _outline(data: str) -> tuple[list[tuple[float, float]], list[int]]:
    """Return points and matplotlib's codes (1 move, 2 line, 79 close) of path data."""
    words = _WORD.findall(data)
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    at, start, command, k = (0.0, 0.0), (0.0, 0.0), "M", 0
    while k < len(words):
        if words[k].isalpha():
            command, k = words[k], k + 1
        kind, here = command.upper(), command.islower()
        values = [float(v) for v in words[k : k + _TAKES[kind]]]
        k += len(values)
        x, y = at
        if kind == "H":
            at = (x * here + values[0], y)
        elif kind == "V":
            at = (x, y * here + values[0])
        elif kind == "Z":
            at = start
        else:
            at = (x * here + values[0], y * here + values[1])
        if kind == "M":
            start = at
            # More pairs after a move are lines.
            command = "l" if here else "L"
        points.append(at)
        codes.append({"M": 1, "Z": 79}.get(kind, 2))
    return points, codes


def _words(axes: Any, element: ElementTree.Element, x: float, y: float) -> None:
    from matplotlib.patheffects import withStroke

    anchor = {"start": "left", "middle": "center", "end": "right"}
    words = axes.text(
        x + _number(element, "x"), y + _number(element, "y"), element.text or "",
        fontsize=_number(element, "font-size", 28) * _POINT, color=element.get("fill", "black"),
        ha=anchor[element.get("text-anchor", "start")], va="baseline",
        fontweight=int(element.get("font-weight", "400")), parse_math=False,
        family="DejaVu Sans",  # matplotlib's own; others are not everywhere
    )  # fmt: skip
    if element.get("paint-order"):
        wide = _number(element, "stroke-width") * _POINT
        words.set_path_effects([withStroke(linewidth=wide, foreground="white")])
