"""The gap between the two protocols as a picture: SVG, drawn without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_LEFT, _RIGHT, _TOP, _ROW = 250, 30, 46, 40
_WIDTH = 760
_INK, _GREY, _LEAKY, _FAIR = "#222222", "#bbbbbb", "#b5651d", "#1f5fa8"


def gap_svg(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return macro F1 of each model under both protocols, with intervals over patients, as SVG.

    Parameters
    ----------
    rows : ``gaps`` of ``mitdb.json``.
    """
    chosen = [
        r for r in rows
        if r["figure"] == "macro_f1" and r["model"] != "constant"
        and not r["model"].startswith("ensemble")
    ]  # fmt: skip
    height = _TOP + _ROW * len(chosen) + 34
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'font-family="sans-serif" font-size="13" fill="{_INK}">'
        ),
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(
            _LEFT,
            18,
            "macro F1 over the classes of both, mean of the seeds; line: 95 % over patients",
        ),
        _text(_LEFT, 36, "intra-patient (leaky)", _LEAKY),
        _text(_LEFT + 160, 36, "inter-patient", _FAIR),
    ]
    bottom = _TOP + _ROW * len(chosen)
    for tenth in range(0, 11, 2):
        x = _place(tenth / 10)
        parts.append(
            f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{_GREY}" '
            'stroke-width="0.5"/>'
        )
        parts.append(_text(x, bottom + 18, f"{tenth / 10:.1f}", _INK, "middle"))
    for index, row in enumerate(chosen):
        y = _TOP + _ROW * index + _ROW / 2
        variant = "strict" if row["variant"].startswith("strict") else row["variant"]
        name = f"{row['model']}{f' ({variant})' if variant else ''}, {row['labels'].upper()}"
        parts.append(_text(_LEFT - 12, y + 4, name, _INK, "end"))
        for key, colour, lift in (("intra", _LEAKY, -6), ("inter", _FAIR, 6)):
            parts += _mark(row[key], row[f"{key}_interval"], y + lift, colour)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _mark(value: float | None, ends: Sequence[float | None], y: float, colour: str) -> list[str]:
    if value is None:
        return []
    marks = [f'<circle cx="{_place(value):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>']
    if ends[0] is not None and ends[1] is not None:
        marks.append(
            f'<line x1="{_place(ends[0]):.1f}" y1="{y:.1f}" x2="{_place(ends[1]):.1f}" '
            f'y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>'
        )
    at = min(x for x in (value, ends[0]) if x is not None)
    marks.append(_text(_place(at) - 8, y + 4, f"{value:.3f}", colour, "end"))
    return marks


def _place(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, words: str, colour: str = _INK, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
