"""Stretches of many leads as cases: strips, their tokens, or the usual beat.

The usual beat stands at no place in the record. It is shown at the beat that is most like it, with
that beat's boundaries in each lead. Its measurements are taken away with the wave that they are
measured on and become those of the usual normal record (`Card.usual`), each by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from einthoven.engine._whole import diagnosis_spans, stretches
from einthoven.explain import _waves
from einthoven.explain._case import Array, Case
from einthoven.explain._case_rhythm import usual
from einthoven.explain._choice import Cases
from einthoven.explain._heard import heard_spans
from einthoven.explain._model import BundleModel, Logits, Model
from einthoven.explain._parts import of_leads, of_slices, of_waves
from einthoven.explain._waves import Bounds, bounds, delineated, labelled, neighbours
from einthoven.inputs.record import by_name, record_side_names
from einthoven.inputs.spans import Span
from einthoven.record.errors import DataError
from einthoven.record.leads import STANDARD, canonical
from einthoven.record.source import Source
from einthoven.signal.aligned_beat import BEFORE, RATE, aligned_beat, band_limited

_HALF = 0.5  # from which on a diagnosis is found where no card says otherwise


@dataclass(frozen=True, kw_only=True, eq=False)
class _Kept:
    """A stretch that is judged: seconds of its begin and end, and what is eaten."""

    start: float
    end: float
    window: Array
    side: Array


class DiagnosisCases(Cases):
    """The stretches of a recording that are diagnosed; see `Cases`."""

    word = "stretch"

    def __init__(self, model: Model, source: Source, profile: str) -> None:
        super().__init__(model, source, profile)
        rate, leads, spec = source.rate, source.leads, model.spec
        self._leads = STANDARD if spec.leads == ("one",) else spec.leads
        stream = diagnosis_spans(rate, leads, live=profile == "live")
        self._kept: list[_Kept] = []
        why: list[DataError] = []

        def keep(spans: list[Span]) -> None:
            for span in spans:
                try:
                    made = stretches(span, rate, leads, spec)
                except DataError as fault:
                    why.append(fault)
                    continue
                for first, window, side in zip(
                    made.start.tolist(), made.window, made.side, strict=True
                ):
                    begin = (span.first + first) / rate
                    end = min(begin + spec.window[1], span.end / rate)
                    self._kept.append(_Kept(start=begin, end=end, window=window, side=side))

        self.heard = heard_spans(source, profile, stream, keep)
        self._peaks = self.heard.samples / rate
        if not self._kept:
            fault = f"{why[-1].where} {why[-1].fault}" if why else "it is too short"
            fault = f"cannot be diagnosed: {fault.removeprefix('the record ')}"
            raise DataError(f"record {source.name}", fault, why[-1].mend if why else "Give another")

    @cached_property
    def called(self) -> npt.NDArray[np.bool_]:
        """(item, class) which diagnoses reach the thresholds of the card, or one half."""
        given = self.model.bundle.card.thresholds if isinstance(self.model, BundleModel) else {}
        least = np.array([given.get(name, _HALF) for name in self.model.classes])
        return np.asarray(self.probabilities >= least)

    def _unheard(self) -> list[str]:
        """Return nothing: `analyze` asks no stretch by itself how clean it is."""
        return [""] * len(self)

    def __len__(self) -> int:
        """Return how many stretches there are."""
        return len(self._kept)

    def place(self, number: int) -> tuple[int, int]:
        """Return where an item is; see `Cases`."""
        kept, rate = self._kept[number], self.source.rate
        return round(kept.start * rate), round(kept.end * rate)

    def _logits(self) -> Logits:
        inputs = {
            "window": np.stack([k.window for k in self._kept]),
            "side": np.stack([k.side for k in self._kept])[:, None],
        }
        return self.model.logits(inputs)

    def __getitem__(self, number: int) -> Case:
        """Return a stretch, counted from 0."""
        kept, source, spec = self._kept[self.checked(number)], self.source, self.model.spec
        peaks = self._peaks
        found = delineated(source, kept.start, kept.end, peaks)
        rows = [_row(source.leads, name) for name in self._leads]
        inside = np.flatnonzero((peaks >= kept.start) & (peaks < kept.end))
        start, time = kept.start, kept.window.shape[1]
        if spec.kind == "median-beat":
            r = self._typical(kept)
            inside = np.array([int(np.abs(peaks - r).argmin())])
            start = r - BEFORE / RATE
            time = time or round(1.0 * spec.rate)
        beats: list[list[Bounds]] = [
            [bounds(float(peaks[k]), *neighbours(peaks, int(k)), found, row) for k in inside]
            for row in rows
        ]
        labels = labelled(beats, time, start, spec.rate)
        if spec.kind != "median-beat":  # what a short strip is padded with is no part
            labels[:, round((kept.end - start) * spec.rate) :] = -1
        shape, names = kept.window.shape, record_side_names(spec)
        end = start + time / spec.rate
        places = _waves.stretches(labels, self._leads, start, spec.rate)
        parts = {"waves": of_waves(labels, shape, names, "diagnosis", places)}
        if shape[1]:
            parts["leads"] = of_leads(shape, self._leads, names, start, end)
            parts["slices"] = of_slices(shape, self._leads, names, start, spec.rate)
        return Case(
            record=source.name, what=f"stretch {number} from {kept.start:.1f} to {kept.end:.1f} s",
            window=kept.window, side=kept.side[None], row=0, names=names,
            reference=usual(self.model, names, kept.side), start=start, rate=spec.rate,
            leads=self._leads, r_peaks=peaks[inside], parts=parts,
        )  # fmt: skip

    def _typical(self, kept: _Kept) -> float:
        """Return seconds of the R peak, as the beats were aligned, of the beat most like usual."""
        rate, spec = self.source.rate, self.model.spec
        a, b = round(kept.start * rate), round(kept.end * rate)
        part = by_name(self.source.read(a, b), self.source.leads, self._leads)
        peaks = self._peaks[(self._peaks >= kept.start) & (self._peaks < kept.end)] - kept.start
        found = aligned_beat(band_limited(part, rate, RATE, spec.band), peaks)
        assert found is not None, "a stretch was judged by beats that are not there"
        return kept.start + float(found.at[int(found.likeness.argmax())]) / RATE


def _row(leads: tuple[str, ...], wanted: str) -> int:
    """Return the row of a lead; one made of others borrows the boundaries of the first limb lead.

    That is -1, of which no waves are known, where there is none.
    """
    here = [canonical(name) for name in leads]
    return next((here.index(n) for n in (wanted, "II", "I", "III") if n in here), -1)
