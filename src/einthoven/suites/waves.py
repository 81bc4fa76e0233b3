"""P, QRS and T: the shipped net on the test records of LUDB, beside NeuroKit2's wavelets.

The 30 test records chose nothing. What was tried, the losses, composed traces, and how noise and
other rates are borne, is judged on the 20 validation records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import load_model
from einthoven.corpora import open_corpus
from einthoven.corpora.ludb import TEST, VALIDATION, Ludb
from einthoven.evaluation.delineation import BOUNDARIES, interval, mean_f1
from einthoven.protocols.robustness import TEST_HALF, noise_halves
from einthoven.record import Record
from einthoven.record.errors import DataError
from einthoven.signal.noise import mix
from einthoven.signal.resample import resample
from einthoven.signal.waves import Net, WaveNet
from einthoven.suites import _looks
from einthoven.suites._suite import write_results
from einthoven.suites._waves_elsewhere import elsewhere, strips
from einthoven.suites._waves_judge import (
    INTERVALS,
    Finder,
    Judged,
    alone,
    analyzed,
    by,
    dwt,
    judge,
    only,
    percent,
    table,
)

COMMAND = "einthoven evaluate --suite waves"
MODEL = "waves"
TITLE = "Waves: P, QRS and T"
NOTE = (
    "The shipped net learnt from 100 records of LUDB; 20 others chose, and the 30 test records "
    "(by the SHA-1 of their name) chose nothing. A boundary is found if it lies within 150 ms, one "
    "to one, nearest first; standard deviations have ddof 0; intervals are 95 %, bootstrap over "
    "records. LUDB's marks begin at about the second QRS and end at the last but one: `interior` "
    "counts what was found between the first and last mark of a lead, `margin` up to 150 ms "
    "beyond, where waves stand that nobody marked (marks completed by such waves reach about 98 "
    "there). One corpus, one team of markers: no claim beyond it."
)
# What the issue asks of the twelve leads together: F1, then the SD of each boundary's error, ms.
ASKED = (0.993, (14.0, 12.0, 8.0, 10.5, 22.0, 20.0))
ASKED_INTERVALS = {"PR": 8.0, "QRS": 8.0, "QT": 15.0}
SNRS = (24, 12, 6, 0)
RATES = (100, 250, 360, 1000)


def run(out: Path, runs: Path = Path("runs")) -> Mapping[str, Any]:
    """Judge the shipped net and write ``out/waves.json``.

    Parameters
    ----------
    runs : where ``waves-ablation/NAME`` lie; those that are finished are judged too.

    Raises
    ------
    DataError : LUDB is not here.
    """
    corpus = open_corpus("ludb")
    assert isinstance(corpus, Ludb)
    missing = [name for name in (*VALIDATION, *TEST) if name not in corpus.present]
    if missing:
        mend = f"Load it with: einthoven data get {corpus.name}"
        raise DataError(corpus.folder, f"lacks record {missing[0]}", mend)
    bundle = load_model(MODEL)
    net = WaveNet(bundle)
    systems = _systems(corpus, net)
    return write(out, corpus, bundle.sha256, systems, net, runs)


def _systems(corpus: Ludb, net: Net) -> dict[str, Judged]:
    """Return the test records as every system sees them."""
    return {
        "einthoven, twelve leads": judge(corpus, TEST, analyzed),
        "einthoven, twelve leads, none refused": judge(corpus, TEST, by(net)),
        "einthoven, each lead alone, none refused": judge(corpus, TEST, alone(by(net))),
        "einthoven, lead II alone": judge(corpus, TEST, analyzed, lead="II"),
        "NeuroKit2 dwt, lead II": judge(corpus, TEST, dwt, lead="II"),
    }


def write(
    out: Path, corpus: Ludb, digest: str, systems: Mapping[str, Judged], net: Net, runs: Path
) -> Mapping[str, Any]:
    """Write ``out/waves.json`` and the look at the test side; return what was written."""
    first = next(iter(systems.values()))
    answers = repr([sorted(one.items()) for one in first.records])
    looks = _looks.count(
        out, system=MODEL, side="ludb test", why="suite of waves", command=COMMAND,
        answers=hashlib.sha256(answers.encode()).hexdigest()[:12],
    )  # fmt: skip
    tables = [
        summary(systems), boundaries(systems), asked(first), lengths(systems),
        looked_at(corpus, net), speed(corpus, net), robust(corpus, net), strips(by(net)),
        *ablation(corpus, net, runs),
    ]  # fmt: skip
    return write_results(
        out / "waves.json",
        {
            "title": TITLE, "command": COMMAND, "note": NOTE,
            "model": {"name": MODEL, "sha256": digest}, "looks": looks,
            "figures": {name: figures(one) for name, one in systems.items()},
            "tables": [table for table in tables if table["rows"]],
        },
    )  # fmt: skip


def figures(one: Judged) -> dict[str, Any]:
    """Return what a card holds of a system."""
    total = one.total
    return {
        "records": len(one.records),
        "mean_f1": {
            "value": mean_f1(total), "interval_95_over_records": list(interval(one.records)),
        },
        "mean_f1_margin": {
            "value": mean_f1(total, margin=True),
            "interval_95_over_records": list(interval(one.records, margin=True)),
        },
        "boundaries": {
            name: {
                "marked": total[name].hits + total[name].missed, "f1": total[name].f1(),
                "error_ms": [1000 * total[name].mean, 1000 * total[name].deviation],
            }
            for name in BOUNDARIES
        },
    }  # fmt: skip


def _range(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.2f} to {100 * ends[1]:.2f}"


def _ms(mean: float, deviation: float) -> str:
    return "" if mean != mean else f"{1000 * mean:+.1f} ± {1000 * deviation:.1f}"


def summary(systems: Mapping[str, Judged]) -> dict[str, Any]:
    """Return the table of mean F1 over the six boundaries."""
    rows = [
        [
            name, len(one.records), one.silent, percent(mean_f1(one.total)),
            _range(interval(one.records)), percent(mean_f1(one.total, margin=True)),
            _range(interval(one.records, margin=True)),
            sum(t.outside for t in one.total.values()),
        ]
        for name, one in systems.items()
    ]  # fmt: skip
    note = (
        "Mean F1 in percent over onset and offset of P, QRS and T. Boundaries further outside the "
        "marks than 150 ms are real waves as a rule: they are counted and neither right nor wrong. "
        "`analyze` gives no waves of a record that it finds too noisy to judge: all of them are "
        "missed then; `none refused` is the same net and rules without that check."
    )
    columns = "system; records; nothing found in; F1 interior; 95 %; F1 margin; 95 %; outside"
    return table("LUDB test records", note, columns, rows)


def boundaries(systems: Mapping[str, Judged]) -> dict[str, Any]:
    """Return the table of each boundary."""
    rows = []
    for name, one in systems.items():
        for boundary, tally in one.total.items():
            rows.append([
                name, boundary, tally.hits + tally.missed, percent(tally.sensitivity),
                percent(tally.predictivity), percent(tally.f1()),
                percent(tally.f1(margin=True)), _ms(tally.mean, tally.deviation),
            ])  # fmt: skip
    columns = (
        "system; boundary; marked; sensitivity; predictivity; F1 interior; F1 margin; error in ms"
    )
    return table("Boundaries", "Percent; errors are mean ± SD.", columns, rows)


def asked(one: Judged) -> dict[str, Any]:
    """Return the table of what was asked for and what came out."""
    total = one.total
    f1, deviations = ASKED
    rows: list[list[Any]] = [
        ["mean F1 interior, %", f"at least {100 * f1:.1f}", percent(mean_f1(total)),
         mean_f1(total) >= f1]
    ]  # fmt: skip
    for name, most in zip(BOUNDARIES, deviations, strict=True):
        tally = total[name]
        met = 1000 * tally.deviation <= most
        rows.append(
            [f"SD of {name}, ms", f"at most {most:g}", f"{1000 * tally.deviation:.1f}", met]
        )
        met = abs(1000 * tally.mean) <= 4
        rows.append([f"mean of {name}, ms", "within 4 of 0", f"{1000 * tally.mean:+.1f}", met])
    for name, most in ASKED_INTERVALS.items():
        value = 1000 * float(np.median(np.abs(one.errors[name])))
        rows.append([f"median error of {name}, ms", f"at most {most:g}", f"{value:.1f}",
                     value <= most])  # fmt: skip
    note = "Twelve leads, test records."
    return table("What was asked for", note, "figure; asked; reached; met", rows)


def lengths(systems: Mapping[str, Judged]) -> dict[str, Any]:
    """Return the table of intervals."""
    rows = []
    for name, one in systems.items():
        for length in INTERVALS:
            error = one.errors[length]
            if len(error):
                rows.append([
                    name, length, len(error), f"{1000 * float(np.median(np.abs(error))):.1f}",
                    _ms(float(error.mean()), float(error.std())),
                ])  # fmt: skip
    note = (
        "A record's value is the median over its beats and then over its leads, of the marks and "
        "of what was found between the first and the last mark."
    )
    columns = "system; interval; records; median absolute error in ms; error in ms"
    return table("Intervals against LUDB's own marks", note, columns, rows)


def looked_at(corpus: Ludb, net: Net, names: Sequence[str] = VALIDATION) -> dict[str, Any]:
    """Return the table of what the second look at boundaries brings, on the validation records."""
    rows = [
        _robust_row("one look", judge(corpus, names, by(lambda window: net(window)))),
        _robust_row("and a second at boundaries", judge(corpus, names, by(net))),
    ]
    note = (
        "Validation records, twelve leads: F1 interior in percent and the SD of each boundary's "
        "error in ms. The second look moves where P and T begin and end by what the lead itself "
        "shows there, scaled to the wave."
    )
    columns = "system; F1 interior; " + "; ".join(BOUNDARIES)
    return table("A second look", note, columns, rows)


def speed(corpus: Ludb, net: Net, names: Sequence[str] = VALIDATION) -> dict[str, Any]:
    """Return the table of time, on the validation records."""
    analyzed(corpus.open(names[0]).record())  # what is loaded once is not counted
    dwt(only(corpus.open(names[0]).record(), "II"))
    timed = [
        ("einthoven, waves of twelve leads", judge(corpus, names, by(net)), 12),
        ("einthoven, whole analysis with waves, twelve leads", judge(corpus, names, analyzed), 12),
        ("einthoven, waves of lead II", judge(corpus, names, by(net), lead="II"), 1),
        ("NeuroKit2 dwt, lead II", judge(corpus, names, dwt, lead="II"), 1),
    ]
    rows = [
        [name, f"{1000 * one.seconds:.1f}", f"{1000 * one.seconds / leads:.1f}"]
        for name, one, leads in timed
    ]
    note = "Milliseconds of one processor for a record of 10 s, R peaks found on the way."
    return table("Time", note, "system; a record; a lead", rows)


def robust(corpus: Ludb, net: Net, names: Sequence[str] = VALIDATION) -> dict[str, Any]:
    """Return the table of other rates, turned leads and noise, on the validation records."""
    find = by(net)
    rows = [_robust_row("as recorded", judge(corpus, names, find))]
    for rate in RATES:

        def other(record: Record, rate: int = rate) -> Record:
            return replace(record, signal=resample(record.signal, record.rate, rate), rate=rate)

        rows.append(_robust_row(f"at {rate} Hz", judge(corpus, names, find, change=other)))
    upside = judge(corpus, names, find, change=lambda r: replace(r, signal=-r.signal))
    rows.append(_robust_row("all leads upside down", upside))
    rng = np.random.default_rng(0)
    rows.append(_robust_row("leads in another order", _reordered(corpus, names, find, rng)))
    for kind, noise in _noises().items():
        for snr in SNRS:

            def noisy(record: Record, noise: Any = noise, snr: int = snr) -> Record:
                return replace(record, signal=mix(record.signal, noise, 500, snr, snr="power"))

            rows.append(
                _robust_row(f"{kind} at {snr} dB", judge(corpus, names, find, change=noisy))
            )
    note = (
        "Validation records, twelve leads: F1 interior in percent and the SD of each boundary's "
        "error in ms. Noise: first half of nstdb's records, ratio of variances in each lead."
    )
    columns = "condition; F1 interior; " + "; ".join(BOUNDARIES)
    return table("Other rates, turned leads, noise", note, columns, rows)


def _robust_row(name: str, one: Judged) -> list[Any]:
    total = one.total
    spreads = [f"{1000 * total[b].deviation:.1f}" if total[b].errors else "" for b in BOUNDARIES]
    return [name, percent(mean_f1(total)), *spreads]


def _reordered(
    corpus: Ludb, names: Sequence[str], find: Finder, rng: np.random.Generator
) -> Judged:
    """Judge with the rows of each record in another order, and what was found put back."""

    def swapped(record: Record) -> list[Any]:
        order = rng.permutation(len(record.leads))
        # The names stay where they were: the electrodes were swapped, not the labels.
        found = find(replace(record, signal=record.signal[order]))
        return [found[int(np.flatnonzero(order == row)[0])] for row in range(len(order))]

    return judge(corpus, names, swapped)


def _noises() -> dict[str, npt.NDArray[np.float32]]:
    """Return the noises of nstdb at 500 Hz; none where they are not here."""
    try:
        halves = noise_halves(TEST_HALF)
    except DataError:
        return {}
    words = {"bw": "wander", "em": "electrode motion", "ma": "muscle"}
    return {words[k]: resample(noise[:, : 360 * 60], 360, 500) for k, noise in halves.items()}


def ablation(
    corpus: Ludb, net: Net, runs: Path, names: Sequence[str] = VALIDATION
) -> list[dict[str, Any]]:
    """Return what the finished runs of ``runs/waves-ablation`` reach on LUDB and on mitdb."""
    from einthoven.training.waves import asking, load

    rows, finders = [], {"shipped": by(net)}
    for folder in sorted((runs / "waves-ablation").glob("*/weights.safetensors")):
        recipe, trained = load(folder.parent)
        find = by(asking(trained))
        finders[folder.parent.name] = find
        together = judge(corpus, names, find)
        single = judge(corpus, names, alone(find))
        keep = dict(recipe.model.arguments.get("losses", {}))
        weights = ", ".join(f"{k} {v:g}" for k, v in keep.items() if v and k != "ramp")
        total = together.total
        spreads = [f"{1000 * total[name].deviation:.1f}" for name in BOUNDARIES]
        rows.append([
            folder.parent.name, recipe.model.name, weights, recipe.augment.get("composed", 0.0),
            recipe.optimiser.epochs, percent(mean_f1(total)), _range(interval(together.records)),
            percent(mean_f1(single.total)), *spreads,
        ])  # fmt: skip
    note = (
        "Validation records; a shorter training than the shipped net's, one seed each: `einthoven "
        "train waves --set ... --run runs/waves-ablation/NAME`. F1 interior in percent, of twelve "
        "leads together and of each alone; then the SD of each boundary's error in ms."
    )
    columns = "run; net; losses; composed; epochs; F1, twelve leads; 95 %; F1, alone; "
    here = table("Losses and composed traces", note, columns + "; ".join(BOUNDARIES), rows)
    return [here, elsewhere(finders)]
