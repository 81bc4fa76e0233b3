"""A run of trees, of the beat sequence or of both to a bundle: its ONNX as it is, and a card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from einthoven._version import __version__
from einthoven.bundle import Card, Stage
from einthoven.corpora import open_corpus
from einthoven.export._card import slim, write
from einthoven.record.errors import DataError
from einthoven.record.inputspec import InputSpec
from einthoven.suites._runs import Run, read_run
from einthoven.suites.beats import judge_runs
from einthoven.training.boosting import FILE

_LIMITS = (
    "Research software, not a medical device.",
    (
        "Learnt from {n} half-hours of {n} adults in the 1970s, one chest-worn limb lead (MLII), "
        "360 Hz."
    ),
    "For lead II and leads like it (MLII, I, V4 to V6, a single ECG); not for aVR or V1 alone.",
    "Not for paced rhythm: no paced beat was learnt, and there is no class for one.",
    "Fusion beats (F) are one patient's in the data and are not recognised in others.",
    "Supraventricular beats (S) are found best in patients who have many: see 'without 232'.",
    "In atrial fibrillation irregular beats may be called S.",
    "In a recording of less than a minute the patient's usual beat is hardly known.",
)
_LIVE = "What is said is said within 3 s, from the past of the patient alone."
_NOTE = (
    "Offsets were chosen on the DS1 answers: the figures on DS1 flatter. DS2 fitted no number, but "
    "is not blind: a first model was scored on it (results/aami-review-first.json) and its errors "
    "were read by record; then made runs of premature beats were drawn in every length, as in "
    "record 232, and offsets chosen by bootstrap in DS1. That S is the majority in 232 was known "
    "from the start: F1 of S with 232 is blind in no sense."
)
_LATER = (
    " The rest (a template of 30 min, made beats, networks) was chosen by leave-records-out in DS1."
)
_BOOK = " Every look at DS2 is in results/looks.json."
_SHARED = " Records 201 (training) and 202 (test) are one subject."


def note(*, live: bool, strict: bool = False) -> str:
    """Return what must be known of a card's figures: what was chosen by what."""
    return _NOTE + ("" if live else _LATER) + _BOOK + ("" if strict else _SHARED)


def limits(records: int, *, live: bool) -> tuple[str, ...]:
    """Return what a card says the model must not be used for.

    Parameters
    ----------
    records : that it learnt from, an adult each.
    """
    return tuple(line.format(n=records) for line in _LIMITS) + ((_LIVE,) if live else ())


def _figures(run: Run, corpus: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part, words in (("validation", "leave-records-out in DS1"), ("test", "DS2")):
        row = judge_runs([run], corpus, part=part)
        entry = {"records": row["records"], "beats": int(row["n"])} | slim(row["figures"])
        for record, rest in row.get("without", {}).items():
            entry[f"without {record}"] = slim(rest)
        found[f"{words}, reference beats"] = entry
    return found


def export(run: Path, out: Path) -> Path:
    """Write the bundle of a run folder and return its folder.

    Parameters
    ----------
    run : made by `training.boosting.fit`.
    out : the folder to write, e.g. ``zoo/aami-review``.

    Raises
    ------
    DataError : no such run, one of another kind of model, or one within patients.
    """
    made = read_run(run)
    source = run / FILE
    if not source.is_file():
        raise DataError(run, f"has no {FILE}", "Give a run of trees or of the beat sequence")
    recipe, metrics = made.recipe, made.metrics
    if made.protocol != "inter-patient":
        mend = "Train under inter-patient to ship it"
        raise DataError(run, "was tested on the patients it learnt from", mend)
    split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    spec = InputSpec.from_dict(recipe["input"])
    corpus = open_corpus(made.corpus)
    profile = "review" if spec.ahead >= 10 else "live"
    strict = ", strict: without 201" if made.strict else ""
    card = Card(
        name=made.name, version=__version__, task="beat", title=str(recipe["title"]),
        stages=(Stage(file=FILE, sha256="", input=spec),),
        classes=made.predictions.classes, profiles=(profile,),
        default=not made.strict,
        offsets=tuple(float(o) for o in metrics["offsets"]),
        temperature=float(metrics["temperature"]), threshold=float(metrics["threshold"]),
        protocol=f"inter-patient (mitdb DS1 to DS2, records of de Chazal 2004{strict})",
        figures=_figures(made, corpus)
        | {"note": note(live=profile == "live", strict=made.strict)},
        data={
            "corpus": corpus.title, "records": split["train"], "licence": corpus.licence,
            "url": corpus.url, "made": "premature, fibrillating and fusion beats made from the "
            "training records' own normal beats (signal.premature)",
        },
        recipe=made.name, run=hashlib.sha256((run / FILE).read_bytes()).hexdigest()[:12],
        paper=str(recipe.get("paper", "")),
        limits=limits(len(split["train"]), live=profile == "live"),
    )  # fmt: skip
    write(out, source.read_bytes(), card)
    return out
