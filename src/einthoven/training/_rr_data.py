"""Windows of intervals, each with its rhythm and its subject: of marked records, and of strips."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus, open_corpus
from einthoven.corpora._marked import MarkedFolder
from einthoven.corpora.mitdb import DS1
from einthoven.inputs.rr_window import RATE, SPAN, TIME, Track
from einthoven.record.annotation import Annotations
from einthoven.record.errors import DataError
from einthoven.record.vocabulary import is_beat
from einthoven.signal.peaks import find_peaks

# Seconds from window to window. Days of sinus rhythm would drown everything else.
HOPS: Mapping[str, float] = MappingProxyType({"nsrdb": 5 * SPAN})
AF, NONE = "(AFIB", "(N"
# Of mitdb the half that everything is learnt from: DS2 is kept for other questions.
RECORDS: Mapping[str, Sequence[str]] = MappingProxyType({"mitdb": DS1})
# Corpora of strips without marks, each of one rhythm; a class that is not here is left out.
STRIPS = MappingProxyType({"cinc2017": MappingProxyType({"N": NONE, "A": AF, "O": "other"})})
SHORTEST = 8  # intervals of a strip

Drawn = tuple[Track, npt.NDArray[np.int8]]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Strings = npt.NDArray[np.str_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Windows of five minutes.

    Attributes
    ----------
    tracks : of each record.
    rhythms : of each record (time,) the rhythm at 4 Hz, an index into `names`.
    names : of rhythms, e.g. ``"(AFIB"``.
    track, start : (window,) which record, and its first sample at 4 Hz.
    corpus, record, subject : (window,) where it is from.
    """

    tracks: tuple[Track, ...]
    rhythms: tuple[npt.NDArray[np.int8], ...]
    names: tuple[str, ...]
    track: Ints
    start: Ints
    corpus: Strings
    record: Strings
    subject: Strings

    def __len__(self) -> int:
        return len(self.start)

    def label(self, row: int, start: int) -> int:
        """Return 1 where half of the window from `start` on, or more, is fibrillation; else 0."""
        part = self.rhythms[int(self.track[row])][start : start + TIME]
        return int(2 * int((part == self.names.index(AF)).sum()) >= TIME)

    @property
    def labels(self) -> Ints:
        """(window,) 1 or 0, see `label`."""
        return np.array([self.label(k, int(s)) for k, s in enumerate(self.start)], np.int64)

    @property
    def commonest(self) -> Strings:
        """(window,) the rhythm that most of it is."""
        most = [
            np.bincount(self.rhythms[t][s : s + TIME]).argmax()
            for t, s in zip(self.track.tolist(), self.start.tolist(), strict=True)
        ]
        return np.array(self.names)[np.array(most, np.int64)]

    def windows(self, rows: Ints, start: Ints | None = None) -> Floats:
        """Return (row, 1, 1200) seconds of interval; `start` moves the windows elsewhere."""
        first = self.start[rows] if start is None else start
        return np.stack([
            self.tracks[t].window(s)
            for t, s in zip(self.track[rows].tolist(), first.tolist(), strict=True)
        ])  # fmt: skip

    def moved(self, rows: Ints, most: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
        """Return windows begun up to `most` seconds sooner or later, and their labels."""
        reach = round(most * RATE)
        last = np.array([len(self.tracks[t].seconds) - TIME for t in self.track[rows].tolist()])
        start = self.start[rows] + rng.integers(-reach, reach + 1, len(rows))
        start = np.clip(start, 0, last)
        label = [self.label(k, s) for k, s in zip(rows.tolist(), start.tolist(), strict=True)]
        return self.windows(rows, start), np.array(label, np.int64)

    def measures(self) -> Floats:
        """Return (window, measure), see `inputs.rr_window`."""
        return np.stack([
            self.tracks[t].measures(s)
            for t, s in zip(self.track.tolist(), self.start.tolist(), strict=True)
        ])  # fmt: skip


def load(names: Sequence[str]) -> Examples:
    """Return the windows of corpora, as far as they are here.

    Raises
    ------
    DataError : of one of them nothing is here.
    """
    tracks: list[Track] = []
    rhythms: list[npt.NDArray[np.int8]] = []
    rows: list[tuple[int, int, str, str, str]] = []
    texts = [NONE, AF]
    for name in names:
        corpus = open_corpus(name)
        chosen = [r for r in corpus.present if r in RECORDS.get(name, corpus.present)]
        if not chosen:
            raise DataError(name, "is not here", corpus.mend)
        for record in chosen:
            found = (_strip if name in STRIPS else _marked)(corpus, record, texts)
            if found is None:
                continue
            track, rhythm = found
            starts = track.starts(HOPS.get(name, SPAN)).tolist()
            rows += [(len(tracks), s, name, record, corpus.subject(record)) for s in starts]
            tracks.append(track)
            rhythms.append(rhythm)
    if not rows:
        raise DataError(", ".join(names), "have no window of five minutes", "Give longer records")
    track_of, start_of, corpora, records, subjects = zip(*rows, strict=True)
    return Examples(
        tracks=tuple(tracks), rhythms=tuple(rhythms), names=tuple(texts),
        track=np.array(track_of, np.int64), start=np.array(start_of, np.int64),
        corpus=np.array(corpora), record=np.array(records), subject=np.array(subjects),
    )  # fmt: skip


def _marked(corpus: Corpus, record: str, names: list[str]) -> Drawn:
    marks, rate = _marks(corpus, record), corpus.facts.rate
    track = Track.of(marks.samples[is_beat(marks.symbols)] / rate)
    return track, rhythm_at(marks, rate, len(track.seconds), names)


def _strip(corpus: Corpus, record: str, names: list[str]) -> Drawn | None:
    """Return the intervals of our own R peaks, repeated until they fill a window.

    None where the publisher's class is no rhythm, or there are fewer than `SHORTEST` intervals.
    """
    (said,) = corpus.statements(record)
    rhythm = STRIPS[corpus.name].get(said.code)
    if rhythm is None:
        return None
    source = corpus.open(record)
    peaks = find_peaks(source.read(0, source.samples), source.rate, source.leads).samples
    seconds = np.diff(peaks) / source.rate
    if len(seconds) < SHORTEST:
        return None
    if rhythm not in names:
        names.append(rhythm)
    times = math.ceil((SPAN + 1) / seconds.sum())
    track = Track.of(np.concatenate([[0.0], np.cumsum(np.tile(seconds, times))]))
    return track, np.full(len(track.seconds), names.index(rhythm), np.int8)


def _marks(corpus: Corpus, record: str) -> Annotations:
    if isinstance(corpus, MarkedFolder):
        return corpus.marks(record)
    marks = corpus.open(record).annotations()
    assert marks is not None, "only annotated corpora are asked"
    return marks


def rhythm_at(
    marks: Annotations, rate: float, count: int, names: list[str]
) -> npt.NDArray[np.int8]:
    """Return (count,) the rhythm at 4 Hz as an index into `names`, which grows by new ones.

    Without marks of rhythm all is ``"(N"``; before the first mark what it says holds.
    """
    at = np.flatnonzero([t.startswith("(") for t in marks.texts])
    if not len(at):
        return np.full(count, names.index(NONE), np.int8)
    said = [marks.texts[k].strip("\0 ") for k in at.tolist()]
    names += [t for t in dict.fromkeys(said) if t not in names]
    code = np.array([names.index(t) for t in said], np.int8)
    held = np.searchsorted(marks.samples[at] / rate, np.arange(count) / RATE, side="right") - 1
    return code[np.maximum(held, 0)]


def folds(examples: Examples, count: int) -> Ints:
    """Return (window,) folds: the subjects of each corpus dealt out in the order of their SHA-1."""
    fold = np.zeros(len(examples), np.int64)
    for corpus in np.unique(examples.corpus):
        mine = examples.corpus == corpus
        people = np.unique(examples.subject[mine]).tolist()
        people.sort(key=lambda who: hashlib.sha1(who.encode()).hexdigest())  # noqa: S324
        place = {who: k % count for k, who in enumerate(people)}
        fold[mine] = [place[who] for who in examples.subject[mine].tolist()]
    return fold
