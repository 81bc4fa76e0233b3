"""Parts of the page on beat classifiers that speak of rows of a table, whatever made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from einthoven.report._markdown import cell, interval, table

Row = Mapping[str, Any]

WITHOUT = "S without 232"
_SHIPPED = (
    "One trained model each, as `einthoven analyze` uses it: on the reference's beats, and behind "
    "our own R peaks, where missed and made-up beats count as errors.\n"
)


def _label(s: Row) -> str:
    name = s["title"] if s["kind"] == "control" else s["name"]
    kind = {"control": "control", "boosting": "gradient boosting"}.get(s["kind"], "")
    words = ", ".join(w for w in (kind, s["variant"]) if w)
    return f"{name} ({words})" if words else name


def spoken(content: Mapping[str, Any]) -> str:
    """Return the protocol of a table, and whether it leaks."""
    return f"{content['protocol']}{' (leaky)' if content['leaky'] else ''}"


def with_interval(figure: Row | None) -> str:
    """Return a mean with its interval over patients, where it has one."""
    if not figure or figure["mean"] is None:
        return "-"
    ends = interval(figure["over_patients"])
    return f"{figure['mean']:.4f}" + (f" [{ends}]" if ends != "-" else "")


def gaps(rows: Sequence[Row]) -> str:
    """Return each model's two figures, within patients and between them, and what lies between."""
    if not rows:
        return ""
    words = {"accuracy": "accuracy", "macro_f1": "macro F1"}
    body = [
        [
            f"{r['model']} ({r['variant']})" if r["variant"] else r["model"], r["labels"].upper(),
            words[r["figure"]] + (f" over {' '.join(r['over'])}" if r["over"] else ""),
            *(
                with_interval({"mean": r[side], "over_patients": r[f"{side}_interval"]})
                for side in ("intra", "inter")
            ),
            r["gap"],
        ]
        for r in rows
    ]  # fmt: skip
    columns = ["model", "classes", "figure", "intra-patient (leaky)", "inter-patient", "gap"]
    return (
        "## The same model under both protocols\n\n"
        "Intra-patient is leaky: beats of one patient stand in training and in test. The gap is "
        "that leak and what else differs: within patients the networks learn longer and from some "
        "beats of every patient, with AAMI classes with less weight decay and from paced patients, "
        "too, whose Q counts in accuracy. Macro F1 is over the classes that both have; where "
        "within patients there are more, it has no interval there. F is one patient's figure "
        "between patients: the gaps of S and V above say more."
        "\n\n![The gap](assets/gap.svg)\n\n" + table(columns, body)
    )


def shipped(content: Row) -> str:
    """Return what the shipped models reach, on reference beats and behind our own R peaks."""
    systems = [s for s in content["systems"] if s["kind"] == "shipped"]
    if not systems:
        return ""
    classes = list(systems[0]["figures"]["classes"])
    body = [
        [
            _label(s), s["n"], with_interval(s["figures"]["accuracy"]),
            *(with_interval(s["figures"]["classes"][c]["f1"]) for c in classes),
            s.get("trust", {}).get("ece"), f"`{s['command']}`",
        ]
        for s in systems
    ]  # fmt: skip
    columns = ["model", "beats", "accuracy", *(f"F1 of {c}" for c in classes), "ECE", "made by"]
    parts = [
        f"## Shipped models: {content['labels'].upper()}, {content['protocol']}\n", _SHIPPED,
        table(columns, body), _heavy(systems), *_matrices(content["classes"], systems),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


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


def published(rows: Sequence[Mapping[str, str]]) -> str:
    """Return figures of others under a protocol that is judged here."""
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
    return (
        "S beats found of all there are, and beats falsely called S, in the eight records with "
        "most errors:\n\n" + table(["system", "record: found of all, false"], body)
    )


def conditions(found: Row) -> str:
    """Return F1 under each condition of recording, a column a system."""
    if not found:
        return ""
    systems = list(found["systems"])
    text = (
        f"## Other conditions of recording\n\nF1 on the {found['records']} records of DS2, one "
        "trained model a system (its first seed); a figure without brackets has no interval of its "
        "own, and is no surer than those above. The whole recording is altered and goes through "
        "the same input as in use. Noise is that of nstdb (em: electrode motion, ma: muscle, bw: "
        "baseline wander), the half that no training mixes in, at the decibels of the stress test; "
        "jitter is normal chance of that standard deviation; behind our own R peaks missed and "
        "made-up beats count as errors.\n"
    )
    parts = {"S": "F1 of S", WITHOUT: "F1 of S without record 232", "V": "F1 of V", "": "Macro F1"}
    told = {label for of in found["systems"].values() for row in of.values() for label in row["f1"]}
    for label, words in parts.items():
        if label == WITHOUT and label not in told:
            continue  # no system was judged since this is counted
        body = []
        for name in found["names"]:
            rows = [found["systems"][s].get(name) for s in systems]
            body.append([name, *(_told(r, label) for r in rows)])
        text += f"\n### {words}\n\n" + table(["condition", *systems], body)
    return text


def _told(row: Row | None, label: str) -> str | float | None:
    if row is None:
        return None
    value = row["f1"].get(label) if label else row["macro_f1"]
    ends = row.get("over_patients", {}).get(label or "macro_f1")
    return f"{value:.4f} [{interval(ends)}]" if ends and value is not None else value
