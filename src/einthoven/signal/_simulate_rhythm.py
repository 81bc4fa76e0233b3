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


class _Pacemaker:
    """Decides when the next beat comes and from where.

    In sinus rhythm RR is a function of time: respiration, the 0.1 Hz wave of pressure, and slow
    drift. McSharry et al. 2003 draw it from a spectrum with the first two as peaks; here they are
    waves of drifting phase and about the same total variance.
    """

    def __init__(self, heart: Heart, rng: np.random.Generator) -> None:
        self.heart, self.rng = heart, rng
        self.own = CONDUCTIONS[heart.conduction]
        self.phases = rng.uniform(0, 2 * np.pi, 4)
        self.last = -0.6 * 60 / heart.heart_rate
        self.begin(Episode(rhythm="sinus", seconds=1))

    def begin(self, episode: Episode) -> None:
        """Go over to another rhythm."""
        usual = {"vt": 170.0, "afib": 1.3 * self.heart.heart_rate}
        self.episode = episode
        self.rr = 60 / (episode.heart_rate or usual.get(episode.rhythm, self.heart.heart_rate))
        self.since = 0  # beats of the rhythm itself since the last ectopic one
        self.due = -np.inf  # the sinus beat after a premature one does not come before this

    def beat(self) -> tuple[float, str, bool]:
        """Return time, symbol, and whether a P wave goes before, of the next beat."""
        draw = {"vt": self._run, "afib": self._fibrillation}.get(self.episode.rhythm, self._sinus)
        time, symbol, atrial = draw()
        self.last = time
        self.since = self.since + 1 if symbol == self.own else 0
        return time, symbol, atrial

    def _run(self) -> tuple[float, str, bool]:
        return self.last + self.rr * (1 + self.rng.normal(0, 0.02)), "V", False

    def _fibrillation(self) -> tuple[float, str, bool]:
        # Irregular without order: no RR tells anything of the next.
        gap = max(0.34, self.rr * float(self.rng.gamma(22.0, 1 / 22.0)))
        if self.since > 2 and self.rng.random() < self.episode.ventricular:
            return self.last + max(0.36, 0.62 * self.rr), "V", False
        return self.last + gap, self.own, False

    def _sinus(self) -> tuple[float, str, bool]:
        rr = self._sinus_rr()
        kind = self._ectopic()
        if kind == "V":
            coupling = float(np.clip(self.heart.coupling + self.rng.normal(0, 0.015), 0.45, 0.8))
            # The sinus node is not disturbed and its next beat falls on deaf ventricles: the pause
            # compensates in full.
            self.due = self.last + 2 * rr
            return self.last + coupling * rr, "V", False
        if kind == "A":
            time = self.last + rr * float(self.rng.uniform(0.60, 0.76))
            # The sinus node is reset: the pause is a little more than an RR, not compensating.
            self.due = time + rr * float(self.rng.uniform(1.02, 1.12))
            return time, "A", True
        if kind == "F":
            return self.last + rr * float(self.rng.uniform(0.92, 0.98)), "F", True
        return max(self.last + rr, self.due), self.own, True

    def _ectopic(self) -> str:
        """Return what the next beat is, ``""`` for one of the rhythm itself."""
        every = {"bigeminy": 1, "trigeminy": 2}.get(self.episode.rhythm)
        if every is not None:
            return "V" if self.since >= every else ""
        if self.since < 2:
            return ""
        chance = self.rng.random()
        for kind, share in (
            ("V", self.episode.ventricular),
            ("A", self.episode.atrial),
            ("F", self.episode.fusion),
        ):
            if chance < share:
                return kind
            chance -= share
        return ""

    def _sinus_rr(self) -> float:
        depth = self.heart.variability
        self.phases += self.rng.normal(0, 0.06, 4)
        turn = 2 * np.pi * self.last
        wave = (
            np.sin(turn * self.heart.respiration + self.phases[0])
            + 0.75 * np.sin(turn * 0.1 + self.phases[1])
            + 0.6 * np.sin(turn * 0.021 + self.phases[2])
            + 0.4 * np.sin(turn * 0.008 + self.phases[3])
        )
        return float(self.rr * (1 + depth * wave + self.rng.normal(0, 0.15 * depth)))


def beats(heart: Heart, episodes: Sequence[Episode], rng: np.random.Generator) -> Beats:
    """Return the beats of those episodes, one after the other."""
    pacemaker = _Pacemaker(heart, rng)
    drawn: list[tuple[float, str, bool]] = []
    rhythms: list[tuple[float, str]] = []
    stop = 0.0
    for episode in episodes:
        rhythms.append((stop, episode.rhythm))
        stop += episode.seconds
        pacemaker.begin(episode)
        last = pacemaker.last
        while (beat := pacemaker.beat())[0] < stop:
            drawn.append(beat)
            last = beat[0]
        pacemaker.last = last  # the beat beyond the end is the next rhythm's to decide
    moments = np.array([time for time, _, _ in drawn])
    gaps = np.diff(moments, prepend=moments[:1] - 60 / heart.heart_rate)
    # The QT follows the rate over several beats, and a little the beat before.
    slow = np.convolve(np.pad(gaps, (4, 0), mode="edge"), np.full(5, 0.2), mode="valid")
    return Beats(
        times=moments,
        symbols=np.array([symbol for _, symbol, _ in drawn], dtype="<U1"),
        atrial=np.array([atrial for _, _, atrial in drawn], dtype=bool),
        lengths=np.clip(0.75 * slow + 0.25 * gaps, 0.33, 1.5),
        rhythms=tuple(rhythms),
    )
