"""What the abnormal answers rest on: the strips with their explanations laid over them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from einthoven.engine.findings import Findings
from einthoven.record.explanation import Explanation
from einthoven.record.source import Source
from einthoven.record.vocabulary import CLASS_NAMES, RHYTHM_NAMES, SUPERCLASS_NAMES
from einthoven.report._strips import marks, when
from einthoven.report.explained import LEGEND, explained_html
from einthoven.signal.paper import Mark

_AROUND = 10.0  # seconds beside what is explained whose beats may be drawn
_NAMES = {"beat": CLASS_NAMES, "rhythm": RHYTHM_NAMES, "diagnosis": SUPERCLASS_NAMES}


def reasons_html(findings: Findings) -> str:
    """Return the section on explanations; empty where nobody asked for them."""
    if findings.explanations is None:
        return ""
    head = "<h2>What the abnormal answers rest on</h2>"
    if not findings.explanations:
        return f"{head}<p>No answer is abnormal, so none is explained.</p>"
    words = (
        "Of each abnormal class of beats the three surest are explained, of each abnormal rhythm "
        "the surest span, and every diagnosis found. An explanation says what the model rests on, "
        "not what the heart does."
    )
    out = f"{head}<p>{words}</p>{LEGEND}"
    if findings.source is None:
        return out + _without_strips(findings.explanations)
    for e in findings.explanations:
        out += f"<h3>{escape(_title(findings, e))}</h3>"
        out += explained_html(findings.source, e, _marks(findings, findings.source, e))
        a = e.attribution
        out += f'<p class="soft">Model {escape(a.model)}, method {escape(a.method)}.</p>'
    return out


def _title(findings: Findings, e: Explanation) -> str:
    target = e.attribution.target
    name = _NAMES[e.task].get(target, target)
    where = f"at {when(findings, e.start)}"
    if e.task != "beat":
        where = f"from {when(findings, e.start)} to {when(findings, e.end)}"
    return f"{name[:1].upper()}{name[1:]} {where}"


def _marks(findings: Findings, source: Source, e: Explanation) -> list[Mark]:
    around = round(_AROUND * findings.rate)
    first = max(0, e.start - around)
    last = int(np.minimum(e.end + around, source.samples))
    return [
        (first + sample, label, colour) for sample, label, colour in marks(findings, first, last)
    ]


def _without_strips(found: Sequence[Explanation]) -> str:
    return "".join(
        f"<p>{escape(e.attribution.what)}: {escape(e.attribution.target)} at "
        f"{e.attribution.probability:.2f}, {escape(e.words)}.</p>"
        for e in found
    )
