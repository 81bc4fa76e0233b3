"""InputStream: signal and R peaks in, what a network eats of each beat out.

Training and use go through this one class. Everything is computed in blocks of absolute time from
beats chosen by absolute time, so the answers never depend on how the signal was cut.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from einthoven.inputs import _patient, _rhythm, _shape
from einthoven.inputs._filter import BandPass
from einthoven.inputs._neighbours import Inputs, Neighbours
from einthoven.record.errors import UsageError, nearest
from einthoven.record.inputspec import InputSpec
from einthoven.record.leads import lead_rows
from einthoven.record.record import Patient

Array = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

GROUPS = ("rr", "rr4", "template", *_patient.GROUPS)

# An `ahead` below this many seconds is a live one: each beat is described by the beats before it
# and by `ahead` seconds after it alone.
LIVE = 10.0
_COLUMNS = ("samples", "window", "side")
_FEW = 8  # beats below which a live template is made anew with every beat


def _later(spec: InputSpec) -> bool:
    return spec.ahead >= LIVE


def side_names(spec: InputSpec) -> tuple[str, ...]:
    """Return the names of the columns of `Inputs.side`.

    Raises
    ------
    UsageError : a group is not known.
    """
    names: tuple[str, ...] = ()
    for group in spec.side:
        if group == "rr":
            names += _rhythm.names(later=_later(spec))
        elif group == "rr4":
            names += _rhythm.SIMPLE
        elif group == "template":
            names += _shape.names(later=_later(spec))
        elif group in _patient.GROUPS:
            names += _patient.NAMES
        else:
            raise UsageError("input.side", f"{group!r} is not known", nearest(group, GROUPS))
    return names


class InputStream:
    """Cuts and describes the beats of one recording as an `InputSpec` of kind ``beat`` says.

    Parameters
    ----------
    spec : what the network eats.
    rate : of the recording, Hz.
    leads : of the recording. The first lead of the spec gives window and numbers, further ones
        give windows alone; see `lead_rows`.
    where : the recording's file, for what is said of it.
    patient : whose numbers the group ``patient`` has; only the store, for training, hands one in.

    Raises
    ------
    UsageError : the spec is not of kind ``beat``, or one part of it does not go with another.
    DataError : the recording has not the leads that the spec names.
    """

    def __init__(
        self, spec: InputSpec, rate: float, leads: tuple[str, ...],
        patient: Patient | None = None, where: str | Path = "the record",
    ) -> None:  # fmt: skip
        if spec.kind != "beat":
            raise UsageError("input.kind", f"{spec.kind!r} has no windows of beats", "Use beat")
        self.names = side_names(spec)
        for name in ("hop", "back", "ahead"):
            if self.names and getattr(spec, name) <= 0:
                fault = "is 0 although side numbers are asked for"
                raise UsageError(f"input.{name}", fault, "Give hop, back and ahead in seconds")
        if patient is None:
            _patient.refuse(spec.side, "input.side", "Use a model without them")
        self._person = _patient.numbers(patient or Patient())
        self._row, *more = lead_rows(spec.leads, leads, where)
        if more and not spec.waveform:
            fault = f"names {len(spec.leads)} leads where no window is eaten"
            raise UsageError("input.leads", fault, "Name one lead")
        self._further = _FurtherLeads(spec, rate, more) if more else None
        self._spec, self._rate = spec, rate
        self._live = not _later(spec)
        block = 8.0 if not self._live else 0.25 if spec.hop else 1.0
        self._filter = BandPass(rate, spec.rate, spec.band, block)
        self._signal = np.zeros(0, np.float32)  # filtered, from output sample `_origin` on
        self._origin = 0
        self._arrived = 0
        self._until = 0
        self._ended = False
        self._waiting = np.zeros(0, np.int64)  # peaks whose windows are not complete
        # What is known of the beats within reach, oldest first.
        self._samples = np.zeros(0, np.int64)
        self._cuts = _shape.Cuts(spec.rate)
        self._before = round(spec.window[0] * spec.rate) if spec.waveform else 0
        self._after = round(spec.window[1] * spec.rate) if spec.waveform else 0
        self._shaped = "template" in spec.side
        self._left = max(self._before, self._cuts.before if self._shaped else 0)
        self._right = max(self._after, self._cuts.after if self._shaped else 0)
        self._windows = np.zeros((0, self._left + self._right), np.float32)
        none = np.zeros((0, self._cuts.before + self._cuts.after), np.float32)
        self._shapes = self._cuts.shapes(none)
        self._done = 0  # beats of `_samples` that have been given
        self._block = 0  # the next block of `hop` to be described
        self._kept: tuple[int, _shape.Templates] | None = None
        around = spec.neighbours
        self._around = Neighbours(*around) if around != (0, 0) else None

    def push(self, chunk: Array, peaks: Samples, until: int) -> list[Inputs]:
        """Take what has arrived; give the beats that can be described by now.

        Parameters
        ----------
        chunk : (lead, time) mV, the next samples of the recording.
        peaks : (beat,) R peaks that have become final, in order, at the recording's own rate.
        until : all R peaks before this sample are final.
        """
        self._arrived += chunk.shape[1]
        self._take(self._filter.push(np.asarray(chunk[self._row], np.float32)), peaks, until)
        given = self._give()
        if self._further:
            given = self._further.push(given, chunk, peaks, until)
        return self._with_neighbours(given)

    def flush(self) -> list[Inputs]:
        """Give the rest; the recording has ended."""
        rest = self._filter.flush()
        self._ended = True
        self._take(rest, np.zeros(0, np.int64), max(self._arrived, self._until))
        given = self._give()
        given = self._with_neighbours(self._further.flush(given) if self._further else given)
        return given + self._around.flush() if self._around else given

    def _with_neighbours(self, given: list[Inputs]) -> list[Inputs]:
        if self._around is None:
            return given
        return [piece for inputs in given for piece in self._around.push(inputs)]

    def _place(self, samples: Samples) -> Samples:
        """Return the output samples nearest to samples of the recording."""
        place: Samples = np.floor(samples * (self._spec.rate / self._rate) + 0.5).astype(np.int64)
        return place

    def _take(self, signal: Array, peaks: Samples, until: int) -> None:
        self._until = max(self._until, until)
        self._signal = np.concatenate([self._signal, signal])
        self._waiting = np.concatenate([self._waiting, np.asarray(peaks, np.int64)])
        place = self._place(self._waiting)
        end = self._origin + len(self._signal)
        ready = int(np.searchsorted(place + self._right, end, side="right"))
        ready = len(place) if self._ended else ready
        if ready:
            at = place[:ready, None] + np.arange(-self._left, self._right)
            # Beyond the recording its first and last sample are held.
            at = np.clip(at, 0, max(end - 1, 0)) - self._origin
            empty = len(self._signal) == 0
            windows = np.zeros(at.shape, np.float32) if empty else self._signal[at]
            self._samples = np.concatenate([self._samples, self._waiting[:ready]])
            self._windows = np.concatenate([self._windows, windows])
            if self._shaped:
                self._shapes += self._shaped_of(windows)
            self._waiting = self._waiting[ready:]
        least = self._waiting[:1] if len(self._waiting) else np.array([self._until])
        keep = min(int(self._place(least)[0]) - self._left, end - 1) - self._origin
        if keep > 0:
            self._signal = self._signal[keep:]
            self._origin += keep

    def _give(self) -> list[Inputs]:
        if not self._spec.hop:
            given = self._beats(self._done, len(self._samples), np.zeros((0, 0)))
            self._forget(len(self._samples))
            return [given] if len(given.samples) else []
        described = self._give_live() if self._live else self._give_blocks()
        return [described] if described is not None else []

    def _known(self) -> float:
        """Return seconds up to which both beats and their windows are there."""
        first = self._waiting[0] if len(self._waiting) else self._until
        return min(float(first), float(self._until)) / self._rate

    def _join(self, sides: list[npt.NDArray[np.float64]], forget: float) -> Inputs | None:
        """Give the next beats with their `sides`; forget beats before `forget` seconds."""
        if not sides:
            return None
        side = np.concatenate(sides)
        given = self._beats(self._done, self._done + len(side), side)
        self._done += len(side)
        # One beat more is kept: the first RR interval in reach begins with it.
        old = int(np.searchsorted(self._samples, forget * self._rate)) - 1
        self._forget(min(max(old, 0), self._done))
        return given

    def _give_blocks(self) -> Inputs | None:
        spec, sides, known = self._spec, [], self._known()
        while self._ended or known >= (self._block + 1) * spec.hop + spec.ahead:
            start, stop = self._block * spec.hop, (self._block + 1) * spec.hop
            if self._ended and start * self._rate >= self._until:
                break
            seconds = self._samples / self._rate
            low = max(0, int(np.searchsorted(seconds, start - spec.back)) - 1)
            high = int(np.searchsorted(seconds, stop + spec.ahead))
            first, last = (int(np.searchsorted(seconds, edge)) for edge in (start, stop))
            self._block += 1
            if first == last:
                continue
            end = min(stop + spec.ahead, self._until / self._rate)
            ended = self._ended and self._until / self._rate < stop + spec.ahead
            rhythm = _rhythm.Rhythm(seconds[low:high], high - low, end, ended=ended)
            shapes = None
            if self._shaped:
                shapes = self._cuts.templates(self._shapes[low:high], rhythm.before)
            sides.append(self._describe(rhythm, shapes, low, high, first, last))
        return self._join(sides, self._block * spec.hop - spec.back)

    def _give_live(self) -> Inputs | None:
        spec, sides = self._spec, []
        known = self._until / self._rate
        seconds = self._samples / self._rate
        peaks = np.concatenate([seconds, self._waiting / self._rate])
        beat = self._done
        while beat < len(seconds) and (self._ended or seconds[beat] + spec.ahead <= known):
            now = seconds[beat]
            low = max(0, int(np.searchsorted(seconds, now - spec.back)) - 1)
            high = int(np.searchsorted(peaks, now + spec.ahead))
            end = min(now + spec.ahead, known)
            ended = self._ended and known < now + spec.ahead
            past = beat + 1 - low
            rhythm = _rhythm.Rhythm(peaks[low:high], past, end, ended=ended)
            shapes = self._live_shapes(rhythm, low, beat) if self._shaped else None
            sides.append(self._describe(rhythm, shapes, low, beat + 1, beat, beat + 1))
            beat += 1
        return self._join(sides, seconds[beat - 1] - spec.back - spec.hop if sides else 0.0)

    def _live_shapes(self, rhythm: _rhythm.Rhythm, low: int, beat: int) -> _shape.Templates:
        """Return templates of the beats before the block, or up to now while there are few."""
        spec = self._spec
        block = math.floor(self._samples[beat] / self._rate / spec.hop)
        if self._kept is not None and self._kept[0] == block:
            return self._kept[1]
        edges = np.array([block * spec.hop - spec.back, block * spec.hop]) * self._rate
        first, last = np.searchsorted(self._samples, edges)
        if last - first < _FEW:
            return self._cuts.templates(self._shapes[low : beat + 1], rhythm.before)
        before = np.log(np.clip(np.diff(self._samples[first:last]) / self._rate, 0.15, 6.0))
        before = np.concatenate([before[:1], before])
        self._kept = block, self._cuts.templates(self._shapes[int(first) : int(last)], before)
        return self._kept[1]

    def _shaped_of(self, windows: Array) -> _shape.Shapes:
        """Return what is read off the part of (beat, time) windows that templates are made of."""
        first = self._left - self._cuts.before
        part = windows[:, first : first + self._cuts.before + self._cuts.after]
        return self._cuts.shapes(part)

    def _describe(
        self,
        rhythm: _rhythm.Rhythm,
        shapes: _shape.Templates | None,
        low: int,
        high: int,
        first: int,
        last: int,
    ) -> npt.NDArray[np.float64]:
        later = not self._live
        columns = []
        for group in self._spec.side:
            if group == "rr":
                columns.append(rhythm.features(first - low, last - low, later=later))
            elif group == "rr4":
                columns.append(rhythm.simple(first - low, last - low))
            elif group in _patient.GROUPS:
                columns.append(np.tile(self._person, (last - first, 1)))
            elif shapes is not None:
                columns.append(
                    self._cuts.features(
                        self._shapes[low:high],
                        shapes,
                        rhythm.early,
                        rhythm.before,
                        rhythm.after,
                        first - low,
                        last - low,
                        later=later,
                    )
                )
        if not columns:
            return np.zeros((last - first, 0))
        return np.concatenate(columns, axis=1)

    def _beats(self, first: int, last: int, side: npt.NDArray[np.float64]) -> Inputs:
        """Return beats [first, last) with their windows as the network eats them."""
        n = last - first
        windows = np.zeros((n, 0), np.float32)
        if self._spec.waveform:
            left = self._left - self._before
            windows = self._windows[first:last, left : left + self._before + self._after]
            windows = windows - np.median(windows, axis=1, keepdims=True) if n else windows
            if self._spec.normalise == "zscore" and n:
                windows = windows - windows.mean(axis=1, keepdims=True)
                windows = windows / (windows.std(axis=1, keepdims=True) + 1e-6)
        return Inputs(
            samples=self._samples[first:last].copy(),
            window=np.ascontiguousarray(windows[:, None], np.float32),
            side=np.ascontiguousarray(side, np.float32)
            if side.size
            else np.zeros((n, 0), np.float32),
        )

    def _forget(self, beats: int) -> None:
        """Drop the oldest beats."""
        self._samples = self._samples[beats:]
        self._windows = self._windows[beats:]
        self._shapes = self._shapes[beats:]
        self._done = max(0, self._done - beats)


class _FurtherLeads:
    """Puts the windows of further leads under those of the first, beat by beat.

    Parameters
    ----------
    spec, rate : as of `InputStream`.
    rows : of the recording, in the order of ``spec.leads`` from its second on.
    """

    def __init__(self, spec: InputSpec, rate: float, rows: list[int]) -> None:
        # Its blocks are those of the first lead: a gap is then bridged alike in both.
        bare = replace(spec, leads=("one",), side=(), neighbours=(0, 0))
        self._streams = [(row, InputStream(bare, rate, ("ECG",))) for row in rows]
        self._windows: list[list[Array]] = [[] for _ in rows]
        self._waiting: list[Inputs] = []

    def push(self, given: list[Inputs], chunk: Array, peaks: Samples, until: int) -> list[Inputs]:
        """Take what `InputStream.push` takes; return of `given`, and of before, what is whole."""
        self._waiting += given
        for windows, (row, stream) in zip(self._windows, self._streams, strict=True):
            windows += [g.window for g in stream.push(chunk[row : row + 1], peaks, until)]
        return self._joined()

    def flush(self, given: list[Inputs]) -> list[Inputs]:
        """Return the rest; the recording has ended."""
        self._waiting += given
        for windows, (_, stream) in zip(self._windows, self._streams, strict=True):
            windows += [g.window for g in stream.flush()]
        return self._joined()

    def _joined(self) -> list[Inputs]:
        if not self._waiting or not all(self._windows):
            return []
        first = Inputs(*(np.concatenate([getattr(g, c) for g in self._waiting]) for c in _COLUMNS))
        others = [np.concatenate(windows) for windows in self._windows]
        n = min(len(first.samples), *(len(windows) for windows in others))
        self._waiting = [Inputs(*(getattr(first, c)[n:] for c in _COLUMNS))]
        self._windows = [[windows[n:]] for windows in others]
        if not n:
            return []
        window = np.concatenate([w[:n] for w in (first.window, *others)], axis=1)
        return [Inputs(samples=first.samples[:n], window=window, side=first.side[:n])]
