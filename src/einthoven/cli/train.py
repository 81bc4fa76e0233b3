"""Train a recipe into a run folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument(
        "recipe", metavar="RECIPE", help="a name (einthoven recipes list) or a TOML"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments",
        help="change a key of the recipe, e.g. optimiser.epochs=3; may be repeated",
    )  # fmt: skip
    parser.add_argument("--run", type=Path, help="the run folder (default: runs/NAME)")
    parser.add_argument("--resume", action="store_true", help="go on where a killed run stopped")


def run(args: argparse.Namespace) -> int:
    """Train; print the run folders."""
    from einthoven.training import load_recipe, runs, train

    recipe = load_recipe(args.recipe, args.assignments)
    folder = args.run or Path("runs") / recipe.name
    print(f"training {recipe.name}: {recipe.title}", file=sys.stderr)
    train(recipe, folder, resume=args.resume)
    for path in runs(recipe, folder):
        print(path)
    return 0
