"""How a trained system stands other conditions of recording than those it learnt from.

Each condition alters whole recordings, which then go through the same `InputStream` as in use;
nothing is fitted again. Noise is that of nstdb, the half of it that no training mixes in, at the
stress test's own definition of decibels. Of each system the first seed answers.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import eaten
from einthoven.corpora import Corpus
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs import Inputs, Neighbours
from einthoven.protocols._alter import (
    amplified,
    at_rate,
    jittered,
    noisy,
    other_lead,
    unaltered,
)
from einthoven.protocols._alter import beats_of as reference_beats
from einthoven.protocols.robustness import TEST_HALF, noise_halves
from einthoven.record import DataError, Patient, Record
from einthoven.record.files import write_text
from einthoven.record.inputspec import InputSpec
from einthoven.record.source import RecordSource
from einthoven.record.vocabulary import indices, translate
from einthoven.store.store import cut
from einthoven.suites import _judge, _looks, beats
from einthoven.suites._bundles import NONE
from einthoven.suites._cost import model_of, session
from einthoven.suites._runs import Run

Floats = npt.NDArray[np.float32]
Noises = Mapping[str, Floats]
Alter = Callable[[Record, np.random.Generator], Record]

FILE = "conditions.json"
OWN = "own R peaks"
AS_RECORDED = "as recorded"
NOISES, DECIBELS = ("em", "ma", "bw"), (12, 6, 0)
_BATCH = 2048


def conditions(noises: Noises) -> Mapping[str, Alter]:
    """Return all conditions by name; those of noise that is not there are left out.

    Parameters
    ----------
    noises : of nstdb by name, (lead, time) mV at 360 Hz.
    """
    found: dict[str, Alter] = {
        AS_RECORDED: unaltered, "the other lead": other_lead, "128 Hz": partial(at_rate, 128.0),
        "250 Hz": partial(at_rate, 250.0), "gain x0.5": partial(amplified, 0.5),
        "gain x2": partial(amplified, 2.0),
    }  # fmt: skip
    for kind in NOISES:
        for decibels in DECIBELS if kind in noises else ():
            found[f"{kind} {decibels} dB"] = partial(noisy, noises[kind], decibels)
    found["R-peak jitter 10 ms"] = partial(jittered, 0.010)
    found["R-peak jitter 20 ms"] = partial(jittered, 0.020)
    found[OWN] = unaltered
    return MappingProxyType(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """What a network eats of the beats of some altered records.

    Attributes
    ----------
    window, side : as the `InputSpec` says.
    record, sample : (beat,) where they stand, at the altered record's rate.
    symbol : (beat,) WFDB's; ``""`` where no reference beat is.
    missed : (beat,) symbols of reference beats that no R peak stands for.
    """

    window: Floats
    side: Floats
    record: npt.NDArray[np.str_]
    sample: npt.NDArray[np.int64]
    symbol: npt.NDArray[np.str_]
    missed: Sequence[tuple[str, str]]


def beats_of(
    records: Sequence[Record], spec: InputSpec, name: str, alter: Alter,
    tell: Callable[[], object] = lambda: None,
) -> Beats:  # fmt: skip
    """Return the beats of altered records, cut by the stream that is used everywhere.

    Parameters
    ----------
    records : with reference annotations.
    spec : what is eaten.
    name, alter : of `conditions`; under `OWN` the R peaks are the engine's.
    tell : called after each record.
    """
    parts: list[tuple[Any, ...]] = []
    missed: list[tuple[str, str]] = []
    for record in records:
        # Chance of its own for each record and condition, whatever else is asked for.
        rng = np.random.default_rng(zlib.crc32(f"{record.name} {name}".encode()))
        altered = alter(record, rng)
        whose = "engine" if name == OWN else "reference"
        patient = (altered.patient or Patient()) if "patient" in spec.side else None
        window, side, sample, symbol = cut(
            RecordSource(altered), replace(spec, neighbours=(0, 0)), whose, patient
        )
        parts.append((window, side, np.full(len(sample), record.name), sample, symbol))
        if name == OWN:
            reference = reference_beats(record).symbols.tolist()
            for each in sorted(set(reference)):
                lost = reference.count(each) - int((symbol == each).sum())
                missed += [(record.name, each)] * lost
        tell()
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Beats(
        window=columns[0], side=columns[1], record=columns[2], sample=columns[3],
        symbol=columns[4], missed=missed,
    )  # fmt: skip


Answer = Callable[[Beats], Floats]


def answering(run: Run) -> Answer:
    """Return the function from beats to logits of a finished run."""
    model = session(model_of(run)[0])
    around = InputSpec.from_dict(run.recipe["input"]).neighbours

    def answer(given: Beats) -> Floats:
        return np.concatenate([model.run(None, eaten(model, f))[0] for f in feeds(given, around)])

    return answer


def feeds(given: Beats, around: tuple[int, int]) -> Iterator[Mapping[str, Floats]]:
    """Return what a network eats piece by piece, beats with those around them where it asks so."""
    return _in_sequence(given, around) if around != (0, 0) else _in_batches(given)


def _in_batches(given: Beats) -> Iterator[Mapping[str, Floats]]:
    for start in range(0, len(given.sample), _BATCH):
        rows = slice(start, start + _BATCH)
        yield {"window": given.window[rows], "side": given.side[rows]}


def _in_sequence(given: Beats, around: tuple[int, int]) -> Iterator[Mapping[str, Floats]]:
    """Give pieces with the beats around them, recording by recording, as the stream does."""
    edges = np.flatnonzero(np.append(given.record[1:] != given.record[:-1], True)) + 1
    for start, stop in zip([0, *edges[:-1].tolist()], edges.tolist(), strict=True):
        rows, queue = slice(start, stop), Neighbours(*around)
        whole = Inputs(given.sample[rows], given.window[rows], given.side[rows])
        for piece in queue.push(whole) + queue.flush():
            yield {"window": piece.window, "side": piece.side}


def answers(run: Run, answer: Answer, given: Beats) -> Predictions:
    """Return what a run says of altered beats; what was missed or made up stands as ``-``."""
    known = run.predictions
    logits = answer(given)
    said = replace(
        known, part=np.full(len(logits), "test"), record=given.record, sample=given.sample,
        label=_labels(given.symbol, run), logits=logits,
    )  # fmt: skip
    if not given.missed and not (given.symbol == "").any():
        return said
    none = len(known.classes)
    label = np.where(given.symbol == "", none, said.label)
    lost = np.array([s for _, s in given.missed], np.str_)
    choice = np.concatenate([said.choice, np.full(len(lost), none)])
    return Predictions(
        classes=(*known.classes, NONE), part=np.full(len(choice), "test"),
        record=np.concatenate([given.record, np.array([r for r, _ in given.missed], np.str_)]),
        sample=np.concatenate([given.sample, np.full(len(lost), -1)]),
        label=np.concatenate([label, _labels(lost, run)]),
        logits=np.eye(none + 1, dtype=np.float32)[choice],
    )  # fmt: skip


def _labels(symbol: npt.NDArray[np.str_], run: Run) -> npt.NDArray[np.int64]:
    return indices(translate(symbol, run.labels), run.predictions.classes)


def figures(
    said: Predictions, over: Sequence[str], subject: Callable[[str], str]
) -> dict[str, Any]:
    """Return F1 of each class and their mean, with intervals, and the counts they come from.

    F1 of S without the record that holds most of it stands beside, ``S without 232``.

    Parameters
    ----------
    said : the answers of one trained model under one condition.
    over : the classes.
    subject : from a record's name to who was recorded.
    """
    counted = _judge.count(said, subject)
    told = _judge.figures([counted], over)
    each = {c: told["classes"][c]["f1"] for c in over}
    if "S" in over and beats.HEAVY in said.record and len(counted.subjects) > 1:
        rest = _judge.figures([counted.without(subject(beats.HEAVY))], ("S",))
        each[f"S without {beats.HEAVY}"] = rest["classes"]["S"]["f1"]
    matrix = counted.matrices.sum(axis=0)
    named = {**each, "macro_f1": told["macro_f1"]}
    return {
        "f1": {c: _number(entry["mean"]) for c, entry in each.items()},
        "macro_f1": _number(told["macro_f1"]["mean"]), "n": int(matrix.sum()),
        "over_patients": {
            name: [_number(end) for end in entry["over_patients"]] for name, entry in named.items()
        },
        "confusion": matrix.tolist(),
    }  # fmt: skip


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)


def _noises() -> Noises:
    """Return the half that no training mixes in; none where nstdb is not here."""
    try:
        return noise_halves(TEST_HALF)
    except DataError:
        return {}


def _kept(run: Run, records: Sequence[str]) -> dict[str, Any]:
    path = run.path / FILE
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return dict(kept["figures"]) if kept["of"] == _of(run, records) else {}


def _of(run: Run, records: Sequence[str]) -> list[str]:
    """Return what figures are of: the trained weights, known by their answers, and the records."""
    return [_looks.fingerprint(run.predictions), *records]


def _wanted(
    systems: Mapping[str, Run], kept: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> Iterator[tuple[str, InputSpec, list[str]]]:
    """Give condition, input and the systems yet to answer: one cut for all of an input."""
    for name in names:
        by: dict[InputSpec, list[str]] = {}
        for system, run in systems.items():
            if name not in kept[system]:
                spec = InputSpec.from_dict(run.recipe["input"])
                by.setdefault(spec, []).append(system)
        for spec, members in by.items():
            yield name, spec, members


def table(
    groups: Mapping[str, Sequence[Run]], corpus: Corpus, records: Sequence[str], out: Path,
    command: str, *, side: str = "mitdb DS2", noises: Noises | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures of each system under each condition; what a run kept is not made again.

    Parameters
    ----------
    groups : runs by system, as its looks are booked; the first of each answers.
    corpus, records : whose recordings are altered.
    out : the folder of ``looks.json``, where each look at `side` is counted.
    command : what was typed.
    side : what the records are called in the book of looks.
    noises : see `conditions`; of nstdb if not given.
    """
    from tqdm import tqdm

    systems = {name: runs[0] for name, runs in groups.items()}
    asked = conditions(_noises() if noises is None else noises)
    kept = {name: _kept(run, records) for name, run in systems.items()}
    work = list(_wanted(systems, kept, list(asked)))
    loaded = [corpus.open(r).record() for r in records] if work else []
    loaded = [replace(r, name=n) for r, n in zip(loaded, records, strict=False)]
    answer: dict[str, Answer] = {}
    with tqdm(total=len(work) * len(loaded), unit="record", disable=None, file=sys.stderr) as bar:
        for name, spec, members in work:
            bar.set_description(name)
            given = beats_of(loaded, spec, name, asked[name], bar.update)
            for system in members:
                run = systems[system]
                if system not in answer:
                    answer[system] = answering(run)
                said = answers(run, answer[system], given)
                over = beats.macro_over(run.labels, run.predictions.classes, run.protocol)
                told = _looks.fingerprint(said)
                _looks.count(
                    out, system=system, side=side, answers=told, why=f"condition: {name}",
                    command=command,
                )  # fmt: skip
                kept[system][name] = figures(said, over, corpus.subject) | {"answers": told}
                text = json.dumps({"of": _of(run, records), "figures": kept[system]})
                write_text(run.path / FILE, text + "\n")
    return {
        "records": len(records), "names": list(asked),
        "systems": {
            system: {n: kept[system][n] for n in asked if n in kept[system]} for system in systems
        },
    }  # fmt: skip
