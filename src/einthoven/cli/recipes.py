"""List the recipes, or show one as it would be trained."""

from __future__ import annotations

import argparse
import json

from einthoven.record.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("verb", choices=("list", "show"), help="all in a table, or one recipe")
    parser.add_argument("name", nargs="?", help="of the recipe to show, or a TOML file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the catalogue or one recipe."""
    from einthoven.training._recipe import load_recipe, names, to_toml

    if args.verb == "show":
        if args.name is None:
            mend = f"Name one of: {', '.join(names())}"
            raise UsageError("recipes show", "names no recipe", mend)
        recipe = load_recipe(args.name)
        text = json.dumps(recipe.to_dict(), ensure_ascii=False) + "\n"
        print(text if args.json else to_toml(recipe), end="")
        return 0
    found = [load_recipe(name) for name in names()]
    rows = [
        {
            "name": r.name, "title": r.title, "task": r.task, "model": r.model.name,
            "corpus": r.corpus.name, "protocol": r.protocol.name, "paper": r.paper,
        }
        for r in found
    ]  # fmt: skip
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        where = f"{row['corpus']:<10} {row['protocol']:<14}"
        print(f"{row['name']:<28} {row['model']:<22} {where} {row['title']}")
    return 0
