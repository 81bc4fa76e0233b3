"""Premature beats, fibrillation and fusion beats made out of a patient's own normal beats.

Supraventricular ectopic beats are rare and belong to few patients, so a classifier learns those
patients. A premature atrial beat is, seen from outside, a normal QRS that comes early after a
changed P wave: it can be made at the level of the signal. The recording is cut before each P wave,
the piece before the beat is shortened (what it loses is added under the next piece, as a T wave
under a P wave is), the P wave is scaled or turned over, and a pause follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]

MODES = ("isolated", "runs", "dominant", "fibrillation")

_BEFORE_P = 0.24  # seconds before R at which a piece begins, less where the heart is fast
_PR = 0.06  # seconds before R at which the P wave's part ends


@dataclass(frozen=True, kw_only=True, eq=False)
class Synthetic:
    """A made recording.

    Attributes
    ----------
    signal : (time,) float32 mV.
    samples : (beat,) int64 R peaks.
    labels : (beat,) AAMI classes: the given ones, S for premature beats, F for fusion beats.
    made : (beat,) whether the beat or the interval before it was changed.
    """

    signal: Array
    samples: npt.NDArray[np.int64]
    labels: npt.NDArray[np.str_]
    made: npt.NDArray[np.bool_]


def regular(samples: npt.NDArray[np.int64]) -> bool:
    """Return whether the RR intervals of R peaks (beat,) are alike, as those to be moved must."""
    if len(samples) < 20:
        return False
    change = np.abs(np.diff(np.log(np.maximum(np.diff(samples), 1))))
    return bool(np.median(change) < 0.1)


def _plan(normal: npt.NDArray[np.bool_], mode: str, rng: np.random.Generator) -> Float:
    """Return (beat,) what each RR interval is multiplied by; NaN where it is left alone.

    Below 1 the beat that ends the interval is premature; from 1 on it comes after a pause.
    """
    n = len(normal)
    plan = np.full(n, np.nan)
    factor = rng.uniform(0.45, 0.88)  # of this patient
    jitter = rng.uniform(0.01, 0.06)
    longest = rng.uniform(1.1, 1.5) if mode == "isolated" else rng.uniform(1.1, 2.8)
    # Where premature beats dominate, normal ones stand singly: after every few or after scores.
    longest_run = float(np.exp(rng.uniform(np.log(3), np.log(60))))
    mean_run = {"isolated": 1.0, "runs": rng.uniform(3, 15), "dominant": longest_run}[mode]
    mean_gap = {"isolated": rng.uniform(6, 25), "runs": rng.uniform(10, 50), "dominant": 1.2}[mode]
    beat = 2 + int(rng.geometric(1 / mean_gap))
    while beat < n - 1:
        length = int(rng.geometric(1 / mean_run))
        inside = np.arange(beat, min(beat + length, n - 1))
        ends = np.flatnonzero(~(normal[inside] & normal[inside - 1]))
        if len(ends):  # a run stops where a real ectopic beat stands
            inside = inside[: ends[0]]
        if len(inside):
            here = factor + jitter * rng.standard_normal(len(inside))
            plan[inside] = np.clip(here, 0.42, 0.92)
            after = inside[-1] + 1
            if normal[after]:
                plan[after] = rng.uniform(1.0, longest)
        beat = (
            max(int(inside[-1]) if len(inside) else beat, beat)
            + 1
            + int(rng.geometric(1 / mean_gap))
        )
    return plan


def _mirror(piece: Float, more: int, rate: float) -> Float:
    """Return `more` samples that carry the end of a piece on, to and fro."""
    tail = piece[-max(2, round(0.1 * rate)) :]
    cycle = np.concatenate([tail[::-1], tail])
    return np.resize(cycle, more)


def _flutter(n: int, rate: float, size: float, rng: np.random.Generator) -> Float:
    """Return (time,) fibrillatory waves: 4 to 9 Hz, wandering in rate and size."""
    knots = np.arange(0, n + rate, rate / 2)
    speed = np.interp(np.arange(n), knots, rng.normal(rng.uniform(4.5, 8), 0.6, len(knots)))
    swell = np.interp(np.arange(n), knots, np.abs(rng.normal(1, 0.35, len(knots))))
    phase = 2 * np.pi * np.cumsum(speed) / rate
    wave: Float = size * swell * (np.sin(phase) + 0.4 * np.sin(2 * phase + 0.7))
    return wave


def premature(
    signal: Array,
    rate: float,
    samples: npt.NDArray[np.int64],
    labels: npt.NDArray[np.str_],
    *,
    mode: str,
    rng: np.random.Generator,
) -> Synthetic:
    """Return a recording in which some normal beats have become premature.

    Parameters
    ----------
    signal : (time,) mV of one lead, no NaN.
    rate : Hz.
    samples, labels : (beat,) R peaks in order, and their AAMI classes.
    mode : one of `MODES`: single beats, runs, premature beats in the majority, or atrial
        fibrillation (irregular, no P waves, fibrillatory waves; its beats stay N).
    """
    n = len(samples)
    normal = labels == "N"
    rr = np.diff(samples, append=samples[-1] + (samples[-1] - samples[-2]))
    before = np.concatenate([rr[:1], rr[:-1]])
    cuts = np.maximum(
        samples - np.minimum(_BEFORE_P * rate, 0.4 * before).astype(np.int64), 0
    )  # (beat,) where the piece of each beat begins
    usual = float(np.median(rr))
    fibrillation = mode == "fibrillation"
    if fibrillation:
        spread = rng.uniform(0.12, 0.3)
        plan = np.clip(np.exp(rng.normal(rng.uniform(-0.25, 0.0), spread, n)), 0.42, 1.9)
        plan[:2] = np.nan
        plan[1:][~(normal[1:] & normal[:-1])] = np.nan
        gain, wander = 0.0, 0.08
    else:
        plan = _plan(normal, mode, rng)
        gain, wander = rng.uniform(-1.0, 1.3), 0.15
    heights = [float(np.ptp(signal[max(0, s - 20) : s + 20])) for s in samples[:200]]

    smooth = max(1, round(0.01 * rate))
    level = np.convolve(signal, np.full(2 * smooth + 1, 1 / (2 * smooth + 1)), mode="same")
    out: list[Float] = [level[: cuts[0]] * 0 + (signal[: cuts[0]] - level[cuts[0]])]
    tail = np.zeros(0)  # of the piece before, to be added under this one
    position, new = int(cuts[0]), np.zeros(n, np.int64)
    ends = np.append(cuts[1:], len(signal))
    for i in range(n):
        first, last = int(cuts[i]), int(ends[i])
        line = np.linspace(level[first], level[min(last, len(level) - 1)], max(last - first, 1))
        piece = signal[first:last].astype(np.float64) - line[: last - first]
        early = bool(plan[i] < 1) and not fibrillation
        if early or (fibrillation and normal[i]):
            stop = max(int(samples[i]) - first - round(_PR * rate), 2)
            rest = np.linspace(piece[0], piece[min(stop, len(piece) - 1)], stop)
            scale = gain + wander * rng.standard_normal()
            piece[:stop] = rest + scale * (piece[:stop] - rest)
        new[i] = position + int(samples[i]) - first
        if len(tail):
            shared = min(len(tail), len(piece))
            piece[:shared] += tail[:shared]
            tail = np.zeros(0)
        if i + 1 < n and np.isfinite(plan[i + 1]):
            # Against the usual interval: runs keep their own rate, whatever stood there before.
            base = usual if fibrillation else 0.5 * (usual + float(rr[i]))
            wanted = round(plan[i + 1] * base)
            # The piece's length is its own; the interval is what it becomes.
            size = max(len(piece) + wanted - int(rr[i]), round(0.15 * rate))
            if size < len(piece):
                tail = piece[size:] * np.cos(np.linspace(0, np.pi / 2, len(piece) - size)) ** 0.5
                piece = piece[:size]
            elif size > len(piece):
                piece = np.concatenate([piece, _mirror(piece, size - len(piece), rate)])
        out.append(piece)
        position += len(piece)
    whole = np.concatenate(out)
    if fibrillation:
        whole += _flutter(
            len(whole), rate, rng.uniform(0.01, 0.06) * float(np.median(heights)), rng
        )
    changed = np.isfinite(plan)
    classes = labels.copy()
    if not fibrillation:
        classes[changed & (plan < 1) & normal] = "S"
    return Synthetic(
        signal=whole.astype(np.float32), samples=new, labels=classes, made=changed & normal
    )


def fusion(
    signal: Array,
    rate: float,
    samples: npt.NDArray[np.int64],
    labels: npt.NDArray[np.str_],
    *,
    share: float,
    rng: np.random.Generator,
) -> Synthetic:
    """Return the recording with a `share` of its normal beats mixed with its own ventricular ones.

    A fusion beat is met by both wave fronts: part of the normal and part of the ventricular beat,
    at the normal beat's place. Unchanged where there are fewer than 5 ventricular beats.

    Parameters
    ----------
    signal, rate, samples, labels : as of `premature`.
    """
    whole, classes = signal.copy(), labels.copy()
    made = np.zeros(len(samples), bool)
    left, right = round(0.16 * rate), round(0.42 * rate)
    inside = (samples > left) & (samples < len(signal) - right)
    normal = np.flatnonzero((labels == "N") & inside)
    ectopic = np.flatnonzero((labels == "V") & inside)
    if len(ectopic) < 5:
        return Synthetic(signal=whole, samples=samples, labels=classes, made=made)
    fade = np.minimum(1.0, np.minimum(np.arange(left + right), np.arange(left + right)[::-1]) / 15)
    chosen = normal[rng.random(len(normal)) < share]
    chosen = chosen[np.diff(chosen, prepend=-5) > 1]
    for beat, donor in zip(chosen, rng.choice(ectopic, len(chosen)), strict=True):
        at, other = samples[beat], samples[donor]
        mine = slice(at - left, at + right)
        theirs = signal[other - left : other + right]
        theirs = theirs - np.median(theirs) + np.median(signal[mine])
        part = rng.uniform(0.3, 0.7) * fade
        whole[mine] = (1 - part) * signal[mine] + part * theirs
        classes[beat], made[beat] = "F", True
    return Synthetic(signal=whole, samples=samples, labels=classes, made=made)
