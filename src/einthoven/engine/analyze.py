"""analyze: the engine fed from a recording."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from einthoven._methods import method
from einthoven.bundle import Bundle, default_model, load_model
from einthoven.engine import _sizes, _waves
from einthoven.engine._measure import measured
from einthoven.engine._whole import whole
from einthoven.engine.engine import Engine
from einthoven.engine.events import BeatEvent, Event, QualityEvent
from einthoven.engine.findings import Beats, Findings, Quality
from einthoven.formats import open_source
from einthoven.record.leads import is_lead_name
from einthoven.record.record import Record, Signal
from einthoven.record.source import RecordSource, Source
from einthoven.signal.axis import UNSCALED
from einthoven.signal.leads_swapped import all_inverted, arms_swapped, contradicting, twins
from einthoven.signal.waves import shipped


def analyze(
    recording: str | os.PathLike[str] | Record | Source,
    *,
    model: str | os.PathLike[str] | Bundle | None = None,
    profile: str = "review",
    waves: bool = False,
    explain: bool = False,
    uncertainty: bool = False,
    progress: Callable[[float], None] | None = None,
    chunk_seconds: float = 120.0,
) -> Findings:
    """Say which beats are in a recording, how sure that is, and where it cannot be told.

    Parameters
    ----------
    recording : a path, a `Record` (signal (lead, time) in mV) or an open `Source`.
    model : by name or path, answers in place of the shipped default for the same task: beats,
        rhythm or diagnosis.
    profile : ``review`` looks up to 20 minutes ahead; ``live`` gives a stream's answers.
    waves : whether P, QRS and T of every lead are asked for too.
    explain : whether what the abnormal answers rest on is asked for too, see
        ``findings.explanations``.
    uncertainty : a further question. It is not answered by this version; asked, it leaves a
        warning.
    progress : called with the share done, 0..1.
    chunk_seconds : how much signal is read at once; the answer does not depend on it.

    Raises
    ------
    FormatError : the file is damaged, unknown, or does not state its unit or rate.
    UsageError : the model was not made for the profile.
    """
    if isinstance(recording, Record):
        source: Source = RecordSource(recording)
    elif isinstance(recording, Source):
        source = recording
    else:
        source = open_source(os.fspath(recording))
    bundle = model if isinstance(model, Bundle) or model is None else load_model(model)
    asked = tuple(
        name for name, wanted in (("waves", waves), ("uncertainty", uncertainty)) if wanted
    )
    net = shipped(profile) if waves else None
    if not source.leads or source.rate < LOWEST_RATE:
        found = collect(source, None, [], profile, asked)
        if explain:
            found = method(found, "explain")()
        return found
    engine = Engine(source.rate, source.leads, profile, bundle, net, source.path)
    events: list[Event] = []
    done = 0
    for chunk in source.chunks(chunk_seconds):
        events += engine.push(chunk)
        done += chunk.shape[1]
        if progress:
            progress(done / max(source.samples, 1))
    events += engine.flush()
    found = collect(source, engine, events, profile, asked)
    if not explain:
        return found
    stages = (engine.rhythm, engine.diagnosis)
    told = [engine.model, *(stage.bundle if stage else None for stage in stages)]
    answered: Findings = method(found, "explain")([b for b in told if b])
    return answered


LOWEST_RATE = 60.0  # Hz; the detector looks at 7 to 24 Hz


def collect(
    source: Source, engine: Engine | None, events: list[Event], profile: str, asked: tuple[str, ...]
) -> Findings:
    """Return the `Findings` that a recording's events amount to."""
    beats = [e for e in events if isinstance(e, BeatEvent)]
    windows = [e for e in events if isinstance(e, QualityEvent)]
    usable, reason = _usable(source, engine)
    warnings, odd = list(source.notes), list[str]()
    intervals: dict[str, float] = {}
    if engine is None:
        unasked = ("intervals", "rhythm", "diagnoses")
        warnings += [f"{what}: not answered, since {reason}" for what in unasked]
    else:
        peaks = [e.sample for e in beats]
        minute = source.read(0, min(source.samples, round(60 * source.rate)))
        odd += _misplaced(minute, source, peaks)
        warnings += _warnings(engine) + _sizes.warnings(source, peaks, minute) + odd
        rate = engine.summary.heart_rate if usable else None
        if rate is not None:
            intervals["heart_rate_bpm"] = round(rate, 1)
        else:
            warnings.append("intervals: no heart rate, since too few sound beats follow each other")
    rhythm, diagnoses = None, None
    told: list[Bundle] = []
    if engine is not None:
        rhythm, diagnoses, said = whole(engine, events, reason)
        warnings += said
        if diagnoses and odd:
            diagnoses = tuple(replace(d, uncertain=True) for d in diagnoses)
            warnings.append("diagnoses: uncertain, since leads may not be what the file calls them")
        told += [engine.rhythm.bundle] if engine.rhythm and rhythm else []
        told += [engine.diagnosis.bundle] if engine.diagnosis and diagnoses else []
    found = None
    net = shipped(profile) if "waves" in asked else None
    fibrillation = [(e.start, e.end) for e in rhythm or () if e.label == "A" and not e.uncertain]
    if net:
        found, said = _waves.answer(events, source.leads, reason, len(beats), fibrillation)
        warnings += said
    elif "waves" in asked:
        warnings.append(_waves.MISSING)
    warnings += [
        f"{name}: not answered, since this version has no model for it"
        for name in asked
        if name != "waves"
    ]
    marks = Beats(
        samples=np.array([e.sample for e in beats], np.int64),
        classes=np.array([e.label for e in beats], "<U8"),
        probabilities=np.array([e.probability for e in beats], np.float32),
        uncertain=np.array([e.uncertain for e in beats], np.bool_),
    )
    quality = Quality(
        starts=np.array([e.start for e in windows], np.int64),
        ends=np.array([e.end for e in windows], np.int64),
        good=np.array([e.good for e in windows], np.bool_),
        scores=np.array([e.score for e in windows], np.float32),
    )
    measurements = None
    if found and usable:
        always = bool(rhythm) and len(fibrillation) == len(rhythm or ())
        measurements = measured(
            source, marks, quality, found,
            heart_rate=intervals.get("heart_rate_bpm"), fibrillating=always,
        )  # fmt: skip
        intervals = measurements.to_dict() | intervals
        warnings += measurements.reasons()
    return Findings(
        record=_text(source.name), path=_text(source.path), rate=source.rate, leads=source.leads,
        samples=source.samples, start=source.start, usable=usable, reason=reason,
        models=_models(engine, profile, *told, net.bundle if net else None), marks=marks,
        quality=quality,
        intervals=intervals, warnings=tuple(warnings), profile=profile, source=source,
        rhythm=rhythm, diagnoses=diagnoses, wave_marks=found, measurements=measurements,
    )  # fmt: skip


def _text(name: str) -> str:
    """Return a name that UTF-8 can hold, whatever bytes the file system gave."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _misplaced(minute: Signal, source: Source, peaks: list[int]) -> list[str]:
    """Return a warning where leads seem not to be what the file says, or upside down."""
    at = np.array([s for s in peaks if s < minute.shape[1]], np.int64)
    said = [
        f"leads: {a} and {b} are the same, sample for sample"
        for a, b in twins(minute, source.leads)
    ]
    if all_inverted(minute, source.rate, source.leads, at):
        said.append("leads: I, II, V5 and V6 show no upright wave, as where all leads are inverted")
    elif arms_swapped(minute, source.rate, source.leads, at):
        said.append(
            "leads: I is a mirror image of V6, as where the arm electrodes were exchanged, or V6 "
            "with another or turned over"
        )
    if contradicting(minute, source.rate, source.leads, at):
        said.append(f"leads: {UNSCALED}")
    return said


def _usable(source: Source, engine: Engine | None) -> tuple[bool, str | None]:
    if source.leads and source.rate < LOWEST_RATE:
        return False, f"{source.rate:g} samples a second are too few (at least {LOWEST_RATE:g})"
    if engine is None:
        odd = [c for c in source.channels if is_lead_name(c.name)]
        if odd:
            unit = odd[0].unit or "none"
            return False, f"channel {odd[0].name} states no voltage (unit {unit}): give its unit"
        names = ", ".join(c.name for c in source.channels) or "nothing"
        return False, f"no channel is an ECG lead (the file holds {names})"
    return engine.summary.usable(source.samples)


def _warnings(engine: Engine) -> list[str]:
    found = []
    summary = engine.summary
    if engine.model is None:
        found.append(
            f"beats: no classifier is shipped for the profile {engine.profile!r}, so every beat "
            "has class Q and is uncertain"
        )
    elif not engine.fits:
        found.append(
            f"beats: the classifier was not made for lead {engine.lead}, so every beat has class Q "
            "and is uncertain"
        )
    if summary.windows > summary.good:
        # Live, a beat is answered before its own window has ended.
        which = "in them" if engine.profile == "review" else "after them"
        found.append(
            f"quality: {summary.windows - summary.good} of {summary.windows} windows are too noisy "
            f"to judge; beats {which} are uncertain"
        )
    return found


def _models(
    engine: Engine | None, profile: str, *others: Bundle | None
) -> tuple[dict[str, str], ...]:
    used = [default_model("peaks", profile), engine.model if engine else None, *others]
    return tuple({"name": b.card.name, "sha256": b.sha256, "task": b.card.task} for b in used if b)
