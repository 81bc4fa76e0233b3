"""Judge a run or a model again without training, or many side by side in a suite."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from einthoven.record.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument(
        "subject", nargs="*", metavar="RUN|MODEL",
        help="a run folder, or a shipped model's name; with --ensemble two run folders or more",
    )  # fmt: skip
    parser.add_argument("--suite", metavar="NAME", help="judge many side by side instead")
    parser.add_argument(
        "--ensemble", metavar="KIND",
        help="judge the runs mixed into one, too: mean, weighted, top2-mean, top2-weighted, "
        "top2-classes-mean, top2-classes-weighted or dynamic; weights are of the validation sides",
    )  # fmt: skip
    parser.add_argument(
        "--protocol", metavar="NAME",
        help="who is tested on whom (default: the run's own; inter-patient for a model)",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", help="write the results there (default for a suite: results)"
    )
    parser.add_argument(
        "--runs", default="runs", metavar="DIR", help="where a suite finds the run folders"
    )
    parser.add_argument(
        "--no-train", action="store_true", help="a suite that trains judges what is there instead"
    )
    parser.add_argument(
        "--test-side", action="store_true",
        help="a suite that keeps its test side back scores it, too; each look is counted",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--force", action="store_true", help="write over the results of a run or model"
    )


def run(args: argparse.Namespace) -> int:
    """Judge, print, and write where asked."""
    if bool(args.subject) == (args.suite is not None):
        mend = "Give RUN, MODEL or --suite NAME, and one of these"
        raise UsageError("evaluate", "needs one thing to judge", mend)
    for flag, given in (("--protocol", args.protocol), ("--ensemble", args.ensemble)):
        if given is not None and args.suite is not None:
            raise UsageError(flag, "a suite has its own", "Leave it out")
    for flag, given in (("--no-train", args.no_train), ("--test-side", args.test_side)):
        if given and args.suite is None:
            raise UsageError(flag, "is for suites", "Leave it out, or give --suite NAME")
    if args.suite is not None:
        return _suite(args)
    from einthoven.report.scores import scores_text
    from einthoven.suites import judge_ensemble, judge_one

    out = Path(args.out) if args.out else None
    if args.ensemble is not None:
        if args.protocol:
            raise UsageError("--protocol", "runs are judged under their own", "Leave it out")
        table = judge_ensemble(args.subject, args.ensemble, out, force=args.force)
    elif len(args.subject) > 1:
        mend = "Give --ensemble KIND to mix runs, or judge one after the other"
        raise UsageError("evaluate", "judges one run or model by itself", mend)
    else:
        table = judge_one(args.subject[0], args.protocol, out, force=args.force, progress=_bar())
    print(json.dumps(table, ensure_ascii=False) if args.json else scores_text(table))
    return 0


def _suite(args: argparse.Namespace) -> int:
    from einthoven.report.scores import scores_text
    from einthoven.suites import run_suite

    results = run_suite(
        args.suite, Path(args.out or "results"), Path(args.runs), train=not args.no_train,
        test=args.test_side,
    )  # fmt: skip
    if args.json:
        print(json.dumps(results, ensure_ascii=False))
    elif isinstance(results.get("tables"), dict):
        for table in results["tables"].values():
            print(scores_text(table))
    for note in results.get("notes", ()):
        print(f"einthoven: {note}", file=sys.stderr)
    if results.get("missing"):
        print(f"einthoven: not trained: {len(results['missing'])} runs", file=sys.stderr)
    where = Path(args.out or "results") / f"{args.suite}.json"
    print(f"einthoven: wrote {where}", file=sys.stderr)
    return 0


def _bar() -> Callable[[float], None] | None:
    """Return what draws a progress bar, where there is somebody to see it."""
    if not sys.stderr.isatty():
        return None
    from tqdm import tqdm

    bar = tqdm(total=100, unit="%", leave=False)

    def show(share: float) -> None:
        bar.update(round(100 * share) - bar.n)
        if share >= 1:
            bar.close()

    return show
