"""Results files to pages: ``docs/results.md``, ``docs/mitdb.md``, ``docs/systems.md``, pictures.

The README's table, too. Nothing here is measured or typed by hand: each table names the results
file that it came from and the command that makes that file, and a test makes the pages again and
compares.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from einthoven.bundle import load_model, zoo_names
from einthoven.record.errors import DataError
from einthoven.record.files import write_text
from einthoven.report import _explanations, _fractions, _mitdb, _peaks, _robustness, _systems
from einthoven.report._gap import gap_svg
from einthoven.report._markdown import table
from einthoven.suites import beats
from einthoven.suites._looks import system_of
from einthoven.suites._mitdb_said import eaten
from einthoven.suites._plan import plan

BEGIN, END = "<!-- systems:begin -->", "<!-- systems:end -->"
_GUIDED = "<!-- guided:begin -->", "<!-- guided:end -->"
# Results files that have a part of the page of their own.
_PICTURED = MappingProxyType({"fractions.json": _fractions, "robustness.json": _robustness})
_OWN = ("beats.json", "gan.json", "guided.json", "looks.json", "mitdb.json", "peaks.json")

_TOP = (
    "# Results\n\n"
    "<!-- made by `make tables`; do not edit -->\n\n"
    "Every figure here is read from a file in `results/`, and every such file is made by the "
    "command that stands beside it. Published figures stand with their protocol.\n"
)


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the content of each ``*.json`` of a results folder, by file name.

    Raises
    ------
    DataError : a file that is no JSON object.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise DataError(path, f"is no JSON ({fault})", "Make it again") from fault
        if not isinstance(content, dict):
            raise DataError(path, "is no JSON object", "Make it again")
        found[path.name] = content
    return found


def results_page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return ``docs/results.md``.

    ``peaks.json`` and ``looks.json`` have parts of their own make, ``mitdb.json``, ``gan.json``
    and ``guided.json`` pages of their own; one run or model judged by itself (``evaluate RUN
    --out``) has none; any other file gives ``title``, ``command``, ``note`` and ``tables``, a list
    of ``{"title", "note", "columns", "rows"}``, and is printed as it is.
    """
    parts = [_TOP]
    if "mitdb.json" in results:
        parts.append("Beat classifiers have a page of their own: [mitdb](mitdb.md).\n")
    if "guided.json" in results:
        parts.append("Guided explanations have a page of their own: [guided](guided.md).\n")
    if "peaks.json" in results:
        parts.append(_peaks.page(results["peaks.json"]))
    for name, content in results.items():
        if name not in _OWN and content.get("suite") != "one":
            parts.append(_plain(name, content))
            if name in _PICTURED:
                parts.append(_PICTURED[name].page(content))
    shipped = _shipped()
    parts += [shipped] if shipped else []
    if "looks.json" in results:
        parts.append(_looks(results["looks.json"]["looks"]))
    if not results:
        parts.append("No results yet.\n")
    return "\n".join(parts)


def _shipped() -> str:
    """Return what the cards of the shipped models say."""
    cards = [(load_model(name), load_model(name).card) for name in zoo_names()]
    if not cards:
        return ""
    body = [
        [
            card.name, card.task, " ".join(card.classes), ", ".join(card.profiles),
            card.protocol, card.data.get("corpus", ""), card.threshold,
            round(sum(len(bundle.stage_bytes(i)) for i in range(len(card.stages))) / 1024),
            f"`{bundle.sha256[:12]}`",
        ]
        for bundle, card in cards
    ]  # fmt: skip
    columns = ["model", "task", "classes", "profiles", "judged by", "learnt from"]
    columns += ["uncertain below", "KB", "SHA-256"]
    limits = [f"- {card.name}: {' '.join(card.limits)}\n" for _, card in cards if card.limits]
    return (
        "## Shipped models\n\nFrom the cards in `src/einthoven/zoo`; the whole card: "
        "`einthoven models show NAME`.\n\n" + table(columns, body) + "\n" + "".join(limits)
    )


def _plain(name: str, content: Mapping[str, Any]) -> str:
    title = str(content.get("title", Path(name).stem.capitalize()))
    text = f"## {title}\n\nFrom `results/{name}`"
    text += f", made by `{content['command']}`" if content.get("command") else ""
    text += f". {content['note']}\n" if content.get("note") else ".\n"
    tables = content.get("tables", [])
    for part in tables if isinstance(tables, list) else []:
        text += f"\n### {part['title']}\n\n" if part.get("title") else "\n"
        text += f"{part['note']}\n\n" if part.get("note") else ""
        text += table(part["columns"], part["rows"])
    return text


def _looks(looks: Sequence[Mapping[str, str]]) -> str:
    times = Counter((system_of(look["system"]), look["side"]) for look in looks)
    sides = Counter(look["side"] for look in looks)
    body = [[system, side, n] for (system, side), n in sorted(times.items())]
    body += [["**all**", side, n] for side, n in sorted(sides.items())]
    return (
        "## Looks at public test sides\n\n"
        "From `results/looks.json`: how often each system was scored on a public test side, each "
        "seed for itself. The same answers scored again are the same look.\n\n"
        + table(["system", "test side", "looks"], body)
    )


def with_systems(readme: str, results: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """Return a README with the table of systems between its two marks made anew.

    Raises
    ------
    DataError : the marks are not there.
    """
    return _between(readme, (BEGIN, END), _systems.short_table(results), where)


def _between(page: str, marks: tuple[str, str], text: str, where: str) -> str:
    """Return a page with what stands between two marks made anew."""
    before, begin, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        fault = f"lacks the marks of a table, {marks[0]} and {marks[1]}"
        raise DataError(where, fault, "Add them")
    return f"{before}{begin}\n{text}{end}{after}"


def write_tables(root: Path) -> list[Path]:
    """Make all generated pages of a checkout anew; return those that changed.

    Parameters
    ----------
    root : the checkout: it holds ``results/``, ``docs/`` and ``README.md``.
    """
    results = read_results(root / "results")
    pages = {
        root / "docs" / "results.md": results_page(results),
        root / "docs" / "systems.md": _systems.page(results),
        root / "docs" / "mitdb.md": _mitdb.page(
            results.get("mitdb.json"),
            _systems.systems()["published"],
            results.get("looks.json", {}).get("looks", ()),
            results.get("aami-review-first.json"),
            eaten(plan(Path("runs"), seeds=(0,))[0]),
        ),
    }
    gaps = beats.gaps(results.get("mitdb.json", {}).get("tables", {}))
    if gaps:
        pages[root / "docs" / "assets" / "gap.svg"] = gap_svg(gaps)
    if "mitdb.json" in results:
        for name, picture in _mitdb.pictures(results["mitdb.json"]).items():
            pages[root / "docs" / "assets" / name] = picture
    for file, of in _PICTURED.items():
        for name, picture in of.pictures(results[file]).items() if file in results else ():
            pages[root / "docs" / "assets" / name] = picture
    readme = root / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        pages[readme] = with_systems(text, results, str(readme))
    guided = root / "docs" / "guided.md"
    if "guided.json" in results and guided.is_file():
        text = guided.read_text(encoding="utf-8")
        made = _plain("guided.json", results["guided.json"])
        pages[guided] = _between(text, _GUIDED, made, str(guided))
    found = root / "src" / "einthoven" / "explain" / "tested.json"
    if "explanations.json" in results and found.is_file():
        pages[found] = _explanations.tested(results["explanations.json"])
    changed = []
    for path, text in pages.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            changed.append(write_text(path, text))
    return changed


if __name__ == "__main__":
    import sys

    for page in write_tables(Path.cwd()):
        sys.stdout.write(f"{page}\n")
