"""From a recording and a model to what is explained."""

from __future__ import annotations

from collections.abc import Callable

from einthoven.engine.analyze import LOWEST_RATE
from einthoven.explain._case import Case
from einthoven.explain._case_beat import BeatCases
from einthoven.explain._case_diagnosis import DiagnosisCases
from einthoven.explain._case_rhythm import RhythmCases
from einthoven.explain._choice import Cases
from einthoven.explain._explainer import target_of
from einthoven.explain._model import Model
from einthoven.inputs.stream import LIVE
from einthoven.record.errors import DataError, UsageError, nearest
from einthoven.record.inputspec import PROFILES
from einthoven.record.source import Source

_TASKS: dict[str, Callable[[Model, Source, str], Cases]] = {
    "beat": BeatCases,
    "rhythm": RhythmCases,
    "diagnosis": DiagnosisCases,
}


def cases(model: Model, source: Source, *, profile: str | None = None) -> Cases:
    """Return all that a model says of a recording, each ready to be explained.

    What the model eats is what the engine feeds it: its beats are those of `analyze`, in their
    order, its spans of rhythm those of `analyze`. A stretch is ten seconds of twelve leads;
    `analyze` gives the mean over all of a recording.

    Parameters
    ----------
    model : who is asked.
    source : the recording.
    profile : how the R peaks are found; ``live`` for a model of live beats, else ``review``.

    Raises
    ------
    DataError : the recording has nothing that the model judges, e.g. no beat.
    UsageError : the profile is not known.
    """
    if profile is None:
        live = model.task == "beat" and model.spec.hop > 0 and model.spec.ahead < LIVE
        profile = "live" if live else "review"
    if profile not in PROFILES:
        raise UsageError("profile", f"{profile!r} is not known", nearest(profile, PROFILES))
    where = f"record {source.name}"
    if not source.leads or not source.samples:
        raise DataError(where, "holds no ECG lead", "Give an ECG")
    if source.rate < LOWEST_RATE:
        fault = f"has {source.rate:g} samples a second"
        raise DataError(where, fault, f"Give one of {LOWEST_RATE:g} Hz or more")
    return _TASKS[model.task](model, source, profile)


def case_of(
    model: Model, source: Source, *, beat: int | None = None, target: str | None = None,
    profile: str | None = None,
) -> Case:  # fmt: skip
    """Return one item of a recording.

    Parameters
    ----------
    beat : its number, from 0: the beat, span or stretch; where none is given, the most telling
        one (`Cases.most_telling`).
    target : the class that is to be explained, for that choice.
    profile : as of `cases`.

    Raises
    ------
    DataError : the recording has nothing that the model judges.
    UsageError : there is no item of that number, or no such class.
    """
    if target is not None:
        target_of(model, target)
    every = cases(model, source, profile=profile)
    return every[every.most_telling(target) if beat is None else every.checked(beat)]
