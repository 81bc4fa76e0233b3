"""The top floor. One file a command: parses, calls one function below, prints what it returned."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from typing import Protocol, cast

from einthoven._version import __version__
from einthoven.record.errors import EinthovenError, UsageError

DISCLAIMER = "Research software, not a medical device: a professional must confirm every answer."


class Command(Protocol):
    """What a command's module offers; its docstring's first line is its summary."""

    __doc__: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare flags and arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; 0 all done, 1 some inputs failed, 2 wrong usage."""


def commands() -> tuple[str, ...]:
    """Return the names of all commands: the plain-named modules of this package."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str) -> Command:
    """Return the module of one command."""
    return cast(Command, importlib.import_module(f"{__name__}.{name}"))


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line; only that command's flags if one is named."""
    top = argparse.ArgumentParser(
        prog="einthoven",
        description="Electrocardiograms to beats, rhythm and reasons. " + DISCLAIMER,
    )
    top.add_argument("--version", action="version", version=f"einthoven {__version__}")
    subs = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands():
        if only is not None and name != only:
            subs.add_parser(name)
            continue
        module = load(name)
        summary = module.__doc__.strip().splitlines()[0]
        sub = subs.add_parser(name, help=summary, description=module.__doc__)
        sub.add_argument("--traceback", action="store_true", help="show where a fault arose")
        module.add_arguments(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    only = words[0] if words and words[0] in commands() else None
    args = parser(only).parse_args(words)
    try:
        return load(args.command).run(args)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("einthoven: stopped; what was finished is kept", file=sys.stderr)
        return 130
    except Exception as fault:  # noqa: BLE001 - nobody is shown a traceback unasked
        if args.traceback:
            traceback.print_exc()
        print(f"einthoven: {_sentence(fault)}", file=sys.stderr)
        return 2 if isinstance(fault, UsageError) else 1


def _sentence(fault: Exception) -> str:
    """Return what is said of a fault."""
    if isinstance(fault, EinthovenError):
        return str(fault)
    if isinstance(fault, OSError):
        return f"cannot read or write ({fault}). Check the path."
    what = f"{type(fault).__name__}: {fault}"
    return f"our mistake ({what}). Please report it with what --traceback shows."
