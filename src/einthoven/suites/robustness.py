"""How systems stand worse recordings than they learnt from: score against severity.

The ladder is that of `protocols.robustness`: noise of nstdb at 24 to -6 dB, leads lost, electrodes
exchanged, other rates and gains, R peaks displaced, one at a time. Nothing is fitted again. Systems
of twelve leads are judged on fold 8 of PTB-XL, which chose thresholds, that AUROC needs none of,
dropout, and how many records taught networks learn in noise. Fold 9 and, for beat classifiers, DS2
of mitdb are test sides: they are scored only when asked for (``--test-side``), and each look is
counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from einthoven._version import __version__
from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora.mitdb import DS2
from einthoven.protocols.robustness import (
    TEST_HALF,
    TRAINING_HALF,
    Noises,
    Rung,
    noise_halves,
    rungs,
)
from einthoven.record.errors import DataError
from einthoven.suites import _looks, _robust_beats, _robust_records, _robust_systems
from einthoven.suites import _robust_tables as tables
from einthoven.suites._suite import write_results

NAME = "robustness.json"
COMMAND = "einthoven evaluate --suite robustness"
OURS = "beat-net-taught-noise"
# Convolutional networks, of which the best as recorded in fold 8 is what ours is held against.
RIVALS = ("heartbeatai", "resnet1d-wang", "xresnet1d101", "inception1d")
ALIKE = "resnet1d-wang-taught-noise"  # has learnt in the same noise from the same teacher as ours
HELD = ("em 0 dB", 0.03)  # the rung, and by how much of macro AUROC ours is to be ahead
_FOLDS = {"fold 8": 8, "fold 9": 9}
_LABELS = "ptbxl-superdiagnostic"
_RATE = 360.0  # Hz of nstdb
_BEATS = "DS2"


def _records(
    side: str, corpus: Corpus, runs: Path, noises: Noises, ladder: Sequence[Rung]
) -> tuple[dict[str, Any], list[str]]:
    """Return what is told of one fold, and notes."""
    names = _robust_records.records_of(corpus, _FOLDS[side], _LABELS)
    systems, notes = _robust_systems.found(runs, names, shipped=side == "fold 9")
    if not systems:
        raise DataError(runs, "holds no run of twelve leads", "Train: einthoven train beat-net")
    records, without = _robust_records.load(corpus, names)
    if without:
        notes.append(f"{side}: no beat is found in {', '.join(without)} as recorded: left out")
    cells = _robust_records.answered(systems, ladder, records, side, runs, noises)
    asked = {s.name: _robust_records.table(s, corpus, records, cells) for s in systems}
    areas = tables.drawn(systems, asked, cells, ladder, tables.DRAWS)
    first = next(iter(asked.values()))
    told = {
        "records": len(records), "people": len(set(first.person.tolist())),
        "systems": {
            s.name: {"run": s.source, "learnt": s.learnt, "eats": s.spec.kind} for s in systems
        },
        "cells": tables.cell_rows(systems, ladder, areas, cells),
        "fingerprints": {
            s.name: {r.name: _fingerprint(cells[s.name, r.name]) for r in ladder} for s in systems
        },
    }  # fmt: skip
    ours = next((s for s in systems if s.name == OURS), None)
    if ours is not None:
        others = [s for s in systems if s.network and s is not ours]
        told["pairs"] = tables.pairs(ours, others, ladder, areas)
    return told, notes


def _fingerprint(cell: Any) -> str:
    return hashlib.sha256(cell.round(4).tobytes()).hexdigest()[:12]


def _beats(runs: Path, corpus: Corpus, names: Sequence[str], side: str, noises: Noises,
           ladder: Sequence[Rung]) -> dict[str, Any]:  # fmt: skip
    """Return what is told of the beat classifiers."""
    systems = _robust_beats.found(runs)
    cells = _robust_beats.counted(systems, ladder, corpus, names, side, runs, noises)
    people = [corpus.subject(n) for n in names]
    return {
        "records": len(names), "people": len(set(people)),
        "systems": {
            s.name: {"classes": list(s.classes), "macro_over": list(s.over)} for s in systems
        },
        "cells": {
            s.name: {
                r.name: _robust_beats.figures(s, cells[s.name, r.name], people) for r in ladder
            }
            for s in systems
        },
        "fingerprints": {
            s.name: {r.name: _fingerprint(cells[s.name, r.name]) for r in ladder} for s in systems
        },
    }  # fmt: skip


def _held(sides: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ours less the best rival, which fold 8 names, and less one that was taught alike.

    Without ours, or the other, there is no such row.
    """
    rung, least = HELD
    chosen = sides["fold 8"]["cells"]
    here = [s for s in RIVALS if s in chosen]
    if OURS not in chosen:
        return []
    rivals = sorted(here, key=lambda s: -chosen[s]["as recorded"]["macro_auroc"]["value"])[:1]
    rows = []
    for rival in [*rivals, *([ALIKE] if ALIKE in chosen else [])]:
        found = {}
        for side, told in sides.items():
            gap = told.get("pairs", {}).get(rival, {}).get(rung)
            if gap is not None:
                found[side] = gap | {"reached": gap["value"] >= least}
        rows.append({"system": OURS, "rival": rival, "rung": rung, "least": least, "ours": found})
    return rows


def _count(out: Path, sides: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down each look at a test side."""
    names = {"fold 9": "ptbxl fold 9", _BEATS: "mitdb DS2"}
    for side, told in sides.items():
        for system, each in told["fingerprints"].items() if side in names else ():
            for rung, mark in each.items():
                _looks.count(
                    out, system=system, side=names[side], answers=mark,
                    why=f"robustness: {rung}", command=f"{COMMAND} --test-side",
                )  # fmt: skip


def _tables(
    records: Mapping[str, Any], beats: Mapping[str, Any], held: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    ladder, found = rungs("records"), []
    for side, told in records.items():
        rows = told["cells"]
        note = (
            f"{told['records']} records of {told['people']} people; {_learnt(told)} A record that "
            "is refused counts as if the middle of what the system says had been said of it."
        )
        found.append(
            tables.severity_table(f"Macro AUROC, {side}", note, rows, "macro_auroc", ladder)
        )
        found.append(
            tables.interval_table(
                f"Intervals, {side}", "95 %, over people.", rows, "macro_auroc", ladder
            )
        )
        found += [t for t in (tables.refused_table(rows, ladder),) if t]
        if told.get("pairs"):
            found.append(tables.pair_table(OURS, side, told["pairs"], ladder))
    if held:
        body = [
            [side, row["rung"], row["rival"], f"{row['least']:+.3f}",
             f"{v['value']:+.3f} [{v['low']:+.3f}, {v['high']:+.3f}]", v["reached"]]
            for row in held for side, v in row["ours"].items()
        ]  # fmt: skip
        found.append(
            {
                "title": f"Held to: {OURS} in noise",
                "note": (
                    "Less the convolutional network that is best in fold 8 as recorded; then less "
                    f"{ALIKE}, which learnt in the same noise from the same teacher: what is left "
                    "there is what reading beats brings."
                ),
                "columns": ["side", "rung", "rival", "at least", "ours", "reached"], "rows": body,
            }
        )  # fmt: skip
    for side, told in beats.items():
        rows, on = told["cells"], rungs("beats")
        note = f"{told['records']} records of {told['people']} people, reference beats."
        found += [
            tables.severity_table(f"Macro F1 of beats, {side}", note, rows, "macro_f1", on),
            tables.interval_table(
                f"Intervals of beats, {side}", "95 %, over patients.", rows, "macro_f1", on
            ),
        ]
    return found


def _learnt(told: Mapping[str, Any]) -> str:
    """Return how many records each system learnt from, the usual number first."""
    numbers = {name: s["learnt"] for name, s in told["systems"].items()}
    most = max(set(numbers.values()), key=list(numbers.values()).count)
    others = [f"{name} from {n}" for name, n in numbers.items() if n != most]
    less = f", {', '.join(others)} (runs that have not seen them)" if others else ""
    return f"learnt from {most} other records{less}; one seed each."


def run(
    out: Path, *, runs: Path = Path("runs"), root: Path | None = None, test: bool = False
) -> dict[str, Any]:
    """Judge all systems on every rung, write ``robustness.json``, and return what was written.

    Cells lie in ``RUNS/robustness``; what is there is not made again.

    Parameters
    ----------
    out : the results folder; each look at a test side is counted in its ``looks.json``.
    runs : where the run folders lie.
    root : the data root.
    test : whether fold 9 and DS2 are scored, too.

    Raises
    ------
    DataError : no run, no recordings or no noise.
    """
    noises = Noises(noise_halves(TEST_HALF, root), _RATE)
    corpus = open_corpus("ptbxl", root)
    corpus.at_hand()
    sides, notes = {}, []
    for side in _FOLDS if test else ("fold 8",):
        sides[side], said = _records(side, corpus, runs, noises, rungs("records"))
        notes += said
    beats = {}
    if test:
        mitdb = open_corpus("mitdb", root)
        mitdb.at_hand()
        beats[_BEATS] = _beats(runs, mitdb, DS2, _BEATS, noises, rungs("beats"))
        _count(out, sides | beats)
    else:
        notes.append("fold 9, and beats on DS2: not opened; --test-side does")
    held = _held(sides)
    for told in (*sides.values(), *beats.values()):
        del told["fingerprints"]
    results = {
        "suite": "robustness", "title": "Robustness: score against severity",
        "einthoven": __version__, "command": COMMAND + (" --test-side" if test else ""),
        "note": (
            "One thing at a time goes wrong with the recordings; nothing is fitted again. Decibels "
            "are those of the stress test, which measure the QRS, for each lead by itself. Noise "
            f"is of nstdb, the {TEST_HALF} half; the R-peak detector and networks called taught, "
            f"which alone are trained with it, have that of the {TRAINING_HALF}."
        ),
        "intervals": {"level": 0.95, "draws": tables.DRAWS, "kind": "percentile bootstrap"},
        "tables": _tables(sides, beats, held),
        "records": sides, "beats": beats, "held_to": held, "notes": notes,
        "figures": {
            OURS: {f"less {row['rival']}, {s}": v for row in held for s, v in row["ours"].items()}
        },
    }  # fmt: skip
    return write_results(out / NAME, results)
