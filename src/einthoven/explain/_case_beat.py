"""Beats as cases: what `InputStream` gives of each, with its neighbours where a model eats them.

Side numbers that are taken away become the median over the patient's beats in this recording, so
what is left is the patient's usual beat. Where premature beats outnumber the others, the usual beat
is premature, and nothing but the neighbours tells it from the others. The numbers of neighbours
stay: they are not this beat's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from einthoven.explain._case import Array, Case
from einthoven.explain._choice import Cases
from einthoven.explain._heard import NOISY, UNCERTAIN_PEAK, Samples, heard
from einthoven.explain._model import Logits, Model
from einthoven.explain._parts import of_slices, of_waves
from einthoven.explain._waves import bounds, delineated, labelled, neighbours, stretches
from einthoven.inputs import InputStream, side_names
from einthoven.record.errors import DataError, UsageError
from einthoven.record.leads import fits_one_lead, lead_rows
from einthoven.record.record import Signal
from einthoven.record.source import Source

_BATCH = 256
_OTHERS = 20  # other beats that parts can be taken from
_SHOWN = (0.4, 0.6)  # seconds around R that are drawn of a beat whose wave is not eaten


class BeatCases(Cases):
    """The beats of a recording; see `Cases`.

    Attributes
    ----------
    samples : (beat,) R peaks, as `analyze` lists them.
    reference : (number,) the patient's usual numbers.
    """

    word = "beat"

    def __init__(self, model: Model, source: Source, profile: str) -> None:
        super().__init__(model, source, profile)
        spec = model.spec
        if len(spec.leads) > 1:
            fault = f"eats {len(spec.leads)} leads, and beats are explained in one"
            raise UsageError(model.name, fault, "Name a model of one lead")
        (self._row,) = lead_rows(spec.leads, source.leads, source.path)
        where = f"record {source.name}"
        stream = InputStream(
            replace(spec, neighbours=(0, 0)), source.rate, source.leads, where=source.path
        )
        if spec.leads == ("one",) and not fits_one_lead(source.leads[self._row]):
            fault = f"is of lead {source.leads[self._row]}, which {model.name!r} was not made for"
            raise DataError(where, fault, "Give lead II or one like it")
        given = []

        def push(chunk: Signal, peaks: Samples, until: int) -> None:
            given.extend(stream.push(chunk, peaks, until))

        self.heard = heard(source, profile, push)
        given += stream.flush()
        if not sum(len(g.samples) for g in given):
            raise DataError(where, "has no heartbeat that could be explained", "Give an ECG")
        self.samples = np.concatenate([g.samples for g in given])
        self._window = np.concatenate([g.window for g in given])
        self._side = np.concatenate([g.side for g in given])
        self._names = side_names(spec)
        self.reference = np.median(self._side, axis=0).astype(np.float32)

    def _unheard(self) -> list[str]:
        """Return why the signal does not bear each answer; see `Cases`."""
        known = np.searchsorted(self.heard.samples, self.samples)
        clean = self.heard.judgeable(live=self.profile == "live")[known]
        return [
            NOISY if not c else UNCERTAIN_PEAK if not s else ""
            for c, s in zip(clean.tolist(), self.heard.certain[known].tolist(), strict=True)
        ]

    def __len__(self) -> int:
        """Return how many beats there are."""
        return len(self.samples)

    def _rows(self, beats: Samples) -> Array:
        """Return (beat, row, number) the numbers of beats, each among its neighbours.

        At the ends of a recording its first and its last beat are repeated.
        """
        before, after = self.model.spec.neighbours
        at = beats[:, None] + np.arange(-before, after + 1)
        rows: Array = self._side[np.clip(at, 0, len(self) - 1)]
        return rows

    def place(self, number: int) -> tuple[int, int]:
        """Return where an item is; see `Cases`."""
        sample = int(self.samples[number])
        return sample, sample

    def _logits(self) -> Logits:
        found = []
        for first in range(0, len(self), _BATCH):
            beats = np.arange(first, min(first + _BATCH, len(self)))
            inputs = {"window": self._window[beats], "side": self._rows(beats)}
            found.append(self.model.logits(inputs))
        return np.concatenate(found)

    def __getitem__(self, number: int) -> Case:
        """Return a beat, counted from 0."""
        spec, source = self.model.spec, self.source
        number = self.checked(number)
        place = np.floor(self.samples * (spec.rate / source.rate) + 0.5) / spec.rate
        window = self._window[number]
        before, length = (round(s * spec.rate) for s in (spec.window[0], sum(spec.window)))
        if not window.shape[1]:
            before, length = (round(s * spec.rate) for s in (_SHOWN[0], sum(_SHOWN)))
        start = float(place[number]) - before / spec.rate
        end = start + length / spec.rate
        found = delineated(source, start, end, self.samples / source.rate)
        own = bounds(float(place[number]), *neighbours(place, number), found, self._row)
        labels = labelled([[own]], length, start, spec.rate)
        lead = source.leads[self._row]
        parts = {
            "waves": of_waves(
                labels, window.shape, self._names, "beat",
                stretches(labels, (lead,), start, spec.rate),
            )
        }  # fmt: skip
        if window.shape[1]:
            parts["slices"] = of_slices(window.shape, (lead,), self._names, start, spec.rate)
        at, others = self.samples[number] / source.rate, self._others(number)
        return Case(
            record=source.name, what=f"beat {number} at {at:.2f} s", window=window,
            side=self._rows(np.array([number]))[0], row=spec.neighbours[0], names=self._names,
            reference=self.reference, start=start, rate=spec.rate, leads=(lead,),
            r_peaks=place[(place >= start) & (place < end)], parts=parts,
            others=self._window[others] if len(others) else None,
            others_side=self._side[others] if len(others) else None,
        )  # fmt: skip

    def _others(self, number: int) -> Samples:
        """Return some other beats of the recording, the same for the same beat."""
        rest = np.delete(np.arange(len(self)), number)
        generator = np.random.default_rng(number)
        return generator.choice(rest, min(_OTHERS, len(rest)), replace=False)
