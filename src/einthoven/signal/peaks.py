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
from einthoven.signal._peaks_join import MEMORY, join, nearest
from einthoven.signal._peaks_mark import CLOSE, REACH, Candidates, Marker
from einthoven.signal._peaks_net import Judge, Unjudged, shipped
from einthoven.signal.blocks import Block, BlockCutter
from einthoven.signal.filters import fill_gaps, median_of_three
from einthoven.signal.quality import SAME, SAME_SHARE, WINDOW, Counts
from einthoven.signal.resample import Resampler

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_RAMP = 0.1  # seconds over which a gap leads to the sample after it
_TOGETHER = 250_000  # samples, with their margins, of blocks that are worked on together
_CUTOFF, _HALF = 32.0, 0.1  # Hz and seconds of the low-pass that leads to the grid


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


@dataclass(frozen=True, eq=False)
class Collected:
    """Blocks of one width, ready to be judged.

    Attributes
    ----------
    signal : (block, lead, time) mV without gaps.
    stretch : the same on the grid.
    found : their candidates.
    """

    signal: Signal
    stretch: front.Stretch
    found: front.Found


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
        # The regression that joins leads is calibrated: there a beat is what is likelier than not.
        self._threshold = self.net.threshold if len(leads) == 1 else 0.0
        unit = min(16, max(8, round(block_seconds * front.GRID)))
        tool = Resampler(rate, front.GRID, cutoff=_CUTOFF, seconds=_HALF, unit=unit)
        self._tool = tool
        if tool.aligned:
            blocks = max(1, round(block_seconds * front.GRID / tool.unit))
            size = blocks * tool.inputs
            self._lead_in = math.ceil(front.BEFORE / tool.unit)
            self._margin = self._lead_in + math.ceil(front.AFTER / tool.unit)
            before = self._lead_in * tool.inputs + tool.half + 1
            end = (self._margin + blocks - 1) * tool.inputs + tool.width + 1
            after = end - before - size + 1
        else:
            size = max(1, round(block_seconds * rate))
            before = math.ceil(front.BEFORE * tool.step) + tool.half + 3
            after = math.ceil(front.AFTER * tool.step) + tool.half + 3
        self._ramp = math.ceil(_RAMP * rate)
        self._hold_back = math.ceil(REACH[len(leads) > 1] * rate)
        # Blocks are worked on together where there are many, of one width, at once.
        width = (before + size + after + self._ramp) * len(leads)
        self._batch = max(1, min(64, _TOGETHER // width)) if tool.aligned else 1
        self._cutter = BlockCutter(len(leads), size, before, after + self._ramp)
        self.latency = (size + after + self._ramp + self._hold_back) / rate
        self._levels = front.Levels(len(leads))
        self._mark = Marker(rate, one_lead(leads))
        self._last = np.full(len(leads), np.nan, np.float32)
        empty = np.zeros((0, len(leads)), np.float32)
        self._past = Candidates(np.full(MEMORY, -(10**6)), np.full((MEMORY, len(leads)), np.nan,
            np.float32), np.zeros((MEMORY, len(leads)), np.float32))  # fmt: skip
        self._past_joint = np.full(MEMORY, -np.inf, np.float32)
        self._none = Candidates(_none(), empty, empty)
        self._waiting = (_none(), _nothing())
        self._stop = 0
        self._windows: dict[int, Counts] = {}
        self._next_window = 0

    def push(self, chunk: Signal) -> list[PeakBlock]:
        """Take (lead, time) mV, NaN where missing; return the blocks that have become final."""
        out: list[PeakBlock] = []
        many: list[Block] = []
        for block in self._cutter.push(chunk):
            many.append(block)
            if len(many) == self._batch:
                out += self._process(many)
                many = []
        return out + self._process(many)

    def flush(self) -> list[PeakBlock]:
        """End the recording; return the blocks that were still waiting."""
        blocks = list(self._cutter.flush())
        return [
            done for b in blocks for done in self._process([self._short(b)], last=b is blocks[-1])
        ]

    def _short(self, block: Block) -> Block:
        """Return a block without most of what lies beyond the recording's end."""
        step = self._tool.inputs if self._tool.aligned else 1
        size = step * math.ceil((block.stop - block.start) / step)
        width = block.data.shape[1] - self._cutter.size + size
        return Block(block.start, block.stop, block.data[:, :width])

    # --- one block ---------------------------------------------------------------------------

    def _grid(self, sample: int) -> int:
        """Return the first grid sample at or after a sample of the record."""
        step = self._tool.step
        return -(-sample * step.denominator // step.numerator)

    def _size(self, block: Block) -> int:
        """Return how many samples a block has between its margins."""
        return int(block.data.shape[1]) - self._cutter.before - self._cutter.after

    def _process(self, blocks: list[Block], *, last: bool = False) -> list[PeakBlock]:
        """Return what blocks of one width say, one after the other.

        What needs no memory is done for all at once; to the bit it is what each alone would give.
        """
        if not blocks:
            return []
        every = self.collect(blocks)
        tops = np.searchsorted(every.found.block, np.arange(len(blocks) + 1))
        # A block without a candidate of its own decides nothing: most of the short ones.
        start = np.array([self._grid(b.start) for b in blocks])
        stop = np.array([self._grid(b.start + self._size(b)) for b in blocks])
        mine = every.found.samples >= start[every.found.block]
        mine &= every.found.samples < stop[every.found.block]
        asked = np.zeros(len(blocks), np.bool_)
        asked[every.found.block[mine]] = True
        of_asked = asked[every.found.block]
        features = np.zeros((len(of_asked), front.FEATURES), np.float32)
        features[of_asked] = front.describe(every.stretch, every.found.where(of_asked))
        plain = self._plain(blocks)
        out = []
        for k, block in enumerate(blocks):
            self._count_samples(block, plain=bool(plain[k]))
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
                best = self._mark.best_near(found) if len(self.leads) > 1 else found
                chosen = best.where(accepted)
                marks = self._mark(
                    every.signal[k], block.start - self._cutter.before, chosen.logits,
                    chosen.places * float(self._tool.step),
                )  # fmt: skip
            # Whether it was a beat is no question where another lead shows the same beat better.
            unsaid = decided & ~self._same(found.samples, joint)
            self._count_beats(found.samples[unsaid], p[unsaid], accepted[unsaid])
            out.append(self._emit(block, marks, p[accepted], last=last))
        return out

    def collect(self, blocks: list[Block]) -> Collected:
        """Return blocks of one width without gaps, on the grid, and their candidates."""
        tool = self._tool
        start = [self._grid(b.start) for b in blocks]
        stop = [self._grid(b.start + self._size(b)) for b in blocks]
        signals, gaps = [], []
        for block in blocks:
            filled, missing = block.data, None
            if not np.isfinite(filled).all():
                filled, missing = fill_gaps(filled, self._last, self._ramp)
                self._remember(block)
            else:
                self._last = block.data[:, self._size(block) - 1].copy()
            signals.append(filled)
            gaps.append(missing)
        x: Signal = signals[0][None] if len(blocks) == 1 else np.stack(signals)
        if self.rate >= 200:
            x = median_of_three(x)
        if tool.aligned:
            origins = np.array(start) - self._lead_in * tool.unit
            y = tool.rows(x[..., 1:], self._margin + self._size(blocks[0]) // tool.inputs)
        else:
            origins = np.array(start) - front.BEFORE
            y = np.stack([
                tool.at(one, b.start - self._cutter.before, a - front.BEFORE, z + front.AFTER)
                for one, b, a, z in zip(x, blocks, start, stop, strict=True)
            ])  # fmt: skip
        stretch = front.stretch(y, origins)
        side = front.REFRACTORY + front.NEAR
        column = start[0] - front.NEAR - int(origins[0])
        levels = np.full((*y.shape[:2], stop[0] - start[0] + front.NEAR + side), np.inf, np.float32)
        lost = []
        for k, block in enumerate(blocks):
            missing, gone, origin = gaps[k], None, int(origins[k])
            if missing is not None:
                at = np.rint((np.arange(y.shape[2]) + origin) * float(tool.step)).astype(np.int64)
                at -= block.start - self._cutter.before
                gone = missing[:, np.clip(at, 0, x.shape[2] - 1)]
            lost.append(gone)
            e = stretch.e[k]
            self._levels.note(e, origin, stop[k] + front.AFTER - 19, gone)
            first = max(0, start[k] - front.NEAR)
            known = self._levels.at(first, stop[k] + side, e, origin)
            levels[k, :, levels.shape[2] - known.shape[1] :] = known
            self._levels.forget(start[k])
        found = front.candidates(stretch, column, levels)
        if any(gone is not None for gone in lost):
            keep = np.ones(len(found.samples), np.bool_)
            for k, gone in enumerate(lost):
                if gone is not None:
                    here = found.block == k
                    keep[here] = ~gone[found.lead[here], found.samples[here] - origins[k]]
            found = found.where(keep)
        return Collected(x, stretch, found)

    def _remember(self, block: Block) -> None:
        """Keep each lead's last sample before the next block's window."""
        piece = block.data[:, : self._size(block)]
        seen = np.isfinite(piece)
        for k, row in enumerate(seen):
            if row[-1]:
                self._last[k] = piece[k, -1]
            elif row.any():
                self._last[k] = piece[k, np.flatnonzero(row)[-1]]

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

    def _plain(self, blocks: list[Block]) -> npt.NDArray[np.bool_]:
        """Return which blocks have no missing sample and too few unchanging ones to count."""
        before = self._cutter.before
        size = self._size(blocks[0])
        pieces = [b.data[:, before : before + size] for b in blocks]
        x = pieces[0][None] if len(blocks) == 1 else np.stack(pieces)
        same = np.abs(x[..., 1:] - x[..., :-1]) < SAME
        share = np.count_nonzero(same, axis=(1, 2)) <= SAME_SHARE * same[0].size
        found: npt.NDArray[np.bool_] = share & np.isfinite(x.sum(axis=(1, 2), dtype=np.float64))
        return found

    def _count_samples(self, block: Block, *, plain: bool) -> None:
        """Add the block's samples to the quality windows it touches."""
        before = self._cutter.before
        a = block.start
        while a < block.stop:
            window = math.floor(a / (WINDOW * self.rate) + 1e-9)
            b = min(block.stop, self._window_edge(window + 1))
            counts = self._window(window)
            if plain and b - a == self._size(block):
                counts.samples += b - a
            else:
                piece = block.data[:, a - block.start + before : b - block.start + before]
                counts.add_samples(piece)
            a = b

    def _count_beats(self, samples: Ints, p: Floats, accepted: npt.NDArray[np.bool_]) -> None:
        """Add candidates to the quality windows they lie in."""
        at = samples // (WINDOW * front.GRID)
        for window in sorted(set(at.tolist())):
            counts = self._window(window)
            here = at == window
            counts.accepted += int((here & accepted).sum())
            counts.sum_accepted += float(p[here & accepted].sum())
            counts.sum_rejected += float(p[here & ~accepted].sum())

    def _window(self, window: int) -> Counts:
        if window not in self._windows:
            self._windows[window] = Counts.empty(len(self.leads))
        return self._windows[window]

    def _window_edge(self, window: int) -> int:
        return math.ceil(window * WINDOW * self.rate - 1e-6)

    def _emit(self, block: Block, marks: Ints, p: Floats, *, last: bool) -> PeakBlock:
        """Return what is final: marks may still move by `REACH` seconds across the block's end."""
        if not len(marks) and not len(self._waiting[0]) and not last:
            stop = max(self._stop, block.stop - self._hold_back)
            if self._window_edge(self._next_window + 1) > stop:
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
        starts, ends, scores, good = [], [], [], []
        while self._next_window in self._windows:
            a = self._window_edge(self._next_window)
            b = self._window_edge(self._next_window + 1)
            if b > stop and not last:
                break
            counts = self._windows.pop(self._next_window)
            b = min(b, block.stop)
            starts.append(a)
            ends.append(b)
            scores.append(counts.score((b - a) / self.rate))
            good.append(counts.good((b - a) / self.rate))
            self._next_window += 1
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
    stream = PeakStream(rate, names, 64.0, Unjudged())
    parts: list[list[tuple[Ints, Floats]]] = [[] for _ in names]
    for block in [*stream._cutter.push(signal), *stream._cutter.flush()]:
        every = stream.collect([block])
        start = stream._grid(block.start)
        stop = stream._grid(block.start + stream._cutter.size)
        samples = every.found.samples
        mine = (samples >= start) & (samples < stop)
        for k in range(len(names)):
            own = every.found.where(mine & (every.found.lead == k))
            parts[k].append((own.samples, front.describe(every.stretch, own)))
    none = (_none(), np.zeros((0, front.FEATURES), np.float32))
    joined = [
        (np.concatenate([none[0], *(a for a, _ in part)]),
         np.concatenate([none[1], *(b for _, b in part)])) for part in parts
    ]  # fmt: skip
    return float(stream._tool.step), joined
