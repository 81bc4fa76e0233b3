"""The tables that the page of twelve leads prints, from the figures of the suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from einthoven.suites._twelve_plan import FLAGSHIP, NINE, RIVAL, TREES, Item

WHY = "trained model, a seed"  # of a look by this suite
_RARE = 20  # positives below which a class is named rare
_OTHERS = (
    ("auprc", "AUPRC"), ("f1", "F1"), ("f_max", "Fmax"), ("f2", "F2"), ("g2", "G2"),
    ("brier", "Brier"), ("ece", "ECE"),
)  # fmt: skip


def note(items: Sequence[Item], test: bool, looks: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return what is to be known before any figure is read; `looks` are those of looks.json."""
    one = next(i for i in items if i.system == FLAGSHIP)
    o = one.recipe.optimiser
    opened = _opened(looks) if test else "Fold 9 and the small sources are not opened here."
    return (
        f"2,674 records of folds 1 to 9 of PTB-XL at 100 Hz; fold 10 is not here. Networks at one "
        f"budget: {o.epochs} epochs, {o.batch} crops of {one.recipe.crop.seconds:g} s a step, the "
        "last epoch kept. Macro AUROC of five superclasses; 1-8 is out of fold in folds 1 to 8 "
        "(five folds train, one chooses thresholds, two are tested), where also everything was "
        "chosen; intervals of 95 % are over people. AUROC and AUPRC ask for the order alone, and "
        "take the answers as the models gave them: each part's own calibration, by the 290 records "
        "of one fold, would move the four parts against each other. What lies within the interval "
        f"of a difference is called a tie. {opened}"
    )


def _opened(looks: Sequence[Mapping[str, Any]]) -> str:
    """Return how often fold 9 was looked at, by this suite and by all."""
    fold = [look for look in looks if look["side"] == "ptbxl fold 9"]
    # "twelve (shipped)" is twelve.
    system = Counter(look["system"].partition(" (")[0] for look in fold)
    most = max(system.values(), default=0)
    ours = sum(look["why"] == WHY for look in fold)
    return (
        "This suite scores fold 9 and the small sources once a trained model, those that were "
        "trained anew among them. It is not the only one that looks: einthoven evaluate --suite "
        "robustness --test-side scores a model on fold 9 once a disturbance, dozens of times. When "
        f"this was written looks.json counted {len(fold)} looks at fold 9, {ours} of them by this "
        f"suite, and up to {most} of one system: one look a system, as was meant, it has not been."
    )


def _span(entry: Mapping[str, Any] | None, sign: bool = False) -> str:
    if not entry or entry["value"] is None or entry["value"] != entry["value"]:
        return ""
    kind = "+.3f" if sign else ".3f"
    text = format(entry["value"], kind)
    # As judged now it is nan, as read from a file null.
    if entry.get("low") is not None and entry["low"] == entry["low"]:
        text += f" [{format(entry['low'], kind)}, {format(entry['high'], kind)}]"
    if entry.get("tie"):
        text += " tie"
    return text


def seeds(told: Mapping[str, Any]) -> int:
    """Return of how many trained models some figures are the mean."""
    return len(told["macro"]["auroc"]["seeds"])


def _macro(row: Mapping[str, Any], trial: str, figure: str = "auroc") -> str:
    return _span(row[trial]["macro"][figure]) if trial in row else ""


def _table(title: str, text: str, columns: str, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "note": text,
        "columns": columns.split("; "),
        "rows": [*map(list, rows)],
    }


def _systems(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    body, classes, others = [], [], []
    for r in sorted(rows, key=_rank):
        told = r.get("out-of-fold") or r["fold-9"]
        body.append(
            [
                r["name"], r["parameters"] or "", seeds(told),
                _macro(r, "out-of-fold"), _macro(r, "fold-9"),
                _span((r.get(f"out-of-fold less {TREES}") or {}).get("macro"), sign=True),
                _span((r.get(f"out-of-fold less {RIVAL}") or {}).get("macro"), sign=True),
                ", ".join(f"{k} {v:g}" for k, v in r["published"].items()),
            ]
        )  # fmt: skip
        if "out-of-fold" in r:
            macro = r["out-of-fold"]["macro"]
            # Without intervals, but for F1: they were not drawn.
            others.append([r["name"], *(_span(macro.get(f)) for f, _ in _OTHERS)])
            classes.append(
                [r["name"], *(_span(c["auroc"]) for c in r["out-of-fold"]["classes"].values())]
            )
    found = [
        _table(
            "All systems at one budget",
            f"Differences are paired, out of fold, to boosting on measurements ({TREES}) and to "
            f"{RIVAL}, which is the rival throughout, though not the best of them; published "
            "figures are of the whole corpus, or other labels, that of S4 of a net eight times as "
            "wide as s4-narrow. Of a network its weights are counted, of trees their nodes.",
            "system; weights and nodes; seeds; macro AUROC 1-8; fold 9; less measurements; less "
            f"{RIVAL}; published",
            body,
        ),
        _table(
            "Other figures, out of fold",
            "Macro means. F1, F2 and G2 at thresholds of the validation folds, Fmax at the best "
            "threshold of the judged records; ECE and Brier of the calibrated probabilities.",
            "system; " + "; ".join(title for _, title in _OTHERS),
            others,
        ),
    ]
    whole = next((r["out-of-fold"] for r in rows if "out-of-fold" in r), None)
    if whole:
        names = [f"{c} ({v['positives']})" for c, v in whole["classes"].items()]
        found.append(
            _table("By class, out of fold", "AUROC; records of each class in brackets.",
                   "; ".join(["system", *names]), classes)
        )  # fmt: skip
    return found


def _rank(row: Mapping[str, Any]) -> float:
    return -float((row.get("out-of-fold") or row["fold-9"])["macro"]["auroc"]["value"])


def _domains(domains: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not domains:
        return []
    classes = list(domains[0]["strange"]["classes"])
    gaps, each = [], []
    for row in (d for d in domains if d["left_out"] != NINE):
        gap = row["gap"]
        gaps.append(
            [
                row["left_out"], row["system"],
                seeds(row["strange"]), row["strange"]["records"],
                _span(row["strange"]["macro"]["auroc"]),
                _span(gap["macro"], sign=True) if gap else "", gap["records"] if gap else "",
                *(_span(gap["classes"][c], sign=True) if gap else "" for c in classes),
                _span((row.get("less rival") or {}).get("macro"), sign=True),
                _span((row.get("less trees") or {}).get("macro"), sign=True),
            ]
        )  # fmt: skip
    for row in domains:
        for name, one in row["domains"].items():
            counts = [f"{c} {v['positives']}" for c, v in one["strange"]["classes"].items()]
            each.append(
                [
                    row["left_out"], name, row["system"], one["strange"]["records"],
                    _span(one["strange"]["macro"]["auroc"]),
                    _span(one["gap"]["macro"], sign=True) if one["gap"] else "", ", ".join(counts),
                ]
            )  # fmt: skip
    text = (
        "The gap is AUROC where records of the domain were trained on less AUROC where none was, "
        "on the same test records: of devices and sites out of fold in folds 1 to 8, of sources "
        "each fifth of their people in turn. Above 0 something is lost on a domain never seen."
    )
    first = _table(
        "Intra-source less leave-one-domain-out", text,
        "left out; system; seeds; records; macro AUROC left out; gap; records of the gap; "
        + "; ".join(f"gap {c}" for c in classes)
        + f"; {FLAGSHIP} less {RIVAL}, left out; {FLAGSHIP} less {TREES}, left out",
        gaps,
    )  # fmt: skip
    columns = "left out; domain; system; records; macro AUROC; gap; records of each class"
    return [
        *([first] if gaps else []),
        *_nine([d for d in domains if d["left_out"] == NINE]),
        _table("Each domain left out", "", columns, each),
    ]


def _nine(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the table of the nine classes, one a line: every system with a source left out."""
    if not rows:
        return []
    strange = [row["strange"] for row in rows]
    gaps = [row["gap"] or {"macro": None, "classes": {}} for row in rows]
    body: list[list[Any]] = []
    for name, told in strange[0]["classes"].items():
        count = told["positives"]
        body.append([f"{name} (rare)" if count < _RARE else name, count])
        for one, gap in zip(strange, gaps, strict=True):
            lost = gap["classes"].get(name)
            body[-1] += [_span(one["classes"][name]["auroc"]), _span(lost, sign=True)]
    body.append(["macro", strange[0]["records"]])
    for one, gap in zip(strange, gaps, strict=True):
        body[-1] += [_span(one["macro"]["auroc"]), _span(gap["macro"], sign=True)]
    models = ", ".join(f"{row['system']} {seeds(row['strange'])}" for row in rows)
    text = (
        "AUROC of the nine classes that all sources name, each small source left out in turn, and "
        "the gap as above; records of the class in all sources together. A class of fewer than "
        f"{_RARE} is called rare. Where a publisher does not say, a record has no part in a class. "
        f"Trained models: {models}."
    )
    columns = [f"{r['system']}; gap of {r['system']}" for r in rows]
    title = "Nine classes: intra-source less leave-one-domain-out"
    return [_table(title, text, "; ".join(["class", "records", *columns]), body)]


def _brings(row: Mapping[str, Any], trial: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (row.get(f"{trial} brings") or {}).get("macro")
    return found


def _whole(row: Mapping[str, Any], trial: str) -> dict[str, float] | None:
    """Return what the whole has with the seeds that the variant has, too."""
    gain = _brings(row, trial)
    return {"value": row[trial]["value"] + gain["value"]} if gain else None


def _reached(ours: float | None, bar: float | None) -> str:
    if bar is None:
        return ""
    return "yes" if ours is not None and ours >= bar else "no"


def tables(
    systems: Sequence[Mapping[str, Any]], domains: Sequence[Mapping[str, Any]],
    ablation: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return all tables as a results page prints them."""
    gaps = _domains(domains)
    found = gaps[:-1] + _systems(systems) + gaps[-1:]
    if len(ablation) > 1:
        body = [
            [
                r["variant"], r.get("seeds", 1), *(v for t in ("out-of-fold", "device")
                for v in (_span(_whole(r, t)), _span(r.get(t)), _span(_brings(r, t), sign=True)))
            ]
            for r in ablation if r["variant"] != "whole"
        ]  # fmt: skip
        spread: Sequence[float] = next(
            (s for r in ablation if (s := (r.get("out-of-fold") or {}).get("seeds"))), []
        )
        text = (
            "What a part brings is the whole of the same seeds less the whole without the part, "
            "paired; the intervals are over people and not over seeds. The whole's own seeds "
            f"lie between {min(spread, default=0):.3f} and {max(spread, default=0):.3f} out of "
            "fold: less than that may be the chance of one training."
        )
        columns = (
            "without; seeds; whole 1-8; without it; brings; whole, device left out; without it; "
            "brings"
        )
        found.append(_table(f"What the parts of {FLAGSHIP} bring", text, columns, body))
    body = [
        [
            h["which"], h["system"], h["trial"], "" if h["ours"] is None else f"{h['ours']:.4f}",
            *(v for bar in (h["least"], h["hoped"]) for v in (bar or "", _reached(h["ours"], bar)))
        ]
        for h in held
    ]  # fmt: skip
    text = "One model: the best out of fold of at most a million weights and nodes."
    found.append(
        _table(
            "Held to", text, "what; system; on; ours; at least; reached; hoped for; reached", body
        )
    )
    return found
