"""What line charts share: inks that most eyes tell apart, words, and the frame of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

INK, MUTED, GREY = "#222222", "#666666", "#cccccc"
COLOURS = (
    "#1f5fa8", "#b5651d", "#2a7f4f", "#8e3a8a", "#c0392b", "#5a5a5a", "#0f8b8d", "#a88400",
)  # fmt: skip
_DASH = ("", "6 3", "2 3")


def text(x: float, y: float, words: str, *, fill: str = INK, anchor: str = "start",
         size: int = 12, weight: str = "400") -> str:  # fmt: skip
    """Return words at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def colour(index: int) -> str:
    """Return the ink of a line by its number."""
    return COLOURS[index % len(COLOURS)]


def look(index: int) -> str:
    """Return the attributes of a line by its number; from the ninth on lines are dashed."""
    dash = _DASH[index // len(COLOURS) % len(_DASH)]
    return f'stroke="{colour(index)}" fill="none" stroke-width="1.7"' + (
        f' stroke-dasharray="{dash}"' if dash else ""
    )


def key(names: Sequence[str], left: float, top: float, apart: float) -> list[str]:
    """Return each line's look beside its name, two in a row, `apart` from each other."""
    parts = []
    for index, name in enumerate(names):
        x, y = left + index % 2 * apart, top + 18 * (index // 2)
        parts.append(f'<path d="M{x:.1f} {y - 4}h28" {look(index)}/>')
        parts.append(text(x + 36, y, name))
    return parts


def framed(parts: Sequence[str], width: float, height: float, title: str, words: str) -> str:
    """Return the whole picture; `words` are for who cannot see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(words, quote=True)}" font-family="sans-serif" font-size="12" '
        f'fill="{INK}"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
