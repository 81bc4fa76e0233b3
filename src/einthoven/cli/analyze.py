"""Say which beats, rhythm and diagnoses are in a recording, and how sure that is."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from einthoven.bundle import load_model
from einthoven.cli import DISCLAIMER
from einthoven.cli._batch import Job, run_jobs
from einthoven.cli._models import shipped_or_path
from einthoven.cli._paths import expand
from einthoven.cli._reading import add_reading_arguments, reading
from einthoven.engine import suits
from einthoven.record.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or folders of files")
    parser.add_argument(
        "--model", metavar="NAME|PATH", help="in place of the shipped one of its task"
    )
    parser.add_argument("--out", metavar="DIR", help="write OUT/<path>.json and OUT/summary.csv")
    parser.add_argument("--json", action="store_true", help="print JSON, one document a line")
    parser.add_argument("--html", action="store_true", help="write a report a record")
    parser.add_argument("--atr", action="store_true", help="write WFDB annotations a record")
    parser.add_argument("--waves", action="store_true", help="also P, QRS and T of every lead")
    parser.add_argument("--explain", action="store_true", help="also what abnormal answers rest on")
    parser.add_argument(
        "--uncertainty", action="store_true", help="also conformal sets (not answered yet)"
    )
    parser.add_argument(
        "--profile", choices=("review", "live"), default="review",
        help="review looks up to 20 minutes ahead; live answers as a stream would",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="default: all cores"
    )
    parser.add_argument("--force", action="store_true", help="write over what is there")
    parser.add_argument("--identity", action="store_true", help="let names into the output")
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Analyse every path; 1 if some could not be read."""
    if args.jobs < 1:
        raise UsageError("--jobs", f"is {args.jobs}", "Give 1 or more")
    if args.model:
        suits(load_model(shipped_or_path(args.model)), args.profile)  # once, not for every file
    out = args.out or ("einthoven-out" if args.html or args.atr else None)
    questions = {
        "model": args.model, "profile": args.profile,
        "waves": args.waves or args.html,  # a report shows them
        "explain": args.explain, "uncertainty": args.uncertainty,
    }  # fmt: skip
    wanted = ("json", *(k for k in ("html", "atr") if getattr(args, k))) if out else ()
    found, left = expand(args.paths)
    jobs = [
        Job(
            path=path, out=Path(out) / name if out else None, wanted=wanted, questions=questions,
            reading=reading(args), force=args.force, identity=args.identity,
            keep_json=args.json, traceback=args.traceback,
        )
        for path, name in found
    ]  # fmt: skip
    code = run_jobs(jobs, workers=args.jobs, left=left, out=Path(out) if out else None)
    if not args.json:
        print(DISCLAIMER, file=sys.stderr)
    return code
