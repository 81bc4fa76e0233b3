"""People who do not exist, of whom everything is known: for demos, lessons and tests.

Each has an own heart (shape of the waves, rate, where premature beats come from), drawn from the
seed. Most conduct normally, one in six has a left and one in six a right bundle branch block; all
have atrial and ventricular premature beats, and some a stretch of atrial fibrillation. A score on
these says that the machinery works, and nothing about people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from einthoven.corpora._corpus import CORPORA, Corpus, Facts
from einthoven.corpora._miniature import GAIN, ZERO, digital, write_listing, write_record
from einthoven.record import Source
from einthoven.record.source import RecordSource
from einthoven.signal.simulate import QUIET, Episode, Heart, Noise, Simulation, simulate

LEADS = ("MLII", "V1")
RATE = 360.0
SUBJECTS, SECONDS = 36, 180.0
_CONDUCTION = ("normal", "lbbb", "normal", "rbbb", "normal", "normal")


def names(subjects: int = SUBJECTS) -> tuple[str, ...]:
    """Return the record names of that many people."""
    return tuple(f"s{number:03d}" for number in range(subjects))


# A division between people in which each side has every kind of conduction.
TRAIN, TEST = names()[:24], names()[24:]
VALIDATION = TRAIN[18:]


class Simulated(Corpus):
    """The corpus.

    Parameters
    ----------
    root : the data root; nothing is read from there.
    subjects, seconds, seed : how many people, how long each record, and which people.
    """

    facts = Facts(
        name="simulated",
        title="Simulated electrocardiograms",
        version="1",
        licence="Apache-2.0",
        citation=(
            "After McSharry PE, Clifford GD, Tarassenko L, Smith LA. A dynamical model for "
            "generating synthetic electrocardiogram signals. IEEE Trans Biomed Eng 2003; 50(3): "
            "289-294 (10.1109/TBME.2003.808805)."
        ),
        doi="",
        url="",
        base_url="",
        records=SUBJECTS,
        subjects=SUBJECTS,
        rate=RATE,
        leads="two: MLII and V1",
        hours=SUBJECTS * SECONDS / 3600,
        size=0,
    )

    def __init__(
        self, root: Path, *, subjects: int = SUBJECTS, seconds: float = SECONDS, seed: int = 0
    ) -> None:
        super().__init__(root)
        self.seconds, self.seed = seconds, seed
        self._names = names(subjects)

    @property
    def records(self) -> tuple[str, ...]:
        """A record for each person."""
        return self._names

    def subject(self, record: str) -> str:
        """Return ``"simulated:<record>"``."""
        return f"{self.name}:{self._known(record)}"

    def simulation(self, record: str) -> Simulation:
        """Return the record with its waves and its clean signal."""
        number = self._names.index(self._known(record))
        seed = 1000 * self.seed + number
        heart = Heart.drawn(seed, _CONDUCTION[number % len(_CONDUCTION)])
        rng = np.random.default_rng([seed, 29])
        kinds = ("atrial", "ventricular", "fusion")
        chances = rng.uniform((0.04, 0.04, 0.0), (0.2, 0.2, 0.05)).tolist()
        mixture = dict(zip(kinds, chances, strict=True))
        episodes = [Episode(rhythm="sinus", seconds=self.seconds, **mixture)]
        if number % 4 == 2:
            third = self.seconds / 3
            episodes = [
                Episode(rhythm="sinus", seconds=third, **mixture),
                Episode(rhythm="afib", seconds=third, ventricular=mixture["ventricular"]),
                Episode(rhythm="sinus", seconds=self.seconds - 2 * third, **mixture),
            ]
        noise = (
            *QUIET,
            Noise(kind="wander", mv=float(rng.uniform(0.0, 0.12))),
            Noise(kind="muscle", mv=float(rng.uniform(0.0, 0.03))),
        )
        return simulate(
            rate=RATE, leads=LEADS, episodes=episodes, seed=seed, heart=heart,
            disturbances=noise, name=record,
        )  # fmt: skip

    def open(self, record: str) -> Source:
        """Return the record; its annotations are what was put in."""
        return RecordSource(self.simulation(record).record)

    def miniature(self, folder: Path, seed: int) -> Path:
        """Write its records as WFDB files, for whoever wants them on disk."""
        target = folder / self.name
        target.mkdir(parents=True, exist_ok=True)
        files = []
        small = Simulated(folder, subjects=3, seconds=30.0, seed=seed)
        for name in small.records:
            record = small.simulation(name).record
            files += write_record(
                target, name, digital(record.signal, ZERO), RATE, LEADS, gain=str(GAIN),
                resolution=11, zero=ZERO, marks=record.annotations, comments=("simulated",),
            )  # fmt: skip
        write_listing(target, small.records, files)
        return folder


CORPORA.add("simulated", Simulated)
