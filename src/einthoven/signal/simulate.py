"""Electrocardiograms that are known to the last wave, for tests, lessons and the demo.

After McSharry, Clifford, Tarassenko, Smith 2003, "A dynamical model for generating synthetic
electrocardiogram signals" (10.1109/TBME.2003.808805), with the heart as a vector seen by all leads
at once as in Sameni, Clifford, Jutten, Shamsollahi 2007 (10.1155/2007/43407).

Differs from the paper. The dynamical model runs a point round a limit cycle and lets Gaussian
attractors at fixed angles push its height; that needs an ODE solver, and the shapes it gives are
smoothed by the solver's leak. Here the solution of a turn, a sum of Gaussians at fixed delays
from the R time, is written down in closed form, so that every wave's peak and edges are known
exactly. The T wave's delay and width go with the square root of the RR interval as there. Rhythms
other than sinus, beats that begin elsewhere, and noise are ours. What comes out is plausible and is
no substitute for recordings: no figure about people may rest on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record import Annotations, Patient, Record
from einthoven.record.errors import UsageError
from einthoven.signal._simulate_beats import (
    QRS,
    WAVES,
    Array,
    Heart,
    P,
    T,
    directions,
    edges,
    peak,
    shape,
)
from einthoven.signal._simulate_noise import Noise, noise
from einthoven.signal._simulate_rhythm import RHYTHMS, Beats, Episode, beats

__all__ = ["QUIET", "Episode", "Heart", "Noise", "Simulation", "Waves", "simulate"]

# What a good recording has: a little of everything.
QUIET = (
    Noise(kind="wander", mv=0.04),
    Noise(kind="muscle", mv=0.008),
    Noise(kind="mains", mv=0.003),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """All waves, in time order of their peaks.

    An edge lies where the tangent at a wave's steepest point meets the baseline. It is that of
    the heart vector and so the same in all leads; the peak is that of the first lead.

    Attributes
    ----------
    kinds : (wave,) ``P``, ``QRS`` or ``T``.
    onsets, peaks, offsets : (wave,) samples.
    beats : (wave,) index of the beat among the beats of the annotations.
    """

    kinds: npt.NDArray[np.str_]
    onsets: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    beats: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """A record with everything that is true of it.

    Attributes
    ----------
    record : its annotations hold the beats (at the QRS peak of the first lead), the rhythm marks
        (``+``) and the beginning and end of added noise (``~``, subtype 1 a bit a lead, then 0).
    waves : P, QRS and T of each beat.
    clean : (lead, time) mV float32 without noise.
    """

    record: Record
    waves: Waves
    clean: npt.NDArray[np.float32]


def simulate(
    *,
    rate: float,
    leads: Sequence[str],
    episodes: Sequence[Episode],
    seed: int,
    heart: Heart | None = None,
    disturbances: Sequence[Noise] = QUIET,
    name: str = "simulated",
) -> Simulation:
    """Return a simulated recording.

    Parameters
    ----------
    rate : Hz, at least 100.
    leads : of the twelve, or ``MLII`` or ``ECG`` (both as II); the first carries the beat marks.
    episodes : the rhythms, one after the other; their seconds add up to the length.
    seed : of all chance; the same arguments give the same bits.
    heart : whose; `Heart()` if not given.
    disturbances : the noise to add.
    name : of the record.

    Raises
    ------
    UsageError : for a rate below 100 Hz, an unknown lead or rhythm, or no episode.
    """
    names = tuple(leads)
    if not rate >= 100:
        raise UsageError("simulate", f"rate is {rate} Hz", "Give 100 Hz or more: a Q lasts 20 ms")
    if not episodes or not names:
        raise UsageError("simulate", "no episode or no lead is given", "Give one of each")
    person = heart or Heart()
    towards = directions(names)
    samples = round(sum(e.seconds for e in episodes) * rate)
    plan = beats(person, episodes, np.random.default_rng([seed, 1]))
    shapes, fiducials = _shapes(person, plan, towards[0])
    vector = _atria(plan, person, samples, rate, np.random.default_rng([seed, 2]))
    _ventricles(vector, plan, shapes, person, rate, np.random.default_rng([seed, 3]))
    clean = towards @ vector
    noisy = clean.copy()
    for number, one in enumerate(disturbances):
        rng = np.random.default_rng([seed, 4, number])
        noisy += noise(one, len(names), samples, rate, rng)
    texts = dict(RHYTHMS) | ({"sinus": "(P"} if person.conduction == "paced" else {})
    marks = _marks(plan, fiducials, disturbances, samples, rate, len(names), texts)
    waves = _waves(plan, shapes, towards[0], samples, rate)
    record = Record(
        signal=noisy.astype(np.float32), rate=rate, leads=names, name=name, annotations=marks,
        patient=Patient(id=name), source=f"simulated:{name}",
    )  # fmt: skip
    return Simulation(record=record, waves=waves, clean=clean.astype(np.float32))


_Key = tuple[str, bool]


def _shapes(heart: Heart, plan: Beats, lead: Array) -> tuple[dict[_Key, Array], Array]:
    """Return the Gaussians of each kind of beat, and (beat,) the QRS peak in the first lead."""
    keys = list(zip(plan.symbols.tolist(), plan.atrial.tolist(), strict=True))
    shapes = {key: shape(heart, key[0], atrial=key[1]) for key in sorted(set(keys))}
    peaks = {key: peak(rows, QRS, lead) for key, rows in shapes.items()}
    return shapes, plan.times + np.array([peaks[key] for key in keys])


def _ventricles(
    vector: Array, plan: Beats, shapes: dict[_Key, Array], heart: Heart, rate: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Add every beat's waves to the heart vector (3, time)."""
    samples = vector.shape[1]
    count = len(plan.times)
    breath = np.sin(2 * np.pi * heart.respiration * plan.times)
    size = 1 + 0.04 * breath[:, None] + rng.normal(0, 0.015, (count, 4))  # beat, wave
    stretch = np.sqrt(plan.lengths)
    for (symbol, atrial), rows in shapes.items():
        mine = np.flatnonzero((plan.symbols == symbol) & (plan.atrial == atrial))
        for wave, centre, before, after, *xyz in rows.tolist():
            scale = stretch[mine, None] if wave == T else np.ones((len(mine), 1))
            middle = plan.times[mine, None] + centre * scale
            width = np.ceil(4 * max(before, after) * float(scale.max()) * rate)
            offsets = np.arange(-width, width + 1)
            index = np.rint(middle * rate) + offsets
            away = index / rate - middle
            sigma = np.where(away < 0, before, after) * scale
            value = np.exp(-0.5 * (away / sigma) ** 2) * size[mine, int(wave), None]
            inside = (index >= 0) & (index < samples)
            sums = np.bincount(index[inside].astype(np.int64), value[inside], samples)
            vector += np.multiply.outer(np.asarray(xyz), sums)


def _atria(plan: Beats, heart: Heart, samples: int, rate: float, rng: np.random.Generator) -> Array:
    """Return the heart vector (3, time) of fibrillating atria, zero outside fibrillation.

    A saw-tooth whose rate and size wander, after Stridh and Sornmo 2001.
    """
    vector = np.zeros((3, samples))
    bounds = [start for start, _ in plan.rhythms] + [samples / rate]
    for (start, rhythm), stop in zip(plan.rhythms, bounds[1:], strict=True):
        first, last = round(start * rate), min(samples, round(stop * rate))
        if rhythm != "afib" or last - first < 2:
            continue
        time = np.arange(last - first) / rate
        base = rng.uniform(5.2, 7.2)
        for axis, mv in enumerate((0.018, 0.045, 0.055)):
            drift = 0.35 * np.sin(2 * np.pi * rng.uniform(0.1, 0.25) * time + rng.uniform(0, 6.28))
            drift += 0.25 * np.sin(2 * np.pi * rng.uniform(0.4, 0.7) * time + rng.uniform(0, 6.28))
            phase = 2 * np.pi * np.cumsum(base + drift) / rate + rng.uniform(0, 6.28)
            swell = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.15, 0.4) * time)
            saw = sum(np.sin(k * phase) / k for k in (1, 2, 3))
            vector[axis, first:last] = mv * heart.p_size * swell * saw
        ramp = np.minimum(1, np.minimum(time, time[::-1]) / 0.4)
        vector[:, first:last] *= ramp
    return vector


def _marks(
    plan: Beats, fiducials: Array, disturbances: Sequence[Noise], samples: int, rate: float,
    leads: int, texts: Mapping[str, str],
) -> Annotations:  # fmt: skip
    """Return beats, rhythm marks and noise marks."""
    at = np.rint(fiducials * rate).astype(np.int64)
    rows = [
        (int(s), 1, symbol, 0, "")
        for s, symbol in zip(at.tolist(), plan.symbols.tolist(), strict=True)
    ]
    rows += [(round(start * rate), 0, "+", 0, texts[kind]) for start, kind in plan.rhythms]
    for one in disturbances:
        if one.stop is not None:  # what goes on for ever is the recording's own
            rows.append((round(one.start * rate), 0, "~", 2**leads - 1, ""))
            rows.append((round(one.stop * rate), 0, "~", 0, ""))
    rows = sorted({row for row in rows if 0 <= row[0] < samples})
    return Annotations(
        samples=np.array([r[0] for r in rows], np.int64),
        symbols=np.array([r[2] for r in rows], dtype="<U1"),
        subtypes=np.array([r[3] for r in rows], np.int64),
        texts=tuple(r[4] for r in rows),
    )


def _waves(plan: Beats, shapes: dict[_Key, Array], lead: Array, samples: int, rate: float) -> Waves:
    """Return the waves that lie whole in the record, of the beats whose mark lies in it."""
    stretch = np.sqrt(plan.lengths)
    kinds, triples, owners = [], [], []
    main = np.zeros(len(plan.times))
    for (symbol, atrial), rows in shapes.items():
        mine = np.flatnonzero((plan.symbols == symbol) & (plan.atrial == atrial))
        main[mine] = plan.times[mine] + peak(rows, QRS, lead)
        for wave in (P, QRS, T):
            onset, offset = edges(rows, wave)
            if np.isnan(onset):
                continue
            scale = stretch[mine] if wave == T else np.ones(len(mine))
            places = np.array([onset, peak(rows, wave, lead), offset])
            triples.append(plan.times[mine, None] + scale[:, None] * places)
            kinds.append(np.full(len(mine), WAVES[wave]))
            owners.append(mine)
    at = np.rint(np.concatenate(triples) * rate).astype(np.int64)
    kind, owner = np.concatenate(kinds), np.concatenate(owners)
    marked = (np.rint(main * rate) >= 0) & (np.rint(main * rate) < samples)
    number = np.cumsum(marked) - 1
    keep = (at[:, 0] >= 0) & (at[:, 2] < samples) & marked[owner]
    order = np.argsort(at[keep, 1], kind="stable")
    at, kind, owner = at[keep][order], kind[keep][order], owner[keep][order]
    return Waves(kinds=kind, onsets=at[:, 0], peaks=at[:, 1], offsets=at[:, 2], beats=number[owner])
