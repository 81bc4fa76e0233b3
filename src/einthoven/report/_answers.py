"""What is said of the whole recording: its rhythm, and the diagnoses that a model knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from einthoven.engine.events import RhythmEvent
from einthoven.engine.findings import Diagnosis, Findings
from einthoven.record.vocabulary import RHYTHM_NAMES
from einthoven.report._charts import LEFT, RIGHT, WIDTH, frame, time_axis
from einthoven.report._page import figure, key, table
from einthoven.report._strips import when
from einthoven.signal.paper import clock

# As the classes of beats in report._classes: dark enough to stand on white, told by a letter, too.
_COLOURS = {"N": "#8a8a8a", "A": "#b34700", "O": "#00609c", "~": "#cfcfcf"}
_LISTED = 20


def rhythm_keys(findings: Findings) -> str:
    """Return the rhythm for the figures at the top of the report."""
    spans = findings.rhythm
    if not spans:
        return ""
    if len(spans) == 1:
        more = f"probability {spans[0].probability:.2f}" + (
            ", uncertain" if spans[0].uncertain else ""
        )
        return key("Rhythm", _upper(_name(spans[0].label)), more)
    share = _seconds(spans, "A", findings.rate) / max(_seconds(spans, "", findings.rate), 1e-9)
    return key("Atrial fibrillation", f"{100 * share:.0f} %", "of the time")


def rhythm_html(findings: Findings) -> str:
    """Return the section on rhythm; empty where it was not told."""
    spans = findings.rhythm
    if not spans:
        return ""
    head = "<h2>Rhythm</h2>"
    if len(spans) == 1:
        (one,) = spans
        words = f"{_upper(_name(one.label))}, probability {one.probability:.2f}"
        doubt = "; uncertain: not to be relied on" if one.uncertain else ""
        return f"{head}<p>{escape(words + doubt)}.</p>"
    runs = merged(spans)
    rows = []
    for name in RHYTHM_NAMES:
        if mine := [r for r in runs if r.label == name]:
            seconds = _seconds(spans, name, findings.rate)
            unsure = sum(e.uncertain for e in spans if e.label == name)
            rows.append(
                (escape(_upper(_name(name))), clock(seconds), f"{len(mine):,}",
                 f"{unsure:,}", escape(when(findings, mine[0].start)))
            )  # fmt: skip
    caption = f"Told for {len(spans):,} spans, one after the other"
    head_row = ("Rhythm", "In all>", "Episodes>", "Uncertain spans>", "First at")
    out = table(caption, head_row, rows) + figure(
        _chart(findings, spans), "Rhythm over time", "pale: uncertain"
    )
    out += f'<p class="legend">{_legend(spans)}</p>'
    episodes = [r for r in runs if r.label == "A"]
    if episodes:
        longest = sorted(episodes, key=lambda e: e.start - e.end)[:_LISTED]
        listed = [
            (escape(when(findings, e.start)), escape(when(findings, e.end)),
             clock((e.end - e.start) / findings.rate), f"{e.probability:.2f}")
            for e in sorted(longest, key=lambda e: e.start)
        ]  # fmt: skip
        words = (
            f"{len(episodes):,} episode{'s' if len(episodes) > 1 else ''} of atrial fibrillation"
        )
        words += (
            f"; the {len(listed)} longest, in time order" if len(listed) < len(episodes) else ""
        )
        out += table(words, ("From", "To", "Length>", "Highest probability>"), listed)
    return head + out


def diagnoses_html(findings: Findings) -> str:
    """Return the section on diagnoses; empty where none was asked of a model."""
    found = findings.diagnoses
    if not found:
        return ""
    rows = []
    for d in sorted(found, key=lambda d: (-d.positive, -d.probability)):
        answer = ("found" if d.positive else "not found") + (", uncertain" if d.uncertain else "")
        name = escape(_upper(d.name)) + f"<small>{escape(d.code)}, {escape(d.system)}</small>"
        rows.append((name, f"<b>{answer}</b>" if d.positive else answer, _bar(d)))
    words = "Every diagnosis the model knows, found or not; several may stand together"
    return f"<h2>Diagnoses</h2>{table(words, ('Diagnosis', 'Answer', 'Probability'), rows)}"


def merged(spans: Sequence[RhythmEvent]) -> list[RhythmEvent]:
    """Return runs of neighbouring spans of one class; a run has its highest probability."""
    runs: list[RhythmEvent] = []
    for span in spans:
        last = runs[-1] if runs else None
        if last and last.label == span.label and last.end == span.start:
            p = max(last.probability, span.probability)
            both = last.uncertain and span.uncertain
            runs[-1] = replace(last, end=span.end, probability=p, uncertain=both)
        else:
            runs.append(span)
    return runs


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _name(label: str) -> str:
    return RHYTHM_NAMES.get(label, label)


def _seconds(spans: Sequence[RhythmEvent], label: str, rate: float) -> float:
    return sum((e.end - e.start) / rate for e in spans if not label or e.label == label)


def _bar(d: Diagnosis) -> str:
    """Return the probability as a figure and a bar."""
    width = round(200 * d.probability)
    colour = "#b34700" if d.positive else "#8a8a8a"
    return (
        f'<svg class="bar" viewBox="0 0 290 24" width="145" height="12" role="img" '
        f'aria-label="{d.probability:.2f}"><rect x="0" y="4" width="200" height="16" '
        f'fill="#eceef1"/><rect x="0" y="4" width="{width}" height="16" fill="{colour}"/>'
        f'<text x="212" y="21" font-size="23">{d.probability:.2f}</text></svg>'
    )


def _legend(spans: Sequence[RhythmEvent]) -> str:
    """Return what the colours mean; beside the chart, where words wrap on a narrow page."""
    return " ".join(
        f'<span style="white-space:nowrap"><b style="background:{_COLOURS[label]}"></b>'
        f"{escape(f'{label} {_name(label)}')}</span>"
        for label in RHYTHM_NAMES if any(e.label == label for e in spans)
    )  # fmt: skip


def _chart(findings: Findings, spans: Sequence[RhythmEvent]) -> str:
    """Return one lane of coloured spans over the whole recording."""
    total, top, tall = findings.samples, 20, 70
    out = []
    for e in spans:
        left = LEFT + (RIGHT - LEFT) * e.start / total
        right = LEFT + (RIGHT - LEFT) * e.end / total
        out.append(
            f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" height="{tall}" '
            f'fill="{_COLOURS.get(e.label, "#8a8a8a")}" '
            f'fill-opacity="{0.45 if e.uncertain else 1}"/>'
        )
    bottom = top + tall
    axis = time_axis(findings.seconds, bottom, bottom, findings.start)
    height = bottom + (90 if findings.start else 62)
    said = ", ".join(
        f"{_name(n)} {clock(_seconds(spans, n, findings.rate))}"
        for n in RHYTHM_NAMES if any(e.label == n for e in spans)
    )  # fmt: skip
    return frame("wide", WIDTH, height, "Rhythm over time", said, "".join(out) + axis)
