"""Summary: what is said of a whole recording, from running counts alone."""

from __future__ import annotations

from einthoven.engine.events import BeatEvent, QualityEvent
from einthoven.signal.quality import usable

# Longer than this between two beats is taken for a gap in the recording, not for a pause.
_LONGEST_RR = 4.0


class Summary:
    """Running counts over the events of one recording; memory does not grow with its length."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.beats = self.sound = 0
        self.windows = self.good = 0
        self._rr_sum = self._rr_count = 0
        self._last_sound: int | None = None

    def add_quality(self, window: QualityEvent) -> None:
        """Count one window."""
        self.windows += 1
        self.good += window.good

    def add_beat(self, beat: BeatEvent, *, sound: bool) -> None:
        """Count one beat; `sound` if its R peak is certain and its window good."""
        self.beats += 1
        self.sound += sound
        if sound and self._last_sound is not None:
            rr = beat.sample - self._last_sound
            if rr <= _LONGEST_RR * self.rate:
                self._rr_sum += rr
                self._rr_count += 1
        self._last_sound = beat.sample if sound else None

    @property
    def heart_rate(self) -> float | None:
        """Beats a minute over sound beats: 60 over the mean RR; none from fewer than 3 RR."""
        if self._rr_count < 3:
            return None
        return 60.0 * self.rate * self._rr_count / self._rr_sum

    def usable(self, samples: int) -> tuple[bool, str | None]:
        """Return whether a recording of that many samples can be judged, and if not, why."""
        return usable(samples / self.rate, self.windows, self.good, self.beats, self.sound)
