"""InputSpec: what a network eats, said once for training and use."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from einthoven.record.errors import UsageError, nearest

KINDS = ("candidates", "beat", "waves", "strip", "tokens", "median-beat", "rhythm", "rr", "periods")
PROFILES = ("review", "live")

_FASTEST = 10_000.0  # Hz


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a network eats; frozen, hashable, saved in the bundle's card.

    Attributes
    ----------
    kind : ``candidates`` (possible R peaks, see `signal.peaks`) or ``beat`` (a window a
        beat) or ``waves`` (a lead, see `signal._waves_front`), or of whole records ``strip``,
        ``tokens`` (a strip and the borders of its beats, see `inputs.tokens`) and ``median-beat``
        (see `inputs.record`), or ``rhythm`` (a span, see `inputs.rhythm_span`), or
        ``rr`` (the intervals of a span, see `inputs.rr_window`) or ``periods`` (beats with R in the
        middle and the intervals between, see `inputs.periods`).
    version : raised whenever the meaning of the arrays changes.
    rate : Hz of the window.
    leads : ``("one",)`` for the lead that speaks for the record (`record.leads.one_lead`), else
        names of leads that must be there; of beats ``("one", "other")``, too, for the first lead
        beside it, and numbers are of the first alone.
    window : seconds before and after the R peak; of whole records 0 and the length that is judged
        at a time.
    band : pass band of the FIR filter, Hz; of beats at most half of `rate`.
    normalise : ``none`` (mV less the median) or ``zscore`` (each window to mean 0, SD 1).
    side : names of the groups of numbers that go with the window, e.g. ``("rr", "template")``.
    waveform : whether the window itself is eaten, or only the side numbers.
    hop, back, ahead : seconds. Beats are described in aligned blocks of `hop`; what is known of
        the patient comes from `back` before the block to `ahead` after it. 0, 0, 0 where no
        statistics of the patient are used.
    neighbours : beats before and after each, whose side numbers are eaten with its own.
    """

    kind: str
    rate: float
    version: int = 1
    leads: tuple[str, ...] = ("one",)
    window: tuple[float, float] = (0.0, 0.0)
    band: tuple[float, float] = (0.5, 40.0)
    normalise: str = "none"
    side: tuple[str, ...] = ()
    waveform: bool = True
    hop: float = 0.0
    back: float = 0.0
    ahead: float = 0.0
    neighbours: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        for name in ("leads", "window", "band", "side", "neighbours"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.kind not in KINDS:
            raise UsageError("input.kind", f"{self.kind!r} is not known", nearest(self.kind, KINDS))
        if not self.leads or not all(isinstance(name, str) for name in self.leads):
            mend = 'Give names of leads, or ["one"]'
            raise UsageError("input.leads", f"is {list(self.leads)}", mend)
        if not 1 <= self.rate <= _FASTEST:  # NaN, too
            mend = f"Give 1 to {_FASTEST:g} Hz"
            raise UsageError("input.rate", f"is {self.rate:g} Hz", mend)
        if self.normalise not in ("none", "zscore"):
            raise UsageError("input.normalise", f"is {self.normalise!r}", "Use none or zscore")
        if len(self.neighbours) != 2 or min(self.neighbours) < 0:
            fault = f"is {list(self.neighbours)}"
            raise UsageError("input.neighbours", fault, "Give two counts, e.g. [15, 15]")
        self._check_seconds()
        top = self.rate / 2 if self.kind == "beat" else math.inf
        if len(self.band) != 2 or not 0 <= self.band[0] < self.band[1] <= top:
            mend = f"Give two edges, 0 to {top:g} Hz, the lower first"
            raise UsageError("input.band", f"is {list(self.band)} Hz", mend)

    def _check_seconds(self) -> None:
        for key in ("hop", "back", "ahead"):
            value = getattr(self, key)
            if not 0 <= value < math.inf:
                raise UsageError(f"input.{key}", f"is {value:g} s", "Give 0 s or more")
        fault, mend = f"is {list(self.window)} s", "Give two lengths, before and after the R peak"
        if len(self.window) != 2 or not all(0 <= side < math.inf for side in self.window):
            raise UsageError("input.window", fault, mend)
        if self.kind in ("beat", "periods") and self.waveform and not self.time:
            raise UsageError("input.window", fault, f"{mend}, or waveform = false")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputSpec:
        """Build from `to_dict`; an unknown key is refused.

        Raises
        ------
        UsageError : a key or a value is not known.
        """
        known = {f.name for f in fields(cls)}
        for key in values:
            if key not in known:
                raise UsageError("input", f"key {key!r} is not known", nearest(key, known))
        return cls(**values)

    @property
    def time(self) -> int:
        """Samples of a window about an R peak."""
        return round(self.window[0] * self.rate) + round(self.window[1] * self.rate)

    @property
    def windows(self) -> InputSpec:
        """The spec without all that only side numbers depend on: equal where windows are."""
        return replace(self, side=(), hop=0.0, back=0.0, ahead=0.0, neighbours=(0, 0))

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that differ whenever the arrays would."""
        values = self.to_dict()
        if self.neighbours == (0, 0):
            del values["neighbours"]  # as before there were any: stores keep their names
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
