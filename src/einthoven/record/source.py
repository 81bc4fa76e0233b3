"""Source: an open recording that gives its samples piece by piece."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from einthoven.record.annotation import Annotations
from einthoven.record.record import Patient, Record, Signal


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One channel of a file, lead or not.

    Attributes
    ----------
    name : canonical if it is a lead, else as the file gives it.
    rate : the channel's own rate, Hz.
    unit : the channel's own unit; leads are always handed out in mV.
    samples : its length at its own rate.
    lead : whether it is an ECG lead.
    """

    name: str
    rate: float
    unit: str
    samples: int
    lead: bool


class Source(abc.ABC):
    """An open recording: what every reader gives and the engine eats.

    Attributes
    ----------
    name, path : the record's name, and where it came from.
    channels : all channels of the file.
    leads : canonical names of the ECG leads handed out by `read`, all of one rate.
    rate : Hz of those leads.
    samples : their length.
    start, patient : if the file says.
    """

    name: str
    path: str
    channels: tuple[Channel, ...]
    leads: tuple[str, ...]
    rate: float
    samples: int
    start: datetime | None = None
    patient: Patient | None = None
    notes: tuple[str, ...] = ()  # what the user should know of how the file was read

    @abc.abstractmethod
    def read(self, start: int, stop: int) -> Signal:
        """Return (lead, stop - start) mV of the leads; NaN where missing. 0 <= start <= stop."""

    def read_channel(self, name: str, start: int, stop: int) -> Signal:
        """Return (time,) of any channel, in its own unit and at its own rate."""
        raise NotImplementedError

    def annotations(self) -> Annotations | None:
        """Return the annotations stored with the record, if there are any."""
        return None

    def chunks(self, seconds: float = 120.0) -> Iterator[Signal]:
        """Give the leads from beginning to end in pieces (lead, time) of about that length."""
        size = max(1, round(seconds * self.rate))
        for start in range(0, self.samples, size):
            yield self.read(start, min(start + size, self.samples))

    def record(self) -> Record:
        """Return the whole recording in memory."""
        return Record(
            signal=self.read(0, self.samples), rate=self.rate, leads=self.leads, name=self.name,
            start=self.start, patient=self.patient, annotations=self.annotations(),
            source=self.path,
        )  # fmt: skip


class RecordSource(Source):
    """A `Record` seen as a `Source`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.name, self.path = record.name, record.source
        self.leads, self.rate, self.samples = record.leads, record.rate, record.samples
        self.start, self.patient = record.start, record.patient
        self.channels = tuple(
            Channel(name=lead, rate=self.rate, unit="mV", samples=self.samples, lead=True)
            for lead in self.leads
        )

    def read(self, start: int, stop: int) -> Signal:
        """Return (lead, stop - start) mV."""
        return self._record.signal[:, start:stop]

    def read_channel(self, name: str, start: int, stop: int) -> Signal:
        """Return (time,) mV of the lead."""
        return np.asarray(self._record.lead(name)[start:stop])

    def annotations(self) -> Annotations | None:
        """Return the record's annotations."""
        return self._record.annotations
