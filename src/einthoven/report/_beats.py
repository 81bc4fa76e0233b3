"""``results/beats.json`` to tables: both protocols side by side, then each with all its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from einthoven.report._markdown import cell, interval, table

Row = Mapping[str, Any]


def page(results: Mapping[str, Any], published: Sequence[Mapping[str, str]]) -> str:
    """Return the part of the page on beat classifiers.

    Parameters
    ----------
    results : ``beats.json``.
    published : entries of ``systems.toml`` with figures under a protocol judged here.
    """
    draws = results["intervals"]["draws"]
    top = (
        f"## Beats\n\nFrom `results/beats.json`, made by `{results['command']}` out of the answers "
        "that each run folder keeps. A figure is the mean over the seeds; brackets are its 95 % "
        f"interval ({draws:,} percentile bootstrap draws) over patients: two systems inside each "
        "other's are a tie. A draw without a beat of the class is left out.\n"
    )
    parts = [top, _gaps(results["gaps"])]
    for name, content in results["tables"].items():
        mine = [p for p in published if p["table"] == name]
        parts.append(_one(content, mine))
    return "\n".join(part for part in parts if part)


def _gaps(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    words = {"accuracy": "accuracy", "macro_f1": "macro F1"}
    body = [
        [
            _model(r["model"], r["variant"]), r["labels"].upper(), words[r["figure"]],
            f"{r['intra']:.4f} [{interval(r['intra_interval'])}]",
            f"{r['inter']:.4f} [{interval(r['inter_interval'])}]", r["gap"],
        ]
        for r in rows
    ]  # fmt: skip
    return (
        "### The same model under both protocols\n\n"
        "Intra-patient is leaky: beats of one patient stand in training and in test. The gap is "
        "what that leak is worth.\n\n![The gap](assets/gap.svg)\n\n"
        + table(
            ["model", "classes", "figure", "intra-patient (leaky)", "inter-patient", "gap"], body
        )
    )


def _model(name: str, variant: str) -> str:
    return f"{name} ({variant})" if variant else name


def _one(content: Row, published: Sequence[Mapping[str, str]]) -> str:
    leaky = " (leaky)" if content["leaky"] else ""
    over = " ".join(content["macro_over"])
    systems = content["systems"]
    parts = [
        f"### {content['labels'].upper()}, {content['protocol']}{leaky}\n",
        f"{content['note']} Macro F1 is the mean over {over}.\n",
        _summary(systems),
        _per_class(systems),
        _heavy(systems),
        _published(published),
        *_matrices(content["classes"], systems),
        records_of_s(systems),
    ]
    return "\n".join(part for part in parts if part)


def _summary(systems: Sequence[Row]) -> str:
    jk = any("j_kappa" in s["figures"] for s in systems)
    columns = ["system", "seeds", "parameters", "beats", "patients", "accuracy", "macro F1"]
    columns += ["jk"] if jk else []
    columns += ["ECE", "published", "made by"]
    body = []
    for s in systems:
        figures = s["figures"]
        row = [_label(s), len(s["runs"]), s["parameters"], s["n"], s["subjects"]]
        row += [_with(figures[key]) for key in ("accuracy", "macro_f1")]
        row += [_with(figures.get("j_kappa"))] if jk else []
        row += [
            s.get("trust", {}).get("ece"),
            ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in s["published"].items()),
            f"`{s['command']}`" if s["command"] else "",
        ]
        body.append(row)
    return table(columns, body)


def _label(s: Row) -> str:
    name = s["title"] if s["kind"] == "control" else s["name"]
    kind = {"control": "control", "boosting": "gradient boosting"}.get(s["kind"], "")
    return _model(name, ", ".join(w for w in (kind, s["variant"]) if w))


def _with(figure: Row | None) -> str:
    """Return a mean with its interval over patients."""
    if not figure or figure["mean"] is None:
        return "-"
    return f"{figure['mean']:.4f} [{interval(figure['over_patients'])}]"


def _per_class(systems: Sequence[Row]) -> str:
    columns = ["system", "class", "beats", "Se", "+P", "F1", "over beats", "over patients", "seeds"]
    body = [
        [
            _label(s), name, entry["support"], entry["sensitivity"]["mean"],
            entry["predictivity"]["mean"], entry["f1"]["mean"], interval(entry["f1"]["over_beats"]),
            interval(entry["f1"]["over_patients"]), _seeds(entry["f1"]["seeds"]),
        ]
        for s in systems if s["kind"] != "control"
        for name, entry in s["figures"]["classes"].items()
    ]  # fmt: skip
    return table(columns, body)


def _seeds(values: Sequence[float | None]) -> str:
    told = [v for v in values if v is not None]
    return ", ".join(f"{v:.3f}" for v in told) if len(values) > 1 else ""


def _heavy(systems: Sequence[Row]) -> str:
    body = []
    for s in systems:
        for record, figures in s.get("without", {}).items():
            for words, source in ((f"with {record}", s["figures"]), (f"without {record}", figures)):
                entry = source["classes"]["S"]
                body.append(
                    [
                        _label(s), words, entry["support"], entry["sensitivity"]["mean"],
                        entry["predictivity"]["mean"], entry["f1"]["mean"],
                        interval(entry["f1"]["over_patients"]),
                    ]
                )  # fmt: skip
    if not body:
        return ""
    columns = ["system", "S", "beats", "Se", "+P", "F1", "over patients"]
    return "With and without the record that holds most of S:\n\n" + table(columns, body)


def _published(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return ""
    body = [[r["system"], r["figures"], r["paper"], r["note"]] for r in rows]
    return "Published, as far as the protocol is said to be this one:\n\n" + table(
        ["system", "figures", "paper", "note"], body
    )


def _matrices(classes: Sequence[str], systems: Sequence[Row]) -> Iterator[str]:
    for s in systems:
        if s["kind"] == "control":
            continue
        run = s["runs"][0]
        # Behind our own R peaks there is a class "-" more: said where no beat is, or missed.
        names = s.get("classes", classes)
        body: list[list[Any]] = [
            [name, *counts] for name, counts in zip(names, run["confusion"], strict=True)
        ]
        columns = [f"seed {run['seed']}: is \\ said", *names]
        note = "; `-` is no beat, or a beat missed" if "-" in names else ""
        yield f"Beats of {_label(s)}{note}:\n\n" + table(columns, body)


def records_of_s(systems: Sequence[Row]) -> str:
    """Return where S is found, missed and falsely said, the worst records first."""
    chosen = [s for s in systems if s.get("by_record")]
    if not chosen:
        return ""
    body = []
    for s in chosen:
        rows = s["by_record"]["S"].items()
        worst = sorted(rows, key=lambda item: -(item[1][1] + item[1][2]))[:8]
        told = "; ".join(
            f"{record}: {cell(round(hit))} of {cell(round(hit + miss))}, {cell(round(false))} false"
            for record, (hit, miss, false) in worst
        )
        body.append([_label(s), told])
    return "S by record, the eight with most errors:\n\n" + table(["system", "found of all"], body)
