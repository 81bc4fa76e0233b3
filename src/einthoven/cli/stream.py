"""Play a recording as a live stream; print each event as a line of JSON."""

from __future__ import annotations

import argparse
import json
import math

from einthoven.bundle import load_model, zoo_names
from einthoven.cli._models import shipped_or_path
from einthoven.cli._reading import add_reading_arguments, reading
from einthoven.formats import open_source
from einthoven.live.replay import replay
from einthoven.record.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a recording to play")
    parser.add_argument(
        "--model", metavar="NAME|PATH", help="in place of the shipped one of its task"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="X",
        help="times real time; 0: as fast as it goes",
    )
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the events of the live profile."""
    if not (math.isfinite(args.speed) and args.speed >= 0):
        raise UsageError("--speed", f"is {args.speed:g}", "Give 0 or more")
    model = load_model(shipped_or_path(args.model)) if args.model else None
    if model and "live" not in model.card.profiles:
        cards = [load_model(name).card for name in zoo_names()]
        fit = [c.name for c in cards if c.task == model.card.task and "live" in c.profiles]
        mend = f"Use one that was: {', '.join(fit)}"
        raise UsageError(f"model {model.card.name!r}", "was not made for streams", mend)
    source = open_source(args.source, **reading(args))
    for event in replay(source, model=model, speed=args.speed):
        print(json.dumps(event.to_dict()), flush=True)
    return 0
