"""What the R-peak net learns from: real leads, noisy and stretched copies, signals of no heart.

Each set is a table of candidates described by the very code that asks the net in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.corpora import open_corpus
from einthoven.corpora.nstdb import NOISES
from einthoven.record import Annotations
from einthoven.record.errors import DataError
from einthoven.record.vocabulary import is_beat
from einthoven.signal.noise import mix
from einthoven.signal.peaks import describe_candidates

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Wave = Callable[[npt.NDArray[np.float64], np.random.Generator], npt.NDArray[np.float64]]

_NEAR = 9  # grid samples, 0.1 s: the farthest a candidate may lie from the beat it is


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Candidates to learn from.

    Attributes
    ----------
    features : (candidate, feature).
    labels : (candidate,) 1 where a candidate is a beat.
    offsets : (candidate,) grid samples from the candidate to the reference mark; 0 where none.
    weights : (candidate,).
    """

    features: Floats
    labels: Floats
    offsets: Floats
    weights: Floats


def stack(tables: Sequence[Table]) -> Table:
    """Return all rows of the tables."""
    return Table(
        **{
            name: np.concatenate([getattr(t, name) for t in tables])
            for name in ("features", "labels", "offsets", "weights")
        }
    )


def beats_and_flutter(marks: Annotations) -> tuple[Ints, list[tuple[int, int]]]:
    """Return the samples of the beats, and the episodes between ``[`` and ``]``."""
    open_ = marks.samples[marks.symbols == "["].tolist()
    shut = marks.samples[marks.symbols == "]"].tolist()
    return marks.samples[is_beat(marks.symbols)], list(zip(open_, shut, strict=False))


def table(
    signal: Floats,
    rate: float,
    beats: Ints,
    weights: Sequence[float],
    leave_out: Sequence[tuple[int, int]] = (),
) -> Table:
    """Describe every candidate of `signal` (lead, time) and say which are beats."""
    step, leads = describe_candidates(signal, rate)
    parts = []
    at = beats / step
    for (samples, features), weight in zip(leads, weights, strict=True):
        labels = np.zeros(len(samples), np.float32)
        offsets = np.zeros(len(samples), np.float32)
        if len(samples) and len(at):
            right = np.clip(np.searchsorted(samples, at), 0, len(samples) - 1)
            left = np.maximum(right - 1, 0)
            pick = np.where(np.abs(samples[left] - at) <= np.abs(samples[right] - at), left, right)
            near = np.abs(samples[pick] - at) <= _NEAR
            labels[pick[near]] = 1
            offsets[pick[near]] = (at - samples[pick])[near]
        keep = np.ones(len(samples), np.bool_)
        for a, b in leave_out:
            keep &= (samples * step < a) | (samples * step > b)
        parts.append(Table(features=features[keep], labels=labels[keep], offsets=offsets[keep],
            weights=np.full(int(keep.sum()), weight, np.float32)))  # fmt: skip
    return stack(parts)


def _broad(n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return synthetic disturbance of unit RMS: hum, hiss, drift or bursts."""
    kind = rng.integers(4)
    t = np.arange(n)
    if kind == 0:
        wave = rng.standard_normal(n)
    elif kind == 1:
        wave = np.sin(2 * np.pi * rng.choice([50, 60]) / 360 * t + rng.uniform(0, 6))
    elif kind == 2:
        wave = np.convolve(rng.standard_normal(n), np.ones(9) / 9, "same")
    else:
        wave = rng.standard_normal(n) * (np.repeat(rng.random(n // 180 + 1), 180)[:n] > 0.7)
    return wave / max(float(wave.std()), 1e-9)


def disturbed(
    signal: Floats, beats: Ints, noises: dict[str, Floats], rng: np.random.Generator
) -> Floats:
    """Return `signal` with noise of -3 to 24 dB switched on and off every 10 to 60 seconds."""
    n = signal.shape[1]
    where = np.zeros(n, np.bool_)
    at = 0
    while at < n:
        a = at + int(rng.uniform(5, 40) * 360)
        at = a + int(rng.uniform(10, 60) * 360)
        where[a:at] = True
    if rng.random() < 0.75:
        wave = noises[str(rng.choice(NOISES))]
        noise = np.roll(wave, -int(rng.integers(wave.shape[1])), axis=1)
    else:
        noise = np.stack([_broad(n, rng) for _ in signal]).astype(np.float32)
    snr = float(rng.uniform(-3, 24))
    return mix(signal, noise, 360.0, snr, snr="nst", beats=beats, where=where)


def strips(signal: Floats, rng: np.random.Generator, count: int) -> Iterator[tuple[int, int]]:
    """Give `count` stretches of 4 to 12 seconds, as (start, stop): each a cold start."""
    for _ in range(count):
        length = int(rng.uniform(4, 12) * 360)
        start = int(rng.integers(0, signal.shape[1] - length))
        yield start, start + length


def _held(steps: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    every = int(rng.integers(40, 700))
    return np.repeat(rng.standard_normal(len(steps) // every + 1), every)[: len(steps)]


def _spikes(t: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    wave = np.zeros(len(t))
    many = max(2, int(t[-1] * rng.uniform(0.3, 3)))
    wide = int(rng.integers(1, 8))
    for at in rng.integers(0, len(t) - 8, many):
        wave[at : at + wide] = rng.uniform(0.3, 3) * rng.choice([-1, 1])
    return wave


def _hertz(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(0.2), np.log(12))))


# No heart beats in any of these; t in seconds, result in arbitrary units.
NO_ECG: dict[str, Wave] = {
    "white": lambda t, rng: rng.standard_normal(len(t)),
    "brown": lambda t, rng: np.cumsum(rng.standard_normal(len(t))) / 20,
    "smooth": lambda t, rng: np.convolve(
        rng.standard_normal(len(t)), np.hanning(k := int(rng.integers(3, 60))) / k, "same"
    ),
    "steps": _held,
    "square": lambda t, rng: np.sign(np.sin(2 * np.pi * _hertz(rng) * t + rng.uniform(0, 6))),
    "sine": lambda t, rng: np.sin(2 * np.pi * _hertz(rng) * t + rng.uniform(0, 6)),
    "triangle": lambda t, rng: np.abs((_hertz(rng) * t + rng.random()) % 1 - 0.5),
    "saw": lambda t, rng: rng.choice([-1, 1]) * ((_hertz(rng) * t + rng.random()) % 1),
    "spikes": _spikes,
    "hum": lambda t, rng: np.sin(2 * np.pi * rng.choice([50, 60]) * t),
    "pulses": lambda t, rng: ((_hertz(rng) * t) % 1 < rng.uniform(0.02, 0.4)).astype(float),
}


def no_beats(rng: np.random.Generator, rounds: int, noises: dict[str, Floats]) -> list[Table]:
    """Return tables without a single beat: signals of many kinds, and noise records alone."""
    none = np.zeros(0, np.int64)
    out = []
    for _ in range(rounds):
        for wave in NO_ECG.values():
            rate = float(rng.choice([125, 250, 360, 500]))
            t = np.arange(int(30 * rate)) / rate
            x = wave(t, rng) * np.exp(rng.uniform(-2, 1))
            if rng.random() < 0.5:
                x = x + rng.standard_normal(len(t)) * 10 ** rng.uniform(-3.5, -1)
            out.append(table(x[None].astype(np.float32), rate, none, (1.0,)))
    for wave_ in noises.values():
        weights = (0.5,) * len(wave_)
        out += [table(wave_, 360 * stretch, none, weights) for stretch in (0.8, 1.0, 1.25)]
    return out


def real(
    records: Sequence[str],
    corpus_name: str,
    rng: np.random.Generator,
    *,
    copies: int,
    cold: int,
    noises: dict[str, Floats],
) -> list[Table]:
    """Return the tables of the records: as they are, disturbed and stretched, in short strips.

    Raises
    ------
    DataError : a record has no reference beats.
    """  # fmt: skip
    corpus = open_corpus(corpus_name)
    out = []
    for name in records:
        record = corpus.open(name).record()
        marks = record.annotations
        if marks is None:
            raise DataError(name, "has no reference beats", "Train on a corpus that has")
        beats, flutter = beats_and_flutter(marks)
        x = np.ascontiguousarray(record.signal[:2])
        weights = (1.0, 0.5)[: len(x)]
        out.append(table(x, record.rate, beats, weights, flutter))
        for k in range(copies):
            y = disturbed(x, beats, noises, rng) if k % 5 in (0, 2, 4) else x
            factor = float(rng.choice([0.75, 5 / 6, 11 / 12, 1.0, 13 / 12, 7 / 6, 1.25, 4 / 3]))
            light = tuple(0.5 * w for w in weights)
            out.append(table(y, record.rate * factor, beats, light, flutter))
        noisy = disturbed(x, beats, noises, rng)
        for a, b in strips(x, rng, cold):
            piece = noisy if rng.random() < 0.4 else x
            inside = beats[(beats >= a) & (beats < b)] - a
            apart = [(p - a, q - a) for p, q in flutter]
            out.append(table(piece[:, a:b], record.rate, inside, weights, apart))
    return out
