"""Say which waves, leads and numbers an answer of a model rests on, by one method or many."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from einthoven._version import __version__
from einthoven.cli import DISCLAIMER
from einthoven.cli._models import shipped_or_path
from einthoven.cli._reading import add_reading_arguments, reading
from einthoven.record.errors import EinthovenError, UsageError
from einthoven.record.explanation import Explanation
from einthoven.record.files import beside, write_text

if TYPE_CHECKING:
    from einthoven.explain._choice import Cases

ENDINGS = (".html", ".png", ".svg", ".json", ".npz")
_ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    parser.add_argument("model", metavar="MODEL", help="name of a shipped model, a bundle or a run")
    parser.add_argument("path", metavar="PATH", help="a recording")
    parser.add_argument(
        "--beat", type=int, metavar="N",
        help="which beat, from 0 as in analyze --json (of a model of rhythm or diagnoses which "
        "span); without it the surest that is not normal",
    )  # fmt: skip
    parser.add_argument(
        "--method", action="append", metavar="NAME",
        help="how; again for more, all for every one that can serve the model; without it the one "
        "that passed its tests with the model best",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="CLASS", help="for which class; without it the model's answer"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write .html, .png, .svg, .json or .npz, by the ending"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, maps included")
    parser.add_argument("--force", action="store_true", help="write over what is there")
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one answer."""
    from einthoven.explain._cases import cases
    from einthoven.explain._explainer import chosen, served, target_of
    from einthoven.explain._item import fidelity
    from einthoven.explain._open import open_model
    from einthoven.explain.explanation import default_method, explained
    from einthoven.formats import open_source
    from einthoven.report.explained import Seen

    out = _out(args)
    model = open_model(shipped_or_path(args.model))
    asked = args.method or [default_method(model)]
    named = [name for name in dict.fromkeys(asked) if name != _ALL]
    for name in named:
        chosen(model, name)  # refused before any work is done
    methods = served(model) if _ALL in asked else tuple(named)
    if args.target is not None:
        target_of(model, args.target)
    source = open_source(args.path, **reading(args))
    every = cases(model, source)
    number = every.most_telling(args.target) if args.beat is None else every.checked(args.beat)
    case = every[number]
    target = args.target or every.told(number)
    answer, uncertain = every.answer(number), every.uncertain(number, target)
    seen = []
    for name in methods:
        begun = time.perf_counter()
        try:
            found = explained(model, case, every.place(number), target, name, answer, uncertain)
        except EinthovenError as fault:
            if _ALL not in asked:
                raise
            print(f"einthoven: left out: {fault}", file=sys.stderr)
            continue
        took = time.perf_counter() - begun
        score = None
        if out is not None and out.suffix == ".html":
            score = fidelity(found.attribution, case, model)
        seen.append(Seen(explanation=found, fidelity=score, seconds=took))
    if out is not None:
        _write(out, every, seen)
        print(f"written to {out}", file=sys.stderr)
    if args.json:
        print(json.dumps(_document(source.path, [s.explanation for s in seen]), ensure_ascii=False))
        return 0
    print("\n\n".join(_text(s.explanation) for s in seen))
    print(DISCLAIMER, file=sys.stderr)
    return 0


def _out(args: argparse.Namespace) -> Path | None:
    """Return the file to write.

    Raises
    ------
    UsageError : its ending is none of `ENDINGS`, or it is there already.
    """
    if args.out is None:
        return None
    path = Path(args.out)
    if path.suffix not in ENDINGS:
        fault = f"has the ending {path.suffix!r}" if path.suffix else "has no ending"
        raise UsageError(path, f"{fault}, so it is not clear what to write",
                         f"Use one of {', '.join(ENDINGS)}")  # fmt: skip
    if path.exists() and not args.force:
        raise UsageError(path, "is there already", "Give another --out, or --force")
    if path.suffix == ".png":
        from einthoven.explain._raster import ready

        ready(path)
    return path


def _write(path: Path, every: Cases, seen: Sequence[Any]) -> None:
    """Write explanations as the ending of `path` says."""
    from einthoven.explain import picture
    from einthoven.report.explained import page_html

    found = [s.explanation for s in seen]
    marks = _marks(found[0])
    if path.suffix == ".json":
        document = _document(every.source.path, found)
        write_text(path, json.dumps(document, ensure_ascii=False) + "\n")
    elif path.suffix == ".npz":
        with beside(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **_arrays(found))
    elif path.suffix == ".html":
        write_text(path, page_html(every.source, seen, marks))
    else:
        drawn = [
            picture.svg(every.source, f.attribution, words=_words(f), marks=marks) for f in found
        ]
        picture.save(path, picture.stacked(drawn) if len(drawn) > 1 else drawn[0])


def _marks(found: Explanation) -> list[tuple[int, str, str]]:
    """Return the beat that is explained, named by the model's answer."""
    from einthoven.report._classes import colour

    if found.task != "beat":
        return []
    return [(found.start, name, colour(name)) for name in found.answer or ()]


def _words(found: Explanation) -> str:
    """Return the sentence, and why the answer is uncertain where it is."""
    return f"{found.words}. Uncertain: {found.uncertain}" if found.uncertain else found.words


def _document(path: str, found: Sequence[Explanation]) -> dict[str, Any]:
    first = found[0].attribution
    return {
        "einthoven": __version__, "source": path, "record": first.record, "model": first.model,
        "target": first.target, "explanations": [f.to_dict() for f in found],
    }  # fmt: skip


def _arrays(found: Sequence[Explanation]) -> dict[str, Any]:
    """Return arrays by name: of each method its map, with rows and columns, and its numbers."""
    arrays: dict[str, Any] = {}
    for f in found:
        a = f.attribution
        arrays[f"{a.method}_names"] = np.array(list(a.numbers), dtype=np.str_)
        arrays[f"{a.method}_numbers"] = np.array(list(a.numbers.values()), np.float64)
        if a.measurements:
            told = a.measurements
            arrays[f"{a.method}_measured"] = np.array(list(told), dtype=np.str_)
            arrays[f"{a.method}_measurements"] = np.array(list(told.values()), np.float64)
        if a.values is not None:
            arrays[f"{a.method}_map"] = a.values
            arrays[f"{a.method}_seconds"] = a.time
            arrays[f"{a.method}_leads"] = np.array(a.leads, dtype=np.str_)
    return arrays


def _text(found: Explanation) -> str:
    """Return an explanation as plain text: the sentence, and the numbers with bars of + and -."""
    from einthoven.explain._words import spoken
    from einthoven.explain.picture import UNIT_WORDS, ranked

    a = found.attribution
    lines = [
        f"{a.record}, {a.what}: {a.target} at {spoken(a.probability)}   ({a.model}, {a.method})",
        f"  {_words(found)}",
    ]
    rows = ranked(a.numbers)
    top = max((abs(v) for _, v in rows), default=0.0) or 1.0
    wide = max((len(name) for name, _ in rows), default=0)
    if rows:
        lines += ["", f"  {UNIT_WORDS[a.unit]}"]
    for name, value in rows:
        bar = ("+" if value > 0 else "-") * round(30 * abs(value) / top)
        lines.append(f"  {name:<{wide}}  {value:>+8.3f}  {bar}".rstrip())
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in "\n".join(lines))
