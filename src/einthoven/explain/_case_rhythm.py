"""Spans of rhythm as cases.

The numbers of a span describe what the waves show: they are taken away with them and become those
of a usual span in normal rhythm (`Card.usual`), each number by itself. Parts of waves are those of
all beats of the span. The second row of the window says where the lead is known; it is no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from einthoven.engine._whole import NOISE, in_order, rhythm_spans, speaking
from einthoven.explain._case import Array, Case
from einthoven.explain._choice import Cases
from einthoven.explain._heard import NOISY, heard_spans
from einthoven.explain._model import Logits, Model
from einthoven.explain._parts import of_slices, of_waves
from einthoven.explain._waves import bounds, delineated, labelled, neighbours, stretches
from einthoven.inputs.rhythm_span import SHORTEST, span_inputs
from einthoven.inputs.spans import Span
from einthoven.record.errors import DataError
from einthoven.record.source import Source
from einthoven.signal.rhythm import names as rhythm_names

_HALF = 0.5  # of a span, from which on it is too noisy to judge
KNOWN = "known"  # the row of the window that says where the lead is


@dataclass(frozen=True, kw_only=True, eq=False)
class _Kept:
    """A span that is judged: where it stands, who speaks for it and what is eaten."""

    start: int
    end: int
    first: int
    row: int
    lead: Array
    side: Array


class RhythmCases(Cases):
    """The spans of a recording whose rhythm is told; see `Cases`."""

    word = "span"

    def __init__(self, model: Model, source: Source, profile: str) -> None:
        super().__init__(model, source, profile)
        rate, leads = source.rate, source.leads
        stream = rhythm_spans(rate, leads, live=profile == "live")
        order = in_order(leads)
        self._kept: list[_Kept] = []

        def keep(spans: list[Span]) -> None:
            for span in spans:
                row = speaking(span, rate, order)
                if span.signal.shape[1] < SHORTEST * rate or row is None:
                    continue
                lead, side = span_inputs(span.signal[row], rate, span.peaks, model.spec)
                side = side if model.spec.side else side[:0]
                self._kept.append(
                    _Kept(
                        start=span.start, end=span.end, first=span.first, row=row, lead=lead,
                        side=side,
                    )
                )  # fmt: skip

        self.heard = heard_spans(source, profile, stream, keep)
        self._peaks = self.heard.samples / rate
        if not self._kept:
            fault = f"is shorter than {SHORTEST:g} s, or all its leads are flat or missing"
            raise DataError(f"record {source.name}", fault, "Give a longer ECG")

    def _unheard(self) -> list[str]:
        """Return why the signal does not bear each answer; see `Cases`."""
        first, past = np.array([self.place(k) for k in range(len(self))], np.int64).T
        said = self.probabilities.argmax(axis=1)
        noise = [self.model.classes[k] == NOISE for k in said.tolist()]
        bad = self.heard.noisy(first, past) > _HALF
        # That it is noise can be told of noise.
        return [NOISY if b and not n else "" for b, n in zip(bad.tolist(), noise, strict=True)]

    def __len__(self) -> int:
        """Return how many spans there are."""
        return len(self._kept)

    def place(self, number: int) -> tuple[int, int]:
        """Return where an item is; see `Cases`."""
        return self._kept[number].start, self._kept[number].end

    def _logits(self) -> Logits:
        each = [
            self.model.logits({"window": k.lead[None], "side": k.side[None, None]})
            for k in self._kept
        ]
        return np.concatenate(each)

    def __getitem__(self, number: int) -> Case:
        """Return a span, counted from 0."""
        kept, source, spec = self._kept[self.checked(number)], self.source, self.model.spec
        start, end = kept.first / source.rate, kept.end / source.rate
        inside = np.flatnonzero((self._peaks >= start) & (self._peaks < end))
        found = delineated(source, start, end, self._peaks)
        beats = [
            bounds(float(self._peaks[k]), *neighbours(self._peaks, int(k)), found, kept.row)
            for k in inside
        ]
        time = kept.lead.shape[1]
        labels = labelled([beats], time, start, spec.rate)
        least = round(spec.window[1] * spec.rate)
        window = np.pad(kept.lead, ((0, 0), (0, max(0, least - time))))
        padded = np.pad(labels, ((0, 0), (0, window.shape[1] - time)), constant_values=-1)
        lead, names = source.leads[kept.row], rhythm_names() if spec.side else ()
        parts = {
            "waves": of_waves(
                padded, window.shape, names, "rhythm", stretches(labels, (lead,), start, spec.rate)
            ),
            "slices": of_slices(window.shape, (lead,), names, start, spec.rate),
        }
        return Case(
            record=source.name,
            what=f"span {number} from {kept.start / source.rate:.1f} to {end:.1f} s",
            window=window, side=kept.side[None], row=0, names=names,
            reference=usual(self.model, names, kept.side), start=start, rate=spec.rate,
            leads=(lead, KNOWN), r_peaks=self._peaks[inside], parts=parts,
        )  # fmt: skip


def usual(model: Model, names: tuple[str, ...], own: Array) -> Array:
    """Return (number,) what stands in for numbers; those that nobody knows stay as they are."""
    found = [model.usual.get(name, value) for name, value in zip(names, own.tolist(), strict=True)]
    return np.array(found, np.float32)
