"""Whether a corpus is what its publisher made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from einthoven.corpora._corpus import Corpus
from einthoven.corpora._sums import has_sum, read_sums, sums_file
from einthoven.record.diagnosis import Statement, label_row
from einthoven.record.errors import DataError, EinthovenError


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found.

    Attributes
    ----------
    sound, corrupt, missing : names of the publisher's files.
    listed : whether the publisher's checksums are here, where there are any; without them no file
        can be called sound.
    headers : how many records of those here could be opened.
    labelled : how many of these have labels that can be read: statements of known codes or marks.
    faults : what is wrong with the others, a sentence each.
    labels : symbol, code, ``records`` or ``subjects`` -> (published count, count found) where they
        differ.
    labels_counted : whether the labels could be counted: all records are there, no file is known
        to be corrupt, and the publisher's counts are known.
    """

    sound: tuple[str, ...]
    corrupt: tuple[str, ...]
    missing: tuple[str, ...]
    listed: bool
    headers: int
    labelled: int
    faults: tuple[str, ...]
    labels: dict[str, tuple[int, int]]
    labels_counted: bool

    @property
    def ok(self) -> bool:
        """Whether all files are there, sound, and labelled as published."""
        wrong = self.corrupt or self.missing or self.labels or self.faults
        return self.listed and not wrong


def check(corpus: Corpus, progress: Callable[[str], None] = lambda _name: None) -> Check:
    """Compare the files with the publisher's checksums, and the labels with its counts.

    Raises
    ------
    DataError : where neither a record nor the list of checksums is there.
    """
    names = corpus.files()
    listing = sums_file(corpus.folder)
    listed = listing is not None or not names
    present = corpus.present
    if not present and (corpus.facts.by_hand or not listed):
        raise DataError(corpus.folder, "holds no record laid out as its publisher's", corpus.mend)
    state: dict[str, list[str]] = {"sound": [], "corrupt": [], "missing": []}
    if listing is not None:
        sums = read_sums(corpus.folder)
        for name in names:
            path = corpus.folder / name
            if not path.is_file():
                state["missing"].append(name)
            else:
                state["sound" if has_sum(path, sums.get(name, "")) else "corrupt"].append(name)
            progress(name)
    whole = not state["missing"] and not state["corrupt"]
    made = not names and not corpus.facts.by_hand  # when opened, so that nothing can be wrong
    labels, counted, faults, read = _labels(corpus, () if made else present, whole, progress)
    return Check(
        sound=tuple(state["sound"]), corrupt=tuple(state["corrupt"]),
        missing=tuple(state["missing"]), listed=listed, headers=read[0], labelled=read[1],
        faults=faults, labels=labels, labels_counted=counted,
    )  # fmt: skip


def _labels(
    corpus: Corpus, present: tuple[str, ...], whole: bool, progress: Callable[[str], None]
) -> tuple[dict[str, tuple[int, int]], bool, tuple[str, ...], tuple[int, int]]:
    """Return the counts that differ, whether counted, what cannot be read, and how many can."""
    facts = corpus.facts
    symbols, codes = Counter[str](), Counter[str]()
    faults, people = [], set[str]()
    known = set[tuple[Statement, ...]]()
    counted = whole and bool(facts.symbols)
    headers = labelled = 0
    for record in present:
        said: tuple[Statement, ...] = ()
        try:
            said = corpus.statements(record)
            source = corpus.open(record)
            headers += 1
            codes.update({statement.code for statement in said})
            people.add(corpus.subject(record))
            if said not in known:
                _refuse_unknown(corpus, record, said)
                known.add(said)
            marks = source.annotations() if counted or not said else None
            # No statement is an answer, too, where the corpus makes statements.
            labelled += type(corpus).statements is not Corpus.statements or marks is not None
            if counted and marks is not None:
                symbols.update(marks.symbols.tolist())
        except EinthovenError as fault:
            faults.append(str(fault))
        if said:
            progress(record)
    published = dict(facts.symbols) if counted else {}
    differ = {s: (n, symbols[s]) for s, n in published.items() if symbols[s] != n}
    # Records may be chosen from a corpus: its counts hold for all of them only.
    if whole and codes and len(present) == facts.records:
        counted = True
        found = Counter({"records": len(present), "subjects": len(people)}) + codes
        told = {"records": facts.records, **facts.statements}
        told |= {"subjects": facts.subjects} if facts.subjects_known else {}
        differ |= {name: (n, found[name]) for name, n in told.items() if found[name] != n}
    return differ, counted, tuple(faults), (headers, labelled)


def _refuse_unknown(corpus: Corpus, record: str, said: tuple[Statement, ...]) -> None:
    """Refuse statements with a code that the table of diagnoses does not know."""
    try:
        label_row(said, "super", corpus=corpus.name)
    except DataError as fault:
        raise DataError(f"{record}: {fault.where}", fault.fault, fault.mend) from None
