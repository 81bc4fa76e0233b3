"""Attribution: how much each part of what a model ate speaks for one of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError

Array = npt.NDArray[np.float32]

UNITS = ("logit", "probability", "share")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Where a named part of the signal stands, e.g. the P wave of a beat.

    Attributes
    ----------
    name : e.g. ``QRS``.
    lead : its name; None for all leads.
    onset, offset : seconds from the begin of the record.
    """

    name: str
    lead: str | None
    onset: float
    offset: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Contributions, with sign, to one class of one answer.

    Attributes
    ----------
    method : the explainer's name in the catalogue.
    model, target : whose answer, and the class that is explained.
    record, what : the record, and what of it: a beat, a span, a stretch, in words.
    probability : of the target, as the model answers.
    without : of the target where all that is explained has been taken away; None where the
        method takes nothing away.
    unit : of the contributions: ``logit``, ``probability``, or ``share`` where a map has no unit.
    start : seconds from the begin of the record to the first column of `values`.
    rate : Hz of the columns.
    leads : names of the rows.
    values : (lead, time) float32, above 0 what speaks for the target; None for a method that
        explains by numbers alone.
    numbers : contribution of each named part or measurement, e.g. ``{"QRS": 2.1, "RR": -0.3}``.
    measurements : contribution of each number that was eaten, where `numbers` are their sums by
        wave.
    stretches : where the parts stand, for those that stand somewhere.
    doubt : why the method should not be believed here, in one sentence; "" where no test failed.
    """

    method: str
    model: str
    target: str
    record: str
    what: str
    probability: float
    without: float | None = None
    unit: str = "logit"
    start: float = 0.0
    rate: float = 0.0
    leads: tuple[str, ...] = ()
    values: Array | None = field(default=None, repr=False)
    numbers: Mapping[str, float] = field(default_factory=dict)
    measurements: Mapping[str, float] = field(default_factory=dict, repr=False)
    stretches: tuple[Stretch, ...] = field(default=(), repr=False)
    doubt: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise UsageError("attribution", f"unit {self.unit!r} is not known", "Use logit")
        if self.values is not None and self.values.shape[0] != len(self.leads):
            fault = f"has {self.values.shape[0]} rows for {len(self.leads)} leads"
            raise UsageError("attribution", fault, "Give a row a lead")

    @property
    def time(self) -> npt.NDArray[np.float64]:
        """(time,) seconds from the begin of the record, of the columns of `values`."""
        columns = 0 if self.values is None else self.values.shape[1]
        return self.start + np.arange(columns) / self.rate if columns else np.zeros(0)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; a map is rounded to six digits."""
        found: dict[str, Any] = {
            "method": self.method, "model": self.model, "target": self.target,
            "record": self.record, "what": self.what, "probability": round(self.probability, 6),
            "without": None if self.without is None else round(self.without, 6),
            "unit": self.unit, "numbers": {k: float(f"{v:.6g}") for k, v in self.numbers.items()},
            "parts": [
                {"name": s.name, "lead": s.lead, "onset": round(s.onset, 4),
                 "offset": round(s.offset, 4)}
                for s in self.stretches
            ],
            "doubt": self.doubt,
        }  # fmt: skip
        if self.measurements:
            found["measurements"] = {
                k: float(f"{v:.6g}") for k, v in self.measurements.items()
            }  # fmt: skip
        if self.values is not None:
            found["map"] = {
                "start": round(self.start, 6), "rate": self.rate, "leads": list(self.leads),
                "values": [[float(f"{v:.6g}") for v in row] for row in self.values.tolist()],
            }  # fmt: skip
        return found
