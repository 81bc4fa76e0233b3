"""Writes each command's arguments into its page, so that page and command cannot part.

Run ``python docs/_flags.py`` after a change to a command's flags; a test holds them equal.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from einthoven.cli import commands, load, parser

PAGES = Path(__file__).resolve().parent / "verbs"
BEGIN, END = "<!-- arguments:begin -->", "<!-- arguments:end -->"


def _subparser(name: str) -> argparse.ArgumentParser:
    (subs,) = (
        a for a in parser(name)._actions if isinstance(a, argparse._SubParsersAction)
    )  # fmt: skip
    found = subs.choices[name]
    assert isinstance(found, argparse.ArgumentParser)
    return found


def arguments(name: str) -> Iterator[tuple[str, str]]:
    """Give ``(argument, what it does)`` of a command, arguments before flags."""
    actions = sorted(_subparser(name)._actions, key=lambda a: bool(a.option_strings))
    for action in actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = action.metavar or (
            "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
        )
        if isinstance(value, tuple):
            value = " ".join(value)
        if not action.option_strings:
            words = {"+": f"{value}...", "*": f"[{value}...]", "?": f"[{value}]"}.get(
                str(action.nargs), value
            )
        else:
            words = ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")
        text = (action.help or "").replace("%%", "%").replace("%(default)s", str(action.default))
        yield words, text


def _cell(words: str) -> str:
    # A bar would end the cell, and Markdown knows no escape for it that all programs follow.
    return escape(words, quote=False).replace("|", "&#124;")


def block(name: str) -> str:
    """Return the generated part of a command's page."""
    rows = "".join(
        f"| <code>{_cell(words)}</code> | {_cell(text)} |\n" for words, text in arguments(name)
    )
    summary = (load(name).__doc__ or "").strip().splitlines()[0]
    return f"{BEGIN}\n{summary}\n\n| argument | what it does |\n| --- | --- |\n{rows}{END}"


def page(name: str) -> str:
    """Return a command's page with its generated part as it should be."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    whole = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    if not whole.search(text):
        raise ValueError(f"docs/verbs/{name}.md has no place for arguments: {BEGIN} {END}")
    return whole.sub(lambda _: block(name), text, count=1)


if __name__ == "__main__":
    for command in commands():
        (PAGES / f"{command}.md").write_text(page(command), encoding="utf-8")
