"""List, load, check, describe or cut the public data sets."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from einthoven.corpora import (
    CORPORA,
    Corpus,
    RecordSurvey,
    check,
    data_root,
    open_corpus,
    survey,
)
from einthoven.formats._replace import writing
from einthoven.record.errors import DataError, EinthovenError, UsageError
from einthoven.record.record import Signal

VERBS = {
    "list": "which there are, and which are here",
    "get": "load one from its publisher, and verify it",
    "check": "compare files and labels with the publisher's",
    "report": "counts, rates, classes and quality of the signals",
    "build": "cut the windows that recipes train on",
}

_LISTED = 10
_MANY, _SHORT = 8, 120.0  # leads, at least, and seconds, at most, of records held side by side
_COUNTS = ("symbols", "classes", "statements")  # of the facts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare flags and arguments."""
    what = "; ".join(f"{verb}: {text}" for verb, text in VERBS.items())
    parser.add_argument("verb", choices=tuple(VERBS), help=what)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the data set (not for list)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--root", type=Path, metavar="DIR", help="data root (EINTHOVEN_DATA)")
    parser.add_argument("--mirror", metavar="URL", help="get: load from there instead")
    parser.add_argument(
        "--recipe", action="append", metavar="NAME", help="build: for that recipe (default: all)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="report: write NAME.svg there too")
    parser.add_argument(
        "--force", action="store_true", help="get, report: replace files that differ or are there"
    )


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; 1 where a check finds a fault."""
    root = args.root or data_root()
    if args.verb == "list":
        return _list([open_corpus(name, root) for name in args.names or CORPORA.names()], args.json)
    if not args.names:
        raise UsageError(
            f"data {args.verb}", "names no data set", f"Name one of: {', '.join(CORPORA.names())}"
        )
    corpora = [open_corpus(name, root) for name in args.names]
    codes = [_DO[args.verb](corpus, args) for corpus in corpora]
    return max(codes)


def _bar(total: int, name: str, *, unit: str, scale: bool = False) -> tqdm[None]:
    return tqdm(
        total=total, desc=name, unit=unit, unit_scale=scale, file=sys.stderr, leave=False,
        disable=not sys.stderr.isatty(),
    )  # fmt: skip


def _list(corpora: Sequence[Corpus], as_json: bool) -> int:
    if as_json:
        rows = [
            {k: v for k, v in _facts(c).items() if k not in _COUNTS}
            | {"present": len(c.present), "folder": str(c.folder)}
            for c in corpora
        ]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    table = [("name", "here", "subjects", "Hz", "hours", "MB", "licence", "title")]
    for corpus in corpora:
        facts = corpus.facts
        table.append(
            (
                facts.name, f"{len(corpus.present)}/{facts.records}", str(facts.subjects),
                f"{facts.rate:g}", f"{facts.hours:.1f}" if facts.hours else "-",
                f"{facts.size / 1e6:.0f}" if facts.size else "-",
                facts.licence, facts.title,
            )
        )  # fmt: skip
    _print_table(table)
    print(f"data root: {corpora[0].root}", file=sys.stderr)
    return 0


def _facts(corpus: Corpus) -> dict[str, object]:
    """Return the publisher's facts as JSON can hold them."""
    facts = {k: getattr(corpus.facts, k) for k in corpus.facts.__dataclass_fields__}
    return facts | {k: dict(facts[k]) for k in _COUNTS}


def _print_table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def _get(corpus: Corpus, args: argparse.Namespace) -> int:
    from einthoven.corpora._download import download  # urllib costs 25 ms that only get needs

    print(f"{corpus.title}: {corpus.licence}. Cite: {corpus.citation}", file=sys.stderr)
    with _bar(corpus.facts.size, corpus.name, unit="B", scale=True) as bar:
        loaded = download(
            corpus, mirror=args.mirror, force=args.force,
            progress=lambda _name, size: bar.update(size),
        )  # fmt: skip
    if args.json:
        print(json.dumps({"name": corpus.name, "folder": str(corpus.folder), "loaded": loaded}))
    else:
        total = len(corpus.files())
        print(
            f"{corpus.name}: {len(loaded)} of {total} files loaded, all verified, {corpus.folder}"
        )
    return 0


def _check(corpus: Corpus, args: argparse.Namespace) -> int:
    with _bar(len(corpus.files()), corpus.name, unit="file") as bar:
        found = check(corpus, progress=lambda _name: bar.update())
    if args.json:
        print(json.dumps({"name": corpus.name, "ok": found.ok} | asdict(found)))
        return 0 if found.ok else 1
    here, records = len(corpus.present), corpus.facts.records
    if not corpus.files():
        made = not corpus.facts.by_hand
        print(
            f"{corpus.name}: has no files; its records are made when opened"
            if made
            else f"{corpus.name}: {here} of {records} records; no checksums of its files are known"
        )
    elif found.listed:
        print(
            f"{corpus.name}: {len(found.sound)} files as published, {len(found.corrupt)} differ, "
            f"{len(found.missing)} missing"
        )
    else:
        print(
            f"{corpus.name}: {here} of {records} records; the publisher's checksums are not here, "
            f"so that no file can be called sound"
        )
    if found.headers or found.faults:
        print(f"  read: headers of {found.headers} records, labels of {found.labelled}")
    for word, names in (
        ("differs", found.corrupt), ("missing", found.missing), ("wrong", found.faults)
    ):  # fmt: skip
        for name in names[:_LISTED]:
            print(f"  {word}: {name}")
        if len(names) > _LISTED:
            print(f"  {word}: {len(names) - _LISTED} more (--json lists all)")
    if found.labels_counted and not found.labels:
        symbols = sum(corpus.facts.symbols.values())
        print(
            f"  labels as published: {f'{symbols} marks' if symbols else f'{here} records'} counted"
        )
    for name, (published, there) in found.labels.items():
        print(f"  label {name!r}: {published} published, {there} found")
    for note in corpus.notes():
        print(f"  note: {note}")
    if not found.ok:
        mend = corpus.facts.by_hand or (
            f"mend with: einthoven data get {corpus.name}" + " --force" * bool(found.corrupt)
        )
        print(mend, file=sys.stderr)
    return 0 if found.ok else 1


def _report(corpus: Corpus, args: argparse.Namespace) -> int:
    from einthoven.report import _corpus as report  # the charts cost 60 ms that only report needs

    picture = None if args.out is None else args.out / f"{corpus.name}.svg"
    if picture is not None and picture.exists() and not args.force:
        raise UsageError(picture, "is there already", "Give --force to replace it")
    with _bar(len(corpus.present), corpus.name, unit="record") as bar:
        faults: list[EinthovenError] = []
        rows = survey(corpus, lambda _name: bar.update(), signals=True, faults=faults)
    for fault in faults:
        print(f"einthoven: left out: {fault}", file=sys.stderr)
    if not rows:
        raise DataError(corpus.folder, "holds no record that can be read", "Load it again")
    summary = report.summarise(corpus.name, rows, _near(corpus, rows))
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        with writing(picture) as file:
            file.write(report.corpus_picture(corpus.title, summary).encode())
    if args.json:
        short = {k: v for k, v in asdict(summary).items() if k not in ("ages", "lengths")}
        whole = _facts(corpus) | {"here": short, "notes": corpus.notes()}
        whole |= {"beats": summary.beats, "table": [asdict(r) for r in rows]}
        print(json.dumps(whole, ensure_ascii=False))
        return int(bool(faults))
    facts = corpus.facts
    for word in ("title", "version", "licence", "citation", "doi", "url", "leads"):
        if getattr(facts, word):
            print(f"{word + ':':<10} {getattr(facts, word)}")
    people = "subjects not known" if summary.subjects is None else f"{summary.subjects} subjects"
    print(
        f"{'here:':<10} {len(rows)} of {facts.records} records, {people}, {summary.hours:.2f} h "
        f"at {facts.rate:g} Hz"
    )
    print("\n".join(report.summary_lines(summary)))
    for note in corpus.notes():
        print(f"{'note:':<10} {note}")
    for labels, counted in summary.labels.items():
        print()
        table = [(labels, "records", "of", "%")]
        table += [
            (name, str(have), str(known), f"{100 * have / known:.1f}")
            for name, (have, known) in counted.items()
            if known
        ]
        _print_table(table, right=frozenset({1, 2, 3}))
    if summary.beats:
        print()
        _beats(rows, summary.beats)
    return int(bool(faults))


def _near(corpus: Corpus, rows: Sequence[RecordSurvey]) -> tuple[tuple[str, str], ...] | None:
    """Return the pairs that hold one recording, of short records of many leads.

    One lead alone tells too little: each record of 30 s then has hundreds of candidates.
    """
    from einthoven.protocols._leaks import fingerprints, near_duplicates

    some = [
        row.record
        for row in rows
        if row.quality is not None and len(row.leads) >= _MANY and row.seconds <= _SHORT
    ]
    if not some:
        return None

    def read(row: int) -> tuple[Signal, float, Sequence[str]]:
        source = corpus.open(some[row])
        return source.read(0, source.samples), source.rate, source.leads

    pairs = near_duplicates(fingerprints(read, range(len(some))), read)
    return tuple((some[pair.one], some[pair.two]) for pair in pairs)


def _beats(rows: Sequence[RecordSurvey], totals: Mapping[str, int]) -> None:
    """Print the beats, record by record."""
    classes = [c for c, count in totals.items() if count]
    table = [("record", "subject", "leads", "min", *classes, "rhythms")]
    table += [
        (
            r.record, r.subject, " ".join(r.leads), f"{r.seconds / 60:.1f}",
            *(str(r.classes[c]) for c in classes), " ".join(r.rhythms),
        )
        for r in rows
    ]  # fmt: skip
    minutes = sum(r.seconds for r in rows) / 60
    table.append(("all", "", "", f"{minutes:.1f}", *(str(totals[c]) for c in classes), ""))
    _print_table(table, right=frozenset(range(3, 4 + len(classes))))


def _build(corpus: Corpus, args: argparse.Namespace) -> int:
    from einthoven.store import KINDS, Columns, open_records, open_store
    from einthoven.training._recipe import load_recipe
    from einthoven.training._recipe import names as recipe_names

    recipes = [load_recipe(name) for name in args.recipe or recipe_names()]
    recipes = [r for r in recipes if corpus.name in (r.corpus.name, *r.corpus.others)]
    wanted = [r for r in recipes if r.input.kind in KINDS]
    if not wanted:
        made = ", ".join(f"{r.name} ({r.input.kind})" for r in recipes)
        raise UsageError(
            f"data build {corpus.name}",
            f"the store holds no windows of {made}: they are cut anew for each training"
            if made
            else f"{'none of these recipes' if args.recipe else 'no recipe'} trains on it",
            f"Give --recipe FILE of one with corpus.name = {corpus.name!r} and input.kind one of "
            f"{', '.join(KINDS)}",
        )
    rows = []
    # Recipes that eat the same share one store.
    stores: dict[tuple[str, str], Columns] = {}
    for recipe in wanted:
        key = recipe.input.fingerprint, recipe.corpus.peaks
        if key not in stores:
            stores[key] = (
                open_store(corpus, recipe.input, peaks=recipe.corpus.peaks)
                if recipe.input.kind == "beat"
                else open_records(corpus, recipe.input)
            )
        store = stores[key]
        size = sum(path.stat().st_size for path in store.path.iterdir())
        rows.append(
            {"recipe": recipe.name, "windows": len(store), "bytes": size, "store": store.path}
        )
    if args.json:
        print(json.dumps(rows, default=str))
        return 0
    table = [("recipe", "windows", "MB", "store")]
    table += [
        (str(r["recipe"]), f"{r['windows']}", f"{int(str(r['bytes'])) / 1e6:.1f}", str(r["store"]))
        for r in rows
    ]
    _print_table(table, right=frozenset({1, 2}))
    return 0


_DO = {"build": _build, "get": _get, "check": _check, "report": _report}
