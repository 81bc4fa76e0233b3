"""Analyse the built-in record, print a summary and write its report."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from pathlib import Path

from einthoven.cli import DISCLAIMER
from einthoven.corpora import demo_record
from einthoven.engine import analyze
from einthoven.record.files import write_text
from einthoven.report.html import to_html
from einthoven.report.table import summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument(
        "--out", default="einthoven-out", metavar="DIR", help="folder of the report"
    )
    parser.add_argument("--force", action="store_true", help="write over what is there")


def run(args: argparse.Namespace) -> int:
    """Analyse the demo record."""
    report = Path(args.out) / "demo.html"
    findings = analyze(demo_record(), waves=True, explain=True)
    print(summary(findings))
    if report.exists() and not args.force:
        print(f"{report} was there already and is kept (--force writes it anew)", file=sys.stderr)
    else:
        write_text(report.with_suffix(".json"), findings.to_json() + "\n")
        write_text(report, to_html(findings))
    print(f"report: {report.resolve()}", file=sys.stderr)
    print(DISCLAIMER, file=sys.stderr)
    if sys.stdout.isatty() and (os.environ.get("DISPLAY") or sys.platform in ("darwin", "win32")):
        webbrowser.open(report.resolve().as_uri())
    return 0
