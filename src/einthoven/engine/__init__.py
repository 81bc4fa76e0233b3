"""Floor 5. From chunks of samples to events and Findings."""

from einthoven.engine.analyze import analyze
from einthoven.engine.engine import ANSWERED, Engine, suits
from einthoven.engine.events import BeatEvent, Event, QualityEvent, WaveEvent
from einthoven.engine.findings import Beats, Findings, Quality

__all__ = [
    "ANSWERED", "BeatEvent", "Beats", "Engine", "Event", "Findings", "Quality", "QualityEvent",
    "WaveEvent", "analyze", "suits",
]  # fmt: skip
