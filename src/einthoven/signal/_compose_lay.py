"""Lays segments along a plan of beats, and keeps account of where every wave begins and ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from einthoven.signal._compose_pool import KINDS, RATE, Array, Segment, Voice
from einthoven.signal._compose_rhythm import Beat, Plan, Rng

PAD = 1250  # samples laid before the first of the trace and after its last

_LEFT = 0.6  # of a P wave must be free of the wave it runs into, else nobody could mark it
_RIDE = 0.3  # of a T wave may lie under the next P wave
_LEAST_T, _MOST_T = 15, 100  # samples
_RUN = 0.6  # seconds; ventricular beats nearer than this leave no line between them
_FILLED = 0.5  # seconds from QRS to P up to which a T wave may be made to fill all of it
_ATRIAL = ("P", "PQ", "TP")


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who plays in one trace: what stays the same from beat to beat.

    Attributes
    ----------
    usual, ectopic : the voice of each kind of segment, in beats of the usual way, and in those
        that begin in the ventricles or at a pacemaker's wire.
    gains, stretches : by kind.
    shift : mV that the ST segment begins higher.
    odd : what the P wave of a premature atrial beat is multiplied by.
    alike : every beat of the usual way has the same segments.
    share : which of a voice's segments these are, 0 to below 1.
    breath : by how much QRS and T swell, breaths a second, and the phase.
    merged : kinds that are left out where two waves touch (PQ, ST, TP).
    wave_u : mV.
    """

    usual: Mapping[str, Voice]
    ectopic: Mapping[str, Voice]
    gains: Mapping[str, float]
    stretches: Mapping[str, float]
    shift: float
    odd: float
    alike: bool
    share: float
    breath: tuple[float, float, float]
    merged: frozenset[str]
    wave_u: float


@dataclass
class Wave:
    """A wave from its first to its last sample; a hidden one is not in the mask."""

    kind: str
    onset: int
    offset: int
    summit: int = 0
    hidden: bool = False


@dataclass(frozen=True)
class _Complex:
    """A QRS with what follows it, sized but not yet drawn."""

    beat: Beat
    on: int
    parts: Mapping[str, Segment]
    qrs: int
    st: int
    t: int
    p: int  # samples of its P wave, 0 if none
    p_on: int


class Sheet:
    """What a plan is drawn on."""

    def __init__(self, samples: int, cast: Cast, rng: Rng) -> None:
        """Begin with a flat line."""
        self.samples, self.cast, self.rng = samples, cast, rng
        self.line: Array = np.zeros(samples + 2 * PAD)
        self.joins: list[int] = []
        self.waves: list[Wave] = []

    def draw(self, plan: Plan) -> None:
        """Draw all beats and lone P waves of `plan`."""
        sized = [self._size(beat) for beat in plan.beats]
        sized = [c for c in sized if 0 <= c.on < len(self.line) - 200]
        lone = [self._lone(at) for at in plan.lone]
        pieces: list[tuple[Wave, Array]] = []
        for now, after in zip_longest(sized, sized[1:]):
            pieces += self._ventricles(now, after)
        pieces += [self._atria(c) for c in sized if c.p]
        pieces += [one for one in lone if one is not None]
        settle([wave for wave, _ in pieces])
        drawn = [(w, piece) for w, piece in pieces if not w.hidden or w.summit >= 0]
        for wave, piece in drawn:
            self._add(wave.onset, piece)
        self.waves = sorted((w for w, _ in drawn if not w.hidden), key=lambda w: w.onset)
        self._smooth()

    def _pick(self, kind: str, voice: Voice | None, share: float) -> Segment | None:
        """Return the segment at that share of what a voice has: near in time for all kinds."""
        some = voice.segments.get(kind) if voice else None
        return some[int(share * len(some))] if some else None

    def _length(self, kind: str, one: Segment, factor: float = 1.0) -> int:
        return max(2, round(len(one.bend) * self.cast.stretches[kind] * factor))

    def _size(self, beat: Beat) -> _Complex:
        usual = beat.kind in "NA"
        # What begins in one place of the ventricles looks the same each time.
        share = float(self.rng.random()) if usual and not self.cast.alike else self.cast.share
        parts = {}
        for kind in KINDS:
            book = self.cast.usual if usual or kind in _ATRIAL else self.cast.ectopic
            if (one := self._pick(kind, book.get(kind), share)) is not None:
                parts[kind] = one
        on = PAD + round(beat.at * RATE)
        qrs = self._length("QRS", parts["QRS"])
        st = self._length("ST", parts["ST"]) - 2 if "ST" in parts else 4
        t = self._length("T", parts["T"]) if "T" in parts else 0
        if "ST" in self.cast.merged:
            st = 0
        p = p_on = 0
        if beat.pr is not None and "P" in parts:
            p, delay = self._length("P", parts["P"]), round(beat.pr * RATE)
            delay = p if "PQ" in self.cast.merged and beat.pr < 0.2 else max(delay, p)
            p_on = on - delay
        return _Complex(beat, on, parts, qrs, max(0, st), t, p, p_on)

    def _ventricles(self, now: _Complex, after: _Complex | None) -> list[tuple[Wave, Array]]:
        """Return QRS and T of a beat; its ST and TP segments are drawn at once."""
        room = after.on - now.on if after else round(1.2 * RATE)
        until = after.p_on - now.on if after and after.p else room
        qrs = min(now.qrs, int(0.6 * room))
        st, t = self._recovery(now, room - qrs, until - qrs)
        depth, hertz, phase = self.cast.breath
        swell = 1 + depth * np.sin(2 * np.pi * hertz * now.beat.at + phase)
        gains = {kind: swell * gain for kind, gain in self.cast.gains.items()}
        parts = now.parts
        jay = gains["QRS"] * (parts["QRS"].end - parts["QRS"].start) + self.cast.shift
        piece = _stretched(parts["QRS"], qrs, gains["QRS"]) + np.linspace(0, jay, qrs)
        out = [(Wave("QRS", now.on, now.on + qrs - 1), piece)]
        level, at = jay, now.on + qrs
        if now.beat.kind == "/":
            self._spike(now)
        if st and "ST" in parts:
            one = parts["ST"]
            level += float(np.clip(gains["ST"] * (one.end - one.start), -0.3, 0.3))
            inner = _stretched(one, st + 2, gains["ST"]) + np.linspace(jay, level, st + 2)
            self._add(at, inner[1:-1])
        at += st
        last = 0.0
        if t and "T" in parts:
            last = float(np.clip(gains["T"] * parts["T"].end, -0.06, 0.06))
            bend = _stretched(parts["T"], t, gains["T"])
            wave = Wave("T", at, at + t - 1, at + int(np.argmax(np.abs(bend))))
            out.append((wave, bend + np.linspace(level, last, t)))
            at += t
        else:
            last = level
        self._rest(now, at, last, now.on + until - at)
        return out

    def _recovery(self, now: _Complex, room: int, until: int) -> tuple[int, int]:
        """Return the samples of ST and T in the `room` to the next QRS, `until` its P wave."""
        st, t = now.st, now.t
        cycle = now.parts["T"].cycle if "T" in now.parts else 0.0
        if cycle:
            # A QT goes about with the root of the cycle it belongs to.
            factor = float(np.clip(np.sqrt(room / RATE / cycle), 0.6, 1.25))
            st, t = round(st * factor), min(round(t * factor), _MOST_T)
        if now.beat.kind == "V" and room < _RUN * RATE:
            st, t = 0, min(room - 1, round(1.5 * t))
        if "TP" in self.cast.merged and until < _FILLED * RATE:
            t = int(np.clip(until - st, t, 1.8 * t))
        ride = 0.0 if "TP" in self.cast.merged else _RIDE
        if st + t > until + ride * t:
            factor = max(0.5, until / (st + (1 - ride) * t))
            st, t = int(st * factor), int(t * factor)
        if st + t > room - 1:
            st = max(0, room - 1 - t)
            t = min(t, room - 1 - st)
        return st, t if t >= _LEAST_T else 0

    def _rest(self, now: _Complex, at: int, level: float, gap: int) -> None:
        """Draw what lies between the end of a T wave and the next beat."""
        if "TP" in now.parts and gap > 4:
            bend = now.parts["TP"].bend
            if gap + 2 < len(bend):
                bend = bend[: gap + 2] - np.linspace(bend[0], bend[gap + 1], gap + 2)
            self._add(at, self.cast.gains["TP"] * bend[1:-1])
        fall = int(np.clip(gap, 12, 100))
        self._add(at, np.linspace(level, 0, fall + 1)[1:])
        if self.cast.wave_u and gap > 100:
            hump = np.sin(np.linspace(0, np.pi, 50)) ** 2
            self._add(at + 8, self.cast.wave_u * hump)

    def _spike(self, now: _Complex) -> None:
        voice = self.cast.ectopic["QRS"]
        spike = voice.spike if voice.spike is not None else np.array([0.4, 1.0, 0.2])
        self._add(now.on - 2, spike)

    def _atria(self, now: _Complex) -> tuple[Wave, Array]:
        """Return the P wave of a beat; its PQ segment is drawn at once."""
        gain = self.cast.gains["P"] * (self.cast.odd if now.beat.kind == "A" else 1.0)
        one = now.parts["P"]
        level = float(np.clip(gain * (one.end - one.start), -0.04, 0.04))
        piece = _stretched(one, now.p, gain) + np.linspace(0, level, now.p)
        space = now.on - now.p_on - now.p
        if space > 0:
            inner = np.linspace(level, 0.5 * level, space + 2)
            if "PQ" in now.parts:
                inner = inner + _stretched(now.parts["PQ"], space + 2, self.cast.gains["PQ"])
            self._add(now.p_on + now.p, inner[1:-1])
        # What the atria leave behind ends under the QRS.
        self._add(now.on, np.linspace(0.5 * level if space > 0 else level, 0, now.qrs))
        return Wave("P", now.p_on, now.p_on + now.p - 1), piece

    def _lone(self, at: float) -> tuple[Wave, Array] | None:
        """Return a P wave that leads to no beat, None where the cast has none."""
        share = self.cast.share if self.cast.alike else float(self.rng.random())
        one = self._pick("P", self.cast.usual.get("P"), share)
        on = PAD + round(at * RATE)
        if one is None or not 0 <= on < len(self.line) - 200:
            return None
        length = self._length("P", one)
        return Wave("P", on, on + length - 1), _stretched(one, length, self.cast.gains["P"])

    def _add(self, at: int, piece: Array) -> None:
        first, last = max(at, 0), min(at + len(piece), len(self.line))
        if last > first:
            self.line[first:last] += piece[first - at : last - at]
            self.joins += (first, last)

    def _smooth(self) -> None:
        """Take the kinks off the joins, two samples to either side."""
        soft = self.line.copy()
        soft[1:-1] = 0.25 * (self.line[:-2] + 2 * self.line[1:-1] + self.line[2:])
        near = (np.array(self.joins, np.int64)[:, None] + np.arange(-2, 2)).ravel()
        near = near[(near > 0) & (near < len(self.line) - 1)]
        self.line[near] = soft[near]


def _stretched(one: Segment, length: int, gain: float) -> Array:
    bend = one.bend
    if length == len(bend):
        return gain * bend
    return gain * np.interp(np.linspace(0, len(bend) - 1, length), np.arange(len(bend)), bend)


def settle(waves: list[Wave]) -> None:
    """Decide, where waves meet, which ends where, so that no two of them overlap.

    A QRS hides all. A P wave after the summit of a T wave ends that T wave. A P wave that runs
    into a QRS or the rise of a T wave ends there; if too little of it is left it is hidden. What
    is hidden but would stick out of the waves that hide it gets `summit` -1: it is not to be drawn.
    """
    ventricles = sorted((w for w in waves if w.kind != "P"), key=lambda w: w.onset)
    starts = [w.onset for w in ventricles]
    free = -1  # the first sample after the last P wave that is seen
    for wave in sorted((w for w in waves if w.kind == "P"), key=lambda w: w.onset):
        length = wave.offset - wave.onset + 1
        end = wave.offset
        i = bisect_left(starts, wave.onset)
        before = ventricles[i - 1] if i else None
        after = ventricles[i] if i < len(ventricles) else None
        inside = before is not None and wave.onset <= before.offset
        rides = inside and before is not None and before.kind == "T" and wave.onset > before.summit
        if after is not None and end >= after.onset:
            end = after.onset - 1
        seen = end - wave.onset + 1 >= _LEFT * length and (rides or not inside)
        if not seen or wave.onset < free:
            wave.hidden = True
            covered = inside and before is not None and wave.offset <= before.offset
            wave.summit = 0 if covered else -1
            continue
        if rides and before is not None:
            before.offset = wave.onset - 1
        wave.offset, free = end, end + 1
