"""Whole records on the rungs of `protocols.robustness`: what each system answers, cell by cell.

A cell is one system on one rung: the logits of all records, kept in
``RUNS/robustness/SYSTEM/SIDE/RUNG.npy``. What is there is not made again, unless the weights, the
records or the ladder are others than it was made of.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.corpora import Corpus
from einthoven.evaluation.answers import Answers
from einthoven.inputs.record import cut
from einthoven.protocols.robustness import AS_RECORDED, VERSION, Noises, Rung, altered
from einthoven.record import Annotations, Record
from einthoven.record.diagnosis import LABELS, label_row
from einthoven.record.errors import DataError
from einthoven.record.files import beside, write_text
from einthoven.record.inputspec import InputSpec
from einthoven.signal.peaks import find_peaks
from einthoven.suites._robust_systems import System, alike

Floats = npt.NDArray[np.float32]
Cells = Mapping[tuple[str, str], Floats]  # (system, rung) -> (record, class) logits

FOLDER = "robustness"
_OF = "of.json"
_EDGE = 0.05  # s at either end in which a beat's size is not measured


def records_of(corpus: Corpus, fold: int, labels: str) -> tuple[str, ...]:
    """Return the records of a fold that some class of a label set is true of."""
    of = getattr(corpus, "fold", None)
    return tuple(
        r for r in corpus.present
        if of is not None and of(r) == fold
        and (label_row(corpus.statements(r), labels, corpus=corpus.name) == 1).any()
    )  # fmt: skip


def load(corpus: Corpus, names: Sequence[str]) -> tuple[list[Record], list[str]]:
    """Return records as they are, with the R peaks that our detector finds, and who has none."""
    kept, none = [], []
    for name in names:
        record = corpus.open(name).record()
        at = find_peaks(record.signal, record.rate, record.leads).samples
        edge = _EDGE * record.rate
        if not ((at >= edge) & (at < record.samples - edge)).any():
            none.append(name)
            continue
        marks = Annotations(samples=at, symbols=np.full(len(at), "N"))
        kept.append(replace(record, name=name, annotations=marks))
    return kept, none


def windows(
    rung: Rung, record: Record, specs: Sequence[InputSpec], noises: Noises, seed: int = 0
) -> list[tuple[Floats, Floats] | None]:
    """Return windows and side numbers for each spec; None where the record is refused.

    R peaks are found anew in the altered signal; only where their displacement is what is asked
    about, they are those of the record as it is, displaced.
    """
    given = altered(rung, record, noises, seed)
    assert given.annotations is not None
    if rung.kind == "jitter":
        peaks = given.annotations.samples
    elif all(spec.kind == "strip" for spec in specs):
        peaks = np.zeros(0, np.int64)
    else:
        peaks = find_peaks(given.signal, given.rate, given.leads).samples
    found: list[tuple[Floats, Floats] | None] = []
    for spec in specs:
        try:
            made = cut(given.signal, given.rate, given.leads, peaks, spec, record.name)
        except DataError:
            found.append(None)
        else:
            found.append((made.window, made.side))
    return found


def said(system: System, given: Sequence[tuple[Floats, Floats] | None]) -> Floats:
    """Return (record, class) logits, the mean over the windows of each; NaN where refused."""
    owner = np.concatenate([np.full(len(g[0]) if g else 0, n) for n, g in enumerate(given)])
    logits = np.full((len(given), len(system.classes)), np.nan, np.float32)
    there = [g for g in given if g is not None]
    if there:
        window, side = (np.concatenate(column) for column in zip(*there, strict=True))
        each = system.answer(window, side)
        for n in np.unique(owner).tolist():
            logits[int(n)] = each[owner == n].mean(axis=0)
    return logits


def _slug(rung: Rung) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", rung.name.lower()).strip("-")


class Shelf:
    """The cells of one system on one side, kept in a folder.

    Parameters
    ----------
    folder : of all cells.
    name, mark : of the system, and of its weights.
    side : what the records are called.
    records : in the order of the rows.
    shape : of what a record has in a cell: (class,) logits, or (class, class) counts.
    """

    def __init__(
        self, folder: Path, name: str, mark: str, side: str, records: Sequence[str],
        shape: tuple[int, ...],
    ) -> None:  # fmt: skip
        names = hashlib.sha256("\n".join(records).encode()).hexdigest()[:12]
        self._of = {"weights": mark, "records": names, "ladder": VERSION}
        slug = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-")
        self._folder = folder / FOLDER / slug / re.sub(r"\W+", "-", side)
        self._shape = (len(records), *shape)

    def _same(self) -> bool:
        path = self._folder / _OF
        return path.is_file() and json.loads(path.read_text(encoding="utf-8")) == self._of

    def get(self, rung: Rung) -> npt.NDArray[Any] | None:
        """Return the cell of a rung; None where it is not there, or is of something else."""
        path = self._folder / f"{_slug(rung)}.npy"
        if not (self._same() and path.is_file()):
            return None
        kept: npt.NDArray[Any] = np.load(path)
        return kept if kept.shape == self._shape else None

    def put(self, rung: Rung, cell: npt.NDArray[Any]) -> None:
        """Keep the cell of a rung."""
        if not self._same():
            for old in self._folder.glob("*.npy"):
                old.unlink()
            write_text(self._folder / _OF, json.dumps(self._of) + "\n")
        path = self._folder / f"{_slug(rung)}.npy"
        with beside(path) as temporary, temporary.open("wb") as file:
            np.save(file, cell)


def _wanted(
    systems: Sequence[System], ladder: Sequence[Rung], shelves: Mapping[str, Shelf]
) -> Iterator[tuple[Rung, list[System]]]:
    """Give each rung with the systems that have yet to answer on it."""
    for rung in ladder:
        yet = [s for s in systems if shelves[s.name].get(rung) is None]
        if yet:
            yield rung, yet


def answered(
    systems: Sequence[System], ladder: Sequence[Rung], records: Sequence[Record], side: str,
    runs: Path, noises: Noises,
) -> Cells:  # fmt: skip
    """Return every cell, made where it is not kept; Ctrl-C loses the rung at hand and no more.

    Parameters
    ----------
    systems : who answers.
    ladder : the rungs, that of records as they are first.
    records : with R peaks, see `load`.
    side : what the records are called.
    runs : below which the cells are kept.
    noises : that are judged with.
    """
    from tqdm import tqdm

    names = [r.name for r in records]
    shelves = {s.name: Shelf(runs, s.name, s.mark, side, names, (len(s.classes),)) for s in systems}
    todo = list(_wanted(systems, ladder, shelves))
    with tqdm(total=len(todo) * len(records), unit="record", disable=None, file=sys.stderr) as bar:
        for rung, yet in todo:
            bar.set_description(f"{side}, {rung.name}")
            if rung.kind == "jitter":
                # A strip is cut without R peaks.
                for system in [s for s in yet if s.spec.kind == "strip"]:
                    plain = shelves[system.name].get(Rung())
                    assert plain is not None, "records as they are come first"
                    shelves[system.name].put(rung, plain)
                    yet.remove(system)
            groups = alike(yet)
            given = []
            for record in records:
                given.append(windows(rung, record, list(groups), noises) if groups else [])
                bar.update()
            for k, members in enumerate(groups.values()):
                for system in members:
                    shelves[system.name].put(rung, said(system, [g[k] for g in given]))
    cells = {}
    for system in systems:
        for rung in ladder:
            kept = shelves[system.name].get(rung)
            assert kept is not None, "a cell was lost on the way"
            cells[system.name, rung.name] = kept
    return cells


def table(system: System, corpus: Corpus, records: Sequence[Record], cells: Cells) -> Answers:
    """Return the answers of a system to records as they are, as they are judged."""
    names = [r.name for r in records]
    place = [LABELS[system.labels].index(c) for c in system.classes]
    label = np.stack(
        [label_row(corpus.statements(n), system.labels, corpus=corpus.name)[place] for n in names]
    )
    logits = cells[system.name, AS_RECORDED]
    return Answers(
        classes=system.classes, part=np.full(len(names), "test"),
        corpus=np.full(len(names), corpus.name), record=np.array(names, np.str_),
        subject=np.array([corpus.subject(n) for n in names], np.str_),
        domain=np.full(len(names), ""), fold=np.full(len(names), -1, np.int64), label=label,
        logits=filled(logits, logits),
    )  # fmt: skip


def filled(logits: Floats, usual: Floats) -> Floats:
    """Return logits in which a record that was refused has the middle of what is usually said.

    Parameters
    ----------
    logits : (record, class), NaN where refused.
    usual : (record, class) of records as they are.
    """
    middle = np.nanmedian(usual, axis=0)
    whole: Floats = np.where(np.isnan(logits), middle, logits).astype(np.float32)
    return whole
