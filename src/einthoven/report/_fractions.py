"""Score against the share of the labels, of ``fractions.json``, as SVG with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.report._lines import GREY, MUTED, colour, framed, key, look, text

Row = Mapping[str, Any]

_WIDE, _TALL, _LEFT, _TOP = 620, 330, 54, 44


def chart(curves: Mapping[str, Sequence[Row]], title: str) -> str:
    """Return macro AUROC over the share of patients, on a logarithmic axis, with 95 % intervals.

    Parameters
    ----------
    curves : system -> rows of ``percent`` and ``macro_auroc``: ``value``, ``low`` and ``high``.
    """
    points = {
        name: [(r["percent"], *(r["macro_auroc"][k] for k in ("value", "low", "high"))) for r in of]
        for name, of in curves.items()
    }  # fmt: skip
    every = [p for of in points.values() for p in of]
    shares = sorted({float(p[0]) for p in every})
    floor: float = math.floor(10 * min(p[2] for p in every)) / 10
    least, most = math.log(shares[0]), math.log(shares[-1])

    def x(percent: float) -> float:
        inside = (math.log(percent) - least) / (most - least) if most > least else 0.5
        return _LEFT + 14 + (_WIDE - 28) * inside

    def y(value: float) -> float:
        return _TOP + _TALL * (1 - (max(value, floor) - floor) / (1 - floor))

    parts = [text(_LEFT, 22, title, size=15, weight="700")]
    for tenth in range(round(10 * floor), 11):
        at = y(tenth / 10)
        parts.append(f'<path d="M{_LEFT} {at:.1f}h{_WIDE}" stroke="{GREY}" stroke-width="0.7"/>')
        parts.append(
            text(_LEFT - 6, at + 4, f"{tenth / 10:.1f}", anchor="end", size=10, fill=MUTED)
        )
    for k, share in enumerate(shares):
        # 30 and 35 % stand close: every second word a line lower.
        low = _TOP + _TALL + 15 + 12 * (k % 2)
        parts.append(text(x(share), low, f"{share:g} %", anchor="middle", size=10, fill=MUTED))
    for index, of in enumerate(points.values()):
        there = " ".join(f"{x(p):.1f},{y(high):.1f}" for p, _, _, high in of)
        back = " ".join(f"{x(p):.1f},{y(low):.1f}" for p, _, low, _ in reversed(of))
        line = " ".join(f"{x(p):.1f},{y(value):.1f}" for p, value, _, _ in of)
        ink = colour(index)
        parts.append(f'<polygon points="{there} {back}" fill="{ink}" fill-opacity="0.10"/>')
        parts.append(f'<polyline points="{line}" {look(index)}/>')
        parts += [
            f'<circle cx="{x(p):.1f}" cy="{y(value):.1f}" r="2.4" fill="{ink}"/>'
            for p, value, _, _ in of
        ]
    foot = _TOP + _TALL + 56
    parts += key(list(points), _LEFT, foot, _WIDE / 2)
    height = foot + 18 * math.ceil(len(points) / 2)
    words = (
        f"{title}: {', '.join(points)}, at {', '.join(f'{s:g}' for s in shares)} % of the patients"
    )
    return framed(parts, _LEFT + _WIDE + 20, height, title, words)


def pictures(results: Row) -> dict[str, str]:
    """Return the charts of ``fractions.json`` by file name."""
    return {
        f"fractions-{side.replace(' ', '-')}.svg": chart(
            curves, f"Macro AUROC by share of the patients, {side} of PTB-XL"
        )
        for side, curves in results["curves"].items() if curves
    }  # fmt: skip


def page(results: Row) -> str:
    """Return the pictures of ``fractions.json`` as they stand in the page of results."""
    return "".join(
        f"\n![Score by share of the labels, bands of 95 %](assets/{name})\n"
        for name in pictures(results)
    )
