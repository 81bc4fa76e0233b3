"""``results/mitdb.json`` to its page: where a researcher looks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from einthoven.protocols.inter_patient import VALIDATION
from einthoven.report._beats import (
    conditions,
    gaps,
    published,
    records_of_s,
    shipped,
    spoken,
    with_interval,
)
from einthoven.report._markdown import cell, interval, table
from einthoven.report._mitdb_changes import augmented, by_method
from einthoven.report._mitdb_charts import confusion_svg, roc_svg, size_svg
from einthoven.report._mitdb_ensembles import ensembles
from einthoven.report._mitdb_held import held
from einthoven.report._mitdb_seen import eaten, lost, marked, not_blind, plain, seen
from einthoven.report.scores import count
from einthoven.suites._mitdb_said import WORDS, difference, f1, without_control
from einthoven.suites.beats import gaps as gaps_of

Row = Mapping[str, Any]

# Both are drawn against bytes: N is nine beats of ten, and accuracy alone forgives much.
_SIZED = {"accuracy": "accuracy", "macro_f1": "macro F1"}
PROTOCOLS = ("intra-patient", "inter-patient")

_MEANT = (
    "AAMI classes: N normal, bundle branch block and escape, S supraventricular ectopic, V "
    "ventricular ectopic, F fusion, Q paced or unclassifiable. Se is sensitivity (recall), +P "
    "positive predictivity (precision), AUC the area under the ROC curve (its interval over "
    "beats after DeLong et al. 1988), ECE the expected calibration error, jk half of Cohen's kappa "
    "and an eighth each of Se and +P of S and V.\n"
)
_OURS = (
    "Of Song et al. the tables have the architectures, and not the method: theirs have rare "
    "classes from a GAN and focal loss, ours of the same names learn by cross-entropy with label "
    "smoothing and balanced draws, without GAN, and eat numbers beside the wave (below). {more}Our "
    "Self-ONN is another training of another input, too ([systems](systems.md)), and our numbers "
    "look ahead as its RR intervals do.\n"
)
_THEIRS = (
    "Trained with generated beats and focal loss they have a "
    "[table of their own](#what-each-change-is-worth-intra-patient-leaky). "
)
_WHOLE = "`boosting`, `beat-sequence` and `aami-review`"
_ABLATED = (
    "What RR numbers, template numbers, minutes of the patient and made beats are worth for S and "
    "V, a network over neighbouring beats in place of trees, and (without made beats) the other "
    "lead, was asked by leave-records-out in DS1: "
    "[ablation](results.md#aami-models-what-each-part-is-worth); and so was what "
    "[more would add](results.md#aami-models-what-more-would-add) to `aami-review`: forests, other "
    "networks over the wave, both leads, a say of the wave in what is S. A rule "
    "that no beat is S where the rhythm model is sure of fibrillation was tried there, too, and "
    "left out: it changed next to no answer (the recipe of `aami-review` holds the figures).\n"
)
_TOP = "# Beat classifiers on mitdb\n\n<!-- made by `make tables`; do not edit -->\n\n"


def page(
    results: Mapping[str, Any] | None,
    others: Sequence[Mapping[str, str]] = (),
    looks: Sequence[Mapping[str, str]] = (),
    first: Row | None = None,
    inputs: Sequence[Row] = (),
) -> str:
    """Return ``docs/mitdb.md``; where there are no results yet, it says how to make them.

    Parameters
    ----------
    results : ``mitdb.json``.
    others : published figures under a protocol judged here, as in ``systems.toml``.
    looks : the book of looks, ``looks.json``.
    first : the first score of the default model, ``aami-review-first.json``.
    inputs : what each system eats, of `suites._mitdb_said.eaten`.
    """
    if results is None:
        return f"{_TOP}No results yet. Make them with `einthoven evaluate --suite mitdb`.\n"
    found = results["tables"]
    draws = results["intervals"]["draws"]
    top = (
        f"{_TOP}From `results/mitdb.json`, made by `{results['command']}`. A figure is the mean "
        f"over the seeds; brackets are its 95 % interval ({draws:,} percentile bootstrap draws) "
        "over patients. All systems are asked about the same patients, so two intervals may "
        "overlap where one system is better for nearly all: they tell how far a figure would move "
        "with other patients, and not which of two is better. *Intra-patient* is leaky: "
        "beats of one patient stand in training and in test, and it says nothing of new patients. "
        f"*Inter-patient* trains on DS1 and tests on DS2.\n\n{_MEANT}"
    )
    parts = [
        top,
        f"{results['published']}\n\n{_OURS.format(more=_THEIRS if by_method(found) else '')}",
        seen(results, looks, first, inputs),
        held(results["held_to"], first, found),
        _side_by_side(found, inputs),
        _patient_leaks(results.get("patient_leaks", {}), found.get("aami inter-patient")),
        _others(others, found),
        gaps([g for g in gaps_of(found) if g["model"] != "constant"]),
        *(shipped(t) for t in found.values()),
        _other_labels(found),
        *augmented(found, not_blind(inputs)),
        *ensembles(found),
        *_per_class(found),
        conditions(results["conditions"]),
        _notes(results),
    ]
    return "\n".join(part for part in parts if part)


def pictures(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the SVG of each picture of the page by its file name."""
    found: dict[str, str] = {}
    for key, content in results["tables"].items():
        systems, name = plain(content), key.replace(" ", "-")
        words = f"{content['labels'].upper()}, {spoken(content)}"
        over = content["macro_over"]
        drawn = {
            "size": size_svg(systems, _SIZED, f"Against bytes of the ONNX graph: {words}"),
            "roc": roc_svg(systems, over, f"ROC of the first seed: {words}"),
            "confusion": confusion_svg(
                systems, content["classes"], f"Said of a hundred beats of each class: {words}"
            ),
        }
        found |= {f"mitdb-{kind}-{name}.svg": svg for kind, svg in drawn.items()}
    return found


def _control(content: Row | None) -> list[Row]:
    return [s for s in content["systems"] if s["kind"] == "control"] if content else []


def _others(rows: Sequence[Mapping[str, str]], found: Mapping[str, Any]) -> str:
    names = dict.fromkeys(r["table"] for r in rows)
    parts = [f"**{n}.** {published([r for r in rows if r['table'] == n])}" for n in names]
    ours = [
        [
            s["name"], len(s["runs"]), s["figures"]["accuracy"]["mean"],
            s["macro_sensitivity"]["mean"], s["figures"]["j_kappa"]["mean"],
        ]
        for s in plain(found.get("aami inter-patient")) if "j_kappa" in s["figures"]
    ]  # fmt: skip
    if parts and ours:
        columns = ["ours", "seeds", "accuracy", "mean Se", "jk"]
        parts.append("Ours, inter-patient, in the same figures:\n\n" + table(columns, ours))
    more = "Figures of further papers, each with its protocol: [systems](systems.md).\n"
    return "## Published by others\n\n" + "\n".join([*parts, more]) if parts else ""


def _patient_leaks(found: Row, content: Row | None = None) -> str:
    """Return whether systems that are told age and sex answer by whose beats they are.

    Parameters
    ----------
    found : by system, see `suites._patient_leak`.
    content : the table with the rows of those that learnt with another's.
    """
    return "".join(
        f"`{name}` is told age and sex. Macro F1 of its {one['side']} side: {one['told']:.4f} with "
        f"each patient's own, {one['exchanged']['mean']:.4f} ({one['exchanged']['least']:.4f} to "
        f"{one['exchanged']['most']:.4f}) with another's in {one['times']} exchanges, "
        f"{one['withheld']:.4f} with none. {_rests(one)}{_learnt_exchanged(name, content)}\n"
        for name, one in found.items()
    )


def _learnt_exchanged(name: str, content: Row | None) -> str:
    rows = {s["variant"]: s for s in content["systems"] if s["name"] == name} if content else {}
    if not {"", WORDS["exchanged"]} <= set(rows):
        return ""
    own, other = rows[""], rows[WORDS["exchanged"]]
    seeds = {r["seed"] for r in own["runs"]} & {r["seed"] for r in other["runs"]}
    apart = difference(other, own, "macro_f1")
    if apart is None:
        return ""
    return (
        " Macro F1 on DS2 of networks that learnt with another's from the beginning, less that of "
        f"networks that learnt with each patient's own: {apart:+.4f} (seeds: {len(seeds)}; "
        "[both](#what-each-change-is-worth-inter-patient)). Another is often of the same sex, so "
        "only a clear loss would show that age and sex themselves are used."
    )


def _rests(one: Row) -> str:
    # What was judged before did not keep its people, and counted one exchange several times.
    if one["leaks"] is None or "people" not in one:
        who = f"{one['people']} people" if "people" in one else "so few people"
        return f"Whether the figure rests on who the patient is cannot be told of {who}."
    rests = "**rests**" if one["leaks"] else "is not shown to rest"
    return (
        f"An exchange does as well as the truth with chance {one['chance']:.3f}: the figure "
        f"{rests} on who the patient is."
    )


def _side_by_side(found: Mapping[str, Any], inputs: Sequence[Row]) -> str:
    known = not_blind(inputs)
    intra, inter = (found.get(f"aami {p}") for p in PROTOCOLS)
    if not intra and not inter:
        return ""
    first, second = (
        {s["name"]: s for s in [*plain(t), *_control(t)]} for t in (intra, inter)
    )  # fmt: skip
    names = list(dict.fromkeys([*second, *first]))
    body = []
    for name in names:
        a, b = first.get(name), second.get(name)
        row = b or a
        assert row is not None
        body.append(
            [
                marked(name, (name, ""), known), _seeds(a, b),
                row["parameters"], *_cost(row),
                *(with_interval(r["figures"][f]) if r else "-" for f in _SIZED for r in (a, b)),
                *(with_interval(f1(r, label)) for label in ("S", "V") for r in (a, b)),
                with_interval(f1(b, "S", "232")), *(_gap(a, b, label) for label in ("S", "V")),
            ]
        )  # fmt: skip
    columns = [
        "system", "seeds", "parameters", "kB", "million MACs", "ms of the graph",
        "accuracy intra (leaky)", "accuracy inter", "macro F1 intra (leaky)", "macro F1 inter",
        "S intra", "S inter", "V intra", "V inter", "S inter without 232", "gap of S", "gap of V",
    ]  # fmt: skip
    over = [f"{spoken(t)} over {' '.join(t['macro_over'])}" for t in (intra, inter) if t]
    text = (
        f"## AAMI classes, within patients and between them\n\n{eaten(inputs)}"
        f"Macro F1 is {'; '.join(over)}. S and V are F1, a gap is that "
        "within patients less that between them. `majority` says N of every beat. parameters: "
        "numbers of a network, nodes of trees; kB: of the ONNX graph; MACs: multiply-accumulates "
        "of one beat (not counted for trees and sequences); ms: median of one beat on one thread "
        "of onnxruntime, without making the numbers beside the wave, on the machine that made the "
        "file. Between patients the networks learn from 18 records of DS1 and keep four "
        f"({', '.join(VALIDATION)}) for validation; {_WHOLE} are chosen by leave-records-out in "
        "DS1 and then learn from all 22. Within patients those make no beats, which would be made "
        "from recordings that are tested, choose no offsets, learn from all beats of the training "
        "side, and keep the settings that were chosen between patients.\n\n"
    )
    text += table(columns, body)
    for content in (inter, intra):
        if content:
            text += f"\n{content['note']}{_strict_rows(content)}\n"
            text += _shown(content)
    by_record = records_of_s(plain(inter))
    told = f"\n{lost(plain(inter), known)}{_ABLATED}" if by_record else ""
    return f"{text}\n{by_record}{told}"


def _seeds(intra: Row | None, inter: Row | None) -> str:
    counts = [len(r["runs"]) for r in (intra, inter) if r]
    return f"{counts[0]}" if len(set(counts)) == 1 else f"{counts[0]} intra, {counts[1]} inter"


def _strict_rows(content: Row) -> str:
    there = any(s["variant"] == WORDS["strict"] for s in content["systems"])
    return " Those rows stand [below](#what-each-change-is-worth-inter-patient)." if there else ""


def _shown(content: Row) -> str:
    words = {
        "size": "Accuracy and macro F1 against bytes", "roc": "ROC curves",
        "confusion": "Confusion",
    }  # fmt: skip
    name = f"{content['labels']}-{content['protocol']}"
    return "".join(
        f"\n![{said}, {spoken(content)}](assets/mitdb-{kind}-{name}.svg)\n"
        for kind, said in words.items()
    )


def _cost(row: Row) -> list[Any]:
    cost = row.get("cost") or {}
    size, macs = cost.get("bytes"), cost.get("macs")
    return [
        size / 1000 if size else None, macs / 1e6 if macs else None, cost.get("milliseconds"),
    ]  # fmt: skip


def _gap(a: Row | None, b: Row | None, label: str) -> float | None:
    one, two = f1(a, label), f1(b, label)
    if not one or not two or one["mean"] is None or two["mean"] is None:
        return None
    return float(one["mean"] - two["mean"])


def _other_labels(found: Mapping[str, Any]) -> str:
    tables = [found[f"nlrav {p}"] for p in PROTOCOLS if f"nlrav {p}" in found]
    if not tables:
        return ""
    body = [
        [
            s["name"], spoken(t), len(s["runs"]), _cost(s)[0],
            *(with_interval(s["figures"][f]) for f in _SIZED), s["roc"]["macro"],
            *(entry["f1"]["mean"] for entry in s["figures"]["classes"].values()),
        ]
        for t in tables for s in plain(t)
    ]  # fmt: skip
    columns = ["system", "protocol", "seeds", "kB", "accuracy", "macro F1", "mean AUC", *"NLRAV"]
    text = (
        "## N L R A V\n\nN normal, L and R left and right bundle branch block, A atrial premature, "
        "V ventricular premature; beats of other kinds take no part.\n\n" + table(columns, body)
    )
    return text + "".join(_shown(t) for t in tables)


def _per_class(found: Mapping[str, Any]) -> Iterator[str]:
    ends = ["over beats", "over patients"]
    columns = ["system", "class", "beats", "Se", "+P", "F1", *ends, "AUC", *ends]
    for content in found.values():
        body = [
            [
                s["name"] if not s["variant"] else f"{s['name']} ({s['variant']})", name,
                count(entry["support"]), entry["sensitivity"]["mean"],
                entry["predictivity"]["mean"],
                entry["f1"]["mean"], *_ends(s, name),
                *_auc(s.get("roc", {}).get("classes", {}).get(name) or {}),
            ]
            for s in content["systems"] if s["kind"] in ("network", "boosting")
            for name, entry in s["figures"]["classes"].items()
        ]  # fmt: skip
        title = f"{content['labels'].upper()}, {spoken(content)}"
        yield f"## Each class: {title}\n\n" + table(columns, body)


def _ends(row: Row, name: str) -> list[str]:
    """Return the intervals of F1 of a class, over beats and over patients.

    Over beats there is none of a row that was judged when each seed drew beats of its own, which
    made it narrow: areas had no interval over beats then.
    """
    f1 = row["figures"]["classes"][name]["f1"]
    area = row.get("roc", {}).get("classes", {}).get(name) or {}
    together = len(row["runs"]) == 1 or "over_beats" in area
    return [interval(f1["over_beats"] if together else None), interval(f1["over_patients"])]


def _auc(found: Row) -> list[Any]:
    # What was judged before has no interval.
    ends = [interval(found.get(f"over_{kind}")) for kind in ("beats", "patients")]
    return [found.get("auc"), *ends]


def _notes(results: Mapping[str, Any]) -> str:
    notes = [*results["notes"], *without_control(results["tables"])]
    lines = [f"- {cell(note)}\n" for note in notes]
    if results["missing"]:
        lines.append(
            f"- Not trained: {len(results['missing'])} runs of the plan, of further seeds, "
            f"protocols and variants; `{results['command']}` trains them.\n"
        )
    return "## Left out\n\n" + "".join(lines) if lines else ""
