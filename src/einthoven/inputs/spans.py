"""Spans: stretches of signal that are judged as a whole, cut at absolute samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.record import Signal

Samples = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """One stretch, and what is looked at to judge it.

    Attributes
    ----------
    start, end : samples of the recording, [start, end): what the answer speaks of.
    first : sample of the recording at which `signal` begins; before `start` only where a short
        end of a stream is judged together with what came before it.
    signal : (lead, time) mV, up to `end`.
    peaks : (beat,) R peaks in it, samples counted from `first`.
    """

    start: int
    end: int
    first: int
    signal: Signal
    peaks: Samples


class SpanStream:
    """Cuts a signal that arrives in pieces into spans; they do not depend on the pieces.

    Memory is bounded by the spans, and by how far the R peaks lag behind the signal.

    Parameters
    ----------
    rate : Hz.
    leads : rows of the signal.
    seconds : of a span. Span k begins at sample ``round(k * seconds * rate)``.
    whole : a recording of at most so many seconds is one span; 0 where nothing may wait for that.
    shortest : an end shorter than so many seconds is part of the span before it. Where `whole` is
        0 that span has been answered already: the end is then a span of its own, judged on the
        last `seconds` of the recording.
    """

    def __init__(
        self, rate: float, leads: int, *, seconds: float, whole: float, shortest: float
    ) -> None:
        self._rate, self._seconds = rate, seconds
        self._whole = int(np.floor(whole * rate))
        self._hold = round(shortest * rate) if whole else 0
        self._pieces: list[Signal] = [np.zeros((leads, 0), np.float32)]
        self._peaks: Samples = np.zeros(0, np.int64)
        self._base = self._seen = self._next = 0

    def push(self, chunk: Signal, peaks: Samples, until: int) -> list[Span]:
        """Return the spans that are complete.

        Parameters
        ----------
        chunk : (lead, time) mV that has arrived.
        peaks : (beat,) R peaks that have become certain, samples of the recording, rising.
        until : all R peaks before this sample are known.
        """
        self._take(chunk, peaks)
        found = []
        while self._seen > self._whole:
            end = self._at(self._next + 1)
            if end > until or end + self._hold > self._seen:
                break
            found.append(self._span(self._at(self._next), end))
        return found

    def flush(self, peaks: Samples) -> list[Span]:
        """End the recording; return the spans that are left."""
        self._take(self._pieces[0][:, :0], peaks)
        found = []
        while self._seen > self._whole and (end := self._at(self._next + 1)) < self._seen:
            if end + self._hold > self._seen:
                break
            found.append(self._span(self._at(self._next), end))
        start = self._at(self._next)
        if start < self._seen:
            found.append(self._span(start, self._seen))
        return found

    def _at(self, index: int) -> int:
        return round(index * self._seconds * self._rate)

    def _take(self, chunk: Signal, peaks: Samples) -> None:
        self._pieces.append(chunk)
        self._seen += chunk.shape[1]
        self._peaks = np.concatenate([self._peaks, peaks])

    def _span(self, start: int, end: int) -> Span:
        whole = np.concatenate(self._pieces, axis=1)
        first = min(start, max(self._base, end - self._at(1)))
        inside = (self._peaks >= first) & (self._peaks < end)
        span = Span(
            start=start, end=end, first=first, peaks=self._peaks[inside] - first,
            signal=whole[:, first - self._base : end - self._base],
        )  # fmt: skip
        self._next += 1
        # The last span may have to look back at this one.
        keep = max(self._base, self._at(self._next) - self._at(1))
        self._pieces = [whole[:, keep - self._base :]]
        self._peaks = self._peaks[self._peaks >= keep]
        self._base = keep
        return span
