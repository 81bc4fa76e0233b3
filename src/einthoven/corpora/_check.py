"""Whether a corpus is what its publisher made, and what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from einthoven.corpora._corpus import Corpus
from einthoven.corpora._sums import SUMS, read_sums, sha256
from einthoven.record.errors import DataError
from einthoven.record.vocabulary import AAMI, is_beat, translate


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found.

    Attributes
    ----------
    sound, corrupt, missing : names of the publisher's files.
    labels : symbol -> (published count, count found) where they differ.
    labels_counted : whether the labels could be counted: all records are there and sound, and
        the publisher's counts are known.
    """

    sound: tuple[str, ...]
    corrupt: tuple[str, ...]
    missing: tuple[str, ...]
    labels: dict[str, tuple[int, int]]
    labels_counted: bool

    @property
    def ok(self) -> bool:
        """Whether all files are there, sound, and labelled as published."""
        return not (self.corrupt or self.missing or self.labels)


def check(corpus: Corpus, progress: Callable[[str], None] = lambda _name: None) -> Check:
    """Compare the files with the publisher's checksums, and the labels with its counts.

    Raises
    ------
    DataError : where the list of checksums is not there.
    """
    names = corpus.files()
    listing = corpus.folder / SUMS
    if names and not listing.is_file():
        raise DataError(
            listing, "is not there", f"Load the corpus with: einthoven data get {corpus.name}"
        )
    sums = read_sums(listing.read_text(encoding="utf-8", errors="replace")) if names else {}
    state: dict[str, list[str]] = {"sound": [], "corrupt": [], "missing": []}
    for name in names:
        path = corpus.folder / name
        if not path.is_file():
            state["missing"].append(name)
        else:
            state["sound" if sha256(path) == sums.get(name) else "corrupt"].append(name)
        progress(name)
    published = corpus.facts.symbols
    counted = bool(published) and not state["missing"] and not state["corrupt"]
    labels = {}
    if counted:
        found: Counter[str] = Counter()
        for record in corpus.records:
            marks = corpus.open(record).annotations()
            found.update(marks.symbols.tolist() if marks is not None else [])
        labels = {s: (n, found[s]) for s, n in published.items() if found[s] != n}
    return Check(
        sound=tuple(state["sound"]), corrupt=tuple(state["corrupt"]),
        missing=tuple(state["missing"]), labels=labels, labels_counted=counted,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RecordSurvey:
    """One record of a corpus.

    Attributes
    ----------
    classes : AAMI class -> beats.
    symbols : WFDB symbol -> beats.
    rhythms : the texts of its rhythm marks.
    """

    record: str
    subject: str
    leads: tuple[str, ...]
    rate: float
    seconds: float
    classes: dict[str, int]
    symbols: dict[str, int]
    rhythms: tuple[str, ...]


def survey(
    corpus: Corpus, progress: Callable[[str], None] = lambda _name: None
) -> tuple[RecordSurvey, ...]:
    """Return what each record that is here holds.

    Raises
    ------
    DataError : where no record is here.
    """
    if not corpus.present:
        raise DataError(
            corpus.folder, "holds no record", f"Load them with: einthoven data get {corpus.name}"
        )
    rows = []
    for record in corpus.present:
        source = corpus.open(record)
        marks = source.annotations()
        classes, symbols, rhythms = dict.fromkeys(AAMI, 0), Counter[str](), set[str]()
        if marks is not None:
            beats = marks.where(is_beat(marks.symbols))
            symbols.update(beats.symbols.tolist())
            found = Counter(translate(beats.symbols, "aami").tolist())
            classes = {name: found[name] for name in AAMI}
            rhythms = {text for text in marks.texts if text.startswith("(")}
        rows.append(
            RecordSurvey(
                record=record, subject=corpus.subject(record), leads=source.leads,
                rate=source.rate, seconds=source.samples / source.rate, classes=classes,
                symbols=dict(symbols.most_common()), rhythms=tuple(sorted(rhythms)),
            )
        )  # fmt: skip
        progress(record)
    return tuple(rows)
