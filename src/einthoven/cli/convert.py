"""A recording from one format to another, chosen by the ending: .hea .dat .edf .csv .tsv .npz."""

from __future__ import annotations

import argparse
import sys

from einthoven.cli._reading import add_reading_arguments, reading
from einthoven.formats import open_source, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("path", metavar="PATH", help="the recording")
    parser.add_argument(
        "out", metavar="OUT", help="the file to write; .hea or .dat writes a WFDB record"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the recording; print the files written."""
    source = open_source(args.path, **reading(args))
    for path in write(source, args.out, force=args.force):
        print(path)
    lost = [c.name for c in source.channels if not (c.lead and c.name in source.leads)]
    if lost and args.out.lower().endswith((".csv", ".tsv", ".txt", ".npz")):
        print(f"einthoven: not written, as this format holds leads alone: {', '.join(lost)}",
              file=sys.stderr)  # fmt: skip
    for note in source.notes:
        print(f"einthoven: {source.name}: {note}", file=sys.stderr)
    return 0
