"""Who finds waves, and how what was found is held against the marks of LUDB."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora.ludb import Ludb
from einthoven.engine import analyze
from einthoven.evaluation import delineation
from einthoven.evaluation.delineation import Lead, Tally
from einthoven.record import Record
from einthoven.signal.peaks import find_peaks
from einthoven.signal.waves import Net, Waves, WaveStream

INTERVALS = ("PR", "QRS", "QT")
_BLOCK = 10.0  # seconds, as the engine has them in review

# Returns the waves of each lead.
Finder = Callable[[Record], list[Lead]]


def leads_of(waves: Waves, count: int) -> list[Lead]:
    """Return the waves of each of `count` leads."""
    found = []
    for row in range(count):
        of = waves.where(waves.lead == row)
        found.append(Lead(kind=of.kind, onset=of.onset, peak=of.peak, offset=of.offset))
    return found


def analyzed(record: Record) -> list[Lead]:
    """Return what `analyze` says with the shipped net."""
    waves = analyze(record, waves=True).wave_marks
    return leads_of(waves if waves is not None else Waves.none(), len(record.leads))


def by(net: Net) -> Finder:
    """Return what finds waves as the engine does, with another net."""

    def find(record: Record) -> list[Lead]:
        stream = WaveStream(record.rate, record.leads, _BLOCK, net)
        peaks = find_peaks(record.signal, record.rate, record.leads).samples
        tables = [*stream.push(record.signal, peaks, record.samples), *stream.flush(peaks[:0])]
        return leads_of(Waves.joined(tables), len(record.leads))

    return find


def alone(find: Finder) -> Finder:
    """Return what finds waves in each lead as if there were no other."""

    def each(record: Record) -> list[Lead]:
        return [find(only(record, lead))[0] for lead in record.leads]

    return each


def only(record: Record, lead: str) -> Record:
    """Return the record of one lead."""
    signal = record.lead(lead)[None]
    return Record(signal=signal, rate=record.rate, leads=(lead,), name=record.name)


def dwt(record: Record) -> list[Lead]:
    """Return the waves of a record of one lead by NeuroKit2's wavelets; none where it gives up."""
    import neurokit2

    rate = int(record.rate)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clean = neurokit2.ecg_clean(record.signal[0].astype(np.float64), sampling_rate=rate)
            _, marks = neurokit2.ecg_peaks(clean, sampling_rate=rate)
            peaks = marks["ECG_R_Peaks"]
            _, marks = neurokit2.ecg_delineate(clean, peaks, sampling_rate=rate, method="dwt")
    except Exception:  # noqa: BLE001 - it raises many things; each is a record without an answer
        return [leads_of(Waves.none(), 1)[0]]
    rows = []
    for kind, letter in (("P", "P"), ("QRS", "R"), ("T", "T")):
        sides = [marks[f"ECG_{letter}_{side}"] for side in ("Onsets", "Offsets")]
        tops = peaks if kind == "QRS" else marks[f"ECG_{letter}_Peaks"]
        for one in zip(sides[0], tops, sides[1], strict=False):
            a, middle, b = (-1 if np.isnan(v) else int(v) for v in one)
            if max(a, b) >= 0:
                rows.append((kind, a, middle if middle >= 0 else max(a, b), b))
    rows.sort(key=lambda row: row[2])
    columns = [np.array([row[k] for row in rows], np.int64) for k in (1, 2, 3)]
    kinds = np.array([row[0] for row in rows], "<U3")
    return [Lead(kind=kinds, onset=columns[0], peak=columns[1], offset=columns[2])]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A system on some records.

    Attributes
    ----------
    records : one `delineation.total` a record, over its leads.
    errors : interval to (record,) seconds, the record's value less that of the marks.
    seconds : of the processor, a record.
    silent : records in which nothing was found.
    """

    records: tuple[dict[str, Tally], ...]
    errors: dict[str, npt.NDArray[np.float64]]
    seconds: float
    silent: int

    @property
    def total(self) -> dict[str, Tally]:
        """All records together."""
        return delineation.total(self.records)


def judge(
    corpus: Ludb, names: Sequence[str], find: Finder, *, lead: str | None = None,
    change: Callable[[Record], Record] = lambda record: record,
) -> Judged:  # fmt: skip
    """Return how well waves are found.

    Parameters
    ----------
    names : of the records.
    lead : the only one that is given and judged; all if not given.
    change : what is done to a record before it is given; its rate may be another then.
    """
    tallies, errors, spent, silent = [], {name: list[float]() for name in INTERVALS}, 0.0, 0
    for name in names:
        plain = corpus.open(name).record()
        marks = corpus.marks(name)
        rows = range(len(marks)) if lead is None else [plain.leads.index(lead)]
        whole = Record(signal=plain.signal, rate=plain.rate, leads=plain.leads, name=name)
        given = change(whole if lead is None else only(whole, lead))
        start = time.process_time()
        found = [_at(one, plain.rate / given.rate) for one in find(given)]
        spent += time.process_time() - start
        silent += not any(len(one.kind) for one in found)
        wanted = [
            Lead(kind=m.kinds, onset=m.onsets, peak=m.peaks, offset=m.offsets)
            for m in (marks[row] for row in rows)
        ]
        pairs = list(zip(wanted, found, strict=True))
        tallies.append(delineation.total([delineation.score(a, b, plain.rate) for a, b in pairs]))
        for interval, error in _interval_errors(pairs, plain.rate).items():
            errors[interval].append(error)
    return Judged(
        records=tuple(tallies), errors={k: np.array(v) for k, v in errors.items()},
        seconds=spent / max(1, len(names)), silent=silent,
    )  # fmt: skip


def _at(lead: Lead, ratio: float) -> Lead:
    """Return a lead's waves at a rate `ratio` times theirs."""
    if ratio == 1:
        return lead
    moved = [
        np.where(at >= 0, np.rint(at * ratio), -1).astype(np.int64)
        for at in (lead.onset, lead.peak, lead.offset)
    ]
    return Lead(kind=lead.kind, onset=moved[0], peak=moved[1], offset=moved[2])


def _interval_errors(pairs: Sequence[tuple[Lead, Lead]], rate: float) -> dict[str, float]:
    """Return found less marked, of the medians over the beats and then over the leads, seconds."""
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in INTERVALS}
    for wanted, found in pairs:
        ends = np.concatenate([wanted.onset, wanted.offset])
        ends = ends[ends >= 0]
        if not len(ends):
            continue
        span = int(ends.min()), int(ends.max())
        both = [delineation.lengths(lead, rate, *span) for lead in (wanted, found)]
        for name in INTERVALS:
            if all(len(one[name]) for one in both):
                values[name].append((np.median(both[0][name]), np.median(both[1][name])))
    out = {}
    for name, rows in values.items():
        if rows:
            marked, given = np.median(np.array(rows), axis=0)
            out[name] = float(given - marked)
    return out


def table(title: str, note: str, columns: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return a table of a results file; the columns stand between semicolons."""
    return {
        "title": title, "note": note, "columns": columns.split("; "), "rows": [*map(list, rows)]
    }  # fmt: skip


def percent(value: float) -> str:
    """Return a share in percent; nothing for what is undefined."""
    return "" if value != value else f"{100 * value:.2f}"
