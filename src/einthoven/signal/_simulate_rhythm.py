"""When simulated hearts beat, and from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from einthoven.record.errors import UsageError, nearest
from einthoven.signal._simulate_beats import CONDUCTIONS, Heart

# WFDB's texts of rhythm marks.
RHYTHMS: Mapping[str, str] = MappingProxyType(
    {"sinus": "(N", "afib": "(AFIB", "bigeminy": "(B", "trigeminy": "(T", "vt": "(VT"}
)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A stretch of one rhythm.

    Attributes
    ----------
    rhythm : ``sinus``, ``afib``, ``bigeminy``, ``trigeminy`` or ``vt`` (ventricular tachycardia).
    seconds : how long.
    heart_rate : a minute; the heart's own where None (170 in ``vt``, 1.3 times it in ``afib``).
    atrial, ventricular, fusion : chance of a premature or fusion beat after each beat of the
        rhythm itself, in ``sinus`` (`ventricular` in ``afib`` too).
    """

    rhythm: str
    seconds: float
    heart_rate: float | None = None
    atrial: float = 0.0
    ventricular: float = 0.0
    fusion: float = 0.0

    def __post_init__(self) -> None:
        if self.rhythm not in RHYTHMS:
            raise UsageError(
                "episode.rhythm", f"{self.rhythm!r} is not known", nearest(self.rhythm, RHYTHMS)
            )
        if not self.seconds > 0:
            raise UsageError("episode.seconds", f"is {self.seconds}", "Give more than 0")
        if not 0 <= self.atrial + self.ventricular + self.fusion <= 1:
            raise UsageError("episode", "the chances add up to more than 1", "Give smaller ones")


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """Beats in time order.

    Attributes
    ----------
    times : (beat,) R times, seconds.
    symbols : (beat,) WFDB symbols.
    atrial : (beat,) whether a P wave goes before it.
    lengths : (beat,) the RR interval that its T wave adapts to, seconds.
    rhythms : (start of the episode in seconds, its rhythm) of each episode.
    """

    times: npt.NDArray[np.float64]
    symbols: npt.NDArray[np.str_]
    atrial: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.float64]
    rhythms: tuple[tuple[float, str], ...]


class _Sinus:
    """RR as a function of time: respiration, the 0.1 Hz wave of pressure, and slow drift.

    McSharry et al. 2003 draw RR from a spectrum with these two peaks; here they are two waves of
    drifting phase, of the same total variance, to which slow drift is added.
    """

    def __init__(self, heart: Heart, rng: np.random.Generator) -> None:
        self.heart, self.rng = heart, rng
        self.phases = rng.uniform(0, 2 * np.pi, 4)

    def rr(self, time: float, heart_rate: float) -> float:
        mean, depth = 60 / heart_rate, self.heart.variability
        self.phases += self.rng.normal(0, 0.06, 4)
        turn = 2 * np.pi * time
        wave = (
            np.sin(turn * self.heart.respiration + self.phases[0])
            + 0.75 * np.sin(turn * 0.1 + self.phases[1])
            + 0.6 * np.sin(turn * 0.021 + self.phases[2])
            + 0.4 * np.sin(turn * 0.008 + self.phases[3])
        )
        return float(mean * (1 + depth * wave + self.rng.normal(0, 0.15 * depth)))


def beats(heart: Heart, episodes: Sequence[Episode], rng: np.random.Generator) -> Beats:
    """Return the beats of those episodes, one after the other."""
    sinus = _Sinus(heart, rng)
    own = CONDUCTIONS[heart.conduction]
    times: list[float] = []
    symbols: list[str] = []
    atrial: list[bool] = []

    def add(time: float, symbol: str, p: bool) -> None:
        times.append(time)
        symbols.append(symbol)
        atrial.append(p)

    def coupling() -> float:
        return float(np.clip(heart.coupling + rng.normal(0, 0.015), 0.45, 0.8))

    rhythms: list[tuple[float, str]] = []
    start = 0.0
    last = -0.6 * 60 / heart.heart_rate
    for episode in episodes:
        rhythms.append((start, episode.rhythm))
        stop = start + episode.seconds
        rate = episode.heart_rate or heart.heart_rate
        since = 0  # beats of the rhythm itself since the last ectopic one
        pause = 0.0  # the sinus beat after a premature one is due then
        while True:
            if episode.rhythm == "vt":
                rr = 60 / (episode.heart_rate or 170.0)
                time, kind, p = last + rr * (1 + rng.normal(0, 0.02)), "V", False
            elif episode.rhythm == "afib":
                # Irregular without order: no RR tells anything of the next.
                rr = 60 / (episode.heart_rate or 1.3 * heart.heart_rate)
                gap = max(0.34, rr * float(rng.gamma(22.0, 1 / 22.0)))
                time, kind, p = last + gap, own, False
                if since > 2 and rng.random() < episode.ventricular:
                    time, kind = last + max(0.36, 0.62 * rr), "V"
            else:
                rr = sinus.rr(last, rate)
                time, kind, p = max(last + rr, pause), own, True
                every = {"bigeminy": 1, "trigeminy": 2}.get(episode.rhythm)
                chance = rng.random() if since > 1 else 1.0
                if (every is not None and since >= every) or (
                    every is None and chance < episode.ventricular
                ):
                    time, kind, p = last + coupling() * rr, "V", False
                    pause = last + 2 * rr  # the sinus node was not disturbed: full compensation
                elif every is None and chance < episode.ventricular + episode.atrial:
                    time, kind = last + rr * float(rng.uniform(0.60, 0.76)), "A"
                    pause = time + rr * float(rng.uniform(1.02, 1.12))  # reset, hence no full one
                elif every is None and chance < (
                    episode.ventricular + episode.atrial + episode.fusion
                ):
                    time, kind = last + rr * float(rng.uniform(0.92, 0.98)), "F"
            if time >= stop:
                break
            add(time, kind, p)
            since = since + 1 if kind == own else 0
            last = time
        start = stop
    moments = np.array(times)
    gaps = np.diff(moments, prepend=moments[:1] - 60 / heart.heart_rate)
    # The QT follows the rate over several beats, and a little the beat before.
    slow = np.convolve(np.pad(gaps, (4, 0), mode="edge"), np.full(5, 0.2), mode="valid")
    return Beats(
        times=moments,
        symbols=np.array(symbols, dtype="<U1"),
        atrial=np.array(atrial, dtype=bool),
        lengths=np.clip(0.75 * slow + 0.25 * gaps, 0.33, 1.5),
        rhythms=tuple(rhythms),
    )
