"""Score against severity of ``robustness.json``, as SVG: a panel a kind of trouble."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.protocols.robustness import LADDER, Rung, rungs
from einthoven.report._lines import GREY, MUTED, colour, framed, key, look, text

Row = Mapping[str, Any]

_WIDE, _TALL, _ACROSS = 250, 190, 3  # a panel, and panels in a line
_LEFT, _TOP = 54, 58
_GAP_X, _GAP_Y = 38, 66
_LONG = 8  # characters of a word that needs a line of its own


def chart(cells: Mapping[str, Mapping[str, Row]], figure: str, asks: str, title: str) -> str:
    """Return a panel a kind of trouble: what is left of the score, from as recorded to severe.

    Parameters
    ----------
    cells : system -> rung -> figures, each with ``value``, ``low`` and ``high``.
    figure : which of them.
    asks : whose ladder it is, ``records`` or ``beats``.
    title : what is said above.
    """
    ladder = rungs(asks)
    kinds = [k for k in LADDER if any(r.kind == k for r in ladder)]
    values = [one[figure]["value"] for by in cells.values() for one in by.values()]
    told = [v for v in values if v is not None and math.isfinite(v)] or [0.0]
    floor = min(0.9, math.floor(10 * min(told)) / 10)
    lines = math.ceil(len(kinds) / _ACROSS)
    width = _LEFT + _ACROSS * (_WIDE + _GAP_X)
    foot = _TOP + lines * (_TALL + _GAP_Y) + 4
    height = foot + 18 * math.ceil(len(cells) / 2) + 10
    parts = [text(_LEFT, 22, title, size=15, weight="700")]
    for index, kind in enumerate(kinds):
        x0 = _LEFT + index % _ACROSS * (_WIDE + _GAP_X)
        y0 = _TOP + index // _ACROSS * (_TALL + _GAP_Y)
        steps = [ladder[0], *(r for r in ladder if r.kind == kind)]
        parts += _panel(x0, y0, kind, steps, cells, figure, floor)
    parts += key(list(cells), _LEFT, foot, width / 2)
    words = f"{title}, {', '.join(LADDER[k].title for k in kinds)}"
    return framed(parts, width, height, title, words)


def _panel(
    x0: float, y0: float, kind: str, steps: Sequence[Rung], cells: Mapping[str, Mapping[str, Row]],
    figure: str, floor: float,
) -> list[str]:  # fmt: skip
    trouble = LADDER[kind]
    unit = f", {trouble.unit}" if trouble.unit else ""
    parts = [text(x0, y0 - 8, f"{trouble.title}{unit}", weight="700")]
    across = [x0 + 14 + (_WIDE - 28) * k / max(1, len(steps) - 1) for k in range(len(steps))]
    tenths = round(10 * floor)
    every = 1 if tenths >= 4 else 2
    for tenth in range(tenths, 11, every):
        y = _up(tenth / 10, y0, floor)
        parts.append(f'<path d="M{x0} {y:.1f}h{_WIDE}" stroke="{GREY}" stroke-width="0.7"/>')
        parts.append(text(x0 - 6, y + 4, f"{tenth / 10:.1f}", anchor="end", size=10, fill=MUTED))
    words = [r.short.removesuffix(trouble.unit).strip() if r.kind else "as rec." for r in steps]
    for k, (x, word) in enumerate(zip(across, words, strict=True)):
        # Long words stand on two lines in turn, so that neighbours do not touch.
        low = 12 * (k % 2) if max(map(len, words)) > _LONG else 0
        last = len(word) > _LONG and k == len(words) - 1
        parts.append(
            text(
                x0 + _WIDE if last else x, y0 + _TALL + 15 + low, word, size=10, fill=MUTED,
                anchor="end" if last else "middle",
            )
        )  # fmt: skip
    for index, by in enumerate(cells.values()):
        here = [
            (x, by[r.name][figure]["value"])
            for x, r in zip(across, steps, strict=True) if r.name in by
        ]  # fmt: skip
        known = [(x, _up(v, y0, floor)) for x, v in here if v is not None and math.isfinite(v)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
        if not isinstance(steps[-1].severity, str):  # kinds side by side are no way from mild on
            parts.append(f'<polyline points="{line}" {look(index)}/>')
        ink = colour(index)
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{ink}"/>' for x, y in known]
    return parts


def _up(value: float, y0: float, floor: float) -> float:
    return y0 + _TALL * (1 - (max(value, floor) - floor) / (1 - floor))


def pictures(results: Row) -> dict[str, str]:
    """Return the charts of ``robustness.json`` by file name."""
    found = {}
    for side, told in results["records"].items():
        name = f"robustness-{side.replace(' ', '-')}.svg"
        title = f"Macro AUROC against severity, {side} of PTB-XL"
        found[name] = chart(told["cells"], "macro_auroc", "records", title)
    for side, told in results["beats"].items():
        title = f"Macro F1 of beats against severity, {side} of mitdb"
        found[f"robustness-{side.lower()}.svg"] = chart(told["cells"], "macro_f1", "beats", title)
    return found


def page(results: Row) -> str:
    """Return the pictures of ``robustness.json`` as they stand in the page of results."""
    return "".join(
        f"\n![Score against severity, {_side(name)}](assets/{name})\n" for name in pictures(results)
    )


def _side(name: str) -> str:
    return name.removeprefix("robustness-").removesuffix(".svg").replace("-", " ")
