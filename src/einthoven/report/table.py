"""Findings as plain text for a terminal, and as one row of a table of many recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from einthoven.engine.findings import Findings
from einthoven.record.vocabulary import AAMI, RHYTHM_NAMES
from einthoven.report._classes import counts, spoken
from einthoven.report._episodes import Episode, episodes, name_of
from einthoven.report._intervals import good_share, intervals
from einthoven.signal.paper import clock

PROBABILITY = "probability_"  # and the code of a diagnosis: a column of ``summary.csv``


def summary(findings: Findings) -> str:
    """Return what was found as a plain-text table, without a line break at the end."""
    leads = ", ".join(findings.leads[:12]) or "no lead"
    lines = [
        (
            f"{_plain(findings.record)}   {clock(findings.seconds)}   {_plain(leads)}   "
            f"{findings.rate:g} Hz"
        )
    ]
    if not findings.usable:
        lines += ["", f"  No answer: {_plain(findings.reason or 'the reason was not stated')}."]
        return "\n".join([*lines, *_notes(findings)])
    rate = findings.intervals.get("heart_rate_bpm")
    share = good_share(findings)
    lines += [
        "",
        f"  Heart rate            {f'{rate:.0f} a minute' if rate else 'not given'}",
        f"  Good enough to judge  {'not known' if share is None else f'{100 * share:.1f} %'}",
        *_whole(findings),
        "",
    ]
    lines += _classes(findings) if len(findings.marks) else ["  No beat was found."]
    lines += _runs(findings) + _reasons(findings)
    return "\n".join([*lines, *_notes(findings)])


def _whole(findings: Findings) -> list[str]:
    """Return a line for the rhythm and one for the diagnoses, where they were told."""
    lines = []
    if findings.rhythm:
        spans = findings.rhythm
        total = sum(e.end - e.start for e in spans)
        if len(spans) == 1:
            doubt = ", uncertain" if spans[0].uncertain else ""
            words = f"{RHYTHM_NAMES[spans[0].label]} ({spans[0].probability:.2f}{doubt})"
        else:
            shares = Counter[str]()
            for e in spans:
                shares[e.label] += e.end - e.start
            words = ", ".join(f"{RHYTHM_NAMES[k]} {100 * n / total:.0f} %" for k, n in
                              shares.most_common())  # fmt: skip
        lines.append(f"  Rhythm                {words}")
    if findings.diagnoses:
        found = [
            f"{d.name} ({d.probability:.2f}{', uncertain' if d.uncertain else ''})"
            for d in sorted(findings.diagnoses, key=lambda d: -d.probability) if d.positive
        ]  # fmt: skip
        lines.append(f"  Diagnoses             {', '.join(found) or 'none of those it knows'}")
    return lines


def _plain(words: str) -> str:
    """Return the words without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in words)


def _classes(findings: Findings) -> list[str]:
    total = len(findings.marks)
    lines = [f"  {'Class':<28}{'beats':>9}{'share':>10}{'uncertain':>12}", "  " + "-" * 59]
    for name, (count, doubt) in counts(findings.marks).items():
        words = _plain(f"{name}  {spoken(name)}")
        lines.append(f"  {words:<28}{count:>9,}{100 * count / total:>8.1f} %{doubt:>12,}")
    doubt = int(findings.marks.uncertain.sum())
    lines += ["  " + "-" * 59, f"  {'all':<28}{total:>9,}{100:>8.1f} %{doubt:>12,}"]
    return lines


def _runs(findings: Findings) -> list[str]:
    groups: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes(findings, intervals(findings)):
        groups.setdefault((episode.kind, episode.label), []).append(episode)
    if not groups:
        return []
    heads = f"{'Abnormal runs':<33}{'number':>7}{'doubtful':>9}"
    lines = ["", f"  {heads}  first at", "  " + "-" * 59]
    for (kind, label), group in groups.items():
        # As in the report: one with any uncertain beat is to be looked at before it is counted.
        doubt = sum(e.uncertain > 0 for e in group)
        first = clock(float(findings.marks.samples[group[0].first]) / findings.rate)
        lines.append(f"  {name_of(kind, label):<33}{len(group):>7,}{doubt:>9,}  {first}")
    return lines


def _reasons(findings: Findings) -> list[str]:
    """Return a line for each explanation, where they were asked for."""
    if not findings.explanations:
        return []
    lines = ["", "  What the abnormal answers rest on", "  " + "-" * 59]
    for e in findings.explanations:
        at, a = clock(e.start / findings.rate, tenths=True), e.attribution
        doubt = ", uncertain" if e.uncertain else ""
        lines.append(_plain(f"  {a.target} at {at} ({a.probability:.2f}{doubt}): {e.words}"))
    return lines


def _notes(findings: Findings) -> list[str]:
    if not findings.warnings:
        return []
    return ["", *(f"  Note: {_plain(warning)}" for warning in findings.warnings)]


def summary_row(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of ``summary.csv`` for a document of ``analyze --json``.

    Classes outside AAMI's five are counted in ``other``; what is not known is an empty string. The
    keys are the same for every recording but for the last, ``probability_CODE``: one a class that
    the model of diagnoses knows, whether found or not.
    """
    told = document.get("diagnoses", [])
    classes = Counter(beat["class"] for beat in document["beats"])
    judged = sum(w["end"] - w["start"] for w in document["quality"])
    good = sum(w["end"] - w["start"] for w in document["quality"] if w["good"])
    return {
        "record": document["record"],
        "source": document["source"],
        "usable": document["usable"],
        "reason": document["reason"] or "",
        "seconds": round(document["samples"] / document["rate"], 3),
        "heart_rate_bpm": document.get("intervals", {}).get("heart_rate_bpm", ""),
        "beats": len(document["beats"]),
        **{name: classes.get(name, 0) for name in AAMI},
        "other": sum(count for name, count in classes.items() if name not in AAMI),
        "uncertain": sum(beat["uncertain"] for beat in document["beats"]),
        "rhythm": _commonest(document.get("rhythm", [])),
        "fibrillation_share": _fibrillation(document.get("rhythm", [])),
        "rhythm_uncertain_share": _doubt(document.get("rhythm", [])),
        "diagnoses": " ".join(d["code"] for d in told if d["positive"]),
        "diagnoses_uncertain": " ".join(d["code"] for d in told if d["uncertain"]),
        "good_share": round(good / judged, 4) if judged else "",
        "warnings": len(document["warnings"]),
        "warnings_text": " | ".join(document["warnings"]),
        "fault": "",
        **{f"{PROBABILITY}{d['code']}": d["probability"] for d in told},
    }


def _commonest(spans: Sequence[Mapping[str, Any]]) -> str:
    """Return the rhythm class of the most time, or empty text."""
    time = Counter[str]()
    for span in spans:
        time[span["class"]] += span["end"] - span["start"]
    return time.most_common(1)[0][0] if time else ""


def _fibrillation(spans: Sequence[Mapping[str, Any]]) -> float | str:
    """Return the share of the time that is called atrial fibrillation, or empty text."""
    total = sum(span["end"] - span["start"] for span in spans)
    inside = sum(span["end"] - span["start"] for span in spans if span["class"] == "A")
    return round(inside / total, 4) if total else ""


def _doubt(spans: Sequence[Mapping[str, Any]]) -> float | str:
    """Return the share of the time whose rhythm is uncertain, or empty text."""
    total = sum(span["end"] - span["start"] for span in spans)
    inside = sum(span["end"] - span["start"] for span in spans if span.get("uncertain"))
    return round(inside / total, 4) if total else ""


def failed_row(path: str, fault: str) -> dict[str, Any]:
    """Return the row of ``summary.csv`` of a file that could not be read or answered."""
    empty = {"record": PurePath(path).stem, "source": path, "usable": False, "reason": None}
    document = empty | {"samples": 0, "rate": 1.0, "beats": [], "quality": [], "warnings": []}
    told = ("record", "source")
    row = summary_row(document)
    return {key: value if key in told else "" for key, value in row.items()} | {"fault": fault}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of `summary_row` as aligned text, a line each.

    A diagnosis that is found, but uncertain, has a question mark.
    """
    if not rows:
        return ""
    rows = [{**row, "diagnoses": _marked(row)} for row in rows]
    shown = ("record", "seconds", "heart_rate_bpm", "rhythm", "diagnoses", "beats", *AAMI,
             "uncertain", "reason")  # fmt: skip
    heads = ("record", "seconds", "a minute", "rhythm", "diagnoses", "beats", *AAMI, "uncertain",
             "no answer because")  # fmt: skip
    cells = [heads, *(tuple(_plain(str(row[k])) for k in shown) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    lines = []
    for line in cells:
        columns = [
            cell.ljust(width) if i in (0, len(heads) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(columns).rstrip())
    return "\n".join(lines) + "\n"


def _marked(row: Mapping[str, Any]) -> str:
    """Return the codes found, each with a question mark where it is uncertain."""
    doubt = set(row["diagnoses_uncertain"].split())
    return " ".join(f"{c}?" if c in doubt else c for c in row["diagnoses"].split())
