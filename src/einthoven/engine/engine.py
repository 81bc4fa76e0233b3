"""Engine: chunks of samples in, events out; the same events however the signal was cut."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, default_model
from einthoven.engine._whole import DiagnosisStage, RhythmStage
from einthoven.engine.events import BeatEvent, Event, QualityEvent, WaveEvent
from einthoven.engine.summary import Summary
from einthoven.inputs import Inputs, InputStream
from einthoven.record.errors import UsageError, nearest
from einthoven.record.inputspec import PROFILES
from einthoven.record.leads import fits_one_lead, one_lead
from einthoven.record.record import Signal
from einthoven.signal.peaks import PeakBlock, PeakStream
from einthoven.signal.waves import Net, Waves, WaveStream

# Seconds of signal the R-peak detector is given at once. Live: an answer must not wait for more.
# Review: longer blocks are faster, and a minute is nothing to a recording.
BLOCK_SECONDS = {"live": 0.1, "review": 64.0}
# The same for the waves, whose net sees some seconds around each block again.
WAVE_SECONDS = {"live": 0.2, "review": 10.0}

# Tasks of which one model each is asked.
ANSWERED = ("beat", "rhythm", "diagnosis")

# mV. Even 24-bit counts taken for volts stay below it, and its square does not overflow.
LARGEST = 1e10

# An R peak the detector itself is less sure of is uncertain whatever its class.
CERTAIN = 0.88


class Engine:
    """The pipeline from samples to events, for one recording.

    Every stage works on blocks at absolute samples, so the events are the same to the bit for every
    way the signal may arrive, and memory does not grow with its length.

    Parameters
    ----------
    rate : Hz of the signal pushed.
    leads : canonical names of its rows.
    profile : ``review`` looks up to 20 minutes ahead; ``live`` answers a beat within 3 s.
    model : answers in place of the profile's shipped default for the same task, one of `ANSWERED`.
    waves : the net that finds P, QRS and T (`signal.waves.shipped`); they are not looked for
        without.
    where : the recording's file, for what is said of it.

    Raises
    ------
    UsageError : the profile is not known, or the model was not made for it or answers no task here.
    DataError : the recording has not the leads that the model eats.
    """

    def __init__(
        self,
        rate: float,
        leads: tuple[str, ...],
        profile: str,
        model: Bundle | None = None,
        waves: Net | None = None,
        where: str | Path = "the record",
    ) -> None:
        if profile not in PROFILES:
            raise UsageError("profile", f"{profile!r} is not known", nearest(profile, PROFILES))
        self.rate, self.leads, self.profile = rate, leads, profile
        chosen = {task: default_model(task, profile) for task in ANSWERED}
        if model:
            suits(model, profile)
            chosen[model.card.task] = model
        self.model = chosen["beat"]
        self._peaks = PeakStream(rate, leads, BLOCK_SECONDS[profile])
        self._inputs = (
            InputStream(self.model.card.stages[0].input, rate, leads, where=where)
            if self.model
            else None
        )
        self._waves = WaveStream(rate, leads, WAVE_SECONDS[profile], waves) if waves else None
        self.lead = leads[one_lead(leads)]
        live = profile == "live"
        rhythm, diagnosis = chosen["rhythm"], chosen["diagnosis"]
        self.rhythm = RhythmStage(rhythm, rate, leads, live=live) if rhythm else None
        self.diagnosis = DiagnosisStage(diagnosis, rate, leads, live=live) if diagnosis else None
        self.fits = fits_one_lead(self.lead)
        # Peaks whose class is not known yet, as sample -> probability of being a beat.
        self._until = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self._classified: deque[tuple[int, str, float]] = deque()
        self._windows: deque[QualityEvent] = deque()
        self.summary = Summary(rate)

    def push(self, chunk: Signal) -> list[Event]:
        """Take (lead, time) mV, NaN where missing; return what has become certain."""
        events: list[Event] = []
        chunk = _finite(chunk)
        blocks = self._peaks.push(chunk)
        self._take(blocks, events)
        self._classify(chunk, blocks, events)
        if self._waves:
            self._wave(self._waves.push(chunk, _peaks(blocks), self._until), events)
        for stage in (self.rhythm, self.diagnosis):
            if stage:
                events += stage.push(chunk, _peaks(blocks), self._until)
        return events

    def flush(self) -> list[Event]:
        """End the recording; return all that was still waiting."""
        events: list[Event] = []
        blocks = self._peaks.flush()
        self._take(blocks, events)
        empty = np.zeros((len(self.leads), 0), np.float32)
        self._classify(empty, blocks, events)
        if self._inputs:
            self._store(self._inputs.flush())
        self._emit(events, ended=True)
        if self._waves:
            self._wave(self._waves.flush(_peaks(blocks)), events)
        for stage in (self.rhythm, self.diagnosis):
            if stage:
                events += stage.flush(_peaks(blocks))
        return events

    def _wave(self, tables: list[Waves], events: list[Event]) -> None:
        events += [WaveEvent(leads=self.leads, waves=waves) for waves in tables]

    def _take(self, blocks: list[PeakBlock], events: list[Event]) -> None:
        for block in blocks:
            self._waiting.extend(
                zip(block.samples.tolist(), block.probabilities.tolist(), strict=True)
            )
            for start, end, good, score in zip(
                block.quality_starts.tolist(), block.quality_ends.tolist(),
                block.quality_good.tolist(), block.quality_scores.tolist(), strict=True,
            ):  # fmt: skip
                window = QualityEvent(start=start, end=end, good=good, score=score)
                self._windows.append(window)
                self.summary.add_quality(window)
                if self.rhythm:
                    self.rhythm.hear(window)
                events.append(window)

    def _classify(self, chunk: Signal, blocks: list[PeakBlock], events: list[Event]) -> None:
        if blocks:
            self._until = blocks[-1].stop
        if self._inputs:
            self._store(self._inputs.push(chunk, _peaks(blocks), self._until))
        self._emit(events, ended=False)

    def _store(self, batches: list[Inputs]) -> None:
        assert self.model is not None
        card = self.model.card
        for batch in batches:
            if not len(batch.samples):
                continue
            p = self.model.predict({"window": batch.window, "side": batch.side})
            best = p.argmax(axis=1)
            for row, (sample, index) in enumerate(
                zip(batch.samples.tolist(), best.tolist(), strict=True)
            ):
                self._classified.append((sample, card.classes[index], float(p[row, index])))

    def _emit(self, events: list[Event], *, ended: bool) -> None:
        """Give the beats whose class and quality are both known, in time order."""
        while self._waiting:
            sample, detected = self._waiting[0]
            if self._inputs and not self._classified:
                return
            if self.profile == "review" and not ended and not self._covered(sample):
                return
            self._waiting.popleft()
            label, p = "Q", detected
            uncertain = True
            if self._inputs:
                at, label, p = self._classified.popleft()
                assert at == sample, "a stage lost a beat"
                card = self.model.card if self.model else None
                assert card is not None
                uncertain = p < card.threshold
                if not self.fits:
                    label, p, uncertain = "Q", detected, True
            sound = self._judgeable(sample) and detected >= CERTAIN
            event = BeatEvent(
                sample=sample, label=label, probability=p, uncertain=uncertain or not sound
            )
            self.summary.add_beat(event, sound=sound)
            events.append(event)

    def _covered(self, sample: int) -> bool:
        return bool(self._windows) and self._windows[-1].end > sample

    def _judgeable(self, sample: int) -> bool:
        """Return whether the window that speaks for this beat is good.

        Review: the window the beat lies in. Live: the last one that ended before the beat, since
        its own has not ended when the answer is due; before any has ended, the beat alone counts.
        """
        live = self.profile == "live"
        while len(self._windows) > 1 and (
            self._windows[1].end <= sample if live else self._windows[0].end <= sample
        ):
            self._windows.popleft()
        if not self._windows:
            return True
        first = self._windows[0]
        if live and first.end > sample:
            return True
        return first.good


def _finite(chunk: Signal) -> Signal:
    """Return the signal with what no amplifier gives as missing: one such sample, squared and
    summed, would drown all around it.
    """
    with np.errstate(invalid="ignore"):
        sound = np.abs(chunk) < LARGEST
    return chunk if sound.all() else np.where(sound, chunk, np.float32(np.nan))


def suits(model: Bundle, profile: str) -> None:
    """Refuse a model that cannot answer in a profile.

    Raises
    ------
    UsageError : it was not made for the profile, or answers no task of `ANSWERED`.
    """
    card = model.card
    if card.task not in ANSWERED:
        mend = f"Choose one whose task is {', '.join(ANSWERED)}"
        raise UsageError(f"model {card.name!r}", f"does not classify (task {card.task})", mend)
    if profile not in card.profiles:
        raise UsageError(
            f"model {card.name!r}", f"was not made for the profile {profile!r}",
            f"Use --profile {card.profiles[0]}, or another model",
        )  # fmt: skip


def _peaks(blocks: list[PeakBlock]) -> npt.NDArray[np.int64]:
    """Return the R peaks of blocks that follow each other."""
    return np.concatenate([np.zeros(0, np.int64), *(b.samples for b in blocks)])
