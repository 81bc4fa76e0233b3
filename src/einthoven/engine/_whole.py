"""Models that judge a stretch as a whole: the rhythm of one lead, the diagnoses of twelve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.engine._sizes import FLAT, largest, plausible
from einthoven.engine.events import DiagnosisEvent, Event, RhythmEvent
from einthoven.engine.findings import Diagnosis
from einthoven.inputs import rhythm_span
from einthoven.inputs.record import cut
from einthoven.inputs.rhythm_span import LONGEST, SHORTEST, SPAN
from einthoven.inputs.spans import Span, SpanStream
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD, canonical
from einthoven.record.record import Signal
from einthoven.record.vocabulary import SUPERCLASS_NAMES

Samples = npt.NDArray[np.int64]

# Longer recordings are judged in stretches of the length that the model learnt from.
_PER_SPAN = 10.0  # seconds
_HALF = 0.5
_STRETCH = 5.0  # seconds: hearts that beat at all beat in it


class Asked(Protocol):
    """What `whole` needs to know of an engine."""

    lead: str

    @property
    def rhythm(self) -> RhythmStage | None:
        """Who tells the rhythm."""

    @property
    def diagnosis(self) -> DiagnosisStage | None:
        """Who knows diagnoses."""


class RhythmStage:
    """Asks the rhythm model about each span of one lead.

    Parameters
    ----------
    bundle : the model.
    rate : Hz of the signal.
    row : of the lead.
    live : whether a span must be answered as soon as it ends.

    Attributes
    ----------
    spans : that were long enough.
    silent : of these, those in most of which the lead is flat or missing: nothing is told of them.
    """

    def __init__(self, bundle: Bundle, rate: float, row: int, *, live: bool) -> None:
        self.bundle, self._rate, self._row = bundle, rate, row
        self.spans = self.silent = 0
        self._spans = SpanStream(
            rate, 1, seconds=SPAN, whole=0.0 if live else LONGEST, shortest=SHORTEST
        )

    def push(self, chunk: Signal, peaks: Samples, until: int) -> list[Event]:
        """Return the rhythm of the spans that are complete; arguments as of `SpanStream`."""
        rows = chunk[self._row : self._row + 1]
        return self._judged(self._spans.push(rows, peaks, until))

    def flush(self, peaks: Samples) -> list[Event]:
        """Return the rhythm of the spans that are left."""
        return self._judged(self._spans.flush(peaks))

    def _judged(self, spans: list[Span]) -> list[Event]:
        card, found = self.bundle.card, list[Event]()
        for span in spans:
            if span.signal.shape[1] < SHORTEST * self._rate:
                continue
            self.spans += 1
            if _silent(span.signal[0], self._rate):
                self.silent += 1
                continue
            p = rhythm_span.answer(self.bundle, span.signal[0], self._rate, span.peaks)
            best = int(p.argmax())
            found.append(
                RhythmEvent(
                    start=span.start, end=span.end, label=card.classes[best],
                    probability=float(p[best]), uncertain=bool(p[best] < card.threshold),
                )
            )  # fmt: skip
        return found


class DiagnosisStage:
    """Asks the model of diagnoses about each stretch of all leads.

    Attributes
    ----------
    reason : why the last stretch that could not be judged could not.
    """

    def __init__(self, bundle: Bundle, rate: float, leads: tuple[str, ...], *, live: bool) -> None:
        self.bundle, self._rate, self._leads = bundle, rate, leads
        here = {canonical(name) for name in leads}
        self._asked = _enough(here)
        lost = [name for name in STANDARD[6:] if name not in here]
        # Of few leads nobody expects diagnoses; of many one may be called by another name.
        which = f", and {', '.join(lost)} is missing" if lost and len(here) > len(lost) else ""
        self.reason = f"it takes two limb leads and V1 to V6{which}"
        self._spans = SpanStream(
            rate, len(leads), seconds=_PER_SPAN, whole=0.0 if live else LONGEST,
            shortest=_HALF * _PER_SPAN,
        )  # fmt: skip

    def push(self, chunk: Signal, peaks: Samples, until: int) -> list[Event]:
        """Return the diagnoses of the stretches that are complete; arguments as `SpanStream`'s."""
        if not self._asked:
            return []
        return self._judged(self._spans.push(chunk, peaks, until))

    def flush(self, peaks: Samples) -> list[Event]:
        """Return the diagnoses of the stretches that are left."""
        if not self._asked:
            return []
        return self._judged(self._spans.flush(peaks))

    def _judged(self, spans: list[Span]) -> list[Event]:
        card, found = self.bundle.card, list[Event]()
        for span in spans:
            try:
                made = cut(span.signal, self._rate, self._leads, span.peaks, card.stages[0].input)
            except DataError as fault:
                self.reason = f"the {fault.where} {fault.fault}"
                continue
            size = largest(span.signal, self._rate, span.peaks)
            if not plausible(size):
                self.reason = f"QRS complexes of {size:.3g} mV are implausible"
                continue
            p = self.bundle.predict({"window": made.window, "side": made.side}).mean(axis=0)
            named = dict(zip(card.classes, p.tolist(), strict=True))
            found.append(DiagnosisEvent(start=span.start, end=span.end, probabilities=named))
        return found


def _silent(lead: Signal, rate: float) -> bool:
    """Return whether a lead (time,) is flat or missing in most of its stretches of 5 s."""
    parts = np.array_split(lead, max(1, int(len(lead) / (_STRETCH * rate))))
    still = [not np.isfinite(p).any() or np.nanmax(p) - np.nanmin(p) < FLAT for p in parts]
    return bool(sum(still) > _HALF * len(parts))


def _enough(leads: set[str]) -> bool:
    """Return whether the twelve can be had of these: limb leads are made of any two."""
    return set(STANDARD[6:]) <= leads and len(leads & set(STANDARD[:6])) > 1


def whole(
    engine: Asked, events: Sequence[Event], reason: str | None
) -> tuple[tuple[RhythmEvent, ...] | None, tuple[Diagnosis, ...] | None, list[str]]:
    """Return the rhythm and the diagnoses of a recording, and why one is missing.

    Parameters
    ----------
    engine : what was asked.
    events : what it said.
    reason : why the recording cannot be judged; None where it can.
    """
    said, rhythm, found = [], None, None
    if engine.rhythm is None:
        said.append("rhythm: not answered, since no rhythm model is shipped for the profile")
    else:
        spans = tuple(e for e in events if isinstance(e, RhythmEvent))
        silent, all_ = engine.rhythm.silent, engine.rhythm.spans
        dead = f"lead {engine.lead} is flat or missing"
        if reason is None and spans:
            rhythm = spans
            if silent:
                said.append(f"rhythm: not told of {silent} of {all_} spans, since {dead} in them")
        else:
            why = reason or (dead if silent else f"it takes {SHORTEST:g} s at least")
            said.append(f"rhythm: not answered, since {why}")
    if engine.diagnosis is None:
        said.append("diagnoses: not answered, since no such model is shipped for the profile")
    else:
        parts = [e for e in events if isinstance(e, DiagnosisEvent)]
        if reason is None and parts:
            found = _joined(engine.diagnosis.bundle, parts)
        else:
            why = reason or engine.diagnosis.reason
            said.append(f"diagnoses: not answered, since {why}")
    return rhythm, found, said


def _joined(bundle: Bundle, events: Sequence[DiagnosisEvent]) -> tuple[Diagnosis, ...]:
    """Return what the stretches of a recording say together: the mean of their probabilities.

    A stretch counts as long as it is.
    """
    card = bundle.card
    length = np.array([e.end - e.start for e in events], np.float64)
    found = []
    for name in card.classes:
        each = np.array([e.probabilities[name] for e in events])
        p = float(each @ length / length.sum())
        found.append(
            Diagnosis(
                code=name, system="PTB-XL superclass", name=SUPERCLASS_NAMES.get(name, name),
                probability=p, positive=p >= card.thresholds.get(name, _HALF),
                uncertain=max(p, 1 - p) < card.threshold,
            )
        )  # fmt: skip
    return tuple(found)
