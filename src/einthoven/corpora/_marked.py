"""Long recordings whose marks are read without their signals, which are hundreds of megabytes.

A record is here once its header and its marks are; its signal may be here or not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from einthoven.corpora._folder import WfdbFolder
from einthoven.formats import open_source
from einthoven.formats._wfdb_annotation import load
from einthoven.formats._wfdb_header import parse
from einthoven.record.annotation import Annotations
from einthoven.record.errors import DataError
from einthoven.record.record import Signal
from einthoven.record.source import Source


class MarkedSource(Source):
    """A record that is known by its marks; the samples come from `signal`, where that is here.

    Parameters
    ----------
    name, path : the record's name and its header.
    rate : Hz.
    samples : its length, of the signal or up to the last mark.
    marks : beats and rhythm.
    signal : the record with its samples; None where they are not here, and `leads` is then empty.
    """

    def __init__(
        self, name: str, path: Path, rate: float, samples: int, marks: Annotations,
        signal: Source | None,
    ) -> None:  # fmt: skip
        self.name, self.path, self.rate, self.samples = name, str(path), rate, samples
        self._marks, self._signal = marks, signal
        self.leads, self.channels = (), ()
        self.notes = ("the signal is not here: beats and rhythm only",)
        if signal is not None:
            self.leads, self.channels = signal.leads, signal.channels
            self.start, self.patient, self.notes = signal.start, signal.patient, signal.notes

    def read(self, start: int, stop: int) -> Signal:
        """Return (lead, stop - start) mV.

        Raises
        ------
        DataError : the signal is not here.
        """
        return self._here().read(start, stop)

    def read_channel(self, name: str, start: int, stop: int) -> Signal:
        """Return (time,) of a channel; raises as `read`."""
        return self._here().read_channel(name, start, stop)

    def annotations(self) -> Annotations:
        """Return the beats and the rhythm."""
        return self._marks

    def _here(self) -> Source:
        if self._signal is None:
            path = Path(self.path).with_suffix(".dat")
            raise DataError(path, "is not there", "Only the marks of this record can be read")
        return self._signal


class MarkedFolder(WfdbFolder):
    """A WFDB folder in which a record can be opened without its signal.

    Attributes
    ----------
    beats : endings of the files that hold the beats, the best first; the first that a record has
        is read. Marks of other kinds come from `annotator`, whose beats count where `beats` is
        empty.
    """

    beats: tuple[str, ...] = ()

    @property
    def present(self) -> tuple[str, ...]:
        """The records whose header and marks are in the folder."""
        return tuple(name for name in self.records if self._lacking(name) is None)

    def _lacking(self, record: str) -> Path | None:
        """Return the file without which a record cannot be opened, if it is not here."""
        ends = ["hea", self.annotator]
        if self.beats and not any((self.folder / f"{record}.{e}").is_file() for e in self.beats):
            ends.append(self.beats[-1])
        paths = (self.folder / f"{record}.{end}" for end in ends)
        return next((path for path in paths if not path.is_file()), None)

    def marks(self, record: str) -> Annotations:
        """Return beats and rhythm in time order; no signal is needed.

        Raises
        ------
        DataError : there is no such record, or it is not here.
        """
        lacking = self._lacking(self._known(record))
        if lacking is not None:
            raise self._absent(lacking)
        whole, _ = load(self.folder / f"{record}.{self.annotator}")
        for end in self.beats:
            path = self.folder / f"{record}.{end}"
            if path.is_file():
                return _joined(load(path)[0], whole)
        return whole

    def open(self, record: str) -> Source:
        """Return the record with its marks, and with its signal where that is here.

        Raises
        ------
        DataError : there is no such record, or its marks are not here.
        """
        marks = self.marks(record)
        path = self.folder / f"{record}.hea"
        here = path.with_suffix(".dat").is_file()
        signal = open_source(path) if here else None
        head = parse(path)
        last = int(marks.samples[-1]) + 1 if len(marks) else 0
        samples = signal.samples if signal is not None else head.samples or last
        rate = head.rate or self.facts.rate
        return MarkedSource(record, path, rate, samples, marks, signal)


def _joined(beats: Annotations, rhythm: Annotations) -> Annotations:
    """Return the marks of two files in time order; at one sample the rhythm comes first."""
    samples = np.concatenate([rhythm.samples, beats.samples])
    order = np.argsort(samples, kind="stable")
    texts = rhythm.texts + ("",) * len(beats)  # texts of a detector's marks say nothing of beats
    return Annotations(
        samples=samples[order],
        symbols=np.concatenate([rhythm.symbols, beats.symbols])[order],
        subtypes=np.concatenate([rhythm.subtypes, beats.subtypes])[order],
        channels=np.concatenate([rhythm.channels, beats.channels])[order],
        numbers=np.concatenate([rhythm.numbers, beats.numbers])[order],
        texts=tuple(texts[k] for k in order.tolist()),
    )
