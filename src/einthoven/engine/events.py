"""Events: what the engine says, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from einthoven.record.vocabulary import RHYTHM_NAMES
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


@dataclass(frozen=True, kw_only=True, slots=True)
class RhythmEvent:
    """The rhythm of one span, [start, end): N, A, O or ~ (`record.vocabulary.RHYTHM_NAMES`)."""

    start: int
    end: int
    label: str
    probability: float
    uncertain: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``einthoven stream``."""
        return {"event": "rhythm", **self.span()}

    def span(self) -> dict[str, Any]:
        """Return the entry of ``rhythm`` in ``analyze --json``."""
        return {
            "start": self.start, "end": self.end, "class": self.label,
            "name": RHYTHM_NAMES.get(self.label, self.label),
            "probability": round(self.probability, 4), "uncertain": self.uncertain,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagnosisEvent:
    """The probabilities of each diagnosis, by class, judged on one span, [start, end).

    It is uncertain where a model that reads heartbeats was given none.
    """

    start: int
    end: int
    probabilities: Mapping[str, float]
    uncertain: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``einthoven stream``."""
        rounded = {name: round(p, 4) for name, p in self.probabilities.items()}
        return {
            "event": "diagnosis", "start": self.start, "end": self.end, "probabilities": rounded,
            "uncertain": self.uncertain,
        }  # fmt: skip


Event = BeatEvent | QualityEvent | WaveEvent | RhythmEvent | DiagnosisEvent
