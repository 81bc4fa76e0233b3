"""P, QRS and T marked on ECG paper: pale bands from onset to offset, with a foot and a letter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Lead row, kind ("P?" where it is uncertain), onset and offset in samples from the first one drawn.
Band = tuple[int, str, int, int]
# Kind, first and last unit, top of the lane and its height.
Box = tuple[str, int, int, int, int]

# Of Okabe and Ito's palette, as the classes of beats; the letters say what the colours say.
COLOURS = {"P": "#0072b2", "QRS": "#7a4a9c", "T": "#c25700"}
_FOOT = 9  # units: the solid bar on which a band stands


def inside(bands: Sequence[Band], row: int, first: int, last: int) -> list[Band]:
    """Return the bands of one row that touch the samples [first, last], cut to them."""
    return [
        (r, kind, max(a, first), min(b, last))
        for r, kind, a, b in bands if r == row and a < last and b > first
    ]  # fmt: skip


def draw(boxes: Iterable[Box], letters: bool = True, kind: str = "waves") -> str:
    """Return the bands as one SVG group of class `kind`; empty if there is none."""
    fields: dict[str, list[str]] = {}
    feet: dict[str, list[str]] = {}
    words = []
    for name, left, right, top, height in boxes:
        width = max(right - left, 1)
        fields.setdefault(name, []).append(f"M{left} {top}h{width}v{height}h-{width}z")
        foot = top + height - _FOOT
        feet.setdefault(name, []).append(f"M{left} {foot}h{width}v{_FOOT}h-{width}z")
        if letters:
            size = "wave long" if name.startswith("QRS") else "wave"
            words.append(
                f'<text class="{size}" x="{(left + right) / 2:g}" y="{foot - 6}" font-size="22" '
                f'fill="{_colour(name)}" text-anchor="middle" font-weight="700">{name}</text>'
            )
    paths = [f'<path d="{"".join(d)}" fill="{_colour(n)}" fill-opacity="{_field(n)}"/>'
             for n, d in fields.items()]  # fmt: skip
    paths += [f'<path d="{"".join(d)}" fill="{_colour(n)}"{_foot(n)}/>' for n, d in feet.items()]
    return f'<g class="{kind}">{"".join([*paths, *words])}</g>' if paths else ""


def _colour(name: str) -> str:
    return COLOURS[name.removesuffix("?")]


def _field(name: str) -> str:
    return ".05" if name.endswith("?") else ".13"


def _foot(name: str) -> str:
    return ' fill-opacity=".4"' if name.endswith("?") else ""
