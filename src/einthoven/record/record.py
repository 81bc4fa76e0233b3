"""Record: the samples of a recording, with all that is needed to read them right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven._methods import method
from einthoven.record.annotation import Annotations
from einthoven.record.errors import UsageError
from einthoven.record.leads import canonical, with_chest

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Who was recorded. Identity is printed only on demand."""

    id: str | None = None
    age: float | None = None
    sex: str | None = None
    name: str | None = None
    birth_date: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """A recording in memory.

    Attributes
    ----------
    signal : (lead, time) float32, mV; NaN where missing.
    rate : samples a second, Hz.
    leads : canonical names, one a row of `signal`.
    name : the record's name.
    start : when sample 0 was taken, if known.
    patient, annotations : if known.
    source : where it came from (a path), for messages.
    """

    signal: Signal
    rate: float
    leads: tuple[str, ...]
    name: str = "record"
    start: datetime | None = None
    patient: Patient | None = None
    annotations: Annotations | None = None
    source: str = "memory"

    def __post_init__(self) -> None:
        where = self.source if self.source != "memory" else f"record {self.name!r}"
        try:
            signal = np.ascontiguousarray(np.atleast_2d(np.asarray(self.signal)), dtype=np.float32)
            object.__setattr__(self, "rate", float(self.rate))
        except (TypeError, ValueError) as fault:
            mend = "Give signal as (lead, time) in mV and rate in Hz"
            raise UsageError(where, f"holds what is no number ({fault})", mend) from fault
        object.__setattr__(self, "signal", signal)
        names = (self.leads,) if isinstance(self.leads, str) else self.leads
        object.__setattr__(self, "leads", tuple(canonical(lead) for lead in with_chest(names)))
        if signal.ndim != 2 or signal.shape[0] != len(self.leads):
            raise UsageError(
                where,
                f"signal has shape {np.shape(self.signal)} but {len(self.leads)} lead names",
                "Give signal as (lead, time) in mV and one name a lead",
            )
        if len(set(self.leads)) != len(self.leads):
            raise UsageError(where, f"lead names repeat: {self.leads}", "Give each lead one name")
        if not (np.isfinite(self.rate) and 0 < self.rate <= 100_000):
            raise UsageError(where, f"rate is {self.rate:g} Hz", "Give samples a second, e.g. 360")

    @property
    def samples(self) -> int:
        """Number of samples in each lead."""
        return int(self.signal.shape[1])

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.samples / self.rate

    def lead(self, name: str) -> Signal:
        """Return (time,) mV of the lead of that name.

        Raises
        ------
        UsageError : there is no such lead.
        """
        wanted = canonical(name)
        if wanted not in self.leads:
            raise UsageError(
                self.source, f"there is no lead {name!r}", f"Leads: {', '.join(self.leads)}"
            )
        row: Signal = self.signal[self.leads.index(wanted)]
        return row

    def __getattr__(self, name: str) -> Any:
        return method(self, name)
