"""Waves in recordings of other corpora, whose waves nobody marked: what cannot be, and beats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from einthoven.corpora import data_root, open_corpus
from einthoven.corpora.mitdb import DS1
from einthoven.evaluation import delineation
from einthoven.evaluation.ec57 import compare, gross
from einthoven.formats import open_source
from einthoven.record import Annotations, Record
from einthoven.record.leads import one_lead
from einthoven.record.source import Source
from einthoven.suites._waves_judge import Finder, dwt, percent, table

_START = 300.0  # seconds of mitdb that are passed over
_STRIP, _LONG = 30.0, 120.0  # seconds of each record of mitdb: of strips, and with beats
_STRIPS = 100  # of CinC 2017


def impossible(records: Sequence[Record], find: Finder) -> tuple[int, int, int]:
    """Return the beats found in records of one lead, the waves found, and the impossible ones."""
    beats = waves = wrong = 0
    for record in records:
        lead = find(record)[0]
        beats += int((lead.kind == "QRS").sum())
        waves += len(lead.kind)
        wrong += delineation.impossible(lead, record.rate)
    return beats, waves, wrong


def strips(find: Finder) -> dict[str, Any]:
    """Return the table of waves that cannot be, in recordings whose waves nobody marked."""
    rows = []
    for name, records in {"mitdb, DS1": _mitdb(), "CinC 2017": _cinc()}.items():
        for system, finder in {"einthoven": find, "NeuroKit2 dwt": dwt}.items():
            if records:
                beats, waves, wrong = impossible(records, finder)
                share = percent(wrong / waves) if waves else ""
                rows.append([name, len(records), system, beats, waves, wrong, share])
    note = (
        "A wave that ends before it begins, overlaps the next, or is narrower or wider than waves "
        "are (P 20 to 250, QRS 30 to 300, T 40 to 500 ms). One lead; 30 s of each record of mitdb "
        "from its sixth minute on, and 100 strips of CinC 2017 by the SHA-1 of their name."
    )
    columns = "corpus; records; system; QRS; waves; impossible; percent"
    return table("Waves that cannot be", note, columns, rows)


def _part(source: Source, seconds: float) -> tuple[Record, int]:
    """Return a piece of the lead that speaks for a record, and the sample it begins at."""
    row = one_lead(source.leads)
    first = min(round(_START * source.rate), max(0, source.samples - round(seconds * source.rate)))
    stop = min(source.samples, first + round(seconds * source.rate))
    signal = source.read(first, stop)[row : row + 1]
    lead = source.leads[row]
    return Record(signal=signal, rate=source.rate, leads=(lead,), name=source.name), first


def _mitdb() -> list[Record]:
    corpus = open_corpus("mitdb")
    return [_part(corpus.open(name), _STRIP)[0] for name in DS1 if name in corpus.present]


def _cinc() -> list[Record]:
    files = sorted(
        (data_root() / "cinc2017").glob("training2017/*.hea"),
        key=lambda path: hashlib.sha1(path.stem.encode(), usedforsecurity=False).hexdigest(),
    )
    return [open_source(path).record() for path in files[:_STRIPS]]


def elsewhere(finders: Mapping[str, Finder]) -> dict[str, Any]:
    """Return the table of QRS and P in mitdb, a corpus that none of these nets has seen."""
    corpus = open_corpus("mitdb")
    pieces = []
    for name in (n for n in DS1 if n in corpus.present):
        source = corpus.open(name)
        record, first = _part(source, _LONG)
        marks = source.annotations()
        if marks is not None:
            pieces.append((record, *_inside(marks, first, record.samples)))
    rows = []
    for name, find in finders.items() if pieces else ():
        found = [find(record)[0] for record, _, _ in pieces]
        judged = gross([
            compare(marks, np.sort(lead.peak[lead.kind == "QRS"]), record.rate, start=0.0)
            for (record, marks, _), lead in zip(pieces, found, strict=True)
        ]).figures()  # fmt: skip
        seen = {rhythm: np.zeros(2, np.int64) for rhythm in ("(N", "(AFIB")}
        for (_, _, rhythms), lead in zip(pieces, found, strict=True):
            for k in np.flatnonzero(lead.kind == "QRS").tolist():
                rhythm = _at(rhythms, int(lead.peak[k]))
                if rhythm in seen:
                    seen[rhythm] += (k > 0 and lead.kind[k - 1] == "P", 1)
        shares = [percent(p / n) if n else "" for p, n in seen.values()]
        beats = judged["q_tp"] or 0
        rows.append([
            name, int(beats), percent(judged["q_se"] or 0), percent(judged["q_ppv"] or 0), *shares
        ])  # fmt: skip
    note = (
        "Two minutes of each record of DS1 from the sixth minute on, the lead II as if alone; QRS "
        "against the marked beats, 150 ms (EC57). Then the share of QRS with a P before: in sinus "
        "rhythm most should have one, in atrial fibrillation none."
    )
    columns = "run; QRS found; sensitivity; predictivity; P in sinus rhythm; P in fibrillation"
    return table("Another corpus: mitdb, DS1", note, columns, rows)


def _inside(
    marks: Annotations, first: int, samples: int
) -> tuple[Annotations, Sequence[tuple[int, str]]]:
    """Return the marks of a piece, counted from its beginning, and all changes of rhythm."""
    keep = (marks.samples >= first) & (marks.samples < first + samples)
    there = marks.where(keep)
    moved = Annotations(samples=there.samples - first, symbols=there.symbols)
    rhythms = [
        (int(at) - first, text)
        for at, text in zip(marks.samples.tolist(), marks.texts, strict=True)
        if text.startswith("(")
    ]
    return moved, rhythms


def _at(rhythms: Sequence[tuple[int, str]], sample: int) -> str:
    """Return the rhythm that holds at a sample."""
    past = [text for start, text in rhythms if start <= sample]
    return past[-1] if past else ""
