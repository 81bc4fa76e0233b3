"""Models that judge a stretch as a whole: the rhythm of one lead, the diagnoses of twelve."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle
from einthoven.engine._sizes import largest, plausible
from einthoven.engine.events import DiagnosisEvent, Event, QualityEvent, RhythmEvent
from einthoven.engine.findings import Diagnosis
from einthoven.inputs import rhythm_span
from einthoven.inputs.record import RecordInputs, cut
from einthoven.inputs.rhythm_span import LONGEST, SHORTEST, SPAN
from einthoven.inputs.spans import Span, SpanStream
from einthoven.record.errors import DataError
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import ONE_LEAD, STANDARD, canonical
from einthoven.record.record import Signal
from einthoven.record.vocabulary import SUPERCLASS_NAMES
from einthoven.signal.quality import NO_BEATS, silent

Samples = npt.NDArray[np.int64]

# Longer recordings are judged in stretches of the length that the model learnt from.
_PER_SPAN = 10.0  # seconds
_HALF = 0.5
_STRETCH = 5.0  # seconds: hearts that beat at all beat in it
NOISE = "~"
_TOO_SHORT = f"it takes {SHORTEST:g} s at least"


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
    """Asks the rhythm model about each span, in the lead that speaks for it.

    That is the lead that speaks for the recording, or the next in that order (`ONE_LEAD`, then the
    others as they come) which is not flat or missing in most of the span.

    A span more than half of which lies in windows too noisy to judge is uncertain unless it is
    called noise; where all of it does and the model itself is unsure, it is called noise. Out of
    fold on CinC 2017 sure answers other than noise are right in 72 % of the records that are bad
    for the most part (105), and in 92 % of the others.

    Parameters
    ----------
    bundle : the model.
    rate : Hz of the signal.
    leads : names of its rows.
    live : whether a span must be answered as soon as it ends.

    Attributes
    ----------
    spans : that were long enough.
    silent : of these, those in most of which every lead is flat or missing: nothing is told.
    noisy : of these, those that are uncertain because of what the quality windows say.
    substitutes : for each lead that spoke in place of the usual one, for how many spans.
    """

    def __init__(self, bundle: Bundle, rate: float, leads: tuple[str, ...], *, live: bool) -> None:
        self.bundle, self._rate, self._leads = bundle, rate, leads
        self._order = in_order(leads)
        self.spans = self.silent = self.noisy = 0
        self.substitutes: Counter[str] = Counter()
        self._windows: deque[QualityEvent] = deque()
        self._spans = rhythm_spans(rate, leads, live=live)

    def hear(self, window: QualityEvent) -> None:
        """Take a quality window; it ends before any span that it lies in is judged."""
        self._windows.append(window)

    def all_leads(self) -> str:
        """Return the subject of a sentence on all leads."""
        return f"lead {self._leads[0]} is" if len(self._leads) == 1 else "all leads are"

    def push(self, chunk: Signal, peaks: Samples, until: int) -> list[Event]:
        """Return the rhythm of the spans that are complete; arguments as of `SpanStream`."""
        return self._judged(self._spans.push(chunk, peaks, until))

    def flush(self, peaks: Samples) -> list[Event]:
        """Return the rhythm of the spans that are left."""
        return self._judged(self._spans.flush(peaks))

    def _judged(self, spans: list[Span]) -> list[Event]:
        card, found = self.bundle.card, list[Event]()
        for span in spans:
            bad = self._bad(span)
            if span.signal.shape[1] < SHORTEST * self._rate:
                continue
            self.spans += 1
            row = speaking(span, self._rate, self._order)
            if row is None:
                self.silent += 1
                continue
            if row != self._order[0]:
                self.substitutes[self._leads[row]] += 1
            p = rhythm_span.answer(self.bundle, span.signal[row], self._rate, span.peaks)
            best = int(p.argmax())
            unsure = bool(p[best] < card.threshold)
            if unsure and bad == 1 and NOISE in card.classes:
                best = card.classes.index(NOISE)
            if bad > _HALF and card.classes[best] != NOISE:
                unsure = True
                self.noisy += 1
            found.append(
                RhythmEvent(
                    start=span.start, end=span.end, label=card.classes[best],
                    probability=float(p[best]), uncertain=unsure,
                )
            )  # fmt: skip
        return found

    def _bad(self, span: Span) -> float:
        """Return which share of a span's windows, as long as they are, cannot be judged.

        Only windows that end within it count: no other has ended for sure when it is judged.
        """
        while self._windows and self._windows[0].end <= span.start:
            self._windows.popleft()
        inside = [w for w in self._windows if w.end <= span.end]
        length = [w.end - max(w.start, span.start) for w in inside]
        bad = sum(n for n, w in zip(length, inside, strict=True) if not w.good)
        return bad / sum(length) if length else 0.0


class DiagnosisStage:
    """Asks the model of diagnoses about each stretch of all leads.

    Attributes
    ----------
    reason : why the last stretch that could not be judged could not.
    stretches : that were asked about.
    left : for each reason, of how many of them it is that nothing is told.
    noisy : of those told, the ones that are uncertain because leads are noisy.
    noisy_leads : for each of these leads, in how many of them.
    """

    def __init__(self, bundle: Bundle, rate: float, leads: tuple[str, ...], *, live: bool) -> None:
        self.bundle, self._rate, self._leads = bundle, rate, leads
        here = {canonical(name) for name in leads}
        self._asked = _enough(here)
        lost = [name for name in STANDARD[6:] if name not in here]
        # Of few leads nobody expects diagnoses; of many one may be called by another name.
        verb = "is" if len(lost) == 1 else "are"
        which = f", and {', '.join(lost)} {verb} missing" if lost and len(here) > len(lost) else ""
        self.reason = f"it takes two limb leads and V1 to V6{which}"
        self.stretches = self.noisy = 0
        self.left: Counter[str] = Counter()
        self.noisy_leads: Counter[str] = Counter()
        self._spans = diagnosis_spans(rate, leads, live=live)

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
            self.stretches += 1
            try:
                made = stretches(span, self._rate, self._leads, card.stages[0].input)
            except DataError as fault:
                self.reason = f"{fault.where} {fault.fault}"
                self.left[self.reason] += 1
                continue
            # A window without a beat, or with noise for one, says nothing where another has some.
            doubt = made.mute | np.array([bool(names) for names in made.noisy])
            unsure = bool(doubt.all())
            heard = slice(None) if unsure else ~doubt
            if unsure and not made.mute.all():
                self.noisy += 1
                self.noisy_leads.update({name for names in made.noisy for name in names})
            p = self.bundle.predict({"window": made.window[heard], "side": made.side[heard]})
            named = dict(zip(card.classes, p.mean(axis=0).tolist(), strict=True))
            found.append(
                DiagnosisEvent(
                    start=span.start, end=span.end, probabilities=named, uncertain=unsure
                )
            )
        return found


def rhythm_spans(rate: float, leads: tuple[str, ...], *, live: bool) -> SpanStream:
    """Return what cuts a recording into spans whose rhythm is told."""
    whole = 0.0 if live else LONGEST
    return SpanStream(rate, len(leads), seconds=SPAN, whole=whole, shortest=SHORTEST)


def in_order(leads: tuple[str, ...]) -> list[int]:
    """Return the rows of leads, those first that speak for a recording best."""
    known = [leads.index(name) for name in ONE_LEAD if name in leads]
    return [*known, *(row for row in range(len(leads)) if row not in known)]


def speaking(span: Span, rate: float, order: Sequence[int]) -> int | None:
    """Return the row that speaks for a span; None where all are flat or missing in most of it."""
    return next((k for k in order if not _silent(span.signal[k], rate)), None)


def diagnosis_spans(rate: float, leads: tuple[str, ...], *, live: bool) -> SpanStream:
    """Return what cuts a recording into spans that are diagnosed."""
    return SpanStream(
        rate, len(leads), seconds=_PER_SPAN, whole=0.0 if live else LONGEST,
        shortest=_HALF * _PER_SPAN,
    )  # fmt: skip


def stretches(span: Span, rate: float, leads: tuple[str, ...], spec: InputSpec) -> RecordInputs:
    """Return what a model of diagnoses eats of a span.

    Raises
    ------
    DataError : it is too short, lacks a lead or beats, or its QRS have no size that hearts make.
    """
    made = cut(span.signal, rate, leads, span.peaks, spec, "the record")
    size = largest(span.signal, rate, span.peaks)
    if not plausible(size):
        fault = f"of {size:.3g} mV are implausible"
        raise DataError("QRS complexes", fault, "Is the unit of the file right?")
    return made


def _silent(lead: Signal, rate: float) -> bool:
    """Return whether a lead (time,) is flat or missing in most of its stretches of 5 s."""
    return silent(lead, max(1, int(len(lead) / (_STRETCH * rate))))


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
        stage = engine.rhythm
        if reason is None and spans:
            rhythm = spans
            said += _told(stage, engine.lead)
        else:
            dead = f"{stage.all_leads()} flat or missing" if stage.silent else ""
            said.append(f"rhythm: not answered, since {reason or dead or _TOO_SHORT}")
    if engine.diagnosis is None:
        said.append("diagnoses: not answered, since no such model is shipped for the profile")
    else:
        parts = [e for e in events if isinstance(e, DiagnosisEvent)]
        # A model of sentences has an answer to an empty one, and calls it uncertain.
        unheard = reason == NO_BEATS and all(e.uncertain for e in parts)
        if parts and (reason is None or unheard):
            found = _joined(engine.diagnosis.bundle, parts)
            if unheard:
                said.append(f"diagnoses: uncertain, since {NO_BEATS}")
            else:
                said += _diagnosed(engine.diagnosis)
        else:
            why = reason or engine.diagnosis.reason
            said.append(f"diagnoses: not answered, since {why}")
    return rhythm, found, said


def _told(stage: RhythmStage, lead: str) -> list[str]:
    """Return what is to be said of the spans whose rhythm was told, and of those left out."""
    said, all_ = [], stage.spans
    if stage.silent:
        dead = f"{stage.all_leads()} flat or missing in them"
        said.append(f"rhythm: not told of {stage.silent} of {all_} spans, since {dead}")
    for other, spans in stage.substitutes.items():
        dead = f"lead {lead} is flat or missing in them"
        said.append(f"rhythm: told by lead {other} in {spans} of {all_} spans, since {dead}")
    if stage.noisy:
        verb = "is" if stage.noisy == 1 else "are"
        said.append(
            f"rhythm: {stage.noisy} of {all_} spans {verb} uncertain, since for the most part too "
            "noisy to judge"
        )
    return said


def _diagnosed(stage: DiagnosisStage) -> list[str]:
    """Return what is to be said of stretches that were not diagnosed, or not surely."""
    said, all_ = [], stage.stretches
    for why, count in stage.left.most_common():
        said.append(f"diagnoses: not told of {count} of {all_} stretches, since {why}")
    if stage.noisy:
        names = ", ".join(sorted(stage.noisy_leads, key=STANDARD.index))
        verb = "is" if len(stage.noisy_leads) == 1 else "are"
        which = f" in {stage.noisy} of {all_} stretches" if all_ > 1 else ""
        rest = "; the others count alone" if stage.noisy + stage.left.total() < all_ else ""
        said.append(f"diagnoses: uncertain{which}, since {names} {verb} too noisy{rest}")
    return said


def _joined(bundle: Bundle, events: Sequence[DiagnosisEvent]) -> tuple[Diagnosis, ...]:
    """Return what the stretches of a recording say together: the mean of their probabilities.

    A stretch counts as long as it is; those that are uncertain count where there are no others.
    """
    card = bundle.card
    unheard = all(e.uncertain for e in events)
    events = [e for e in events if unheard or not e.uncertain]
    length = np.array([e.end - e.start for e in events], np.float64)
    found = []
    for name in card.classes:
        each = np.array([e.probabilities[name] for e in events])
        p = float(each @ length / length.sum())
        found.append(
            Diagnosis(
                code=name, system="PTB-XL superclass", name=SUPERCLASS_NAMES.get(name, name),
                probability=p, positive=p >= card.thresholds.get(name, _HALF),
                uncertain=unheard or max(p, 1 - p) < card.threshold,
            )
        )  # fmt: skip
    return tuple(found)
