"""Findings: what the engine found in a record, or why it declines to say."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven._methods import method
from einthoven.engine.events import RhythmEvent
from einthoven.record.annotation import Annotations
from einthoven.record.explanation import Explanation
from einthoven.record.source import Source
from einthoven.signal.intervals import Measurements
from einthoven.signal.waves import Waves


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The beats found, in time order.

    Attributes
    ----------
    samples : (beat,) int64 R peaks at the record's own rate, from 0.
    classes : (beat,) class names.
    probabilities : (beat,) float32, of the class named.
    uncertain : (beat,) bool.
    """

    samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.str_]
    probabilities: npt.NDArray[np.float32]
    uncertain: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True, kw_only=True, eq=False)
class Quality:
    """Whether the signal can be judged, window by window.

    Attributes
    ----------
    starts, ends : (window,) int64 samples at the record's own rate.
    good : (window,) bool.
    scores : (window,) float32 in 0..1.
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    good: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]

    def good_at(self, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return (sample,) whether each lies in a window that can be judged."""
        if not len(self.starts):
            return np.ones(len(samples), np.bool_)
        window = np.searchsorted(self.starts, samples, side="right") - 1
        return np.asarray(self.good[np.maximum(window, 0)] & (window >= 0))


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One diagnosis that a model knows, found or not.

    Attributes
    ----------
    code, system, name : what it is, e.g. ``MI``, ``PTB-XL superclass``, ``myocardial infarction``.
    probability : calibrated, of its being there.
    positive : whether the probability reaches the card's threshold for this class.
    uncertain : whether the answer is less sure than the card asks for.
    """

    code: str
    system: str
    name: str
    probability: float
    positive: bool
    uncertain: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of ``diagnoses`` in ``analyze --json``."""
        return asdict(self) | {"probability": round(self.probability, 4)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """The answer to ``einthoven analyze``.

    Attributes
    ----------
    record, path : name of the record and where it came from.
    rate, leads, samples, start : of the record.
    usable, reason : whether it is an ECG that can be judged, and if not, why.
    models : the cards of the models that answered, as ``{"name", "sha256", "task"}``.
    marks, quality, intervals, warnings : what was found; `marks` are the beats.
    profile : ``review`` or ``live``.
    source : the recording, for whoever draws it.
    rhythm : of each span, in time order; None where it cannot be told.
    diagnoses : all that the model knows, found or not; None where it cannot answer.
    wave_marks : P, QRS and T of every lead; None where nobody asked, or nothing can answer.
    measurements : what was measured on them; None likewise.
    explanations : what the abnormal answers rest on; None where nobody asked.
    """

    record: str
    path: str
    rate: float
    leads: tuple[str, ...]
    samples: int
    start: datetime | None
    usable: bool
    reason: str | None
    models: tuple[dict[str, str], ...]
    marks: Beats
    quality: Quality
    intervals: dict[str, float]
    warnings: tuple[str, ...]
    profile: str
    source: Source | None = field(default=None, repr=False)
    rhythm: tuple[RhythmEvent, ...] | None = None
    diagnoses: tuple[Diagnosis, ...] | None = None
    wave_marks: Waves | None = field(default=None, repr=False)
    measurements: Measurements | None = field(default=None, repr=False)
    explanations: tuple[Explanation, ...] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.samples / self.rate

    @property
    def beats(self) -> Any:
        """The beats as a pandas DataFrame: sample, seconds, class, probability, uncertain."""
        return _pandas("beats", "marks").DataFrame(
            {
                "sample": self.marks.samples,
                "seconds": self.marks.samples / self.rate,
                "class": self.marks.classes,
                "probability": self.marks.probabilities,
                "uncertain": self.marks.uncertain,
            }
        )

    @property
    def waves(self) -> Any:
        """The waves as a pandas DataFrame; a boundary that cannot be told is missing.

        Its columns are lead, wave, onset, peak, offset (samples), the probabilities of the two
        boundaries, missing likewise, and whether it lies in signal too noisy to judge.
        """
        table = self.wave_marks or Waves.none()
        pandas = _pandas("waves", "wave_marks")
        nan = np.float32(np.nan)
        boundary = {
            name: pandas.array(at, dtype="Int64") for name, at in
            (("onset", table.onset), ("peak", table.peak), ("offset", table.offset))
        }  # fmt: skip
        for column in boundary.values():
            column[column < 0] = pandas.NA
        return pandas.DataFrame(
            {
                "lead": [self.leads[k] for k in table.lead.tolist()],
                "wave": table.kind,
                **boundary,
                "onset_probability": np.where(table.onset < 0, nan, table.onset_p),
                "offset_probability": np.where(table.offset < 0, nan, table.offset_p),
                "uncertain": ~self.quality.good_at(table.peak),
            }
        )

    def to_dict(self, *, identity: bool = False) -> dict[str, Any]:
        """Return the document of ``analyze --json``; `identity` adds who was recorded."""
        from einthoven._version import __version__

        beats = [
            {"sample": s, "class": c, "probability": round(p, 4), "uncertain": u}
            for s, c, p, u in zip(
                self.marks.samples.tolist(), self.marks.classes.tolist(),
                self.marks.probabilities.tolist(), self.marks.uncertain.tolist(), strict=True,
            )
        ]  # fmt: skip
        quality = [
            {"start": a, "end": b, "good": g, "score": round(s, 3)}
            for a, b, g, s in zip(
                self.quality.starts.tolist(), self.quality.ends.tolist(),
                self.quality.good.tolist(), self.quality.scores.tolist(), strict=True,
            )
        ]  # fmt: skip
        patient = self.source.patient if self.source and identity else None
        return {
            "einthoven": __version__, "source": self.path, "record": self.record,
            "rate": self.rate, "leads": list(self.leads), "samples": self.samples,
            "start": self.start.isoformat() if self.start else None,
            "profile": self.profile, "usable": self.usable, "reason": self.reason,
            "models": list(self.models), "beats": beats,
            **({"rhythm": [e.span() for e in self.rhythm]} if self.rhythm is not None else {}),
            **({"diagnoses": [d.to_dict() for d in self.diagnoses]}
               if self.diagnoses is not None else {}),
            **({"waves": self._waves_to_dicts()} if self.wave_marks is not None else {}),
            **({"intervals": self.intervals} if self.intervals else {}),
            **({"amplitudes": self.measurements.leads_to_dict(),
                "hrv": self.measurements.hrv_to_dict()} if self.measurements else {}),
            **({"explanations": [e.to_dict(maps=False) for e in self.explanations]}
               if self.explanations is not None else {}),
            "quality": quality, "warnings": list(self.warnings),
            **({"patient": asdict(patient)} if patient else {}),
        }  # fmt: skip

    def _waves_to_dicts(self) -> list[dict[str, Any]]:
        table = self.wave_marks or Waves.none()
        uncertain = (~self.quality.good_at(table.peak)).tolist()
        return [row | {"uncertain": doubt} for row, doubt in
                zip(table.to_dicts(self.leads), uncertain, strict=True)]  # fmt: skip

    def to_json(self, *, identity: bool = False) -> str:
        """Return the JSON document of ``analyze --json`` (see the documentation for the keys)."""
        return json.dumps(self.to_dict(identity=identity), ensure_ascii=False)

    def to_wfdb(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the beats as a WFDB annotation file, e.g. ``100.atr``; subtype 1 is uncertain.

        Raises
        ------
        UsageError : the file is there and `force` is not given.
        """
        from einthoven.formats.wfdb import write_annotations

        target = Path(path)
        write_annotations(
            target,
            Annotations(
                samples=self.marks.samples,
                symbols=self.marks.classes,
                subtypes=self.marks.uncertain.astype(np.int64),
            ),
            rate=self.rate,
            force=force,
        )
        return target

    def __getattr__(self, name: str) -> Any:
        return method(self, name)


def _pandas(table: str, arrays: str) -> Any:
    try:
        import pandas as pd
    except ImportError as fault:  # pragma: no cover - depends on the installation
        raise ImportError(
            f"findings.{table} needs pandas: pip install 'einthoven[plot]', "
            f"or read findings.{arrays}, which are plain arrays"
        ) from fault
    return pd
