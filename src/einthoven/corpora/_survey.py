"""What is in a corpus: records, people, labels, and what the signals are like."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from einthoven.corpora._corpus import Corpus
from einthoven.corpora._quality import Quality, quality
from einthoven.record.diagnosis import LABELS, Statement, label_row
from einthoven.record.errors import DataError, EinthovenError
from einthoven.record.vocabulary import AAMI, is_beat, translate

MOST = 4000  # records whose signal is looked at, evenly spread: 50 ms for ten seconds of 12 leads


@dataclass(frozen=True, kw_only=True)
class RecordSurvey:
    """One record of a corpus.

    Attributes
    ----------
    classes : AAMI class -> beats.
    symbols : WFDB symbol -> beats.
    rhythms : the texts of its rhythm marks.
    statements : what the publisher says of the whole record.
    metadata : what else is known of it.
    quality : what its signal is like; None where it was not looked at.
    """

    record: str
    subject: str
    leads: tuple[str, ...]
    rate: float
    seconds: float
    classes: dict[str, int]
    symbols: dict[str, int]
    rhythms: tuple[str, ...]
    statements: tuple[Statement, ...]
    metadata: dict[str, str]
    quality: Quality | None


def survey(
    corpus: Corpus,
    progress: Callable[[str], None] = lambda _name: None,
    *,
    signals: bool = False,
    faults: list[EinthovenError] | None = None,
) -> tuple[RecordSurvey, ...]:
    """Return what each record that is here holds.

    Parameters
    ----------
    progress : called with the name of each record that is done.
    signals : look at the signals too, of `MOST` records.
    faults : takes what is wrong with a record, which is then left out.

    Raises
    ------
    DataError : where no record is here.
    EinthovenError : a record cannot be read, and nothing takes the fault.
    """
    present = corpus.at_hand()
    looked = {present[k] for k in np.linspace(0, len(present) - 1, MOST).round().astype(int)}
    rows = []
    for record in present:
        try:
            rows.append(_row(corpus, record, signals=signals and record in looked))
        except EinthovenError as fault:
            if faults is None:
                raise
            faults.append(fault)
        progress(record)
    return tuple(rows)


def _row(corpus: Corpus, record: str, *, signals: bool) -> RecordSurvey:
    source = corpus.open(record)
    marks = source.annotations()
    classes, symbols, rhythms = dict.fromkeys(AAMI, 0), Counter[str](), set[str]()
    if marks is not None:
        beats = marks.where(is_beat(marks.symbols))
        symbols.update(beats.symbols.tolist())
        found = Counter(translate(beats.symbols, "aami").tolist())
        classes = {name: found[name] for name in AAMI}
        rhythms = {text for text in marks.texts if text.startswith("(")}
    return RecordSurvey(
        record=record, subject=corpus.subject(record), leads=source.leads,
        rate=source.rate, seconds=source.samples / source.rate, classes=classes,
        symbols=dict(symbols.most_common()), rhythms=tuple(sorted(rhythms)),
        statements=corpus.statements(record), metadata=dict(corpus.metadata(record)),
        quality=quality(source) if signals else None,
    )  # fmt: skip


def label_counts(
    rows: Sequence[RecordSurvey], corpus: str
) -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """Return label set -> class -> (records that have it, records of which it is known).

    Only label sets of which some class is there. Records with a code that the table does not know
    are in none.
    """
    distinct = Counter(row.statements for row in rows)
    out = {}
    for labels, names in LABELS.items():
        have, known = np.zeros(len(names), int), np.zeros(len(names), int)
        for said, count in distinct.items():
            try:
                row = label_row(said, labels, corpus=corpus)
            except DataError:
                continue
            have += count * (row == 1)
            known += count * np.isfinite(row)
        if have.any():
            out[labels] = dict(
                zip(names, zip(have.tolist(), known.tolist(), strict=True), strict=True)
            )
    return out


def copies(rows: Sequence[RecordSurvey]) -> tuple[tuple[str, ...], ...]:
    """Return groups of records with the very same samples, as far as they were looked at."""
    groups = defaultdict(list)
    for row in rows:
        if row.quality is not None:
            groups[row.quality.digest].append(row.record)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)
