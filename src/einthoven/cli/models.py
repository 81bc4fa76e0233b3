"""List the shipped models, or show the card of one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from einthoven.bundle import load_model, zoo_names
from einthoven.cli._models import shipped_or_path
from einthoven.record.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("verb", choices=("list", "show"), help="all in a table, or one card")
    parser.add_argument("name", nargs="?", help="of the model to show, or a bundle's folder")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the catalogue or one card."""
    if args.verb == "show":
        if args.name is None:
            mend = f"Name one of: {', '.join(zoo_names())}"
            raise UsageError("models show", "names no model", mend)
        card = load_model(shipped_or_path(args.name)).card
        # Hundreds of numbers that serve explanations, and nobody reads.
        shown = asdict(card) | {"usual": f"{len(card.usual)} numbers"}
        print(card.to_json() if args.json else _page(shown), end="")
        return 0
    cards = [load_model(name).card for name in zoo_names()]
    rows = [
        {
            "name": c.name, "task": c.task, "leads": list(c.stages[0].input.leads),
            "default": c.default, "profiles": list(c.profiles), "classes": list(c.classes),
            "title": c.title,
        }
        for c in cards
    ]  # fmt: skip
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for card in cards:
        mark = "*" if card.default else " "
        profiles = "/".join(card.profiles)
        print(f"{mark} {card.name:<20} {card.task:<8} {profiles:<12} {card.title}")
    print("* answers when --model is not given")
    print("architectures that can be trained: einthoven recipes list", flush=True)
    return 0


def _page(value: object, depth: int = 0) -> str:
    """Return nested values as indented lines."""
    pad = "  " * depth
    if isinstance(value, dict):
        lines = ""
        for key, item in value.items():
            nested = isinstance(item, (dict, list, tuple)) and len(item) > 0
            lines += f"{pad}{key}:\n{_page(item, depth + 1)}" if nested else f"{pad}{key}: {item}\n"
        return lines
    if isinstance(value, (list, tuple)):
        if all(not isinstance(item, (dict, list, tuple)) for item in value):
            return f"{pad}{', '.join(str(item) for item in value)}\n"
        return "".join(_page(item, depth) for item in value)
    return f"{pad}{value}\n"
