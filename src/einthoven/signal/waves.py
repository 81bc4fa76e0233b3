"""P, QRS and T: where they begin, peak and end, in each lead.

A net that knows one lead at a time says for every 4 ms which wave it belongs to, asked at two
tempos; the leads then lend each other about half their weight, and rules of order choose among the
runs. After the delineation by a U-Net of Jimenez-Perez, Alcaine, Camara 2021
(10.1038/s41598-020-79512-7); the tempos, the consensus over leads, the rules and the blocks are
ours.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.bundle import Bundle, default_model
from einthoven.record.errors import UsageError
from einthoven.record.record import Signal
from einthoven.signal._waves_clarity import clarity
from einthoven.signal._waves_decode import QRS, Decoder, Found, Stretch, T
from einthoven.signal._waves_edges import SecondLook
from einthoven.signal._waves_front import GRID, despiked, level, scaled
from einthoven.signal._waves_tempo import MULTIPLE, at_tempos
from einthoven.signal.blocks import Block, BlockCutter
from einthoven.signal.filters import fill_gaps
from einthoven.signal.resample import Resampler

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

KINDS = ("P", "QRS", "T")

# Turns windows (item, 1, time) at 250 Hz into probabilities (item, 4, time): none, P, QRS, T.
Net = Callable[[Floats], Floats]

BRIDGED = 0.04  # seconds; a gap as short is no gap
NEAR = 0.1  # seconds a QRS may lie from its R peak
# A boundary that the net sees less sharply than that is not told: as many as the validation records
# can lose with an F1 of 99.3. That is one of 180, those of the largest errors, and costs 0.2 of F1.
_TOLD = 0.39
# A QRS at which no R peak was found, some seconds after one that was, is none, nor is the T after
# it a T: a P wave that no beat follows looks like a small one. Where R peaks may have been missed,
# at the end of the recording (seconds) and beside missing signal, it is believed half as much.
_LAPSE, _RIM, _UNTIED = 3.0, 0.5, 0.5
_NONE = np.array([1, 0, 0, 0], np.float32)
# What a lead says for itself of none, P, QRS and T, beside what all say together, which has the
# rest: P waves stand at one time in all leads, T waves really begin and end at other times in
# others. By the spread of the boundaries on the validation records.
_OWN = np.array([0.5, 0.4, 0.6, 0.75], np.float32)[:, None]
_USUAL = 10.0  # seconds of the past and present that a lead's usual size is taken from


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """One row a wave, sorted by lead, then in time order.

    Attributes
    ----------
    lead : (wave,) int64 row of the record's signal.
    kind : (wave,) ``P``, ``QRS`` or ``T``.
    onset, peak, offset : (wave,) int64 samples of the record's own rate; -1 where it cannot be
        told, since the recording ends there, signal is missing, or the net is in doubt.
    onset_p, offset_p : (wave,) float32, 0 to 1: how sharply the net saw that boundary; 0 where
        there is none.
    """

    lead: Ints
    kind: npt.NDArray[np.str_]
    onset: Ints
    peak: Ints
    offset: Ints
    onset_p: Floats
    offset_p: Floats

    def __len__(self) -> int:
        return len(self.lead)

    @classmethod
    def none(cls) -> Waves:
        """Return a table without rows."""
        return cls.of([])

    @classmethod
    def of(cls, rows: list[tuple[int, str, int, int, int, float, float]]) -> Waves:
        """Return the table of such rows, sorted."""
        rows = sorted(rows, key=lambda row: (row[0], row[3]))
        lead, kind, onset, peak, offset, onset_p, offset_p = (
            [row[k] for row in rows] for k in range(7)
        )
        return cls(
            lead=np.array(lead, np.int64), kind=np.array(kind, "<U3"),
            onset=np.array(onset, np.int64), peak=np.array(peak, np.int64),
            offset=np.array(offset, np.int64), onset_p=np.array(onset_p, np.float32),
            offset_p=np.array(offset_p, np.float32),
        )  # fmt: skip

    @classmethod
    def joined(cls, tables: list[Waves]) -> Waves:
        """Return all rows of tables that follow each other in time."""
        if not tables:
            return cls.none()
        parts = {f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(cls)}
        return cls(**parts).where(np.lexsort((parts["peak"], parts["lead"])))

    def where(self, keep: npt.NDArray[np.bool_] | Ints) -> Waves:
        """Return some rows."""
        return Waves(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def to_dicts(self, leads: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the rows as ``analyze --json`` has them; a boundary not known is None."""
        return [
            {
                "lead": leads[lead], "wave": kind, "onset": a if a >= 0 else None, "peak": peak,
                "offset": b if b >= 0 else None,
                "onset_probability": round(p, 3) if a >= 0 else None,
                "offset_probability": round(q, 3) if b >= 0 else None,
            }
            for lead, kind, a, peak, b, p, q in zip(
                self.lead.tolist(), self.kind.tolist(), self.onset.tolist(), self.peak.tolist(),
                self.offset.tolist(), self.onset_p.tolist(), self.offset_p.tolist(), strict=True,
            )
        ]  # fmt: skip


class WaveNet:
    """The ONNX of a bundle of task ``waves``; `edge` is its second stage, None without one."""

    def __init__(self, bundle: Bundle) -> None:
        if bundle.card.task != "waves":
            raise UsageError(
                f"model {bundle.card.name!r}", "does not find waves", "Choose one that does"
            )
        self.bundle = bundle
        self.edge = EdgeNet(bundle) if len(bundle.card.stages) > 1 else None

    def __call__(self, window: Floats) -> Floats:
        """Return (item, 4, time) probabilities for `window` (item, 1, time), at all tempos."""
        return at_tempos(self._once, window)

    def _once(self, window: Floats) -> Floats:
        z = self.bundle.run({"window": window}) / np.float32(self.bundle.card.temperature)
        z = np.exp(z - z.max(axis=1, keepdims=True))
        p: Floats = z / z.sum(axis=1, keepdims=True)
        return p


class EdgeNet:
    """The second stage of a bundle of task ``waves``, which looks at boundaries."""

    def __init__(self, bundle: Bundle) -> None:
        self._session = bundle.session(1)

    def __call__(self, window: Floats, side: Floats) -> Floats:
        """Return (item, 1) shifts, see `_waves_edges.Edge`."""
        shift: Floats = self._session.run(["shift"], {"window": window, "side": side})[0]
        return shift


@lru_cache(maxsize=2)
def shipped(profile: str) -> WaveNet | None:
    """Return the shipped net of a profile, opened once; None where there is none."""
    bundle = default_model("waves", profile)
    return WaveNet(bundle) if bundle else None


class WaveStream:
    """Finds the waves of one recording, piece by piece.

    The waves are a function of blocks at absolute samples and of nothing else, so they are the
    same to the bit however the signal is cut.

    Parameters
    ----------
    rate : Hz of the signal pushed.
    leads : names of its rows.
    block_seconds : length of the blocks: 0.2 for the quickest answer, 10 for the quickest run.
    net : gives the probabilities.

    Raises
    ------
    UsageError : no leads, or a rate below 60 Hz.
    """

    def __init__(self, rate: float, leads: tuple[str, ...], block_seconds: float, net: Net) -> None:
        if not leads:
            raise UsageError("waves", "there is no lead", "Give at least one")
        if not 60 <= rate <= 100_000:
            raise UsageError("waves", f"the rate is {rate} Hz", "Give 60 Hz or more")
        self.rate, self.leads, self._net = rate, leads, net
        quick = block_seconds < 2
        # Seconds: what the net sees on either side of a block, and what is known of a wave's future
        # before it is decided. The quick ones keep all waves of a beat within 3 s of it.
        left, right, hold = (2.0, 0.9, 0.85) if quick else (2.0, 2.0, 1.0)
        past = max(left, _USUAL - right - block_seconds)
        low = min(rate, GRID)
        tool = Resampler(rate, GRID, cutoff=0.4 * low, seconds=10 / low, unit=25)
        self._tool = tool
        self._step = float(tool.step)
        self._same = tool.step == 1
        self._rows = tool.aligned and tool.unit == 25
        unit = tool.unit if self._rows else 1
        # All in grid samples.
        self._core = unit * max(1, round(block_seconds * GRID / unit))
        self._before = unit * math.ceil(past * GRID / unit)
        self._after = unit * math.ceil(right * GRID / unit)
        self._seen = min(self._before, math.ceil(left * GRID))
        size = round(self._core * tool.step) if self._rows else round(self._core * float(tool.step))
        margin = tool.half + 3
        self._ramp = math.ceil(BRIDGED * rate)
        self._cutter = BlockCutter(
            len(leads), size, math.ceil(self._before * tool.step) + margin,
            math.ceil(self._after * tool.step) + margin,
        )  # fmt: skip
        self._hold = math.ceil(hold * GRID)
        edge = net.edge if isinstance(net, WaveNet) else None
        self._decoder = Decoder(len(leads), self._hold, SecondLook(edge) if edge else None)
        self._waiting: deque[tuple[Stretch, int]] = deque()  # with the grid sample each ends at
        self._peaks = np.zeros(0, np.int64)
        self._samples = 0
        self._false = [False] * len(leads)  # whether the last QRS of a lead was none
        self._ended = [-1] * len(leads)  # last sample of a lead's last wave

    @property
    def latency(self) -> float:
        """Seconds after its end that a wave is final, if the R peaks are known by then."""
        return (self._cutter.size + self._cutter.after) / self.rate + self._hold / GRID

    def push(self, chunk: Signal, peaks: Ints, until: int) -> list[Waves]:
        """Take what has arrived; return the waves that are final by now, a table a block.

        Parameters
        ----------
        chunk : (lead, time) mV, NaN where missing: the next samples of the recording.
        peaks : (beat,) R peaks that have become final, in order.
        until : all R peaks before this sample are final.
        """
        self._samples += chunk.shape[1]
        self._peaks = np.concatenate([self._peaks, peaks])
        self._waiting.extend(self._probabilities(b) for b in self._cutter.push(chunk))
        out = []
        while self._waiting and until >= self._needed(self._waiting[0][1]):
            stretch, stop = self._waiting.popleft()
            out.append(self._table(self._decoder.push(stretch), self._needed(stop)))
        return [waves for waves in out if len(waves)]

    def flush(self, peaks: Ints) -> list[Waves]:
        """End the recording; `peaks` are the last R peaks. Return the rest."""
        self._peaks = np.concatenate([self._peaks, peaks])
        self._waiting.extend(self._probabilities(b) for b in self._cutter.flush())
        out = []
        while self._waiting:
            stretch, stop = self._waiting.popleft()
            out.append(self._table(self._decoder.push(stretch), self._needed(stop)))
        rest = Stretch.missing(len(self.leads), 0, several=len(self.leads) > 1)
        out.append(self._table(self._decoder.push(rest, last=True), self._samples))
        return [waves for waves in out if len(waves)]

    def _needed(self, stop: int) -> int:
        """Return up to where R peaks must be known for what is decided once `stop` is."""
        return self._sample(stop - self._hold) + math.ceil(NEAR * self.rate) + 1

    def _sample(self, grid: float) -> int:
        return math.floor(grid * self._step + 0.5)

    # --- one block ---------------------------------------------------------------------------

    def _probabilities(self, block: Block) -> tuple[Stretch, int]:
        """Return what the net and the leads together say of a block."""
        y, there, start, stop = self._gridded(block)
        # What lies beyond the recording is not even shown as missing.
        columns = np.flatnonzero(there.any(axis=0))
        first, last = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 0)
        levelled = level(np.where(there, y, np.float32(np.nan))[:, first:last])
        x = scaled(levelled)
        there &= (np.abs(x).max(axis=1, initial=0) > 0)[:, None]  # a flat lead has no waves
        seen = slice(start - self._seen, y.shape[1])
        p = self._asked(x, first, seen)
        here = there[:, seen]
        p = np.where(here[:, None], p, _NONE[:, None])
        atrial = None
        if len(y) > 1:
            weight = here * clarity(p, here)[:, None]
            mean = np.einsum("lct,lt->ct", p, weight) / np.maximum(weight.sum(axis=0), 1e-6)
            joined = _OWN * p + (1 - _OWN) * mean
            p = np.where(here[:, None], joined / joined.sum(axis=1, keepdims=True), p)
            atrial = mean[1]
        whole = Stretch(p=p, atrial=atrial, y=y[:, seen], there=here)
        length = stop - start
        grid = math.ceil(block.start / self._tool.step)
        return whole.part(self._seen, self._seen + length), grid + length

    def _asked(self, x: Floats, first: int, seen: slice) -> Floats:
        """Return what the net says of each lead alone.

        Parameters
        ----------
        x : (lead, time) the window from its sample `first` on.
        seen : the part of the window that the net is shown.

        Returns
        -------
        p : (lead, 4, time) probabilities over `seen`; no wave where there is nothing to see.
        """
        p = np.repeat(_NONE[None, :, None], seen.stop - seen.start, axis=2)
        p = np.repeat(p, len(x), axis=0)
        begin = max(first, seen.start)
        shown = x[:, begin - first :]
        rows = np.flatnonzero(shown.any(axis=1))
        if len(rows):
            time = shown.shape[1]
            padded = np.pad(shown[rows, None], ((0, 0), (0, 0), (0, -time % MULTIPLE)))
            at = begin - seen.start
            p[rows, :, at : at + time] = self._net(padded)[:, :, :time]
        return p

    def _gridded(self, block: Block) -> tuple[Signal, npt.NDArray[np.bool_], int, int]:
        """Return the window at 250 Hz, where it has signal, and which part is the block itself."""
        tool = self._tool
        x, gone = block.data, None
        if not np.isfinite(x).all():
            x, gone = fill_gaps(x, np.full(len(x), np.nan, np.float32), self._ramp)
        x = despiked(x, self.rate)
        origin = block.start - self._cutter.before
        begin = math.ceil(block.start / tool.step)
        end = math.ceil(block.stop / tool.step)
        first = begin - self._before
        count = self._before + self._core + self._after
        if not self._rows:
            count = math.ceil((block.start + self._cutter.size) / tool.step) + self._after - first
            y = tool.at(x, origin, first, first + count)
        else:
            skip = round(first * tool.step) - origin
            if self._same:
                y = x[:, skip : skip + count].copy()
            else:
                y = tool.rows(x[:, skip - tool.half :], count // tool.unit)
        if gone is None:
            there = np.ones(y.shape, np.bool_)
        else:
            at = np.rint((np.arange(count) + first) * float(tool.step)).astype(np.int64) - origin
            there = ~gone[:, np.clip(at, 0, x.shape[1] - 1)]
        return y, there, self._before, self._before + end - begin

    # --- what comes out ----------------------------------------------------------------------

    def _table(self, found: list[Found], known: int) -> Waves:
        """Return waves on the grid as samples of the record; R peaks before `known` count."""
        near, rim, lapse = (v * self.rate for v in (NEAR, _RIM, _LAPSE))
        peaks = self._peaks[self._peaks < known]
        rows = []
        last = max(0, self._samples - 1)
        for wave in found:
            onset, offset = wave.ends
            a = max(0, self._sample(onset))
            b = min(last, self._sample(offset))
            onset_p, offset_p = wave.confidence
            cut_a, cut_b = wave.cut[0] or onset_p < _TOLD, wave.cut[1] or offset_p < _TOLD
            if wave.kind == QRS:
                k = int(np.searchsorted(peaks, a - near))
                untied = k == len(peaks) or peaks[k] > b + near
                seen = k > 0 and a - peaks[k - 1] < lapse and b < self._samples - rim
                self._false[wave.lead] = untied and seen and not any(wave.cut)
                if untied:
                    onset_p, offset_p = _UNTIED * onset_p, _UNTIED * offset_p
            if self._false[wave.lead] and wave.kind in (QRS, T):
                continue
            # At a low rate two waves may meet at one sample.
            a = max(a, self._ended[wave.lead] + 1)
            b = max(a, b)
            self._ended[wave.lead] = b
            rows.append((
                wave.lead, KINDS[wave.kind - 1], -1 if cut_a else a,
                min(max(self._sample(wave.peak), a), b), -1 if cut_b else b,
                0.0 if cut_a else onset_p, 0.0 if cut_b else offset_p,
            ))  # fmt: skip
        # No wave is as long as a second, none is decided later than that, and `_LAPSE` before it.
        far = known - math.ceil((4 + _LAPSE) * self.rate)
        self._peaks = self._peaks[np.searchsorted(self._peaks, far) :]
        return Waves.of(rows)
