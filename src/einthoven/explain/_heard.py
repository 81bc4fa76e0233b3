"""The R peaks of a recording as the engine hears them, and what a stage makes of its chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from einthoven.engine.engine import BLOCK_SECONDS, CERTAIN
from einthoven.engine.findings import Quality
from einthoven.inputs.spans import Span, SpanStream
from einthoven.record.record import Signal
from einthoven.record.source import Source
from einthoven.signal.peaks import PeakBlock, PeakStream
from einthoven.signal.quality import usable

Samples = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Takes a chunk, the R peaks that have become final, and the sample before which all are.
Push = Callable[[Signal, Samples, int], None]

UNCERTAIN_PEAK = "the detector is not sure of the R peak"
NOISY = "the signal there is too noisy to judge"


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """What is known of a recording before any model is asked.

    Attributes
    ----------
    samples : (beat,) R peaks.
    certain : (beat,) whether the detector is sure of each.
    quality : which windows can be judged.
    reason : why the recording cannot be judged as a whole; "" where it can.
    """

    samples: Samples
    certain: Flags
    quality: Quality
    reason: str

    def noisy(self, first: Samples, past: Samples) -> npt.NDArray[np.float64]:
        """Return (stretch,) the share of [first, past) that lies in windows too noisy to judge.

        Only windows that end within it count, as in the engine; 0 where there are none.
        """
        a, b = self.quality.starts, self.quality.ends
        inside = (b[None] > first[:, None]) & (b[None] <= past[:, None])
        length = np.where(inside, b[None] - np.maximum(a[None], first[:, None]), 0)
        bad, whole = (length * ~self.quality.good).sum(axis=1), length.sum(axis=1)
        found: npt.NDArray[np.float64] = bad / np.maximum(whole, 1)
        return found

    def judgeable(self, *, live: bool) -> Flags:
        """Return (beat,) whether the window that speaks for each can be judged.

        In review the one it lies in; live the last one that ended before it, if there is one.
        """
        quality = self.quality
        if not len(quality.ends):
            return np.ones(len(self.samples), np.bool_)
        at = np.searchsorted(quality.ends, self.samples, side="right") - live
        last = np.minimum(at, len(quality.ends) - 1)
        return np.asarray(np.where(at < 0, True, quality.good[np.maximum(last, 0)]), np.bool_)


def heard(source: Source, profile: str, push: Push) -> Heard:
    """Feed a stage as the engine does, and return what was heard.

    Its end, where no signal comes but the last peaks do, is a chunk without samples.
    """
    stream = PeakStream(source.rate, source.leads, BLOCK_SECONDS[profile])
    every: list[PeakBlock] = []
    for chunk in source.chunks():
        blocks = stream.push(chunk)
        every += blocks
        push(chunk, _peaks(blocks), every[-1].stop if every else 0)
    blocks = stream.flush()
    every += blocks
    none = np.zeros((len(source.leads), 0), np.float32)
    push(none, _peaks(blocks), every[-1].stop if every else 0)

    nothing = PeakBlock(start=0, stop=0)
    whole = [nothing, *every]
    found = Heard(
        samples=_peaks(every), reason="",
        certain=np.concatenate([b.probabilities for b in whole]) >= CERTAIN,
        quality=Quality(
            starts=np.concatenate([b.quality_starts for b in whole]),
            ends=np.concatenate([b.quality_ends for b in whole]),
            good=np.concatenate([b.quality_good for b in whole]),
            scores=np.concatenate([b.quality_scores for b in whole]).astype(np.float32),
        ),
    )  # fmt: skip
    sound = int((found.judgeable(live=profile == "live") & found.certain).sum())
    good = found.quality.good
    why = usable(
        source.samples / source.rate, len(good), int(good.sum()), len(found.samples), sound
    )[1]
    return replace(found, reason=why or "")


def heard_spans(
    source: Source, profile: str, stream: SpanStream, keep: Callable[[list[Span]], None]
) -> Heard:
    """Feed a stage that cuts spans and hand them on; return what was heard."""

    def push(chunk: Signal, peaks: Samples, until: int) -> None:
        keep(stream.push(chunk, peaks, until) if chunk.shape[1] else stream.flush(peaks))

    return heard(source, profile, push)


def _peaks(blocks: list[PeakBlock]) -> Samples:
    return np.concatenate([np.zeros(0, np.int64), *(b.samples for b in blocks)])
