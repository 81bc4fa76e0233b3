"""The flags for files that do not say themselves what they hold; shared by all that read one."""

from __future__ import annotations

import argparse
from typing import Any

from einthoven.record.errors import UsageError


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--rate``, ``--leads`` and ``--unit``."""
    group = parser.add_argument_group("for files that do not say it themselves")
    group.add_argument("--rate", type=float, metavar="HZ", help="samples a second")
    group.add_argument(
        "--leads", metavar="II,V1", help="names of the leads, or which channels are leads"
    )
    group.add_argument(
        "--unit",
        metavar="mV|uV|V|adc:GAIN",
        help="unit of the numbers; adc:200 means that 200 make 1 mV",
    )


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return the flags as `formats.open_source` takes them.

    Raises
    ------
    UsageError : ``--leads`` is given and names none.
    """
    leads = None
    if args.leads is not None:
        leads = tuple(word.strip() for word in args.leads.split(",") if word.strip())
        if not leads:
            raise UsageError("--leads", "names none", "Name some, e.g. --leads II,V1")
    return {"rate": args.rate, "leads": leads, "unit": args.unit}
