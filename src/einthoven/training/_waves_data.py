"""Leads with a wave for each sample, and windows of them that are never twice the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.corpora.ludb import Ludb, Marked
from einthoven.models.unet import CLASSES
from einthoven.record.errors import UsageError
from einthoven.signal import compose
from einthoven.signal._waves_front import CLIP, GRID, front, normal

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
# (batch, time) signals, their masks 0 to 3, and where the masks are known.
Batch = tuple[Floats, Bytes, Bytes]
# Returns a signal (time,) and its mask (time,), both at 250 Hz.
Composer = Callable[[np.random.Generator], tuple[Floats, Bytes]]

WINDOW = 1024  # samples that are learnt from at a time
_BESIDE = 5  # samples beside the marked span in which there is no wave
_COMPOSED, _SECONDS = 3000, 10.0  # traces that are composed, and how long each is


@dataclass(frozen=True, kw_only=True, eq=False)
class Leads:
    """Leads of one length.

    Attributes
    ----------
    signal : (lead, time) as the net eats it.
    mask : (lead, time) 0 none, 1 P, 2 QRS, 3 T.
    known : (lead, time) 1 where the mask is known.
    record : (lead,) names.
    """

    signal: Floats
    mask: Bytes
    known: Bytes
    record: npt.NDArray[np.str_]


def painted(marks: Marked, ratio: float, time: int) -> tuple[Bytes, Bytes]:
    """Return the mask (time,) of marked waves and where it is known (time,).

    Known are the samples from the first boundary to the last, and a few on either side. A wave
    that lacks a bracket is not known up to its neighbour.

    Parameters
    ----------
    ratio : samples of the mask by samples of the marks.
    time : samples of the mask.
    """
    mask, known = np.zeros(time, np.uint8), np.zeros(time, np.uint8)
    ends = np.concatenate([marks.onsets[marks.onsets >= 0], marks.offsets[marks.offsets >= 0]])
    if not len(ends):
        return mask, known
    first, last = round(ends.min() * ratio), round(ends.max() * ratio)
    known[max(0, first - _BESIDE) : last + 1 + _BESIDE] = 1
    count = len(marks.kinds)
    for k in range(count):
        onset, offset = int(marks.onsets[k]), int(marks.offsets[k])
        if onset >= 0 and offset >= 0:
            mask[round(onset * ratio) : round(offset * ratio) + 1] = CLASSES.index(marks.kinds[k])
            continue
        before = marks.offsets[k - 1] if k else 0
        after = marks.onsets[k + 1] if k + 1 < count else round(time / ratio)
        start = onset if onset >= 0 else max(int(before), 0)
        stop = offset if offset >= 0 else int(after) if after >= 0 else int(marks.peaks[k])
        known[round(start * ratio) : round(stop * ratio) + 1] = 0
    return mask, known


def leads(corpus: Ludb, records: Sequence[str]) -> Leads:
    """Return all leads of the records.

    Raises
    ------
    UsageError : there is no record.
    DataError : a record is not here.
    """
    if not records:
        raise UsageError("protocol", "a side has no record", "Name its records")
    signals, masks, seen = [], [], []
    for name in records:
        record = corpus.open(name).record()
        signal = front(record.signal, record.rate)
        signals.append(signal)
        for marks in corpus.marks(name):
            mask, known = painted(marks, GRID / record.rate, signal.shape[1])
            masks.append(mask)
            seen.append(known)
    names = np.repeat(np.array(records, np.str_), [len(signal) for signal in signals])
    return Leads(
        signal=np.concatenate(signals), mask=np.stack(masks), known=np.stack(seen), record=names
    )


def composer(corpus: Ludb, records: Sequence[str], sealed: Sequence[str], seed: int) -> Composer:
    """Return what gives traces composed of segments of `records` and of the simulator.

    Parameters
    ----------
    sealed : records whose people may not be in it.
    seed : of all chance; a few thousand traces are drawn once.
    """
    given = []
    for name in records:
        record = corpus.open(name).record()
        for row, marks in zip(record.signal, corpus.marks(name), strict=True):
            if (marks.onsets >= 0).all() and (marks.offsets >= 0).all() and len(marks.kinds):
                given.append(
                    compose.Lead(
                        subject=corpus.subject(name),
                        signal=row,
                        rate=record.rate,
                        kinds=marks.kinds,
                        onsets=marks.onsets,
                        offsets=marks.offsets,
                    )
                )
    pool = compose.Pool.of(given, sealed={corpus.subject(name) for name in sealed})
    chance = np.random.default_rng([seed, 7])
    made = [compose.compose(pool, chance, _SECONDS) for _ in range(_COMPOSED)]
    bank = [(normal(signal[None])[0], mask) for signal, mask in made]
    return lambda rng: bank[int(rng.integers(_COMPOSED))]


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How windows are changed; the keys of ``[augment]``.

    Attributes
    ----------
    stretch : time is multiplied by exp of a normal number of that deviation.
    gain : likewise amplitude.
    flip : share of windows that are turned upside down.
    white, wander, mains, rough : the largest deviation or amplitude of white noise, of a wave of
        0.1 to 0.7 Hz, of 50 or 60 Hz, and of noise below about 25 Hz, in the unit of the signal.
    composed : share of windows that are composed from segments of the training records.
    """

    stretch: float = 0.12
    gain: float = 0.3
    flip: float = 0.2
    white: float = 0.06
    wander: float = 0.35
    mains: float = 0.05
    rough: float = 0.1
    composed: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if type(value) not in (int, float) or not value >= 0:
                raise UsageError(f"augment.{name}", f"is {value!r}", "Give 0 or more")
        if self.composed > 1 or self.flip > 1:
            raise UsageError("augment", "a share is over 1", "Give 0 to 1")


def windows(
    data: Leads, count: int, augment: Augment, rng: np.random.Generator, composer: Composer | None
) -> Batch:
    """Return `count` windows drawn by chance from leads around what is marked in them.

    Parameters
    ----------
    composer : gives composed traces for ``augment.composed`` of the windows; None where that is 0.
    """
    signal = np.zeros((count, WINDOW), np.float32)
    mask, known = np.zeros((count, WINDOW), np.uint8), np.zeros((count, WINDOW), np.uint8)
    grid = np.arange(WINDOW)
    picks = rng.integers(len(data.signal), size=count)
    made = rng.random(count) < augment.composed
    for row, (pick, composed) in enumerate(zip(picks.tolist(), made.tolist(), strict=True)):
        if composed and composer is not None:
            one, truth = composer(rng)
            seen = np.ones(len(truth), np.uint8)
        else:
            one, truth, seen = data.signal[pick], data.mask[pick], data.known[pick]
        step = float(np.exp(np.clip(rng.normal(0, augment.stretch), -0.4, 0.4)))
        there = np.flatnonzero(seen)
        first, last = (there[0], there[-1]) if len(there) else (0, len(seen) - 1)
        # Between a quarter of a window before the marks and a quarter after them.
        low, high = first - WINDOW * step / 4, last - WINDOW * step * 3 / 4
        start = rng.uniform(low, max(low, high))
        at = np.clip(start, 0, max(0.0, len(one) - 1 - WINDOW * step)) + grid * step
        near = np.minimum(np.rint(at).astype(np.int64), len(one) - 1)
        signal[row] = np.interp(at, np.arange(len(one)), one)
        mask[row], known[row] = truth[near], seen[near] * (at <= len(one) - 1)
    return _disturbed(signal, augment, rng), mask, known


def _disturbed(x: Floats, augment: Augment, rng: np.random.Generator) -> Floats:
    """Return signals (batch, time) at another size, upside down, and with noise."""
    count, time = x.shape
    t = np.arange(time) / GRID

    def size(most: float) -> npt.NDArray[np.float64]:
        return rng.uniform(0, most, (count, 1))

    def wave(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.sin(2 * np.pi * hertz * t + rng.uniform(0, 2 * np.pi, (count, 1)))

    gain = np.exp(rng.normal(0, augment.gain, (count, 1)))
    gain *= np.where(rng.random((count, 1)) < augment.flip, -1, 1)
    white = rng.standard_normal((count, time), np.float32)
    rough = rng.standard_normal((count, time + 9), np.float32).cumsum(axis=1)
    rough = (rough[:, 9:] - rough[:, :-9]) / 3  # a mean of nine, of deviation 1
    y = gain * x + size(augment.white) * white + size(augment.rough) * rough
    y += size(augment.wander) * wave(rng.uniform(0.1, 0.7, (count, 1)))
    y += size(augment.mains) * wave(rng.choice([50.0, 60.0], (count, 1)))
    out: Floats = np.clip(y, -CLIP, CLIP).astype(np.float32)
    return out
