"""When the chambers of a composed electrocardiogram beat: rules and chances, no shapes.

Which rhythms there are follows Jimenez-Perez, Acosta, Alcaine, Camara 2024, "Generalizing
electrocardiogram delineation" (10.3389/fcvm.2024.1341786); atrioventricular block in its degrees,
flutter, paced and junctional rhythm, and all chances, are ours. The paper states ventricular
tachycardia, block, arrest and tachycardia, and atrial fibrillation, at 0.1 each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

LEAD_IN = 2.5  # seconds that are planned before the first sample and after the last
_NEAREST = 0.36  # seconds after which the ventricles can answer again


@dataclass(frozen=True)
class Beat:
    """A beat of the ventricles.

    Attributes
    ----------
    at : seconds, the QRS onset.
    kind : ``N`` (by the usual way), ``A`` (premature, of the atria), ``V`` (begins in the
        ventricles) or ``/`` (paced).
    pr : seconds from P onset to QRS onset; None where no P wave leads to the beat.
    """

    at: float
    kind: str = "N"
    pr: float | None = None


@dataclass
class Plan:
    """What happens, in time order.

    Attributes
    ----------
    beats : of the ventricles.
    lone : seconds, onsets of P waves that lead to no beat.
    atria : ``af``, ``flutter`` or empty.
    cycle : seconds of a turn of fluttering or fibrillating atria.
    """

    beats: list[Beat] = field(default_factory=list)
    lone: list[float] = field(default_factory=list)
    atria: str = ""
    cycle: float = 0.0


Rng = np.random.Generator


def _sinus_gaps(rng: Rng, rr: float, depth: float) -> Callable[[float], float]:
    """Return a function of time that gives the next RR, seconds: breath, slow waves, chance."""
    breath, slow = rng.uniform(0.15, 0.35), rng.uniform(0.05, 0.12)
    one, two = rng.uniform(0, 2 * np.pi, 2)

    def gap(now: float) -> float:
        wave = np.sin(2 * np.pi * breath * now + one) + 0.7 * np.sin(2 * np.pi * slow * now + two)
        return float(rr * max(0.6, 1 + depth * wave + rng.normal(0, 0.2 * depth)))

    return gap


def _depth(rng: Rng) -> float:
    return float(rng.choice([0.01, 0.03, 0.06, 0.12], p=[0.3, 0.4, 0.2, 0.1]))


def _ectopy(rng: Rng) -> tuple[float, float]:
    """Return the chances of an atrial and a ventricular premature beat after each beat."""
    if rng.random() < 0.5:
        return 0.0, 0.0
    return float(rng.uniform(0, 0.2)), float(rng.uniform(0, 0.2))


def _regular(
    rng: Rng, stop: float, rr: float, pr: float, depth: float,
    chances: tuple[float, float] = (0.0, 0.0), every: int = 0,
) -> Plan:  # fmt: skip
    """Return sinus rhythm with premature beats; a ventricular one after `every` beats if not 0."""
    plan, gap = Plan(), _sinus_gaps(rng, rr, depth)
    now, since = -LEAD_IN - float(rng.uniform(0, rr)), 0
    while now < stop:
        plan.beats.append(Beat(now, "N", max(0.08, pr + float(rng.normal(0, 0.004)))))
        since += 1
        step, draw = gap(now), rng.random()
        if (every and since >= every) or (not every and since > 1 and draw < chances[1]):
            early = now + max(_NEAREST, step * float(rng.uniform(0.5, 0.75)))
            plan.beats.append(Beat(early, "V"))
            # The sinus node is not disturbed: the pause compensates, seldom there is none.
            now, since = now + (2 * step if rng.random() < 0.85 else 1.25 * step), 0
            continue
        if since > 1 and draw > 1 - chances[0]:
            early = now + max(_NEAREST, step * float(rng.uniform(0.58, 0.8)))
            pr_early = pr * float(rng.uniform(0.85, 1.4))
            if rng.random() < 0.1:  # too early for the node: the P wave stands alone
                plan.lone.append(max(now + 0.25, early - pr_early))
            else:
                plan.beats.append(Beat(early, "A", pr_early))
            now, since = early + step * float(rng.uniform(1.0, 1.15)), 0
            continue
        now += step
    return plan


def _sinus(rng: Rng, stop: float) -> Plan:
    rr = 60 / float(rng.uniform(42, 108))
    every = int(rng.integers(1, 4)) if rng.random() < 0.08 else 0
    return _regular(rng, stop, rr, _pr(rng, rr), _depth(rng), _ectopy(rng), every)


def _pr(rng: Rng, rr: float) -> float:
    return float(np.clip(rng.normal(0.155, 0.022) * (0.75 + 0.25 * rr / 0.8), 0.1, 0.21))


def _tachycardia(rng: Rng, stop: float) -> Plan:
    """Return a fast regular rhythm: the P wave lies near or on the T wave before."""
    rr = 60 / float(rng.uniform(105, 190))
    if rr < 0.42 and rng.random() < 0.4:  # of the node: its P wave is hidden in the QRS
        return _without_p(rng, stop, rr, 0.01)
    return _regular(rng, stop, rr, float(rng.uniform(0.09, 0.16)), 0.01, (0.0, 0.03))


def _without_p(rng: Rng, stop: float, rr: float, depth: float, kind: str = "N") -> Plan:
    plan, gap, now = Plan(), _sinus_gaps(rng, rr, depth), -LEAD_IN
    while now < stop:
        plan.beats.append(Beat(now, kind))
        now += gap(now)
    return plan


def _junctional(rng: Rng, stop: float) -> Plan:
    return _without_p(rng, stop, 60 / float(rng.uniform(36, 75)), 0.02)


def _paced(rng: Rng, stop: float) -> Plan:
    """Return pulses in the ventricles, in half of the traces after each P wave."""
    rr = 60 / float(rng.uniform(50, 95))
    if rng.random() < 0.5:
        return _without_p(rng, stop, rr, 0.003, "/")
    plan = _regular(rng, stop, rr, float(rng.uniform(0.15, 0.2)), 0.02)
    plan.beats = [Beat(beat.at, "/", beat.pr) for beat in plan.beats]
    return plan


def _fibrillation(rng: Rng, stop: float) -> Plan:
    """Return irregular beats without order over trembling atria; no P wave."""
    plan = Plan(atria="af", cycle=1 / float(rng.uniform(4.5, 9)))
    mean, chance = 60 / float(rng.uniform(50, 150)), float(rng.choice([0.0, 0.1]))
    least = max(0.3, 0.55 * mean)
    now, last = -LEAD_IN, "N"
    while now < stop:
        plan.beats.append(Beat(now, last))
        gap = max(least, mean * float(rng.gamma(14.0, 1 / 14.0)))
        early = last == "N" and rng.random() < chance
        last, now = ("V", now + max(0.42, 0.65 * mean)) if early else ("N", now + gap)
    return plan


def _flutter(rng: Rng, stop: float) -> Plan:
    """Return beats at whole numbers of turns of a circling wave; no P wave."""
    plan = Plan(atria="flutter", cycle=1 / float(rng.uniform(3.7, 5.6)))
    usual = int(rng.choice([2, 3, 4], p=[0.4, 0.2, 0.4]))
    fickle, now = rng.random() < 0.4, -LEAD_IN
    while now < stop:
        plan.beats.append(Beat(now + float(rng.normal(0, 0.004))))
        now += plan.cycle * (int(rng.integers(2, 6)) if fickle else usual)
    return plan


def _ventricular(rng: Rng, stop: float) -> Plan:
    """Return ventricular tachycardia, in half of the traces as a run within sinus rhythm."""
    rr = 60 / float(rng.uniform(110, 220))
    if rng.random() < 0.5:
        return _without_p(rng, stop, rr, 0.01, "V")
    plan = _sinus(rng, stop)
    start = float(rng.uniform(0, max(stop - LEAD_IN - 2, 0.5)))
    end = start + rr * int(rng.integers(3, 12))
    plan.lone = [at for at in plan.lone if not start - 0.3 < at < end + 0.6]
    calm = [b for b in plan.beats if b.at < start - 0.35 or b.at > end + 0.7]
    run = [Beat(at, "V") for at in np.arange(start, end - 0.01, rr).tolist()]
    plan.beats = sorted(calm + run, key=lambda beat: beat.at)
    return plan


def _first_degree(rng: Rng, stop: float) -> Plan:
    rr = 60 / float(rng.uniform(42, 95))
    pr = min(float(rng.uniform(0.21, 0.42)), 0.6 * rr)
    return _regular(rng, stop, rr, pr, _depth(rng), _ectopy(rng))


def _second_degree(rng: Rng, stop: float) -> Plan:
    """Return every second or third P wave, or ever later ones (Wenckebach), or a pause of them."""
    rr, pr = 60 / float(rng.uniform(60, 110)), float(rng.uniform(0.14, 0.26))
    gap = _sinus_gaps(rng, rr, 0.015)
    kind = str(rng.choice(["fixed", "wenckebach", "pause"], p=[0.5, 0.35, 0.15]))
    ratio = int(rng.choice([2, 3], p=[0.8, 0.2])) if kind == "fixed" else int(rng.integers(3, 6))
    silent = float(rng.uniform(0, max(stop - LEAD_IN - 2, 0.5)))
    until = silent + float(rng.uniform(1.5, 4))
    plan, count = Plan(), 0
    now = -LEAD_IN - float(rng.uniform(0, ratio * rr))
    while now < stop:
        place = count % ratio
        if kind == "pause":
            conducted, delay = not silent < now < until, pr
        elif kind == "fixed":
            conducted, delay = place == 0, pr
        else:
            conducted = place < ratio - 1
            delay = pr + 0.12 * (1 - 0.5**place)  # each step is smaller than the last
        if conducted:
            plan.beats.append(Beat(now + delay, "N", delay))
        else:
            plan.lone.append(now)
        now, count = now + gap(now), count + 1
    return plan


def _third_degree(rng: Rng, stop: float) -> Plan:
    """Return P waves that march through a slow rhythm of the ventricles' own."""
    kind = "V" if rng.random() < 0.4 else "N"
    plan = _without_p(rng, stop, 60 / float(rng.uniform(26, 52)), 0.01, kind)
    gap = _sinus_gaps(rng, 60 / float(rng.uniform(58, 115)), 0.02)
    now = -LEAD_IN - float(rng.uniform(0, 1))
    while now < stop:
        plan.lone.append(now)
        now += gap(now)
    return plan


def _arrest(rng: Rng, stop: float) -> Plan:
    """Return sinus rhythm with pauses, which end in an escape beat half of the times."""
    rr = 60 / float(rng.uniform(48, 100))
    plan = _regular(rng, stop, rr, _pr(rng, rr), _depth(rng))
    begin = float(rng.uniform(-1, max(stop - LEAD_IN - 3, 0)))
    end = begin + float(rng.uniform(1.8, 4.5))
    before = [b for b in plan.beats if b.at < begin]
    shift = end - min((b.at for b in plan.beats if b.at > begin), default=end)
    after = [Beat(b.at + shift, b.kind, b.pr) for b in plan.beats if b.at >= begin]
    if rng.random() < 0.5 and after:
        after[0] = Beat(after[0].at, "V" if rng.random() < 0.4 else "N")
    plan.beats = before + after
    return plan


def _silence(_rng: Rng, _stop: float) -> Plan:
    """Return nothing: an electrode that hangs in the air has no waves."""
    return Plan()


RHYTHMS: Mapping[str, tuple[float, Callable[[Rng, float], Plan]]] = MappingProxyType(
    {
        "sinus": (0.30, _sinus),
        "af": (0.10, _fibrillation),
        "flutter": (0.04, _flutter),
        "vt": (0.08, _ventricular),
        "av-block-1": (0.06, _first_degree),
        "av-block-2": (0.06, _second_degree),
        "av-block-3": (0.06, _third_degree),
        "arrest": (0.08, _arrest),
        "tachycardia": (0.13, _tachycardia),
        "junctional": (0.03, _junctional),
        "paced": (0.04, _paced),
        "silence": (0.02, _silence),
    }
)


def plan(rng: Rng, seconds: float, rhythm: str) -> Plan:
    """Return what happens from `LEAD_IN` seconds before the trace until as long after it."""
    made = RHYTHMS[rhythm][1](rng, seconds + LEAD_IN)
    made.lone.sort()
    return made
