"""A shipped model under a protocol: on the reference's beats, and behind our own R peaks.

Behind our own R peaks a beat may be missed and a beat may be made up. Both stand in the confusion
matrix as one more row and column, named ``-``: the row holds what was said where no beat is, the
column the beats that were missed, so that sensitivity and +P count both faults. Beats are paired
within 150 ms as ANSI/AAMI EC57 says, from the first beat on: no learning period is left out, so
that the figures stand beside those on reference beats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, Card
from einthoven.corpora import Corpus
from einthoven.corpora.mitdb import DS2
from einthoven.evaluation.ec57 import WINDOW, pair
from einthoven.evaluation.predictions import Predictions
from einthoven.inputs import InputStream
from einthoven.record.errors import DataError, LeakError, UsageError
from einthoven.record.source import Source
from einthoven.record.vocabulary import CLASSES, indices, is_beat, translate

NONE = "-"
# Before the name of a corpus that was never learnt from: all its records are test.
EXTERNAL = "external-"
_CHUNK = 120.0  # seconds read at once

Progress = Callable[[float], None]


def labels_of(bundle: Bundle) -> str:
    """Return the name of the map that the bundle's classes come from."""
    for table in ("aami", "nlrav"):
        if set(bundle.card.classes) <= set(CLASSES[table]):
            return table
    raise UsageError(
        f"model {bundle.card.name!r}", "has classes of no known map", "Judge its run folder"
    )


def test_records(bundle: Bundle, corpus: Corpus, protocol: str) -> tuple[str, ...]:
    """Return the records that a bundle may be judged on under a protocol.

    Raises
    ------
    UsageError : the protocol cannot be judged without the run's own split.
    LeakError : the card names one of these records as seen in training.
    """
    if protocol == f"{EXTERNAL}{corpus.name}":
        return _external(bundle, corpus)
    if protocol != "inter-patient" or corpus.name != "mitdb":
        raise UsageError(
            "--protocol", f"{protocol!r} on {corpus.name} needs the split of the training",
            "Judge the run folder, or use inter-patient on mitdb",
        )  # fmt: skip
    card = bundle.card
    if card.protocol.startswith("intra-patient") or _learnt_from(card) & set(DS2):
        raise LeakError(
            f"model {card.name!r}", "was trained on beats of the test side", "Judge its run folder"
        )
    return DS2


def _external(bundle: Bundle, corpus: Corpus) -> tuple[str, ...]:
    """Return all records of a corpus that the model has seen nothing of."""
    card = bundle.card
    # Exporters write the publisher's title; of several corpora, with semicolons between.
    named = {part.strip() for part in str(card.data.get("corpus", "")).split(";")}
    if named & {corpus.name, corpus.title} or _learnt_from(card) & set(corpus.records):
        raise LeakError(
            f"model {card.name!r}", f"was trained on {corpus.name}", "Judge its run folder"
        )
    return corpus.at_hand()


def _learnt_from(card: Card) -> set[str]:
    """Return the records that a card names as learnt from or chosen by: a list, or one a side."""
    told = card.data.get("records", ())
    sides = told.values() if isinstance(told, Mapping) else [told]
    return {str(r) for side in sides if isinstance(side, Sequence) for r in side}


def reference(source: Source, labels: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Return samples and classes of all reference beats; ``""`` for a beat of no class."""
    marks = source.annotations()
    if marks is None:
        raise DataError(source.path, "has no reference annotations", "Judge on another record")
    beats = marks.where(is_beat(marks.symbols))
    return beats.samples, translate(beats.symbols, labels)


def on_reference_beats(
    bundle: Bundle, corpus: Corpus, records: Sequence[str], progress: Progress | None = None
) -> Predictions:
    """Return what the model says of every reference beat, fed as in use, chunk by chunk.

    All reference beats enter the rhythm; those of no class of the model's are not judged.
    """
    card = bundle.card
    labels = labels_of(bundle)
    parts: list[tuple[str, Any, Any, Any]] = []
    for number, record in enumerate(records):
        source = corpus.open(record)
        samples, names = reference(source, labels)
        spec = card.stages[0].input
        stream = InputStream(spec, source.rate, source.leads, where=source.path)
        batches, start = [], 0
        for chunk in source.chunks(_CHUNK):
            stop = start + chunk.shape[1]
            inside = samples[(samples >= start) & (samples < stop)]
            batches += stream.push(chunk, inside, stop)
            start = stop
        batches += stream.flush()
        logits = [bundle.run({"window": b.window, "side": b.side}) for b in batches]
        told = np.concatenate([b.samples for b in batches])
        if not np.array_equal(told, samples):
            raise DataError(source.path, "not every beat was answered", "Report this as a fault")
        parts.append((record, samples, indices(names, card.classes), np.concatenate(logits)))
        if progress:
            progress((number + 1) / len(records))
    return Predictions(
        classes=card.classes, part=np.full(sum(len(p[1]) for p in parts), "test"),
        record=np.concatenate([np.full(len(p[1]), p[0]) for p in parts]),
        sample=np.concatenate([p[1] for p in parts]), label=np.concatenate([p[2] for p in parts]),
        logits=np.concatenate([p[3] for p in parts]).astype(np.float32),
        offsets=np.array(card.offsets, np.float64), temperature=card.temperature,
    )  # fmt: skip


def behind_own_peaks(
    bundle: Bundle,
    corpus: Corpus,
    records: Sequence[str],
    profile: str,
    progress: Progress | None = None,
) -> Predictions:
    """Return what ``analyze`` says, beat by beat, with ``-`` for missed and made-up beats.

    Uncertain answers count as the answers they are. A found beat without a class of the model's
    counts as missed; a reference beat of no class is not judged, found or not.
    """
    from einthoven.engine import analyze  # it loads the detector, and scipy with it

    labels = labels_of(bundle)
    classes = (*bundle.card.classes, NONE)
    none = len(classes) - 1
    rows: list[tuple[str, Any, Any, Any]] = []
    for number, record in enumerate(records):
        source = corpus.open(record)
        samples, names = reference(source, labels)
        marks = analyze(source, model=bundle, profile=profile).marks
        said = indices(marks.classes, classes)
        said[said < 0] = none
        hit, found = pair(samples, marks.samples, int(WINDOW * source.rate))
        truth = indices(names, classes)
        choice = np.full(len(samples), none, np.int64)
        choice[hit] = said[found]
        extra = np.setdiff1d(np.arange(len(marks.samples)), found)
        extra = extra[said[extra] != none]
        rows.append(
            (
                record, np.concatenate([samples, marks.samples[extra]]),
                np.concatenate([truth, np.full(len(extra), none, np.int64)]),
                np.concatenate([choice, said[extra]]),
            )
        )  # fmt: skip
        if progress:
            progress((number + 1) / len(records))
    choice = np.concatenate([r[3] for r in rows])
    # There are no logits of a missed beat: the choice alone is kept.
    return Predictions(
        classes=classes, part=np.full(len(choice), "test"),
        record=np.concatenate([np.full(len(r[1]), r[0]) for r in rows]),
        sample=np.concatenate([r[1] for r in rows]), label=np.concatenate([r[2] for r in rows]),
        logits=np.eye(len(classes), dtype=np.float32)[choice],
    )  # fmt: skip
