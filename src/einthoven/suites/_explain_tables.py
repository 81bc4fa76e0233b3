"""Rows of explanations to figures with intervals, verdicts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from einthoven.evaluation.bootstrap import Interval, percentiles
from einthoven.explain._sanity import GATE
from einthoven.explain._tested import UNTESTED
from einthoven.suites._explain_judge import CONTROLS, TOP
from einthoven.suites._plausible import PLAUSIBLE
from einthoven.suites._waves_judge import percent, table

TELLING = 0.1  # what is left to explain: by so much an answer falls without all waves
_DRAWS = 1000
_DRAWN = "QRS energy"
_AS_GOOD = 0.02  # of gain: by so little nothing is better

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A mean over items, and what other records may give; NaN where there is no item."""

    value: float
    interval: Interval
    items: int

    def to_dict(self) -> dict[str, Any]:
        """Return what a results file holds."""
        return {"value": self.value, "interval_95": [self.interval.low, self.interval.high],
                "items": self.items}  # fmt: skip

    @property
    def text(self) -> str:
        """Value and interval, three digits."""
        if self.value != self.value:
            return ""
        return f"{self.value:+.3f} ({self.interval.low:+.3f} to {self.interval.high:+.3f})"


def mean(values: Sequence[float | None], groups: Sequence[str]) -> Figure:
    """Return the mean of values, undefined ones left out.

    For the interval records are drawn, and of each as many of its items as it has: few records
    alone would look surer than they are.
    """
    x = np.array([np.nan if v is None else v for v in values], np.float64)
    known = ~np.isnan(x)
    x, of = x[known], np.asarray(groups)[known]
    if not len(x):
        return Figure(float("nan"), Interval(float("nan"), float("nan"), 0, 0), 0)
    generator = np.random.default_rng(0)
    each = [x[of == name] for name in np.unique(of)]
    times = generator.multinomial(len(each), np.full(len(each), 1 / len(each)), size=_DRAWS)
    total, count = np.zeros(_DRAWS), np.zeros(_DRAWS)
    for k, own in enumerate(each):
        for nth in range(int(times[:, k].max())):
            drawn = generator.choice(own, (_DRAWS, len(own))).sum(axis=1)
            total += np.where(times[:, k] > nth, drawn, 0)
            count += np.where(times[:, k] > nth, len(own), 0)
    return Figure(float(x.mean()), percentiles(total / count)[0], len(x))


def telling(items: Sequence[Row]) -> list[bool]:
    """Return whether there is something to explain: whether without its waves an answer falls."""
    return [item["probability"] - item["empty"] >= TELLING for item in items]


def gain(row: Row, item: Row) -> float:
    """Return insertion less deletion, less what the random order gives; 0 by chance."""
    chance = item["insertion"] - item["deletion"]
    return float(row["insertion"] - row["deletion"] - chance)


_OWN = (
    "deletion", "insertion", "comprehensiveness", "sufficiency", "sensitivity", "pointed",
    "inside", "again", "noise", "seconds",
)  # fmt: skip
# What is told of every answer, and not only of those with something to explain.
_ALL = ("pointed", "inside", "again", "noise", "seconds")


def figures(found: Row, method: str, label: str | None = None) -> dict[str, Figure]:
    """Return all figures of a method with a model, of one class or of all."""
    items, rows = found["items"], found["methods"][method]["rows"]
    told = telling(items)
    made = {}
    for name in ("gain", *_OWN):
        some = [
            (gain(row, item) if name == "gain" else row[name], item["group"])
            for row, item, t in zip(rows, items, told, strict=True)
            if (t or name in _ALL) and label in (None, item["label"])
        ]
        made[name] = mean([v for v, _ in some], [g for _, g in some])
    return made


def over(found: Row, method: str, other: str) -> Figure:
    """Return the gain of a method less that of another, on the same answers."""
    items, methods = found["items"], found["methods"]
    some = [
        (gain(a, item) - gain(b, item), item["group"])
        for a, b, item, t in zip(
            methods[method]["rows"], methods[other]["rows"], items, telling(items), strict=True
        )
        if t
    ]
    return mean([v for v, _ in some], [g for _, g in some])


def doubt(entry: Row, gained: Figure, drawn: Figure) -> str:
    """Return why a method should not be believed of a model; "" where every test was passed.

    Parameters
    ----------
    gained, drawn : its gain over a random order, and over QRS energy, which asks no model.
    """
    sane = entry["sanity"]
    if sane is not None and not sane["passed"]:
        said = sane["signed"]
        if said is None:
            return "The test of shuffled weights could not be made: its maps are flat then."
        return (
            f"Insensitive: when all that the model has learnt is shuffled, its explanations stay "
            f"alike (rank correlation {said:.2f}, by chance {sane['chance']:.2f})."
        )
    if not gained.items:
        return "Not tested for this model: no answer fell when all waves were taken away."
    if not gained.interval.low > 0:
        return (
            "Not shown to be faithful: the answer follows its order of the waves no better than "
            "a random one."
        )
    if not drawn.interval.low > 0:
        return (
            "Not shown to be more faithful than a drawing of where the trace swings most, which "
            "knows no model."
        )
    return ""


def verdicts(found: Row) -> dict[str, Any]:
    """Return what ``explain/tested.json`` holds of a model."""
    methods, gains = dict[str, Any](), dict[str, float]()
    for name, entry in found["methods"].items():
        if "refused" in entry or name in CONTROLS:
            continue
        made = figures(found, name)
        sane, gains[name] = entry["sanity"], made["gain"].value
        methods[name] = {
            "passed": None if sane is None else sane["passed"],
            "doubt": doubt(entry, made["gain"], over(found, name, _DRAWN)),
            "figures": {
                "shuffled": None if sane is None else sane["signed"],
                "chance": None if sane is None else sane["chance"],
                "over_energy": over(found, name, _DRAWN).value,
                **{k: made[k].value for k in ("gain", "sensitivity", "pointed", "seconds")},
            },
        }
    # What is shipped is explained without torch.
    shipped = "/" not in found["subject"]["name"]
    good = [
        name
        for name, one in methods.items()
        if not one["doubt"] and (not shipped or found["methods"][name]["needs"] == "answers")
    ]
    if not good:
        return {"methods": methods}
    best = max(good, key=gains.__getitem__)
    if UNTESTED in good and gains[UNTESTED] >= gains[best] - _AS_GOOD:
        best = UNTESTED
    return {"default": best, "methods": methods}


def of_model(found: Row) -> dict[str, Any]:
    """Return the table of methods of one model."""
    rows = []
    for name, entry in found["methods"].items():
        if "refused" in entry:
            continue
        made, sane = figures(found, name), entry["sanity"]
        drawn = over(found, name, _DRAWN)
        lines = "" if name in CONTROLS else _short(doubt(entry, made["gain"], drawn))
        rows.append([
            name, *(_two((sane or {}).get(k)) for k in ("signed", "chance", "rectified")),
            made["gain"].text, drawn.text,
            *(_three(made[k].value) for k in ("comprehensiveness", "sufficiency", "sensitivity")),
            *(percent(made[k].value) for k in ("pointed", "inside")),
            *(_two(made[k].value) for k in ("again", "noise")),
            f"{1000 * made['seconds'].value:.0f}",
            "a control" if name in CONTROLS else lines or "passed",
        ])  # fmt: skip
    items, told = found["items"], telling(found["items"])
    labels: dict[str, list[bool]] = {}
    for item, t in zip(items, told, strict=True):
        labels.setdefault(item["label"], []).append(t)
    count = ", ".join(f"{c} {len(t)} ({sum(t)})" for c, t in labels.items())
    records = len({item["group"] for item in items})
    learnt = " The model has learnt from these records." if found["subject"]["learnt"] else ""
    note = (
        f"Answers explained (with something to explain): {count}; of {records} records of "
        f"{found['subject']['corpus']}.{learnt}"
    )
    columns = (
        "method; shuffled, signed; by chance; shuffled, absolute; gain over random order (95 %); "
        f"over QRS energy (95 %); comprehensiveness@{TOP}; sufficiency@{TOP}; sensitivity-n; "
        "pointing %; inside %; again; under noise; ms; verdict"
    )
    return table(f"`{found['model']}`", note, columns, rows)


def _short(said: str) -> str:
    """Return a doubt in the words of a table."""
    return said.partition(":")[0].partition(" than a drawing")[0].rstrip(".")


def _two(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.2f}"


def _three(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.3f}"


def by_class(models: Sequence[Row]) -> dict[str, Any]:
    """Return the table of each class: the default, or best, method beside the two controls."""
    rows = []
    for found in models:
        chosen = verdicts(found).get("default")
        for label in dict.fromkeys(item["label"] for item in found["items"]):
            for name in (*([chosen] if chosen else []), *CONTROLS):
                made = figures(found, name, label)
                rows.append([
                    found["model"], label, name, made["gain"].items, made["gain"].text,
                    percent(made["pointed"].value), percent(made["inside"].value),
                ])  # fmt: skip
    return table(
        "Each class",
        "By each model's default method, where one passed every test, beside the controls.",
        "model; class; method; answers with something to explain; gain over random order (95 %); "
        "pointing %; inside %", rows,
    )  # fmt: skip


def cascades(models: Sequence[Row]) -> dict[str, Any]:
    """Return the table of models whose top was followed down."""
    rows = []
    for found in models:
        for name, entry in found["methods"].items():
            sane = entry.get("sanity") or {}
            if sane.get("cascade"):
                down, alone = (
                    " ".join(_two(v) or "flat" for v in sane[k].values())
                    for k in ("cascade", "alone")
                )
                rows.append([found["model"], name, len(sane["cascade"]), down, alone])
    return table(
        "From the top layer down",
        "Mean |rho| of signed maps after the layers down to each of some steps have been shuffled, "
        "and after those of the step alone. `flat`: the maps say nothing any more.",
        "model; method; steps; down to here; this step alone", rows,
    )  # fmt: skip


def labels(models: Sequence[Row]) -> dict[str, Any]:
    """Return the table of networks that learnt permuted labels by heart."""
    rows, note = [], ""
    for found in models:
        if "taught" in found:
            said = ", ".join(f"{k} {100 * v:.0f} %" for k, v in found["taught"]["accuracy"].items())
            note = f" {found['taught']['windows']} windows, learnt by heart: {said}."
        for name, entry in found["methods"].items():
            if "labels" in entry:
                one = entry["labels"]
                rows.append([found["model"], name, one["items"], _two(one["other_labels"]),
                             _two(one["other_weights"])])  # fmt: skip
    return table(
        "Labels at random",
        "Mean |rho| of a network's maps with those of one that learnt permuted labels, and with "
        f"those of one that learnt the true ones from other first weights.{note}",
        "model; method; answers; permuted labels; other first weights", rows,
    )  # fmt: skip


def controls(models: Sequence[Row]) -> dict[str, Any]:
    """Return the table that sets what is plausible against what is faithful."""
    rows = []
    for found in models:
        chosen = verdicts(found).get("default")
        for name in (*([chosen] if chosen else []), *CONTROLS):
            made = figures(found, name)
            sane = found["methods"][name]["sanity"]
            rows.append([
                found["model"], name, percent(made["pointed"].value), percent(made["inside"].value),
                made["gain"].text, "" if sane is None else _two(sane["signed"]),
            ])  # fmt: skip
    return table(
        "Plausible is not faithful",
        "QRS energy knows no model: it is drawn where the trace swings most.",
        "model; method; pointing %; inside %; gain over random order (95 %); shuffled, signed",
        rows,
    )  # fmt: skip


def sources() -> dict[str, Any]:
    """Return the table of what a reader would name."""
    rows = [
        [task, label, ", ".join(waves), why, source]
        for (task, label), (waves, why, source) in PLAUSIBLE.items()
    ]
    return table(
        "Where a cardiologist would look",
        "For the pointing game and `inside`. It chooses nothing.",
        "task; class; waves; why; source", rows,
    )  # fmt: skip


def refused(models: Sequence[Row]) -> dict[str, Any]:
    """Return the table of methods that refused a model they had promised to serve."""
    rows = [
        [found["model"], name, entry["refused"]]
        for found in models
        for name, entry in found["methods"].items()
        if "refused" in entry
    ]
    return table("Refused", "", "model; method; why", rows)


GATE_NOTE = (
    f"An explainer is insensitive where the mean |rho| of its signed maps with the original is "
    f"above {GATE} beyond chance (0 is chance, 1 is the same map) after every layer has been "
    "shuffled. Chance is that of the shuffled model's own explanations, their waves in any order "
    "or their maps begun anywhere: of six waves about .36, so the test is weak there. Absolute "
    "values stay alike more than that with every method: a wave that swings most moves a shuffled "
    "model most, too."
)
