"""Generated people with something to say of their records: what miniatures are filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from einthoven.record.leads import STANDARD
from einthoven.signal.simulate import Episode, Heart, simulate

# What shows in the signal; the names are ours, each corpus says them in its own codes.
KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "normal": {},
        "lbbb": {"conduction": "lbbb"},
        "rbbb": {"conduction": "rbbb"},
        "long-pr": {"pr_interval": 0.28},
        "fibrillation": {"heart_rate": 80.0},
        "tachycardia": {"heart_rate": 118.0},
        "bradycardia": {"heart_rate": 48.0},
        "ventricular": {},
        "high-voltage": {"qrs_size": 2.2},
        "left-axis": {"axis": -85.0},
        "flat-t": {"t_size": 0.15},
    }
)


def people(records: int, seed: int) -> tuple[int, ...]:
    """Return the number of the person of each record: every fifth person has two."""
    rng = np.random.default_rng([seed, 41])
    found: list[int] = []
    person = 0
    while len(found) < records:
        person += 1
        found += [person] * (2 if rng.random() < 0.2 else 1)
    return tuple(found[:records])


def recording(
    kind: str, person: int, *, rate: float, seconds: float, seed: int,
    leads: Sequence[str] = STANDARD,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Return (lead, time) mV of that person, who has that `kind`.

    Parameters
    ----------
    seed : of the recording; the person stays the same.
    """
    heart = replace(Heart.drawn(person), **dict(KINDS[kind]))
    if "heart_rate" not in KINDS[kind]:
        heart = replace(heart, heart_rate=float(np.clip(heart.heart_rate, 62, 95)))
    rhythm = "afib" if kind == "fibrillation" else "sinus"
    chance = 0.35 if kind == "ventricular" else 0.0
    made = simulate(
        rate=rate, leads=leads, seed=seed, heart=heart,
        episodes=(Episode(rhythm=rhythm, seconds=seconds, ventricular=chance),),
    )  # fmt: skip
    return made.record.signal
