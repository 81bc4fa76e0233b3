"""Analyse a recording; count its beats, say what is uncertain, write the report.

    python examples/analyze_file.py [FILE] [REPORT]

Without a file, the built-in simulated record is analysed.
"""

from __future__ import annotations

import sys
from collections import Counter

import einthoven
from einthoven.corpora import demo_record


def main(file: str | None = None, report: str = "report.html") -> None:
    findings = einthoven.analyze(file if file is not None else demo_record())
    if not findings.usable:
        print(f"no answer: {findings.reason}")
        return
    print(f"heart rate: {findings.intervals.get('heart_rate_bpm', 'not given')} a minute")
    beats = findings.marks
    sure = Counter(beats.classes[~beats.uncertain].tolist())
    for name, count in sorted(sure.items()):
        print(f"{name}: {count} beats")
    print(f"uncertain: {int(beats.uncertain.sum())} beats")
    for warning in findings.warnings:
        print(f"note: {warning}")
    findings.to_html(report)
    print(f"report: {report}")


if __name__ == "__main__":
    main(*sys.argv[1:])
