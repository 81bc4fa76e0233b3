"""What `einthoven evaluate` found, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from einthoven.report._markdown import cell, interval


def scores_text(table: Mapping[str, Any]) -> str:
    """Return one table of a results file: each system with its classes, intervals and note.

    Parameters
    ----------
    table : as in ``beats.json`` under ``tables``, or of whole records (``unit`` is ``record``).
    """
    if table.get("unit") == "record":
        return _records_text(table)
    leaky = ", LEAKY" if table["leaky"] else ""
    lines = [f"{table['corpus']} {table['labels']}, {table['protocol']}{leaky}", ""]
    for system in table["systems"]:
        figures = system["figures"]
        variant = f" ({system['variant']})" if system["variant"] else ""
        lines.append(
            f"{system['title']}{variant}: {cell(system['n'])} beats of {system['subjects']} "
            f"patients, {_how_many(system)}"
        )
        if "records_of" in system:
            away = system["records_of"] - system["records"]
            lines.append(
                f"  NOT the whole of {table['corpus']}: {away} of its {system['records_of']} "
                "records are not here."
            )
        over = " ".join(c for c in table["macro_over"] if figures["classes"][c]["support"])
        for key, words in (("accuracy", "accuracy"), ("macro_f1", f"macro F1 over {over}")):
            lines.append(_figure(words, figures[key]))
        if figures.get("j_kappa", {}).get("mean") is not None:
            lines.append(_figure("jk index", figures["j_kappa"]))
        body = [_row(name, entry) for name, entry in figures["classes"].items()]
        for record, rest in system.get("without", {}).items():
            body.append(_row(f"S without {record}", rest["classes"]["S"]))
        lines += ["", *aligned(("class", "beats", "Se", "+P", "F1", "95 % over patients"), body)]
        lines.append("")
    lines += [table["note"]] if table["note"] else []
    return "\n".join(lines) + "\n"


def _how_many(system: Mapping[str, Any]) -> str:
    seeds = len(system["runs"])
    if "members" not in system:
        return f"{seeds} trained"
    return f"{len(system['members'])} mixed" + (f", of {seeds} seeds each" if seeds > 1 else "")


_MEANS = {
    "auroc": "AUROC", "auprc": "AUPRC", "f1": "F1", "f2": "F2", "g2": "G2", "ece": "ECE",
    "brier": "Brier score",
}  # fmt: skip


def _records_text(table: Mapping[str, Any]) -> str:
    """Return the scores of a run on whole records."""
    classes = len(table["classes"])
    lines = [f"{table['corpus']} {table['labels']}, {table['protocol']}", ""]
    for system in table["systems"]:
        figures = system["figures"]
        variant = f" ({system['variant']})" if system["variant"] else ""
        away = ", ".join(f"{count(n)} {why}" for why, n in system["left_out"].items() if n)
        who = f"{cell(system['n'])} records of {system['subjects']} people"
        lines += [
            f"{system['title']}{variant}: {who}",
            f"  test side: {system['test_side'] or 'none that is kept for tests'}",
            f"  left out: {away or 'none'}",
        ]
        for key, words in _MEANS.items():
            mean = figures["macro"][key]
            lines.append(_over_people(f"macro {words} over {mean['classes']} of {classes}", mean))
        lines.append(_over_people("Fmax by record", figures["whole"]["f_max"]))
        if "challenge" in figures["whole"]:
            words = f"score of CinC-2021 over {table['scored_by_challenge']} of its 26 classes"
            lines.append(_over_people(words, figures["whole"]["challenge"]))
        head = ("class", "true", "known", "AUROC", "95 % over people", "AUPRC", "F1",
                "95 % over people", "F2", "G2", "ECE", "Brier", "threshold")  # fmt: skip
        body = [_class_row(name, entry) for name, entry in figures["classes"].items()]
        lines += ["", *aligned(head, body), ""]
    return "\n".join([*lines, table["note"]]) + "\n"


def _over_people(words: str, entry: Mapping[str, Any]) -> str:
    ends = interval((entry["low"], entry["high"]))
    some = f"; {entry['lacking']} of {entry['draws']} draws lacked a class"
    lacking = some if entry["lacking"] else ""
    return f"  {words}: {cell(entry['value'])}  (95 % over people {ends}{lacking})"


def _class_row(name: str, entry: Mapping[str, Any]) -> list[str]:
    def value(key: str) -> str:
        return cell(entry[key]["value"])

    def ends(key: str) -> str:
        return interval((entry[key]["low"], entry[key]["high"]))

    return [
        name, count(entry["positives"]), count(entry["known"]), value("auroc"), ends("auroc"),
        value("auprc"), value("f1"), ends("f1"), *map(value, ("f2", "g2", "ece", "brier")),
        cell(entry["threshold"]),
    ]  # fmt: skip


def _figure(words: str, entry: Mapping[str, Any]) -> str:
    ends = interval(entry["over_patients"])
    return f"  {words}: {cell(entry['mean'])}  (95 % over patients {ends})"


def _row(name: str, entry: Mapping[str, Any]) -> list[str]:
    means = [cell(entry[key]["mean"]) for key in ("sensitivity", "predictivity", "f1")]
    return [name, count(entry["support"]), *means, interval(entry["f1"]["over_patients"])]


def count(value: float) -> str:
    """Return a number of beats, a mean over trained models where these had not the same ones."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines in which the columns stand under each other, the first to the left."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    return [
        "  " + row[0].ljust(widths[0]) + "".join(
            "  " + text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)
        )
        for row in (columns, *rows)
    ]  # fmt: skip
