"""The built-in record: five minutes of a simulated heart in which much happens.

It is simulated (`signal.simulate`), so it can be shipped, and everything in it is known; it is no
recording of a person, and how well it is analysed says nothing about recordings of people.
"""

from __future__ import annotations

from einthoven.record import Record
from einthoven.signal.simulate import QUIET, Episode, Heart, Noise, Simulation, simulate

NAME = "demo (simulated)"

# Five minutes in all: what a reader of a Holter report expects to meet.
EPISODES = (
    Episode(rhythm="sinus", seconds=70, atrial=0.06, ventricular=0.05),
    Episode(rhythm="bigeminy", seconds=30),
    Episode(rhythm="sinus", seconds=40),
    Episode(rhythm="afib", seconds=80, heart_rate=102),
    Episode(rhythm="sinus", seconds=80, atrial=0.06, ventricular=0.04),
)
# A loose electrode for half a minute, long enough to be marked as too noisy to judge.
NOISE_SECONDS = (246.0, 272.0)
_DISTURBANCES = (
    *QUIET,
    Noise(kind="wander", mv=0.05),
    Noise(kind="muscle", mv=0.008),
    Noise(kind="electrode", mv=0.9, start=NOISE_SECONDS[0], stop=NOISE_SECONDS[1]),
    Noise(kind="muscle", mv=0.3, start=NOISE_SECONDS[0], stop=NOISE_SECONDS[1]),
)


def demo() -> Simulation:
    """Return the built-in record with its clean signal and its waves."""
    return simulate(
        rate=360.0, leads=("II", "V5"), episodes=EPISODES, seed=20, name=NAME,
        heart=Heart(heart_rate=72, ventricular=(0.5, 1.3, 0.4)), disturbances=_DISTURBANCES,
    )  # fmt: skip


def demo_record() -> Record:
    """Return the built-in record: simulated, leads II and V5, 5 minutes, 360 Hz.

    Its annotations hold the beats, the rhythms and the noise that were put in.
    """
    return demo().record
