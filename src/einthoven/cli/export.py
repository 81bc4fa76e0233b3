"""Write a trained run as a bundle that needs no torch."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("run", metavar="RUN|MODEL", help="a run folder, or a model to copy")
    parser.add_argument("--to", required=True, metavar="FORMAT", help="onnx")
    parser.add_argument(
        "--out", type=Path, help="the bundle's folder (default: einthoven-out/NAME)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a bundle that is there")


def run(args: argparse.Namespace) -> int:
    """Export; print the bundle's folder."""
    from einthoven.export.onnx import export

    print(export(args.run, args.to, args.out, force=args.force))
    return 0
