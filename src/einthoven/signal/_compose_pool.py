"""Fundamental segments of electrocardiograms, cut from beats whose waves are known.

A segment is what lies between two boundaries: P, PQ, QRS, ST, T, TP. Its bend (mV above the line
from its first to its last sample) is kept apart from the levels at its ends, so that segments of
different people can be joined without a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError
from einthoven.signal._simulate_beats import LEADS, QRS, SPIKE, Heart, P, T, shape
from einthoven.signal.resample import resample

RATE = 250.0  # Hz of everything composed
KINDS = ("P", "PQ", "QRS", "ST", "T", "TP")

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Samples a segment may last; beyond lies a boundary that somebody forgot. A PQ, ST or TP counts
# the last sample of the wave before and the first of the wave after.
_LENGTHS = {"P": (8, 45), "PQ": (2, 60), "QRS": (10, 55), "ST": (2, 75), "T": (15, 110),
            "TP": (2, 400)}  # fmt: skip
_SEEN = {"P": 0.03, "QRS": 0.12, "T": 0.035}  # mV peak to peak below which nobody sees a wave
# mV peak to peak above which a P wave is no P wave, or something in a segment was not marked.
_TOO_TALL = {"P": 0.35, "PQ": 0.1, "TP": 0.06}
_ROUGH = 0.02  # mV RMS about its smooth self, above which a P, PQ, ST, T or TP is too noisy
_MOST = 5.0  # mV
# A QRS so many times as wide as usual, and at least so many samples, without a P wave: ventricular.
_WIDE, _WIDEST_NARROW = 1.35, 28
# Where a reader lets a Gaussian wave begin, in sigma: a little outside its tangent's foot. Ours.
_FOOT = 2.5
_KERNEL = np.array([1, 2, 3, 4, 3, 2, 1]) / 16


@dataclass(frozen=True, eq=False)
class Segment:
    """What lies between two boundaries.

    Attributes
    ----------
    bend : (time,) mV above the line through its ends, 0 at both.
    start, end : mV there, counted from the level at the QRS onset (the isoelectric line).
    cycle : seconds, the RR interval it was made for; 0 where that is not known.
    """

    bend: Array
    start: float
    end: float
    cycle: float = 0.0


@dataclass(frozen=True, eq=False)
class Voice:
    """The segments of one lead of one person that belong together.

    Attributes
    ----------
    subject : whose; empty if simulated.
    segments : by kind; a kind that was not there is absent.
    ventricular : beats that begin in the ventricles.
    spike : (time,) mV of the pacemaker's pulse before each QRS, empty if none.
    """

    subject: str
    segments: Mapping[str, tuple[Segment, ...]]
    ventricular: bool = False
    spike: Array | None = None


def segment(piece: Array, cycle: float = 0.0) -> Segment:
    """Return the segment of `piece` (time,) mV, two samples or more."""
    first, last = float(piece[0]), float(piece[-1])
    return Segment(piece - np.linspace(first, last, len(piece)), first, last, cycle)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lead:
    """A lead with the boundaries of its waves.

    Attributes
    ----------
    subject : whose.
    signal : (time,) mV.
    rate : Hz.
    kinds : (wave,) ``P``, ``QRS`` or ``T``, in time order.
    onsets, offsets : (wave,) samples, the first and the last of a wave.
    """

    subject: str
    signal: npt.NDArray[np.float32]
    rate: float
    kinds: npt.NDArray[np.str_]
    onsets: Ints
    offsets: Ints


def cut(lead: Lead) -> list[Voice]:
    """Return what a lead holds: its usual beats, and its ventricular ones if there are any.

    Raises
    ------
    UsageError : the boundaries are not one onset and one offset a wave.
    """
    if not len(lead.kinds) == len(lead.onsets) == len(lead.offsets):
        raise UsageError(
            f"lead of {lead.subject}", "kinds, onsets and offsets differ in length", "Give one each"
        )
    factor = RATE / lead.rate
    signal = lead.signal
    if factor != 1:
        signal = resample(signal[None], lead.rate, RATE)[0]
    inside = (lead.onsets >= 0) & (lead.offsets > lead.onsets)
    on = np.rint(lead.onsets[inside] * factor).astype(np.int64)
    off = np.minimum(np.rint(lead.offsets[inside] * factor).astype(np.int64), len(signal) - 1)
    kinds = [str(kind) for kind in lead.kinds[inside]]
    beats = np.flatnonzero([kind == "QRS" for kind in kinds])
    if not len(beats):
        return []
    level = _isoelectric(signal, on[beats])
    flat = signal.astype(np.float64) - level
    wide = _ventricular(kinds, on, off)
    cycles = _cycles(kinds, on)
    usual: dict[str, list[Segment]] = {kind: [] for kind in KINDS}
    other: dict[str, list[Segment]] = {kind: [] for kind in KINDS}
    for kind, first, last, wave in _spans(kinds, on, off):
        piece = flat[first : last + 1]
        low, high = _LENGTHS[kind]
        if not low <= len(piece) <= high or not np.all(np.abs(piece) < _MOST):
            continue
        one = segment(piece, cycles[wave])
        if kind != "QRS":
            # The noise of one recording must not tell where its segment ends in another.
            soft = _soft(one.bend)
            if np.sqrt(np.mean((soft - one.bend) ** 2)) > _ROUGH:
                continue
            one = Segment(soft, one.start, one.end, one.cycle)
        if _SEEN.get(kind, 0.0) <= np.ptp(one.bend) <= _TOO_TALL.get(kind, 2 * _MOST):
            (other if wide[wave] else usual)[kind].append(one)
    voices = []
    for book, ventricular in ((usual, False), (other, True)):
        found = {
            k: kept
            for k, some in book.items()
            if some and (kept := _alike(some) if k in _SEEN else tuple(some))
        }
        if found and (not ventricular or {"QRS", "T"} <= found.keys()):
            voices.append(Voice(lead.subject, found, ventricular))
    return voices


def _alike(some: list[Segment]) -> tuple[Segment, ...]:
    """Return the segments about as long and tall as most of a lead: others are often slips."""
    sizes = np.array([(len(one.bend), np.ptp(one.bend)) for one in some])
    share = sizes / np.median(sizes, axis=0)
    keep = np.all((share > (0.65, 0.45)) & (share < (1.5, 2.2)), axis=1)
    return tuple(one for one, kept in zip(some, keep.tolist(), strict=True) if kept)


def _soft(bend: Array) -> Array:
    """Return a bend without what is faster than about 30 Hz, 0 at its ends as before."""
    wide = np.concatenate((np.zeros(3), bend, np.zeros(3)))
    soft = np.convolve(wide, _KERNEL, "valid")
    return np.asarray(soft - np.linspace(soft[0], soft[-1], len(soft)))


def _isoelectric(signal: npt.NDArray[np.float32], onsets: Ints) -> Array:
    """Return (time,) the line through the levels just before each QRS: the wander taken out."""
    ends = onsets + 1
    sums = np.concatenate(([0.0], np.cumsum(signal, dtype=np.float64)))
    begins = np.maximum(ends - 3, 0)
    levels = (sums[ends] - sums[begins]) / (ends - begins)
    return np.interp(np.arange(len(signal)), onsets, levels)


def _ventricular(kinds: Sequence[str], on: Ints, off: Ints) -> list[bool]:
    """Return of each wave whether its beat is wide and has no P wave, in a lead with P waves."""
    widths = [b - a for k, a, b in zip(kinds, on, off, strict=True) if k == "QRS"]
    usual = float(np.median(widths))
    marks, now = [], False
    for i, kind in enumerate(kinds):
        if kind == "P":
            now = False
        elif kind == "QRS":
            led = i > 0 and kinds[i - 1] == "P" and on[i] - on[i - 1] < 0.4 * RATE
            wide = off[i] - on[i] > max(_WIDE * usual, _WIDEST_NARROW)
            now = bool(wide) and not led and "P" in kinds
        marks.append(now)
    return marks


def _cycles(kinds: Sequence[str], on: Ints) -> list[float]:
    """Return of each wave the seconds from its beat's QRS to the next, the median at the ends."""
    beats = [int(at) for kind, at in zip(kinds, on, strict=True) if kind == "QRS"]
    gaps = np.diff(beats) / RATE
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    found, beat = [], -1
    for kind in kinds:
        beat += kind == "QRS"
        found.append(float(gaps[beat]) if 0 <= beat < len(gaps) else usual)
    return found


def _spans(kinds: Sequence[str], on: Ints, off: Ints) -> Iterator[tuple[str, int, int, int]]:
    """Yield kind, first and last sample of each segment, and the wave it belongs to."""
    between = {("P", "QRS"): "PQ", ("QRS", "T"): "ST", ("T", "P"): "TP"}
    for i, kind in enumerate(kinds):
        yield kind, int(on[i]), int(off[i]), i
        if i + 1 < len(kinds) and (name := between.get((kind, kinds[i + 1]))):
            yield name, int(off[i]), int(on[i + 1]), i


def simulated(heart: Heart, symbol: str, lead: str) -> Voice:
    """Return the one beat that the simulator knows of a heart, in one lead.

    Parameters
    ----------
    symbol : WFDB's, of the kind of beat: the heart's own, ``A`` or ``V``.
    """
    rows = shape(heart, symbol)
    heights = rows[:, 4:] @ np.asarray(LEADS[lead])
    found: dict[str, tuple[Segment, ...]] = {}
    edges: dict[int, tuple[float, float]] = {}
    for wave, name in ((P, "P"), (QRS, "QRS"), (T, "T")):
        mine = rows[:, 0] == wave
        if not mine.any():
            continue
        # What this lead hardly sees does not widen its wave.
        mine &= np.abs(heights) >= 0.06 * np.abs(heights[mine]).max()
        _, centre, before, after = rows[mine, :4].T
        first, last = float(np.min(centre - _FOOT * before)), float(np.max(centre + _FOOT * after))
        time = np.arange(round(first * RATE), round(last * RATE) + 1) / RATE
        away = time[:, None] - centre
        value = np.exp(-0.5 * (away / np.where(away < 0, before, after)) ** 2) @ heights[mine]
        # A Gaussian has not ended at its foot: what is left of it there is taken off smoothly.
        piece = value * np.minimum(1, 6 * np.sin(np.pi * np.linspace(0, 1, len(time))))
        low, high = _LENGTHS[name]
        if np.ptp(piece) >= _SEEN[name] and low <= len(piece) <= high:
            found[name] = (segment(piece, 1.0),)
            edges[wave] = (first, last)
    for before_wave, after_wave, name in ((P, QRS, "PQ"), (QRS, T, "ST")):
        if before_wave in edges and after_wave in edges:
            gap = max(0, round((edges[after_wave][0] - edges[before_wave][1]) * RATE))
            found[name] = (Segment(np.zeros(gap + 2), 0.0, 0.0, 1.0),)
    spike = None
    if symbol == "/":
        spike = np.array([0.35, 1.0, 0.2]) * float(heights[rows[:, 0] == SPIKE][0])
    return Voice("", found, symbol == "V", spike)
