"""R peaks and quality: one or several leads, any rate, any chunks.

An envelope of the 7-24 Hz band proposes candidates, a net of a few thousand weights judges each by
the shape under it and by what stands around it, and the mark is then set where the signal itself
deviates most. After the idea of an energy transform and adaptive level (Pan, Tompkins 1985,
10.1109/TBME.1985.325532); the level here is a percentile of past maxima, and a net takes the place
of the rules. Differs from that paper in all else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.record.leads import one_lead
from einthoven.record.record import Signal
from einthoven.signal import _peaks_front as front
from einthoven.signal._peaks_collect import Collector
from einthoven.signal._peaks_join import MEMORY, join, nearest
from einthoven.signal._peaks_mark import CLOSE, REACH, Candidates, Marker
from einthoven.signal._peaks_net import Judge, shipped
from einthoven.signal._peaks_windows import Windows, plain
from einthoven.signal.blocks import Block

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _nothing() -> Floats:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class PeakBlock:
    """All R peaks in [start, stop), and the quality windows that ended by `stop`.

    Attributes
    ----------
    start, stop : samples of the record's own rate.
    samples : (peak,) int64, increasing.
    probabilities : (peak,) float32 that each is a beat.
    quality_starts, quality_ends : (window,) int64 samples.
    quality_scores : (window,) float32, 0 to 1.
    quality_good : (window,) whether the window can be judged.
    """

    start: int
    stop: int
    samples: Ints = field(default_factory=_none)
    probabilities: Floats = field(default_factory=_nothing)
    quality_starts: Ints = field(default_factory=_none)
    quality_ends: Ints = field(default_factory=_none)
    quality_scores: Floats = field(default_factory=_nothing)
    quality_good: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))


class PeakStream:
    """Finds the R peaks of one recording, piece by piece.

    The peaks are a function of blocks at absolute samples and of nothing else, so they are the
    same to the bit however the signal is cut. A peak is final `latency` seconds after it at most.

    Parameters
    ----------
    rate : Hz of the signal pushed, 60 or more.
    leads : names of its rows.
    block_seconds : length of the blocks: 0.1 for the quickest answer, 256 for the quickest run.
    net : the judge of candidates; the shipped one if not given.

    Raises
    ------
    UsageError : no leads, or a rate below 60 Hz.
    """

    def __init__(
        self, rate: float, leads: tuple[str, ...], block_seconds: float, net: Judge | None = None
    ) -> None:
        if not leads:
            raise UsageError("peaks", "there is no lead", "Give at least one")
        if not 60 <= rate <= 100_000:
            raise UsageError("peaks", f"the rate is {rate} Hz", "Give 60 Hz or more")
        self.rate, self.leads = rate, leads
        self.net = net or shipped()
        # Several leads have the threshold of one: at the middle of the regression that joins them
        # three beats are missed for each that is invented (docs/rpeaks.md).
        self._threshold = self.net.threshold
        self._collector = Collector(rate, len(leads), block_seconds)
        self._step = float(self._collector.tool.step)
        self._hold_back = math.ceil(REACH[len(leads) > 1] * rate)
        self.latency = (self._collector.wait + self._hold_back) / rate
        self._mark = Marker(rate, one_lead(leads))
        empty = np.zeros((0, len(leads)), np.float32)
        self._past = Candidates(np.full(MEMORY, -(10**6)), np.full((MEMORY, len(leads)), np.nan,
            np.float32), np.zeros((MEMORY, len(leads)), np.float32))  # fmt: skip
        self._past_joint = np.full(MEMORY, -np.inf, np.float32)
        self._none = Candidates(_none(), empty, empty)
        self._waiting = (_none(), _nothing())
        self._stop = 0
        self._windows = Windows(rate, len(leads))

    def push(self, chunk: Signal) -> list[PeakBlock]:
        """Take (lead, time) mV, NaN where missing; return the blocks that have become final."""
        return [done for some in self._collector.push(chunk) for done in self._process(some)]

    def flush(self) -> list[PeakBlock]:
        """End the recording; return the blocks that were still waiting."""
        blocks = [self._collector.short(block) for block in self._collector.flush()]
        return [done for b in blocks for done in self._process([b], last=b is blocks[-1])]

    # --- one block ---------------------------------------------------------------------------

    def _process(self, blocks: list[Block], *, last: bool = False) -> list[PeakBlock]:
        """Return what blocks of one width say, one after the other.

        What needs no memory is done for all at once; to the bit it is what each alone would give.
        """
        every = self._collector.collect(blocks)
        tops = np.searchsorted(every.found.block, np.arange(len(blocks) + 1))
        # A block without a candidate of its own decides nothing: most of the short ones.
        start, stop = every.start, every.stop
        mine = every.found.samples >= start[every.found.block]
        mine &= every.found.samples < stop[every.found.block]
        asked = np.zeros(len(blocks), np.bool_)
        asked[every.found.block[mine]] = True
        of_asked = asked[every.found.block]
        features = np.zeros((len(of_asked), front.FEATURES), np.float32)
        features[of_asked] = front.describe(every.stretch, every.found.where(of_asked))
        before = self._collector.before
        size = self._collector.size(blocks[0])
        sound = plain([b.data[:, before : before + size] for b in blocks])
        out = []
        for k, block in enumerate(blocks):
            own = block.data[:, before : before + block.stop - block.start]
            self._windows.add_samples(block.start, own, plain=sound[k])
            if not asked[k]:
                self._forget(self._past, self._past_joint, int(stop[k]))
                out.append(self._emit(block, _none(), _nothing(), last=last))
                continue
            part = slice(int(tops[k]), int(tops[k + 1]))
            found, joint, decided = self._judge(
                int(start[k]), int(stop[k]), every.found.where(part), features[part]
            )
            accepted = self._accept(found.samples, joint, decided)
            p: Floats = (1 / (1 + np.exp(-np.clip(joint, -30, 30)))).astype(np.float32)
            marks = _none()
            if accepted.any():
                best = found
                if len(self.leads) > 1:
                    best = self._mark.best_near(found, joint > self._threshold)
                chosen = best.where(accepted)
                marks = self._mark(
                    every.signal[k], block.start - before, chosen.logits,
                    chosen.places * self._step,
                )  # fmt: skip
            # Whether it was a beat is no question where another lead shows the same beat better.
            unsaid = decided & ~self._same(found.samples, joint)
            self._windows.add_candidates(found.samples[unsaid], p[unsaid], accepted[unsaid])
            out.append(self._emit(block, marks, p[accepted], last=last))
        return out

    def _judge(
        self, start: int, stop: int, found: front.Found, features: Floats
    ) -> tuple[Candidates, Floats, npt.NDArray[np.bool_]]:
        """Return the candidates of a block with the last ones before it, joint logits, and which
        of them the block, the grid samples [start, stop), decides.
        """
        leads = len(self.leads)
        edges = np.searchsorted(found.lead, np.arange(leads + 1)).tolist()
        parts = [slice(a, b) for a, b in pairwise(edges)]
        judged = []
        for part in parts:
            samples = found.samples[part]
            z, offset = self.net(features[part])
            place: Floats = (samples + front.OFFSET * offset).astype(np.float64)
            judged.append((samples, z, place))
        if leads == 1:
            at, z, place = judged[0]
            keep = (at >= start) & (at < stop + front.REFRACTORY)
            new = Candidates(at[keep], z[keep, None], place[keep, None])
        else:
            own = {k: (found.samples[part], found.ratios[part]) for k, part in enumerate(parts)}
            samples, _ = front.alone(own, start, stop + front.REFRACTORY)
            logits = np.full((len(samples), leads), np.nan, np.float32)
            places = np.zeros_like(logits)
            for k, (at, z, place) in enumerate(judged):
                nearest(samples, at, z, place, logits[:, k], places[:, k])
            new = Candidates(samples, logits, places)
        every = self._past + new
        if leads == 1:
            joint = every.logits[:, 0].copy()
        else:
            joint = np.concatenate([self._past_joint, join(every.logits, self.net.join)[
                len(self._past.samples) - MEMORY :]])  # fmt: skip
        decided = (every.samples >= start) & (every.samples < stop)
        self._forget(every, joint, stop)
        return every, joint, decided

    def _forget(self, every: Candidates, joint: Floats, stop: int) -> None:
        """Keep of the candidates before grid sample `stop` those that later ones are held to."""
        past = int(np.searchsorted(every.samples, stop))
        near = int(np.searchsorted(every.samples, stop - front.REFRACTORY))
        keep = slice(max(0, min(past - MEMORY, near)), past)
        if keep != slice(0, len(self._past.samples)) or every is not self._past:
            self._past, self._past_joint = every.where(keep), joint[keep]

    def _accept(
        self, samples: Ints, joint: Floats, decided: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Return which of the decided candidates stand as R peaks."""
        z = np.where(joint > self._threshold, joint, -np.inf)
        keep = np.isfinite(z)
        for shift in (1, 2, 3):
            if len(samples) <= shift:
                break
            close = samples[shift:] - samples[:-shift] <= front.REFRACTORY
            earlier = z[:-shift] >= z[shift:]
            keep[shift:] &= ~(close & earlier & np.isfinite(z[:-shift]))
            keep[:-shift] &= ~(close & ~earlier)
        return keep & decided

    def _same(self, samples: Ints, joint: Floats) -> npt.NDArray[np.bool_]:
        """Return which candidates are a beat that another lead shows more plainly close by.

        A wide QRS has its steepest part at another moment in each lead, and by more than the reach
        within which candidates of several leads are one.
        """
        same = np.zeros(len(samples), np.bool_)
        if len(self.leads) == 1:
            return same
        z = np.where(joint > self._threshold, joint, -np.inf)
        for shift in (1, 2):
            close = np.isfinite(z[shift:]) & np.isfinite(z[:-shift])
            close &= samples[shift:] - samples[:-shift] <= CLOSE
            same[:-shift] |= close & (z[shift:] > z[:-shift])
            same[shift:] |= close & (z[:-shift] >= z[shift:])
        return same

    # --- what comes out ----------------------------------------------------------------------

    def _emit(self, block: Block, marks: Ints, p: Floats, *, last: bool) -> PeakBlock:
        """Return what is final: marks may still move by `REACH` seconds across the block's end."""
        if not len(marks) and not len(self._waiting[0]) and not last:
            stop = max(self._stop, block.stop - self._hold_back)
            if not self._windows.due(stop):
                start, self._stop = self._stop, stop
                return PeakBlock(start=start, stop=stop)
        marks = np.concatenate([self._waiting[0], marks])
        p = np.concatenate([self._waiting[1], p])
        order = np.argsort(marks, kind="stable")
        marks, p = marks[order], p[order]
        fresh = np.diff(marks, prepend=-1) > 0
        marks, p = marks[fresh], p[fresh]
        start = self._stop
        stop = block.stop if last else max(start, block.stop - self._hold_back)
        marks = np.clip(marks, start, block.stop - 1) if last else np.maximum(marks, start)
        final = marks < stop
        self._waiting = (marks[~final], p[~final])
        self._stop = stop
        ended = self._windows.ended(stop, block.stop if last else None)
        starts, ends, scores, good = zip(*ended, strict=True) if ended else ((), (), (), ())
        return PeakBlock(
            start=start, stop=stop, samples=marks[final], probabilities=p[final],
            quality_starts=np.array(starts, np.int64), quality_ends=np.array(ends, np.int64),
            quality_scores=np.array(scores, np.float32), quality_good=np.array(good, np.bool_),
        )  # fmt: skip


def find_peaks(
    signal: Signal, rate: float, leads: tuple[str, ...], net: Judge | None = None
) -> PeakBlock:
    """Return all R peaks and quality windows of `signal` (lead, time), mV, NaN where missing.

    Raises
    ------
    UsageError : as `PeakStream`.
    """
    signal = np.atleast_2d(np.asarray(signal, np.float32))
    stream = PeakStream(rate, leads, 256.0, net)
    blocks = [*stream.push(signal), *stream.flush()]
    if not blocks:
        return PeakBlock(start=0, stop=0)
    return PeakBlock(
        start=0, stop=blocks[-1].stop,
        **{
            name: np.concatenate([getattr(b, name) for b in blocks])
            for name in (
                "samples", "probabilities", "quality_starts", "quality_ends", "quality_scores",
                "quality_good",
            )
        },
    )  # fmt: skip


def describe_candidates(signal: Signal, rate: float) -> tuple[float, list[tuple[Ints, Floats]]]:
    """Return what the net is asked about: for training, by the very code that asks it in use.

    Parameters
    ----------
    signal : (lead, time) mV; each lead is described by itself.

    Returns
    -------
    step : samples of the record a grid sample.
    leads : for each lead (candidate,) grid samples and (candidate, feature) numbers.
    """
    signal = np.atleast_2d(np.asarray(signal, np.float32))
    names = tuple(f"L{k}" for k in range(len(signal)))
    collector = Collector(rate, len(names), 64.0)
    parts: list[list[tuple[Ints, Floats]]] = [[] for _ in names]
    for block in [*(b for some in collector.push(signal) for b in some), *collector.flush()]:
        every = collector.collect([block])
        samples = every.found.samples
        mine = (samples >= every.start[0]) & (samples < every.stop[0])
        for k in range(len(names)):
            own = every.found.where(mine & (every.found.lead == k))
            parts[k].append((own.samples, front.describe(every.stretch, own)))
    none = (_none(), np.zeros((0, front.FEATURES), np.float32))
    joined = [
        (np.concatenate([none[0], *(a for a, _ in part)]),
         np.concatenate([none[1], *(b for _, b in part)])) for part in parts
    ]  # fmt: skip
    return float(collector.tool.step), joined
