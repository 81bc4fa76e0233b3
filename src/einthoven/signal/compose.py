"""Electrocardiograms composed of fundamental segments, with exact masks of P, QRS and T.

After Jimenez-Perez, Acosta, Alcaine, Camara 2024, "Generalizing electrocardiogram delineation"
(arXiv:2111.12996, 10.3389/fcvm.2024.1341786): segments P, PQ, QRS, ST, T, TP, cut from annotated
beats, are joined anew by rules and chances, so that a network sees rhythms and combinations that
no corpus has. The rules are written anew. As in the paper: the same morphology in every beat at
0.25, a shifted ST at 0.2, merged TP, PQ and ST at 0.25, 0.15 and 0.25, a U wave at 0.1. Ours: the
other chances, the simulator as a second source, levels kept apart from shapes, and the rules of
what is hidden where waves meet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import DataError, LeakError, UsageError, nearest
from einthoven.signal._compose_lay import PAD, Cast, Sheet
from einthoven.signal._compose_pool import KINDS, RATE, Array, Lead, Segment, Voice, cut, simulated
from einthoven.signal._compose_rhythm import RHYTHMS, Plan, Rng, plan
from einthoven.signal._simulate_beats import Heart
from einthoven.signal._simulate_noise import Noise, noise

__all__ = ["CODES", "RATE", "RHYTHMS", "Composed", "Lead", "Pool", "compose", "composed"]

CODES = {"P": 1, "QRS": 2, "T": 3}  # in a mask; 0 is none of them

_WHOLE = 0.4  # chance that all segments of a trace come from one lead
_MADE = 0.25  # chance that a voice is the simulator's, where there are others
_WIDENED = 0.35  # chance that ventricular beats are usual ones made wide
_CONDUCTIONS = ("normal", "normal", "normal", "lbbb", "rbbb")
_SIMULATED_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_USUAL = {"normal": "N", "lbbb": "L", "rbbb": "R"}


class Pool:
    """Segments to compose with, of people and of the simulator."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        """Sort voices by what they can play."""
        self.voices = tuple(voices)
        self._real: dict[str, list[Voice]] = {kind: [] for kind in (*KINDS, "V", "/")}
        self._made: dict[str, list[Voice]] = {kind: [] for kind in (*KINDS, "V", "/")}
        for voice in self.voices:
            book = self._real if voice.subject else self._made
            if voice.ventricular or voice.spike is not None:
                book["V" if voice.ventricular else "/"].append(voice)
                continue
            for kind in voice.segments:
                book[kind].append(voice)
        if not all(self._real[kind] or self._made[kind] for kind in CODES):
            raise DataError("pool", "holds no P, no QRS or no T wave", "Give leads with all three")

    @classmethod
    def of(cls, leads: Iterable[Lead], *, sealed: Collection[str] = (), hearts: int = 60) -> Pool:
        """Return the pool of `leads`, all of subjects to train with.

        Parameters
        ----------
        sealed : subjects to be tested on.
        hearts : simulated people to add, each in three leads and with ventricular and paced beats.

        Raises
        ------
        LeakError : a lead is of a sealed subject.
        DataError : there is no P, no QRS or no T wave in them.
        """
        voices: list[Voice] = []
        for lead in leads:
            if lead.subject in sealed:
                raise LeakError(
                    f"subject {lead.subject}", "is to be tested on and was handed to the pool",
                    "Compose from training subjects only",
                )  # fmt: skip
            voices += cut(lead)
        voices += _hearts(hearts)
        return cls(voices)

    def draw(self, kind: str, rng: Rng) -> Voice | None:
        """Return a voice that has that kind of segment (or ``V``, ``/``), None if there is none."""
        real, made = self._real[kind], self._made[kind]
        some = made if made and (not real or rng.random() < _MADE) else real
        return some[int(rng.integers(len(some)))] if some else None


def _hearts(count: int) -> list[Voice]:
    rng = np.random.default_rng(11)
    found = []
    for seed in range(count):
        conduction = str(rng.choice(_CONDUCTIONS))
        heart = Heart.drawn(seed, conduction)
        wired = Heart.drawn(seed, "paced")
        for lead in rng.choice(_SIMULATED_LEADS, 3, replace=False).tolist():
            found += [simulated(heart, _USUAL[conduction], lead), simulated(heart, "V", lead)]
            found.append(simulated(wired, "/", lead))
    return [voice for voice in found if {"QRS", "T"} <= voice.segments.keys()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Composed:
    """A trace and all that is known of it.

    Attributes
    ----------
    signal : (time,) mV float32 at 250 Hz.
    clean : (time,) mV float32 without noise.
    mask : (time,) 0 none, 1 P, 2 QRS, 3 T.
    rhythm : one of `RHYTHMS`.
    waves : kind, first and last sample of each wave that can be seen, in time order; a wave that
        the trace cuts begins before 0 or ends after it.
    """

    signal: npt.NDArray[np.float32]
    clean: npt.NDArray[np.float32]
    mask: npt.NDArray[np.uint8]
    rhythm: str
    waves: tuple[tuple[str, int, int], ...]


def compose(
    pool: Pool, rng: Rng, seconds: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return a trace (time,) in mV at 250 Hz and its mask (time,): 0 none, 1 P, 2 QRS, 3 T.

    A wave's first and last sample both belong to it.
    """
    made = composed(pool, rng, seconds)
    return made.signal, made.mask


def composed(pool: Pool, rng: Rng, seconds: float, rhythm: str | None = None) -> Composed:
    """Return a trace with what is known of it.

    Parameters
    ----------
    rng : of all chance; one in the same state gives the same bits.
    seconds : 1 to 60.
    rhythm : one of `RHYTHMS`; by its chance if not given.

    Raises
    ------
    UsageError : an unknown rhythm, or a length out of range.
    """
    if not 1 <= seconds <= 60:
        raise UsageError("compose.seconds", f"is {seconds}", "Give 1 to 60")
    if rhythm is None:
        chances = np.array([chance for chance, _ in RHYTHMS.values()])
        rhythm = str(rng.choice(list(RHYTHMS), p=chances / chances.sum()))
    elif rhythm not in RHYTHMS:
        raise UsageError("compose.rhythm", f"{rhythm!r} is not known", nearest(rhythm, RHYTHMS))
    samples = round(seconds * RATE)
    sheet = Sheet(samples, _cast(pool, rng, rhythm), rng)
    what = plan(rng, seconds, rhythm)
    sheet.draw(what)
    inside = slice(PAD, PAD + samples)
    line = sheet.line[inside] + _trembling(what, samples, rng)
    line *= _size(line, rng)
    mask = np.zeros(samples, np.uint8)
    waves = []
    for wave in sheet.waves:
        first, last = wave.onset - PAD, wave.offset - PAD
        if last >= 0 and first < samples:
            waves.append((wave.kind, first, last))
            mask[max(first, 0) : last + 1] = CODES[wave.kind]
    dirt = _noise(samples, rng, silent=rhythm == "silence")
    return Composed(
        signal=(line + dirt).astype(np.float32), clean=line.astype(np.float32), mask=mask,
        rhythm=rhythm, waves=tuple(waves),
    )  # fmt: skip


def _cast(pool: Pool, rng: Rng, rhythm: str) -> Cast:
    """Draw who plays in a trace."""
    lead = pool.draw("QRS", rng)
    whole = rng.random() < _WHOLE
    usual: dict[str, Voice] = {}
    for kind in KINDS:
        own = lead is not None and kind in lead.segments
        stay = kind == "QRS" or whole or rng.random() < 0.3
        voice = lead if own and stay else pool.draw(kind, rng)
        if voice is not None:
            usual[kind] = voice
    alike = bool(rng.random() < 0.25)
    merged = {"TP": 0.25, "PQ": 0.15, "ST": 0.25}
    fast = 2.0 if rhythm == "tachycardia" else 1.0
    gains = {kind: float(np.clip(rng.normal(1, 0.25), 0.5, 1.6)) for kind in KINDS}
    stretches = {kind: float(np.clip(rng.normal(1, 0.1), 0.75, 1.3)) for kind in KINDS}
    shifted = rng.random() < 0.2
    return Cast(
        usual=usual,
        ectopic=_ectopic(pool, usual, rng, rhythm),
        gains=gains,
        stretches=stretches,
        shift=float(rng.normal(0, 0.18)) if shifted else 0.0,
        odd=float(rng.choice([-1.0, -0.6, 0.7, 1.3])),
        alike=alike,
        share=float(rng.random()),
        breath=(
            float(rng.uniform(0, 0.1)),
            float(rng.uniform(0.15, 0.35)),
            float(rng.uniform(0, 6.28)),
        ),
        merged=frozenset(k for k, chance in merged.items() if rng.random() < chance * fast),
        wave_u=float(rng.uniform(0.01, 0.05)) if rng.random() < 0.1 else 0.0,
    )


def _ectopic(pool: Pool, usual: Mapping[str, Voice], rng: Rng, rhythm: str) -> dict[str, Voice]:
    """Return the voices of beats that do not come down the usual way."""
    voice = pool.draw("/" if rhythm == "paced" else "V", rng)
    if voice is None or (rhythm != "paced" and rng.random() < _WIDENED):
        voice = _widened(usual["QRS"], usual["T"], rng)
    return {kind: voice for kind in ("QRS", "ST", "T") if kind in voice.segments}


def _widened(narrow: Voice, recovery: Voice, rng: Rng) -> Voice:
    """Return ventricular beats made of usual ones: slow, smooth, the T wave against the QRS."""
    factor, turn = float(rng.uniform(1.5, 2.1)), float(rng.choice([-1.3, 1.3]))
    qrs = []
    for one in narrow.segments["QRS"]:
        length = max(30, min(52, round(len(one.bend) * factor)))
        grid = np.linspace(0, len(one.bend) - 1, length)
        bend = np.interp(grid, np.arange(len(one.bend)), one.bend)
        bend = np.convolve(np.pad(bend, 4), np.hanning(9) / np.hanning(9).sum(), "valid")
        bend = turn * (bend - np.linspace(bend[0], bend[-1], length))
        qrs.append(Segment(bend, 0.0, 0.0, one.cycle))
    up = qrs[0].bend[np.argmax(np.abs(qrs[0].bend))] > 0
    t = []
    for one in recovery.segments["T"]:
        against = (one.bend[np.argmax(np.abs(one.bend))] > 0) == up
        t.append(Segment((-1.3 if against else 1.3) * one.bend, 0.0, 0.0, one.cycle))
    flat = Segment(np.zeros(4), 0.0, 0.0)
    return Voice("", {"QRS": tuple(qrs), "ST": (flat,), "T": tuple(t)}, True)


def _trembling(what: Plan, samples: int, rng: Rng) -> Array:
    """Return (time,) mV of atria that flutter or fibrillate."""
    line = np.zeros(samples)
    if not what.atria:
        return line
    time = np.arange(samples) / RATE
    rate = 1 / what.cycle
    if what.atria == "flutter":
        phase = 2 * np.pi * rate * time + rng.uniform(0, 2 * np.pi)
        saw = sum(np.sin(k * phase + 0.25 * k) / k for k in (1, 2, 3, 4))
        return line + float(rng.uniform(0.05, 0.16)) * float(rng.choice([-1, 1])) * saw
    for share in (1.0, 0.5):
        drift = 0.6 * np.sin(2 * np.pi * rng.uniform(0.1, 0.3) * time + rng.uniform(0, 6.28))
        drift += 0.5 * np.sin(2 * np.pi * rng.uniform(0.4, 1.1) * time + rng.uniform(0, 6.28))
        phase = 2 * np.pi * np.cumsum(rate * rng.uniform(0.85, 1.15) + drift) / RATE
        swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.2, 0.7) * time + rng.uniform(0, 6.28))
        line += share * swell * (np.sin(phase) + 0.35 * np.sin(2 * phase + rng.uniform(0, 6.28)))
    return line * float(rng.choice([0.004, 0.015, 0.03, 0.055], p=[0.2, 0.35, 0.3, 0.15]))


def _size(line: Array, rng: Rng) -> float:
    """Return what a trace is multiplied by: gain, low voltage, a turned lead; at most 5 mV."""
    gain = float(np.exp(rng.normal(0, 0.2)))
    if rng.random() < 0.1:
        gain *= float(rng.uniform(0.2, 0.5))
    if rng.random() < 0.1:
        gain = -gain
    return gain * min(1.0, 5.0 / max(abs(gain) * float(np.abs(line).max(initial=0)), 1e-9))


def _noise(samples: int, rng: Rng, *, silent: bool) -> Array:
    """Return (time,) mV of what disturbs a trace; a silent one is disturbed for certain."""
    line = np.zeros(samples)
    for kind, chance, low, high in (
        ("wander", 0.7, 0.01, 0.25), ("muscle", 0.5, 0.003, 0.05), ("mains", 0.3, 0.002, 0.04),
        ("electrode", 0.07, 0.02, 0.12),
    ):  # fmt: skip
        if rng.random() < chance or (silent and kind != "electrode"):
            mv = float(np.exp(rng.uniform(np.log(low), np.log(high))))
            one = Noise(kind=kind, mv=mv, hertz=float(rng.choice([50.0, 60.0])))
            line += noise(one, 1, samples, RATE, rng)[0]
    line += rng.normal(0, float(rng.choice([0.001, 0.004, 0.012])), samples)
    if rng.random() < 0.04:  # pulses of one or two samples, of whatever is switched nearby
        at = rng.integers(0, samples - 1, int(rng.integers(1, 6)))
        line[at] += rng.normal(0, 0.6, len(at))
        line[at + 1] += rng.normal(0, 0.2, len(at))
    return line
