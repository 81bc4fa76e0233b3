"""MIT-BIH Noise Stress Test: three records of noise, and two clean records of mitdb with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from einthoven.corpora._corpus import CORPORA, Facts
from einthoven.corpora._folder import WfdbFolder
from einthoven.corpora._miniature import digital, write_record
from einthoven.formats import open_source
from einthoven.record.errors import DataError
from einthoven.record.source import Source
from einthoven.signal.simulate import QUIET, Episode, Heart, Noise, simulate

# Baseline wander, electrode motion and muscle artifact of healthy volunteers, without any ECG.
NOISES = ("bw", "em", "ma")
# What stands behind 118e and 119e, and the signal-to-noise ratio in dB that it means.
RATIOS = {"24": 24, "18": 18, "12": 12, "06": 6, "00": 0, "_6": -6}
_KINDS = {"bw": "wander", "em": "electrode", "ma": "muscle"}


class Nstdb(WfdbFolder):
    """The corpus; `records` are the ECGs, and the noises of `NOISES` open by their name too."""

    besides, seconds = NOISES, 120.0
    published = tuple(f"{base}e{ratio}" for base in ("118", "119") for ratio in RATIOS)
    facts = Facts(
        name="nstdb",
        title="MIT-BIH Noise Stress Test Database",
        version="1.0.0",
        licence="ODC-By 1.0",
        citation=(
            "Moody GB, Muldrow WE, Mark RG. A noise stress test for arrhythmia detectors. "
            "Computers in Cardiology 1984; 11: 381-384. "
            "Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet. "
            "Circulation 2000; 101(23): e215-e220 (10.1161/01.CIR.101.23.e215)."
        ),
        doi="10.13026/C2HS3T",
        url="https://physionet.org/content/nstdb/1.0.0/",
        base_url="https://physionet.org/files/nstdb/1.0.0/",
        records=12,
        subjects=2,
        rate=360.0,
        leads="two: MLII and V1; the noises have no lead",
        hours=7.52,
        size=32_000_000,
    )

    def subject(self, record: str) -> str:
        """Return the person of mitdb to whose record the noise was added."""
        if record in NOISES:
            raise DataError(record, "is noise of unnamed volunteers", "Use it as noise only")
        return f"mitdb:{self._known(record)[:3]}"

    def open(self, record: str) -> Source:
        """Return an ECG with its reference annotations, or one of the three noises.

        The noises state no unit; as everywhere in WFDB, 200 units are then taken for 1 mV.
        """
        path = self.folder / f"{record}.hea"
        if record not in NOISES or not path.is_file():
            return self._opened(record, (*self.records, *NOISES))
        return open_source(path, leads=("noise1", "noise2"))

    def files(self) -> tuple[str, ...]:
        """Return the files of the ECGs and of the noises."""
        return (*super().files(), *(f"{n}.{end}" for n in NOISES for end in ("hea", "dat")))

    def _generate(self, target: Path, record: str, seed: int, seconds: float) -> Sequence[Path]:
        """Write noise, or an ECG with noise added in its last third.

        The ratios are nominal (power of the clean signal by power of the noise), not calibrated
        as the publisher's are.
        """
        if record in NOISES:
            drawn = simulate(
                rate=360.0, leads=("I", "II"), seed=seed + NOISES.index(record), disturbances=(
                    Noise(kind=_KINDS[record], mv=0.2),
                ), episodes=(Episode(rhythm="sinus", seconds=seconds),),
            )  # fmt: skip
            return write_record(
                target, record, digital(drawn.record.signal - drawn.clean, 0), 360.0,
                ("noise1", "noise2"), gain="0", resolution=12, zero=0, marks=None,
                comments=("simulated",),
            )  # fmt: skip
        base = int(record[:3])
        heart = Heart.drawn(base, conduction="rbbb" if base == 118 else "normal")
        episodes = (Episode(rhythm="sinus", seconds=seconds, atrial=0.05, ventricular=0.05),)
        clean = simulate(
            rate=360.0, leads=("MLII", "V1"), seed=seed + base, heart=heart, episodes=episodes,
            disturbances=(),
        )  # fmt: skip
        level = float(np.std(clean.clean)) * 10 ** (-RATIOS[record[4:]] / 20)
        noisy = simulate(
            rate=360.0, leads=("MLII", "V1"), seed=seed + base, heart=heart, episodes=episodes,
            disturbances=(*QUIET, Noise(kind="electrode", mv=level, start=seconds * 2 / 3)),
        ).record  # fmt: skip
        return write_record(
            target, record, digital(noisy.signal, 0), 360.0, ("MLII", "V1"), gain="200(0)",
            resolution=12, zero=0, marks=noisy.annotations, comments=("simulated",),
        )  # fmt: skip


CORPORA.add("nstdb", Nstdb)
