"""Cells of the robustness suite to figures with intervals, and to the tables of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora.nstdb import NOISES
from einthoven.evaluation import multilabel
from einthoven.evaluation.answers import Answers
from einthoven.evaluation.label_scores import weights
from einthoven.protocols.robustness import AS_RECORDED, LADDER, Rung
from einthoven.suites._robust_records import Cells, filled
from einthoven.suites._robust_systems import System

Floats = npt.NDArray[np.float64]
Drawn = Mapping[tuple[str, str], Floats]  # (system, rung) -> (1 + draw,) macro AUROC

DRAWS = 1000


def drawn(
    systems: Sequence[System], asked: Mapping[str, Answers], cells: Cells,
    ladder: Sequence[Rung], draws: int,
) -> dict[tuple[str, str], Floats]:  # fmt: skip
    """Return macro AUROC of every cell: of all records, then of each draw of people.

    The people of a draw are the same in every cell. Classes without a positive or a negative
    among all records are left out of the mean.

    Parameters
    ----------
    asked : system -> its answers to records as they are, with labels and subjects.
    cells : (system, rung) -> logits.
    """
    found = {}
    for system in systems:
        table = asked[system.name]
        once = multilabel.once(len(table))
        times = np.concatenate([once, weights(table.person, draws, 0)]) if draws else once
        usual = cells[system.name, AS_RECORDED]
        for rung in ladder:
            logits = filled(cells[system.name, rung.name], usual)
            each = multilabel.auroc(logits, table.label, times)
            found[system.name, rung.name] = each[:, ~np.isnan(each[0])].mean(axis=1)
    return found


def entry(values: Floats) -> dict[str, float]:
    """Return the first of (1 + draw,) values and the 95 % interval of the others."""
    told = values[1:][~np.isnan(values[1:])]
    low, high = np.quantile(told, (0.025, 0.975)) if len(told) else (np.nan, np.nan)
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def cell_rows(
    systems: Sequence[System], ladder: Sequence[Rung], areas: Drawn, cells: Cells
) -> dict[str, dict[str, Any]]:
    """Return system -> rung -> macro AUROC, what is lost against as recorded, and refusals."""
    found: dict[str, dict[str, Any]] = {}
    for system in systems:
        usual = areas[system.name, AS_RECORDED]
        rows = found[system.name] = {}
        for rung in ladder:
            mine = areas[system.name, rung.name]
            rows[rung.name] = {
                "macro_auroc": entry(mine), "less": entry(mine - usual),
                "refused": int(np.isnan(cells[system.name, rung.name]).any(axis=1).sum()),
            }  # fmt: skip
    return found


def pairs(
    ours: System, others: Sequence[System], ladder: Sequence[Rung], areas: Drawn
) -> dict[str, dict[str, Any]]:
    """Return other -> rung -> ours less it, on the same draws of people."""
    return {
        other.name: {
            rung.name: entry(areas[ours.name, rung.name] - areas[other.name, rung.name])
            for rung in ladder
        }
        for other in others
        if (other.labels, other.classes) == (ours.labels, ours.classes)
    }


def _number(told: Mapping[str, float], *, sign: bool = False) -> str:
    form = "+.3f" if sign else ".3f"
    if not np.isfinite(told["value"]):
        return ""
    text = f"{told['value']:{form}}"
    if np.isfinite(told["low"]):
        text += f" [{told['low']:{form}}, {told['high']:{form}}]"
    return text


def severity_table(
    title: str, note: str, rows: Mapping[str, Mapping[str, Mapping[str, Any]]], figure: str,
    ladder: Sequence[Rung],
) -> dict[str, Any]:  # fmt: skip
    """Return one table of score against severity: a line a rung, a column a system.

    Parameters
    ----------
    rows : system -> rung -> figures.
    figure : which of them.
    """
    body = []
    for rung in ladder:
        what = LADDER[rung.kind].title if rung.kind else ""
        values = [rows[s][rung.name][figure]["value"] for s in rows]
        told = [f"{v:.3f}" if np.isfinite(v) else "" for v in values]
        body.append([what, rung.short, *told])
    return {"title": title, "note": note, "columns": ["what", "how much", *rows], "rows": body}


def interval_table(
    title: str, note: str, rows: Mapping[str, Mapping[str, Mapping[str, Any]]], figure: str,
    ladder: Sequence[Rung],
) -> dict[str, Any]:  # fmt: skip
    """Return the intervals as recorded, at 12 and at 0 dB: a line a system."""
    shown = [r for r in ladder if not r.kind or (r.kind in NOISES and r.severity in (12, 0))]
    body = [[s, *(_number(rows[s][r.name][figure]) for r in shown)] for s in rows]
    columns = ["system", *(r.name for r in shown)]
    return {"title": title, "note": note, "columns": columns, "rows": body}


def refused_table(
    rows: Mapping[str, Mapping[str, Mapping[str, Any]]], ladder: Sequence[Rung]
) -> dict[str, Any] | None:
    """Return how many records each system refused; None where none did anywhere."""
    body = [
        [r.name, *(rows[s][r.name]["refused"] for s in rows)]
        for r in ladder
        if any(rows[s][r.name]["refused"] for s in rows)
    ]
    if not body:
        return None
    note = "No two whole beats are found, or more than there is a place for; they count as above."
    return {"title": "Records refused", "note": note, "columns": ["rung", *rows], "rows": body}


def pair_table(
    ours: str, side: str, found: Mapping[str, Mapping[str, Mapping[str, float]]],
    ladder: Sequence[Rung],
) -> dict[str, Any]:  # fmt: skip
    """Return ours less each other network, on every rung."""
    body = [
        [r.name, *(_number(found[other][r.name], sign=True) for other in found)] for r in ladder
    ]
    return {
        "title": f"{ours} less other networks, {side}",
        "note": "Macro AUROC, paired over the same draws of people.",
        "columns": ["rung", *(f"less {other}" for other in found)], "rows": body,
    }  # fmt: skip
