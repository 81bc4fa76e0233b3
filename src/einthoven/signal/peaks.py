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
from einthoven.signal.quality import WINDOW, Counts
from einthoven.signal.resample import Resampler

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_RAMP = 0.1  # seconds over which a gap leads to the sample after it
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
        return [self._process(block, last=False) for block in self._cutter.push(chunk)]

    def flush(self) -> list[PeakBlock]:
        """End the recording; return the blocks that were still waiting."""
        blocks = list(self._cutter.flush())
        return [self._process(self._short(b), last=b is blocks[-1]) for b in blocks]

    def _short(self, block: Block) -> Block:
        """Return a block without most of what lies beyond the recording's end."""
        step = self._tool.inputs if self._tool.aligned else 1
        size = step * math.ceil((block.stop - block.start) / step)
        width = block.data.shape[1] - self._cutter.size + size
        return Block(block.start, block.stop, block.data[:, :width])

    # --- one block ---------------------------------------------------------------------------

    def _grid(self, sample: int) -> int:
        """Return the first grid sample at or after a sample of the record."""
        return math.ceil(sample / self._tool.step)

    def _size(self, block: Block) -> int:
        """Return how many samples a block has between its margins."""
        return int(block.data.shape[1]) - self._cutter.before - self._cutter.after

    def _process(self, block: Block, *, last: bool) -> PeakBlock:
        filled, found, joint, decided = self._judge(block)
        accepted = self._accept(found.samples, joint, decided)
        p: Floats = (1 / (1 + np.exp(-np.clip(joint, -30, 30)))).astype(np.float32)
        origin = block.start - self._cutter.before
        if len(self.leads) > 1:
            found = self._mark.best_near(found)
        chosen = found.where(accepted)
        marks = self._mark(filled, origin, chosen.logits, chosen.places * float(self._tool.step))
        # Whether it was a beat is no question where another lead shows the same beat more plainly.
        asked = decided & ~self._same(found.samples, joint)
        self._count(block, found.samples[asked], p[asked], accepted[asked])
        return self._emit(block, marks, p[accepted], last=last)

    def collect(self, block: Block) -> tuple[Signal, front.Stretch, list[tuple[Ints, Floats]]]:
        """Return the block without gaps, its stretch on the grid, and each lead's candidates."""
        x, tool = block.data, self._tool
        missing = None
        if not np.isfinite(x).all():
            x, missing = fill_gaps(x, self._last, self._ramp)
        self._remember(block)
        if self.rate >= 200:
            x = median_of_three(x)
        start = self._grid(block.start)
        stop = self._grid(block.start + self._size(block))
        if tool.aligned:
            origin = start - self._lead_in * tool.unit
            y = tool.rows(x[:, 1:], self._margin + self._size(block) // tool.inputs)
        else:
            origin = start - front.BEFORE
            y = tool.at(x, block.start - self._cutter.before, origin, stop + front.AFTER)
        stretch = front.stretch(y, origin)
        gone = None
        if missing is not None:
            at = np.rint((np.arange(y.shape[1]) + origin) * float(tool.step)).astype(np.int64)
            at -= block.start - self._cutter.before
            gone = missing[:, np.clip(at, 0, x.shape[1] - 1)]
        self._levels.note(stretch, stop + front.AFTER - 19, gone)
        first = max(0, start - front.NEAR)
        end = stop + front.REFRACTORY + front.NEAR
        levels = self._levels.at(first, end, stretch)
        self._levels.forget(start)
        out = []
        for k in range(len(self.leads)):
            got = front.candidates(stretch.e[k], origin, first, end, levels[k])
            if gone is not None and len(got[0]):
                keep = ~gone[k, got[0] - origin]
                got = got[0][keep], got[1][keep]
            out.append(got)
        return x, stretch, out

    def _remember(self, block: Block) -> None:
        """Keep each lead's last sample before the next block's window."""
        piece = block.data[:, : self._size(block)]
        seen = np.isfinite(piece)
        for k, row in enumerate(seen):
            if row[-1]:
                self._last[k] = piece[k, -1]
            elif row.any():
                self._last[k] = piece[k, np.flatnonzero(row)[-1]]

    def _judge(self, block: Block) -> tuple[Signal, Candidates, Floats, npt.NDArray[np.bool_]]:
        """Return the filled block, its candidates with the last ones before it, joint logits,
        and which of them this block decides."""
        x, stretch, own = self.collect(block)
        start = self._grid(block.start)
        stop = self._grid(block.start + self._size(block))
        judged = []
        for k, (samples, ratios) in enumerate(own):
            z, offset = self.net(front.describe(stretch, k, samples, ratios))
            place: Floats = (samples + front.OFFSET * offset).astype(np.float64)
            judged.append((samples, z, place))
        if len(own) == 1:
            keep = (own[0][0] >= start) & (own[0][0] < stop + front.REFRACTORY)
            at, z, place = judged[0]
            new = Candidates(at[keep], z[keep, None], place[keep, None])
        else:
            samples, _ = front.alone(dict(enumerate(own)), start, stop + front.REFRACTORY)
            logits = np.full((len(samples), len(own)), np.nan, np.float32)
            places = np.zeros_like(logits)
            for k, (at, z, place) in enumerate(judged):
                nearest(samples, at, z, place, logits[:, k], places[:, k])
            new = Candidates(samples, logits, places)
        every = self._past + new
        if len(own) == 1:
            joint = every.logits[:, 0].copy()
        else:
            joint = np.concatenate([self._past_joint, join(every.logits, self.net.join)[
                len(self._past.samples) - MEMORY :]])  # fmt: skip
        decided = (every.samples >= start) & (every.samples < stop)
        past = every.samples < stop
        keep_from = max(0, min(int(past.sum()) - MEMORY,
            int(np.searchsorted(every.samples, stop - front.REFRACTORY))))  # fmt: skip
        kept = slice(keep_from, int(past.sum()))
        self._past, self._past_joint = every.where(kept), joint[kept]
        return x, every, joint, decided

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

    def _count(
        self, block: Block, samples: Ints, p: Floats, accepted: npt.NDArray[np.bool_]
    ) -> None:
        """Add the block to the quality windows it touches."""
        before = self._cutter.before
        a = block.start
        while a < block.stop:
            window = math.floor(a / (WINDOW * self.rate) + 1e-9)
            b = min(block.stop, self._window_edge(window + 1))
            counts = self._windows.setdefault(window, Counts.empty(len(self.leads)))
            counts.add_samples(block.data[:, a - block.start + before : b - block.start + before])
            a = b
        at = samples // (WINDOW * front.GRID)
        for window in np.unique(at).tolist():
            counts = self._windows.setdefault(window, Counts.empty(len(self.leads)))
            here = at == window
            counts.accepted += int((here & accepted).sum())
            counts.sum_accepted += float(p[here & accepted].sum())
            counts.sum_rejected += float(p[here & ~accepted].sum())

    def _window_edge(self, window: int) -> int:
        return math.ceil(window * WINDOW * self.rate - 1e-6)

    def _emit(self, block: Block, marks: Ints, p: Floats, *, last: bool) -> PeakBlock:
        """Return what is final: marks may still move by `REACH` seconds across the block's end."""
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
        _, stretch, own = stream.collect(block)
        start = stream._grid(block.start)
        stop = stream._grid(block.start + stream._cutter.size)
        for k, (samples, ratios) in enumerate(own):
            keep = (samples >= start) & (samples < stop)
            features = front.describe(stretch, k, samples[keep], ratios[keep])
            parts[k].append((samples[keep], features))
    none = (_none(), np.zeros((0, front.FEATURES), np.float32))
    joined = [
        (np.concatenate([none[0], *(a for a, _ in part)]),
         np.concatenate([none[1], *(b for _, b in part)])) for part in parts
    ]  # fmt: skip
    return float(stream._tool.step), joined
