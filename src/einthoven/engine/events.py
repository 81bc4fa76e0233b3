"""Events: what the engine says, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from einthoven.signal.waves import Waves


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatEvent:
    """One beat: its R peak (sample of the record's own rate), class and probability."""

    sample: int
    label: str
    probability: float
    uncertain: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``einthoven stream``."""
        return {
            "event": "beat", "sample": self.sample, "class": self.label,
            "probability": round(self.probability, 4), "uncertain": self.uncertain,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityEvent:
    """One window of signal, [start, end), and whether it can be judged."""

    start: int
    end: int
    good: bool
    score: float

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``einthoven stream``."""
        return {
            "event": "quality", "start": self.start, "end": self.end, "good": self.good,
            "score": round(self.score, 3),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WaveEvent:
    """The waves that have become final together, of the leads named."""

    leads: tuple[str, ...]
    waves: Waves

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``einthoven stream``."""
        return {"event": "waves", "waves": self.waves.to_dicts(self.leads)}


Event = BeatEvent | QualityEvent | WaveEvent
