"""Findings as plain text for a terminal, and as one row of a table of many recordings."""

from __future__ import annotations

from typing import Any

import numpy as np

from einthoven.engine.findings import Findings
from einthoven.record.vocabulary import AAMI
from einthoven.report._classes import counts, spoken
from einthoven.report._episodes import Episode, episodes, name_of
from einthoven.report._intervals import good_share, intervals
from einthoven.signal.paper import clock


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
        "",
    ]
    lines += _classes(findings) if len(findings.marks) else ["  No beat was found."]
    lines += _runs(findings)
    return "\n".join([*lines, *_notes(findings)])


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
    lines = ["", f"  {'Abnormal runs':<37}{'number':>9}   first at", "  " + "-" * 59]
    for (kind, label), group in groups.items():
        first = clock(float(findings.marks.samples[group[0].first]) / findings.rate)
        lines.append(f"  {name_of(kind, label):<37}{len(group):>9,}   {first}")
    return lines


def _notes(findings: Findings) -> list[str]:
    if not findings.warnings:
        return []
    return ["", *(f"  Note: {_plain(warning)}" for warning in findings.warnings)]


def summary_row(findings: Findings) -> dict[str, Any]:
    """Return one row of ``summary.csv``; keys are the same for every recording.

    Classes outside AAMI's five are counted in ``other``; what is not known is an empty string.
    """
    beats = findings.marks
    table = counts(beats)
    share = good_share(findings)
    doubtful = int(np.count_nonzero(beats.uncertain))
    return {
        "record": findings.record,
        "source": findings.path,
        "usable": findings.usable,
        "reason": findings.reason or "",
        "seconds": round(findings.seconds, 3),
        "heart_rate_bpm": findings.intervals.get("heart_rate_bpm", ""),
        "beats": len(beats),
        **{name: table.get(name, (0, 0))[0] for name in AAMI},
        "other": sum(count for name, (count, _) in table.items() if name not in AAMI),
        "uncertain": doubtful,
        "good_share": "" if share is None else round(share, 4),
        "warnings": len(findings.warnings),
    }
